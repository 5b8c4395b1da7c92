"""`timeline export`, `restore` and `verify --export`: files, and what is wrong with them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from service.answers.log import LogAnswer
from service.cli.main import timeline
from service.domain.events import to_canonical_json
from service.log.chain import GENESIS, event_hash, header_hash, payload_hash
from service.log.export import BrokenExport
from tests.support import builders as b
from tests.support.postgres import utc
from tests.unit.cli.conftest import UNSET, URL, Run, WrittenService

NOW = utc(2026, 11, 22)


def written(*days: str) -> list[bytes]:
    """An export of closures on *days*."""
    previous, lines = GENESIS, []
    for position, day in enumerate(days, 1):
        payload = to_canonical_json(b.closure("x", on=day))
        hashed = payload_hash(b"salt", payload)
        previous = event_hash(
            previous,
            position=position,
            event_id=b.event_id(position),
            type_="closure",
            recorded_at=NOW,
            recorded_by="tester",
            payload_hash=hashed,
        )
        line = {
            "position": position,
            "event_id": b.event_id(position),
            "type": "closure",
            "recorded_at": NOW,
            "recorded_by": "tester",
            "payload": msgspec.Raw(payload),
            "salt": b"salt".hex(),
            "payload_hash": hashed.hex(),
            "hash": previous.hex(),
        }
        lines.append(msgspec.json.encode(line) + b"\n")
    header = {
        "log_id": UUID(int=7),
        "events": len(days),
        "head_hash": previous.hex(),
        "header_hash": header_hash(UUID(int=7), len(days), previous).hex(),
    }
    return [msgspec.json.encode(header) + b"\n", *lines]


LINES = written("2021", "2022", "2023")
FILE = b"".join(LINES)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_export_goes_to_stdout_and_what_is_told_to_stderr(
    service: WrittenService, run: Run
) -> None:
    service.answers("GET", "/v1/log/export", FILE)
    result = run("export", key="k")
    assert (result.exit_code, result.stdout_bytes) == (0, FILE)
    assert "3 events exported" in result.stderr
    assert service.requests[0].headers["authorization"] == "Bearer k"


def test_file_is_written_whole(service: WrittenService, run: Run, tmp_path: Path) -> None:
    service.answers("GET", "/v1/log/export", FILE)
    output = tmp_path / "log.ndjson"
    output.write_bytes(b"an older one")
    result = run("export", "--output", str(output))
    assert (result.exit_code, output.read_bytes()) == (0, FILE)
    assert result.stdout.startswith("3 events exported, up to the head ")
    told = msgspec.json.decode(run("export", "--output", str(output), "--json").stdout)
    assert told["events"] == 3
    assert names(tmp_path) == ["log.ndjson"]


@pytest.mark.parametrize("kept", [FILE[:-1], FILE[:-300], LINES[0], LINES[0] + LINES[1]])
def test_half_an_export_never_has_the_name(
    service: WrittenService, run: Run, tmp_path: Path, kept: bytes
) -> None:
    """A proxy may end a broken answer as if it were whole; the first line says otherwise."""
    service.answers("GET", "/v1/log/export", kept)
    output = tmp_path / "log.ndjson"
    output.write_bytes(b"an older one")
    result = run("export", "--output", str(output))
    assert result.exit_code == 1
    assert "broke off after" in result.stderr
    assert (names(tmp_path), output.read_bytes()) == (["log.ndjson"], b"an older one")


def test_answer_that_breaks_off_is_a_fault(
    service: WrittenService, run: Run, tmp_path: Path
) -> None:
    def pieces() -> Iterator[bytes]:
        yield LINES[0] + LINES[1]
        raise httpx.RemoteProtocolError("peer closed connection")

    service.handles("GET", "/v1/log/export", lambda _: httpx.Response(200, content=pieces()))
    result = run("export", "--output", str(tmp_path / "log.ndjson"))
    assert result.exit_code == 1
    assert result.stderr == f"The answer of {URL} broke off: peer closed connection.\n"
    assert names(tmp_path) == []


@pytest.mark.parametrize("body", [b"", b"hello", b"{}\n", b"[1]\n", b'{"events":"x"}\n', b"\xff\n"])
def test_what_is_no_export_is_told(service: WrittenService, run: Run, body: bytes) -> None:
    service.answers("GET", "/v1/log/export", body)
    result = run("export")
    assert result.exit_code == 1
    assert "The answer is no export" in result.stderr


def test_refused_export_is_refused(service: WrittenService, run: Run) -> None:
    service.refuses("GET", "/v1/log/export", 401, detail="This needs a key.")
    result = run("export")
    assert result.exit_code == 2
    assert result.stderr.startswith("This needs a key.")


def test_file_that_cannot_be_written_is_told(
    service: WrittenService, run: Run, tmp_path: Path
) -> None:
    service.answers("GET", "/v1/log/export", FILE)
    result = run("export", "--output", str(tmp_path / "no" / "log.ndjson"))
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr


def test_device_is_not_replaced_by_a_file(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/log/export", FILE)
    assert run("export", "--output", os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()


def test_json_without_a_file_is_a_usage_error(run: Run) -> None:
    assert run("export", "--json").exit_code == 2


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("service.in_process")
    monkeypatch.setitem(sys.modules, "service.in_process", module)
    return module


def restore(app: ModuleType, file: str, *arguments: str, input: bytes | None = None) -> Any:
    got: list[bytes] = []

    def restored(settings: Any, lines: Iterator[bytes], tell: Any) -> LogAnswer:
        for line in lines:
            if b"bitter" in line:
                raise BrokenExport("Position 2 is not what was exported.", 2)
            got.append(line)
            tell(len(got), 3)
        return LogAnswer(len(got) - 1, "ab", None)

    app.restore = restored  # type: ignore[attr-defined]
    result = CliRunner().invoke(timeline, ["restore", file, *arguments], env=UNSET, input=input)
    return result, got


def test_restore_reads_a_file_or_stdin(app: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    file.write_bytes(FILE)
    for result, got in (restore(app, str(file)), restore(app, "-", input=FILE)):
        assert (result.exit_code, got) == (0, LINES)
        assert result.stdout == "Restored 3 events; the head hash is ab.\n"
    result, _ = restore(app, str(file), "--json")
    assert msgspec.json.decode(result.stdout) == {"position": 3, "hash": "ab", "recorded_at": None}


def test_broken_export_is_refused_by_position(app: ModuleType, tmp_path: Path) -> None:
    result, _ = restore(app, "-", input=LINES[0] + b"bitter\n")
    assert result.exit_code == 2
    assert result.stderr.startswith("Position 2 is not what was exported.")
    assert restore(app, str(tmp_path / "none"))[0].exit_code == 2


def verifying(service: WrittenService, days: tuple[str, ...], **found: Any) -> None:
    """A service whose log is of closures on *days*."""
    items = [msgspec.json.decode(line) for line in written(*days)[1:]]
    answer = {
        "state": "ok",
        "events": len(items),
        "head": {"position": len(items), "hash": "ab"},
        "problems": [],
        "since": None,
        "read_models": {"state": "ok", "drift": []},
    } | found
    service.answers("POST", "/v1/verifications", answer)

    def page(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["after"])
        return httpx.Response(200, json={"items": items[after : after + 1]})

    service.handles("GET", "/v1/events", page)


DAYS = tuple(str(1900 + n) for n in range(100))


@pytest.mark.parametrize(
    ("log", "difference"),
    [
        (DAYS, None),
        ((*DAYS, "2000", "2001"), None),
        (DAYS[:-1], 100),
        (DAYS[:40], 41),
        ((), 1),
        (("2020", *DAYS[1:]), 1),
        ((*DAYS[:57], "2020", *DAYS[58:]), 58),
        ((*DAYS[:99], "2020", "2021"), 100),
    ],
)
def test_export_is_held_against_the_log(
    service: WrittenService,
    run: Run,
    tmp_path: Path,
    log: tuple[str, ...],
    difference: int | None,
) -> None:
    """The first position in which they differ, in a few looks."""
    verifying(service, log)
    file = tmp_path / "log.ndjson"
    file.write_bytes(b"".join(written(*DAYS)))
    result = run("verify", "--export", str(file))
    assert result.exit_code == (0 if difference is None else 1)
    if difference is None:
        assert "which ends at position 100.\n" in result.stdout
    else:
        assert f"differs from '{file}' from position {difference} on" in result.stdout
    assert len(service.requests) <= 9
    told = msgspec.json.decode(run("verify", "--export", str(file), "--json").stdout)
    assert told["export"]["first_difference"] == difference


def test_empty_export_is_in_every_log(service: WrittenService, run: Run, tmp_path: Path) -> None:
    verifying(service, ("2020",))
    file = tmp_path / "log.ndjson"
    file.write_bytes(b"".join(written()))
    assert run("verify", "--export", str(file)).exit_code == 0


def test_broken_export_is_not_held_against_anything(
    service: WrittenService, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "log.ndjson"
    file.write_bytes(FILE.replace(b"2022", b"2020", 3))
    result = run("verify", "--export", str(file))
    assert result.exit_code == 2
    assert result.stderr.startswith("Position ")
    assert service.requests == []


def test_verify_says_what_it_was_asked(service: WrittenService, run: Run) -> None:
    since = {"hash": "ab" * 32, "position": None}
    verifying(service, ("2020",), since=since, state="broken", read_models=None)
    result = run("verify", "--since", "ab" * 32, "--no-read-models")
    assert dict(service.requests[-1].url.params) == {"since": "ab" * 32, "read_models": "false"}
    assert result.exit_code == 1
    assert "The log is whole" in result.stdout
    assert f"never came by the hash {'ab' * 32}: events were taken back" in result.stdout
    verifying(service, ("2020",), since={"hash": "ab", "position": 1})
    assert "only grew since position 1," in run("verify", "--since", "ab").stdout


def test_verify_tells_of_read_models(service: WrittenService, run: Run) -> None:
    drift = {"model": "stints", "content": "\x1b[31m"}
    verifying(service, (), state="broken", read_models={"state": "drifted", "drift": [drift] * 25})
    result = run("verify")
    assert result.exit_code == 1
    assert "differ in 25 places; 'timeline replay' mends them.\n" in result.stdout
    assert result.stdout.count("stints") == 20
    assert "\x1b" not in result.stdout
    verifying(service, (), state="broken", read_models={"state": "unchecked", "drift": []})
    assert "were not compared" in run("verify").stdout
