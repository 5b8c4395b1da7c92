"""How a service starts on read models that are not of its code, and how it ends in a replay."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from service.cli import terminal
from service.cli.main import timeline
from service.log.schema import is_up_to_date
from service.read_models.replays import ENDED, STOPPED, Replay, fetch_replays
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import Base, open_base, record, with_entities
from tests.support.server import Served, served

KEY = {"Authorization": "Bearer k"}


@pytest.fixture
async def base(database: str) -> AsyncIterator[Base]:
    """A log with one event, of which the service may make read models."""
    assert await is_up_to_date(database)
    async with open_base(database) as opened:
        await opened.owner.execute("DELETE FROM replays")
        await record(opened.pool, with_entities(b.hire("ann", at="x", on="2020")))
        yield opened


def start(base: Base, tmp_path: Path) -> Any:
    environment = {"DATABASE_URL": base.dsn, "TIMELINE_API_KEY": "k"}
    return served(tmp_path, environment=environment)


async def ask(service: Served, method: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
        return await client.request(method, path)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it."""
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 (another process makes it so)
            await asyncio.sleep(0.05)


async def schemas(base: Base) -> set[str]:
    rows = await base.owner.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'read_models%'"
    )
    return {row[0] for row in rows}


async def test_it_listens_while_it_replays_and_answers_once_it_can(
    base: Base, tmp_path: Path
) -> None:
    await base.owner.execute("UPDATE state SET code_version = 0; DELETE FROM stints")
    await base.owner.execute("SELECT pg_advisory_lock(7240003)")
    with start(base, tmp_path) as service:
        assert (await ask(service, "GET", "/healthz")).status_code == 200
        assert (await ask(service, "GET", "/readyz")).status_code == 503
        refused = await ask(service, "GET", "/v1/labs/x?at=2020-06-01")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        await base.owner.execute("SELECT pg_advisory_unlock(7240003)")

        async def is_ready() -> bool:
            return (await ask(service, "GET", "/readyz")).status_code == 200

        await until(is_ready)
        answer = (await ask(service, "GET", "/v1/labs/x?at=2021-06-01")).json()
        assert [m["person"]["id"] for m in answer["members"]] == ["ann"]
        assert [r.state for r in await fetch_replays(base.owner)] == ["done"]


async def _held_at_the_switch(base: Base, service: Served) -> Replay:
    """A replay that would switch, and gives way to a reader."""
    started = await ask(service, "POST", "/v1/replays")
    assert started.status_code == 202, started.text

    async def gave_way() -> bool:
        return any(r.switch_waits for r in await fetch_replays(base.owner))

    await until(gave_way)
    (found,) = await fetch_replays(base.owner)
    return found


async def test_sigterm_ends_a_replay_cleanly(base: Base, tmp_path: Path) -> None:
    async with connected(base.dsn) as reader, reader.transaction():
        await reader.fetch("SELECT 1 FROM stints")
        with start(base, tmp_path) as service:
            running = await _held_at_the_switch(base, service)
            began = time.monotonic()
            assert await asyncio.to_thread(service.stop, signal.SIGTERM) == 0
            assert time.monotonic() - began < 8
        (stopped,) = await fetch_replays(base.owner)
        assert (stopped.id, stopped.state, stopped.detail) == (running.id, "failed", STOPPED)
        assert stopped.finished_at is not None
        assert await schemas(base) == {"read_models"}


async def test_kill_is_cleaned_up_at_the_next_start(base: Base, tmp_path: Path) -> None:
    async def is_told() -> bool:
        return (await fetch_replays(base.owner))[0].state == "failed"

    async def is_clean() -> bool:
        return await schemas(base) == {"read_models"}

    async with connected(base.dsn) as reader, reader.transaction():
        await reader.fetch("SELECT 1 FROM stints")
        with start(base, tmp_path) as service:
            await _held_at_the_switch(base, service)
            await asyncio.to_thread(service.stop, signal.SIGKILL)
        await until(is_told)
        (killed,) = await fetch_replays(base.owner)
        assert (killed.state, killed.detail) == ("failed", ENDED)
        assert await schemas(base) == {"read_models", "read_models_next"}
    with start(base, tmp_path) as service:
        await until(is_clean)
        (killed,) = await fetch_replays(base.owner)
        assert killed.finished_at is not None


async def test_command_in_process_waits_and_tells_how_far_it_is(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_LINES", 0)
    monkeypatch.setenv("DATABASE_URL", base.dsn)
    await base.owner.execute("UPDATE state SET code_version = 0; DELETE FROM stints")
    await base.owner.execute("SELECT pg_advisory_lock(7240003)")
    await base.owner.execute(
        "INSERT INTO replays (replay_id, state, is_check, started_at, done, total, drift)"
        " VALUES (gen_random_uuid(), 'running', false, now(), 3, 9, '[]')"
    )
    arguments = ["who", "x", "--at", "2021-06-01"]
    asking = asyncio.create_task(asyncio.to_thread(CliRunner().invoke, timeline, arguments))
    await asyncio.sleep(2.5)
    assert not asking.done()
    await base.owner.execute("SELECT pg_advisory_unlock(7240003)")
    result = await asking
    assert result.exit_code == 0, result.output
    assert "Ann" in result.stdout
    assert "Building the read models anew: building, 3 of 9 events" in result.stderr


async def test_start_renews_a_lost_grant(base: Base, tmp_path: Path) -> None:
    name = await base.owner.fetchval("SELECT current_database()")
    await base.owner.execute(f'REVOKE CREATE ON DATABASE "{name}" FROM timeline_service')
    with start(base, tmp_path) as service:
        assert (await ask(service, "POST", "/v1/replays")).status_code == 202
