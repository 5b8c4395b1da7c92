"""`timeline person`."""

from typing import Any

import msgspec
import pytest

from service.cli.words import bounds_in_words
from tests.unit.cli.conftest import Run, WrittenService

NOAM: dict[str, Any] = {
    "person": {"id": "noam-shazeer", "name": "Noam Shazeer", "aliases": ["N. Shazeer"]},
    "at": "2024-09-01",
    "known_at": {"position": 9, "recorded_at": "2026-11-22T00:10:05Z"},
    "stints": [
        {
            "lab": {"id": "character-ai", "name": "Character.AI"},
            "start": {"date": "2021-11", "lo": "2021-11-01", "hi": "2021-11-30"},
            "end": {"date": "2024-08-02", "lo": "2024-08-02", "hi": "2024-08-02"},
            "role": "CEO",
            "presence": None,
        },
        {
            "lab": {"id": "google-deepmind", "name": "Google DeepMind"},
            "start": {"date": "2024~", "lo": "2024-08-02", "hi": "2025-12-31"},
            "end": None,
            "role": None,
            "presence": "possible",
        },
    ],
    "findings": [
        {
            "kind": "overlap",
            "person": "noam-shazeer",
            "labs": ["character-ai", "google"],
            "days": 120,
        }
    ],
}


def test_person_is_told_in_a_sentence_and_a_table(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/people/Noam%20Shazeer", NOAM)
    result = run("person", "Noam Shazeer", "--at", "2024-09-01")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "Noam Shazeer on 1 September 2024, as known at position 9 (2026-11-22 00:10 UTC): "
        "at Google DeepMind (possible)."
    )
    assert lines[1] == "Also known as N. Shazeer."
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[3:7]]
    assert rows[0] == ["Lab", "Start", "End", "Role", "On the day"]
    assert rows[2] == ["Character.AI", "November 2021", "2 August 2024", "CEO", "absent"]
    assert rows[3] == [
        "Google DeepMind",
        "about 2024 (2024-08-02 to 2025-12-31)",
        "open",
        "○ possible",
    ]
    assert lines[-1] == (
        "  overlap: noam-shazeer was at character-ai and google at the same time for 120 days"
    )


def test_person_without_stints_is_nowhere(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/people/Ada", {**NOAM, "stints": [], "findings": []})
    assert "at no lab that the log knows of." in run("person", "Ada").stdout


def test_person_passes_the_json_on(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/people/Ada", NOAM)
    assert msgspec.json.decode(run("person", "Ada", "--json").stdout) == NOAM


@pytest.mark.parametrize(
    ("date", "lo", "hi", "words"),
    [
        ("2024-06-01", "2024-06-01", "2024-06-01", "1 June 2024"),
        ("2024", "2024-01-01", "2024-12-31", "2024"),
        ("2024", "2024-05-01", "2024-12-31", "2024 (2024-05-01 to 2024-12-31)"),
        ("2017~", "2016-01-01", "2018-12-31", "about 2017 (2016-01-01 to 2018-12-31)"),
        ("[2026-06-19..]", "2026-06-19", None, "on or after 19 June 2026"),
        ("[..2012]", "2012-03-04", "2012-03-04", "by 2012 (2012-03-04)"),
        (None, None, "2023-01-05", "unknown (by 2023-01-05)"),
        (None, "2023-01-05", None, "unknown (from 2023-01-05)"),
        (None, None, None, "unknown"),
    ],
)
def test_bounds_are_told_where_the_words_leave_them_open(
    date: str | None, lo: str | None, hi: str | None, words: str
) -> None:
    assert bounds_in_words({"date": date, "lo": lo, "hi": hi}) == words


def test_ambiguous_name_is_refused_with_candidates(service: WrittenService, run: Run) -> None:
    service.refuses(
        "GET",
        "/v1/people/Wei",
        409,
        detail="'Wei' fits several people.",
        candidates=[{"id": "wei-1", "name": "Wei Chen"}, {"id": "wei-2", "name": "Wei Chen"}],
    )
    result = run("person", "Wei")
    assert result.exit_code == 2
    assert "it may be: 'Wei Chen' (wei-1), 'Wei Chen' (wei-2)" in result.stderr
