"""That the read models are to be made anew, whatever they hold."""

from uuid import UUID

from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "stale.sql")
_MARK_STALE = _SQL["mark_stale"]
_MARK_DUE = _SQL["mark_due"]


async def mark_stale(connection: Connection) -> None:
    """
    Say that no code made the read models: whoever starts next replays before answering.

    In the transaction of what made them stale, so that a process that ends in between leaves
    nothing that looks whole.
    """
    await connection.execute(_MARK_STALE)


async def mark_due(connection: Connection, made_by: UUID) -> None:
    """
    Say that the read models answer, but that some rows rest on what is no longer in the log.

    *made_by* is a new id, by which every process sees that they are others than before.
    """
    await connection.execute(_MARK_DUE, made_by)
