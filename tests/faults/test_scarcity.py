"""A Postgres that keeps others waiting or turns them away, and one that starts again."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.faults.running import PROGRESS, running, running_on
from tests.support.counted import count
from tests.support.ledger import KEY, Ledger, assert_nothing_lost

HELD_SECONDS = 12.0
"""Longer than the log's lock is waited for."""


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
            count("fault", "lock of the log held by somebody")
        await assert_nothing_lost(ledger)


async def test_cancelled_statements_are_got_over(tmp_path: Path) -> None:
    async with running_on(tmp_path) as (_, ledger, owner, _):
        async with ledger.kept(replays=True):
            for _ in range(60):
                cancelled = await owner.fetchval(
                    "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'lab-timeline' AND state = 'active'"
                )
                count("fault", "statement cancelled", cancelled)
                await asyncio.sleep(0.02)
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)


@pytest.mark.parametrize(
    ("lock", "asked"),
    [
        ("SELECT pg_advisory_xact_lock(7240002)", "write"),
        ("LOCK TABLE read_models.findings", "read"),
    ],
    ids=["append", "answer"],
)
async def test_one_statement_that_is_cancelled_is_told_or_tried_again(
    lock: str, asked: str, tmp_path: Path
) -> None:
    """Who waits for it is answered, once; the others notice nothing."""
    async with running_on(tmp_path) as (_, ledger, owner, _):
        async with ledger.kept():
            await ledger.more(PROGRESS)
        async with owner.transaction():
            await owner.execute(lock)
            waiting = asyncio.create_task(_ask(ledger, asked))
            pid = await _until(owner, WAITING)
            assert await owner.fetchval("SELECT pg_cancel_backend($1)", pid)
            await _until(
                owner, f"SELECT NOT EXISTS (SELECT FROM ({WAITING}) AS w WHERE pid = {pid})"
            )
        async with asyncio.timeout(30):
            status = await waiting
        assert status in ((201, 503) if asked == "write" else (503,))
        assert await _ask(ledger, asked) in (200, 201)
        count("fault", "one statement cancelled, and no other")
        async with ledger.kept():
            await ledger.more(PROGRESS)


WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'lab-timeline' AND wait_event_type = 'Lock' LIMIT 1
"""


async def _until(owner: Any, query: str) -> Any:
    async with asyncio.timeout(30):
        while not (found := await owner.fetchval(query)):  # noqa: ASYNC110 (others make it so)
            await asyncio.sleep(0.01)
    return found


async def _ask(ledger: Ledger, asked: str) -> int:
    if asked == "read":
        response = await ledger._http.get(f"{ledger.url}/v1/findings")
    else:
        profile = {"type": "profile", "lab": {"name": "Cancelled"}}
        headers = {**KEY, "Idempotency-Key": "cancelled"}
        response = await ledger._http.post(f"{ledger.url}/v1/events", json=profile, headers=headers)
    assert response.status_code != 503 or response.headers["retry-after"]
    return response.status_code


async def test_connections_that_others_took_are_done_without_until_they_are_given_back(
    tmp_path: Path,
) -> None:
    """The way to the server is cut first: the service's own connections are free to take then."""
    async with running_on(tmp_path, max_connections="20") as (_, ledger, _, line):
        async with ledger.kept():
            await ledger.more(PROGRESS)
            line.cut()
            dsn = f"postgresql:///timeline?host={Path(line._target).parent}&user=postgres"
            async with _all_connections(dsn):
                await line.open()
                told = ledger.statuses[503] + PROGRESS
                async with asyncio.timeout(60):
                    while ledger.statuses[503] < told:  # noqa: ASYNC110 (other tasks make it so)
                        await asyncio.sleep(0.01)
                ready = await ledger._http.get(f"{ledger.url}/readyz")
                assert ready.status_code == 503
                assert "takes no more connections" in ready.text
                assert await ledger.status_of("/healthz") == 200
            count("fault", "connections of Postgres taken by others")
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)


@asynccontextmanager
async def _all_connections(dsn: str) -> AsyncIterator[None]:
    """Every connection that the server has, until the block ends."""
    async with AsyncExitStack() as taken:
        for _ in range(3):
            # What is just being given back is taken in the next round.
            with contextlib.suppress(asyncpg.TooManyConnectionsError):
                while True:
                    connection = await asyncpg.connect(dsn)
                    taken.push_async_callback(connection.close)
            await asyncio.sleep(0.2)
        yield


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "at once"])
async def test_postgres_that_stops_is_started_again(how: signal.Signals, tmp_path: Path) -> None:
    async with running(tmp_path) as (service, ledger):
        async with ledger.kept(replays=True):
            await ledger.more(PROGRESS)
            os.kill(service.postmaster, how)
            await ledger.more(PROGRESS)
            count("fault", "Postgres stopped")
        await assert_nothing_lost(ledger)
