"""Data of an older schema, brought to this one: all of it, in use as before, and never half."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from service.app import CHANCE, make_current
from service.domain.events import Payload, RecordedEvent, Retraction
from service.log.keys import create_key
from service.log.read import read_identity
from service.log.schema import current_revision, migrate, migrations_folder
from service.log.verify import verify
from service.postgres.pool import Connection
from service.read_models.replay import CODE_VERSION, fetch_state, replay
from tests.support import builders as b
from tests.support.catalogue import catalogue, connected
from tests.support.histories import (
    Rows,
    assert_rows_are_the_fold,
    fetch_rows,
    open_base,
    read_log,
    record,
    with_entities,
)

REVISIONS = [file.name[:4] for file in sorted((migrations_folder() / "versions").glob("*.py"))]
CODE_VERSIONS = {"0002": 1, "0003": 1}
"""By which code read models were made where it was not today's."""
SAID = [
    with_entities(one)
    for one in (
        b.founding("x", on="2018", by=("ann",)),
        b.hire("bob", at="y", on="2019-03"),
        b.merger("y", into="x", on="2021-05-01"),
        b.same_person("cid", "bob"),
        b.departure("cid", at="x", on="2022~"),
        b.hire("dan", at="x", on="2023"),
    )
]
AGAIN: Payload = with_entities(b.hire("eve", at="x", on="2024"))
TABLES = """
    SELECT format('%I.%I', table_schema, table_name) AS name, array_agg(column_name::text) AS columns
    FROM information_schema.columns
    WHERE table_schema IN ('public', 'read_models') AND table_name <> 'alembic_version'
    GROUP BY 1
"""


class Source(NamedTuple):
    """A log in use, as today's edition keeps it."""

    dsn: str
    events: Sequence[RecordedEvent]
    rows: Rows


@pytest.fixture
async def source(database: str) -> AsyncIterator[Source]:
    async with open_base(database) as base:
        for said in SAID[:-1]:
            await record(base.pool, said)
        await record(base.pool, SAID[-1], key="once")
        (first, *_) = await read_log(base.owner)
        await record(base.pool, Retraction(target=first.event_id, reason="Nobody says so."))
        await create_key(
            base.owner, name="editor", hashed=b"k", role="writer", created_at=CHANCE.now()
        )
        await replay(base.pool, CHANCE.new_id(), now=CHANCE.now)
        yield Source(database, await read_log(base.owner), await fetch_rows(base.owner))


async def older(source: Source, dsn: str, revision: str) -> None:
    """In the empty database *dsn* the data of *source*, as an edition of *revision* kept it."""
    await asyncio.to_thread(migrate, dsn, revision)
    async with connected(source.dsn) as have, connected(dsn) as want:
        columns_there = {row["name"]: set(row["columns"]) for row in await have.fetch(TABLES)}
        # What a migration wrote is written by nobody else.
        await want.execute("DELETE FROM log_identity")
        if revision >= "0002":
            await want.execute("DELETE FROM read_models.state")
        if revision >= "0004":
            await want.execute("DELETE FROM similar_people_state")
        for name, columns in await want.fetch(TABLES):
            shared = sorted(set(columns) & columns_there[name])
            assert set(columns) == set(shared), f"{name} has what today's has not"
            if "row_id" in shared:
                # Numbered where they are written, as those that follow will be.
                shared.remove("row_id")
            rows = await have.fetch(f"SELECT {', '.join(shared)} FROM {name}")
            schema, table = name.split(".")
            await want.copy_records_to_table(
                table, schema_name=schema, columns=shared, records=[tuple(row) for row in rows]
            )
        if revision in CODE_VERSIONS:
            await want.execute(
                "UPDATE read_models.state SET code_version = $1", CODE_VERSIONS[revision]
            )


async def contents(connection: Connection) -> dict[str, list[Any]]:
    """All rows of all tables."""
    found = {}
    for name, columns in await connection.fetch(TABLES):
        listed = ", ".join(sorted(columns))
        rows = await connection.fetch(f"SELECT {listed} FROM {name} ORDER BY {listed}")
        found[name] = [dict(row) for row in rows]
    return found


async def assert_in_use_as_before(dsn: str, source: Source) -> None:
    """The log is what it was, the read models are its fold, and both go on."""
    async with open_base(dsn) as base, connected(source.dsn) as have:
        assert await read_identity(base.owner) == await read_identity(have)
        await make_current(base.pool)
        assert (await fetch_state(base.owner)).code_version == CODE_VERSION
        assert await read_log(base.owner) == source.events
        assert await fetch_rows(base.owner) == source.rows
        (again,) = await record(base.pool, SAID[-1], key="once")
        assert again.position == len(SAID), "it was sent before"
        await record(base.pool, AGAIN)
        verified = await verify(base.pool)
        assert (verified.events, verified.problems) == (len(source.events) + 1, [])
        assert_rows_are_the_fold(await fetch_rows(base.owner), await read_log(base.owner))
        kept = await base.owner.fetchrow("SELECT * FROM api_keys WHERE name = 'editor'")
        assert kept == await have.fetchrow("SELECT * FROM api_keys WHERE name = 'editor'")
        await create_key(
            base.owner,
            name="guest",
            hashed=b"g",
            role="reader",
            created_at=CHANCE.now(),
            expires_at=CHANCE.now() + timedelta(days=1),
        )


@pytest.mark.parametrize("revision", REVISIONS)
async def test_data_of_each_revision_is_in_use_as_before(
    revision: str, source: Source, bare_database: str
) -> None:
    await older(source, bare_database, revision)
    await asyncio.to_thread(migrate, bare_database)
    await assert_in_use_as_before(bare_database, source)


@pytest.mark.parametrize(("before", "revision"), list(pairwise(REVISIONS)))
async def test_migration_that_is_killed_leaves_what_was_there(
    before: str, revision: str, source: Source, bare_database: str
) -> None:
    """Each is one transaction: nothing of it is there, and the next start does it whole."""
    await older(source, bare_database, before)
    async with connected(bare_database) as blocker:
        was = await catalogue(bare_database), await contents(blocker)
        transaction = blocker.transaction()
        await transaction.start()
        # All of a migration is done by the time at which it writes down its number.
        await blocker.execute("LOCK TABLE alembic_version IN SHARE MODE")
        code = "import sys; from service.log.schema import migrate; migrate(*sys.argv[1:])"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, bare_database, revision, cwd=migrations_folder().parent
        )
        async with asyncio.timeout(60):
            while not await blocker.fetchval(_NUMBER_WAITS):  # noqa: ASYNC110 (by another process)
                await asyncio.sleep(0.01)
            process.kill()
            await process.wait()
            await transaction.rollback()
            while await blocker.fetchval(_OTHERS):  # noqa: ASYNC110 (other processes)
                await asyncio.sleep(0.01)
        assert await current_revision(bare_database) == before
        assert (await catalogue(bare_database), await contents(blocker)) == was
    await asyncio.to_thread(migrate, bare_database)
    await assert_in_use_as_before(bare_database, source)


_NUMBER_WAITS = """
    SELECT count(*) FROM pg_locks
    WHERE relation = 'alembic_version'::regclass AND NOT granted
"""
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
