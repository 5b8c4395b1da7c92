"""When what is known of a lab changed."""

from service.domain.events import Position
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "knowledge.sql")
_FETCH_TURNS = _SQL["fetch_turns"]


async def fetch_turns(
    connection: Connection, lab: str, *, after: int, until: int, limit: int
) -> list[Position]:
    """
    At most *limit* positions with after < position ≤ until at which a belief about the lab began
    or ended, ascending.
    """
    rows = await connection.fetch(_FETCH_TURNS, lab, after, until, limit)
    return [Position(row["position"]) for row in rows]
