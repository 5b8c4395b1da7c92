"""A log that holds the seed: for tests of reading and of refusals, which change nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from service.api.operations import Machinery
from service.app import machinery
from service.log.keys import key_hash
from service.settings import Settings
from tests.integration.api.asking import SEED, position, record
from tests.support.postgres import KEYS, dsn_of, http_client


@pytest.fixture(scope="session")
def seeded_database(cluster: str, template: str) -> Iterator[str]:
    """The address of a database that tests share and none may change."""
    name = f"timeline_seeded_{uuid4().hex[:8]}"
    asyncio.run(_execute(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    asyncio.run(_seed(dsn_of(cluster, name)))
    yield dsn_of(cluster, name)
    asyncio.run(_execute(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _seeded(seeded_database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with _made(seeded_database) as made, http_client(made, "admin") as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def seeded(_seeded: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a log that holds the seed, and nothing more when the test is over."""
    yield _seeded
    assert await position(_seeded) == len(SEED), "a refusal records nothing"


def _made(dsn: str) -> contextlib.AbstractAsyncContextManager[Machinery]:
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    settings = Settings(database_url=dsn, data_dir=Path("unused"))
    return machinery(settings, dsn, keys)


async def _seed(dsn: str) -> None:
    async with _made(dsn) as made, http_client(made, "admin") as client:
        await record(client, *SEED)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
