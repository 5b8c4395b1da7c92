"""
The record of replays: how each stands, for any process to read, and the lock of the one that runs.

The lock is the session's of the connection that does the work: whatever ends that connection ends
the replay and frees the lock, so that a row that says `running` without it is of one that died.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from service.domain.events import Position
from service.domain.refusals import Refusal
from service.postgres.pool import DATABASE_FAULTS, PATIENCE_SECONDS, Connection, Pool
from service.postgres.statements import load_statements
from service.read_models.drift import Difference, Drift

_SQL = load_statements("service.read_models", "replays.sql")
_TAKE_REPLAYS = _SQL["take_replays"]
_OVERTAKE_REPLAYS = _SQL["overtake_replays"]
_START_REPLAY = _SQL["start_replay"]
_NOTE_PROGRESS = _SQL["note_progress"]
_FINISH_REPLAY = _SQL["finish_replay"]
_FETCH_REPLAYS = _SQL["fetch_replays"]
_TRY_LOCK_REPLAY = _SQL["try_lock_replay"]
_UNLOCK_REPLAY = _SQL["unlock_replay"]
_NOTICE_ENDED_CLIENT = _SQL["notice_ended_client"]
_ABANDON_REPLAYS = _SQL["abandon_replays"]
_JOIN_WRITERS = _SQL["join_writers"]
_FIND_NEXT = _SQL["find_next"]
_WAIT_FOR_WRITERS = _SQL["wait_for_writers"]
_DROP_NEXT = _SQL["drop_next"]
_FIND_RIGHT_TO_CREATE = _SQL["find_right_to_create"]

State: TypeAlias = Literal["running", "done", "failed"]
Step: TypeAlias = Literal["building", "indexing", "comparing", "catching_up", "switching"]

_NOTHING_CHANGED = "UPDATE 0"
LOCK_TRIES = 20
LOCK_PAUSE_SECONDS = 0.05
LET_GO_SECONDS = 2.0
"""So long may the clean-up after a fault take before the connection is cut instead."""
OVERTAKEN = "Something was erased meanwhile; what was built before that is put away."
ENDED = "The process that ran it was ended; the read models are those of before it."
STOPPED = "The service was stopped meanwhile; the read models are those of before it."


class Replay(Struct, frozen=True, kw_only=True):
    """How a replay stands."""

    id: UUID
    state: State
    step: Step
    """What it does, or was at when it ended."""
    check: bool
    """Whether it only compares."""
    rolls_back: UUID | None
    """The replay that it takes back; null of one that builds anew."""
    started_at: datetime
    finished_at: datetime | None
    done: int
    """Events folded so far; never decreases."""
    total: int
    """Events that there were when it started; those that came since are folded before it switches."""
    events_per_second: float | None
    seconds_left: float | None
    """Of the folding, at the rate so far; null in the steps after it, which take less."""
    switch_waits: int
    """How often it gave way to a reader who held the old tables when it wanted to switch."""
    checkpoint: int | None
    """Position at which it switched; null if it did not."""
    drift: list[Difference]
    """The first rows in which the kept and the replayed read models differ."""
    drift_rows: int
    """How many such rows there are."""
    detail: str | None
    """Why it failed or did not switch."""


class ReplayRunning(Refusal):
    """A second replay at the same time."""

    code = "replay_running"

    def __init__(self, running: Replay | None = None) -> None:
        if running is None:
            told = "; GET /v1/replays tells its progress."
        else:
            told = f": {told_of(running)}; GET /v1/replays/{running.id} tells its progress."
        super().__init__(f"A replay is running already{told}")
        self.running = running

    def extras(self) -> dict[str, Any]:
        return {"replay": self.running}


class ReplayNotPermitted(Refusal):
    """
    The service may not make schemas in its database.

    The grant is one on the database, which neither a copy nor a dump of it carries.
    """

    code = "replay_not_permitted"

    def __init__(self, database: str, role: str) -> None:
        super().__init__(
            f"The role '{role}' may not create schemas in the database '{database}', as a replay "
            "does: a copied or restored database loses that grant. 'timeline migrate' renews it, "
            f'or its owner with: GRANT CREATE ON DATABASE "{database}" TO "{role}".'
        )


class ToldFault(Exception):
    """A fault whose message is a sentence, or that of another process."""


class Superseded(ToldFault):
    """Somebody took this replay for ended: what it fills is not its own any more."""

    def __init__(self) -> None:
        super().__init__("Another replay took the place of this one, whose tables are gone.")


class Overtaken(ToldFault):
    """An erasure came while it ran: what it builds may hold what was erased."""

    def __init__(self) -> None:
        super().__init__(OVERTAKEN)


def told_of(replay: Replay) -> str:
    """How far a replay is, in words: `building, 2,000 of 8,000 events, about 4 s left`."""
    told = f"{replay.step.replace('_', ' ')}, {replay.done:,} of {replay.total:,} events"
    if replay.seconds_left is not None:
        told += f", about {int(replay.seconds_left) + 1:,} s left"
    return told


async def fetch_replay(connection: Connection, replay_id: UUID) -> Replay | None:
    """How one replay stands."""
    found = await _fetch(connection, replay_id)
    return found[0] if found else None


async def fetch_replays(connection: Connection) -> list[Replay]:
    """The last hundred, newest first."""
    return await _fetch(connection, None)


async def fetch_running(connection: Connection) -> Replay | None:
    """The one that runs, in whatever process."""
    running = [r for r in await fetch_replays(connection) if r.state == "running"]
    return running[0] if running else None


async def overtake(connection: Connection, now: datetime) -> None:
    """
    Let no replay that has begun come to anything, and none tell rows as they were until now.

    In the transaction of an erasure, which holds the log's lock: a replay that begins later reads
    the log without what it took.
    """
    await connection.execute(_TAKE_REPLAYS)
    await connection.execute(_OVERTAKE_REPLAYS, now, OVERTAKEN)


class Progress:
    """
    A replay under way: the connection that does its work, and what it tells of itself.

    What it tells is committed at once unless a transaction of the caller's is open.
    """

    def __init__(self, connection: Connection, replay_id: UUID, now: Callable[[], datetime]):
        self.connection = connection
        self.replay_id = replay_id
        self._now = now
        self._step: Step = "building"
        self._began = time.monotonic()
        self._after = Position(0)
        self._seen = bytearray()
        self._done = 0
        self._rate: float | None = None
        self._waits = 0

    async def expect(self, after: Position, until: Position) -> None:
        """Say which events there are to fold."""
        self._began = time.monotonic()
        self._after = after
        self._seen = bytearray(max(until - after, 0))
        await self._note()

    async def passed(self, positions: Iterable[int]) -> None:
        """Say that what is at these positions is folded; what comes twice counts once."""
        for position in positions:
            place = position - self._after - 1
            if 0 <= place < len(self._seen) and not self._seen[place]:
                self._seen[place] = 1
                self._done += 1
        self._rate = self._done / max(time.monotonic() - self._began, 1e-6)
        await self._note()

    async def at(self, step: Step) -> None:
        """Say which step begins."""
        self._step = step
        await self._note()

    async def waited(self) -> None:
        """Say that the switch gave way once more."""
        self._waits += 1
        await self._note()

    async def finish(self, drift: Drift, checkpoint: Position | None = None) -> None:
        """Say that it is done; in the transaction that switches, if it switched."""
        await self._finish("done", drift, None, checkpoint)

    async def fail(self, drift: Drift, detail: str) -> None:
        """Say why it came to nothing."""
        await self._finish("failed", drift, detail, None)

    async def _note(self) -> None:
        """
        Raises:
            Overtaken: see there.
        """
        done = await self.connection.execute(
            _NOTE_PROGRESS,
            self.replay_id,
            self._step,
            self._done,
            len(self._seen),
            self._rate,
            self._waits,
        )
        if done == _NOTHING_CHANGED:
            raise Overtaken

    async def _finish(
        self, state: State, drift: Drift, detail: str | None, checkpoint: Position | None
    ) -> None:
        """
        Raises:
            Overtaken: see there.
        """
        done = await self.connection.execute(
            _FINISH_REPLAY,
            self.replay_id,
            state,
            self._now(),
            msgspec.json.encode(drift.first).decode(),
            drift.rows,
            detail,
            checkpoint,
        )
        if done == _NOTHING_CHANGED:
            raise Overtaken


@asynccontextmanager
async def alone(pool: Pool, now: Callable[[], datetime]) -> AsyncIterator[Connection]:
    """
    The connection of the one replay that may run, until the block ends.

    What a replay that died left behind is gone when the block begins; what this one leaves, when
    it ends.

    Raises:
        ReplayRunning: another one is under way, in whatever process.
        ReplayNotPermitted: see there.
    """
    async with pool.acquire() as connection:
        await _lock(connection)
        try:
            await _clean_up(connection, now())
            await _check_rights(connection)
            await notice_ended_client(connection)
            yield connection
        finally:
            await _let_go(connection)


@asynccontextmanager
async def on_record(
    connection: Connection,
    replay_id: UUID,
    *,
    now: Callable[[], datetime],
    is_check: bool = False,
    rolls_back: UUID | None = None,
) -> AsyncIterator[Progress]:
    """A replay that any process can read of; a block that raises has failed."""
    progress = Progress(connection, replay_id, now)
    await connection.execute(_START_REPLAY, replay_id, is_check, rolls_back, now())
    try:
        yield progress
    except BaseException as fault:
        # Where the connection is gone, its lock is, by which others see that nothing runs.
        with suppress(*DATABASE_FAULTS, Overtaken):
            async with asyncio.timeout(LET_GO_SECONDS):
                await progress.fail(Drift(), told(fault))
        raise


async def hold_next(connection: Connection, replay_id: UUID) -> None:
    """
    Keep the new tables of *replay_id* until the caller's transaction ends.

    A process that outlives its replay would otherwise write into the tables of a later one.

    Raises:
        Superseded: they are no longer its own.
    """
    await connection.execute(_JOIN_WRITERS)
    try:
        is_own = await connection.fetchval(_FIND_NEXT, replay_id)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as exc:
        raise Superseded from exc
    if not is_own:
        raise Superseded


async def notice_ended_client(connection: Connection) -> None:
    """Let what *connection* has the server do end soon after this process, however it ends."""
    with suppress(asyncpg.PostgresError):  # Not on every platform.
        await connection.execute(_NOTICE_ENDED_CLIENT)


async def clean_up(pool: Pool, now: datetime) -> bool:
    """Take away what a replay left that died; whether that could be done, since none runs."""
    async with pool.acquire() as connection:
        if not await connection.fetchval(_TRY_LOCK_REPLAY):
            return False
        try:
            await _clean_up(connection, now)
        finally:
            await connection.execute(_UNLOCK_REPLAY)
    return True


async def _lock(connection: Connection) -> None:
    """
    Take the lock of the one replay that may run.

    Raises:
        ReplayRunning: somebody else has it, for longer than it takes to clean up or to begin.
    """
    for _ in range(LOCK_TRIES):
        if await connection.fetchval(_TRY_LOCK_REPLAY):
            return
        if (running := await fetch_running(connection)) is not None:
            raise ReplayRunning(running)
        await asyncio.sleep(LOCK_PAUSE_SECONDS)
    raise ReplayRunning


async def _clean_up(connection: Connection, now: datetime) -> None:
    await connection.execute(_ABANDON_REPLAYS, now, ENDED)
    await _drop_next(connection)


async def _drop_next(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute(_WAIT_FOR_WRITERS, timeout=PATIENCE_SECONDS)
        await connection.execute(_DROP_NEXT, timeout=PATIENCE_SECONDS)


async def _check_rights(connection: Connection) -> None:
    row = await connection.fetchrow(_FIND_RIGHT_TO_CREATE)
    assert row is not None, "it asks for values alone"
    if not row["may_create"]:
        raise ReplayNotPermitted(row["database"], row["role"])


async def _let_go(connection: Connection) -> None:
    """Leave nothing behind but the record, and give the lock back, whatever happened."""
    try:
        async with asyncio.timeout(LET_GO_SECONDS):
            await _drop_next(connection)
            await connection.execute(_UNLOCK_REPLAY)
    except BaseException as own:
        # With the connection its lock is gone; what is left, the next one cleans up.
        connection.terminate()
        if not isinstance(own, DATABASE_FAULTS):
            raise


def told(fault: BaseException) -> str:
    """What a fault says of itself, for the record."""
    if isinstance(fault, asyncio.CancelledError):
        return STOPPED
    if isinstance(fault, Refusal):
        return fault.message
    return str(fault) if isinstance(fault, ToldFault) else f"{type(fault).__name__}: {fault}"


async def _fetch(connection: Connection, replay_id: UUID | None) -> list[Replay]:
    rows = await connection.fetch(_FETCH_REPLAYS, replay_id)
    if any(_is_lost(row) for row in rows):
        # The lock is looked at after the rows were: one that ended in between looks lost. Its
        # row was written before it let go of the lock, so that a second look finds it.
        rows = await connection.fetch(_FETCH_REPLAYS, replay_id)
    return [_from_row(row) for row in rows]


def _is_lost(row: asyncpg.Record) -> bool:
    return row["state"] == "running" and not row["is_lock_held"]


def _from_row(row: asyncpg.Record) -> Replay:
    state: State = "failed" if _is_lost(row) else row["state"]
    rate = row["events_per_second"]
    is_folding = state == "running" and row["step"] in ("building", "catching_up")
    return Replay(
        id=row["replay_id"],
        state=state,
        step=row["step"],
        check=row["is_check"],
        rolls_back=row["rolls_back"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        done=row["done"],
        total=row["total"],
        events_per_second=rate,
        seconds_left=(row["total"] - row["done"]) / rate if is_folding and rate else None,
        switch_waits=row["switch_waits"],
        checkpoint=row["checkpoint"],
        drift=msgspec.json.decode(row["drift"], type=list[Difference]),
        drift_rows=row["drift_rows"],
        detail=ENDED if _is_lost(row) else row["detail"],
    )
