"""Clients that are slow, silent or too many: each is bounded, and others are answered."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from service import connections
from service.api import bodies, intake, streams
from service.api.operations import Machinery
from service.api.problems import ProblemDocument
from service.api.streams import CHUNK_BYTES
from tests.integration.api.asking import get, problem
from tests.support.answering import answering
from tests.support.postgres import http_client

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
PROFILE = b'{"type": "profile", "lab": {"name": "X"}}'


async def trickle(content: bytes, seconds: float) -> AsyncIterator[bytes]:
    """A byte at a time."""
    for byte in content:
        yield bytes([byte])
        await asyncio.sleep(seconds)


@pytest.mark.parametrize(
    ("headers", "code"), [(JSON, "malformed"), (NDJSON, "stream_broken")], ids=["whole", "lines"]
)
async def test_body_that_trickles_is_refused(
    headers: dict[str, str], code: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "RECEIVE_SECONDS", 0.1)
    monkeypatch.setattr(streams, "LINES_RATE_MIN", 1024)
    content = trickle(PROFILE.ljust(500), 0.02)
    async with asyncio.timeout(10):
        refused = await client.post("/v1/events", content=content, headers=headers)
    assert "too slowly" in problem(refused, 400, code).detail
    assert (await get(client, "/v1/log"))["position"] == 0


async def test_pause_of_ours_is_not_the_clients(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that came at once is slow only in being committed."""
    monkeypatch.setattr(streams, "LINES_RATE_MIN", 1_000_000)
    monkeypatch.setattr(streams, "CHUNK_EVENTS", 2)
    monkeypatch.setattr(bodies, "RECEIVE_SECONDS", 0.05)
    lines = b"\n".join([PROFILE] * 60)
    answer = await client.post("/v1/events", content=trickled(lines, 30), headers=NDJSON)
    assert answer.json()["recorded"] == 60


async def trickled(content: bytes, parts: int) -> AsyncIterator[bytes]:
    size = len(content) // parts + 1
    for start in range(0, len(content), size):
        yield content[start : start + size]


class TestBodiesInMemory:
    async def test_are_bounded_together(
        self, client: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "BYTES_MAX", 1_000)
        may_end = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield PROFILE[:-1].ljust(800)
            await may_end.wait()
            yield b"}"

        first = asyncio.create_task(client.post("/v1/events", content=slow(), headers=JSON))
        while not made.intake.bytes:  # noqa: ASYNC110 (another task makes it so)
            await asyncio.sleep(0.01)
        for content in (PROFILE.ljust(300), trickled(PROFILE.ljust(300), 10)):
            refused = await client.post("/v1/events", content=content, headers=JSON)
            assert "writes are waiting" in problem(refused, 503, "queue_full").detail
            assert refused.headers["retry-after"] == "1"
        small = await client.post("/v1/events", content=PROFILE, headers=JSON)
        assert small.status_code == 201
        may_end.set()
        assert (await first).status_code == 201
        assert made.intake.bytes == 0

    async def test_of_a_stream_are_those_of_a_chunk(
        self, client: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held: list[int] = []

        async def lines() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield PROFILE + b"\n"
                held.append(made.intake.bytes)

        answer = await client.post("/v1/events", content=lines(), headers=NDJSON)
        assert answer.json()["recorded"] == 3
        assert set(held) == {CHUNK_BYTES}
        assert made.intake.bytes == 0

    @pytest.mark.parametrize("content", [b"{", b"[]", PROFILE + b"x", b"\xff"])
    async def test_are_given_back_when_refused(
        self, content: bytes, client: httpx.AsyncClient, made: Machinery
    ) -> None:
        assert (await client.post("/v1/events", content=content, headers=JSON)).is_client_error
        assert made.intake.bytes == 0


async def health(address: tuple[str, int]) -> int:
    async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
        return (await client.get("/healthz")).status_code


class TestConnections:
    @pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
    async def test_without_a_whole_head_is_closed(
        self, said: bytes, made: Machinery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
        async with answering(made) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(said)
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()
            assert await health(address) == 200

    async def test_after_an_answer_is_closed_though_it_trickles(
        self, made: Machinery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
        async with answering(made) as address, asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"}")
            with contextlib.suppress(OSError):
                for byte in b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 1000:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)
                    if writer.transport.is_closing():
                        break
            assert writer.transport.is_closing()
            writer.close()

    async def test_with_a_head_too_large_is_closed(self, made: Machinery) -> None:
        async with answering(made) as address, asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /healthz HTTP/1.1\r\n")
            with contextlib.suppress(OSError):
                for number in range(200):
                    writer.write(b"X-%d: %s\r\n" % (number, b"a" * 1000))
                    await writer.drain()
                    await asyncio.sleep(0)
                assert b" 431 " in await reader.readline()
            writer.close()
            assert await health(address) == 200

    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"Good morning\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400),
            (b"GET /v1/people?q=%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 70_000), 431),
        ],
        ids=["no HTTP", "no header", "address too long"],
    )
    async def test_whose_head_cannot_be_read_is_told_so(
        self, head: bytes, status: int, made: Machinery
    ) -> None:
        async with answering(made) as address, asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(head)
            said, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            line, *headers = said.decode().lower().split("\r\n")
            assert line.split()[1] == str(status)
            assert "content-type: application/problem+json" in headers
            assert f"content-length: {len(body)}" in headers
            document = msgspec.json.decode(body, type=ProblemDocument)
            assert document.status == status
            assert document.detail.endswith(".")
            assert await health(address) == 200

    async def test_body_refused_before_its_end_is_passed_over(self, made: Machinery) -> None:
        """So that the client, which sends first and reads then, comes to read why."""
        large = b"[" + b" " * 20_000_000 + b"]"
        async with (
            http_client(made, "admin") as inside,
            answering(made) as (host, port),
            httpx.AsyncClient(base_url=f"http://{host}:{port}") as client,
        ):
            headers = {"Authorization": inside.headers["authorization"], **JSON}
            for _ in range(2):
                problem(await client.post("/v1/events", content=large, headers=headers), 413)

    async def test_that_takes_nothing_of_an_answer_is_closed(
        self, made: Machinery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "SEND_SECONDS", 0.3)
        async with http_client(made, "admin") as client:
            events = [
                {"type": "profile", "lab": {"name": f"Lab {n}"}, "note": "n" * 4_000}
                for n in range(2_500)
            ]
            for _ in range(2):
                assert (await client.post("/v1/events", json=events)).status_code == 201
        async with answering(made) as address, asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(*address, limit=1024)
            writer.write(b"GET /v1/log/export HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.read(1)
            await asyncio.sleep(3)
            assert await health(address) == 200
            size = 0
            with contextlib.suppress(OSError):
                while chunk := await reader.read(1 << 20):
                    size += len(chunk)
            assert size < 20_000_000, "it was hung up on"
            writer.close()

    async def test_beyond_a_number_are_told_to_come_again(
        self, made: Machinery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "CONNECTIONS_MAX", 5)
        async with answering(made) as address, asyncio.timeout(20):
            opened = [await asyncio.open_connection(*address) for _ in range(8)]
            told = [await reader.read() for reader, _ in opened[5:]]
            assert all(b" 503 " in one and b"Retry-After: 1" in one for one in told)
            for _, writer in opened:
                writer.close()
            while (status := await health(address)) != 200:
                assert status == 503


def test_as_many_files_as_the_system_lets_are_had() -> None:
    from service.listening import FILES_MAX, open_more_files

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        open_more_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
