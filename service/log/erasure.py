"""
Erasing: the payloads of events become tombstones, while positions, times and hashes stay.

What is erased is what an erasure on the log names, through the one function of the database that
may change events. Its trace is there before anything is gone.
"""

from collections.abc import Iterable
from datetime import datetime

import asyncpg
from msgspec import Struct

from service.domain.events import Erased, Erasure, Position, from_canonical_json, to_canonical_json
from service.log.append import append_subjects
from service.log.derived import Chains, Said
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "erasure.sql")
_ERASE = _SQL["erase"]
_READ_CHAINS_OF_ERASED = _SQL["read_chains_of_erased"]
_READ_ERASURES = _SQL["read_erasures"]

TOMBSTONE = to_canonical_json(Erased()).decode()
"""What the database writes in the place of a payload."""


class ErasedBy(Struct, frozen=True):
    """Which erasure took an event, when and why."""

    position: Position
    recorded_at: datetime
    reason: str


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


def _erased_by(row: asyncpg.Record) -> ErasedBy:
    erasure = from_canonical_json(row["payload"])
    assert isinstance(erasure, Erasure), "nothing else erases"
    return ErasedBy(row["position"], row["recorded_at"], erasure.reason)
