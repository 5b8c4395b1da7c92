"""Who migrates need be no superuser: on a server of somebody else's there is none to be had."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from service.app import CHANCE, ROLE, SEARCH_PATH, make_current
from service.log.schema import migrate
from service.postgres.pool import open_pool
from service.read_models.replay import replay
from tests.support import builders as b
from tests.support.histories import record, with_entities
from tests.support.other_postgres import server_for_all_users
from tests.support.postgres import dsn_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that lets in other users than its own."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with server_for_all_users(tmp_path_factory.mktemp("open")) as dsn:
        yield dsn


@pytest.fixture(params=["NOCREATEROLE", "CREATEROLE"])
async def owned(request: pytest.FixtureRequest, server: str) -> AsyncIterator[str]:
    """The address of an empty database whose owner may do little else."""
    name = f"owner_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(server)
    # As another database of the same server may have made it.
    with contextlib.suppress(asyncpg.DuplicateObjectError):
        await admin.execute(f"CREATE ROLE {ROLE} NOLOGIN")
    await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' {request.param}")
    await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
    try:
        dsn = _as_user(dsn_of(server, name), name)
        await (await asyncpg.connect(dsn)).close()
        yield dsn
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
        await admin.close()


async def test_owner_of_a_database_migrates_and_serves(owned: str) -> None:
    """As the service's role where the owner may act as it, and as itself where not."""
    await asyncio.to_thread(migrate, owned)
    pool = await open_pool(owned, role=ROLE, search_path=SEARCH_PATH)
    try:
        await make_current(pool)
        await record(pool, with_entities(b.hire("ann", at="x", on="2020")))
        assert (await replay(pool, CHANCE.new_id(), now=CHANCE.now)).state == "done"
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)):
            await pool.execute("DELETE FROM events")
    finally:
        await pool.close()


def _as_user(dsn: str, name: str) -> str:
    """The address for another user, whose password is its name."""
    parts = urlsplit(dsn)
    query = {k: v for k, v in parse_qsl(parts.query) if k not in ("user", "password")}
    host = parts.netloc.rpartition("@")[2]
    query |= {"user": name, "password": name}
    return urlunsplit(parts._replace(netloc=host, query=urlencode(query)))
