"""Replays: started, watched, and taken back."""

from litestar import Response
from msgspec import Struct

from service.api.dispatch import to_response
from service.api.operations import Call, Machinery
from service.domain.refusals import NotFound, shown
from service.domain.submissions import uuid_or_none
from service.read_models.replays import Replay, fetch_replay, fetch_replays
from service.read_models.starting import Starter


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
    started = await starter_of(call.machinery).replay(
        is_check=call.query.get("check", False),
        is_forced=call.query.get("force", False),
        processes=call.query.get("processes"),
    )
    return _accepted(started, call.machinery)


async def post_rollback(call: Call) -> Response[bytes]:
    """Start a rollback, which is on record as a replay of its own, and answer at once."""
    target = await _found(call)
    return _accepted(await starter_of(call.machinery).roll_back(target.id), call.machinery)


def starter_of(machinery: Machinery) -> Starter:
    """What replays of this process are started with."""
    return Starter(
        pool=machinery.pool,
        tasks=machinery.tasks,
        new_id=machinery.new_id,
        now=machinery.now,
        workforce=machinery.workforce,
    )


def _accepted(started: Replay, machinery: Machinery) -> Response[bytes]:
    return to_response(started, 202, machinery, {"Location": f"/v1/replays/{started.id}"})


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
