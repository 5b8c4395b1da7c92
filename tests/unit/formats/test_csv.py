"""Tables as CSV: read back as they were, and never a formula."""

import csv as reading
import io
from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from service.formats.csv import Table, file_name, to_csv
from tests.support.nasty import NASTY

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def read(text: str) -> list[list[str]]:
    return list(reading.reader(io.StringIO(text, newline=""), strict=True))


@given(rows=st.lists(st.tuples(texts, texts)))
@example(rows=[(text, text) for text in NASTY.values()])
def test_cells_are_read_back_as_they_were_but_for_formulas(rows: list[tuple[str, str]]) -> None:
    text = to_csv(Table("t", ["a", "b"], rows))
    header, *found = read(text)
    assert header == ["a", "b"]
    assert len(found) == len(rows)
    for said, cells in zip(rows, found, strict=True):
        for one, cell in zip(said, cells, strict=True):
            assert not cell.startswith(FORMULA)
            assert cell == (f"'{one}" if one.startswith(FORMULA) else one)


def test_values_are_written_as_programs_read_them() -> None:
    one = UUID(int=1)
    at = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    row = [3, None, True, date(2024, 6, 1), at, one, [one, one], []]
    header = list("abcdefgh")
    assert read(to_csv(Table("t", header, [row]))) == [
        header,
        ["3", "", "true", "2024-06-01", "2026-11-22T14:30:00Z", str(one), f"{one} {one}", ""],
    ]


def test_numbers_below_nothing_are_no_formulas() -> None:
    assert to_csv(Table("t", ["a"], [[-3]])) == "a\r\n-3\r\n"


def test_several_things_in_a_cell_are_no_formula_either() -> None:
    assert read(to_csv(Table("t", ["a"], [[["=1", "2"]]])))[1] == ["'=1 2"]


def test_an_empty_table_has_its_header() -> None:
    assert to_csv(Table("t", ["a", "b"], [])) == "a,b\r\n"
    assert file_name("openai", "roster", 712) == "openai-roster-712.csv"
