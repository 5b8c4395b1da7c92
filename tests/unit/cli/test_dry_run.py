"""`--dry-run` of `record`, `correct` and `retract`: what would change, as a diff."""

from typing import Any

import msgspec
import pytest

from tests.unit.cli.conftest import Run, WrittenService

EVENT_ID = "4f1c1c1e-0a5e-4e57-9a5f-6f1e7c3d2b10"
ADA, X = {"id": "ada", "name": "Ada"}, {"id": "x", "name": "Lab X"}
EVENT: dict[str, Any] = {
    "type": "hire", "person": ADA, "lab": X, "date": "2024-02-01", "event_id": EVENT_ID,
    "position": 8, "revision": 8, "corrections": [],
    "current": {"type": "hire", "person": ADA, "lab": X, "date": "2024-02-01"},
}  # fmt: skip


def stint(start: str, end: str | None, **more: Any) -> dict[str, Any]:
    def bounds(day: str) -> dict[str, Any]:
        return {"date": day, "lo": day, "hi": day}

    return {
        "lab": X, "start": bounds(start), "end": bounds(end) if end else None, "role": None,
        "last_evidence": start, "events": [EVENT_ID], **more,
    }  # fmt: skip


def told(**more: Any) -> dict[str, Any]:
    span = {"lab": X, "certain": 0, "presumed": 0, "possible": 0}
    return {
        "dry_run": True,
        "replayed": False,
        "known_at": {"position": 8, "recorded_at": None},
        "events": [{**EVENT, "position": 9}],
        "changes": [
            {
                "person": ADA,
                "lab": X,
                "before": [stint("2019-01-01", "2019-06-01"), stint("2024-02-01", None)],
                "after": [
                    stint("2019-01-01", "2019-06-01"),
                    stint("2024-03-01", "2025-01-01", role="CTO"),
                ],
            }
        ],
        "headcounts": [
            {**span, "from": "2024-02-01", "to": "2024-02-29", "certain": -1, "possible": 2},
            {**span, "from": "2025-01-01", "to": None, "presumed": -1},
            {**span, "from": None, "to": "1999-01-01", "possible": 1},
            {**span, "from": "2025-01-01", "to": "2025-01-01", "certain": 1},
        ],
        "findings": [{"kind": "unknown_start", "person": ADA, "labs": [X]}],
        "findings_gone": [{"kind": "already_present", "person": ADA, "labs": [X]}],
        **more,
    }


DIFF = """\
Would be recorded at position 9: Ada joined Lab X, 1 February 2024.
Ada at Lab X
- since 1 February 2024, no departure recorded, last evidence 1 February 2024
+ since 1 March 2024, until 1 January 2025, CTO
Lab X has 1 fewer certain and 2 more possible from 1 February 2024 to 29 February 2024.
Lab X has 1 fewer presumed from 1 January 2025 on.
Lab X has 1 more possible from the beginning to 1 January 1999.
Lab X has 1 more certain on 1 January 2025.
+ noticed unknown_start: it is not known when Ada joined Lab X
- noticed already_present: Ada was already at Lab X when joining it
Nothing was recorded; rehearsed at position 8.
"""
COMMANDS = {
    "record": ("record", "hire", "--person", "ada", "--lab", "x", "--date", "2024"),
    "correct": ("correct", EVENT_ID, "--date", "2024-03-01", "--reason", "r"),
    "retract": ("retract", EVENT_ID, "--reason", "r"),
}


@pytest.fixture
def rehearsing(service: WrittenService) -> WrittenService:
    service.answers("GET", f"/v1/events/{EVENT_ID}", EVENT)
    service.answers("POST", "/v1/events", told())
    for what in ("correction", "retraction"):
        service.answers("PUT", f"/v1/events/{EVENT_ID}/{what}", told())
    return service


@pytest.mark.parametrize("name", COMMANDS)
def test_dry_run_shows_a_diff(name: str, rehearsing: WrittenService, run: Run) -> None:
    result = run(*COMMANDS[name], "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout == DIFF
    write = rehearsing.requests[-1]
    assert write.url.params["dry_run"] == "true"
    assert write.headers.get("if-match") == ('"8"' if name == "correct" else None)


@pytest.mark.parametrize("name", COMMANDS)
def test_dry_run_for_programs_is_the_answer_as_it_came(
    name: str, rehearsing: WrittenService, run: Run
) -> None:
    assert msgspec.json.decode(run(*COMMANDS[name], "--dry-run", "--json").stdout) == told()


def test_write_itself_asks_for_no_dry_run(service: WrittenService, run: Run) -> None:
    service.answers("POST", "/v1/events", EVENT, status=201)
    assert run(*COMMANDS["record"]).exit_code == 0
    assert "dry_run" not in service.requests[-1].url.params


def test_same_stays_on_other_evidence_are_said_so(service: WrittenService, run: Run) -> None:
    same = {"person": ADA, "lab": X, "before": [stint("2024-02-01", None)]}
    same["after"] = [stint("2024-02-01", None, events=[])]
    answer = told(changes=[same], headcounts=[], findings=[], findings_gone=[])
    service.answers("POST", "/v1/events", answer)
    assert (
        "the same days and role, on other evidence" in run(*COMMANDS["record"], "--dry-run").stdout
    )


def test_repeat_is_told_as_recorded_before(service: WrittenService, run: Run) -> None:
    answer = told(replayed=True, changes=[], headcounts=[], findings=[], findings_gone=[])
    service.answers("POST", "/v1/events", answer)
    stdout = run(*COMMANDS["record"], "--dry-run").stdout
    assert stdout.startswith("Recorded before at position 9: Ada joined Lab X")
    assert "No stay" not in stdout


def test_write_that_moves_nobody_is_told(service: WrittenService, run: Run) -> None:
    answer = told(changes=[], headcounts=[], findings=[], findings_gone=[])
    service.answers("POST", "/v1/events", answer)
    assert "No stay would change.\n" in run(*COMMANDS["record"], "--dry-run").stdout
