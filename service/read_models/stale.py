"""That the read models are to be made anew, whatever they hold."""

from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_MARK_STALE = load_statements("service.read_models", "stale.sql")["mark_stale"]


async def mark_stale(connection: Connection) -> None:
    """
    Say that no code made the read models: whoever starts next replays before answering.

    In the transaction of what made them stale, so that a process that ends in between leaves
    nothing that looks whole.
    """
    await connection.execute(_MARK_STALE)
