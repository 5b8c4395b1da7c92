"""
Replay: the read models built anew from the log, compared and switched in one step.

The new tables are built beside the old ones from the log up to a position, without the log's
lock, while reads and writes go on. Then, under the lock, whoever was named since is folded
again and the schemas change names. Killed at any moment it leaves the old tables in use.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.domain.events import Position, RecordedEvent
from service.domain.labs import Labs
from service.domain.refusals import Refusal
from service.domain.subjects import Subject
from service.log import read
from service.log.append import lock
from service.postgres.pool import Connection, Pool
from service.postgres.statements import load_statements
from service.read_models.beliefs import MODELS, Belief, Beliefs, Model, Row
from service.read_models.catch_up import Concerned, catch_up
from service.read_models.projector import (
    LabChange,
    Streams,
    named_labs,
    project_labs,
    project_people,
)
from service.read_models.rows import keep

_SQL = load_statements("service.read_models", "replay.sql")
_FETCH_STATE = _SQL["fetch_state"]
_SET_STATE = _SQL["set_state"]
_LOOK_AT_NEXT = _SQL["look_at_next"]
_READ_CONCERNED = _SQL["read_concerned"]
_DROP_NEXT = _SQL["drop_next"]
_CREATE_NEXT = _SQL["create_next"]
_ANALYZE_NEXT = _SQL["analyze_next"]
_DROP_BEFORE = _SQL["drop_before"]
_SWITCH = _SQL["switch"]
_READ_EVERY_PERSON = _SQL["read_every_person"]
_READ_EVERY_LAB = _SQL["read_every_lab"]
_DRIFT: dict[Model, str] = {model: _SQL[f"drift_of_{model}"] for model in MODELS}
_START_REPLAY = _SQL["start_replay"]
_NOTE_PROGRESS = _SQL["note_progress"]
_FINISH_REPLAY = _SQL["finish_replay"]
_FETCH_REPLAY = _SQL["fetch_replay"]
_FETCH_REPLAYS = _SQL["fetch_replays"]
_TRY_LOCK_REPLAY = _SQL["try_lock_replay"]
_UNLOCK_REPLAY = _SQL["unlock_replay"]
_ABANDON_REPLAYS = _SQL["abandon_replays"]

CODE_VERSION = 1
"""Of the fold and of the rows' form; raised with every change of what rows say."""
PEOPLE_AT_ONCE = 2000
DRIFT_ROWS_MAX = 100
TAIL_EVENTS_MAX = 200
"""So few may be left to fold under the lock."""

_COLUMNS: dict[Model, tuple[str, ...]] = {
    "stints": ("person_id", "lab_id", "start_lo", "end_hi"),
    "findings": ("kind", "person_id", "lab_ids"),
    "people": ("person_id", "canonical_id"),
    "labs": ("lab_id", "canonical_id", "successor_id"),
    "names": ("kind", "folded", "subject_id", "canonical_id"),
}


class ReplayRunning(Refusal):
    """A second replay at the same time."""

    code = "replay_running"

    def __init__(self, replay_id: UUID | None = None) -> None:
        where = f"/v1/replays/{replay_id}" if replay_id else "/v1/replays"
        super().__init__(f"A replay is running already; GET {where} tells its progress.")


class Replay(Struct, frozen=True, kw_only=True):
    """How a replay stands."""

    id: UUID
    state: str
    """`running`, `done` or `failed`."""
    check: bool
    """Whether it only compares."""
    started_at: datetime
    finished_at: datetime | None
    done: int
    """Events folded so far."""
    total: int
    events_per_second: float | None
    drift: list[Any]
    """Rows in which the kept and the replayed read model differ."""
    detail: str | None
    """Why it failed or did not switch."""


class ReadModelState(Struct, frozen=True):
    """By which code the read models were made."""

    code_version: int
    checkpoint: int

    @property
    def is_current(self) -> bool:
        return self.code_version == CODE_VERSION


async def fetch_state(connection: Connection) -> ReadModelState:
    """By which code the read models were made."""
    row = await connection.fetchrow(_FETCH_STATE)
    assert row is not None, "the migration makes the one row"
    return ReadModelState(row["code_version"], row["checkpoint"])


