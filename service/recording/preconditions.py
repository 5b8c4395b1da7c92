"""
Whether what a client read still holds: pure, on what a scope has read (RFC 9110, If-Match).

A write on condition names a position. It holds as long as nothing was recorded after it about
those whom the write is about: the person, under any id that a same_as ever joined with theirs;
of an event without a person its labs; of a correction or retraction the event that it targets.
"""

from collections.abc import Mapping, Sequence

from service.domain.events import (
    Correction,
    Fact,
    Position,
    RecordedEvent,
    Reference,
    Retraction,
    fact_of,
    id_of,
    references,
)
from service.domain.refusals import BeyondHead, HistoryMoved, Refusal, Since
from service.domain.subjects import Subject
from service.log.append import LogEntry
from service.log.since import Reading


def judged_by(fact: Fact) -> list[Reference]:
    """Those whose history must not have moved: the people it is about, else its labs."""
    found = [r for r in references(fact) if not r.free_text]
    is_personal = any(r.pointer == "/person" for r in found)
    return [r for r in found if r.kind == ("person" if is_personal else "lab")]


class Precondition:
    """The condition of one command, as of the head before it."""

    def __init__(
        self,
        expected: Position,
        head: Position,
        *,
        entries: Sequence[LogEntry],
        since: Mapping[Reading, Sequence[Since]],
        joined: Mapping[Subject, frozenset[Subject]],
    ) -> None:
        self._expected = expected
        self._head = head
        self._since = since
        self._joined = joined
        self._meanwhile: dict[Subject, list[Since]] = {}
        # Commands that are committed together come one after the other all the same.
        for entry in entries:
            for concern in entry.concerns:
                self._meanwhile.setdefault(concern.subject, []).append(since_of(entry.event))

    def refusal_of(self, event: RecordedEvent, chain: Sequence[RecordedEvent]) -> Refusal | None:
        """
        Why *event*, admitted otherwise, is not to be recorded; None if the condition holds.

        Shapes: *chain* is the event that a correction or retraction is about, and all that
        was said about it.
        """
        if self._expected > self._head:
            return BeyondHead(self._expected, self._head)
        if isinstance(event.payload, Correction | Retraction):
            later = [since_of(e) for e in chain if self._expected < e.position <= self._head]
            whose = f"event '{event.payload.target}'"
            return HistoryMoved(whose, self._expected, later) if later else None
        fact = fact_of(event.payload)
        for reference in judged_by(fact) if fact is not None else ():
            subject = Subject(reference.kind, id_of(reference.ref))
            if since := self._since_of(subject):
                whose = f"{subject.kind} '{subject.id}'"
                return HistoryMoved(whose, self._expected, since)
        return None

    def _since_of(self, subject: Subject) -> list[Since]:
        found = {s.position: s for s in self._since.get(Reading(subject, self._expected), ())}
        for one in self._joined.get(subject, {subject}):
            found |= {s.position: s for s in self._meanwhile.get(one, ())}
        return [found[position] for position in sorted(found)]


def since_of(event: RecordedEvent) -> Since:
    """*event* as one that was recorded since."""
    assert event.recorded_at is not None, "what is in the log says when it was recorded"
    return Since(event.event_id, event.position, event.type, event.recorded_at, event.recorded_by)
