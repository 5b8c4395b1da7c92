"""
Who migrates need be no superuser: on a server of somebody else's there is none to be had.

Only where such a user may log in, which the server that comes along lets nobody but its own.
"""

import asyncio
from collections.abc import AsyncIterator
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
from tests.support.postgres import dsn_of


@pytest.fixture(params=["NOCREATEROLE", "CREATEROLE"])
async def owned(request: pytest.FixtureRequest, cluster: str, template: str) -> AsyncIterator[str]:
    """
    The address of an empty database whose owner may do little else.

    The service's role exists already: the template made it, as another database may have.
    """
    name = f"owner_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(cluster)
    await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' {request.param}")
    await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
    try:
        dsn = _as_user(dsn_of(cluster, name), name)
        try:
            await (await asyncpg.connect(dsn)).close()
        except (asyncpg.InvalidAuthorizationSpecificationError, OSError):
            pytest.skip("The server lets no other user in.")
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
