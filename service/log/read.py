"""Reading the log: by position, by instant, by id and by subject."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.domain.events import Position, RecordedEvent, from_canonical_json
from service.domain.subjects import Subject
from service.log.append import Head
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "read.sql")
_READ_HEAD = _SQL["read_head"]
_READ_POSITION_AT = _SQL["read_position_at"]
_READ_RECORDED_AT = _SQL["read_recorded_at"]
_READ_INSTANTS = _SQL["read_instants"]
_READ_BY_IDS = _SQL["read_by_ids"]
_READ_LAST_WORDS = _SQL["read_last_words"]
_READ_BY_POSITIONS = _SQL["read_by_positions"]
_READ_CHAINS = _SQL["read_chains"]
_READ_BY_SUBJECTS = _SQL["read_by_subjects"]
_READ_HISTORIES = _SQL["read_histories"]
_READ_LINKED = _SQL["read_linked"]
_READ_PEOPLE_OF_LABS = _SQL["read_people_of_labs"]
_READ_RECEIPT = _SQL["read_receipt"]
_READ_IDENTITY = _SQL["read_identity"]
_READ_PAGE = _SQL["read_page"]
_READ_TIMELINE = _SQL["read_timeline"]


class LastWord(Struct, frozen=True):
    """The original, correction or retraction that holds of an event."""

    recorded_by: str
    body_digest: bytes | None
    """None where it is not known what was sent, as of a restored log."""


class LogIdentity(Struct, frozen=True):
    """Which log this is; the epoch rises when a restore takes back a future."""

    log_id: UUID
    epoch: int


class Filters(Struct, frozen=True, kw_only=True):
    """Which events are asked for; None is any."""

    type: str | None = None
    people: Sequence[str] | None = None
    labs: Sequence[str] | None = None
    from_on: date | None = None
    """Events whose date can mean this day or a later one."""
    to_on: date | None = None


async def read_head(connection: Connection) -> Head:
    """The head as of this statement."""
    row = await connection.fetchrow(_READ_HEAD)
    return Head() if row is None else Head(row["position"], row["hash"], row["recorded_at"])


async def read_position_at(connection: Connection, instant: datetime) -> Position:
    """The greatest position recorded by *instant*; 0 before the first."""
    return Position(await connection.fetchval(_READ_POSITION_AT, instant) or 0)


async def read_recorded_at(connection: Connection, position: Position) -> datetime | None:
    """When *position* was recorded; None of position 0."""
    found: datetime | None = await connection.fetchval(_READ_RECORDED_AT, position)
    return found


async def read_instants(connection: Connection, positions: Iterable[int]) -> dict[int, datetime]:
    """When each of *positions* was recorded."""
    rows = await connection.fetch(_READ_INSTANTS, list(positions))
    return {row["position"]: row["recorded_at"] for row in rows}


async def read_by_ids(connection: Connection, event_ids: Iterable[UUID]) -> list[RecordedEvent]:
    """The events with these ids, originals with all that corrected or retracted them."""
    return _events(await connection.fetch(_READ_BY_IDS, list(event_ids)))


async def read_last_words(
    connection: Connection, event_ids: Iterable[UUID]
) -> dict[UUID, LastWord]:
    """For each of these ids that is an event's: who had the last word on it, and what was sent."""
    rows = await connection.fetch(_READ_LAST_WORDS, list(event_ids))
    return {row["event_id"]: LastWord(row["recorded_by"], row["body_digest"]) for row in rows}


async def read_by_positions(
    connection: Connection, positions: Iterable[int]
) -> list[RecordedEvent]:
    """The events at these positions."""
    return _events(await connection.fetch(_READ_BY_POSITIONS, list(positions)))


async def read_chains(connection: Connection, positions: Iterable[int]) -> list[RecordedEvent]:
    """The originals at these positions and every correction and retraction of them."""
    return _events(await connection.fetch(_READ_CHAINS, list(positions)))


async def read_streams(
    connection: Connection, *, people: Iterable[str] = (), labs: Iterable[str] = ()
) -> list[RecordedEvent]:
    """Every event that concerns one of *people*, and those that are facts of *labs*."""
    return _events(await connection.fetch(_READ_BY_SUBJECTS, list(people), list(labs)))


async def read_histories(
    connection: Connection, subjects: Iterable[Subject], *, until: int
) -> list[RecordedEvent]:
    """
    Every event with position ≤ until that concerns one of *subjects*, a lab by what is a fact of
    it, or one of those whom any event ever joined with them.

    Shapes: position order, and each with its original and all that was said about it, which may
    have named others.
    """
    seeds = list(subjects)
    return _events(
        await connection.fetch(
            _READ_HISTORIES, [s.kind for s in seeds], [s.id for s in seeds], until
        )
    )


async def read_linked(connection: Connection, subjects: Iterable[Subject]) -> set[Subject]:
    """*subjects* and all whose history any event ever joined with theirs."""
    seeds = list(subjects)
    rows = await connection.fetch(_READ_LINKED, [s.kind for s in seeds], [s.id for s in seeds])
    return {Subject(row["kind"], row["subject_id"]) for row in rows}


async def read_people_of_labs(connection: Connection, labs: Iterable[str]) -> list[str]:
    """Everyone whom an event names together with one of *labs*."""
    return [row["subject_id"] for row in await connection.fetch(_READ_PEOPLE_OF_LABS, list(labs))]


async def read_receipt(
    connection: Connection, api_key: str, idempotency_key: str
) -> tuple[bytes, list[int]] | None:
    """The digest of the request that used the key first and the positions that it made."""
    row = await connection.fetchrow(_READ_RECEIPT, api_key, idempotency_key)
    return None if row is None else (row["request_digest"], row["positions"])


async def read_page(
    connection: Connection, *, after: int, until: int, filters: Filters, limit: int
) -> list[RecordedEvent]:
    """At most *limit* events with after < position ≤ until, ascending."""
    return _events(
        await connection.fetch(
            _READ_PAGE,
            after,
            until,
            filters.type,
            filters.people,
            filters.labs,
            filters.from_on,
            filters.to_on,
            limit,
        )
    )


async def read_timeline(
    connection: Connection, *, labs: Iterable[str], before: int, limit: int
) -> list[RecordedEvent]:
    """At most *limit* events of *labs* with position < before, descending."""
    return _events(await connection.fetch(_READ_TIMELINE, list(labs), before, limit))


async def read_identity(connection: Connection) -> LogIdentity:
    """Which log this is."""
    row = await connection.fetchrow(_READ_IDENTITY)
    assert row is not None, "the first migration gives the log its identity"
    return LogIdentity(row["log_id"], row["epoch"])


def from_row(row: asyncpg.Record) -> RecordedEvent:
    """One row of `events` as the domain has it."""
    return RecordedEvent(
        position=row["position"],
        event_id=row["event_id"],
        payload=from_canonical_json(row["payload"]),
        target_position=row["target_position"],
        recorded_at=row["recorded_at"],
        recorded_by=row["recorded_by"],
        hash=row["hash"],
        body_digest=row["body_digest"],
    )


def _events(rows: Iterable[asyncpg.Record]) -> list[RecordedEvent]:
    return [from_row(row) for row in rows]
