"""
What is not recorded or not answered, and why (SEMANTICS 6): one class a reason.

Each has a `code`, its data as attributes and one message that names the value, the reason
and the way out. `Invalid` gathers the faults of a whole body; the others stand alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec

SINCE_EVENTS_MAX = 20
"""So many events are told of those that moved a history on."""


class Candidate(msgspec.Struct, frozen=True):
    """Someone or something that a name may mean."""

    id: str
    name: str


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a body, and where it stands."""

    pointer: str
    """JSON pointer (RFC 6901) into the body as sent."""
    message: str
    code: str = "invalid"
    suggestions: tuple[Candidate, ...] = ()
    """Near names, where a name is known to nobody."""
    candidates: tuple[Candidate, ...] = ()
    """Everyone whom an ambiguous name fits."""
    unknown: tuple[Literal["person", "lab"], str] | None = None
    """The name that is not known, for which near ones can be looked up."""


class Since(msgspec.Struct, frozen=True):
    """An event that was recorded after a client had read."""

    event_id: UUID
    position: int
    type: str
    recorded_at: datetime
    recorded_by: str


class Refusal(Exception):
    """Base of all refusals; never raised itself."""

    code: ClassVar[str]
    message: str

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def at(self, pointer: str) -> Fault:
        """This refusal as one fault of a body."""
        return Fault(pointer, self.message, self.code)

    def extras(self) -> dict[str, Any]:
        """What the problem document says beside the message."""
        return {}


class BadDate(Refusal):
    code = "bad_date"

    def __init__(self, text: str, reason: str, *, example: str = "") -> None:
        way_out = (
            f"write a day such as '{example}'"
            if example
            else "write '2024-06-01', '2024-06', '2024', '2017~', '2024?' or '[2024-03..2024-05]'"
        )
        super().__init__(f"{shown(text)} is no date: {reason}; {way_out}.")
        self.text = text
        self.reason = reason


class Malformed(Refusal):
    """The body cannot be decoded at all."""

    code = "malformed"


class UnsupportedContent(Refusal):
    code = "unsupported_content"


class TooLarge(Refusal):
    code = "too_large"


class Invalid(Refusal):
    """A body with faults, all of them named; nothing was recorded."""

    code = "invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        one = f"{self.faults[0].message} Nothing was recorded."
        many = (
            f"{count} faults, the first at '{self.faults[0].pointer}': {self.faults[0].message}"
            " Nothing was recorded."
        )
        super().__init__(one if count == 1 else many)

    def extras(self) -> dict[str, Any]:
        return {"errors": self.faults}


