"""A switch and those who read in one snapshot, stepped one after the other."""

import asyncio
from typing import Any

import pytest

from service.app import CHANCE
from service.read_models import switching
from service.read_models.replay import replay
from service.read_models.replays import Replay, fetch_replays
from service.read_models.switching import hold_still
from service.recording import rehearsal, stream_rehearsal
from service.recording.rehearsal import rehearse
from service.recording.scope import read_scope
from service.recording.stream_rehearsal import StreamRehearsal
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import Base, command, record, with_entities

STINTS = "SELECT person_id FROM stints"


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switching, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(switching, "PAUSE_SECONDS_MAX", 0.01)


@pytest.fixture
async def filled(base: Base) -> Base:
    await record(base.pool, with_entities(b.hire("ann", at="x", on="2020")))
    return base


async def gave_way(base: Base, task: "asyncio.Task[Replay]") -> None:
    """Until the switch found the tables held."""
    async with asyncio.timeout(20):
        while not any(r.switch_waits for r in await fetch_replays(base.owner)):
            assert not task.done(), task.result()
            await asyncio.sleep(0.005)


async def test_snapshot_that_a_switch_would_empty_is_held_still(filled: Base) -> None:
    """The second statement of a snapshot means the same tables as the first."""
    async with connected(filled.dsn) as reader:
        reading = reader.transaction(isolation="repeatable_read", readonly=True)
        await reading.start()
        await hold_still(reader)
        await reader.fetch("SELECT 1 FROM people")
        going = asyncio.create_task(replay(filled.pool, CHANCE.new_id(), now=CHANCE.now))
        await gave_way(filled, going)
        assert [row[0] for row in await reader.fetch(STINTS)] == ["ann"]
        await reading.commit()
        assert (await going).state == "done"


async def test_snapshot_without_a_hold_sees_nothing_after_a_switch(filled: Base) -> None:
    """Why there is a hold: names mean the new tables, whose rows the snapshot is too old for."""
    async with connected(filled.dsn) as reader:
        reading = reader.transaction(isolation="repeatable_read", readonly=True)
        await reading.start()
        await reader.fetch("SELECT 1")
        assert (await replay(filled.pool, CHANCE.new_id(), now=CHANCE.now)).state == "done"
        assert await reader.fetch(STINTS) == []
        await reading.commit()


async def test_hold_that_waited_for_a_switch_means_the_new_tables(filled: Base) -> None:
    """It takes no snapshot before it has them, and looks the names up again."""
    async with connected(filled.dsn) as switch, connected(filled.dsn) as reader:
        switching_over = switch.transaction()
        await switching_over.start()
        await switch.execute(switching._TAKE_TABLES)
        await switch.execute("ALTER SCHEMA read_models RENAME TO read_models_before")
        await switch.execute("CREATE SCHEMA read_models")
        for name in ("stints", "findings", "people", "labs", "names", "state"):
            await switch.execute(
                f"CREATE TABLE read_models.{name} (LIKE read_models_before.{name})"
            )
        await switch.execute(
            "INSERT INTO read_models.stints (row_id, person_id, lab_id, start_lo, end_hi,"
            " known_from, known_to, content) SELECT 1, 'new', 'x', start_lo, end_hi, 1, 2, ''"
            " FROM read_models_before.stints"
        )
        reading = reader.transaction(isolation="repeatable_read", readonly=True)
        await reading.start()
        holding = asyncio.create_task(hold_still(reader))
        await _until_somebody_waits(filled)
        assert not holding.done()
        await switching_over.commit()
        await holding
        assert [row[0] for row in await reader.fetch(STINTS)] == ["new"]
        await reading.commit()
    await filled.owner.execute(
        "DROP SCHEMA read_models CASCADE; ALTER SCHEMA read_models_before RENAME TO read_models"
    )


async def test_rehearsal_is_not_switched_under_its_hands(
    filled: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dry run says is true of one state, although a replay wants to switch meanwhile."""
    going: list[asyncio.Task[Replay]] = []

    async def read_scope_slowly(*args: Any) -> Any:
        scope = await read_scope(*args)
        going.append(asyncio.create_task(replay(filled.pool, CHANCE.new_id(), now=CHANCE.now)))
        await gave_way(filled, going[0])
        return scope

    monkeypatch.setattr(rehearsal, "read_scope", read_scope_slowly)
    asked = command(b.departure("ann", at="x", on="2021"))
    async with filled.pool.acquire() as connection:
        rehearsed = await rehearse(connection, asked, CHANCE)
    assert [len(change.before) for change in rehearsed.changes] == [1]
    assert (await going[0]).state == "done"


async def test_rehearsed_stream_is_not_switched_under_its_hands(
    filled: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a chunk of a stream find its people gone."""
    going: list[asyncio.Task[Replay]] = []

    async def read_scope_late(*args: Any) -> Any:
        going.append(asyncio.create_task(replay(filled.pool, CHANCE.new_id(), now=CHANCE.now)))
        await gave_way(filled, going[0])
        return await read_scope(*args)

    monkeypatch.setattr(stream_rehearsal, "read_scope", read_scope_late)
    asked = command(b.departure("ann", at="x", on="2021"))
    async with filled.pool.acquire() as connection:
        rehearsed = await StreamRehearsal().take(connection, asked, CHANCE)
    assert len(rehearsed.outcomes) == 1
    assert (await going[0]).state == "done"


async def _until_somebody_waits(base: Base) -> None:
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with asyncio.timeout(20):
        while not await base.owner.fetchval(waiting):  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.005)
