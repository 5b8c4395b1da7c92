"""
The tables of a page as files: one scheme for all pages.

A page's address with `format=csv` and `table=` one of its tables is that table, for the times and
filters of the address; without `table` it is the page's first. A table is whole, however much of
it the page shows. As `format=json` the same rows are there of tables that the API has no
operation for; of all others the API has more to say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from litestar import Response

from service.answers.times import Times
from service.domain.refusals import BadParameter, shown
from service.formats import csv, records
from service.formats.csv import Table
from service.web.asked import other_pairs, with_pairs
from service.web.visits import Visit

FORMAT, TABLE = "format", "table"
CSV, JSON = "csv", "json"
FORMS = (CSV, JSON)
TIMES_COLUMNS = ("at", "known_at", "published_by")
"""Of every table: for which times its rows are the answer."""
ROWS_MAX = 10_000
"""What a table has beyond that is for the API to tell, page by page."""
ROWS_AT_ONCE = 1_000

_Item = TypeVar("_Item")
_Item_co = TypeVar("_Item_co", covariant=True)


class Offer(NamedTuple):
    """Where a table is to be had."""

    table: str
    csv: str
    json: str


class Paged(Protocol[_Item_co]):
    """An answer that is a page of a list."""

    @property
    def items(self) -> Sequence[_Item_co]: ...
    @property
    def next(self) -> str | None: ...


def wanted_table(visit: Visit, tables: Sequence[str], *, also: Sequence[str] = ()) -> str | None:
    """
    Which of a page's *tables* the address asks for; None where it asks for the page.

    Shapes: *also* are the forms in which the page is there besides, which are no tables.

    Raises:
        BadParameter: no form that there is, or no such table.
    """
    form = visit.text(FORMAT)
    if form is None or form in also:
        return None
    if form not in FORMS:
        known = ", ".join((*FORMS, *also))
        raise BadParameter(FORMAT, f"{shown(form)} is no form of this page; known: {known}.")
    table = visit.text(TABLE) or tables[0]
    if table not in tables:
        raise BadParameter(
            TABLE, f"{shown(table)} is no table of this page; known: {', '.join(tables)}."
        )
    return table


def offers(
    visit: Visit, tables: Mapping[str, str | None], *, passing: Sequence[str] = ()
) -> dict[str, Offer]:
    """
    Where the tables of this page are, for the times and filters that its address asks for.

    Shapes: of each table where the API answers the same, None where it does not; *passing* names
    what the address says of this page of a list alone.
    """
    path = visit.address.partition("?")[0]
    rest = other_pairs(visit.pairs, FORMAT, TABLE, *passing)

    def own(table: str, form: str) -> str:
        return with_pairs(path, [*rest, (FORMAT, form), (TABLE, table)])

    return {
        table: Offer(table, own(table, CSV), own(table, JSON) if json is None else json)
        for table, json in tables.items()
    }


async def every(
    fetch: Callable[[str | None], Awaitable[Paged[_Item]]], way_out: str
) -> list[_Item]:
    """
    All items of a list that is told page by page; *fetch* has the place at which a page begins.

    Raises:
        BadParameter: there are more than a table may have; *way_out* says where they are.
    """
    items: list[_Item] = []
    place = None
    while True:
        page = await fetch(place)
        items += page.items
        place = page.next
        if place is None:
            return items
        check_rows(len(items) + 1, way_out)


def check_rows(count: int, way_out: str) -> None:
    """
    Raises:
        BadParameter: so many rows are more than a table may have.
    """
    if count > ROWS_MAX:
        raise BadParameter(TABLE, f"This table has more than {ROWS_MAX:,} rows. {way_out}")


async def send_table(
    visit: Visit, table: Table, times: Times | None, *about: str
) -> Response[bytes]:
    """
    *table* as a file, with the times of the answer in its last columns.

    Shapes: *about* begins the name of the file, such as the id of a lab; *times* is None of what
    is not of any day.
    """
    form = visit.text(FORMAT) or CSV
    # Thousands of rows take a while to write, and others wait for the event loop.
    text = await asyncio.to_thread(_json if form == JSON else _csv, table, times)
    day = () if times is None else (times.at, times.known_at.position)
    name = csv.file_name(*about, table.name, *day, ending=form)
    return visit.send(
        text,
        media_type=records.MEDIA_TYPE if form == JSON else csv.MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(table: Table, times: Times | None) -> str:
    if times is None:
        return csv.to_csv(table)
    answered = (times.at, times.known_at.position, times.published_by)
    return csv.to_csv(
        Table(
            table.name,
            [*table.columns, *TIMES_COLUMNS],
            ([*row, *answered] for row in table.rows),
        )
    )


def _json(table: Table, times: Times | None) -> str:
    if times is None:
        return records.to_json(table, {})
    answered = (times.at, times.known_at, times.published_by)
    return records.to_json(table, dict(zip(TIMES_COLUMNS, answered, strict=True)))
