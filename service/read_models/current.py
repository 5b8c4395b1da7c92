"""What every question has to know first: the head, and which read models are in use."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.log.append import Head
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "current.sql")
_FETCH_CURRENT = _SQL["fetch_current"]
_FETCH_CURRENT_AND_KNOWN = _SQL["fetch_current_and_known"]
_FETCH_MOVED = _SQL["fetch_moved"]

NO_HEAD = Head()
LOOK_SECONDS = 10.0
"""Everybody waits for this one: of a server that does not answer it is told soon."""


class Made(Struct, frozen=True):
    """By what the read models in use were made; another after every replay and rollback."""

    code_version: int
    checkpoint: int
    replay_id: UUID | None


class Current(Struct, frozen=True):
    """The log and the read models as of one statement."""

    head: Head
    made: Made
    last_erasure: int
    """Position of the last event that took others out of the log; 0 of a log without."""
    known: Mapping[int | datetime, tuple[int, datetime]]
    """By the position or instant asked for: the position that it means, and its instant."""


class Moved(Struct, frozen=True):
    """Whom some events can have moved; of others the same is believed after as before them."""

    people: frozenset[str]
    labs: frozenset[str]
    has_lab_facts: bool
    """Whether what labs are called, or how they began, belong and end, can have changed too."""


async def fetch_current(connection: Connection, known: Iterable[int | datetime] = ()) -> Current:
    """
    The head and the read models as of this statement; and the states that *known* means.

    A position that is not in the log, and an instant before the first event, are left out.
    """
    positions: list[int] = []
    instants: list[datetime] = []
    for one in known:
        if isinstance(one, datetime):
            instants.append(one)
        else:
            positions.append(one)
    if positions or instants:
        rows = await connection.fetch(
            _FETCH_CURRENT_AND_KNOWN, positions, instants, timeout=LOOK_SECONDS
        )
    else:
        rows = await connection.fetch(_FETCH_CURRENT, timeout=LOOK_SECONDS)
    assert rows, "the migration makes the one row of the state"
    first = rows[0]
    found = _known(rows) if positions or instants else {}
    return Current(_head(first), Made(*first[3:6]), first["last_erasure"] or 0, found)


async def fetch_moved(connection: Connection, *, after: int, until: int) -> Moved:
    """Whom the events with after < position ≤ until can have moved."""
    rows = await connection.fetch(_FETCH_MOVED, after, until)
    return Moved(
        frozenset(row["subject_id"] for row in rows if row["kind"] == "person"),
        frozenset(row["subject_id"] for row in rows if row["kind"] == "lab"),
        any(row["is_fact"] for row in rows),
    )


def _head(row: asyncpg.Record) -> Head:
    if row["position"] is None:
        return NO_HEAD
    return Head(row["position"], row["hash"], row["recorded_at"])


def _known(rows: Iterable[asyncpg.Record]) -> dict[int | datetime, tuple[int, datetime]]:
    found: dict[int | datetime, tuple[int, datetime]] = {}
    for row in rows:
        if row["known_position"] is not None:
            asked = row["asked_instant"] or row["asked_position"]
            found[asked] = (row["known_position"], row["known_recorded_at"])
    return found
