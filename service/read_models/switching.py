"""
Switching: other read models take the place of those in use, in one step.

Those that are to follow are brought to the head while writes go on, until few events are left.
The last of these are folded under the log's lock, and then the schemas change names. Whoever
holds a lock on the old tables for a transaction finishes first: the switch waits for a tenth of a
second, gives the log's lock back, and tries again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from service.domain.events import Position
from service.log import read
from service.log.append import lock
from service.postgres.pool import PATIENCE_SECONDS, Connection
from service.postgres.statements import load_statements
from service.read_models.catch_up import Concerned, catch_up
from service.read_models.drift import Drift
from service.read_models.replays import Progress, Superseded
from service.read_models.rows import keep

_SQL = load_statements("service.read_models", "switching.sql")
_HOLD_STILL = _SQL["hold_still"]
_TAKE_TABLES = _SQL["take_tables"]
_READ_CONCERNED = _SQL["read_concerned"]
_HOLD_STATE = _SQL["hold_state"]
_SET_CHECKPOINT = _SQL["set_checkpoint"]
_SET_STATE = _SQL["set_state"]
_DROP_BEFORE = _SQL["drop_before"]

TAIL_EVENTS_MAX = 200
"""So few may be left to fold under the lock."""
EVENTS_AT_ONCE = 500
ROUNDS_MAX = 20
"""After so many the rest is folded under the lock: writes that outrun the fold must not win."""
PAUSE_SECONDS = 0.25
PAUSE_SECONDS_MAX = 4.0
"""Between tries, doubled each time: while one waits for the tables, so do those who would read."""

_MOVE_NOBODY = {"profile", "renaming", "ownership"}
"""Facts of labs that the fold of people does not look at."""


class Successor(NamedTuple):
    """Read models that may take the place of those in use, and how."""

    name: Literal["next", "before"]
    look_at: str
    """Makes the statements of the read models mean these, until the transaction ends."""
    rename: str


NEXT = Successor("next", _SQL["look_at_next"], _SQL["switch_to_next"])
BEFORE = Successor("before", _SQL["look_at_before"], _SQL["switch_to_before"])
SUCCESSORS = {each.name: each for each in (NEXT, BEFORE)}

CatchUp = Callable[[Successor, Position, Position], Awaitable[None]]
"""Brings read models from one position to another, in a transaction; wherever that is done."""


async def hold_still(connection: Connection) -> None:
    """
    Keep the read models that are in use in their place until the caller's transaction ends.

    For a transaction that reads them in one snapshot: before its first statement that takes one.
    Names are looked up anew in each statement, so that after a switch they would mean tables
    whose rows are younger than the snapshot, and seem to hold nothing.
    """
    await connection.execute(_HOLD_STILL)


async def drop_before(connection: Connection) -> None:
    """Take away the read models before those in use: there is no way back to them."""
    await connection.execute(_DROP_BEFORE, timeout=PATIENCE_SECONDS)


async def take_over(
    progress: Progress,
    successor: Successor,
    *,
    until: Position,
    code_version: int,
    catch_up: CatchUp,
    drift: Drift | None = None,
) -> None:
    """
    Let *successor*, which is true up to *until*, take the place of what is in use.

    *catch_up* folds what is folded without the log's lock. The record of the replay says that it
    is done if and only if it switched.
    """
    connection = progress.connection
    if successor is NEXT:
        # Not under the log's lock: it waits for whoever still reads them.
        await drop_before(connection)
    pause = PAUSE_SECONDS
    while True:
        await progress.at("catching_up")
        until = await _approach(progress, successor, until, catch_up)
        await progress.at("switching")
        async with connection.transaction():
            # From here on no event is appended, so that the new tables miss none.
            await lock(connection)
            head = await read.read_head(connection)
            await _catch_up(connection, successor, progress.replay_id, until, head.position)
            await progress.passed(range(until + 1, head.position + 1))
            until = head.position
            if await _is_switched(progress, successor, code_version, until, drift or Drift()):
                return
        await progress.waited()
        await asyncio.sleep(pause)
        pause = min(pause * 2, PAUSE_SECONDS_MAX)


async def catch_up_alone(
    connection: Connection,
    successor: Successor,
    replay_id: UUID,
    after: Position,
    until: Position,
) -> None:
    """
    Bring *successor* from one position to another, in a transaction of its own.

    Raises:
        Superseded: as `_catch_up`.
    """
    async with connection.transaction():
        await _catch_up(connection, successor, replay_id, after, until)


async def _approach(
    progress: Progress, successor: Successor, until: Position, catch_up: CatchUp
) -> Position:
    """
    Bring *successor* near the head without the lock; the position that it is then at.

    The last round begins with few events, so that what comes while it lasts is less still.
    """
    for _ in range(ROUNDS_MAX):
        head = await read.read_head(progress.connection)
        is_last = head.position - until <= TAIL_EVENTS_MAX
        while until < head.position:
            to = Position(min(head.position, until + EVENTS_AT_ONCE))
            await catch_up(successor, until, to)
            await progress.passed(range(until + 1, to + 1))
            until = to
        if is_last:
            break
    return until


async def _catch_up(
    connection: Connection,
    successor: Successor,
    replay_id: UUID,
    after: Position,
    until: Position,
) -> None:
    """
    Bring *successor* from one position to another, in the caller's transaction.

    Raises:
        Superseded: somebody else has brought it further, or it is not of *replay_id*.
    """
    await connection.execute(successor.look_at)
    await _hold_state(connection, successor, replay_id, after)
    rows = await connection.fetch(_READ_CONCERNED, after, until)
    concerned = Concerned(
        people={r["subject_id"] for r in rows if r["kind"] == "person"},
        labs={r["subject_id"] for r in rows if r["is_fact"]},
        moves_people=any(r["is_fact"] and r["type"] not in _MOVE_NOBODY for r in rows),
    )
    await keep(connection, await catch_up(connection, concerned, after=after, until=until))
    await connection.execute(_SET_CHECKPOINT, until)


async def _hold_state(
    connection: Connection, successor: Successor, replay_id: UUID, after: Position
) -> None:
    """
    Raises:
        Superseded: as `_catch_up`.
    """
    try:
        row = await connection.fetchrow(_HOLD_STATE)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as exc:
        raise Superseded from exc
    # Those before the last switch bear the replay that made them.
    is_own = row is not None and (successor is BEFORE or row["replay_id"] == replay_id)
    if row is None or not is_own or row["checkpoint"] > after:
        raise Superseded


async def _is_switched(
    progress: Progress,
    successor: Successor,
    code_version: int,
    head: Position,
    drift: Drift,
) -> bool:
    """Whether the tables could be had; what was folded before stays if not."""
    connection = progress.connection
    try:
        async with connection.transaction():
            await connection.execute(_TAKE_TABLES)
            await _set_state(connection, code_version, head, progress.replay_id)
            await connection.execute(successor.rename)
            await progress.finish(drift, checkpoint=head)
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        return False
    return True


async def _set_state(
    connection: Connection, code_version: int, checkpoint: Position, replay_id: UUID
) -> None:
    await connection.execute(_SET_STATE, code_version, checkpoint, replay_id)
