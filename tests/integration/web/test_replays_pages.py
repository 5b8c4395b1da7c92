"""Replays on pages: watched by anybody, started and taken back by admins."""

import asyncio
from uuid import UUID

import asyncpg
import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import SEED, get, record
from tests.integration.api.test_replaying import NUMBER, running_elsewhere
from tests.integration.api.test_replaying import may_make_schemas as may_make_schemas  # noqa: PLC0414
from tests.support.browsing import browser, signed_in


async def ended(asking: httpx.AsyncClient, started: httpx.Response) -> httpx.Response:
    """The page of a replay once it is over."""
    assert started.status_code == 303, started.text
    assert started.headers["location"].startswith("/replays/")
    async with asyncio.timeout(60):
        while True:
            shown = await asking.get(started.headers["location"])
            if "refresh" not in shown.headers:
                return shown
            await asyncio.sleep(0.05)


async def test_admin_replays_and_takes_it_back(made: Machinery, client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    async with browser(made) as asking:
        token = {"form_token": await signed_in(asking, "admin")}
        assert 'action="/replays"' in (await asking.get("/replays")).text
        checked = await ended(asking, await asking.post("/replays", data=token | {"do": "check"}))
        assert "what is in use is what the log comes to" in checked.text
        assert "/rollback" not in checked.text
        started = await asking.post("/replays", data=token | {"do": "switch"})
        switched = await ended(asking, started)
        assert "It is in use now" in switched.text
        assert f"{started.headers['location']}/rollback" in switched.text
        back = await asking.post(f"{started.headers['location']}/rollback", data=token)
        assert "What was before is in use again" in (await ended(asking, back)).text
        listed = (await asking.get("/replays")).text
    told = (await get(client, "/v1/replays"))["items"]
    assert len(told) == 3
    assert all(f'href="/replays/{one["id"]}"' in listed for one in told)


async def test_page_of_a_running_replay_looks_again_by_itself(
    made: Machinery, database: str
) -> None:
    async with running_elsewhere(database), browser(made) as asking:
        for address in (f"/replays/{NUMBER}", "/replays"):
            shown = await asking.get(address)
            assert shown.headers["refresh"] == "2"
            assert shown.headers["cache-control"] == "no-store"
            assert '<progress id="progress" max="9" value="3">' in shown.text
            assert "about 13 seconds left" in shown.text
        token = {"form_token": await signed_in(asking, "admin"), "do": "check"}
        refused = await asking.post("/replays", data=token)
        assert refused.status_code == 409
        assert "building, 3 of 9 events" in refused.text
    async with browser(made) as asking:
        over = await asking.get(f"/replays/{NUMBER}")
    assert "refresh" not in over.headers
    assert "The process that ran it was ended" in over.text


async def test_drift_is_told_row_by_row(made: Machinery, database: str) -> None:
    connection = await asyncpg.connect(database)
    drift = (
        '[{"model": "stints", "side": "kept", "kind": "person", "subject": "<b>", "known_from": 1,'
        ' "known_to": null, "columns": [], "content": {"a": "</code><script>"}}]'
    )
    try:
        await connection.execute(
            "INSERT INTO replays (replay_id, state, is_check, started_at, finished_at, done, total,"
            " drift, drift_rows) VALUES ($1, 'done', true, now(), now(), 9, 9, $2, 3)",
            UUID(int=8),
            drift,
        )
    finally:
        await connection.close()
    async with browser(made) as asking:
        shown = (await asking.get(f"/replays/{UUID(int=8)}")).text
    assert "3 rows differ" in shown
    assert "the first 1 of them" in shown
    assert 'href="/people/%3Cb%3E"' in shown
    assert "<script>" not in shown


@pytest.mark.parametrize("role", ["writer", "reader", None])
async def test_only_admins_start_replays(made: Machinery, role: str | None) -> None:
    async with browser(made) as asking:
        token = {} if role is None else {"form_token": await signed_in(asking, role)}
        assert 'action="/replays"' not in (await asking.get("/replays")).text
        for path in ("/replays", f"/replays/{NUMBER}/rollback"):
            sent = await asking.post(path, data={**token, "do": "check"})
            assert sent.status_code == (303 if role is None else 403), path
            if role is None:
                assert sent.headers["location"].startswith("/sign-in")
    assert [one for one in made.tasks if not one.done()] == []


async def test_replays_that_are_none_are_not_there(made: Machinery) -> None:
    async with browser(made) as asking:
        for name in (UUID(int=9), "last", "%00"):
            assert (await asking.get(f"/replays/{name}")).status_code == 404
        assert "None ran yet" in (await asking.get("/replays")).text
        token = {"form_token": await signed_in(asking, "admin"), "do": "odd"}
        assert (await asking.post("/replays", data=token)).status_code == 422
        gone = await asking.post(f"/replays/{UUID(int=9)}/rollback", data=token)
        assert gone.status_code == 404
