"""`timeline load`: files of events, faulty lines left out."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import msgspec
import pytest

from service.cli import event_files
from service.cli import load as loading
from service.cli.event_files import LINE_BYTES_MAX, EventLine, LineFault, read_events
from tests.unit.cli.conftest import Run, WrittenService


class Log:
    """Records the lines of a stream that have no fault, as the service does."""

    def __init__(self, service: WrittenService) -> None:
        self.positions: dict[str, int] = {}
        self.sizes: list[int] = []
        service.handles("POST", "/v1/events", self.record)
        service.answers("GET", "/v1/log", {"position": 0, "hash": "0" * 64, "recorded_at": None})

    @property
    def head(self) -> dict[str, Any]:
        return {"position": len(self.positions), "hash": "ab" * 32}

    def record(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == "application/x-ndjson"
        is_dry = request.url.params.get("dry_run") == "true"
        events = [msgspec.json.decode(raw) for raw in request.read().splitlines()]
        self.sizes.append(len(events))
        positions = dict(self.positions)
        replayed, faults = 0, []
        for number, event in enumerate(events, start=1):
            if event.get("date") == "bad":
                message = "'bad' is no date."
                fault = {"line": number, "pointer": "/date", "message": message, "code": "bad_date"}
                faults.append(fault)
            elif event["event_id"] in positions:
                replayed += 1
            else:
                positions[event["event_id"]] = len(positions) + 1
        recorded = len(positions) - len(self.positions)
        if not is_dry:
            self.positions = positions
        reasons = {"bad_date": len(faults)} if faults else {}
        told = {"refused": len(faults), "faults": faults[:20], "reasons": reasons}
        if recorded + replayed == 0:
            kind = "urn:lab-timeline:problem:nothing_recorded"
            return httpx.Response(
                422, json={"type": kind, "detail": "None.", "status": 422, **told}
            )
        more = {"recorded": recorded, "replayed": replayed, "head": self.head, "dry_run": is_dry}
        return httpx.Response(200, json=told | more)


@pytest.fixture
def log(service: WrittenService) -> Log:
    return Log(service)


def line(**fields: Any) -> str:
    event = {"type": "hire", "person": "Ada", "lab": "X", "date": "2024", **fields}
    return msgspec.json.encode(event).decode() + "\n"


def write(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_ndjson_is_recorded_and_told(log: Log, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "events.ndjson", line(role="a") + "\n" + line(role="b"))
    result = run("load", file)
    assert result.exit_code == 0
    assert result.stdout == ("2 recorded, 0 recorded before, 0 refused; the head is position 2.\n")
    assert result.stderr == ""


def test_repeated_load_records_nothing_twice(log: Log, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.ndjson", line(role="a") + line(role="b"))
    mended = write(tmp_path, "b.ndjson", line(role="new") + line(role="b") + line(role="a"))
    run("load", file)
    assert run("load", file).stdout.startswith("0 recorded, 2 recorded before, 0 refused")
    assert run("load", mended).stdout.startswith("1 recorded, 2 recorded before, 0 refused")


def test_equal_lines_of_one_file_are_events_of_their_own(
    log: Log, run: Run, tmp_path: Path
) -> None:
    file = write(tmp_path, "a.ndjson", line() + line(date="2023") + line())
    assert run("load", file).stdout.startswith("3 recorded, 0 recorded before")
    assert run("load", file).stdout.startswith("0 recorded, 3 recorded before")


def test_equal_lines_are_remembered_for_a_while_only(
    log: Log, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_files, "EVENTS_REMEMBERED", 2)
    others = "".join(line(role=str(i)) for i in range(5))
    file = write(tmp_path, "a.ndjson", line() + line() + others + line())
    assert run("load", file).stdout.startswith("7 recorded, 1 recorded before")


def test_repeated_line_with_its_own_id_is_recorded_once(log: Log, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.ndjson", line(event_id="mine") * 2)
    assert run("load", file).stdout.startswith("1 recorded, 1 recorded before")


def test_own_event_ids_are_kept(log: Log, run: Run, tmp_path: Path) -> None:
    run("load", write(tmp_path, "a.ndjson", line(event_id="mine")))
    assert [*log.positions] == ["mine"]


def test_lines_that_share_an_id_are_all_sent(log: Log, run: Run, tmp_path: Path) -> None:
    text = line(event_id="mine", role="a") + line(event_id="mine", role="b")
    run("load", write(tmp_path, "a.ndjson", text))
    assert log.sizes == [2]


def test_faulty_lines_are_left_out_and_named(log: Log, run: Run, tmp_path: Path) -> None:
    text = line(role="a") + "{oops\n" + line(date="bad") + line(role="b") + "7\n"
    result = run("load", write(tmp_path, "a.ndjson", text))
    assert result.exit_code == 2
    assert result.stdout.startswith("2 recorded, 0 recorded before, 3 refused")
    told = [said.removeprefix(str(tmp_path)) for said in result.stderr.splitlines()]
    assert told[0].startswith("/a.ndjson, line 2: The line is no JSON")
    assert told[1] == "/a.ndjson, line 3: /date 'bad' is no date."
    assert told[2] == "/a.ndjson, line 5: An event is an object, in braces."
    assert log.sizes == [3]


def test_long_files_go_in_chunks(
    log: Log, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK_EVENTS_MAX", 10)
    text = "".join(line(role=str(i)) for i in range(25))
    assert run("load", write(tmp_path, "a.ndjson", text)).exit_code == 0
    assert log.sizes == [10, 10, 5]


def test_chunks_are_bounded_in_bytes(
    log: Log, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK_BYTES_MAX", 1000)
    text = "".join(line(note=f"{i}" * 300) for i in range(4))
    assert run("load", write(tmp_path, "a.ndjson", text)).exit_code == 0
    assert log.sizes == [2, 2]


def test_only_the_first_faults_are_shown(log: Log, run: Run, tmp_path: Path) -> None:
    text = "".join(line(date="bad", role=str(i)) for i in range(25))
    stderr = run("load", write(tmp_path, "a.ndjson", text)).stderr.splitlines()
    assert len(stderr) == 21
    assert stderr[-1] == "and 5 more lines; in all 25 bad_date"


def test_csv_is_read_by_its_header(log: Log, service: WrittenService, run: Run) -> None:
    text = (
        "\ufefftype,new_person,Lab,date,note,aliases,founders,source_url,source_title,orcid\r\n"
        'hire,John Jumper,Anthropic,[2026-06-19..],"two\r\n\r\nlines",,,'
        "https://a.example https://b.example,News,0000-0001\r\n"
        ",,,,,,,,,\r\n"
        "founding,,X,2024,,,Ada; Bob,,,\r\n"
    )
    assert run("load", "-", input=text.encode()).exit_code == 0
    (request,) = [r for r in service.requests if r.method == "POST"]
    events = [msgspec.json.decode(raw) for raw in request.content.splitlines()]
    assert [{k: v for k, v in event.items() if k != "event_id"} for event in events] == [
        {
            "type": "hire",
            "person": {"name": "John Jumper"},
            "lab": "Anthropic",
            "date": "[2026-06-19..]",
            "note": "two\r\n\r\nlines",
            "sources": [
                {"url": "https://a.example", "title": "News"},
                {"url": "https://b.example"},
            ],
            "ids": {"orcid": "0000-0001"},
        },
        {"type": "founding", "lab": "X", "date": "2024", "founders": ["Ada", "Bob"]},
    ]


def test_csv_faults_name_the_first_line_of_their_row(log: Log, run: Run, tmp_path: Path) -> None:
    text = 'type,note\nclosure,"a\nb"\nclosure,a,b\nclosure,"a"b\nclosure,\xff\nclosure,z\n'
    result = run("load", write(tmp_path, "a.csv", text.encode("latin-1")))
    assert result.stdout.startswith("2 recorded, 0 recorded before, 3 refused")
    told = [said.partition(", ")[2] for said in result.stderr.splitlines()]
    assert told[0] == "line 4: The row has 3 cells, the header 2."
    assert told[1].startswith("line 5: No CSV up to line 5")
    assert told[2] == "line 6: The line is no UTF-8."


def test_unknown_column_refuses_the_file(log: Log, run: Run, tmp_path: Path) -> None:
    result = run("load", write(tmp_path, "a.csv", "type,employer\nhire,X\n"))
    assert result.exit_code == 2
    assert "line 1: Column 'employer' is no field of an event; columns are type" in result.stderr
    assert log.sizes == []


def test_json_array_is_refused_as_a_file(log: Log, run: Run) -> None:
    result = run("load", "-", input="[\n{}\n]\n")
    assert result.exit_code == 2
    assert result.stderr == "stdin, line 1: This is a JSON array; write one event a line.\n"


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_too_long_line_is_passed_over(ending: str) -> None:
    head = b"type,note\n" if ending == "csv" else b""
    good = b"closure,a\n" if ending == "csv" else b'{"type": "closure"}\n'
    stream = _Bytes(head + b"x" * (2 * LINE_BYTES_MAX + 7) + b"\n" + good)
    fault, event = read_events(stream, f"a.{ending}")
    assert isinstance(fault, LineFault)
    assert isinstance(event, EventLine)
    assert fault.message == "The line is longer than 1,048,576 bytes."
    assert event.line == fault.line + 1


def test_deep_and_misspelt_lines_are_faults() -> None:
    stream = _Bytes(
        b"[" * 0 + b'{"a":' * 100_000 + b"\n" + b'{"a": "\xff"}\n' + b'{"a": "\\ud800"}\n'
    )
    found = [*read_events(stream, "a.ndjson")]
    assert all(isinstance(each, LineFault) for each in found)
    assert len(found) == 3


def test_summary_as_json_names_the_faults(log: Log, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.ndjson", line() + line(date="bad"))
    result = run("load", file, "--json")
    assert result.exit_code == 2
    assert msgspec.json.decode(result.stdout) == {
        "recorded": 1,
        "replayed": 0,
        "refused": 1,
        "reasons": {"bad_date": 1},
        "dry_run": False,
        "faults": [{"file": file, "line": 2, "pointer": "/date", "message": "'bad' is no date."}],
        "head": log.head,
    }


def test_refused_key_ends_the_load(service: WrittenService, run: Run, tmp_path: Path) -> None:
    service.answers("GET", "/v1/log", {"position": 0})
    service.refuses("POST", "/v1/events", 403, detail="The key is a reader's.")
    result = run("load", write(tmp_path, "a.ndjson", line()))
    assert result.exit_code == 2
    assert "The key is a reader's.\n" in result.stderr


def test_fault_half_way_tells_how_to_go_on(
    log: Log, service: WrittenService, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK_EVENTS_MAX", 1)

    def fail_after_one(request: httpx.Request) -> httpx.Response:
        if log.positions:
            raise httpx.ReadError("gone", request=request)
        return log.record(request)

    service.handles("POST", "/v1/events", fail_after_one)
    result = run("load", write(tmp_path, "a.ndjson", line(role="a") + line(role="b")))
    assert result.exit_code == 1
    assert "By then: 1 recorded" in result.stderr
    assert "Load the same files again" in result.stderr


def test_interrupted_load_tells_how_to_go_on(
    log: Log, service: WrittenService, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK_EVENTS_MAX", 2)

    def interrupt_after_one(request: httpx.Request) -> httpx.Response:
        if log.positions:
            raise KeyboardInterrupt
        return log.record(request)

    service.handles("POST", "/v1/events", interrupt_after_one)
    text = "".join(line(role=str(i)) for i in range(5))
    file = write(tmp_path, "a.ndjson", text)
    result = run("load", file)
    assert result.exit_code == 1
    assert "Stopped. By then: 2 recorded, 0 recorded before, 0 refused, and 2 were under way." in (
        result.stderr
    )
    service.handles("POST", "/v1/events", log.record)
    assert run("load", file).stdout.startswith("3 recorded, 2 recorded before, 0 refused")


def test_lines_are_read_while_those_before_are_recorded(
    log: Log, service: WrittenService, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a service elsewhere. A chunk is sent when the line after it is read."""
    monkeypatch.setattr(loading, "CHUNK_EVENTS_MAX", 1)
    is_third_read = Event()

    def read(stream: Any, name: str) -> Iterator[EventLine | LineFault]:
        for number, event in enumerate(read_events(stream, name), 1):
            if number == 3:
                is_third_read.set()
            yield event

    def record(request: httpx.Request) -> httpx.Response:
        assert is_third_read.wait(timeout=60)
        return log.record(request)

    monkeypatch.setattr(loading, "read_events", read)
    service.handles("POST", "/v1/events", record)
    text = "".join(line(role=role) for role in "abc")
    result = run("load", write(tmp_path, "a.ndjson", text))
    assert result.stdout.startswith("3 recorded, 0 recorded before, 0 refused")


