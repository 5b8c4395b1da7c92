"""
From new events to the beliefs that they change: the projection.

Pure. The writer projects the few events of a group onto the rows that are believed; a replay
projects a whole log onto none. Both step through the positions in order and refold those
whom the event at each concerns, so that both come to the same rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from msgspec import Struct

from service.domain.events import (
    Kind,
    Position,
    RecordedEvent,
    Retraction,
    id_of,
    is_of_person,
)
from service.domain.families import FamilyHistory
from service.domain.findings import Finding
from service.domain.history import NAMES, History, Said
from service.domain.identity import PersonFacts, fold_name
from service.domain.labs import LabFacts, Labs
from service.domain.stints import Stint
from service.domain.subjects import Subject, concerns_of
from service.read_models.beliefs import (
    Beliefs,
    Columns,
    Part,
    Row,
    add_finding,
    add_person,
    add_stint,
    finding_rows,
    lab_row,
    name_rows,
)

_POSITION = attrgetter("position")


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
        self._naming: dict[str, list[Position]] = {}
        """By person; of a chain that names someone more than once, more than once."""
        self._facts: dict[str, list[Position]] = {}
        self._links: list[list[Subject]] = []
        for event in sorted(recorded, key=_POSITION):
            self._add(event)

    def _add(self, event: RecordedEvent) -> None:
        root = event.root
        self._chains.setdefault(root, []).append(event)
        payload = event.payload
        if is_of_person(payload) and isinstance(payload.lab, str):
            # Most are of this kind: they tell nothing of the lab, and link nobody.
            self._naming.setdefault(id_of(payload.person), []).append(root)
            return
        if isinstance(payload, Retraction):
            return
        concerns = concerns_of(payload)
        for concern in concerns:
            if concern.subject.kind == "person":
                self._naming.setdefault(concern.subject.id, []).append(root)
            if concern.is_fact:
                self._facts.setdefault(concern.subject.id, []).append(root)
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
        return self._events(self._naming.get(one, ()) for one in people)

    def facts_of(self, labs: Iterable[str]) -> list[RecordedEvent]:
        """The events from which the state of one of *labs* follows, in position order."""
        return self._events(self._facts.get(one, ()) for one in labs)

    def chains(self) -> list[list[RecordedEvent]]:
        """Every original event with the log events about it."""
        return list(self._chains.values())

    def _events(self, roots: Iterable[Iterable[Position]]) -> list[RecordedEvent]:
        chains = {root for each in roots for root in each}
        events = [event for root in chains for event in self._chains[root]]
        events.sort(key=_POSITION)
        return events


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
    history = FamilyHistory(family)
    for event in facts:
        if event.position <= after:
            history.take(event)
    history.settle()
    changes = [LabChange(after, Labs(history.labs), moves_people=True)]
    is_first = True
    for event in facts:
        if event.position <= after:
            continue
        before, findings = changes[-1].labs, history.findings
        history.take(event)
        changed = history.settle()
        told = list(history.labs) if is_first else changed
        parts = _lab_parts(told, {} if is_first else before, history.labs)
        if is_first or history.findings is not findings:
            parts["findings",] = finding_rows(history.findings)
        beliefs.replace(event.position, parts)
        is_first = False
        if changed:
            moves = any(_seen(before.get(one)) != _seen(history.labs[one]) for one in changed)
            changes.append(LabChange(event.position, Labs(history.labs), moves))
    return changes


def _lab_parts(
    changed: Iterable[str], before: Mapping[str, LabFacts], after: Mapping[str, LabFacts]
) -> dict[Part, dict[Row, Columns]]:
    """
    What labs say now: each name is a part by itself, so that a new one costs no look at the others.
    """
    parts: dict[Part, dict[Row, Columns]] = {}
    for one in changed:
        old, new = before.get(one), after[one]
        parts["lab", one] = lab_row(new)
        known = frozenset() if old is None else frozenset(old.names)
        if old is None or old.canonical_id != new.canonical_id or not known.issubset(new.names):
            parts.update({("name", one, fold_name(name)): {} for name in known})
            known = frozenset()
        come = [name for name in new.names if name not in known]
        parts.update(
            {("name", one, c[1]): {row: c} for row, c in name_rows("lab", new, come).items()}
        )
    return parts


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
    position order.
    """
    if not stream:
        return
    known = Labs(labs)
    moved: dict[Position, list[LabChange]] = {}
    # Before the first event nobody is there whom a change could move.
    begun = max(after, stream[0].position)
    for change in changes:
        if change.position <= begun:
            known.update(change.labs)
        else:
            moved.setdefault(change.position, []).append(change)
    history = History(component, known)
    own: dict[Position, RecordedEvent] = {}
    for event in stream:
        if event.position <= after:
            history.take(event)
        else:
            own[event.position] = event
    history.begin()
    if not history.is_empty:
        beliefs.hold(NAMES, ("people", "names"))
    for position in sorted(own.keys() | moved.keys()) if moved else own:
        moves_people = False
        if moved:
            for change in moved.get(position, ()):
                history.see(change.labs, moves_people=change.moves_people)
                moves_people = moves_people or change.moves_people
        if position in own:
            told = history.follow(own[position])
        elif moves_people and not history.is_empty:
            told = history.settle()
        else:
            continue
        beliefs.replace(position, {part: _rows(said) for part, said in told.parts.items()})
        if told.going or told.arising:
            beliefs.follow(position, finding_rows(told.going), finding_rows(told.arising))


def _rows(said: Iterable[Said]) -> dict[Row, Columns]:
    rows: dict[Row, Columns] = {}
    for each in said:
        # Most are stints, and a look at the type costs less than `isinstance`.
        if type(each) is Stint:
            add_stint(rows, each)
        elif isinstance(each, Finding):
            add_finding(rows, each)
        elif isinstance(each, PersonFacts):
            add_person(rows, each)
    return rows


def named_labs(stream: Iterable[RecordedEvent]) -> set[str]:
    """The labs that some events name, as they were meant."""
    labs: set[str] = set()
    for event in stream:
        payload = event.payload
        if is_of_person(payload):
            labs.add(id_of(payload.lab))
        elif not isinstance(payload, Retraction):
            labs.update(c.subject.id for c in concerns_of(payload) if c.subject.kind == "lab")
    return labs


def _seen(lab: LabFacts | None) -> tuple[object, ...] | None:
    """What of a lab the fold of people looks at."""
    return None if lab is None else (lab.canonical_id, lab.founding, lab.end)
