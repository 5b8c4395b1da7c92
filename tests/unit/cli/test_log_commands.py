"""`timeline replay`, `verify`, `keys`, `migrate` and `serve`."""

import sys
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from service.cli.main import timeline
from tests.unit.cli.conftest import UNSET, Run, WrittenService


def replay(state: str, done: int, drift: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "state": state,
        "step": "building",
        "rolls_back": None,
        "done": done,
        "total": 4000,
        "events_per_second": 1234.5,
        "seconds_left": 1.6 if state == "running" else None,
        "switch_waits": 0,
        "checkpoint": None,
        "drift": drift,
        "drift_rows": len(drift),
        "detail": None,
        **more,
    }


def start_replay(service: WrittenService, *looks: dict[str, Any]) -> None:
    answers = iter(looks)
    service.answers("POST", "/v1/replays", replay("running", 0, []), status=202)
    service.handles("GET", "/v1/replays/r1", lambda _: httpx.Response(200, json=next(answers)))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def test_replay_is_watched_to_its_end(service: WrittenService, run: Run) -> None:
    start_replay(service, replay("running", 2000, []), replay("done", 4000, []))
    result = run("replay")
    assert result.exit_code == 0
    assert result.stdout == (
        "Replayed 4,000 of 4,000 events, 1,234 a second: "
        "the read models are built anew and differed in nothing.\n"
    )


def test_checked_drift_is_a_fault(service: WrittenService, run: Run) -> None:
    row = {"model": "stints", "kind": "person", "side": "kept", "known_from": 7, "known_to": None}
    drift = [{**row, "subject": f"p{i}\x07", "content": {"x": i}} for i in range(25)]
    drift[1] |= {"side": "replayed", "known_to": 9}
    start_replay(service, replay("done", 4000, drift, drift_rows=3000))
    result = run("replay", "--check")
    assert dict(service.requests[0].url.params) == {"check": "true"}
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].endswith("the read models differ in 3,000 rows.")
    assert lines[1] == '  - person p0\\x07, stints, position 7 on: {"x":0}'
    assert lines[2] == '  + person p1\\x07, stints, position 7 to 9: {"x":1}'
    assert lines[-1] == "  and 2,980 more"


def test_drift_can_be_overruled(service: WrittenService, run: Run) -> None:
    start_replay(service, replay("done", 4000, []))
    assert run("replay", "--force").exit_code == 0
    assert dict(service.requests[0].url.params) == {"force": "true"}


def test_failed_replay_is_a_fault(service: WrittenService, run: Run) -> None:
    """It is told why, in the words of the service."""
    start_replay(service, replay("failed", 7, [], detail="Out of room."))
    result = run("replay")
    assert result.exit_code == 1
    assert result.stdout.startswith("The replay failed after 7 of 4,000 events")
    assert result.stdout.endswith("Out of room.\n")


