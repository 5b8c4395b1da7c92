"""A restore has the log for itself; services share it, through a fall of Postgres too."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from service.app import machinery
from service.log import usage
from service.log.usage import BeingRestored, LogInUse
from service.settings import Settings


async def holders(connection: "asyncpg.Connection[asyncpg.Record]") -> list[int]:
    """The processes of Postgres that share the log."""
    rows = await connection.fetch(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 7240004 AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return [row["pid"] for row in rows]


async def until(
    connection: "asyncpg.Connection[asyncpg.Record]", is_so: Callable[[list[int]], bool]
) -> None:
    """Wait until Postgres has noticed who came and went."""
    async with asyncio.timeout(10):
        while not is_so(await holders(connection)):
            await connection.execute("SELECT pg_sleep(0.01)")


@pytest.fixture
async def owner(bare_database: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(bare_database)


async def test_services_share_a_log_that_no_restore_gets(
    owner: "asyncpg.Connection[asyncpg.Record]", bare_database: str
) -> None:
    async with usage.shared(bare_database), usage.shared(bare_database):
        with pytest.raises(LogInUse, match="stop it, then restore"):
            async with usage.alone(owner):
                pytest.fail("the log is in use")
    await until(owner, lambda pids: not pids)
    async with usage.alone(owner):
        assert len(await holders(owner)) == 1
    assert await holders(owner) == []
    await owner.close()


async def test_no_service_starts_beside_a_restore(
    owner: "asyncpg.Connection[asyncpg.Record]", database: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database)
    settings = Settings(database_url=database, data_dir=tmp_path)
    async with usage.alone(connection):
        with pytest.raises(BeingRestored, match="start again"):
            async with machinery(settings, database):
                pytest.fail("the log is being restored")
    async with machinery(settings, database), asyncio.timeout(10):
        assert len(await holders(connection)) == 1
    await connection.close()
    await owner.close()


async def test_service_shares_the_log_again_when_its_connection_was_lost(
    owner: "asyncpg.Connection[asyncpg.Record]",
    bare_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(usage, "SECONDS_BETWEEN_TRIES", 0.01)
    async with usage.shared(bare_database):
        (first,) = await holders(owner)
        await owner.execute("SELECT pg_terminate_backend($1::int)", first)
        await until(owner, lambda pids: len(pids) == 1 and pids != [first])
        with pytest.raises(LogInUse):
            async with usage.alone(owner):
                pytest.fail("the log is in use")
    await owner.close()
