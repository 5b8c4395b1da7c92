"""Replays over HTTP: started, watched, refused, taken back; and what is answered meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from service.api.operations import Machinery
from service.app import make_current
from service.log.schema import is_up_to_date
from service.read_models import crews
from service.read_models import replay as replays
from tests.integration.api.asking import SEED, UNKNOWN, get, hire, problem, record
from tests.support.catalogue import connected

NUMBER = UUID(int=7)


@pytest.fixture(autouse=True)
async def may_make_schemas(database: str) -> None:
    """A copy of a database lacks what was granted on it, and has the replay of its template."""
    assert await is_up_to_date(database)
    await _execute(database, "DELETE FROM replays")


@asynccontextmanager
async def running_elsewhere(database: str, done: int = 3) -> AsyncIterator[None]:
    """A replay of another process, which has folded some of nine events."""
    async with connected(database) as other:
        await other.execute("SELECT pg_advisory_lock(7240003)")
        await other.execute(
            "INSERT INTO replays (replay_id, state, is_check, started_at, done, total, drift,"
            " events_per_second) VALUES ($1, 'running', false, now(), $2, 9, '[]', 0.5)",
            NUMBER,
            done,
        )
        yield


async def ended(client: httpx.AsyncClient, started: httpx.Response) -> dict[str, Any]:
    """A replay's last word."""
    assert started.status_code == 202, started.text
    assert started.headers["location"] == f"/v1/replays/{started.json()['id']}"
    async with asyncio.timeout(20):
        while True:
            found = (await client.get(started.headers["location"])).json()
            if found["state"] != "running":
                return dict(found)
            await asyncio.sleep(0.02)


async def test_replay_goes_on_by_itself(client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    head = (await get(client, "/v1/log"))["position"]
    done = await ended(client, await client.post("/v1/replays"))
    assert (done["state"], done["drift"], done["drift_rows"]) == ("done", [], 0)
    assert (done["done"], done["total"], done["checkpoint"]) == (head, head, head)
    assert (await client.get("/v1/replays")).json()["items"] == [done]


@pytest.mark.parametrize(("asked", "count"), [("", 1), ("?processes=3", 3)])
async def test_so_many_processes_fold_as_are_asked_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, asked: str, count: int
) -> None:
    """Else as many as the service is set to."""
    monkeypatch.setattr(crews, "EVENTS_IN_PROCESS_MAX", 0)
    crew = crews.Processes.__init__
    counted: list[int] = []

    def count_and_begin(self: Any, connection: Any, workers: Any) -> None:
        counted.append(len(workers))
        crew(self, connection, workers)

    monkeypatch.setattr(crews.Processes, "__init__", count_and_begin)
    await record(client, *SEED)
    done = await ended(client, await client.post(f"/v1/replays{asked}"))
    assert (done["state"], done["drift"], counted) == ("done", [], [count])


@pytest.mark.parametrize("asked", ["0", "17", "two", "-1"])
async def test_processes_are_a_small_number(client: httpx.AsyncClient, asked: str) -> None:
    refused = await client.post(f"/v1/replays?processes={asked}")
    told = problem(refused, 422, "bad_parameter")
    assert told.parameter == "processes"
    assert "give a number from 1 to 16" in told.detail


async def test_second_replay_is_told_of_the_first(client: httpx.AsyncClient, database: str) -> None:
    async with running_elsewhere(database):
        first = (await client.get(f"/v1/replays/{NUMBER}")).json()
        assert (first["state"], first["done"], first["seconds_left"]) == ("running", 3, 12)
        for path in ("/v1/replays", "/v1/replays?check=true", f"/v1/replays/{NUMBER}/rollback"):
            refused = await client.post(path)
            told = problem(refused, 409, "replay_running")
            assert "building, 3 of 9 events, about 13 s left" in told.detail
            assert f"GET /v1/replays/{NUMBER}" in told.detail
            assert refused.json()["replay"] == first


async def test_replay_of_a_dead_process_has_failed(
    client: httpx.AsyncClient, database: str
) -> None:
    """Whatever its row says: nobody holds its lock."""
    async with running_elsewhere(database):
        pass
    found = (await client.get(f"/v1/replays/{NUMBER}")).json()
    assert (found["state"], found["seconds_left"]) == ("failed", None)
    assert found["detail"].startswith("The process that ran it was ended")
    assert [r["state"] for r in (await client.get("/v1/replays")).json()["items"]] == ["failed"]
    assert (await ended(client, await client.post("/v1/replays")))["state"] == "done"


