"""Finding who a path means, and showing people and labs by the names of the time."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from service.answers.times import Meant, Times
from service.domain.directory import slugs_wanted
from service.domain.events import Kind, id_of
from service.domain.identity import PersonFacts, fold_name
from service.domain.labs import Labs, name_on
from service.domain.refusals import Candidate, Fault, Invalid, Refusal, UnknownName
from service.domain.subjects import Subject
from service.domain.submissions import Naming
from service.postgres.pool import Connection
from service.read_models import directory as directories

NEAR_NAMES_MAX = 5
UNKNOWN_NAMES_MAX = 25
"""For so many unknown names of one body near ones are offered; each costs a search."""


class Named(Struct, frozen=True):
    """A person or a lab: the id that stays, and the name as known at the position asked for."""

    id: str
    name: str


def order_of(named: Named) -> tuple[str, str]:
    """Where someone stands in a list; made here, never by a database's collation."""
    return (fold_name(named.name), named.id)


class Labels:
    """The names of some people and labs, as known at one position, on one day."""

    def __init__(self, people: dict[str, PersonFacts], labs: Labs, at: date) -> None:
        self._people = people
        self._labs = labs
        self._at = at

    def person(self, one: str) -> Named:
        """The person for whom the id stands."""
        facts = self._people.get(one)
        if facts is not None and facts.canonical_id != one:
            facts = self._people.get(facts.canonical_id, facts)
        return Named(one, one) if facts is None else Named(facts.id, facts.name)

    def lab(self, one: str) -> Named:
        """The lab for which the id stands."""
        facts = self._labs[one]
        facts = self._labs.get(facts.canonical_id, facts)
        return Named(facts.id, name_on(facts, self._at))

    def as_meant(self, kind: Kind, one: str) -> Named:
        """The very id that an event means, also where it stands for another by now."""
        if kind == "lab":
            return Named(one, name_on(self._labs[one], self._at))
        facts = self._people.get(one)
        return Named(one, one if facts is None else facts.name)


async def fetch_labels(
    connection: Connection,
    *,
    people: Iterable[str] = (),
    labs: Iterable[str] = (),
    at: date,
    position: int,
) -> Labels:
    """The names of these ids."""
    known_people, known_labs = await directories.fetch_people_and_labs(
        connection, set(people), set(labs), position=position
    )
    return Labels(known_people, known_labs, at)


async def resolve_path(connection: Connection, kind: Kind, text: str, times: Times) -> str:
    """
    The canonical id, as known at the time, of whom a path names; else by today's names.

    *times* is told whom the name means, and if only today's names helped.

    Raises:
        UnknownName: nobody has the name or id, with those who have near ones.
        AmbiguousName: it fits several.
    """
    one, directory, _ = await _found(connection, kind, text, times)
    if times.rests_on_head:
        directory = await directories.fetch_directory(
            connection, [(kind, one)], position=times.known_at.position
        )
    canonical = times.resolved[kind, text] = directory.canonical(Subject(kind, one))
    return canonical


async def resolve_id(connection: Connection, kind: Kind, text: str, times: Times) -> str:
    """
    The very id that a path means, which may stand for another.

    Raises:
        UnknownName, AmbiguousName: as `resolve_path`.
    """
    return (await _found(connection, kind, text, times)).one


async def _found(connection: Connection, kind: Kind, text: str, times: Times) -> Meant:
    """Whom *text* means; *times* is told if only today's names helped."""
    meant = times.meant.get((kind, text))
    if meant is None:
        meant = times.meant[kind, text] = await _meant(connection, kind, text, times)
    times.rests_on_head = times.rests_on_head or meant.is_of_head
    return meant


async def _meant(connection: Connection, kind: Kind, text: str, times: Times) -> Meant:
    position, head = times.known_at.position, times.head
    for known in dict.fromkeys((position, head)):
        directory = await directories.fetch_directory(connection, [(kind, text)], position=known)
        found = directory.find(kind, text)
        if found is not None:
            return Meant(found, directory, known != position)
    raise UnknownName(kind, text, await near_names(connection, kind, text, position=head))


async def near_names(
    connection: Connection, kind: Kind, text: str, *, position: int
) -> list[Candidate]:
    """Those whose names are near *text*, nearest first."""
    ids = await directories.find_near(
        connection, kind, text, position=position, limit=NEAR_NAMES_MAX
    )
    facts: dict[str, PersonFacts] | Labs
    if kind == "person":
        facts = await directories.fetch_people(connection, ids, position=position)
    else:
        facts = await directories.fetch_labs(connection, ids, position=position)
    return [Candidate(one, facts[one].name) for one in ids if one in facts]


async def name_faults(
    connection: Connection, namings: Iterable[Naming], position: int
) -> list[Fault]:
    """
    What is wrong with the names that some events use, as known at *position*.

    Shapes: *namings* in the order of their events; each may use the names that one before gave.
    """
    every = list(namings)
    asked = [reference for naming in every for reference in naming.references]
    directory = await directories.fetch_directory(
        connection, directories.texts_of(asked), position=position
    )
    await directories.add_slugs(connection, directory, slugs_wanted(asked))
    faults: list[Fault] = []
    for naming in every:
        for i, reference in enumerate(naming.references):
            try:
                ref = directory.resolve(reference)
            except Refusal as refusal:
                faults.append(refusal.at(reference.pointer))
                continue
            if i == 0:
                directory.learn_names(Subject(reference.kind, id_of(ref)), naming.gives)
    return faults


async def with_near_names(connection: Connection, invalid: Invalid, head: int) -> Invalid:
    """*invalid* with near names offered for the first names that are not known."""
    near: dict[tuple[Kind, str], list[Candidate]] = {}
    faults: list[Fault] = []
    for fault in invalid.faults:
        if fault.unknown is None:
            faults.append(fault)
            continue
        kind, text = fault.unknown
        if fault.unknown not in near and len(near) < UNKNOWN_NAMES_MAX:
            near[fault.unknown] = await near_names(connection, kind, text, position=head)
        faults.append(UnknownName(kind, text, near.get(fault.unknown, ())).at(fault.pointer))
    return Invalid(faults)
