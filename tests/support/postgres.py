"""
Real Postgres for tests: a cluster a run, a migrated template, a database a test.

`TEST_DATABASE_URL` names a server to use instead of the embedded one; its user must be able to
create databases.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from service.api.operations import Machinery
from service.app import CHANCE, ROLE, SEARCH_PATH, create_app, machinery, make_current
from service.log.keys import Principal, key_hash
from service.log.schema import migrate
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.pool import Pool, open_pool
from service.settings import Settings

KEYS = {role: Principal(f"test-{role}", role) for role in ("reader", "writer", "admin")}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, as one that may create databases."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    # Only `faults/` is about losing power: elsewhere waiting for the disk proves nothing.
    server = EmbeddedPostgres(
        tmp_path_factory.mktemp("cluster"), settings={"fsync": "off", "synchronous_commit": "off"}
    )
    server.start()
    try:
        yield server.dsn
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template(cluster: str) -> Iterator[str]:
    """The name of a migrated, empty database that is copied for each test."""
    name = f"timeline_template_{os.getpid()}_{uuid4().hex[:8]}"
    asyncio.run(_execute(cluster, f'CREATE DATABASE "{name}"'))
    migrate(dsn_of(cluster, name))
    asyncio.run(_make_current(dsn_of(cluster, name)))
    yield name
    asyncio.run(_execute(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@pytest.fixture
async def database(cluster: str, template: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated, empty database."""
    name = f"{template}_{next(_numbers)}"
    await _execute(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    # A copy has the rows of its template, not the grants on the database itself.
    await _execute(cluster, f'GRANT CREATE ON DATABASE "{name}" TO {ROLE}')
    yield dsn_of(cluster, name)
    await _execute(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
async def bare_database(cluster: str) -> AsyncIterator[str]:
    """The address of a database in which nothing was migrated yet."""
    name = f"timeline_bare_{os.getpid()}_{uuid4().hex[:8]}"
    await _execute(cluster, f'CREATE DATABASE "{name}"')
    yield dsn_of(cluster, name)
    await _execute(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Connections that act as the service does."""
    opened = await open_pool(database, role=ROLE, search_path=SEARCH_PATH)
    yield opened
    await opened.close()


@pytest.fixture
async def made(database: str, tmp_path: Path) -> AsyncIterator[Machinery]:
    """A pool, a writer and keys of every role on a fresh database."""
    settings = Settings(database_url=database, data_dir=tmp_path)
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    async with machinery(settings, database, keys) as opened:
        yield opened


@pytest.fixture
async def client(made: Machinery) -> AsyncIterator[httpx.AsyncClient]:
    """The application in process, as an admin."""
    async with http_client(made, "admin") as opened:
        yield opened


@pytest.fixture
async def anonymous(made: Machinery) -> AsyncIterator[httpx.AsyncClient]:
    """The application in process, without a key."""
    async with http_client(made, None) as opened:
        yield opened


def http_client(made: Machinery, key: str | None) -> httpx.AsyncClient:
    """A client of the application in process; the keys are called like their roles."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(made)),  # type: ignore[arg-type]  # two spellings of ASGI's types
        base_url="http://test",
        headers={"Accept": "application/json"}
        | ({"Authorization": f"Bearer {key}"} if key else {}),
        timeout=60,
    )


def dsn_of(cluster: str, name: str) -> str:
    """The address of another database of the same server."""
    parts = urlsplit(cluster)
    return urlunsplit(parts._replace(path=f"/{name}"))


def utc(*args: int) -> datetime:
    """An instant."""
    return datetime(*args, tzinfo=UTC)  # type: ignore[misc,arg-type]  # year, month, day and so on


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _make_current(dsn: str) -> None:
    opened = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    try:
        await make_current(opened)
    finally:
        await opened.close()


__all__ = ["CHANCE"]
