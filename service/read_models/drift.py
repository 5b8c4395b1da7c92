"""Drift: the rows in which the read models in use and those just built from the log differ."""

from typing import Any, Literal

import asyncpg
import msgspec
from msgspec import Struct

from service.domain.events import Kind, Position
from service.postgres.pool import PATIENCE_SECONDS, Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import BELIEVED

_FETCH_DRIFT = load_statements("service.read_models", "drift.sql")["fetch_drift"]

DRIFT_ROWS_MAX = 100
"""So many rows are told; all are counted."""


class Difference(Struct, frozen=True, kw_only=True):
    """A row that only one of the two has."""

    model: str
    side: Literal["kept", "replayed"]
    kind: Kind = "person"
    subject: str | None
    """Id of the person or the lab that it is about."""
    known_from: int
    known_to: int | None
    """None: it is believed now."""
    columns: list[Any] = []
    """What it is found by."""
    content: Any


class Drift(Struct, frozen=True):
    """The first rows that differ, and how many there are."""

    first: list[Difference] = []
    rows: int = 0


async def fetch_drift(connection: Connection, until: Position) -> Drift:
    """
    Compare what is in use with what was built up to *until*.

    Of the rows in use those that came later are left out, and those that ended later are
    believed: events go on while the two are compared.
    """
    rows = await connection.fetch(_FETCH_DRIFT, until, DRIFT_ROWS_MAX, timeout=PATIENCE_SECONDS)
    return Drift([_from_row(row) for row in rows], rows[0]["differing"] if rows else 0)


def _from_row(row: asyncpg.Record) -> Difference:
    return Difference(
        model=row["model"],
        side="kept" if row["surplus"] > 0 else "replayed",
        kind=row["kind"],
        subject=row["subject"],
        known_from=row["known_from"],
        known_to=None if row["known_to"] == BELIEVED else row["known_to"],
        columns=msgspec.json.decode(row["columns"]),
        content=_content(row["content"]),
    )


def _content(text: str) -> Any:
    """What a row says; one that was spoilt may say nothing that can be read."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
