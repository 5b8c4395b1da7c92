"""
Catching up: the rows that change when some events are added to what is kept.

The writer catches up with the events that it is about to append, a replay with those that
came while it built.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from service.domain.events import Position, RecordedEvent
from service.domain.labs import Labs
from service.domain.subjects import Subject
from service.log import read
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.beliefs import Belief, Beliefs, Row
from service.read_models.projector import (
    LabChange,
    Streams,
    named_labs,
    project_labs,
    project_people,
)
from service.read_models.rows import BelievedRow, fetch_believed


class Concerned(Struct, frozen=True):
    """Whom some events concern."""

    people: set[str]
    labs: set[str]
    """Those of which the events are facts, not those that they merely name."""
    moves_people: bool
    """Whether the facts can move the stints of everyone who was ever named with these labs."""


class Kept(Struct, frozen=True, kw_only=True):
    """What is kept about some people and labs, as of one position."""

    people: set[str]
    labs: set[str]
    """Those concerned, and all whom an event ever linked with them."""
    events: Sequence[RecordedEvent]
    """Every event that names one of *people*, or is a fact of one of *labs*; in any order."""
    believed: Sequence[BelievedRow]
    chains: Labs
    """The labs that *events* name, those for which they stand and their successors."""

    def with_others(self, others: "Kept") -> "Kept":
        """Beside these *others* of whom no event was ever linked with one of these."""
        known = {event.position for event in self.events}
        return Kept(
            people=self.people | others.people,
            labs=self.labs | others.labs,
            events=[*self.events, *(e for e in others.events if e.position not in known)],
            believed=[*self.believed, *others.believed],
            chains=Labs({**self.chains, **others.chains}),
        )


async def catch_up(
    connection: Connection,
    concerned: Concerned,
    *,
    after: Position,
    until: Position,
    new: Sequence[RecordedEvent] = (),
) -> list[Beliefs]:
    """
    The beliefs that the events with after < position ≤ until change.

    Shapes: what is kept is as of *after*; *new* are those events that are not in the log yet.
    """
    kept = await fetch_kept(connection, concerned, until=until, new=new)
    return list(follow(kept, kept.people, kept.labs, after=after, new=new))


async def fetch_kept(
    connection: Connection,
    concerned: Concerned,
    *,
    until: Position,
    new: Sequence[RecordedEvent] = (),
) -> Kept:
    """What is kept about those *concerned*, with their events up to a position."""
    linked = await _linked(
        connection,
        {Subject("person", one) for one in concerned.people}
        | {Subject("lab", one) for one in concerned.labs},
    )
    labs = {s.id for s in linked if s.kind == "lab"}
    people = {s.id for s in linked if s.kind == "person"}
    if concerned.moves_people:
        carried = await read.read_people_of_labs(connection, labs)
        also = await _linked(connection, {Subject("person", one) for one in carried})
        people |= {s.id for s in also}
    old = await read.read_streams(connection, people=people, labs=labs)
    events = [e for e in old if e.position <= until]
    named = named_labs([*events, *new])
    return Kept(
        people=people,
        labs=labs,
        events=events,
        believed=await fetch_believed(connection, people=people, labs=labs),
        chains=await directories.fetch_lab_chains(connection, named) if named else Labs(),
    )


def follow(
    kept: Kept,
    people: Iterable[str],
    labs: Iterable[str],
    *,
    after: Position,
    new: Sequence[RecordedEvent],
) -> Iterator[Beliefs]:
    """
    The beliefs about *people* and *labs* that change after a position.

    Shapes: *kept* is as of *after* and covers them; *new* are events beyond *kept*. One unit of
    beliefs for each family of labs and each component of people, worked out when it is asked for.
    """
    streams = Streams([*kept.events, *new])
    believed = _Believed(kept.believed)
    families = []
    for family in streams.groups("lab", labs):
        beliefs = believed.of_labs(family)
        facts = streams.facts_of(family)
        families.append((family, project_labs(family, facts, after=after, beliefs=beliefs)))
        yield beliefs
    for component in streams.groups("person", people):
        beliefs = believed.of_people(component)
        stream = streams.of_people(component)
        project_people(
            component,
            stream,
            after=after,
            labs=kept.chains,
            changes=_changes_for(stream, families),
            beliefs=beliefs,
        )
        yield beliefs


def _changes_for(
    stream: Sequence[RecordedEvent],
    families: Sequence[tuple[frozenset[str], Sequence[LabChange]]],
) -> list[LabChange]:
    """What changed of the labs that a stream of people names."""
    if not families:
        return []
    named = named_labs(stream)
    return [c for family, changes in families if family & named for c in changes]


class _Believed:
    """The rows believed before, to be shared out among the units that they are about."""

    def __init__(self, rows: Iterable[BelievedRow]) -> None:
        self._people: dict[str, dict[Row, Belief]] = {}
        self._labs: dict[str, dict[Row, Belief]] = {}
        for each in rows:
            of_kind = self._people if each.subject.kind == "person" else self._labs
            of_kind.setdefault(each.subject.id, {})[each.row] = each.belief

    def of_people(self, component: Iterable[str]) -> Beliefs:
        return Beliefs({r: b for one in component for r, b in self._people.get(one, {}).items()})

    def of_labs(self, family: Iterable[str]) -> Beliefs:
        return Beliefs({r: b for one in family for r, b in self._labs.get(one, {}).items()})


async def _linked(connection: Connection, subjects: set[Subject]) -> set[Subject]:
    return await read.read_linked(connection, subjects) if subjects else set()
