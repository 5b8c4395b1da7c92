"""`timeline doctor`."""

from typing import Any

import pytest

from tests.unit.cli.conftest import Run, WrittenService


def fact(name: str, state: str, advice: str | None = None) -> dict[str, Any]:
    told = f"This is about {name}."
    return {"name": name, "state": state, "told": told, "advice": advice, "numbers": {}}


def answer(service: WrittenService, *facts: dict[str, Any]) -> None:
    states = [one["state"] for one in facts]
    state = max(states, key=["ok", "warning", "bad"].index)
    body = {"state": state, "looked_at": "2026-11-22T09:05:00Z", "deep": False, "facts": facts}
    service.answers("GET", "/v1/diagnosis", body)


@pytest.mark.parametrize(("state", "exit_code"), [("ok", 0), ("warning", 0), ("bad", 1)])
def test_exit_code_is_a_fault_where_something_is_bad(
    state: str, exit_code: int, service: WrittenService, run: Run
) -> None:
    answer(service, fact("gaps", "ok"), fact("disk", state))
    assert run("doctor").exit_code == exit_code
    assert run("doctor", "--json").exit_code == exit_code


def test_what_is_wrong_comes_with_what_to_do(service: WrittenService, run: Run) -> None:
    answer(
        service,
        fact("long_transactions", "warning", "End it."),
        fact("gaps", "ok"),
        fact("disk", "bad", "Make room\x1b[31m."),
    )
    lines = run("doctor").stdout.splitlines()
    assert lines[2:] == [
        "◌ warning   long transactions   This is about long_transactions.",
        "● ok        gaps                This is about gaps.",
        "✗ bad       disk                This is about disk.",
        "",
        "long transactions: End it.",
        "",
        "disk: Make room\\x1b[31m.",
        "",
        "Looked at 2026-11-22 09:05 UTC: ✗ bad.",
    ]


def test_depth_is_asked_for(service: WrittenService, run: Run) -> None:
    answer(service, fact("gaps", "ok"))
    assert run("doctor", "--deep").exit_code == 0
    assert run("doctor").exit_code == 0
    assert [dict(one.url.params) for one in service.requests] == [{"deep": "true"}, {}]


def test_doctor_is_for_admins(service: WrittenService, run: Run) -> None:
    service.refuses("GET", "/v1/diagnosis", 403, detail="This needs 'admin'.")
    result = run("doctor", key="k")
    assert result.exit_code == 2
    assert "This needs 'admin'." in result.stderr
