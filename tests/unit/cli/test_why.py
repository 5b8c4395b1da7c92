"""`timeline why`."""

from copy import deepcopy
from typing import Any

import msgspec

from tests.unit.cli.conftest import Run, WrittenService

HIRED = "00000000-0000-4000-8000-000000000001"
SENTENCE = "Ada was at Lab X on 1 June 2024: joined in 2023 (News, 4 December 2024)."
BOUNDS = {"lo": "2023-01-01", "hi": "2023-12-31"}
ANSWER: dict[str, Any] = {
    "person": {"id": "ada", "name": "Ada"},
    "lab": {"id": "x", "name": "Lab X"},
    "at": "2024-06-01",
    "known_at": {"position": 9, "recorded_at": "2026-11-22T00:10:05Z"},
    "presence": "certain",
    "sentence": SENTENCE,
    "stint": {"on_leave": True},
    "steps": [
        {
            "lab": {"id": "x", "name": "Lab X"},
            "type": "hire",
            "date": "2023",
            "recorded": BOUNDS,
            "narrowed": BOUNDS,
            "rule": "It opens a stay (4.3).",
            "is_decisive": True,
            "sources": [
                {"url": "https://example.org/a", "publisher": "News", "published": "2024-12-04"},
                {"url": "https://example.org/b"},
            ],
            "event": {"event_id": HIRED},
        },
        {
            "lab": {"id": "x", "name": "Lab X"},
            "type": "sighting",
            "date": "[2024..]",
            "recorded": {"lo": "2024-01-01", "hi": None},
            "narrowed": {"lo": "2024-01-01", "hi": "2024-12-31"},
            "rule": "It shows that the stay went on (4.3).",
            "is_decisive": False,
            "sources": [],
            "event": {"event_id": "00000000-0000-4000-8000-000000000002"},
        },
    ],
    "passed_over": [
        {
            "type": "departure",
            "date": "2024",
            "rule": "A rumour never enters the fold (3).",
            "is_decisive": False,
            "event": {"event_id": "00000000-0000-4000-8000-000000000003"},
        }
    ],
    "corrections": [
        {"type": "correction", "position": 7, "target": HIRED, "reason": "\x1b[31mmisread"}
    ],
}


def test_why_is_a_sentence_and_its_steps(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/A%2FB/members/Ada%20L./why", ANSWER)
    result = run("why", "A/B", "Ada L.", "--at", "2024-06-01", "--known-at", "9")
    assert result.exit_code == 0
    assert dict(service.requests[0].url.params) == {"at": "2024-06-01", "known_at": "9"}
    lines = result.stdout.splitlines()
    assert lines[0] == SENTENCE
    assert lines[1] == (
        "● certain, on leave on 1 June 2024, as known at position 9 (2026-11-22 00:10 UTC)"
    )
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[3:7]]
    assert rows[0] == ["Lab", "Event", "Date", "Leaves", "What it does", "Sources", "Id"]
    assert rows[2] == [
        "*", "Lab X", "hire", "2023", "It opens a stay (4.3).",
        "News, 4 December 2024; https://example.org/b", HIRED,
    ]  # fmt: skip
    assert rows[3][:4] == ["Lab X", "sighting", "in or after 2024", "2024-01-01 to 2024-12-31"]
    told = result.stdout
    assert "* without it the answer would be another." in told
    assert "departure, 2024: A rumour never enters the fold (3)." in told
    assert f"correction at position 7 of {HIRED}: \\x1b[31mmisread" in told


def test_absence_without_events_is_a_sentence(service: WrittenService, run: Run) -> None:
    nothing: dict[str, Any] = {
        "presence": "absent",
        "stint": None,
        "steps": [],
        "passed_over": [],
        "corrections": [],
    }
    told = {"sentence": "No: no event names Ada at Lab X.", "published_by": "2024-12-04"}
    answer = {**ANSWER, **nothing, **told, "undated_events": 2}
    service.answers("GET", "/v1/labs/x/members/ada/why", answer)
    result = run("why", "x", "ada", "--published-by", "2024-12-04")
    assert result.stdout.splitlines() == [
        "No: no event names Ada at Lab X.",
        (
            "absent on 1 June 2024, as known at position 9 (2026-11-22 00:10 UTC), by what was "
            "published by 4 December 2024 (2 undated left out)"
        ),
    ]


def test_why_passes_the_json_on(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/x/members/ada/why", deepcopy(ANSWER))
    assert msgspec.json.decode(run("why", "x", "ada", "--json").stdout) == ANSWER
