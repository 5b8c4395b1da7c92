"""Replays: started, watched, and taken back."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import structlog
from litestar import Response
from msgspec import Struct, structs

from service.api.dispatch import to_response
from service.api.operations import Call, Machinery
from service.domain.refusals import NotFound, NotReady, Refusal, shown
from service.domain.submissions import uuid_or_none
from service.read_models.replay import replay, roll_back
from service.read_models.replays import Replay, fetch_replay, fetch_replays

log = structlog.get_logger()


class ReplaysAnswer(Struct, frozen=True):
    """The last replays, newest first."""

    items: list[Replay]
    next: None = None


async def get_replays(call: Call) -> ReplaysAnswer:
    async with call.machinery.pool.acquire() as connection:
        return ReplaysAnswer(await fetch_replays(connection))


async def get_replay(call: Call) -> Replay:
    return await _found(call)


async def post_replay(call: Call) -> Response[bytes]:
    """Start a replay and answer at once; it goes on by itself."""
    machinery, replay_id = call.machinery, call.machinery.new_id()
    processes = call.query.get("processes", machinery.workforce.processes)
    return await _started(
        machinery,
        replay_id,
        replay(
            machinery.pool,
            replay_id,
            now=machinery.now,
            workforce=structs.replace(machinery.workforce, processes=processes),
            is_check=call.query.get("check", False),
            is_forced=call.query.get("force", False),
        ),
    )


async def post_rollback(call: Call) -> Response[bytes]:
    """Start a rollback, which is on record as a replay of its own, and answer at once."""
    machinery, target, replay_id = call.machinery, await _found(call), call.machinery.new_id()
    return await _started(
        machinery,
        replay_id,
        roll_back(
            machinery.pool,
            replay_id,
            target.id,
            now=machinery.now,
            workforce=machinery.workforce,
        ),
    )


async def _found(call: Call) -> Replay:
    """
    The replay that the path names.

    Raises:
        NotFound: there is none.
    """
    replay_id = uuid_or_none(call.path["replay_id"])
    found = None
    if replay_id is not None:
        async with call.machinery.pool.acquire() as connection:
            found = await fetch_replay(connection, replay_id)
    if found is None:
        raise NotFound(
            f"There is no replay {shown(call.path['replay_id'])}; GET /v1/replays lists them."
        )
    return found


async def _started(
    machinery: Machinery, replay_id: UUID, work: Coroutine[Any, Any, Replay]
) -> Response[bytes]:
    """
    The answer once the replay is on record.

    Raises:
        NotReady: the service ended before it began.
        Refusal: it could not begin.
    """
    task = asyncio.create_task(_run(replay_id, work))
    machinery.tasks.add(task)
    task.add_done_callback(machinery.tasks.discard)
    while True:
        is_over = task.done()
        async with machinery.pool.acquire() as connection:
            found = await fetch_replay(connection, replay_id)
        if found is not None:
            return to_response(found, 202, machinery, {"Location": f"/v1/replays/{replay_id}"})
        if is_over and task.cancelled():
            raise NotReady("The service is about to stop; send this again in a moment.")
        if is_over:
            refusal = task.result()
            assert refusal is not None, "what begins is on record"
            raise refusal
        await asyncio.sleep(0.01)


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
