"""
Catching up: the rows that change when some events are added to what is kept.

The writer catches up with the events that it is about to append, a replay with those that
came while it built.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from service.domain.events import Position, RecordedEvent
from service.domain.labs import Labs
from service.domain.subjects import Subject
from service.log import read
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.beliefs import Belief, Beliefs, Row
from service.read_models.projector import Streams, named_labs, project_labs, project_people
from service.read_models.rows import BelievedRow, fetch_believed


class Concerned(Struct, frozen=True):
    """Whom some events concern."""

    people: set[str]
    labs: set[str]
    """Those of which the events are facts, not those that they merely name."""
    moves_people: bool
    """Whether the facts can move the stints of everyone who was ever named with these labs."""


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
    One unit of beliefs for each family of labs and each component of people concerned.
    """
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
    streams = Streams([*(e for e in old if e.position <= until), *new])
    believed = _Believed(await fetch_believed(connection, people=people, labs=labs))

    units: list[Beliefs] = []
    families = []
    for family in streams.groups("lab", labs):
        beliefs = believed.of_labs(family)
        facts = streams.facts_of(family)
        families.append((family, project_labs(family, facts, after=after, beliefs=beliefs)))
        units.append(beliefs)

    named = named_labs(streams.of_people(people)) - labs
    unchanged = await directories.fetch_lab_chains(connection, named) if named else Labs()
    for component in streams.groups("person", people):
        beliefs = believed.of_people(component)
        stream = streams.of_people(component)
        theirs = named_labs(stream)
        project_people(
            component,
            stream,
            after=after,
            labs=unchanged,
            changes=[c for family, changes in families if family & theirs for c in changes],
            beliefs=beliefs,
        )
        units.append(beliefs)
    return units


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
