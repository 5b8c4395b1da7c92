"""A Postgres that keeps others waiting, and one that starts again."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.faults.running import PROGRESS, running, running_on
from tests.support.ledger import assert_nothing_lost

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