def test_progress_is_told_to_who_waits(
    service: WrittenService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.terminal.SECONDS_BETWEEN_LINES", 0)
    waiting = replay("running", 4000, [], step="catching_up", seconds_left=None, switch_waits=3)
    start_replay(service, replay("running", 2000, []), waiting, replay("done", 4000, []))
    assert run("replay").stderr.splitlines()[1:] == [
        "Replay: building, 2,000 of 4,000 events, 1,234 a second, about 2 s left",
        "Replay: catching up, 4,000 of 4,000 events, 1,234 a second, gave way to readers 3 times",
    ]


def test_processes_are_asked_for(service: WrittenService, run: Run) -> None:
    start_replay(service, replay("done", 4000, []))
    assert run("replay", "--processes", "2").exit_code == 0
    assert dict(service.requests[0].url.params) == {"processes": "2"}


def test_last_replay_is_taken_back(service: WrittenService, run: Run) -> None:
    """That is the newest that switched: others only compared, or failed."""
    items = [
        {"id": "r4", "checkpoint": None},
        {"id": "r3", "checkpoint": 4000},
        {"id": "r2", "checkpoint": 9},
    ]
    service.answers("GET", "/v1/replays", {"items": items})
    done = replay("done", 5, [], rolls_back="r3")
    service.answers("POST", "/v1/replays/r3/rollback", done, status=202)
    result = run("replay", "--rollback")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("The read models before that replay are in use again")


def test_without_a_replay_nothing_is_taken_back(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/replays", {"items": [{"id": "r1", "checkpoint": None}]})
    result = run("replay", "--rollback")
    assert result.exit_code == 2
    assert "nothing to put back" in result.stderr


def test_ways_to_replay_exclude_each_other(run: Run) -> None:
    assert run("replay", "--rollback", "--force").exit_code == 2
    assert run("replay", "--rollback", "--processes", "2").exit_code == 2
    assert run("replay", "--processes", "0").exit_code == 2


def test_replay_passes_its_last_word_on(service: WrittenService, run: Run) -> None:
    start_replay(service, replay("done", 4000, []))
    assert msgspec.json.decode(run("replay", "--json").stdout) == replay("done", 4000, [])


def test_whole_log_is_told(service: WrittenService, run: Run) -> None:
    body = {"state": "ok", "events": 1762, "problems": []}
    service.answers("POST", "/v1/verifications", body | {"head": {"position": 1762, "hash": "ab"}})
    result = run("verify")
    assert result.exit_code == 0
    assert result.stdout == (
        "The log is whole: 1,762 events, head at position 1,762.\nHead hash ab\n"
    )


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_broken_log_is_a_fault(service: WrittenService, run: Run, flags: tuple[str, ...]) -> None:
    body = {
        "state": "broken",
        "events": 3,
        "head": {"position": 3, "hash": "ab"},
        "problems": [{"position": 2, "message": "The hash is not that of the payload."}],
    }
    service.answers("POST", "/v1/verifications", body)
    result = run("verify", *flags)
    assert result.exit_code == 1
    if flags:
        assert msgspec.json.decode(result.stdout) == body
    else:
        assert "  position 2: The hash is not that of the payload.\n" in result.stdout


def test_created_key_is_alone_on_stdout(service: WrittenService, run: Run) -> None:
    body = {"name": "newsroom", "role": "writer", "key": "tl_secret"}
    service.answers("POST", "/v1/keys", body, status=201)
    result = run("keys", "create", "newsroom", "--role", "writer")
    assert service.sent("POST") == [{"name": "newsroom", "role": "writer"}]
    assert result.stdout == "tl_secret\n"
    assert "it is not shown again" in result.stderr


def test_end_of_a_key_is_a_day_or_an_instant(service: WrittenService, run: Run) -> None:
    service.answers("POST", "/v1/keys", {"key": "tl_secret"}, status=201)
    for given, sent in (
        ("2030-01-01", "2030-01-01T00:00:00Z"),
        ("2030-01-01T12:00+02:00", "2030-01-01T12:00+02:00"),
    ):
        assert run("keys", "create", "a", "--expires", given).exit_code == 0
        assert service.sent("POST")[-1]["expires_at"] == sent


def test_rotated_key_is_alone_on_stdout(service: WrittenService, run: Run) -> None:
    service.answers("POST", "/v1/keys/news%20room/rotation", {"key": "tl_new"}, status=201)
    result = run("keys", "rotate", "news room", "--overlap", "24")
    assert service.sent("POST") == [{"overlap_seconds": 86400}]
    assert result.stdout == "tl_new\n"
    assert "stays good for 24 h" in result.stderr
    assert "is refused from now on" in run("keys", "rotate", "news room").stderr
    assert run("keys", "rotate", "news room", "--overlap", "169").exit_code == 2


def test_keys_are_listed(service: WrittenService, run: Run) -> None:
    items = [
        {"name": "a", "role": "admin", "created_at": "2026-11-22T00:10:05Z", "revoked_at": None},
        {
            "name": "[b]b",
            "role": "reader",
            "created_at": "2026-11-22T00:10:05Z",
            "revoked_at": "2026-11-23T00:10:05Z",
            "expires_at": "2026-12-01T00:00:00Z",
            "last_used_at": "2026-11-22T23:59:00Z",
        },
    ]
    service.answers("GET", "/v1/keys", {"items": items})
    result = run("keys", "list")
    assert result.exit_code == 0
    assert "[b]b" in result.stdout
    assert "2026-11-23 00:10 UTC" in result.stdout
    assert "2026-12-01 00:00 UTC" in result.stdout
    assert "2026-11-22 23:59 UTC" in result.stdout


def test_keys_pass_the_json_on(service: WrittenService, run: Run) -> None:
    key = {"name": "a", "role": "admin", "key": "k"}
    service.answers("GET", "/v1/keys", {"items": []})
    service.answers("POST", "/v1/keys", key, status=201)
    service.answers("DELETE", "/v1/keys/a", b"", status=204)
    assert run("keys", "list", "--json").stdout == '{"items":[]}\n'
    assert msgspec.json.decode(run("keys", "create", "a", "--json").stdout) == key
    assert run("keys", "revoke", "a", "--json").stdout == ""


def test_no_keys_are_told(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/keys", {"items": []})
    assert run("keys", "list").stdout == "No keys.\n"


def test_key_is_revoked_by_name(service: WrittenService, run: Run) -> None:
    service.answers("DELETE", "/v1/keys/news%20room", b"", status=204)
    result = run("keys", "revoke", "news room")
    assert (result.exit_code, result.stdout) == (0, "The key 'news room' is revoked.\n")


def test_unknown_role_is_a_usage_error(run: Run) -> None:
    assert run("keys", "create", "a", "--role", "owner").exit_code == 2


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """In the place of what commands do in process, and of the service."""
    module = ModuleType("app")
    for name in ("service.in_process", "service.serving"):
        monkeypatch.setitem(sys.modules, name, module)
    return module


def test_migrate_prints_its_sentence(app: ModuleType, tmp_path: Any) -> None:
    app.migrate = lambda settings: f"{settings.data_dir.name} is at 0003."  # type: ignore[attr-defined]
    arguments = ["migrate", "--data-dir", str(tmp_path / "here")]
    result = CliRunner().invoke(timeline, arguments, env=UNSET)
    assert (result.exit_code, result.stdout) == (0, "here is at 0003.\n")


def test_serve_hands_its_options_over(app: ModuleType, tmp_path: Any) -> None:
    seen: list[Any] = []

    def serve(settings: Any, empty: bool) -> int:
        seen.append((settings.host, settings.port, settings.workers, settings.data_dir, empty))
        return 3

    app.serve = serve  # type: ignore[attr-defined]
    arguments = ["serve", "--port", "0", "--workers", "2", "--data-dir", str(tmp_path), "--empty"]
    result = CliRunner().invoke(timeline, arguments, env={**UNSET, "TIMELINE_HOST": "::1"})
    assert result.exit_code == 3
    assert seen == [("::1", 0, 2, tmp_path, True)]


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("TIMELINE_PORT", "many", "0 to 65535"),
        ("TIMELINE_PORT", "65536", "0 to 65535"),
        ("TIMELINE_PORT", "８０", "0 to 65535"),
        ("TIMELINE_WORKERS", "0", "1 to 8"),
        ("TIMELINE_WORKERS", "9", "1 to 8"),
    ],
)
def test_bad_setting_is_refused(app: ModuleType, name: str, value: str, takes: str) -> None:
    result = CliRunner().invoke(timeline, ["migrate"], env={**UNSET, name: value})
    assert result.exit_code == 2
    assert f"{name} is '{value}'; it takes a number from {takes}." in result.stderr


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_fault_of_the_application_is_a_sentence(app: ModuleType, command: str) -> None:
    def fail(*_: Any) -> None:
        raise OSError(98, "Address already in use")

    setattr(app, command, fail)
    result = CliRunner().invoke(timeline, [command], env=UNSET)
    assert result.exit_code == 1
    assert result.stderr == "OSError: [Errno 98] Address already in use.\n"
