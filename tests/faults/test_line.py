"""The way to Postgres cut, held and slowed, also between a commit and its answer."""

import asyncio
import time
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.running import PROGRESS, ROUNDS, SEED, running_on
from tests.support.counted import count
from tests.support.ledger import assert_nothing_lost

HELD_SECONDS = 3.0
SLOW_COMMITS = """
    CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION linger();
"""
COMMITTING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


async def test_cut_held_and_slowed_it_loses_nothing(tmp_path: Path) -> None:
    random = Random(SEED)
    async with running_on(tmp_path) as (_, ledger, _, line):
        async with ledger.kept(replays=True):
            for _ in range(ROUNDS):
                await ledger.more(PROGRESS)
                await asyncio.sleep(random.uniform(0, 0.3))
                line.cut()
                await asyncio.sleep(random.uniform(0, 0.5))
                assert await ledger.status_of("/healthz") == 200
                assert await ledger.status_of("/readyz") == 503
                await line.open()
                await ledger.more(PROGRESS)
                count("fault", "way to Postgres cut")

                line.hold()
                began = time.monotonic()
                assert await ledger.status_of("/readyz") == 503
                assert time.monotonic() - began < HELD_SECONDS
                assert await ledger.status_of("/healthz") == 200
                await asyncio.sleep(HELD_SECONDS)
                line.go_on()
                await ledger.more(PROGRESS)
                count("fault", "way to Postgres held")

                line.seconds_a_packet = 0.05
                await ledger.more(5)
                line.seconds_a_packet = 0
                count("fault", "way to Postgres slowed")
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)


async def test_cut_between_commit_and_answer_records_once(tmp_path: Path) -> None:
    """The service cannot know whether the commit held, and asks the log."""
    async with running_on(tmp_path) as (_, ledger, owner, line):
        await owner.execute(SLOW_COMMITS)
        for number in range(ROUNDS):
            head = await _head(owner)
            body = {"type": "profile", "lab": {"name": f"Lab {number}"}, "note": f"0-{number}"}
            write = asyncio.create_task(
                ledger._until_answered("POST", "/v1/events", f"0-{number}", body)
            )
            await _until(owner, COMMITTING)
            line.hold(questions=False)
            await _until(owner, "SELECT max(position) > $1 FROM events", head)
            assert not write.done(), "nobody was told yet"
            line.cut()
            await line.open()
            async with asyncio.timeout(30):
                await write
            count("fault", "cut between commit and answer")
        assert await _head(owner) == ROUNDS
        await assert_nothing_lost(ledger)


async def _head(owner: Any) -> int:
    head: int = await owner.fetchval("SELECT coalesce(max(position), 0) FROM events")
    return head


async def _until(owner: Any, query: str, *binds: Any) -> None:
    async with asyncio.timeout(20):
        while not await owner.fetchval(query, *binds):  # noqa: ASYNC110 (others make it so)
            await asyncio.sleep(0.01)