async def test_replay_is_taken_back_and_forth(client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    done = await ended(client, await client.post("/v1/replays"))
    await record(client, hire())
    answer = await client.get("/v1/labs?at=2024-06-01")
    for _ in range(2):
        back = await ended(client, await client.post(f"/v1/replays/{done['id']}/rollback"))
        assert (back["state"], back["rolls_back"]) == ("done", done["id"])
        assert (await client.get("/v1/labs?at=2024-06-01")).json() == answer.json()
        done = back
    assert (await ended(client, await client.post("/v1/replays?check=true")))["drift"] == []


async def test_rollback_of_what_is_not_in_use_is_refused(client: httpx.AsyncClient) -> None:
    first = await ended(client, await client.post("/v1/replays"))
    second = await ended(client, await client.post("/v1/replays"))
    told = problem(
        await client.post(f"/v1/replays/{first['id']}/rollback"), 409, "nothing_to_roll_back"
    )
    assert f"'{second['id']}' did" in told.detail
    for unknown in (UNKNOWN, "7", "%20"):
        problem(await client.post(f"/v1/replays/{unknown}/rollback"), 404, "not_found")
    assert len((await client.get("/v1/replays")).json()["items"]) == 2


async def test_lost_grant_is_told_with_the_way_out(
    client: httpx.AsyncClient, database: str
) -> None:
    async with connected(database) as owner:
        name = await owner.fetchval("SELECT current_database()")
        await owner.execute(f'REVOKE CREATE ON DATABASE "{name}" FROM timeline_service')
    told = problem(await client.post("/v1/replays"), 409, "replay_not_permitted")
    assert "timeline migrate" in told.detail
    assert (await client.get("/v1/replays")).json()["items"] == []


async def test_nothing_is_answered_from_models_that_cannot_be_read(
    client: httpx.AsyncClient, made: Machinery, database: str
) -> None:
    """No empty roster is given for one that is not built yet."""
    await record(client, *SEED)
    head = (await get(client, "/v1/log"))["position"]
    await _execute(database, "UPDATE read_models.state SET code_version = 0")
    made.is_readable = False
    async with running_elsewhere(database):
        for response in (
            await client.get("/v1/labs"),
            await client.get("/v1/labs/deepmind"),
            await client.get("/v1/events"),
            await client.post("/v1/events", json=hire()),
            await client.post("/v1/verifications"),
        ):
            told = problem(response, 503, "not_ready")
            assert "building, 3 of 9 events" in told.detail
            assert response.json()["replay"]["id"] == str(NUMBER)
            assert response.headers["retry-after"] == "12"
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["read_models"].startswith("being replayed: building, 3 of 9")
        assert ready.json()["replay"]["id"] == str(NUMBER)
        for path in ("/healthz", "/v1/replays", f"/v1/replays/{NUMBER}", "/v1/keys", "/docs"):
            assert (await client.get(path)).status_code == 200, path
        anonymous = await client.get("/v1/keys", headers={"Authorization": "Bearer no"})
        problem(anonymous, 401, "unauthenticated")
    await make_current(made.pool)
    # Nobody told this process: the database says so.
    assert (await get(client, "/v1/log"))["position"] == head
    assert (await client.get("/readyz")).status_code == 200


async def test_models_of_older_code_answer_until_they_are_replayed(
    client: httpx.AsyncClient,
    made: Machinery,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If this code reads their rows, which a constant beside its version says."""
    await record(client, *SEED)
    newer = replays.CODE_VERSION + 1
    monkeypatch.setattr(replays, "CODE_VERSION", newer)
    async with running_elsewhere(database):
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["state"]) == (200, "ready")
        assert ready.json()["replay"]["done"] == 3
        assert (await client.get("/v1/labs")).status_code == 200
        assert (await client.post("/v1/events", json=hire())).status_code == 201
    monkeypatch.setattr(replays, "READABLE_SINCE", newer)
    assert (await client.get("/readyz")).status_code == 503
    await make_current(made.pool)
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json().get("replay")) == (200, None)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
