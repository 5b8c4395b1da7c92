"""The diagnosis finds what is really wrong; what is cheap of it is in /readyz and /metrics too."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from service.answers import diagnosis, vitals
from service.answers.diagnosis import NAMES
from service.answers.vitals import KeptVitals
from service.api.operations import Machinery
from tests.integration.api.asking import SEED, get, problem, record
from tests.support.postgres import http_client

OFF_RECORD = "SET session_replication_role = replica"
"""A superuser's way round the triggers."""


@pytest.fixture(autouse=True)
def as_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "KEPT_SECONDS", 0)


@pytest.fixture
async def owner(database: str) -> AsyncIterator[Any]:
    """Whoever may do anything in the database, behind the service's back."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def facts(client: httpx.AsyncClient, **params: str) -> dict[str, dict[str, Any]]:
    """By name; the state of the whole is that of the worst."""
    answer = await get(client, "/v1/diagnosis", **params)
    states = [fact["state"] for fact in answer["facts"]]
    assert answer["state"] == max(states, key=["ok", "warning", "bad"].index)
    return {fact["name"]: fact for fact in answer["facts"]}


async def sample(client: httpx.AsyncClient, name: str) -> float | None:
    """What /metrics says under a name; None where it says nothing."""
    lines = (await client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith(f"timeline_{name} ")]
    return float(found[0].split()[1]) if found else None


@pytest.mark.parametrize("deep", ["false", "true"])
async def test_nothing_is_wrong_with_what_is_well(deep: str, client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    found = await facts(client, deep=deep)
    assert tuple(found) == NAMES
    assert {name for name, fact in found.items() if fact["state"] != "ok"} == set()
    assert found["chain"]["numbers"] == {"events": len(SEED), "problems": 0}


async def test_open_transaction_is_found(
    client: httpx.AsyncClient, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of another user than the service's role."""
    monkeypatch.setattr(diagnosis, "TRANSACTION_SECONDS", 0.05)
    async with owner.transaction():
        await owner.execute("SELECT 1")
        await asyncio.sleep(0.1)
        fact = (await facts(client))["long_transactions"]
        assert fact["state"] == "warning"
        assert f"process {owner.get_server_pid()} " in fact["told"].lower()
        assert (await get(client, "/readyz"))["facts"]["longest_transaction_seconds"] > 0.05
        longest = await sample(client, "longest_transaction_seconds")
        assert longest
        assert longest > 0.05
    assert (await facts(client))["long_transactions"]["state"] == "ok"


async def test_held_lock_and_the_queue_behind_it_are_found(
    client: httpx.AsyncClient, made: Machinery, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "LOCK_SECONDS", (0.01, 20))
    await owner.execute("SELECT pg_advisory_lock(7240002)")
    profiles = [{"type": "profile", "lab": {"name": f"Lab {n}"}} for n in range(3)]
    writing = [asyncio.create_task(record(client, one)) for one in profiles]
    async with asyncio.timeout(20):
        while made.writer.queued < 3 or (await facts(client))["log_lock"]["state"] == "ok":  # noqa: ASYNC110 (until they wait)
            await asyncio.sleep(0.01)
    fact = (await facts(client))["log_lock"]
    assert fact["state"] == "warning"
    assert f"process {owner.get_server_pid()} " in fact["told"]
    assert (await facts(client))["queue"]["numbers"]["commands"] == 3
    assert (await get(client, "/readyz"))["facts"]["queue_commands"] == 3
    assert await sample(client, "queue_commands") == 3
    assert await sample(client, "log_lock_wait_seconds")
    await owner.execute("SELECT pg_advisory_unlock(7240002)")
    await asyncio.gather(*writing)
    assert await sample(client, "queue_commands") == 0
    assert (await facts(client))["log_lock"]["state"] == "ok"


@pytest.mark.parametrize("position", [1, 3])
async def test_missing_event_is_found(position: int, client: httpx.AsyncClient, owner: Any) -> None:
    await record(client, *SEED)
    await owner.execute(OFF_RECORD)
    await owner.execute("DELETE FROM events WHERE position = $1", position)
    found = await facts(client)
    assert found["gaps"]["state"] == found["chain"]["state"] == "bad"
    assert f"position {position} is the first" in found["gaps"]["told"]


async def test_changed_event_is_found_among_the_last_or_in_depth(
    client: httpx.AsyncClient, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "EVENTS_VERIFIED", 4)
    await record(client, *SEED)
    assert (await facts(client))["chain"]["numbers"]["events"] == 4
    await owner.execute(OFF_RECORD)
    for position, state in ((2, "ok"), (6, "bad")):
        await owner.execute("UPDATE events SET salt = $1 WHERE position = $2", b"x", position)
        assert (await facts(client))["chain"]["state"] == state
    told = (await facts(client, deep="true"))["chain"]["told"]
    assert told.startswith("Position 2: Its payload is not")


