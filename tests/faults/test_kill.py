"""
`kill -9` of the service, of a worker, of Postgres and of both, at random moments of mixed load.

TIMELINE_FAULTS_ROUNDS is how often each is killed, TIMELINE_FAULTS_SEED what the moments follow
from.
"""

import asyncio
import os
import signal
from pathlib import Path
from random import Random

import pytest

from tests.faults.running import PROGRESS, ROUNDS, SEED, Running, running
from tests.support.counted import count
from tests.support.ledger import assert_nothing_lost
from tests.support.processes import is_alive

KILLED = {
    "service": "service killed",
    "worker": "worker killed",
    "postgres": "Postgres killed",
    "both": "service and Postgres killed",
}


@pytest.mark.parametrize("victim", KILLED)
async def test_killed_at_any_moment_it_loses_nothing(victim: str, tmp_path: Path) -> None:
    random = Random(f"{SEED} {victim}")
    workers = ("--workers", "2") if victim == "worker" else ()
    async with running(tmp_path, *workers) as (service, ledger):
        async with ledger.kept(replays=True):
            for _ in range(ROUNDS):
                await ledger.more(PROGRESS)
                await asyncio.sleep(random.uniform(0, 0.3))
                await _kill(victim, service, random)
                count("fault", KILLED[victim])
            await ledger.more(PROGRESS)
        held = await assert_nothing_lost(ledger)
        assert await service.stop() == 0
    print(f"{victim} killed {ROUNDS} times; {len(ledger.answered)} writes, {held} events")


async def _kill(victim: str, service: Running, random: Random) -> None:
    if victim == "worker":
        # The one that was killed last is replaced only after a pause, which grows.
        living = [pid for pid in service.workers if is_alive(pid)]
        os.kill(random.choice(living), signal.SIGKILL)
    if victim in ("postgres", "both"):
        os.kill(service.postmaster, signal.SIGKILL)
    if victim in ("service", "both"):
        await service.stop(signal.SIGKILL)
        await service.start()
