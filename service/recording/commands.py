"""What a request asks to be recorded, and what became of it."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.domain.events import Position, RecordedEvent, id_of, named_in
from service.domain.findings import Finding
from service.domain.identity import PersonFacts
from service.domain.labs import LabFacts, Labs
from service.domain.refusals import Fault
from service.domain.submissions import Submission
from service.read_models.beliefs import Belief, Beliefs, lab_of, person_of

Facts = TypeVar("Facts", PersonFacts, LabFacts)


class Command(Struct, frozen=True, kw_only=True):
    """The events of one request: recorded together or not at all, unless it is partial."""

    submissions: Sequence[Submission]
    recorded_by: str
    """Name of the key, which events bear."""
    request_id: str
    receipts_of: str = ""
    """Whose idempotency keys these are, where that is not `recorded_by`."""
    idempotency_key: str | None = None
    request_digest: bytes = b""
    """Of method, path and body as sent; a repeat of the key must bring the same."""

    expected_position: Position | None = None
    """At which the histories concerned were read; the command holds only if they stand still."""
    is_partial: bool = False
    """Whether submissions with faults are left out, and the others recorded all the same."""

    @property
    def receipt_key(self) -> tuple[str, str] | None:
        """By what a repeat is found; None where it brings no idempotency key."""
        if self.idempotency_key is None:
            return None
        return (self.receipts_of or self.recorded_by, self.idempotency_key)


def with_event_ids(command: Command, new_id: Callable[[], UUID]) -> Command:
    """*command* with an id for every event, so that to carry it out twice records it once."""
    if all(submission.event_id is not None for submission in command.submissions):
        return command
    return replace(
        command,
        submissions=[
            submission
            if submission.event_id is not None
            else replace(submission, event_id=new_id())
            for submission in command.submissions
        ],
    )


class Outcome(Struct, frozen=True):
    """One event as the log has it, with the findings that it raised."""

    event: RecordedEvent
    findings: Sequence[Finding]


class Acquaintance:
    """
    What is known of people and labs at the positions of one group.

    Made of what the writer read and wrote anyway, and only when somebody asks for it.
    """

    def __init__(self, units: Sequence[Beliefs], labs: Labs) -> None:
        self._units = units
        self._labs = labs
        """As they were before the group, and are still if no unit is about them."""
        self._people: dict[str, list[tuple[PersonFacts, Belief]]] | None = None
        self._changed: dict[str, list[tuple[LabFacts, Belief]]] = {}

    def people(self, ids: Iterable[str], position: int) -> dict[str, PersonFacts] | None:
        """These people and those for whom they stand at a position; None unless all are known."""
        return self._with_canonical(ids, lambda one: self._person(one, position))

    def labs(self, ids: Iterable[str], position: int) -> Labs | None:
        """These labs and those for which they stand at a position; None unless all are known."""
        found = self._with_canonical(ids, lambda one: self._lab(one, position))
        return None if found is None else Labs(found)

    def _with_canonical(
        self, ids: Iterable[str], find: Callable[[str], Facts | None]
    ) -> dict[str, Facts] | None:
        found: dict[str, Facts] = {}
        wanted = list(ids)
        for one in wanted:
            if one not in found:
                facts = find(one)
                if facts is None:
                    return None
                found[one] = facts
                if facts.canonical_id != one:
                    wanted.append(facts.canonical_id)
        return found

    def _person(self, one: str, position: int) -> PersonFacts | None:
        if self._people is None:
            self._read_units()
        return _at((self._people or {}).get(one, ()), position)

    def _lab(self, one: str, position: int) -> LabFacts | None:
        if self._people is None:
            self._read_units()
        if one in self._changed:
            return _at(self._changed[one], position)
        return self._labs.get(one)

    def _read_units(self) -> None:
        self._people = {}
        for unit in self._units:
            for row, belief in (*unit.ended, *unit.believed.items()):
                if row.model == "people":
                    person = person_of(row)
                    self._people.setdefault(person.id, []).append((person, belief))
                elif row.model == "labs":
                    lab = lab_of(row)
                    self._changed.setdefault(lab.id, []).append((lab, belief))


class Introduced(Struct, frozen=True):
    """Of an `Acquaintance` what it knows of some people and labs at one position."""

    known_people: dict[str, PersonFacts]
    known_labs: Labs

    def people(self, ids: Iterable[str], position: int) -> dict[str, PersonFacts] | None:
        """As `Acquaintance` tells them at this position."""
        return self.known_people if self.known_people.keys() >= set(ids) else None

    def labs(self, ids: Iterable[str], position: int) -> Labs | None:
        """As `Acquaintance` tells them at this position."""
        return self.known_labs if self.known_labs.keys() >= set(ids) else None


class Recorded(Struct, frozen=True):
    """The answer to a command."""

    outcomes: Sequence[Outcome]
    """In the order of the submissions."""
    is_replayed: bool
    """Whether all of it was recorded before."""
    before: Position = Position(0)
    """The head before it: events beyond are new."""
    refused: Sequence[Fault] = ()
    """Of a partial command, what is wrong with the submissions that were left out."""
    acquaintance: Acquaintance | Introduced | None = None
    """What the writer knows of whom the events name; None where they were recorded before."""

    def to_hand_on(self) -> "Recorded":
        """The same for another process, without all that the writer knows of the whole group."""
        if self.acquaintance is None:
            return self
        payloads = [outcome.event.payload for outcome in self.outcomes]
        findings = [finding for outcome in self.outcomes for finding in outcome.findings]
        position = max(outcome.event.position for outcome in self.outcomes)
        people = self.acquaintance.people(
            {id_of(ref) for payload in payloads for ref in named_in(payload, "person")}
            | {finding.person for finding in findings if finding.person is not None},
            position,
        )
        labs = self.acquaintance.labs(
            {id_of(ref) for payload in payloads for ref in named_in(payload, "lab")}
            | {lab for finding in findings for lab in finding.labs},
            position,
        )
        known = None if people is None or labs is None else Introduced(people, labs)
        return replace(self, acquaintance=known)


def _at(known: Iterable[tuple[Facts, Belief]], position: int) -> Facts | None:
    return next((f for f, b in known if b.known_from <= position < b.known_to), None)
