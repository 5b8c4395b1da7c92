"""
People who may be the same, found beside the fold: a task looks at a few at a time.

It looks at those whom events after its own checkpoint name, in short transactions of its own, and
keeps pairs of ids as they were meant. Whether a pair is settled is asked when it is read.
"""

import asyncio
from collections.abc import Collection, Sequence
from time import monotonic

import structlog
from msgspec import Struct

from service.domain.similar_people import (
    SIMILARITY_MIN,
    Similar,
    SimilarReason,
    choose,
    similar,
    wanted_of,
)
from service.log.read import read_head
from service.postgres.pool import Connection, Pool
from service.postgres.statements import load_statements
from service.read_models.directory import fetch_people

_SQL = load_statements("service.read_models", "similar_people.sql")
_TRY_LOCK_SIMILAR = _SQL["try_lock_similar"]
_LOCK_SIMILAR = _SQL["lock_similar"]
_SET_THRESHOLD = _SQL["set_threshold"]
_FETCH_CHECKPOINT = _SQL["fetch_checkpoint"]
_SET_CHECKPOINT = _SQL["set_checkpoint"]
_FETCH_NAMED_NEXT = _SQL["fetch_named_next"]
_FIND_SAME_NAMES = _SQL["find_same_names"]
_FIND_NEAR_NAMES = _SQL["find_near_names"]
_DELETE_SIMILAR = _SQL["delete_similar"]
_DELETE_EVERY_SIMILAR = _SQL["delete_every_similar"]
_COUNT_SIMILAR = _SQL["count_similar"]
_INSERT_SIMILAR = _SQL["insert_similar"]
_FETCH_SIMILAR = _SQL["fetch_similar"]

PEOPLE_AT_ONCE = 20
SAME_NAMES_MAX = 50
"""Of people of one name, so many are looked through for five that are not settled."""
NEAR_NAMES_MAX = 20
CANDIDATES_MAX = 500
"""Of names near one name, so many are asked whether they share a lab."""
PAUSE_SECONDS = 1.0
"""Between two looks when there is nothing to do."""
REST_SHARE = 3
"""Between two looks when there is: so many times as long as the last one took. Writers go first."""
PAUSE_AFTER_FAULT_SECONDS = 5.0

log = structlog.get_logger()


class KeptSimilar(Struct, frozen=True):
    """Two people by their canonical ids, as of now."""

    person: str
    other: str
    reason: SimilarReason
    similarity: float
    labs: Sequence[str]
    """Where both were."""


async def keep_looking(pool: Pool) -> None:
    """Look at whoever is named anew, for as long as the service runs; faults pass."""
    while True:
        began = monotonic()
        try:
            async with pool.acquire() as connection, connection.transaction():
                looked = await look(connection)
            pause = REST_SHARE * (monotonic() - began) if looked else PAUSE_SECONDS
        except Exception as fault:  # noqa: BLE001 (a database that restarts must not end it)
            log.warning("similar_people_not_looked_for", fault=f"{type(fault).__name__}: {fault}")
            pause = PAUSE_AFTER_FAULT_SECONDS
        await asyncio.sleep(pause)


async def look(connection: Connection) -> int:
    """
    Look at the people whom the next events name; how many, 0 if none are left.

    In the caller's transaction, which should end at once. Does nothing while another process
    looks.
    """
    if not await connection.fetchval(_TRY_LOCK_SIMILAR):
        return 0
    checkpoint = await fetch_checkpoint(connection)
    head = (await read_head(connection)).position
    if checkpoint > head:
        # Of a log that a restore took back nothing is known.
        await connection.execute(_DELETE_EVERY_SIMILAR)
        checkpoint = 0
    rows = await connection.fetch(_FETCH_NAMED_NEXT, checkpoint, PEOPLE_AT_ONCE)
    ids = [row["subject_id"] for row in rows]
    if ids:
        await _look_at(connection, ids)
    until = max((row["position"] for row in rows), default=head)
    if until != checkpoint:
        await connection.execute(_SET_CHECKPOINT, until)
    return len(ids)


async def forget(connection: Connection, ids: Collection[str]) -> None:
    """
    Keep nothing of these people; durable when the caller's transaction commits.

    Whoever looks at them just now has read names that are to be gone.
    """
    await connection.execute(_LOCK_SIMILAR)
    await connection.execute(_DELETE_SIMILAR, list(ids))


async def fetch_checkpoint(connection: Connection) -> int:
    """The position up to which people were looked at."""
    return int(await connection.fetchval(_FETCH_CHECKPOINT))


async def fetch_similar(
    connection: Connection,
    *,
    people: Collection[str] | None = None,
    lab: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 1000,
) -> list[KeptSimilar]:
    """
    At most *limit* pairs as of now, by their ids, after one.

    Shapes: *people* are the ids of one person, to whom the pairs are narrowed, *lab* is one at
    which at least one of the two was.
    """
    ids = None if people is None else list(people)
    rows = await connection.fetch(_FETCH_SIMILAR, ids, lab, *after, limit)
    return [
        KeptSimilar(
            row["person_id"], row["other_id"], row["reason"], row["similarity"], row["lab_ids"]
        )
        for row in rows
    ]


async def _look_at(connection: Connection, ids: Sequence[str]) -> None:
    """Find anew whom *ids* are like."""
    await connection.execute(_SET_THRESHOLD, str(SIMILARITY_MIN))
    found = [
        similar(row["subject_id"], row["other_id"], "same_name", 1.0)
        for row in await connection.fetch(_FIND_SAME_NAMES, ids, SAME_NAMES_MAX)
    ]
    found += [
        similar(row["subject_id"], row["other_id"], "near_name", row["similarity"])
        for row in await connection.fetch(_FIND_NEAR_NAMES, ids, NEAR_NAMES_MAX, CANDIDATES_MAX)
    ]
    await connection.execute(_DELETE_SIMILAR, ids)
    chosen = await _chosen(connection, found)
    if chosen:
        await connection.execute(_INSERT_SIMILAR, *map(list, zip(*chosen, strict=True)))


async def _chosen(connection: Connection, found: Sequence[Similar]) -> list[Similar]:
    """Those of *found* that are not settled, at most PAIRS_MAX for each id."""
    ids = {one for pair in found for one in (pair.person, pair.other)}
    if not ids:
        return []
    head = (await read_head(connection)).position
    facts = await fetch_people(connection, ids, position=head)
    facts |= await fetch_people(connection, wanted_of(facts.values()), position=head)
    counted = await connection.fetch(_COUNT_SIMILAR, list(ids))
    return choose(found, facts, {row["id"]: row["count"] for row in counted})
