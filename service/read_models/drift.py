"""Drift: the rows in which the read models in use and those just built from the log differ."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import asyncpg
import msgspec
from msgspec import Struct

from service.domain.events import Kind, Position
from service.postgres.pool import PATIENCE_SECONDS, Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import BELIEVED

_SQL = load_statements("service.read_models", "drift.sql")
_LOOK_AT_KEPT = _SQL["look_at_kept"]
_LOOK_AT_REPLAYED = _SQL["look_at_replayed"]
_FETCH_SUMS = _SQL["fetch_sums"]

DRIFT_ROWS_MAX = 100
"""So many rows are told; all are counted."""
EVENTS_IN_A_BUCKET = 2000
"""Few enough that one row which differs does not have many looked at."""
ROWS_AT_ONCE = 20_000
"""So many of each side are looked at together, which bounds the memory."""


class Difference(Struct, frozen=True, kw_only=True):
    """A row that only one of the two has."""

    model: str
    side: Literal["kept", "replayed"]
    kind: Kind = "person"
    subject: str | None
    """Id of the person or the lab that it is about."""
    known_from: int
    known_to: int | None
    """Null: it is believed now."""
    columns: list[Any] = []
    """What it is found by."""
    content: Any


class Drift(Struct, frozen=True):
    """The first rows that differ, and how many there are."""

    first: list[Difference] = []
    rows: int = 0


async def fetch_drift(kept: Connection, replayed: Connection, until: Position) -> Drift:
    """
    Compare what is in use with what was built up to *until*.

    Of the rows in use those that came later are left out, and those that ended later are
    believed: events go on while the two are compared. Each side is read on a connection of its
    own, if there are two. First sums are compared; rows are looked at where these differ.
    """
    buckets = 1 + until // EVENTS_IN_A_BUCKET
    sides = (_Side(kept, _LOOK_AT_KEPT), _Side(replayed, _LOOK_AT_REPLAYED))
    ours, theirs = await _both(sides, until, buckets, [])
    sums = {bucket: max(_rows(ours, bucket), _rows(theirs, bucket)) for bucket in ours | theirs}
    differing = [bucket for bucket in sums if not _is_same(ours.get(bucket), theirs.get(bucket))]
    first: list[_Differing] = []
    count = 0
    for some in _lots(differing, sums):
        ours, theirs = await _both(sides, until, buckets, some)
        surplus = Counter(text for row in ours.values() for text in row["shown"])
        surplus.subtract(text for row in theirs.values() for text in row["shown"])
        found = [_Differing.of(text, times) for text, times in surplus.items() if times]
        count += sum(abs(each.surplus) for each in found)
        first = sorted([*first, *found], key=_ORDER)[:DRIFT_ROWS_MAX]
    return Drift([each.told() for each in first], count)


class _Side(NamedTuple):
    connection: Connection
    look_at: str

    async def sums(
        self, until: Position, buckets: int, shown: Sequence[int]
    ) -> dict[int, asyncpg.Record]:
        """By bucket what its rows come to; with *shown* of these alone, and with their rows."""
        async with self.connection.transaction(readonly=True):
            await self.connection.execute(self.look_at)
            rows = await self.connection.fetch(
                _FETCH_SUMS, until, buckets, shown, timeout=PATIENCE_SECONDS
            )
        return {row["bucket"]: row for row in rows}


class _Differing(NamedTuple):
    """A row that one side has more often than the other; in the order in which it is told."""

    is_of_lab: bool
    subject: str
    model: str
    known_from: int
    known_to: int
    is_missing: bool
    content: str
    # What follows has no order.
    columns: Sequence[Any]
    surplus: int

    @classmethod
    def of(cls, text: str, surplus: int) -> "_Differing":
        model, kind, subject, columns, known_from, known_to, content = msgspec.json.decode(text)
        return cls(
            kind == "lab",
            subject or "",
            model,
            known_from,
            known_to,
            surplus < 0,
            content,
            _flat(columns.values()),
            surplus,
        )

    def told(self) -> Difference:
        return Difference(
            model=self.model,
            side="replayed" if self.is_missing else "kept",
            kind="lab" if self.is_of_lab else "person",
            subject=self.subject or None,
            known_from=self.known_from,
            known_to=None if self.known_to == BELIEVED else self.known_to,
            columns=list(self.columns),
            content=_content(self.content),
        )


async def _both(
    sides: tuple[_Side, _Side], until: Position, buckets: int, shown: Sequence[int]
) -> tuple[dict[int, asyncpg.Record], dict[int, asyncpg.Record]]:
    kept, replayed = sides
    if kept.connection is replayed.connection:
        return (
            await kept.sums(until, buckets, shown),
            await replayed.sums(until, buckets, shown),
        )
    return await asyncio.gather(
        kept.sums(until, buckets, shown), replayed.sums(until, buckets, shown)
    )


def _rows(sums: Mapping[int, asyncpg.Record], bucket: int) -> int:
    return sums[bucket]["rows"] if bucket in sums else 0


def _is_same(one: asyncpg.Record | None, other: asyncpg.Record | None) -> bool:
    """Whether two buckets hold the same rows, equally often."""
    return one is not None and other is not None and tuple(one) == tuple(other)


def _lots(buckets: Iterable[int], rows: Mapping[int, int]) -> Iterator[list[int]]:
    """*buckets* in lots of at most so many rows, or of one bucket."""
    lot: list[int] = []
    for bucket in buckets:
        if lot and sum(rows[each] for each in lot) + rows[bucket] > ROWS_AT_ONCE:
            yield lot
            lot = []
        lot.append(bucket)
    if lot:
        yield lot


def _flat(values: Iterable[Any]) -> list[Any]:
    """Ids of labs beside whatever else a row is found by."""
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def _content(text: str) -> Any:
    """What a row says; one that was spoilt may say nothing that can be read."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


_ORDER = itemgetter(slice(0, 7))
