"""Appending to the log: under one lock, at consecutive positions, chained by hashes."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from msgspec import Struct

from service.domain.events import (
    NewEvent,
    Position,
    RecordedEvent,
    days_of,
    to_canonical_json,
    type_of,
)
from service.domain.subjects import Concern
from service.log.chain import GENESIS, event_hash, payload_hash
from service.postgres.joining import Write, run_as_one
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "append.sql")
_LOCK_LOG = _SQL["lock_log"]
_APPEND_EVENTS = _SQL["append_events"]
_APPEND_SUBJECTS = _SQL["append_subjects"]
_APPEND_RECEIPTS = _SQL["append_receipts"]
_TAKE_LOCK = _SQL["take_lock"]
_GIVE_LOCK_BACK = _SQL["give_lock_back"]

EVENT_COLUMNS = (
    "position",
    "event_id",
    "type",
    "recorded_at",
    "recorded_by",
    "request_id",
    "target_position",
    "payload",
    "salt",
    "payload_hash",
    "hash",
    "body_digest",
    "on_lo",
    "on_hi",
)
SUBJECT_COLUMNS = ("kind", "subject_id", "position", "is_fact", "is_link")

COPIED_EVENTS_MIN = 64
"""From so many on COPY, which takes a round trip for each table, costs less than arrays."""
GIVE_BACK_SECONDS = 3.0
"""After that the connection is given up, and its lock with it."""


class Head(Struct, frozen=True):
    """The greatest position and what the chain has come to there."""

    position: Position = Position(0)
    hash: bytes = GENESIS
    recorded_at: datetime | None = None


class LogEntry(Struct, frozen=True, kw_only=True):
    """One event as it goes into the log, with what the log keeps about it."""

    event: RecordedEvent
    request_id: str
    payload: bytes
    salt: bytes
    payload_hash: bytes
    concerns: Sequence[Concern]


class Receipt(Struct, frozen=True, kw_only=True):
    """That a request with an idempotency key made these positions."""

    api_key: str
    idempotency_key: str
    request_digest: bytes
    positions: Sequence[int]
    """Not always consecutive: events known before are answered with their old positions."""


async def lock(connection: Connection) -> None:
    """
    Wait for and take the log's lock, until the transaction ends.

    What is read about the head afterwards must be read by a statement of its own: one that
    began to wait has a snapshot from before.
    """
    await connection.execute(_LOCK_LOG)


@contextlib.asynccontextmanager
async def appending(connection: Connection) -> AsyncIterator[None]:
    """
    The log's lock for the connection, which is in no transaction, until the block ends.

    Each statement in the block sees what was committed before it, and commits by itself: an
    append is one that reads and one that writes. The lock goes with the connection, so that no
    statement runs after it was lost.
    """
    try:
        await connection.execute(_TAKE_LOCK)
        yield
    finally:
        await _give_lock_back(connection)


async def _give_lock_back(connection: Connection) -> None:
    try:
        if not connection.is_closed():
            await connection.execute(_GIVE_LOCK_BACK, timeout=GIVE_BACK_SECONDS)
    except asyncpg.InterfaceError:
        # It broke, and the pool has taken it back: the lock went with it.
        return
    except BaseException:
        with contextlib.suppress(asyncpg.InterfaceError):
            # Nobody else would get the lock while the connection lives.
            connection.terminate()
        raise


def next_recorded_at(head: Head, now: datetime) -> datetime:
    """
    The instant of the next commit: *now*, or just after the head where a clock went back.

    Strictly later than the head's, so that an instant that was once answered for never means
    a greater position afterwards.
    """
    if head.recorded_at is None or now > head.recorded_at:
        return now
    return head.recorded_at + timedelta(microseconds=1)


def chained(
    head: Head,
    new: NewEvent,
    *,
    target_position: Position | None,
    recorded_at: datetime,
    recorded_by: str,
    request_id: str,
    salt: bytes,
    body_digest: bytes | None,
    concerns: Sequence[Concern],
) -> LogEntry:
    """The entry that follows *head*."""
    payload = to_canonical_json(new.payload)
    hashed = payload_hash(salt, payload)
    position = Position(head.position + 1)
    return LogEntry(
        event=RecordedEvent(
            position=position,
            event_id=new.event_id,
            payload=new.payload,
            target_position=target_position,
            recorded_at=recorded_at,
            recorded_by=recorded_by,
            hash=event_hash(
                head.hash,
                position=position,
                event_id=new.event_id,
                type_=type_of(new.payload),
                recorded_at=recorded_at,
                recorded_by=recorded_by,
                payload_hash=hashed,
            ),
            body_digest=body_digest,
        ),
        request_id=request_id,
        payload=payload,
        salt=salt,
        payload_hash=hashed,
        concerns=concerns,
    )


def head_after(entry: LogEntry) -> Head:
    """The head that *entry* makes."""
    return Head(entry.event.position, entry.event.hash, entry.event.recorded_at)


async def append(
    connection: Connection, entries: Sequence[LogEntry], receipts: Sequence[Receipt] = ()
) -> None:
    """
    Write *entries* and *receipts*; durable when the caller's transaction commits.

    Shapes: consecutive positions after the head, one recorded_at. The caller holds the lock.
    """
    if len(entries) < COPIED_EVENTS_MIN:
        await run_as_one(connection, appended(entries, receipts))
        return
    await connection.copy_records_to_table(
        "events", columns=EVENT_COLUMNS, records=map(event_row, entries)
    )
    await connection.copy_records_to_table(
        "event_subjects", columns=SUBJECT_COLUMNS, records=subject_rows(entries)
    )
    await run_as_one(connection, appended((), receipts))


def appended(entries: Sequence[LogEntry], receipts: Sequence[Receipt] = ()) -> list[Write]:
    """What writes *entries* and *receipts*, shaped as `append` takes them."""
    writes = []
    if entries:
        writes += [
            Write(_APPEND_EVENTS, _event_columns(entries)),
            Write(_APPEND_SUBJECTS, _subject_columns(entries)),
        ]
    if receipts:
        writes.append(Write(_APPEND_RECEIPTS, _receipt_columns(receipts)))
    return writes


def _event_columns(entries: Sequence[LogEntry]) -> list[Any]:
    """The columns of `events` as `append_events` takes them."""
    columns: list[Any] = [list(column) for column in zip(*map(event_row, entries), strict=True)]
    instant = EVENT_COLUMNS.index("recorded_at")
    columns[instant] = columns[instant][0]
    return columns


def event_row(entry: LogEntry) -> tuple[Any, ...]:
    """A row of `events`, by `EVENT_COLUMNS`."""
    event = entry.event
    days = days_of(event.payload)
    return (
        event.position,
        event.event_id,
        event.type,
        event.recorded_at,
        event.recorded_by,
        entry.request_id,
        event.target_position,
        entry.payload.decode(),
        entry.salt,
        entry.payload_hash,
        event.hash,
        event.body_digest,
        days.lo if days else None,
        days.hi if days else None,
    )


async def append_subjects(
    connection: Connection, concerns: Sequence[tuple[Concern, Position]]
) -> None:
    """Say of events that are in the log whom and what they concern."""
    await connection.execute(_APPEND_SUBJECTS, *_columns_of(concerns))


def subject_rows(entries: Iterable[LogEntry]) -> Iterator[tuple[Any, ...]]:
    """The rows of `event_subjects`, by `SUBJECT_COLUMNS`."""
    for entry in entries:
        for concern in entry.concerns:
            kind, subject_id = concern.subject
            yield kind, subject_id, entry.event.position, concern.is_fact, concern.is_link


def _subject_columns(entries: Iterable[LogEntry]) -> list[list[Any]]:
    """The columns of `event_subjects` as `append_subjects` takes them."""
    return _columns_of([(c, e.event.position) for e in entries for c in e.concerns])


def _columns_of(concerns: Sequence[tuple[Concern, Position]]) -> list[list[Any]]:
    return [
        [c.subject.kind for c, _ in concerns],
        [c.subject.id for c, _ in concerns],
        [position for _, position in concerns],
        [c.is_fact for c, _ in concerns],
        [c.is_link for c, _ in concerns],
    ]


def _receipt_columns(receipts: Sequence[Receipt]) -> list[list[Any]]:
    """The columns of `receipts` as `append_receipts` takes them."""
    return [
        [r.api_key for r in receipts],
        [r.idempotency_key for r in receipts],
        [r.request_digest for r in receipts],
        [f"{{{','.join(map(str, r.positions))}}}" for r in receipts],
    ]
