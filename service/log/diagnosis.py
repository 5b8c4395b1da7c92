"""How the log is: whether a position is missing, and who waits to append."""

from msgspec import Struct

from service.postgres.pool import PATIENCE_SECONDS, Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "diagnosis.sql")
_FETCH_EXTENT = _SQL["fetch_extent"]
_FIND_GAP = _SQL["find_gap"]
_FETCH_LOCK_QUEUE = _SQL["fetch_lock_queue"]


class Extent(Struct, frozen=True):
    """How much of the log is there."""

    events: int
    head: int
    first_gap: int | None
    """The first position without an event; None if each up to the head has one."""


class LockQueue(Struct, frozen=True):
    """Who holds up whom at the lock that serialises appends."""

    holder: int | None
    """Process id of the session that has it."""
    waiting: int
    seconds: float
    """For how long the first of them has waited."""


async def fetch_extent(connection: Connection) -> Extent:
    """Every event is counted: a million take a tenth of a second."""
    row = await connection.fetchrow(_FETCH_EXTENT, timeout=PATIENCE_SECONDS)
    assert row is not None, "it counts"
    gap = None
    if row["events"] != row["head"]:
        gap = await connection.fetchval(_FIND_GAP, timeout=PATIENCE_SECONDS)
    return Extent(row["events"], row["head"], gap)


async def fetch_lock_queue(connection: Connection) -> LockQueue:
    """Who has the lock as of now, and who waits for it."""
    row = await connection.fetchrow(_FETCH_LOCK_QUEUE)
    assert row is not None, "it counts"
    return LockQueue(*row)
