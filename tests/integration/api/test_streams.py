"""Events as a stream of lines: in chunks, past faulty lines, and further where it broke off."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import msgspec
import pytest

from service.api import bodies, streams
from service.api.operations import Machinery
from service.api.streams import StreamAnswer
from service.recording.commands import Command, Recorded
from tests.integration.api.asking import HIRED, SEED, get, hire, position, problem, record
from tests.support.postgres import http_client

NDJSON = {"Content-Type": "application/x-ndjson"}
KEY = {"Idempotency-Key": "import"}
OWN_ID = "00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
async def log(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the seed."""
    await record(client, *SEED)
    return client


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK_EVENTS", 3)


def lines(*events: Any) -> bytes:
    return b"".join((e if isinstance(e, bytes) else msgspec.json.encode(e)) + b"\n" for e in events)


async def parts(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def post(
    client: httpx.AsyncClient, content: Any, *, params: Any = None, **headers: str
) -> httpx.Response:
    return await client.post(
        "/v1/events", content=content, params=params, headers={**NDJSON, **headers}
    )


async def told(client: httpx.AsyncClient, *events: Any, **more: Any) -> StreamAnswer:
    response = await post(client, lines(*events), **more)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=StreamAnswer)


def counts(answer: StreamAnswer) -> tuple[int, int, int]:
    return (answer.recorded, answer.replayed, answer.refused)


def people(count: int) -> list[dict[str, Any]]:
    return [hire(person={"name": f"Person {n}"}, note=str(n)) for n in range(count)]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_lines_are_recorded_however_they_come(size: int, log: httpx.AsyncClient) -> None:
    content = b"\xef\xbb\xbf" + lines(*people(7), b"", b"  \r") + lines(hire()).rstrip()
    response = await post(log, parts(content, size))
    answer = msgspec.json.decode(response.content, type=StreamAnswer)
    assert counts(answer) == (8, 0, 0)
    head = await get(log, "/v1/log")
    assert (answer.head.position, answer.head.hash) == (head["position"], head["hash"])
    assert head["position"] == len(SEED) + 8
    assert response.headers["log-position"] == str(head["position"])
    items = (await get(log, "/v1/events", after=len(SEED)))["items"]
    assert [e.get("note") for e in items] == [*map(str, range(7)), None]


@pytest.mark.usefixtures("small_chunks")
async def test_faulty_lines_alone_are_left_out(log: httpx.AsyncClient) -> None:
    """And what only they gave is unknown to the lines after them."""
    merger = {"type": "merger", "absorbed": ["y"], "lab": "x", "date": "2020"}
    answer = await told(
        log,
        hire(note="1"),
        b"{oops",
        b'{"type": "hire", "note": "\xff"}',
        b"[" * 100 + b"]" * 100,
        b"7",
        hire(date="soon", role=7),
        hire(lab="Analytical Enginez"),
        hire(person={"name": "Ghost"}, lab="Nowhere"),
        hire(person="Ghost"),
        hire(person="Wei Wang"),
        merger,
        {**merger, "lab": "y"},
        {"type": "retraction", "target": OWN_ID, "reason": "r"},
        hire(event_id=HIRED),
        b"",
        hire(note="16"),
    )
    assert counts(answer) == (2, 0, 13)
    at = [(fault.line, fault.pointer, fault.code) for fault in answer.faults]
    assert at == [
        (2, "", "malformed"),
        (3, "", "malformed"),
        (4, "", "malformed"),
        (5, "", "invalid"),
        (6, "/date", "bad_date"),
        (6, "/role", "invalid"),
        (7, "/lab", "unknown_name"),
        (8, "/lab", "unknown_name"),
        (9, "/person", "unknown_name"),
        (10, "/person", "ambiguous_name"),
        (11, "", "closes_cycle"),
        (12, "/absorbed/0", "self_merger"),
        (13, "/target", "unknown_event"),
        (14, "/event_id", "event_id_taken"),
    ]
    assert [s.id for s in answer.faults[6].suggestions] == ["engines"]
    assert [c.id for c in answer.faults[9].candidates] == ["wei-wang", "wei-wang-2"]
    assert answer.reasons["unknown_name"] == 3
    assert sum(answer.reasons.values()) == 13
    items = (await get(log, "/v1/events", after=len(SEED)))["items"]
    assert [e["note"] for e in items] == ["1", "16"]


