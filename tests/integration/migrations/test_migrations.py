"""The schema: from empty to the newest migration, step by step, at once, and back and forth."""

import asyncio
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from service.app import CHANCE, make_current
from service.domain.events import Payload, Retraction
from service.log.keys import create_key, rotate_key
from service.log.schema import HEAD_REVISION, current_revision, migrate, migrations_folder
from service.postgres.binaries import OtherMajorError
from service.read_models.replay import fetch_state, replay, roll_back
from tests.support import builders as b
from tests.support import write_schema
from tests.support.catalogue import catalogue, connected
from tests.support.erasing import erase_events
from tests.support.histories import (
    assert_rows_are_the_fold,
    fetch_rows,
    open_base,
    read_log,
    record,
    with_entities,
)

FILES = sorted((migrations_folder() / "versions").glob("*.py"))
REVISIONS = [file.name[:4] for file in FILES]
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)

HISTORY: list[Payload] = [
    b.founding("x", on="2018", by=("ann",)),
    b.hire("bob", at="y", on="2019-03"),
    b.merger("y", into="x", on="2021-05-01"),
    b.same_person("cid", "bob"),
    b.departure("cid", at="x", on="2022~"),
]


async def test_every_migration_follows_on_the_one_before(bare_database: str) -> None:
    """Empty, and each step of the way, are versions of a database that a service may meet."""
    assert await current_revision(bare_database) is None
    for revision in REVISIONS:
        await asyncio.to_thread(migrate, bare_database, revision)
        assert await current_revision(bare_database) == revision
    assert await current_revision(bare_database) == HEAD_REVISION


async def test_migrating_what_is_at_the_head_changes_nothing(bare_database: str) -> None:
    await asyncio.to_thread(migrate, bare_database)
    before = await catalogue(bare_database)
    await asyncio.to_thread(migrate, bare_database)
    assert await catalogue(bare_database) == before


async def test_steps_come_to_the_same_schema_as_one_go(bare_database: str, database: str) -> None:
    for revision in REVISIONS:
        await asyncio.to_thread(migrate, bare_database, revision)
    assert await catalogue(bare_database) == await catalogue(database)


async def test_schema_file_is_the_schema(bare_database: str) -> None:
    """
    migrations/schema.sql is what the migrations make: reviewers see a change of it as a diff.

    `poe schema` writes it anew.
    """
    await asyncio.to_thread(migrate, bare_database)
    major, user = await _server(bare_database)
    if major != write_schema.MAJOR:
        pytest.skip(f"The golden file is of Postgres {write_schema.MAJOR}, this is {major}.")
    try:
        dumped = write_schema.dump(bare_database)
    except OtherMajorError as none:
        pytest.skip(str(none))
    assert dumped.replace(f"OWNER TO {user};", "OWNER TO postgres;") == (
        write_schema.GOLDEN.read_text("utf-8")
    )


def test_dump_is_normalised() -> None:
    """Comments, settings and pg_dump's random token say nothing of the schema."""
    dumped = (
        "--\n-- Name: x\n\n\\restrict 4j2\n\nSET row_security = off;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n\n\n"
        "CREATE TABLE x (\n    a text\n);\n\n\\unrestrict 4j2\n\n"
    )
    assert write_schema.normalised(dumped) == "CREATE TABLE x (\n    a text\n);\n"


def test_head_revision_is_the_newest_file() -> None:
    (*_, newest) = REVISIONS
    assert newest == HEAD_REVISION


def test_revisions_are_one_line_of_numbers() -> None:
    numbers = [f"{number:04}" for number in range(1, len(FILES) + 1)]
    assert numbers == REVISIONS


@each_file
def test_migration_is_called_by_its_number_and_what_there_is_afterwards(file: Path) -> None:
    text = file.read_text("utf-8")
    number = REVISIONS.index(file.name[:4])
    before = repr(REVISIONS[number - 1]).replace("'", '"') if number else "None"
    assert re.fullmatch(r"[0-9]{4}_[a-z0-9]+(_[a-z0-9]+)*", file.stem)
    assert f'\nrevision = "{file.name[:4]}"\n' in text
    assert f"\ndown_revision = {before}\n" in text


