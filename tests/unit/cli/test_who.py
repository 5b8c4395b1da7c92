"""`timeline who`."""

from typing import Any

import msgspec

from tests.unit.cli.conftest import Run, WrittenService

MEMBERS: list[dict[str, Any]] = [
    {"person": {"id": "ada", "name": "Ada Lovelace"}, "presence": "certain", "role": "CTO",
     "since": "2017~", "until": None, "on_leave": True, "last_evidence": "2024-10-09"},
    {"person": {"id": "bob", "name": "[red]Bob[/red]\x1b[31m"}, "presence": "presumed",
     "role": None, "since": "2023-06", "until": None, "last_evidence": "2023-07-01"},
    {"person": {"id": "wei-1", "name": "Wei Chen"}, "presence": "possible", "role": None,
     "since": None, "until": "[2024-05..2024-07]", "last_evidence": None},
    {"person": {"id": "wei-2", "name": "Wei Chen"}, "presence": "certain", "role": None,
     "since": "2020-02-03", "until": None, "last_evidence": "2024-01-01"},
]  # fmt: skip


def roster(**changes: Any) -> dict[str, Any]:
    return {
        "lab": {"id": "google-deepmind", "name": "Google DeepMind", "status": "active"},
        "at": "2024-06-01",
        "known_at": {"position": 1762, "recorded_at": "2026-11-22T00:10:05.25Z"},
        "headcount": {"certain": 2, "presumed": 1, "possible": 1},
        "members": MEMBERS,
        **changes,
    }


def test_roster_is_headed_by_both_times(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/DeepMind", roster())
    result = run("who", "DeepMind", "--at", "2024-06-01", "--known-at", "1762")
    assert result.exit_code == 0
    heading, counts, *_ = result.stdout.splitlines()
    assert heading == (
        "Google DeepMind on 1 June 2024, as known at position 1762 (2026-11-22 00:10 UTC)"
    )
    assert counts == "2 certain, 1 presumed, 1 possible"
    assert dict(service.requests[0].url.params) == {"at": "2024-06-01", "known_at": "1762"}


def test_roster_tells_presence_by_mark_and_word(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/DeepMind", roster())
    rows = run("who", "DeepMind").stdout.splitlines()[3:]
    assert rows[0].split() == ["Presence", "Name", "Role", "Since", "Until", "Last", "evidence"]
    assert rows[2].split("  ")[0] == "● certain, on leave"
    assert [row.split()[:2] for row in rows[2:6]] == [
        ["●", "certain,"],
        ["◌", "presumed"],
        ["○", "possible"],
        ["●", "certain"],
    ]
    assert "about 2017" in rows[2]
    assert "9 October 2024" in rows[2]
    assert "between May 2024 and July 2024" in rows[4]
    assert "◌ presumed: no departure is recorded" in "\n".join(rows)
    assert "○ possible: the dates are too vague" in "\n".join(rows)


def test_namesakes_are_told_apart_by_id(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/DeepMind", roster())
    stdout = run("who", "DeepMind").stdout
    assert "Wei Chen (wei-1)" in stdout
    assert "Wei Chen (wei-2)" in stdout


def test_names_cannot_act_on_the_terminal(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/DeepMind", roster())
    stdout = run("who", "DeepMind").stdout
    assert "[red]Bob[/red]\\x1b[31m" in stdout
    assert "\x1b" not in stdout


def test_long_names_are_whole_in_a_pipe(service: WrittenService, run: Run) -> None:
    name = "Wolfeschlegelsteinhausenbergerdorff " * 9 + "the Last"
    long = {**MEMBERS[0], "person": {"id": "w", "name": name}}
    service.answers("GET", "/v1/labs/DeepMind", roster(members=[long]))
    assert name in run("who", "DeepMind").stdout


def test_columns_without_content_are_left_out(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/DeepMind", roster(members=[MEMBERS[3]]))
    heading = run("who", "DeepMind").stdout.splitlines()[3]
    assert heading.split() == ["Presence", "Name", "Since", "Last", "evidence"]


def test_merged_lab_names_its_successor(service: WrittenService, run: Run) -> None:
    lab = {
        "id": "google-brain",
        "name": "Google Brain",
        "status": "merged",
        "successor": {"id": "google-deepmind", "name": "Google DeepMind"},
    }
    none = {"certain": 0, "presumed": 0, "possible": 0}
    service.answers("GET", "/v1/labs/Google%20Brain", roster(lab=lab, members=[], headcount=none))
    stdout = run("who", "Google Brain").stdout
    assert "Merged by that day into Google DeepMind." in stdout
    assert stdout.endswith("0 certain, 0 presumed, 0 possible\nNobody to show.\n")


def test_empty_log_has_no_instant(service: WrittenService, run: Run) -> None:
    known_at = {"position": 0, "recorded_at": None}
    service.answers("GET", "/v1/labs/DeepMind", roster(known_at=known_at, members=[]))
    assert "as known at position 0\n" in run("who", "DeepMind").stdout


def test_json_is_the_answer_as_it_came(service: WrittenService, run: Run) -> None:
    raw = msgspec.json.encode(roster())
    service.answers("GET", "/v1/labs/DeepMind", raw)
    assert run("who", "DeepMind", "--json").stdout_bytes == raw + b"\n"


def test_unknown_name_is_refused_with_near_names(service: WrittenService, run: Run) -> None:
    service.refuses(
        "GET",
        "/v1/labs/Deepmnd",
        404,
        detail="No lab is called 'Deepmnd'; near names: 'DeepMind' (deepmind).",
        suggestions=[
            {"id": "deepmind", "name": "DeepMind"},
            {"id": "deepgram", "name": "Deepgram"},
        ],
    )
    result = run("who", "Deepmnd")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "No lab is called 'Deepmnd'; near names: 'DeepMind' (deepmind).",
        "  near names: 'Deepgram' (deepgram)",
    ]


def test_names_with_slashes_and_dots_stay_one_segment(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/A%2FB%3F", roster())
    service.answers("GET", "/v1/labs/%2E%2E", roster())
    assert run("who", "A/B?").exit_code == 0
    assert run("who", "..").exit_code == 0


def test_blank_name_is_refused_without_asking(service: WrittenService, run: Run) -> None:
    result = run("who", " ")
    assert (result.exit_code, service.requests) == (2, [])
    assert "blank" in result.stderr


def test_unknown_presence_is_a_usage_error(run: Run) -> None:
    result = run("who", "DeepMind", "--presence", "maybe")
    assert result.exit_code == 2
    assert "'certain', 'presumed', 'possible'" in result.stderr
