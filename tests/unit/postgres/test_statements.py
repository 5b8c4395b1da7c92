"""The loader of named SQL statements."""

import re
from pathlib import Path

import pytest

import service
from service.postgres.statements import BadStatementFile, load_statements, parse_statements


def test_statements_are_told_apart_by_their_names() -> None:
    text = "-- name: one\nSELECT 1;\n\n-- name: two\n-- Of two.\nSELECT\n    2;\n"
    assert parse_statements(text, "x.sql") == {
        "one": "SELECT 1;",
        "two": "-- Of two.\nSELECT\n    2;",
    }


def test_comments_may_come_before_the_first_name() -> None:
    assert parse_statements("-- All of this is read.\n\n-- name: a\nSELECT 1;", "x.sql") == {
        "a": "SELECT 1;"
    }


def test_name_is_taken_without_the_space_around_it() -> None:
    assert list(parse_statements("-- name:  a \t\nSELECT 1;", "x.sql")) == ["a"]


def test_name_in_the_middle_of_a_line_is_text() -> None:
    text = "-- name: a\nSELECT '-- name: b';"
    assert parse_statements(text, "x.sql") == {"a": "SELECT '-- name: b';"}


def test_file_without_statements_has_none() -> None:
    assert parse_statements("", "x.sql") == {}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;\n-- name: a\nSELECT 2;",
        "-- name:\nSELECT 1;",
        "-- name:   \nSELECT 1;",
        "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;",
        "-- name: a\nSELECT 1;\n-- name: a \nSELECT 1;",
    ],
    ids=["unnamed", "empty", "blank", "repeated", "repeated-but-for-space"],
)
def test_statement_without_a_name_of_its_own_is_refused(text: str) -> None:
    with pytest.raises(BadStatementFile, match=r"^x\.sql: "):
        parse_statements(text, "x.sql")


def test_fault_names_the_name() -> None:
    with pytest.raises(BadStatementFile, match="'twice'"):
        parse_statements("-- name: twice\nSELECT 1;\n-- name: twice\nSELECT 1;", "x.sql")


def test_statements_are_found_beside_their_module() -> None:
    assert "lock_log" in load_statements("service.log", "append.sql")


def test_missing_statement_is_a_fault_of_the_import() -> None:
    with pytest.raises(KeyError):
        load_statements("service.log", "append.sql")["append_nothing"]


def test_missing_file_is_a_fault_of_the_import() -> None:
    with pytest.raises(FileNotFoundError):
        load_statements("service.log", "nothing.sql")


def test_each_advisory_lock_has_a_number_of_its_own() -> None:
    """Two things that share a number wait for each other, or never happen, without a reason."""
    files: dict[str, set[str]] = {}
    for file in Path(service.__file__).parent.rglob("*"):
        if file.suffix in (".sql", ".py"):
            for number in re.findall(r"advisory_\w*lock\w*\((\d+)\)", file.read_text()):
                files.setdefault(number, set()).add(file.name)
    assert len(files) >= 4
    assert {number: names for number, names in files.items() if len(names) > 1} == {}
