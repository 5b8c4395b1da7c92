"""Clients that flood, hang up and stay: memory stays flat, and others are answered."""

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.running import PROGRESS, running, running_on
from tests.support.ledger import KEY, assert_nothing_lost

FLOOD = 48
BODY_BYTES = 8 * 1024 * 1024
MEMORY_BYTES_MAX = 256 * 1024 * 1024
"""More than before the flood; all its bodies together are half as much again."""
CONNECTIONS = 1_000
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
        before = _resident(pid)
        async with httpx.AsyncClient(base_url=ledger.url, headers=KEY, timeout=60) as client:
            flood = [asyncio.create_task(_large(client, n)) for n in range(FLOOD)]
            most = before
            async with asyncio.timeout(30):
                while sum(each.done() for each in flood) < FLOOD // 2:
                    most = max(most, _resident(pid))
                    await asyncio.sleep(0.05)
            await owner.execute("SELECT pg_advisory_unlock(7240002)")
            statuses = await asyncio.gather(*flood)
        assert set(statuses) == {201, 503}
        assert most - before < MEMORY_BYTES_MAX, f"{(most - before) >> 20} MiB"
        async with ledger.kept():
            await ledger.more(PROGRESS)


async def _large(client: httpx.AsyncClient, number: int) -> int:
    event = b'{"type": "profile", "lab": {"name": "Flood %d"}}' % number
    headers = {"Content-Type": "application/json"}
    response = await client.post("/v1/events", content=event.ljust(BODY_BYTES), headers=headers)
    assert response.status_code != 503 or response.headers["retry-after"]
    return response.status_code


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


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
        await assert_nothing_lost(ledger)
