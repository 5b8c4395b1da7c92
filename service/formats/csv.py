"""
Tables as CSV (RFC 4180) in UTF-8: for spreadsheets as well as for programs.

The first line names the columns. What a spreadsheet would take for a formula is preceded by an
apostrophe, which no other cell gets.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import StringIO
from typing import NamedTuple
from uuid import UUID

MEDIA_TYPE = "text/csv; header=present"
"""The framework says of every text that it is UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a formula can begin with, by what spreadsheets of all languages take for one."""

Value = str | int | date | UUID | None
Cell = Value | Sequence[Value]
"""One thing, or several, which stand in one cell with spaces between."""


class Table(NamedTuple):
    """A table by a name that no other table of its page has."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def to_csv(table: Table) -> str:
    """
    *table* with its header line; lines end as RFC 4180 has them.

    >>> to_csv(Table("t", ["lab", "certain"], [["=1+1", 3], ["a, b", None]]))
    "lab,certain\\r\\n'=1+1,3\\r\\n\\"a, b\\",\\r\\n"
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    return text.getvalue()


def file_name(*parts: object, ending: str = "csv") -> str:
    """
    What a file of a table is called, of ids, names of tables and days.

    >>> file_name("openai", "roster", date(2024, 6, 1))
    'openai-roster-2024-06-01.csv'
    """
    return "-".join(map(str, parts)) + f".{ending}"


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case int() | UUID():
            return str(value)
        case _:
            return _cell(" ".join(map(str, value)))