@each_file
def test_migration_answers_the_four_questions(file: Path) -> None:
    asked = re.findall(
        r"^(.+?): \.\.\.$",
        (migrations_folder() / "script.py.mako").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(asked) == 4
    docstring = file.read_text("utf-8").split('"""')[1]
    for question in asked:
        answer = re.search(rf"^{question}: (.+)", docstring, re.MULTILINE)
        assert answer is not None, question
        assert answer[1] != "...", question


@each_file
def test_migration_waits_for_no_lock_for_long(file: Path) -> None:
    body = file.read_text("utf-8").partition("def upgrade() -> None:\n")[2]
    assert body.lstrip().startswith('op.execute("SET LOCAL lock_timeout')


async def test_log_is_never_taken_back(database: str) -> None:
    """The refusal is a sentence, and nothing is lost on the way to it."""
    async with open_base(database) as base:
        await record(base.pool, *map(with_entities, HISTORY))
    with pytest.raises(RuntimeError, match=r"^The log is append-only: .+\.$"):
        await asyncio.to_thread(_downgrade, database, "base")
    async with open_base(database) as base:
        assert len(await read_log(base.owner)) == len(HISTORY)


async def test_read_models_are_dropped_and_made_again(database: str) -> None:
    """Their migration can be taken back: what they say follows from the log."""
    async with open_base(database) as base:
        await record(base.pool, *map(with_entities, HISTORY))
        (first, *_) = await read_log(base.owner)
        await record(base.pool, Retraction(target=first.event_id, reason="Nobody says so."))
        before = await fetch_rows(base.owner)
    await asyncio.to_thread(_downgrade, database, "0001")
    assert await current_revision(database) == "0001"
    await asyncio.to_thread(migrate, database)
    async with open_base(database) as base:
        assert not any((await fetch_rows(base.owner)).values())
        await make_current(base.pool)
        assert (await fetch_state(base.owner)).is_current
        after = await fetch_rows(base.owner)
        assert after == before
        assert_rows_are_the_fold(after, await read_log(base.owner))


async def test_read_models_are_taken_back_after_a_replay_too(database: str) -> None:
    """A replay leaves the schema before it in place; that is in nobody's way."""
    async with open_base(database) as base:
        await record(base.pool, *map(with_entities, HISTORY))
        await replay(base.pool, CHANCE.new_id(), now=CHANCE.now)
        before = await fetch_rows(base.owner)
    await asyncio.to_thread(_downgrade, database, "0001")
    await asyncio.to_thread(migrate, database)
    async with open_base(database) as base:
        await make_current(base.pool)
        assert await fetch_rows(base.owner) == before


async def test_key_that_ends_is_over_where_ends_are_not_known(database: str) -> None:
    """An edition that knows no ends would take it for ever."""
    now = CHANCE.now()
    later = now + timedelta(days=1)
    async with connected(database) as connection:
        for name, end in (("guest", later), ("lasting", None)):
            await create_key(
                connection,
                name=name,
                hashed=name.encode(),
                role="writer",
                created_at=now,
                expires_at=end,
            )
        for name in ("guest", "lasting"):
            await rotate_key(
                connection, name=name, hashed=f"{name} 2".encode(), now=now, overlap=later - now
            )
    await asyncio.to_thread(_downgrade, database, "0004")
    async with connected(database) as connection:
        in_use = await connection.fetch("SELECT key_hash FROM api_keys WHERE revoked_at IS NULL")
        assert [bytes(row[0]) for row in in_use] == [b"lasting 2"]
        assert await connection.fetchval(
            "SELECT has_table_privilege('timeline_service', 'api_keys', 'UPDATE')"
        )
    await asyncio.to_thread(migrate, database)


async def test_erasure_is_never_taken_back(database: str) -> None:
    """An edition that knows none would take a tombstone for an event that cannot be read."""
    async with open_base(database) as base:
        (first, *_) = await record(base.pool, *map(with_entities, HISTORY))
        await erase_events(base.pool, first.event_id)
        before = await read_log(base.owner)
        with pytest.raises(DBAPIError, match="something was erased"):
            await asyncio.to_thread(_downgrade, database, "0005")
        # What is no part of the log went; the log stays as it was.
        assert await current_revision(database) == "0006"
        assert await read_log(base.owner) == before


async def test_read_models_that_are_kept_get_the_same_columns(database: str) -> None:
    """Those of before a replay: a rollback puts them in use again."""
    async with open_base(database) as base:
        await record(base.pool, *map(with_entities, HISTORY))
        replayed = await replay(base.pool, CHANCE.new_id(), now=CHANCE.now)
        before = await fetch_rows(base.owner)
    await asyncio.to_thread(_downgrade, database, "0005")
    async with connected(database) as connection:
        assert await connection.fetch(_COLUMNS_DUE) == []
    await asyncio.to_thread(migrate, database)
    async with open_base(database) as base:
        assert {row[0] for row in await base.owner.fetch(_COLUMNS_DUE)} == {
            "read_models", "read_models_before",
        }  # fmt: skip
        await roll_back(base.pool, CHANCE.new_id(), replayed.id, now=CHANCE.now)
        assert await fetch_rows(base.owner) == before


_COLUMNS_DUE = """
    SELECT table_schema FROM information_schema.columns
    WHERE table_name = 'state' AND column_name = 'is_due'
"""


def test_two_processes_migrate_at_once(bare_database: str) -> None:
    """One does it, the other waits for it and finds it done."""
    code = "import sys; from service.log.schema import migrate; migrate(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, bare_database],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=migrations_folder().parent,
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert asyncio.run(current_revision(bare_database)) == HEAD_REVISION
    assert asyncio.run(_count(bare_database, "log_identity")) == 1


async def test_migration_waits_for_one_under_way(bare_database: str) -> None:
    """The lock is taken before the version is read: else both would run the same step."""
    blocker = await asyncpg.connect(bare_database)
    try:
        await blocker.execute("SELECT pg_advisory_lock(7240001)")
        waiting = asyncio.create_task(asyncio.to_thread(migrate, bare_database))
        while not await blocker.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ):
            await asyncio.sleep(0.01)
            assert not waiting.done()
        assert await current_revision(bare_database) is None
        await blocker.execute("SELECT pg_advisory_unlock(7240001)")
        await waiting
    finally:
        await blocker.close()
    assert await current_revision(bare_database) == HEAD_REVISION


async def test_each_log_has_an_identity_of_its_own(bare_database: str, database: str) -> None:
    await asyncio.to_thread(migrate, bare_database)
    one, other = [await _identity(dsn) for dsn in (bare_database, database)]
    assert one["epoch"] == other["epoch"] == 1
    assert one["log_id"] != other["log_id"]


def _downgrade(dsn: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["dsn"] = dsn
    command.downgrade(config, revision)


async def _identity(dsn: str) -> asyncpg.Record:
    async with connected(dsn) as connection:
        row = await connection.fetchrow("SELECT log_id, epoch FROM log_identity")
    assert row is not None
    return row


async def _count(dsn: str, table: str) -> int:
    async with connected(dsn) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def _server(dsn: str) -> tuple[int, str]:
    async with connected(dsn) as connection:
        user = await connection.fetchval("SELECT quote_ident(current_user)")
        return connection.get_server_version().major, user
