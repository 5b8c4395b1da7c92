"""The log over HTTP: its export, its verification, and cursors of what a restore took back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

from service.api.operations import Machinery
from service.app import CHANCE, create_app, machinery, make_current
from service.log.export import export, read_export
from service.log.keys import key_hash
from service.log.restore import restore
from service.log.schema import migrate
from service.postgres.pool import Pool
from service.read_models.replay import replay
from service.read_models.replays import Replay
from service.read_models.stale import mark_stale
from service.settings import Settings
from tests.integration.api.asking import SEED, get, hire, problem, record
from tests.support.postgres import KEYS, http_client


@pytest.fixture
async def filled(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await record(client, *SEED)
    return client


@pytest.fixture
async def tampering(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Somebody who may do anything, past the triggers."""
    connection = await asyncpg.connect(database)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def verified(client: httpx.AsyncClient, **params: Any) -> Any:
    response = await client.post("/v1/verifications", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_export_is_what_a_restore_takes(filled: httpx.AsyncClient, made: Machinery) -> None:
    answer = await filled.get("/v1/log/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["log-position"] == str(len(SEED))
    header, events = read_export(answer.content.splitlines(keepends=True))
    assert header.log_id == made.identity.log_id
    assert [e.event.position for e in events] == list(range(1, len(SEED) + 1))
    assert answer.content == b"".join([line async for line in export(made.pool)])


async def test_version_of_a_payload_is_in_the_export_and_nowhere_else(
    filled: httpx.AsyncClient,
) -> None:
    exported = (await filled.get("/v1/log/export")).text
    assert exported.count('"payload":{"@version":1,') == exported.count("@version") == len(SEED)
    for path in ("/v1/events", f"/v1/events/{SEED[0]['event_id']}", "/v1/labs/engines/timeline"):
        assert "@version" not in (await filled.get(path)).text
    told = problem(await filled.post("/v1/events", json=hire(**{"@version": 1})), 422, "invalid")
    assert "@version" in told.detail


async def test_unchanged_export_costs_no_body(filled: httpx.AsyncClient) -> None:
    head = await filled.head("/v1/log/export")
    assert (head.status_code, head.content) == (200, b"")
    assert "content-length" not in head.headers
    tag = {"If-None-Match": head.headers["etag"]}
    again = await filled.get("/v1/log/export", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    for any_of in ("*", f'"x", W/{head.headers["etag"]}'):
        held = await filled.get("/v1/log/export", headers={"If-None-Match": any_of})
        assert held.status_code == 304
    await record(filled, hire())
    assert (await filled.get("/v1/log/export", headers=tag)).status_code == 200


async def test_closed_reading_closes_the_export(
    filled: httpx.AsyncClient, anonymous: httpx.AsyncClient, made: Machinery
) -> None:
    assert (await anonymous.get("/v1/log/export")).status_code == 200
    made.read_keys_required = True
    problem(await anonymous.get("/v1/log/export"), 401, "unauthenticated")
    assert (await filled.get("/v1/log/export")).headers["cache-control"].startswith("private")


async def test_untouched_log_is_verified_with_its_read_models(filled: httpx.AsyncClient) -> None:
    head = await get(filled, "/v1/log")
    assert await verified(filled) == {
        "state": "ok",
        "events": len(SEED),
        "head": head,
        "problems": [],
        "since": None,
        "read_models": {"state": "ok", "drift": []},
    }
    assert (await verified(filled, read_models="false"))["read_models"] is None


async def test_tampered_event_is_named_by_position(
    filled: httpx.AsyncClient, tampering: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await tampering.execute("UPDATE events SET on_hi = on_hi + 1 WHERE position = 6")
    found = await verified(filled)
    assert found["state"] == "broken"
    assert [problem["position"] for problem in found["problems"]] == [6]
    assert found["read_models"] == {"state": "unchecked", "drift": []}


async def test_tampered_read_model_is_found(
    filled: httpx.AsyncClient, tampering: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Every hash is in place, and answers are wrong all the same."""
    await tampering.execute("DELETE FROM read_models.stints")
    found = await verified(filled)
    assert (found["state"], found["problems"]) == ("broken", [])
    assert found["read_models"]["state"] == "drifted"
    assert {row["model"] for row in found["read_models"]["drift"]} == {"stints"}
    assert (await verified(filled, read_models="false"))["state"] == "ok"


async def test_replay_that_failed_compared_nothing(
    filled: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing found is not the same as nothing wrong."""

    async def failing(pool: Pool, replay_id: UUID, **how: Any) -> Replay:
        done = await replay(pool, replay_id, **how)
        return msgspec.structs.replace(done, state="failed")

    monkeypatch.setattr("service.answers.log.replay", failing)
    found = await verified(filled)
    assert (found["state"], found["problems"]) == ("broken", [])
    assert found["read_models"] == {"state": "unchecked", "drift": []}


async def test_remembered_hash_shows_that_the_log_only_grew(
    filled: httpx.AsyncClient, tampering: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """And once the tail is gone, that it did not."""
    remembered = (await get(filled, "/v1/log"))["hash"]
    (later,) = await record(filled, hire())
    for since, position in (("0" * 64, 0), (remembered, len(SEED)), (later["hash"].upper(), 9)):
        found = await verified(filled, since=since, read_models="false")
        assert (found["state"], found["since"]) == (
            "ok", {"hash": since.lower(), "position": position},
        )  # fmt: skip
    await tampering.execute("DELETE FROM events WHERE position = 9")
    await tampering.execute("DELETE FROM event_subjects WHERE position = 9")
    found = await verified(filled, since=later["hash"], read_models="false")
    assert (found["state"], found["problems"]) == ("broken", [])
    assert found["since"] == {"hash": later["hash"], "position": None}
    assert (await verified(filled, since=remembered, read_models="false"))["state"] == "ok"


@pytest.mark.parametrize("since", ["", "x", "0" * 63, "0" * 65, "g" * 64, "٣" * 64])
async def test_what_is_no_hash_is_refused(since: str, filled: httpx.AsyncClient) -> None:
    told = problem(
        await filled.post("/v1/verifications", params={"since": since}), 422, "bad_parameter"
    )
    assert told.parameter == "since"
    assert "64 hexadecimal digits" in told.detail


async def test_verification_beside_a_replay_is_refused(
    filled: httpx.AsyncClient, tampering: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await tampering.execute("SELECT pg_advisory_lock(7240003)")
    problem(await filled.post("/v1/verifications"), 409, "replay_running")
    assert (await verified(filled, read_models="false"))["state"] == "ok"


async def test_cursor_of_a_future_that_a_restore_took_back_is_refused(
    client: httpx.AsyncClient, made: Machinery, bare_database: str, tmp_path: Path
) -> None:
    """
    Else the pages after it would leave out what has its positions now.

    The same log, restored as it was before, and grown beyond the cursor's position since.
    """
    for number in range(3):
        await record(client, hire(person={"name": f"Before {number}"}, lab={"name": "X"}))
    lines = [line async for line in export(made.pool)]
    for number in range(3):
        await record(client, hire(person={"name": f"Lost {number}"}, lab={"name": "X"}))
    taken_back = (await get(client, "/v1/events?limit=5"))["next"]

    await asyncio.to_thread(migrate, bare_database)
    owner = await asyncpg.connect(bare_database)
    header, events = read_export(lines)
    async with owner.transaction():
        await restore(owner, events, header.log_id, now=CHANCE.now())
        await mark_stale(owner)
    await owner.close()
    settings = Settings(database_url=bare_database, data_dir=tmp_path)
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    async with (
        machinery(settings, bare_database, keys) as again,
        http_client(again, "admin") as now,
    ):
        await make_current(again.pool)
        for number in range(4):
            await record(now, hire(person={"name": f"Since {number}"}, lab={"name": "X"}))
        told = problem(await now.get(f"/v1/events?cursor={taken_back}"), 422, "bad_parameter")
        assert "a time that a restore took back" in told.detail
        ahead = (await get(now, "/v1/events?limit=6"))["next"]
        assert len((await get(now, f"/v1/events?cursor={ahead}"))["items"]) == 1
    told = problem(await client.get(f"/v1/events?cursor={ahead}"), 422, "bad_parameter")
    assert "a time that a restore took back" in told.detail


async def test_cursor_beyond_the_head_is_refused_with_the_head(
    filled: httpx.AsyncClient, tampering: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """As of a base backup that was put back without anybody telling the log."""
    cursor = (await get(filled, "/v1/events?limit=1"))["next"]
    await tampering.execute("DELETE FROM events WHERE position > 5")
    told = problem(await filled.get(f"/v1/events?cursor={cursor}"), 422, "bad_parameter")
    assert "head is at 5" in told.detail


async def test_event_that_a_later_edition_wrote_is_told(
    filled: httpx.AsyncClient, tampering: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """An old process beside a new one says so, and neither fails nor leaves it out."""
    later = json.dumps({"@version": 2, "type": "arrival", "who": "ada"})
    await tampering.execute("UPDATE events SET payload = $1 WHERE position = 1", later)
    told = problem(await filled.get("/v1/events"), 503, "later_version")
    assert "a later edition wrote it" in told.detail
    found = (await verified(filled))["problems"]
    assert {problem["position"] for problem in found} == {1, 8}
    assert any("a later edition wrote it" in problem["message"] for problem in found)


async def _asked(made: Machinery, method: str, path: str, hangs_up: asyncio.Event) -> list[Any]:
    """What is sent to a client that hangs up."""
    sent: list[Any] = []
    asked = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if asked:
            return asked.pop()
        await hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            hangs_up.set()
            await asyncio.sleep(0)

    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", b"Bearer admin")],
        "client": ("test", 1),
        "server": ("test", 80),
    }
    async with asyncio.timeout(30):
        await create_app(made)(scope, receive, send)
    return sent


async def test_export_ends_when_its_reader_hangs_up(
    filled: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.log.export.ROWS_AT_ONCE", 1)
    monkeypatch.setattr("service.log.export.PIECE_BYTES", 1)
    sent = await _asked(made, "GET", "/v1/log/export", asyncio.Event())
    bodies = [message for message in sent if message["type"] == "http.response.body"]
    assert 0 < len(bodies) < len(SEED), "not to its end"
    assert made.pool.get_idle_size() == made.pool.get_size()


async def test_verification_ends_when_its_client_hangs_up(
    filled: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs_up = asyncio.Event()
    looks = 0

    async def endless(*_: Any) -> Any:
        nonlocal looks
        while True:
            looks += 1
            hangs_up.set()
            await asyncio.sleep(0.001)

    monkeypatch.setattr("service.answers.log.verify", endless)
    sent = await _asked(made, "POST", "/v1/verifications", hangs_up)
    assert sent[0]["status"] == 499
    seen = looks
    await asyncio.sleep(0.01)
    assert looks == seen > 0, "nobody works for a client that is gone"
