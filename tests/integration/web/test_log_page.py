"""The page of the log: the newest events, the head, and a verification for who holds a key."""

import re

import asyncpg
import httpx

from service.api.operations import Machinery
from tests.integration.api.asking import HIRED, SEED, get, hire, record
from tests.support.browsing import Elements, browser, signed_in

EVENT = re.compile(r'<th scope="row" class="number"><a href="/events/([0-9a-f-]{36})')


async def page(client: httpx.AsyncClient, address: str, status: int = 200) -> str:
    answer = await client.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


async def test_log_is_that_of_the_api_newest_first(reader: httpx.AsyncClient) -> None:
    head = await get(reader, "/v1/log")
    shown = await page(reader, "/log")
    told = await get(reader, "/v1/events", after=head["position"] - 50)
    assert EVENT.findall(shown) == [event["event_id"] for event in told["items"]][::-1]
    assert head["hash"] in shown


async def test_pages_lead_from_the_newest_event_to_the_first(reader: httpx.AsyncClient) -> None:
    address, seen = "/log?at=2026-01-01&known_at=120", list[str]()
    while True:
        shown = await page(reader, address)
        seen += EVENT.findall(shown)
        found = re.search(r'rel="next" href="([^"]+)"', shown)
        if found is None:
            break
        address = found[1].replace("&amp;", "&")
        assert "at=2026-01-01&known_at=120" in address
    told = await get(reader, "/v1/events", limit=120)
    assert seen == [event["event_id"] for event in told["items"]][::-1]


async def test_log_as_it_was_has_the_hash_that_it_had(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, "/log?known_at=120")
    (event,) = (await get(reader, "/v1/events", after=119, limit=1))["items"]
    assert event["hash"] in shown
    assert "as known at position 120" in shown
    assert "data-live-after" not in shown
    assert "Nothing was recorded yet" in await page(reader, "/log?known_at=0")


async def test_what_was_withdrawn_is_crossed_out(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    said = {"reason": "<i>wrong</i> person"}
    assert (await client.put(f"/v1/events/{HIRED}/retraction", json=said)).status_code == 201
    async with browser(made) as asking:
        shown = (await asking.get("/log")).text
    (row,) = re.findall(r'<tr class="is-withdrawn">.*?</tr>', shown)
    assert "retraction" in row
    assert f'href="/events/{HIRED}"' in row
    assert "<del>" in row
    assert "Ada Lovelace" in row
    assert "&lt;i&gt;wrong&lt;/i&gt;" in row
    assert "misread" in shown, "the reason of a correction too"


async def test_places_that_are_none_are_refused(reader: httpx.AsyncClient) -> None:
    assert "is no position" in await page(reader, "/log?before=last", 422)
    assert "Nothing was recorded before that" in await page(reader, "/log?before=1")


async def test_page_says_after_which_event_news_are_news(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """Of an answer for now; the documentation, a form and the past have none."""
    await record(client, *SEED)
    async with browser(made) as asking:
        for address in ("/log", "/labs/engines?at=2021-01-01", "/findings", "/"):
            shown = (await asking.get(address)).text
            assert f'<body data-live-after="{len(SEED)}">' in shown, address
        for address in ("/docs", "/sign-in", "/labs/engines?known_at=3", "/labs/none", "/replays"):
            assert "data-live-after" not in (await asking.get(address)).text, address


async def test_pages_of_a_closed_log_follow_nothing(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """The API does not read the session of a browser."""
    await record(client, *SEED)
    made.read_keys_required = True
    async with browser(made) as asking:
        await signed_in(asking, "reader")
        answer = await asking.get("/log")
    assert answer.status_code == 200
    assert "data-live-after" not in answer.text


async def test_who_holds_a_key_verifies_the_log(made: Machinery, client: httpx.AsyncClient) -> None:
    recorded = await record(client, *SEED)
    async with browser(made) as asking:
        without = (await asking.get("/log")).text
        assert "/log/verification" not in without
        assert '<a href="/sign-in?next=/log" rel="nofollow">Sign in</a>' in without
        token = await signed_in(asking, "reader")
        assert 'action="/log/verification"' in (await asking.get("/log")).text
        sent = {"form_token": token, "since": recorded[2]["hash"]}
        done = await asking.post("/log/verification", data=sent)
        assert done.status_code == 200, done.text
        assert "The log is what it was" in done.text
        assert "8 events were looked at" in done.text
        assert "that of position 3" in done.text
        never = await asking.post("/log/verification", data=sent | {"since": "1" * 64})
        assert "Something is wrong" in never.text
        assert "never came to" in never.text
        refused = await asking.post("/log/verification", data=sent | {"since": "12"})
        assert refused.status_code == 422
        assert (await asking.get("/log/verification")).status_code == 405


async def test_nobody_else_verifies_it(made: Machinery) -> None:
    async with browser(made) as asking:
        sent = await asking.post("/log/verification", data={"since": ""})
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/sign-in")


async def test_tampered_log_is_told_of(
    made: Machinery, client: httpx.AsyncClient, database: str
) -> None:
    await record(client, *SEED, hire())
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE events SET recorded_by = '<b>' WHERE position = 2")
    finally:
        await connection.close()
    async with browser(made) as asking:
        token = await signed_in(asking, "admin")
        done = await asking.post("/log/verification", data={"form_token": token, "since": ""})
    assert "Something is wrong" in done.text
    assert '<th scope="row" class="number">2</th>' in done.text
    assert "style" not in {name for _, said in Elements(done.text).found for name in said}
