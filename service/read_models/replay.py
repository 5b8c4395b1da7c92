"""
Replay: the read models built anew from the log, compared and switched in one step.

The new tables are built beside the old ones from the log up to a position, without the log's
lock and in no transaction of its own, while reads and writes go on. Then they are brought to the
head and the schemas change names (`switching`). Killed at any moment it leaves the old tables in
use; those are kept afterwards, for a rollback.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.domain.events import Position, RecordedEvent
from service.domain.labs import Labs
from service.domain.refusals import Refusal
from service.domain.subjects import Subject
from service.log import read
from service.postgres.pool import PATIENCE_SECONDS, Connection, Pool
from service.postgres.statements import load_statements
from service.read_models.beliefs import MODELS, Belief, Beliefs, Model, Row
from service.read_models.drift import Drift, fetch_drift
from service.read_models.projector import (
    LabChange,
    Streams,
    named_labs,
    project_labs,
    project_people,
)
from service.read_models.replays import (
    Progress,
    Replay,
    alone,
    fetch_replay,
    on_record,
)
from service.read_models.switching import BEFORE, NEXT, take_over

_SQL = load_statements("service.read_models", "replay.sql")
_FETCH_STATE = _SQL["fetch_state"]
_CREATE_NEXT = _SQL["create_next"]
_VACUUM_NEXT = _SQL["vacuum_next"]
_READ_PEOPLE = _SQL["read_people"]
_READ_EVERY_LAB = _SQL["read_every_lab"]
_FIND_BEFORE = _SQL["find_before"]

CODE_VERSION = 2
"""Of the fold and of the rows' form; raised with every change of what rows say."""
READABLE_SINCE = 1
"""The oldest code version whose rows today's code reads; raised when their form is another."""
PEOPLE_AT_ONCE = 100
EVENTS_IN_A_TURN = 10
"""So many are folded before whoever else waits for the event loop has a turn."""

_COLUMNS: dict[Model, tuple[str, ...]] = {
    "stints": ("person_id", "lab_id", "start_lo", "end_hi"),
    "findings": ("kind", "person_id", "lab_ids"),
    "people": ("person_id", "canonical_id"),
    "labs": ("lab_id", "canonical_id", "successor_id"),
    "names": ("kind", "folded", "subject_id", "canonical_id"),
}


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

    @property
    def is_current(self) -> bool:
        return self.code_version == CODE_VERSION

    @property
    def is_readable(self) -> bool:
        """Whether they can answer until they are replayed; 0 is of tables that hold nothing yet."""
        return READABLE_SINCE <= self.code_version <= CODE_VERSION


async def fetch_state(connection: Connection) -> ReadModelState:
    """By which code and which replay the read models were made."""
    row = await connection.fetchrow(_FETCH_STATE)
    assert row is not None, "the migration makes the one row"
    return ReadModelState(row["code_version"], row["checkpoint"], row["replay_id"])


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
        ReplayNotPermitted: the service may make no schema.
    """
    async with (
        alone(pool, now) as connection,
        on_record(connection, replay_id, now=now, is_check=is_check) as progress,
    ):
        before = await fetch_state(connection)
        until = (await read.read_head(connection)).position
        await progress.expect(Position(0), until)
        await connection.execute(_CREATE_NEXT)
        await _build(progress, until)
        if not is_check:
            await progress.at("indexing")
            await connection.execute(_VACUUM_NEXT, timeout=PATIENCE_SECONDS)
        await progress.at("comparing")
        drift = await _drift(connection, before, until)
        if is_check:
            await progress.finish(drift)
        elif drift.rows and before.is_current and not is_forced:
            await progress.fail(drift, "The read models differ; nothing was switched.")
        else:
            await take_over(progress, NEXT, until=until, code_version=CODE_VERSION, drift=drift)
    return await _ended(pool, replay_id)


async def roll_back(
    pool: Pool, replay_id: UUID, target: UUID, *, now: Callable[[], datetime]
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
            await progress.expect(after, (await read.read_head(connection)).position)
            await take_over(progress, BEFORE, until=after, code_version=before.code_version)
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


async def _drift(connection: Connection, kept: ReadModelState, until: Position) -> Drift:
    """What differs; of tables that no code ever filled there is nothing to tell."""
    if kept.code_version == 0:
        return Drift()
    return await fetch_drift(connection, until)


async def _build(progress: Progress, until: Position) -> None:
    """Fill the new tables with what was believed up to *until*."""
    connection = progress.connection
    labs = [row[0] for row in await connection.fetch(_READ_EVERY_LAB)]
    every = _until(await read.read_streams(connection, labs=labs), until)
    facts = Streams(every)
    families, units = [], []
    for family in facts.groups("lab", labs):
        beliefs = Beliefs()
        changes = project_labs(family, facts.facts_of(family), after=Position(0), beliefs=beliefs)
        families.append((family, changes))
        units.append(beliefs)
        await asyncio.sleep(0)
    await _copy(connection, units)
    await progress.folded(every)
    family_of = {lab: i for i, (family, _) in enumerate(families) for lab in family}
    done: set[str] = set()
    async for people in _people(connection):
        fresh = [one for one in people if one not in done]
        linked = await read.read_linked(connection, [Subject("person", one) for one in fresh])
        ids = [s.id for s in linked]
        done.update(one for one in ids if one not in fresh)
        stream = _until(await read.read_streams(connection, people=ids), until)
        await _copy(connection, await _units(Streams(stream), ids, families, family_of))
        await progress.folded(stream)


async def _units(
    streams: Streams,
    ids: Sequence[str],
    families: Sequence[tuple[frozenset[str], list[LabChange]]],
    family_of: dict[str, int],
) -> list[Beliefs]:
    units = []
    in_this_turn = 0
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
        units.append(beliefs)
        in_this_turn += len(stream)
        if in_this_turn >= EVENTS_IN_A_TURN:
            in_this_turn = 0
            await asyncio.sleep(0)
    return units


async def _people(connection: Connection) -> AsyncIterator[list[str]]:
    """Every id of a person, some at a time, in order."""
    last = ""
    while rows := await connection.fetch(_READ_PEOPLE, last, PEOPLE_AT_ONCE):
        page: list[str] = [row[0] for row in rows]
        yield page
        last = page[-1]


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


def _until(events: Sequence[RecordedEvent], until: Position) -> list[RecordedEvent]:
    return [event for event in events if event.position <= until]
