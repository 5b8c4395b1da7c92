"""Whether the service can answer, and what it says while its read models cannot be asked."""

from math import ceil
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from service.api.diagnosing import ReadyFacts, ready_facts
from service.api.operations import Machinery, Operation
from service.domain.refusals import NotReady
from service.log.read import read_head
from service.log.schema import HEAD_REVISION, fetch_revision
from service.read_models.replay import fetch_state
from service.read_models.replays import Replay, fetch_running, told_of

RETRY_SECONDS_MAX = 30
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
    """Ask the database for all that answering needs."""
    try:
        async with machinery.pool.acquire(timeout=2) as connection:
            head = await read_head(connection)
            if (revision := await fetch_revision(connection)) != HEAD_REVISION:
                # Of another schema nothing more can be asked.
                found = {"database": "ok", "migrations": f"at {revision}"}
                return Readiness(state="not_ready", checks=found)
            state = await fetch_state(connection)
            running = None if state.is_current else await fetch_running(connection)
    except Exception as fault:  # noqa: BLE001 (whatever it is, the service is not ready)
        return Readiness(
            state="not_ready", checks={"database": f"not reached: {type(fault).__name__}"}
        )
    machinery.position_seen = max(machinery.position_seen, head.position)
    checks = {
        "database": "ok",
        "migrations": "ok",
        "read_models": "ok" if state.is_readable else _told(running),
    }
    return Readiness(
        state="ready" if state.is_readable else "not_ready",
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
    if machinery.is_readable or operation.tag in _NEED_NO_READ_MODELS:
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