async def test_too_long_line_is_passed_over(
    log: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "LINE_BYTES_MAX", 300)
    long = hire(note="x" * 300)
    for size in (10, 1000):
        response = await post(log, parts(lines(long, hire(note=str(size)), long), size))
        answer = msgspec.json.decode(response.content, type=StreamAnswer)
        assert counts(answer) == (1, 0, 2)
        assert [(f.line, f.code) for f in answer.faults] == [
            (1, "line_too_long"),
            (3, "line_too_long"),
        ]


@pytest.mark.usefixtures("small_chunks")
async def test_faults_are_told_up_to_a_number_and_all_are_counted(log: httpx.AsyncClient) -> None:
    answer = await told(log, *[hire(date="soon")] * 50, hire())
    assert (answer.refused, len(answer.faults)) == (50, streams.FAULTS_TOLD_MAX)
    assert answer.reasons == {"bad_date": 50}


@pytest.mark.parametrize("content", [b"", b"\n \n", b"{\n7\n", lines(hire(date="soon"))])
@pytest.mark.asyncio(loop_scope="session")
async def test_stream_of_which_nothing_is_recorded_is_refused(
    content: bytes, seeded: httpx.AsyncClient
) -> None:
    refused = problem(await post(seeded, content), 422, "nothing_recorded")
    assert (
        len(refused.faults)
        == refused.refused
        == len([c for c in content.split(b"\n") if c.strip()])
    )


@pytest.mark.usefixtures("small_chunks")
async def test_repeat_of_a_key_resumes(log: httpx.AsyncClient, made: Machinery) -> None:
    """Each line by its number; a line of which something else is said now is a fault."""
    first = await told(log, *people(5), **KEY)
    assert counts(first) == (5, 0, 0)
    again = await post(log, lines(*people(8)), **KEY)
    answer = msgspec.json.decode(again.content, type=StreamAnswer)
    assert counts(answer) == (3, 5, 0)
    assert "idempotent-replayed" not in again.headers
    whole = await post(log, lines(*people(8)), **KEY)
    assert whole.headers["idempotent-replayed"] == "true"
    assert whole.json()["replayed"] == 8
    other = await told(log, *people(3)[::-1], **KEY)
    assert counts(other) == (0, 1, 2)
    assert {f.code for f in other.faults} == {"event_id_taken"}
    async with http_client(made, "writer") as writer:
        assert counts(await told(writer, *people(3), **KEY)) == (3, 0, 0)


async def test_lines_are_known_by_their_ids(log: httpx.AsyncClient) -> None:
    own = hire(event_id=OWN_ID)
    assert counts(await told(log, own, own, hire())) == (2, 1, 0)
    assert counts(await told(log, own, hire())) == (1, 1, 0)


