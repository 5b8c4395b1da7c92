"""
Replay: the read models built anew from the log, compared and switched in one step.

The new tables are built beside the old ones from the log up to a position, without the log's
lock and in no transaction of its own, while reads and writes go on. Then they are brought to the
head and the schemas change names (`switching`). Killed at any moment it leaves the old tables in
use; those are kept afterwards, for a rollback.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.domain.events import Position
from service.domain.refusals import Refusal
from service.log import read
from service.postgres.pool import Connection, Pool
from service.postgres.statements import load_statements
from service.read_models.crews import Crew, Workforce, crew_of
from service.read_models.drift import Drift
from service.read_models.replays import (
    Overtaken,
    Progress,
    Replay,
    ReplayRunning,
    alone,
    fetch_replay,
    on_record,
)
from service.read_models.switching import BEFORE, NEXT, take_over
from service.read_models.tables import create_next, finish_next

_SQL = load_statements("service.read_models", "replay.sql")
_FETCH_STATE = _SQL["fetch_state"]
_FIND_BEFORE = _SQL["find_before"]

CODE_VERSION = 4
"""Of the fold and of the rows' form; raised with every change of what rows say."""
READABLE_SINCE = 1
"""The oldest code version whose rows today's code reads; raised when their form is another."""

LOOK_SECONDS = 0.5
"""Between looks at a replay that is waited for."""


class NothingToRollBack(Refusal):
    """The read models before this replay are not there, or of no use."""

    code = "nothing_to_roll_back"

    def __init__(self, replay_id: UUID, reason: str) -> None:
        super().__init__(
            f"Replay '{replay_id}' cannot be taken back: {reason}; POST /v1/replays builds the "
            "read models anew."
        )


class ReadModelState(Struct, frozen=True):
    """By which code and which replay the read models were made."""

    code_version: int
    checkpoint: int
    """Of those in use: where they began to be. Up to there those before them are true."""
    replay_id: UUID | None = None
    is_due: bool = False
    """Whether an erasure left rows of before it that may rest on what it took."""

    @property
    def is_current(self) -> bool:
        return self.code_version == CODE_VERSION and not self.is_due

    @property
    def is_readable(self) -> bool:
        """Whether they can answer until they are replayed; 0 is of tables that hold nothing yet."""
        return READABLE_SINCE <= self.code_version <= CODE_VERSION


async def fetch_state(connection: Connection) -> ReadModelState:
    """By which code and which replay the read models were made."""
    row = await connection.fetchrow(_FETCH_STATE)
    assert row is not None, "the migration makes the one row"
    return ReadModelState(row["code_version"], row["checkpoint"], row["replay_id"], row["is_due"])


async def replay(
    pool: Pool,
    replay_id: UUID,
    *,
    now: Callable[[], datetime],
    workforce: Workforce | None = None,
    is_check: bool = False,
    is_forced: bool = False,
) -> Replay:
    """
    Build the read models anew, compare, and switch to them unless they only are to be compared.

    Drift refuses the switch at equal code version, unless it is forced. Without a *workforce* all
    is folded in this process.

    Raises:
        ReplayRunning: another one is under way, in whatever process.
        ReplayNotPermitted: the service may make no schema.
    """
    async with (
        alone(pool, now) as connection,
        on_record(connection, replay_id, now=now, is_check=is_check) as progress,
    ):
        before = await fetch_state(connection)
        until = (await read.read_head(connection)).position
        await progress.expect(Position(0), until)
        await create_next(connection, replay_id, until)
        async with crew_of(workforce, connection, replay_id, until) as crew:
            await _build(crew, progress, until)
            if not is_check:
                await progress.at("indexing")
                await finish_next(connection, pool, workforce.processes if workforce else 1)
            await progress.at("comparing")
            drift = await _drift(crew, before, until)
            if is_check:
                await progress.finish(drift)
            elif drift.rows and before.is_current and not is_forced:
                await progress.fail(drift, "The read models differ; nothing was switched.")
            else:
                await take_over(
                    progress,
                    NEXT,
                    until=until,
                    code_version=CODE_VERSION,
                    catch_up=crew.catch_up,
                    drift=drift,
                )
    return await _ended(pool, replay_id)


async def make_current(
    pool: Pool,
    *,
    now: Callable[[], datetime],
    new_id: Callable[[], UUID],
    workforce: Workforce | None = None,
) -> None:
    """Replay if the read models are due, or wait for who does so already."""
    while True:
        async with pool.acquire() as connection:
            state = await fetch_state(connection)
        if state.is_current:
            return
        try:
            await replay(pool, new_id(), now=now, workforce=workforce)
        except ReplayRunning:
            await asyncio.sleep(LOOK_SECONDS)
        except Overtaken:
            # What the erasure left is to be replayed all the more.
            continue


async def roll_back(
    pool: Pool,
    replay_id: UUID,
    target: UUID,
    *,
    now: Callable[[], datetime],
    workforce: Workforce | None = None,
) -> Replay:
    """
    Let the read models before the replay *target* take the place of what it made.

    Whom events since concern is folded again first. What *target* made is kept as the read
    models before this rollback, which can be taken back likewise.

    Raises:
        NothingToRollBack: *target* did not make what is in use, or what was before it is gone.
        ReplayRunning: a replay is under way.
        ReplayNotPermitted: the service may make no schema.
    """
    async with alone(pool, now) as connection:
        before = await _find_before(connection, target)
        after = Position(before.checkpoint)
        async with on_record(connection, replay_id, now=now, rolls_back=target) as progress:
            head = (await read.read_head(connection)).position
            await progress.expect(after, head)
            async with crew_of(workforce, connection, replay_id, head - after) as crew:
                await take_over(
                    progress,
                    BEFORE,
                    until=after,
                    code_version=before.code_version,
                    catch_up=crew.catch_up,
                )
    return await _ended(pool, replay_id)


async def _find_before(connection: Connection, target: UUID) -> ReadModelState:
    """
    What is kept of before *target*, and up to where it is true.

    Raises:
        NothingToRollBack: see there.
    """
    current = await fetch_state(connection)
    if current.replay_id != target:
        other = f"'{current.replay_id}' did" if current.replay_id else "no replay did"
        raise NothingToRollBack(target, f"it did not make the read models in use ({other})")
    if not await connection.fetchval(_FIND_BEFORE):
        raise NothingToRollBack(target, "the read models before it are no longer kept")
    async with connection.transaction(readonly=True):
        await connection.execute(BEFORE.look_at)
        before = await fetch_state(connection)
    if not before.is_readable:
        raise NothingToRollBack(
            target,
            f"code of version {before.code_version} made those before it, whose rows "
            f"version {CODE_VERSION} cannot read",
        )
    # A rollback that was ended half way had brought them beyond where they went out of use.
    return ReadModelState(before.code_version, max(before.checkpoint, current.checkpoint))


async def _ended(pool: Pool, replay_id: UUID) -> Replay:
    async with pool.acquire() as connection:
        found = await fetch_replay(connection, replay_id)
    assert found is not None, "it was just written"
    return found


async def _drift(crew: Crew, kept: ReadModelState, until: Position) -> Drift:
    """What differs; of tables that no code ever filled there is nothing to tell."""
    if kept.code_version == 0:
        return Drift()
    return await crew.compare(until)


async def _build(crew: Crew, progress: Progress, until: Position) -> None:
    """Fill the new tables with what was believed up to *until*."""
    await crew.build(until, progress.passed)
