"""Restore: an exported log made again in an empty one, with the same positions, times and hashes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from service.domain.events import Position, published_on
from service.domain.refusals import Refusal
from service.log import read
from service.log.append import SUBJECT_COLUMNS, Head, lock
from service.log.derived import Chains, Derived, NoTarget, Said, read_chains
from service.log.erasure import TOMBSTONE
from service.log.export import BrokenExport, CheckedEvent
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_TAKE_IDENTITY = load_statements("service.log", "restore.sql")["take_identity"]

EVENTS_AT_ONCE = 1000
EPOCHS_BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
"""Seconds since then fit into the column until 2088."""

_EVENT_COLUMNS = (
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
    "on_lo",
    "on_hi",
    "erased_by",
)


class LogNotEmpty(Refusal):
    """A restore is for an empty log only."""

    code = "log_not_empty"

    def __init__(self, position: int) -> None:
        super().__init__(
            f"The log has {position} events already; restore into an empty data directory. "
            "Nothing was restored."
        )


async def restore(
    connection: Connection,
    events: Iterator[CheckedEvent],
    log_id: UUID,
    *,
    now: datetime,
    tell: Callable[[int], None] = lambda _position: None,
) -> Head:
    """
    Make the exported log this one; the head that it then has. Constant memory.

    In the caller's transaction, as the database's owner; the read models are to be replayed
    afterwards. Only for an empty log. *tell* is told the position after each few events. The
    log gets an epoch that no other restore of it has, unless both were in one second.

    Raises:
        LogNotEmpty: see there.
        BrokenExport: as `read_export`, and for an event that follows from none before it.
    """
    await lock(connection)
    head = await read.read_head(connection)
    if head.position > 0:
        raise LogNotEmpty(head.position)
    while some := list(islice(events, EVENTS_AT_ONCE)):
        await _write(connection, some)
        last = some[-1].event
        head = Head(Position(last.position), bytes.fromhex(last.hash), last.recorded_at)
        tell(head.position)
    await _take_identity(connection, log_id, now)
    return head


async def begin_epoch(connection: Connection, now: datetime) -> Head:
    """
    Let the log be one that went back to where it was before; the head that it has.

    Cursors of what it takes back are refused then, as after `restore`.
    """
    identity = await read.read_identity(connection)
    await _take_identity(connection, identity.log_id, now)
    return await read.read_head(connection)


async def _take_identity(connection: Connection, log_id: UUID, now: datetime) -> None:
    seconds = int((now - EPOCHS_BEGAN).total_seconds())
    await connection.execute(_TAKE_IDENTITY, log_id, seconds)


async def _write(connection: Connection, events: Sequence[CheckedEvent]) -> None:
    """
    Raises:
        BrokenExport: an event follows from none before it, or one that the log cannot hold.
    """
    said = [
        Said(Position(e.event.position), e.event.event_id, e.event.type, e.payload) for e in events
    ]
    chains = await read_chains(connection, said)
    derived = [_derived(chains, one) for one in said]
    try:
        await connection.copy_records_to_table(
            "events",
            columns=_EVENT_COLUMNS,
            records=[_event(e, d) for e, d in zip(events, derived, strict=True)],
        )
        await connection.copy_records_to_table(
            "event_subjects",
            columns=SUBJECT_COLUMNS,
            records=[
                (c.subject.kind, c.subject.id, one.position, c.is_fact, c.is_link)
                for one, d in zip(said, derived, strict=True)
                for c in d.concerns
            ],
        )
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, ValueError) as exc:
        first, last = said[0].position, said[-1].position
        raise BrokenExport(
            f"One of the positions {first} to {last} is none that a log holds: {exc}.", first
        ) from exc


def _derived(chains: Chains, said: Said) -> Derived:
    position = said.position
    try:
        # What the fold reads of a payload has to be readable: nobody but the log vouches for it.
        published_on(said.payload)
        return chains.follow(said)
    except NoTarget as exc:
        raise BrokenExport(f"Position {position} is about no event before it.", position) from exc
    except (Refusal, AssertionError) as exc:
        raise BrokenExport(f"Position {position} cannot be read: {exc}", position) from exc


def _event(checked: CheckedEvent, derived: Derived) -> tuple[Any, ...]:
    event, days = checked.event, derived.days
    return (
        event.position,
        event.event_id,
        event.type,
        event.recorded_at,
        event.recorded_by,
        # The request is not covered by the hash, so it is not exported.
        "",
        derived.target_position,
        TOMBSTONE if event.erased_by is not None else bytes(event.payload).decode(),
        bytes.fromhex(event.salt),
        bytes.fromhex(event.payload_hash),
        bytes.fromhex(event.hash),
        days.lo if days else None,
        days.hi if days else None,
        event.erased_by,
    )
