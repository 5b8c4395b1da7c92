"""What a database holds beside its rows, and connections that look at it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from service.app import SEARCH_PATH


@asynccontextmanager
async def connected(
    dsn: str, role: str | None = None
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """One connection, which acts as *role* if one is given."""
    connection = await asyncpg.connect(dsn, server_settings={"search_path": SEARCH_PATH})
    try:
        if role is not None:
            await connection.execute(f"SET ROLE {role}")
        yield connection
    finally:
        await connection.close()


async def catalogue(dsn: str) -> Sequence[str]:
    """Every column, constraint, index, trigger and grant, each in a line."""
    async with connected(dsn) as connection:
        return [row[0] for row in await connection.fetch(_CATALOGUE)]


_CATALOGUE = """
    WITH own AS (
        SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relowner, c.relacl
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('public', 'read_models') AND c.relkind IN ('r', 'S')
    )
    SELECT name || ' of ' || relowner::regrole || ' for ' || coalesce(relacl::text, 'nobody')
    FROM own
    UNION ALL
    SELECT own.name || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || ' ' || a.attnotnull || ' ' || a.attcollation::regcollation
        || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM own
    JOIN pg_attribute AS a ON a.attrelid = own.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef AS d ON d.adrelid = own.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT own.name || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
    FROM own JOIN pg_constraint AS k ON k.conrelid = own.oid
    UNION ALL
    SELECT pg_get_indexdef(i.indexrelid) FROM own JOIN pg_index AS i ON i.indrelid = own.oid
    UNION ALL
    SELECT pg_get_triggerdef(t.oid) FROM own JOIN pg_trigger AS t ON t.tgrelid = own.oid
    ORDER BY 1
"""
