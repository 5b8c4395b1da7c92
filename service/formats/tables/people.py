"""People, and who was there together, as rows."""

from collections.abc import Iterable

from service.answers.colleagues import Colleague
from service.answers.people import PersonSummary
from service.formats.csv import Cell, Table
from service.formats.tables.moves import id_and_name

PEOPLE_COLUMNS = ("person_id", "person", "also_called")
COLLEAGUE_COLUMNS = (
    "person_id", "person", "lab_id", "lab", "days_certain", "days_presumed", "days_possible",
    "first", "last",
)  # fmt: skip


def people_table(people: Iterable[PersonSummary]) -> Table:
    """One row a person."""
    return Table("people", PEOPLE_COLUMNS, ([p.id, p.name, "; ".join(p.aliases)] for p in people))


def colleagues_table(colleagues: Iterable[Colleague]) -> Table:
    """One row for two people at a lab; `days_possible` is empty where nothing bounds it."""
    return Table("colleagues", COLLEAGUE_COLUMNS, (_colleague(one) for one in colleagues))


def _colleague(one: Colleague) -> list[Cell]:
    return [
        *id_and_name(one.person),
        *id_and_name(one.lab),
        one.days.certain,
        one.days.presumed,
        one.days.possible,
        one.first,
        one.last,
    ]
