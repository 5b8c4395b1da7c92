"""
The tables of a page as files: one scheme for all pages.

A page's address with `format=csv` and `table=` one of its tables is that table, for the times and
filters of the address; without `table` it is the page's first.
"""

from collections.abc import Sequence

from litestar import Response

from service.answers.times import Times
from service.domain.refusals import BadParameter, shown
from service.formats import csv
from service.formats.csv import Table
from service.web.asked import other_pairs, with_pairs
from service.web.visits import Visit

FORMAT, TABLE = "format", "table"
CSV = "csv"
TIMES_COLUMNS = ("at", "known_at", "published_by")
"""Of every table: for which times its rows are the answer."""


def wanted_table(visit: Visit, tables: Sequence[str]) -> str | None:
    """
    Which of a page's *tables* the address asks for; None where it asks for the page.

    Raises:
        BadParameter: no form that there is, or no such table.
    """
    form = visit.text(FORMAT)
    if form is None:
        return None
    if form != CSV:
        raise BadParameter(FORMAT, f"{shown(form)} is no form of a page; known: {CSV}.")
    table = visit.text(TABLE) or tables[0]
    if table not in tables:
        raise BadParameter(
            TABLE, f"{shown(table)} is no table of this page; known: {', '.join(tables)}."
        )
    return table


def csv_address(visit: Visit, table: str) -> str:
    """Where a table of this page is, for the times and filters that its address asks for."""
    path = visit.address.partition("?")[0]
    rest = other_pairs(visit.pairs, FORMAT, TABLE)
    return with_pairs(path, [*rest, (FORMAT, CSV), (TABLE, table)])


def send_table(visit: Visit, table: Table, times: Times, *about: str) -> Response[bytes]:
    """
    *table* as a file, with the times of the answer in its last columns.

    Shapes: *about* begins the name of the file, such as the id of a lab.
    """
    position = times.known_at.position
    answered = (times.at, position, times.published_by)
    timed = Table(
        table.name,
        [*table.columns, *TIMES_COLUMNS],
        ([*row, *answered] for row in table.rows),
    )
    name = csv.file_name(*about, table.name, times.at, position)
    return visit.send(
        csv.to_csv(timed),
        media_type=csv.MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