def test_dry_run_is_one_stream_of_all_files(log: Log, run: Run, tmp_path: Path) -> None:
    one = write(tmp_path, "a.ndjson", line(role="a") + "{oops\n" + line(role="b"))
    two = write(tmp_path, "b.csv", "type,date\nclosure,2020\n\nclosure,bad\n")
    result = run("load", "--dry-run", one, two)
    assert result.exit_code == 2
    assert log.sizes == [4]
    assert log.positions == {}
    assert result.stdout == (
        "3 would be recorded, 0 recorded before, 2 refused; the head is position 0.\n"
    )
    told = [said.removeprefix(str(tmp_path)) for said in result.stderr.splitlines()]
    assert told[0].startswith("/a.ndjson, line 2: The line is no JSON")
    assert told[1] == "/b.csv, line 4: /date 'bad' is no date."


def test_file_of_faults_alone_is_told_as_any_other(log: Log, run: Run, tmp_path: Path) -> None:
    file = write(tmp_path, "a.ndjson", line(date="bad"))
    for options in ((), ("--dry-run",)):
        result = run("load", file, *options)
        assert result.exit_code == 2
        assert result.stderr == f"{file}, line 1: /date 'bad' is no date.\n"
        assert ", 1 refused" in result.stdout


def test_missing_file_is_a_usage_error(log: Log, run: Run, tmp_path: Path) -> None:
    assert run("load", str(tmp_path / "none.ndjson")).exit_code == 2
    assert run("load", str(tmp_path)).exit_code == 2
    assert log.sizes == []


def _Bytes(content: bytes) -> Any:  # noqa: N802 (stands for a stream)
    from io import BytesIO

    return BytesIO(content)