@pytest.mark.usefixtures("small_chunks")
async def test_broken_stream_keeps_its_whole_chunks(
    log: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "RECEIVE_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield lines(*people(7))
        await asyncio.sleep(1)
        yield b""

    refused = problem(await post(log, slow(), **KEY), 400, "stream_broken")
    assert "6 events were recorded" in refused.detail
    assert await position(log) == len(SEED) + 6
    assert counts(await told(log, *people(8), **KEY)) == (2, 6, 0)


@pytest.mark.usefixtures("small_chunks")
async def test_stream_that_the_database_breaks_tells_how_far_it_came(
    log: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = made.writer.record
    faults = iter([None, TimeoutError()])

    async def failing_once(command: Command) -> Recorded:
        if (fault := next(faults, None)) is not None:
            raise fault
        return await recorded(command)

    monkeypatch.setattr(made.writer, "record", failing_once)
    refused = await post(log, lines(*people(8)), **KEY)
    detail = problem(refused, 503, "not_ready").detail
    assert detail.startswith("The database does not answer in time. By then 3 events were recorded")
    assert "retry-after" in refused.headers
    assert counts(await told(log, *people(8), **KEY)) == (5, 3, 0)


@pytest.mark.usefixtures("small_chunks")
async def test_client_that_hangs_up_leaves_whole_chunks(
    log: httpx.AsyncClient, made: Machinery
) -> None:
    """As the server tells of it: a message of its own instead of more of the body."""
    from service.app import create_app

    content = lines(*people(7))
    messages: Iterator[Any] = iter(
        [
            {"type": "http.request", "body": content[:-20], "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, Any]:
        told: dict[str, Any] = next(messages)
        return told

    async def send(_: Any) -> None:
        return None

    scope: Any = {
        "type": "http", "method": "POST", "path": "/v1/events", "raw_path": b"/v1/events",
        "query_string": b"", "http_version": "1.1", "scheme": "http", "root_path": "",
        "client": None, "server": ("test", 80), "extensions": {},
        "headers": [
            (b"authorization", b"Bearer admin"),
            (b"content-type", b"application/x-ndjson"),
            (b"idempotency-key", b"import"),
        ],
    }  # fmt: skip
    await create_app(made)(scope, receive, send)  # type: ignore[arg-type]  # as bare as a server's
    assert await position(log) == len(SEED) + 6
    assert counts(await told(log, *people(7), **KEY)) == (1, 6, 0)


@pytest.mark.usefixtures("small_chunks")
async def test_others_write_between_chunks(log: httpx.AsyncClient) -> None:
    async def with_another_inside() -> AsyncIterator[bytes]:
        yield lines(*people(4))
        await record(log, hire(note="between"))
        yield lines(*people(8)[4:])

    response = await post(log, with_another_inside())
    assert response.json()["recorded"] == 8
    notes = [e["note"] for e in (await get(log, "/v1/events", after=len(SEED)))["items"]]
    assert notes == ["0", "1", "2", "between", "3", "4", "5", "6", "7"]


@pytest.mark.usefixtures("small_chunks")
async def test_dry_run_of_a_stream_tells_what_it_then_does(log: httpx.AsyncClient) -> None:
    """Across chunks: names, ids, targets and cycles of earlier ones count."""
    stream = [
        hire(person={"name": "Grace Hopper", "aliases": ["Amazing Grace"]}, event_id=OWN_ID),
        hire(person={"name": "Ghost"}, lab="Nowhere"),
        {"type": "profile", "lab": "engines", "aliases": ["The Engines"]},
        {"type": "profile", "lab": {"name": "Mill"}},
        hire(person="amazing grace", lab="the engines", date="2025"),
        hire(person="Ghost"),
        hire(event_id=OWN_ID),
        hire(person={"name": "Grace Hopper", "aliases": ["Amazing Grace"]}, event_id=OWN_ID),
        {"type": "retraction", "target": OWN_ID, "reason": "r"},
        {"type": "same_as", "person": "wei-wang", "into": "wei-wang-2"},
        {"type": "merger", "absorbed": ["engines"], "lab": "Mill", "date": "2030"},
        {"type": "same_as", "person": "wei-wang-2", "into": "wei-wang"},
        {"type": "merger", "absorbed": ["Mill"], "lab": "engines", "date": "2029"},
        hire(person="Wei Wang"),
        hire(person={"name": "grace  hopper"}),
        b"{",
    ]
    dry = await told(log, *stream, params={"dry_run": "true"})
    assert (dry.dry_run, dry.head.position) == (
        True,
        len(SEED) == await position(log) and len(SEED),
    )
    done = await told(log, *stream)
    assert counts(dry) == counts(done)
    assert [(f.line, f.pointer, f.code) for f in dry.faults] == [
        (f.line, f.pointer, f.code) for f in done.faults
    ]
    assert dry.reasons == done.reasons
    assert done.refused == 6
    assert [f.line for f in done.faults] == [2, 6, 7, 12, 13, 16]


async def test_dry_run_does_not_wait_for_the_lock(log: httpx.AsyncClient, made: Machinery) -> None:
    from service.log.append import lock

    async with made.pool.acquire() as connection, connection.transaction():
        await lock(connection)
        async with asyncio.timeout(10):
            assert counts(await told(log, hire(), params={"dry_run": "true"})) == (1, 0, 0)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"If-Match": '"8"'}, 422, "bad_parameter"),
        ({"Content-Encoding": "gzip"}, 415, "unsupported_content"),
        ({"Content-Type": "application/x-ndjson; charset=latin-1"}, 415, "unsupported_content"),
        ({"Content-Type": "text/csv"}, 415, "unsupported_content"),
        ({"Idempotency-Key": "a b"}, 422, "bad_parameter"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_other_headers_are_refused(
    headers: dict[str, str], status: int, code: str, seeded: httpx.AsyncClient
) -> None:
    problem(await post(seeded, lines(hire()), **headers), status, code)
