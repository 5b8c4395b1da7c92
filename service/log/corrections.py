"""Reading what was corrected and retracted, and what was recorded between two positions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.domain.events import RecordedEvent
from service.domain.subjects import Subject
from service.log.read import from_row
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "corrections.sql")
_READ_CORRECTIONS = _SQL["read_corrections"]
_COUNT_REASONS = _SQL["count_reasons"]
_FIND_LAST_CORRECTION = _SQL["find_last_correction"]
_READ_CONCERNED_AT = _SQL["read_concerned_at"]
_READ_BETWEEN = _SQL["read_between"]
_READ_FACTS_BETWEEN = _SQL["read_facts_between"]


class CorrectionFilters(Struct, frozen=True, kw_only=True):
    """Which corrections are asked for; None is any."""

    type: str | None = None
    people: Sequence[str] | None = None
    labs: Sequence[str] | None = None
    recorded_by: str | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None


class ReasonCounts(Struct, frozen=True):
    """How often each reason was given, the most frequent first, and for how many in all."""

    counts: Sequence[tuple[str, int]]
    total: int


class Mention(Struct, frozen=True):
    """An event by its place, without what it says."""

    event_id: UUID
    position: int
    type: str
    recorded_at: datetime
    recorded_by: str


async def find_last_correction(connection: Connection, until: int) -> int | None:
    """The position of the last correction or retraction up to a position, if there is one."""
    found: int | None = await connection.fetchval(_FIND_LAST_CORRECTION, until)
    return found


async def read_corrections(
    connection: Connection, *, before: int, filters: CorrectionFilters, limit: int
) -> list[RecordedEvent]:
    """At most *limit* corrections and retractions with position < before, descending."""
    return [
        from_row(row)
        for row in await connection.fetch(_READ_CORRECTIONS, before, *_binds(filters), limit)
    ]


async def count_reasons(
    connection: Connection, *, before: int, filters: CorrectionFilters, limit: int
) -> ReasonCounts:
    """At most *limit* reasons of corrections and retractions with position < before."""
    rows = await connection.fetch(_COUNT_REASONS, before, *_binds(filters), limit)
    return ReasonCounts(
        [(row["reason"], row["count"]) for row in rows], rows[0]["total"] if rows else 0
    )


async def read_concerned_at(connection: Connection, positions: Iterable[int]) -> list[Subject]:
    """The people whom the events at some positions concern, and the labs of which they are facts."""
    rows = await connection.fetch(_READ_CONCERNED_AT, list(positions))
    return [Subject(row["kind"], row["subject_id"]) for row in rows]


async def read_between(
    connection: Connection,
    *,
    people: Iterable[str],
    labs: Iterable[str],
    after: int,
    until: int,
) -> dict[str, list[Mention]]:
    """By person, as meant, what was recorded in between about them at *labs* or about them alone."""
    found: dict[str, list[Mention]] = {}
    for row in await connection.fetch(_READ_BETWEEN, list(people), list(labs), after, until):
        found.setdefault(row["subject_id"], []).append(mention_of(row))
    return found


async def read_facts_between(
    connection: Connection, labs: Iterable[str], *, after: int, until: int
) -> list[Mention]:
    """What was recorded about *labs* themselves with after < position ≤ until."""
    rows = await connection.fetch(_READ_FACTS_BETWEEN, list(labs), after, until)
    return [mention_of(row) for row in rows]


def _binds(filters: CorrectionFilters) -> tuple[object, ...]:
    return (
        filters.type,
        filters.people,
        filters.labs,
        filters.recorded_by,
        filters.recorded_from,
        filters.recorded_before,
    )


def mention_of(row: asyncpg.Record) -> Mention:
    """The place of an event in a row that has it."""
    return Mention(
        row["event_id"], row["position"], row["type"], row["recorded_at"], row["recorded_by"]
    )
