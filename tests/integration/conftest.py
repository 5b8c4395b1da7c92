"""The history that comes along, in a database that tests only read."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from service.app import ROLE, SEARCH_PATH, machinery
from service.log.schema import bundled
from service.postgres.pool import open_pool
from service.recording.fixtures import load_fixtures, read_fixtures
from service.settings import Settings
from tests.support.postgres import CHANCE, dsn_of, http_client


@pytest.fixture(scope="session")
def history(cluster: str, template: str) -> Iterator[str]:
    """The address of a database that holds the history; only read."""
    name = f"{template}_history"
    asyncio.run(_execute(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    asyncio.run(_load(dsn_of(cluster, name)))
    yield dsn_of(cluster, name)
    asyncio.run(_execute(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest.fixture
async def reader(history: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The application on the history, without a key."""
    settings = Settings(database_url=history, data_dir=tmp_path)
    async with machinery(settings, history) as made, http_client(made, None) as client:
        yield client


async def _load(dsn: str) -> None:
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    try:
        async with pool.acquire() as connection, connection.transaction():
            await load_fixtures(connection, read_fixtures(bundled("fixtures")), CHANCE)
    finally:
        await pool.close()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
