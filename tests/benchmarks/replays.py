"""Replaying: the whole log into the read models, and copying their rows in as the floor."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import asyncpg

from service.app import CHANCE
from service.postgres.pool import Pool
from service.read_models.beliefs import MODELS
from service.read_models.replay import replay
from tests.benchmarks.sides import Taken

ROWS_AT_ONCE = 50_000


async def replay_all(pool: Pool) -> Taken:
    """Build, index, compare and switch, as an admin would have it done."""
    async with pool.acquire() as connection:
        events: int = await connection.fetchval("SELECT count(*) FROM events")
    began = perf_counter()
    done = await replay(pool, CHANCE.new_id(), now=CHANCE.now)
    assert done.state == "done", done.detail
    return Taken(events / (perf_counter() - began))


async def copy_and_index(dsn: str, pool: Pool) -> Taken:
    """The rows that a replay wrote, copied in as they are and indexed: no faster is possible."""
    connection = await asyncpg.connect(dsn)
    try:
        events: int = await connection.fetchval("SELECT count(*) FROM events")
        tables = [await _read(connection, model) for model in MODELS]
        began = perf_counter()
        await connection.execute("DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor")
        for model, (columns, rows) in zip(MODELS, tables, strict=True):
            await connection.execute(
                f"CREATE TABLE floor.{model} (LIKE read_models.{model} INCLUDING DEFAULTS)"
            )
            for i in range(0, len(rows), ROWS_AT_ONCE):
                await connection.copy_records_to_table(
                    model,
                    schema_name="floor",
                    columns=columns,
                    records=rows[i : i + ROWS_AT_ONCE],
                )
            for index in await _indexes(connection, model):
                await connection.execute(index)
        return Taken(events / (perf_counter() - began))
    finally:
        await connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        await connection.close()


async def _read(connection: Any, model: str) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    rows = await connection.fetch(f"SELECT * FROM read_models.{model}")
    return (list(rows[0].keys()) if rows else []), [tuple(row) for row in rows]


async def _indexes(connection: Any, model: str) -> list[str]:
    """The table's own indexes, as statements about the copy."""
    found = await connection.fetch(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'read_models' AND tablename = $1", model
    )
    return [
        row["indexdef"].replace(" read_models.", " floor.").replace("INDEX ", "INDEX floor_", 1)
        for row in found
    ]
