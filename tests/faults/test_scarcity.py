"""A Postgres that is out of disk, of connections or of patience, and one that starts again."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from tests.faults.running import PROGRESS, running, running_on
from tests.support.ledger import assert_nothing_lost

DISK_MIB = 160
HELD_SECONDS = 12.0
"""Longer than the log's lock is waited for."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "tmpfs", str(folder)]
    with contextlib.suppress(OSError):
        if subprocess.run(mounting, check=False, capture_output=True).returncode == 0:
            try:
                yield folder
            finally:
                subprocess.run(["umount", "-l", str(folder)], check=True)
            return
    pytest.skip("this user may not mount a file system")


async def test_full_disk_is_told_and_got_over(small_disk: Path) -> None:
    async with running(small_disk) as (_, ledger):
        async with ledger.kept():
            await ledger.more(PROGRESS)
            ballast = small_disk / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(b"\0" * 65_536)
                    file.flush()
            async with asyncio.timeout(60):
                while not ledger.statuses[503]:  # noqa: ASYNC110 (other tasks make it so)
                    await asyncio.sleep(0.05)
            assert await ledger.status_of("/healthz") == 200
            assert await ledger.status_of("/readyz") == 503
            ballast.unlink()
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)
    assert set(ledger.statuses) <= {200, 201, 503}


@contextlib.asynccontextmanager
async def no_connection_left(owner: Any) -> AsyncIterator[None]:
    """Somebody else has every connection that the service does not have already."""
    taken: list[Any] = []
    folder = owner._addr.rpartition("/")[0]
    dsn = f"postgresql:///{owner._params.database}?host={quote(folder)}&user={owner._params.user}"
    try:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            while True:
                taken.append(await asyncpg.connect(dsn))
        yield
    finally:
        for one in taken:
            one.terminate()


async def test_scarce_connections_are_told_and_got_over(tmp_path: Path) -> None:
    async with running_on(tmp_path, max_connections="12") as (_, ledger, owner, line):
        async with ledger.kept():
            await ledger.more(PROGRESS)
            async with no_connection_left(owner):
                line.cut()
                await line.open()
                async with asyncio.timeout(30):
                    while not ledger.statuses[503]:  # noqa: ASYNC110 (other tasks make it so)
                        await asyncio.sleep(0.01)
                assert await ledger.status_of("/healthz") == 200
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)


async def test_lock_that_somebody_holds_is_told_and_got_over(tmp_path: Path) -> None:
    async with running_on(tmp_path) as (_, ledger, owner, _):
        async with ledger.kept():
            await ledger.more(PROGRESS)
            await owner.execute("SELECT pg_advisory_lock(7240002)")
            await asyncio.sleep(HELD_SECONDS)
            assert ledger.statuses[503] > 0
            told = await ledger._http.get(f"{ledger.url}/readyz")
            assert "Somebody else holds" in told.json()["checks"]["writing"]
            assert (await ledger._http.get(f"{ledger.url}/v1/labs")).status_code == 200
            await owner.execute("SELECT pg_advisory_unlock(7240002)")
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)


async def test_cancelled_statements_are_got_over(tmp_path: Path) -> None:
    async with running_on(tmp_path) as (_, ledger, owner, _):
        async with ledger.kept(replays=True):
            for _ in range(60):
                await owner.execute(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'lab-timeline' AND state = 'active'"
                )
                await asyncio.sleep(0.02)
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "at once"])
async def test_postgres_that_stops_is_started_again(how: signal.Signals, tmp_path: Path) -> None:
    async with running(tmp_path) as (service, ledger):
        async with ledger.kept(replays=True):
            await ledger.more(PROGRESS)
            os.kill(service.postmaster, how)
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)
