"""Clients that flood, hang up and stay: memory stays flat, and others are answered."""

import asyncio
import contextlib
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.running import PROGRESS, running, running_on
from tests.support.counted import count
from tests.support.ledger import KEY, Ledger, assert_nothing_lost
from tests.support.processes import resident_bytes

FLOOD = 48
BODY_BYTES = 8 * 1024 * 1024
MEMORY_BYTES_MAX = 256 * 1024 * 1024
"""More than before the flood; all its bodies together are half as much again."""
CONNECTIONS = 1_000
SEND_SECONDS = 2.0
"""Instead of a minute."""
HASTY = f"""
from service import connections
connections.SEND_SECONDS = {SEND_SECONDS}
from service.cli.main import main
main()
"""
LINES, BATCH, NOTE = 4_000, 1_000, 2_000
EXPORT_BYTES_MIN = 8 * 1024 * 1024
"""More than the system keeps of an answer for a client that takes nothing."""
READERS = 10
READERS_BYTES_MAX = 60 * 1024 * 1024
"""Of all of them together; their answers together are a third more at least."""
END_SECONDS = 10.0
ESTABLISHED = "01"
"""As the system lists connections."""
HEAD = (
    b"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
    b"Content-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
)


async def test_flood_beyond_what_fits_is_told_to_come_again(tmp_path: Path) -> None:
    async with running_on(tmp_path) as (service, ledger, owner, _):
        assert service.process is not None
        async with ledger.kept():
            await ledger.more(PROGRESS)
        await owner.execute("SELECT pg_advisory_lock(7240002)")
        pid = service.process.process.pid
        before = resident_bytes(pid)
        async with httpx.AsyncClient(base_url=ledger.url, headers=KEY, timeout=60) as client:
            flood = [asyncio.create_task(_large(client, n)) for n in range(FLOOD)]
            most = before
            async with asyncio.timeout(30):
                while sum(each.done() for each in flood) < FLOOD // 2:
                    most = max(most, resident_bytes(pid))
                    await asyncio.sleep(0.05)
            await owner.execute("SELECT pg_advisory_unlock(7240002)")
            statuses = await asyncio.gather(*flood)
        assert set(statuses) == {201, 503}
        assert most - before < MEMORY_BYTES_MAX, f"{(most - before) >> 20} MiB"
        count("fault", "write of 8 MiB in a flood", FLOOD)
        async with ledger.kept():
            await ledger.more(PROGRESS)


async def _large(client: httpx.AsyncClient, number: int) -> int:
    event = b'{"type": "profile", "lab": {"name": "Flood %d"}}' % number
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/events", content=event.ljust(BODY_BYTES), headers=headers)
    assert response.status_code != 503 or response.headers["retry-after"]
    return response.status_code


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many as the clients of this test need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("the system lets nobody have so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_thousand_connections_and_those_that_hang_up_keep_nobody_off(tmp_path: Path) -> None:
    """The service was started with fewer files than that, as most shells do."""
    async with running(tmp_path) as (_, ledger):
        address = urlsplit(ledger.url)
        async with ledger.kept():
            await ledger.more(PROGRESS)
            opened = [
                await asyncio.open_connection(address.hostname, address.port)
                for _ in range(CONNECTIONS)
            ]
            for number, (_, writer) in enumerate(opened):
                if number % 2:
                    writer.write(HEAD + b'[{"type": "hire"')
            await ledger.more(PROGRESS)
            assert await ledger.status_of("/readyz") == 200
            for _, writer in opened:
                writer.transport.abort()
            await ledger.more(PROGRESS)
            count("fault", "client that hung up", CONNECTIONS)
        await assert_nothing_lost(ledger)


async def test_reader_who_takes_nothing_is_given_up(tmp_path: Path) -> None:
    """Nothing gathers for them, they are hung up on in time, and do not hold up an end."""
    command = (sys.executable, "-c", HASTY)
    async with running(tmp_path, command=command) as (service, ledger):
        assert service.process is not None
        await _record_much(ledger)
        pid = service.process.process.pid
        before, most, opened = resident_bytes(pid), 0, _connections(pid)
        readers = [await _reading(ledger) for _ in range(READERS)]
        async with asyncio.timeout(30):
            while _connections(pid) < opened + READERS:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
        async with asyncio.timeout(30 * SEND_SECONDS):
            while _connections(pid) > opened:
                most = max(most, resident_bytes(pid))
                await asyncio.sleep(0.05)
        assert most - before < READERS_BYTES_MAX, f"{(most - before) >> 20} MiB"
        for reader in readers:
            assert await asyncio.to_thread(_taken, reader) < EXPORT_BYTES_MIN, "it was cut off"
        count("fault", "reader of an export who takes nothing", READERS)
        with await _reading(ledger):
            await asyncio.sleep(0.5)
            began = time.monotonic()
            assert await service.stop() == 0
            assert time.monotonic() - began < END_SECONDS


async def _record_much(ledger: Ledger) -> None:
    """As many events as make an export of some length."""
    for first in range(0, LINES, BATCH):
        hires = [
            {
                "type": "hire",
                "person": {"id": f"p-{n}", "name": f"Person {n}"},
                "lab": {"id": f"lab-{n % 50}", "name": f"Lab {n % 50}"},
                "date": "2024",
                "note": "x" * NOTE,
            }
            for n in range(first, first + BATCH)
        ]
        response = await ledger._http.post(f"{ledger.url}/v1/events", json=hires)
        assert response.status_code == 201, response.text
    whole = await ledger._http.get(f"{ledger.url}/v1/log/export")
    assert len(whole.content) > EXPORT_BYTES_MIN


async def _reading(ledger: Ledger) -> socket.socket:
    """A client that asked for the export, and takes nothing of it."""
    address = urlsplit(ledger.url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.to_thread(client.connect, (address.hostname, address.port))
    client.sendall(b"GET /v1/log/export HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def _taken(client: socket.socket) -> int:
    """How many bytes came until the connection ended."""
    taken = 0
    with client, contextlib.suppress(ConnectionResetError):
        client.settimeout(60)
        while piece := client.recv(1 << 20):
            taken += len(piece)
    return taken


def _connections(pid: int) -> int:
    """How many clients a process keeps."""
    opened = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            opened.add(str(one.readlink()))
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == ESTABLISHED and f"socket:[{row[9]}]" in opened for row in rows)