class LineFault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong with a line of a stream."""

    line: int
    """From 1, blank lines counted."""
    pointer: str
    """JSON pointer into the event on that line."""
    message: str
    code: str
    suggestions: tuple[Candidate, ...] = ()
    candidates: tuple[Candidate, ...] = ()


class NothingRecorded(Refusal):
    """A stream of events of which none could be recorded."""

    code = "nothing_recorded"

    def __init__(
        self, refused: int, faults: Sequence[LineFault], reasons: Mapping[str, int]
    ) -> None:
        self.refused = refused
        self.reasons = reasons
        self.faults = tuple(faults)
        super().__init__(
            "Nothing was recorded: the stream holds no event; send one a line."
            if not faults
            else f"Nothing was recorded: each of the {refused} lines has faults, the first on "
            f"line {faults[0].line}: {faults[0].message}"
        )

    def extras(self) -> dict[str, Any]:
        return {"refused": self.refused, "reasons": self.reasons, "faults": self.faults}


class StreamBroken(Refusal):
    """A stream that ended before its end, after some of it was recorded."""

    code = "stream_broken"

    def __init__(self, reason: str, recorded: int, replayed: int, refused: int) -> None:
        super().__init__(
            f"{reason} By then {recorded} events were recorded, {replayed} were recorded before "
            f"and {refused} lines refused; with event ids or an Idempotency-Key the whole stream "
            "can be sent again, and nothing is recorded twice."
        )


class BadParameter(Refusal):
    """A query parameter that is unknown or has no usable value."""

    code = "bad_parameter"

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name

    def extras(self) -> dict[str, Any]:
        return {"parameter": self.name}


class UnknownName(Refusal):
    """A name or id that nobody and nothing has, with near names."""

    code = "unknown_name"

    def __init__(
        self, kind: Literal["person", "lab"], text: str, near: Sequence[Candidate] = ()
    ) -> None:
        self.kind = kind
        self.text = text
        self.suggestions = tuple(near)
        offered = ", ".join(f"'{c.name}' ({c.id})" for c in self.suggestions)
        self.way_out = (
            f"near names: {offered}"
            if offered
            else f"to add {'someone' if kind == 'person' else 'a lab'} new, "
            'send an object such as {"name": "…"}'
        )
        self.subject = f"{'Nobody' if kind == 'person' else 'No lab'} is called {shown(text)}"
        super().__init__(f"{self.subject}; {self.way_out}.")

    def at(self, pointer: str) -> Fault:
        return Fault(
            pointer,
            self.message,
            self.code,
            suggestions=self.suggestions,
            unknown=None if self.suggestions else (self.kind, self.text),
        )

    def extras(self) -> dict[str, Any]:
        return {"suggestions": self.suggestions}


class AmbiguousName(Refusal):
    """A name that fits several, who are told apart by id."""

    code = "ambiguous_name"

    def __init__(self, kind: str, text: str, candidates: Sequence[Candidate]) -> None:
        self.kind = kind
        self.text = text
        self.candidates = tuple(candidates)
        listed = ", ".join(f"'{c.name}' ({c.id})" for c in self.candidates)
        super().__init__(
            f"{shown(text)} fits several {'people' if kind == 'person' else 'labs'}: {listed}; "
            "say which by id."
        )

    def at(self, pointer: str) -> Fault:
        return Fault(pointer, self.message, self.code, candidates=self.candidates)

    def extras(self) -> dict[str, Any]:
        return {"candidates": self.candidates}


class NotUnderstood(Refusal):
    """Words that are no question that is understood, and no name."""

    code = "not_understood"

    def __init__(
        self, reason: str, examples: Sequence[str], near: Sequence[Candidate] = ()
    ) -> None:
        self.examples = tuple(examples)
        self.suggestions = tuple(near)
        super().__init__(f"{reason} Ask such as {', '.join(map(repr, self.examples))}.")

    def extras(self) -> dict[str, Any]:
        return {"parameter": "q", "examples": self.examples, "suggestions": self.suggestions}


class UnknownEvent(Refusal):
    code = "unknown_event"

    def __init__(self, event_id: object) -> None:
        super().__init__(
            f"No event has the id {shown(str(event_id))}; look it up with GET /v1/events."
        )


class NotCorrectable(Refusal):
    """A correction or retraction of a log event."""

    code = "not_correctable"

    def __init__(self, event_id: object, type_: str, target: object = None) -> None:
        way_out = (
            f"name its target '{target}' instead"
            if target is not None
            else "what it did is not taken back"
        )
        article = "an" if type_[0] in "aeiou" else "a"
        super().__init__(
            f"Event '{event_id}' is {article} {type_}; only original events are corrected or "
            f"retracted: {way_out}."
        )


class AlreadyErased(Refusal):
    """A write that would say more of what was erased, or say it again under the same id."""

    code = "erased"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} was erased: it is neither amended nor recorded again. Record what is to be "
            "said as a new event, with an event id and an Idempotency-Key of its own."
        )


class ClosesCycle(Refusal):
    """A same_as or a merger after which something would follow itself."""

    code = "closes_cycle"

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(
            f"This would close a cycle: {' → '.join(shown(i) for i in ids)}; retract or correct "
            "the event that points the other way first."
        )


class SelfMerger(Refusal):
    code = "self_merger"

    def __init__(self, lab: str) -> None:
        super().__init__(
            f"Lab {shown(lab)} cannot be merged into itself; name another lab as 'lab' or take "
            "it out of 'absorbed'."
        )


class SelfDifference(Refusal):
    """A different_from of someone and the same one."""

    code = "self_difference"

    def __init__(self, one: str) -> None:
        super().__init__(
            f"{shown(one)} cannot be another than itself; name as 'other' the one with whom it "
            "is confused."
        )


class EventIdTaken(Refusal):
    code = "event_id_taken"

    def __init__(self, event_id: object, position: int) -> None:
        super().__init__(
            f"Event '{event_id}' was recorded at position {position} with another body; send "
            "a new event_id, or the first body to get the first answer again."
        )


class IdempotencyKeyTaken(Refusal):
    code = "idempotency_key_taken"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Idempotency-Key {shown(key)} was used before with another request; use a new key "
            "for a new request."
        )


class HistoryMoved(Refusal):
    """What `If-Match` made a condition no longer holds."""

    code = "history_moved"

    def __init__(self, whose: str, expected: int, since: Sequence[Since]) -> None:
        count = len(since)
        told = (
            f"more than {SINCE_EVENTS_MAX} events"
            if count > SINCE_EVENTS_MAX
            else ("one event" if count == 1 else f"{count} events")
        )
        self.since = tuple(since[:SINCE_EVENTS_MAX])
        super().__init__(
            f"The history of {whose} has moved past position {expected}: {told} since, the "
            f"first at position {self.since[0].position}, a {self.since[0].type} by "
            f"{shown(self.since[0].recorded_by)}; read it again and send the write with what "
            "it says now."
        )

    def extras(self) -> dict[str, Any]:
        return {"since": self.since}


class BeyondHead(Refusal):
    """`If-Match` with a position that this log has not come to."""

    code = "beyond_head"

    def __init__(self, expected: int, head: int) -> None:
        super().__init__(
            f"If-Match names position {expected}, and the log's head is at {head}: it was read "
            "elsewhere or before a restore; read it again here."
        )


class QueueFull(Refusal):
    """More writes wait than the writer takes on."""

    code = "queue_full"

    def __init__(self, waiting: int, retry_after_seconds: int) -> None:
        super().__init__(
            f"{waiting} writes are waiting already; try again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class TooManySubscribers(Refusal):
    """More clients follow the log than a process has places for."""

    code = "too_many_subscribers"
    retry_after_seconds = 10

    def __init__(self, number: int) -> None:
        super().__init__(
            f"{number} clients follow the log already; try again in {self.retry_after_seconds} s, "
            "or read on with GET /v1/events?after=."
        )


class Unauthenticated(Refusal):
    code = "unauthenticated"


class Forbidden(Refusal):
    code = "forbidden"


class ForeignForm(Refusal):
    """The form of a page was not sent from a page of this service to whom it was shown."""

    code = "foreign_form"


class UnknownHost(Refusal):
    """The request was sent to a name that is none of the service's."""

    code = "unknown_host"

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The service is not called {shown(host)}; ask it by a name that its setting "
            "TIMELINE_HOSTS has."
        )


class TooManyRequests(Refusal):
    """A client asks more often than the service is set to answer."""

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "More requests came than the service is set to answer; try again in "
            f"{retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class TooManyAttempts(Refusal):
    """Too many keys that are not known came from one address."""

    code = "too_many_attempts"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many keys that are not known came from this address, so that this one is not "
            f"looked up; try again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class NotFound(Refusal):
    """A path names something that is not there."""

    code = "not_found"


class NotReady(Refusal):
    """The service cannot answer just now."""

    code = "not_ready"

    def __init__(
        self, message: str, retry_after_seconds: int = 1, replay: object | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.replay = replay

    def extras(self) -> dict[str, Any]:
        return {} if self.replay is None else {"replay": self.replay}


def shown(text: str) -> str:
    """*text* in quotes, shortened, with nothing in it that could act on a terminal."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return f"'{printable}'" if len(printable) <= 80 else f"'{printable[:77]}…'"
