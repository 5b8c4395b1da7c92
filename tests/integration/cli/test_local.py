"""The command line on a data directory: what a person types, end to end."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli.main import timeline


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data dir")


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(timeline, [*arguments, "--data-dir", str(data_dir)])


def answer(data_dir: Path, *arguments: str) -> Any:
    result = run(data_dir, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_record_correct_and_ask_both_ways(data_dir: Path) -> None:
    recorded = answer(
        data_dir, "record", "hire", "--new-person", "Ada Lovelace",
        "--new-lab", "Analytical Engines", "--date", "2024-01-10",
    )  # fmt: skip
    assert recorded["recorded_by"].startswith("local:")
    before = recorded["position"]
    corrected = run(
        data_dir, "correct", recorded["event_id"],
        "--date", "2024-03-01", "--reason", "she said so herself",
    )  # fmt: skip
    assert corrected.exit_code == 0, corrected.output
    ask = ("who", "Analytical Engines", "--at", "2024-02-01")
    assert answer(data_dir, *ask)["headcount"]["presumed"] == 0
    assert answer(data_dir, *ask, "--known-at", str(before))["headcount"]["presumed"] == 1
    shown = run(data_dir, "who", "analytical engines", "--at", "2024-03-01")
    assert re.search(r"● certain +Ada Lovelace", shown.stdout)

    replayed = run(data_dir, "replay")
    assert replayed.exit_code == 0, replayed.output
    assert answer(data_dir, *ask, "--known-at", str(before))["headcount"]["presumed"] == 1
    verified = run(data_dir, "verify")
    assert verified.exit_code == 0, verified.output

    rehearsed = run(data_dir, "retract", recorded["event_id"], "--reason", "r", "--dry-run")
    assert "Ada Lovelace at Analytical Engines\n- since 1 March 2024" in rehearsed.stdout
    retracted = run(data_dir, "retract", recorded["event_id"], "--reason", "a mix-up")
    assert retracted.exit_code == 0, retracted.output
    assert answer(data_dir, "who", "Analytical Engines", "--at", "2024-06-01")["members"] == []
    person = answer(data_dir, "person", "ada lovelace", "--known-at", str(before))
    assert person["stints"][0]["start"]["lo"] == "2024-01-10"


def test_questions_are_answered_on_a_data_directory(data_dir: Path) -> None:
    """Each as text and as JSON, on a log of which the test before made something."""
    day = ("--from", "2024-02-01", "--to", "2024-04-01", "--known-at", "2")
    changes = answer(data_dir, "changes", "Analytical Engines", *day)
    shown = run(data_dir, "changes", "Analytical Engines", *day).stdout
    assert [len(changes[kind]) for kind in ("joined", "left")] == [1, 0]
    assert re.search(r"\+ joined +Ada Lovelace +absent +◌ presumed", shown)
    known = ("--at", "2024-04-01", "--known-from", "2", "--known-to", "3")
    shown = run(data_dir, "changes", "Analytical Engines", *known).stdout
    assert re.search(r"- removed +Ada Lovelace +◌ presumed +absent +3", shown)

    corrections = answer(data_dir, "corrections", "--lab", "Analytical Engines")
    shown = run(data_dir, "corrections", "--lab", "Analytical Engines").stdout
    assert [one["type"] for one in corrections["items"]] == ["retraction", "correction"]
    assert "she said so herself\n- Ada Lovelace joined Analytical Engines, 10 January 2024" in shown
    assert "+ nothing: it is withdrawn" in shown

    then = ("--known-at", "2")
    assert answer(data_dir, "moves", "--kind", "arrival", *then)["count"]["certain"] == 1
    assert "1 certain\n" in run(data_dir, "moves", "--to-lab", "Analytical Engines", *then).stdout

    words = ("ask", "where was Ada Lovelace", "in 2024", *then)
    assert answer(data_dir, *words)["question"]["kind"] == "where"
    shown = run(data_dir, *words).stdout
    assert shown.startswith("Where was Ada Lovelace in 2024?\n")
    assert "On its first day, 1 January 2024: at no lab that the log knows of" in shown
    public = run(data_dir, "who", "Analytical Engines", "--published-by", "2024-06-01", *then)
    assert "by what was published by 1 June 2024 (" in public.stdout


def test_refusals_exit_with_2_and_record_nothing(data_dir: Path) -> None:
    head = answer(data_dir, "verify")["head"]["position"]
    refused = run(
        data_dir, "record", "hire", "--person", "Nobody Known", "--lab", "x", "--date", "2024-13"
    )
    assert refused.exit_code == 2
    assert "2024-13" in refused.stderr
    unknown = run(data_dir, "who", "No Such Lab")
    assert unknown.exit_code == 2
    assert "No Such Lab" in unknown.stderr
    assert answer(data_dir, "verify")["head"]["position"] == head


def test_a_file_is_loaded_once_however_often_it_is_loaded(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    lines = [
        {
            "type": "hire",
            "person": {"name": f"Person {i}"},
            "lab": {"name": "Loaded Lab"},
            "date": f"2020-01-{i + 1:02}",
        }
        for i in range(20)
    ]
    faulty = [*map(json.dumps, lines), '{"type": "hire"}']
    file.write_text("\n".join(faulty))
    before = answer(data_dir, "verify")["events"]
    rehearsed = run(data_dir, "load", "--dry-run", str(file))
    assert rehearsed.exit_code == 2, rehearsed.output
    assert rehearsed.stdout.startswith("20 would be recorded, 0 recorded before, 1 refused")
    assert answer(data_dir, "verify")["events"] == before
    first = run(data_dir, "load", str(file))
    assert first.exit_code == 2, "a line was refused"
    assert "21" in first.stderr
    count = answer(data_dir, "verify")["events"]
    run(data_dir, "load", str(file))
    assert answer(data_dir, "verify")["events"] == count
    assert answer(data_dir, "who", "Loaded Lab", "--at", "2020-01-20")["headcount"] == {
        "certain": 1, "presumed": 19, "possible": 0,
    }  # fmt: skip


def test_doors_are_for_those_who_come_from_outside(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMELINE_HOSTS", "example.org")
    monkeypatch.setenv("TIMELINE_RATE_LIMIT", "1/hour")
    for _ in range(2):
        assert run(data_dir, "keys", "list").exit_code == 0


def test_key_is_rotated(data_dir: Path) -> None:
    assert run(data_dir, "keys", "create", "eve", "--expires", "2099-01-01").exit_code == 0
    assert run(data_dir, "keys", "rotate", "eve", "--overlap", "1").exit_code == 0
    keys = [k for k in answer(data_dir, "keys", "list")["items"] if k["name"] == "eve"]
    assert sorted(k["expires_at"] == "2099-01-01T00:00:00Z" for k in keys) == [False, True]
    assert run(data_dir, "keys", "revoke", "eve").exit_code == 0
    assert run(data_dir, "keys", "rotate", "eve").exit_code == 2


def test_keys_are_made_listed_and_revoked(data_dir: Path) -> None:
    made = run(data_dir, "keys", "create", "bob", "--role", "reader")
    assert made.exit_code == 0, made.output
    assert made.stdout.strip().startswith("tl_")
    assert "bob" in [k["name"] for k in answer(data_dir, "keys", "list")["items"]]
    assert run(data_dir, "keys", "revoke", "bob").exit_code == 0
    assert run(data_dir, "keys", "revoke", "bob").exit_code == 2


def test_migrating_what_is_up_to_date_says_so(data_dir: Path) -> None:
    run(data_dir, "migrate")
    result = run(data_dir, "migrate")
    assert result.exit_code == 0, result.output
    assert "up to date" in result.stdout


def test_doctor_finds_nothing_wrong_with_a_data_directory(data_dir: Path) -> None:
    """Of which the disk is looked at, too; as far as this machine's has room."""
    run(data_dir, "record", "closure", "--new-lab", "Short-lived", "--date", "2024")
    for arguments in ((), ("--deep",)):
        found = json.loads(run(data_dir, "doctor", *arguments, "--json").stdout)
        facts = {fact["name"]: fact for fact in found["facts"]}
        assert facts.pop("disk")["numbers"]["free_bytes"] > 0
        assert {fact["state"] for fact in facts.values()} == {"ok"}
        assert found["deep"] is bool(arguments)
    shown = run(data_dir, "doctor").stdout
    assert re.search(r"● ok +gaps +Each of the \d+ positions has its event\.", shown)
