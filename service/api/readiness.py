"""Whether the service can answer, and what it says while its read models cannot be asked."""

import asyncio
from math import ceil
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from service.api.diagnosing import ReadyFacts, ready_facts
from service.api.operations import Machinery, Operation
from service.domain.refusals import NotReady
from service.log.read import read_head
from service.log.schema import HEAD_REVISION, fetch_revision
from service.postgres.faults import passing
from service.postgres.pool import Pool
from service.read_models.replay import fetch_state
from service.read_models.replays import Replay, fetch_running, told_of

RETRY_SECONDS_MAX = 30
LOOK_SECONDS = 2.0
_NEED_NO_READ_MODELS = ("Replays", "Keys", "Diagnosis")


class Readiness(Struct, frozen=True, kw_only=True):
    """What `/readyz` answers."""

    state: Literal["ready", "not_ready"]
    checks: dict[str, str]
    """Each thing that answering needs: `ok`, or what is wrong with it."""
    replay: Replay | UnsetType = UNSET
    """The one that builds the read models that today's code makes, while it runs."""
    facts: ReadyFacts | UnsetType = UNSET
    """Left out while the database does not tell them."""


async def look(machinery: Machinery) -> Readiness:
    """What the database says of all that answering needs, or that it says nothing in time."""
    looking = asyncio.create_task(_look(machinery), name="readiness")
    # Not waited for beyond that: a server that does not answer does not take back either.
    await asyncio.wait({looking}, timeout=LOOK_SECONDS)
    if looking.done():
        return looking.result()
    looking.cancel()
    machinery.tasks.add(looking)
    looking.add_done_callback(machinery.tasks.discard)
    return _not_reached(_waited_for(machinery.pool))


def _not_reached(told: str) -> Readiness:
    return Readiness(state="not_ready", checks={"database": f"not reached: {told}"})


def _waited_for(pool: Pool) -> str:
    used, most = pool.get_size() - pool.get_idle_size(), pool.get_max_size()
    if used >= most:
        return f"no connection is free ({used} of {most} in use, or without an answer)"
    return f"no answer within {LOOK_SECONDS:g} s"


async def _look(machinery: Machinery) -> Readiness:
    try:
        async with machinery.pool.acquire() as connection:
            head = await read_head(connection)
            if (revision := await fetch_revision(connection)) != HEAD_REVISION:
                # Of another schema nothing more can be asked.
                found = {"database": "ok", "migrations": f"at {revision}"}
                return Readiness(state="not_ready", checks=found)
            state = await fetch_state(connection)
            running = None if state.is_current else await fetch_running(connection)
    except Exception as fault:  # noqa: BLE001 (whatever it is, the service is not ready)
        told = passing(fault)
        return _not_reached(type(fault).__name__ if told is None else told)
    machinery.position_seen = max(machinery.position_seen, head.position)
    checks = {
        "database": "ok",
        "migrations": "ok",
        "read_models": "ok" if state.is_readable else _told(running),
    }
    kept_from_writing = machinery.writer.kept_from_writing
    if kept_from_writing is not None:
        checks["writing"] = kept_from_writing
    return Readiness(
        state="ready" if state.is_readable and kept_from_writing is None else "not_ready",
        checks=checks,
        replay=running or UNSET,
        facts=await ready_facts(machinery) or UNSET,
    )


async def check(operation: Operation, machinery: Machinery) -> None:
    """
    Let the operation go on.

    Raises:
        NotReady: it asks the read models, and they are being built; how far that is.
    """
    if operation.tag not in _NEED_NO_READ_MODELS:
        await check_readable(machinery)


async def check_readable(machinery: Machinery) -> None:
    """
    Let the read models be asked.

    Raises:
        NotReady: as `check`.
    """
    if machinery.is_readable:
        return
    async with machinery.pool.acquire() as connection:
        # Another process may have replayed them.
        machinery.is_readable = (await fetch_state(connection)).is_readable
        if machinery.is_readable:
            return
        running = await fetch_running(connection)
    seconds = running.seconds_left if running else None
    raise NotReady(
        f"The read models are {_told(running)}; GET /readyz tells when they can be asked.",
        retry_after_seconds=min(max(ceil(seconds or 1), 1), RETRY_SECONDS_MAX),
        replay=running,
    )


def _told(running: Replay | None) -> str:
    return "to be replayed" if running is None else f"being replayed: {told_of(running)}"
