"""Finding who a path means, and showing people and labs by the names of the time."""

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from service.domain.events import Kind
from service.domain.identity import PersonFacts, fold_name
from service.domain.labs import Labs, name_on
from service.domain.refusals import Candidate, Fault, Invalid, UnknownName
from service.domain.subjects import Subject
from service.postgres.pool import Connection
from service.read_models import directory as directories

NEAR_NAMES_MAX = 5


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
    wanted_people, wanted_labs = set(people), set(labs)
    known_people: dict[str, PersonFacts] = {}
    known_labs = Labs()
    if wanted_people:
        known_people = await directories.fetch_people(connection, wanted_people, position=position)
    if wanted_labs:
        known_labs = await directories.fetch_labs(connection, wanted_labs, position=position)
    return Labels(known_people, known_labs, at)


async def resolve_path(
    connection: Connection, kind: Kind, text: str, *, position: int, head: int
) -> str:
    """
    The canonical id, as known at *position*, of whom a path names; else by today's names.

    Raises:
        UnknownName: nobody has the name or id, with those who have near ones.
        AmbiguousName: it fits several.
    """
    for known in dict.fromkeys((position, head)):
        directory = await directories.fetch_directory(connection, [(kind, text)], position=known)
        found = directory.find(kind, text)
        if found is not None:
            subject = Subject(kind, found)
            if known == position:
                return directory.canonical(subject)
            then = await directories.fetch_directory(connection, [(kind, found)], position=position)
            return then.canonical(subject)
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


async def with_near_names(connection: Connection, invalid: Invalid, head: int) -> Invalid:
    """*invalid* with near names offered for each name that is not known."""
    faults: list[Fault] = []
    for fault in invalid.faults:
        if fault.unknown is None:
            faults.append(fault)
        else:
            kind, text = fault.unknown
            near = await near_names(connection, kind, text, position=head)
            faults.append(UnknownName(kind, text, near).at(fault.pointer))
    return Invalid(faults)
