"""
The tables that a replay fills: made empty and bare, indexed and vacuumed once they are full.

An index that is made of rows which are there costs a fraction of one that grows with them. The
statements that make the indexes come from those in use, so that the two cannot differ.
"""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from service.domain.events import Position
from service.postgres.pool import PATIENCE_SECONDS, Connection, Pool
from service.postgres.statements import load_statements
from service.read_models.beliefs import MODELS
from service.read_models.replays import notice_ended_client
from service.read_models.together import together

_SQL = load_statements("service.read_models", "tables.sql")
_CREATE_NEXT = _SQL["create_next"]
_BEGIN_STATE = _SQL["begin_state"]
_DESCRIBE_INDEXES = _SQL["describe_indexes"]
_DESCRIBE_KEYS = _SQL["describe_keys"]
_PREPARE_INDEXING = _SQL["prepare_indexing"]
_PREPARE_KEYS = _SQL["prepare_keys"]
_VACUUM = [_SQL[f"vacuum_{model}"] for model in MODELS]

AT_ONCE_MAX = 4
"""Of the connections of a process some are left to those who ask meanwhile."""


async def create_next(connection: Connection, replay_id: UUID, until: Position) -> None:
    """Make empty tables for *replay_id*, which are to be filled up to *until*."""
    async with connection.transaction():
        await connection.execute(_CREATE_NEXT)
        await connection.execute(_BEGIN_STATE, replay_id, until)


async def finish_next(connection: Connection, pool: Pool, at_once: int) -> None:
    """
    Give the filled tables the indexes, keys and statistics of those in use.

    Shapes: *at_once* indexes are made side by side, each by one process of the server, so that
    a replay by one process leaves the other cores to those who read and write meanwhile.
    """
    indexes = [row["statement"] for row in await connection.fetch(_DESCRIBE_INDEXES)]
    keys = [row["statement"] for row in await connection.fetch(_DESCRIBE_KEYS)]
    await _share(pool, indexes, _index, at_once)
    async with connection.transaction():
        await connection.execute(_PREPARE_KEYS)
        for statement in keys:
            await connection.execute(statement)
    await _share(pool, _VACUUM, _vacuum, at_once)


async def _share(
    pool: Pool,
    statements: Iterable[str],
    carry_out: Callable[[Connection, str], Awaitable[object]],
    at_once: int,
) -> None:
    """Carry out *statements*, each begun as soon as a connection is free."""
    rest = iter(statements)

    async def carry_out_rest() -> None:
        async with pool.acquire() as connection:
            await notice_ended_client(connection)
            for statement in rest:
                await carry_out(connection, statement)

    await together(carry_out_rest() for _ in range(min(at_once, AT_ONCE_MAX)))


async def _index(connection: Connection, statement: str) -> None:
    async with connection.transaction():
        await connection.execute(_PREPARE_INDEXING)
        await connection.execute(statement, timeout=PATIENCE_SECONDS)


async def _vacuum(connection: Connection, statement: str) -> None:
    await connection.execute(statement, timeout=PATIENCE_SECONDS)
