"""Replays that go on by themselves: whoever starts one has it on record, and goes."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from msgspec import Struct, structs

from service.domain.refusals import NotReady, Refusal
from service.postgres.pool import Pool
from service.read_models.crews import Workforce
from service.read_models.replay import replay, roll_back
from service.read_models.replays import Replay, fetch_replay

LOOK_SECONDS = 0.01

log = structlog.get_logger()


class Starter(Struct, frozen=True, kw_only=True):
    """What replays of one process are started with."""

    pool: Pool
    tasks: set[asyncio.Task[Any]]
    """What goes on by itself, which the end of the service waits for."""
    new_id: Callable[[], UUID]
    now: Callable[[], datetime]
    workforce: Workforce

    async def replay(
        self, *, is_check: bool = False, is_forced: bool = False, processes: int | None = None
    ) -> Replay:
        """
        A replay that has begun; see there.

        Raises:
            NotReady: the service ended before it began.
            ReplayRunning, ReplayNotPermitted: see there.
        """
        replay_id = self.new_id()
        workforce = self.workforce
        if processes is not None:
            workforce = structs.replace(workforce, processes=processes)
        return await self._started(
            replay_id,
            replay(
                self.pool,
                replay_id,
                now=self.now,
                workforce=workforce,
                is_check=is_check,
                is_forced=is_forced,
            ),
        )

    async def roll_back(self, target: UUID) -> Replay:
        """
        A rollback that has begun, which is on record as a replay of its own.

        Raises:
            NotReady: the service ended before it began.
            NothingToRollBack, ReplayRunning, ReplayNotPermitted: see there.
        """
        replay_id = self.new_id()
        return await self._started(
            replay_id,
            roll_back(self.pool, replay_id, target, now=self.now, workforce=self.workforce),
        )

    async def _started(self, replay_id: UUID, work: Coroutine[Any, Any, Replay]) -> Replay:
        task = asyncio.create_task(_run(replay_id, work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        while True:
            is_over = task.done()
            async with self.pool.acquire() as connection:
                found = await fetch_replay(connection, replay_id)
            if found is not None:
                return found
            if is_over and task.cancelled():
                raise NotReady("The service is about to stop; send this again in a moment.")
            if is_over:
                refusal = task.result()
                assert refusal is not None, "what begins is on record"
                raise refusal
            await asyncio.sleep(LOOK_SECONDS)


async def _run(replay_id: UUID, work: Coroutine[Any, Any, Replay]) -> Exception | None:
    """Why it came to nothing, if so; the record tells that of whatever got so far."""
    try:
        await work
    except Refusal as refusal:
        return refusal
    except Exception as fault:
        log.exception("replay_failed", replay_id=str(replay_id))
        return fault
    return None