async def test_drift_is_found_in_depth_and_remembered(
    client: httpx.AsyncClient, made: Machinery, owner: Any
) -> None:
    await record(client, *SEED)
    assert (await facts(client, deep="true"))["drift"]["state"] == "ok"
    await owner.execute("UPDATE read_models.stints SET start_lo = '1999-01-01' WHERE known_to > 99")
    assert (await facts(client))["drift"]["state"] == "ok", "nobody looked yet"
    for params in ({"deep": "true"}, {}):
        fact = (await facts(client, **params))["drift"]
        assert fact["state"] == "bad"
        assert fact["numbers"]["rows"] == 2
    assert (await get(client, "/readyz"))["facts"]["drift_rows"] == 2
    assert await sample(client, "drift_rows") == 2
    await client.post("/v1/replays?force=true")
    await asyncio.gather(*made.tasks)
    assert (await facts(client))["drift"]["state"] == "ok"
    assert await sample(client, "drift_rows") == 0


async def test_comparison_waits_for_nobody(client: httpx.AsyncClient, owner: Any) -> None:
    await owner.execute("SELECT pg_advisory_lock(7240003)")
    fact = (await facts(client, deep="true"))["drift"]
    assert fact["state"] == "warning"
    assert "A replay is running" in fact["told"]


async def test_clock_that_went_back_is_found(client: httpx.AsyncClient, made: Machinery) -> None:
    await record(client, *SEED)
    now = made.now
    made.now = lambda: now() - timedelta(hours=1)
    fact = (await facts(client))["clock"]
    assert fact["state"] == "warning"
    assert fact["numbers"]["head_ahead_seconds"] > 3_590


async def test_index_that_is_not_used_is_found(client: httpx.AsyncClient, owner: Any) -> None:
    await owner.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_by_type'::regclass"
    )
    fact = (await facts(client))["indexes"]
    assert fact["state"] == "bad"
    assert "REINDEX INDEX CONCURRENTLY public.events_by_type" in fact["advice"]


async def test_read_models_of_other_code_are_found(
    client: httpx.AsyncClient, made: Machinery, owner: Any
) -> None:
    """Also while nothing else under /v1 is answered."""
    await owner.execute("UPDATE read_models.state SET code_version = 0")
    made.is_readable = False
    assert (await client.get("/v1/labs")).status_code == 503
    assert (await facts(client))["lag"]["state"] == "bad"
    assert await sample(client, "read_models_due") == 1
    assert await sample(client, "ready") == 0


async def test_other_schema_is_found(client: httpx.AsyncClient, owner: Any) -> None:
    """Of it only what does not rest on it is looked at."""
    await owner.execute("UPDATE alembic_version SET version_num = '9999'")
    found = await facts(client)
    assert found["versions"]["state"] == "bad"
    assert "'timeline migrate'" in found["versions"]["advice"]
    assert "long_transactions" in found
    assert "gaps" not in found
    assert "facts" not in (await client.get("/readyz")).json()
    assert await sample(client, "ready") == 0


async def test_what_cannot_be_asked_is_a_fact(client: httpx.AsyncClient, owner: Any) -> None:
    await owner.execute("REVOKE SELECT ON event_subjects FROM timeline_service")
    found = await facts(client)
    assert found["chain"]["state"] == "bad"
    assert "InsufficientPrivilegeError" in found["chain"]["told"]
    assert found["gaps"]["state"] == "ok"


async def test_disk_of_the_data_directory_is_looked_at(
    client: httpx.AsyncClient, made: Machinery, tmp_path: Path
) -> None:
    assert "free_bytes" not in (await facts(client))["disk"]["numbers"]
    assert await sample(client, "disk_free_bytes") is None
    made.vitals = KeptVitals(made.pool, tmp_path)
    assert (await facts(client))["disk"]["numbers"]["free_bytes"] > 0
    assert (await get(client, "/readyz"))["facts"]["disk_free_bytes"] > 0
    assert await sample(client, "disk_free_bytes")


async def test_health_is_told_without_the_disk(
    client: httpx.AsyncClient, made: Machinery, tmp_path: Path
) -> None:
    made.vitals = KeptVitals(made.pool, tmp_path / "gone")
    assert await sample(client, "ready") == 1
    assert await sample(client, "disk_free_bytes") is None
    assert (await facts(client))["disk"]["state"] == "ok"


async def test_health_is_told_of_a_database_that_lost_something(
    client: httpx.AsyncClient, owner: Any
) -> None:
    await owner.execute("DELETE FROM read_models.state")
    assert (await client.get("/readyz")).status_code == 503
    assert await sample(client, "ready") == 0


async def test_facts_for_everybody_name_nobody(client: httpx.AsyncClient, made: Machinery) -> None:
    await record(client, *SEED)
    async with http_client(made, None) as anonymous:
        for path in ("/readyz", "/metrics"):
            text = (await anonymous.get(path)).text.lower()
            assert not [name for name in ("lovelace", "engines", "test-admin") if name in text]


async def test_without_a_free_connection_the_rest_is_told(
    client: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.get("/v1/labs")
    monkeypatch.setattr(vitals, "ACQUIRE_SECONDS", 0.1)
    taken = [await made.pool.acquire() for _ in range(made.pool.get_max_size())]
    try:
        assert await sample(client, "ready") == 0
        assert await sample(client, "longest_transaction_seconds") is None
        assert (await client.get("/metrics")).text.count('route="listLabs"') > 1
        problem(await client.get("/v1/diagnosis"), 503, "not_ready")
    finally:
        for connection in taken:
            await made.pool.release(connection)
    assert await sample(client, "ready") == 1


async def test_diagnosis_is_of_its_moment(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/diagnosis")
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