async def fetch_replay(connection: Connection, replay_id: UUID) -> Replay | None:
    """How one replay stands."""
    row = await connection.fetchrow(_FETCH_REPLAY, replay_id)
    return None if row is None else _from_row(row)


async def fetch_replays(connection: Connection) -> list[Replay]:
    """The last hundred, newest first."""
    return [_from_row(row) for row in await connection.fetch(_FETCH_REPLAYS)]


async def replay(
    pool: Pool,
    replay_id: UUID,
    *,
    now: Callable[[], datetime],
    is_check: bool = False,
    is_forced: bool = False,
) -> Replay:
    """
    Build the read models anew, compare, and switch to them unless they only are to be compared.

    Drift refuses the switch at equal code version, unless it is forced.

    Raises:
        ReplayRunning: another one is under way, in whatever process.
    """
    async with pool.acquire() as keeper:
        if not await keeper.fetchval(_TRY_LOCK_REPLAY):
            raise ReplayRunning
        try:
            await keeper.execute(_ABANDON_REPLAYS, now())
            head = await read.read_head(keeper)
            await keeper.execute(_START_REPLAY, replay_id, is_check, now(), head.position)
            drift, detail, state = await _replay(
                pool, replay_id, head.position, is_check, is_forced
            )
        except BaseException as fault:
            drift, detail, state = [], f"{type(fault).__name__}: {fault}", "failed"
            raise
        finally:
            if not keeper.is_closed():
                await keeper.execute(
                    _FINISH_REPLAY, replay_id, state, now(), json.dumps(drift), detail
                )
                await keeper.execute(_UNLOCK_REPLAY)
        found = await fetch_replay(keeper, replay_id)
    assert found is not None, "it was just written"
    return found


async def _replay(
    pool: Pool, replay_id: UUID, until: Position, is_check: bool, is_forced: bool
) -> tuple[list[dict[str, Any]], str | None, str]:
    async with pool.acquire() as connection:
        before = await fetch_state(connection)
        await connection.execute(_DROP_NEXT)
        await connection.execute(_CREATE_NEXT)
        await _build(pool, connection, replay_id, until)
        await connection.execute(_ANALYZE_NEXT)
        drift = await _drift(connection, until) if before.is_current else []
        if is_check:
            await connection.execute(_DROP_NEXT)
            return drift, None, "done"
        if drift and before.is_current and not is_forced:
            await connection.execute(_DROP_NEXT)
            return drift, "The read models differ; nothing was switched.", "failed"
        await _switch(connection, until)
    return drift, None, "done"


async def _build(pool: Pool, connection: Connection, replay_id: UUID, until: Position) -> None:
    """Fill the new tables with what was believed up to *until*."""
    began = time.monotonic()
    labs = [row[0] for row in await connection.fetch(_READ_EVERY_LAB)]
    facts = Streams(_until(await read.read_streams(connection, labs=labs), until))
    families = []
    for family in facts.groups("lab", labs):
        beliefs = Beliefs()
        changes = project_labs(family, facts.facts_of(family), after=Position(0), beliefs=beliefs)
        families.append((family, changes))
        await _copy(connection, [beliefs])
    family_of = {lab: i for i, (family, _) in enumerate(families) for lab in family}
    done: set[str] = set()
    folded = 0
    async with pool.acquire() as reader:
        async for people in _people(reader):
            fresh = [one for one in people if one not in done]
            linked = await read.read_linked(reader, [Subject("person", one) for one in fresh])
            ids = [s.id for s in linked]
            done.update(one for one in ids if one not in fresh)
            stream = _until(await read.read_streams(reader, people=ids), until)
            units = list(_units(Streams(stream), ids, families, family_of))
            await _copy(connection, units)
            folded += len(stream)
            rate = folded / max(time.monotonic() - began, 1e-6)
            # An event with several founders is folded once for each.
            await connection.execute(_NOTE_PROGRESS, replay_id, min(folded, until), rate)


