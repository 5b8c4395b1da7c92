"""
Erasing: the payloads of events become tombstones, while positions, times and hashes stay.

What is erased is what an erasure on the log names, through the one function of the database that
may change events. Its trace is there before anything is gone.
"""

from collections.abc import Iterable
from datetime import datetime

import asyncpg
from msgspec import Struct

from service.domain.events import (
    Erased,
    Erasure,
    Position,
    RecordedEvent,
    from_canonical_json,
    to_canonical_json,
)
from service.domain.mentions import Mentions
from service.log.append import append_subjects
from service.log.corrections import Mention, mention_of
from service.log.derived import Chains, Said
from service.log.read import from_row
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "erasure.sql")
_BOUND_WAITS = _SQL["bound_waits"]
_ERASE = _SQL["erase"]
_READ_CHAINS_OF_ERASED = _SQL["read_chains_of_erased"]
_READ_ERASURES = _SQL["read_erasures"]
_READ_MENTIONS = _SQL["read_mentions"]
_READ_TOGETHER_WITH = _SQL["read_together_with"]
_READ_TAKEN_BY = _SQL["read_taken_by"]

ROWS_AT_ONCE = 500

TOMBSTONE = to_canonical_json(Erased()).decode()
"""What the database writes in the place of a payload."""


class ErasedBy(Struct, frozen=True):
    """Which erasure took an event, when and why."""

    position: Position
    recorded_at: datetime
    reason: str


async def bound_waits(connection: Connection) -> None:
    """Let every wait for a lock in the caller's transaction end after some seconds."""
    await connection.execute(_BOUND_WAITS)


async def erase(connection: Connection, position: Position) -> int:
    """
    Let the events that the erasure at *position*, the head, names say nothing; how many they are.

    In the caller's transaction, under the log's lock; what the read models say of them is the
    caller's to take away. Of events about erased ones that stay it is said anew whom they
    concern: they concerned those of what was said before, too.

    Raises:
        asyncpg.RestrictViolationError: it is no erasure at the head, or it names what is no
            event before it, is an erasure or was erased already.
    """
    count: int = await connection.fetchval(_ERASE, position)
    rows = await connection.fetch(_READ_CHAINS_OF_ERASED, position)
    chains = Chains({})
    concerns = []
    for row in rows:
        payload = from_canonical_json(row["payload"])
        derived = chains.follow(Said(row["position"], row["event_id"], row["type"], payload))
        if row["target_position"] is not None and row["erased_by"] is None:
            concerns += [(concern, row["position"]) for concern in derived.concerns]
    await append_subjects(connection, concerns)
    return count


async def read_erasures(connection: Connection, positions: Iterable[int]) -> dict[int, ErasedBy]:
    """Of the events at *positions* those that were erased, each with what took it."""
    rows = await connection.fetch(_READ_ERASURES, list(positions))
    return {row["erased_position"]: _erased_by(row) for row in rows}


async def read_taken_by(connection: Connection, position: int) -> list[Mention]:
    """The events that the erasure at *position* took, by position."""
    return [mention_of(row) for row in await connection.fetch(_READ_TAKEN_BY, position)]


async def read_together_with(connection: Connection, position: int) -> list[RecordedEvent]:
    """What was recorded with the event at *position*, in one transaction and before it."""
    return [from_row(row) for row in await connection.fetch(_READ_TOGETHER_WITH, position)]


async def read_mentions(
    connection: Connection, mentions: Mentions, *, after: int, limit: int
) -> list[Mention]:
    """
    At most *limit* events after a position in whose free texts somebody is mentioned.

    Reads every payload once, in the caller's transaction. Accents that a text has and the name
    has not, or the other way round, are passed over.
    """
    found: list[Mention] = []
    patterns = [f"%{'%'.join(phrase.split())}%" for phrase in mentions.phrases_as_written]
    if not patterns:
        return found
    rows = connection.cursor(_READ_MENTIONS, after, patterns, prefetch=ROWS_AT_ONCE)
    async for row in rows:
        if mentions.in_payload(from_canonical_json(row["payload"])):
            found.append(mention_of(row))
        if len(found) == limit:
            break
    return found


def _erased_by(row: asyncpg.Record) -> ErasedBy:
    erasure = from_canonical_json(row["payload"])
    assert isinstance(erasure, Erasure), "nothing else erases"
    return ErasedBy(row["position"], row["recorded_at"], erasure.reason)
