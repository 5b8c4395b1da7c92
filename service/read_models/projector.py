"""
From new events to the beliefs that they change: the projection.

Pure. The writer projects the few events of a group onto the rows that are believed; a replay
projects a whole log onto none. Both step through the positions in order and refold those
whom the event at each concerns, so that both come to the same rows.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from service.domain.events import (
    Kind,
    Position,
    RecordedEvent,
    Retraction,
)
from service.domain.findings import Duplicates, Finding
from service.domain.fold import fold_stays, fold_told
from service.domain.identity import fold_people
from service.domain.labs import LabFacts, Labs, fold_labs
from service.domain.subjects import Subject, concerns_of
from service.read_models.beliefs import (
    Beliefs,
    Columns,
    Row,
    finding_rows,
    lab_rows,
    person_rows,
    stint_rows,
)


class LabChange(Struct, frozen=True):
    """The facts of a family of labs from a position on."""

    position: Position
    labs: Labs
    moves_people: bool
    """Whether the fold of people looks at what changed."""


class Streams:
    """
    Events by the sets of subjects whose histories belong together.

    A chain, an original event with its corrections and retractions, concerns every subject
    that any of its payloads names.
    """

    def __init__(self, recorded: Iterable[RecordedEvent]) -> None:
        self._chains: dict[Position, list[RecordedEvent]] = {}
        self._naming: dict[Subject, set[Position]] = {}
        self._facts: dict[str, set[Position]] = {}
        self._links: list[list[Subject]] = []
        for event in sorted(recorded, key=lambda e: e.position):
            self._add(event)

    def _add(self, event: RecordedEvent) -> None:
        root = event.position if event.target_position is None else event.target_position
        self._chains.setdefault(root, []).append(event)
        if isinstance(event.payload, Retraction):
            return
        concerns = concerns_of(event.payload)
        for concern in concerns:
            self._naming.setdefault(concern.subject, set()).add(root)
            if concern.is_fact:
                self._facts.setdefault(concern.subject.id, set()).add(root)
        linked = [c.subject for c in concerns if c.is_link]
        if linked:
            self._links.append(linked)

    def groups(self, kind: Kind, ids: Iterable[str]) -> list[frozenset[str]]:
        """*ids* and all that an event ever linked with them, in sets that belong together."""
        parent: dict[str, str] = {one: one for one in ids}

        def root(one: str) -> str:
            parent.setdefault(one, one)
            while parent[one] != one:
                parent[one] = parent[parent[one]]
                one = parent[one]
            return one

        for linked in self._links:
            of_kind = [s.id for s in linked if s.kind == kind]
            for other in of_kind[1:]:
                parent[root(of_kind[0])] = root(other)
        grouped: dict[str, set[str]] = {}
        for one in parent:
            grouped.setdefault(root(one), set()).add(one)
        wanted = set(ids)
        return [frozenset(g) for g in grouped.values() if not wanted.isdisjoint(g)]

    def of_people(self, people: Iterable[str]) -> list[RecordedEvent]:
        """The events of every chain that names one of *people*, in position order."""
        return self._events(self._naming.get(Subject("person", one), ()) for one in people)

    def facts_of(self, labs: Iterable[str]) -> list[RecordedEvent]:
        """The events from which the state of one of *labs* follows, in position order."""
        return self._events(self._facts.get(one, ()) for one in labs)

    def chains(self) -> list[list[RecordedEvent]]:
        """Every original event with the log events about it."""
        return list(self._chains.values())

    def _events(self, roots: Iterable[Iterable[Position]]) -> list[RecordedEvent]:
        chains = {root for each in roots for root in each}
        events = [event for root in chains for event in self._chains[root]]
        return sorted(events, key=lambda event: event.position)


def project_labs(
    family: frozenset[str],
    facts: Sequence[RecordedEvent],
    *,
    after: Position,
    beliefs: Beliefs,
) -> list[LabChange]:
    """
    Let *beliefs* follow the facts of one family of labs after a position.

    Shapes: *facts* are all facts of the family, in position order. Returns what the labs were
    at *after* and each change since.
    """
    changes = [LabChange(after, _family_facts(family, facts, after)[0], moves_people=True)]
    for event in facts:
        if event.position <= after:
            continue
        labs, findings = _family_facts(family, facts, event.position)
        rows = lab_rows(labs.values()) | finding_rows(findings)
        beliefs.replace(event.position, rows)
        if labs != changes[-1].labs:
            moves = _what_people_see(labs) != _what_people_see(changes[-1].labs)
            changes.append(LabChange(event.position, labs, moves))
    return changes


def project_people(
    component: frozenset[str],
    stream: Sequence[RecordedEvent],
    *,
    after: Position,
    labs: Labs,
    changes: Sequence[LabChange],
    beliefs: Beliefs,
) -> None:
    """
    Let *beliefs* follow the events of people who may be one, after a position.

    Shapes: *stream* are all events that name one of them, in position order; *labs* the facts
    at *after* of the labs that they name; *changes* those of these labs' families since, in
    position order. Updates a copy of *labs* as it goes.
    """
    known = Labs(labs)
    own = {e.position for e in stream if e.position > after}
    moved: dict[Position, list[LabChange]] = {}
    for change in changes:
        moved.setdefault(change.position, []).append(change)
    people: dict[Row, Columns] | None = None
    duplicates: Duplicates | None = None
    for position in sorted(own | moved.keys()):
        if duplicates is None and position > after:
            kept = [e for e in stream if e.position <= after]
            duplicates = Duplicates(fold_told(kept, known, component))
        for change in moved.get(position, ()):
            known.update(change.labs)
        if position <= after or not (
            position in own or any(c.moves_people for c in moved[position])
        ):
            continue
        until = [e for e in stream if e.position <= position]
        if not until:
            continue
        stints, findings = fold_stays(until, known, component)
        if position in own or people is None:
            # What labs are changes nothing of what people are called.
            people = person_rows(p for p in fold_people(until).values() if p.id in component)
        beliefs.replace(position, stint_rows(stints) | finding_rows(findings) | people)
        assert duplicates is not None, "the position is a later one"
        going, arising = duplicates.follow(fold_told(until, known, component))
        beliefs.follow(position, finding_rows(going), finding_rows(arising))


def named_labs(stream: Iterable[RecordedEvent]) -> set[str]:
    """The labs that some events name, as they were meant."""
    return {
        subject.id
        for event in stream
        if not isinstance(event.payload, Retraction)
        for subject in (c.subject for c in concerns_of(event.payload))
        if subject.kind == "lab"
    }


def _family_facts(
    family: frozenset[str], facts: Sequence[RecordedEvent], until: Position
) -> tuple[Labs, list[Finding]]:
    labs, findings = fold_labs([e for e in facts if e.position <= until])
    own = Labs({one: labs[one] for one in sorted(family) if one in labs})
    return own, [f for f in findings if f.labs[0] in family]


def _what_people_see(labs: Mapping[str, LabFacts]) -> list[tuple[object, ...]]:
    return [(one.id, one.canonical_id, one.founding, one.end) for one in labs.values()]