def _units(
    streams: Streams,
    ids: Sequence[str],
    families: Sequence[tuple[frozenset[str], list[LabChange]]],
    family_of: dict[str, int],
) -> Iterable[Beliefs]:
    for component in streams.groups("person", ids):
        stream = streams.of_people(component)
        named = {family_of[lab] for lab in named_labs(stream) if lab in family_of}
        changes = sorted(
            (c for i in named for c in families[i][1]), key=lambda change: change.position
        )
        beliefs = Beliefs()
        project_people(
            component, stream, after=Position(0), labs=Labs(), changes=changes, beliefs=beliefs
        )
        yield beliefs


async def _people(connection: Connection) -> AsyncIterator[list[str]]:
    """Every id of a person, some at a time."""
    async with connection.transaction(readonly=True):
        page: list[str] = []
        async for row in connection.cursor(_READ_EVERY_PERSON, prefetch=PEOPLE_AT_ONCE):
            page.append(row[0])
            if len(page) == PEOPLE_AT_ONCE:
                yield page
                page = []
        if page:
            yield page


async def _copy(connection: Connection, units: Iterable[Beliefs]) -> None:
    """Write what was believed into the new tables."""
    records: dict[Model, list[tuple[Any, ...]]] = {model: [] for model in MODELS}
    for beliefs in units:
        for row, belief in beliefs.added():
            records[row.model].append(_record(row, belief))
    for model, rows in records.items():
        if rows:
            await connection.copy_records_to_table(
                model,
                schema_name="read_models_next",
                records=rows,
                columns=("known_from", "known_to", "content", *_COLUMNS[model]),
            )


def _record(row: Row, belief: Belief) -> tuple[Any, ...]:
    return (belief.known_from, belief.known_to, row.content, *belief.columns)


async def _drift(connection: Connection, until: Position) -> list[dict[str, Any]]:
    """The first rows of each read model in which the old and the new one differ."""
    drift = []
    for model in MODELS:
        rows = await connection.fetch(_DRIFT[model], until, DRIFT_ROWS_MAX)
        drift += [
            {
                "model": model,
                "side": row["side"],
                "subject": row["person_id"],
                "known_from": row["known_from"],
                "known_to": None if row["known_to"] == 2**63 - 1 else row["known_to"],
                "content": json.loads(row["content"]),
            }
            for row in rows
        ]
    return drift


async def _switch(connection: Connection, until: Position) -> None:
    """Fold what came since and let the new tables take the place of the old ones."""
    await connection.execute(_DROP_BEFORE)
    while (await read.read_head(connection)).position - until > TAIL_EVENTS_MAX:
        async with connection.transaction():
            until = await _catch_up(connection, until)
    async with connection.transaction():
        # From here on no event is appended, so that the new tables miss none when they switch.
        await lock(connection)
        until = await _catch_up(connection, until)
        head = await read.read_head(connection)
        assert head.position == until, "nobody appends while the lock is held"
        await connection.execute(_SET_STATE, CODE_VERSION, head.position, head.recorded_at)
        await connection.execute(_SWITCH)


async def _catch_up(connection: Connection, after: Position) -> Position:
    """Bring the new tables from *after* to the head; the position that they then are at."""
    await connection.execute(_LOOK_AT_NEXT)
    head = await read.read_head(connection)
    rows = await connection.fetch(_READ_CONCERNED, after, head.position)
    concerned = Concerned(
        people={r["subject_id"] for r in rows if r["kind"] == "person"},
        labs={r["subject_id"] for r in rows if r["is_fact"]},
        moves_people=True,
    )
    await keep(connection, await catch_up(connection, concerned, after=after, until=head.position))
    return head.position


def _until(events: Sequence[RecordedEvent], until: Position) -> list[RecordedEvent]:
    return [event for event in events if event.position <= until]


def _from_row(row: asyncpg.Record) -> Replay:
    return Replay(
        id=row["replay_id"],
        state=row["state"],
        check=row["is_check"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        done=row["done"],
        total=row["total"],
        events_per_second=row["events_per_second"],
        drift=json.loads(row["drift"]),
        detail=row["detail"],
    )
