"""Past states as the web asks for them (RFC 7089), and answers that caches may keep."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from service.api.memento import http_date
from service.api.operations import Machinery
from service.api.params import KNOWN_AT
from service.api.routes import OPERATIONS
from service.app import ROLE, machinery
from service.settings import Settings
from tests.integration.api.asking import get, hire, problem, record
from tests.integration.api.test_reading import HIRED, HISTORY, NEEDED, links_of, path_of
from tests.support.postgres import http_client

PAST = [op for op in OPERATIONS if KNOWN_AT in op.params and op.id not in NEEDED]
GETS = [op for op in OPERATIONS if op.is_validated and op.media_type == "application/json"]
past = pytest.mark.parametrize("operation", PAST, ids=lambda op: op.id)
PATH = "/v1/labs/engines?at=2022-01-01"


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await record(client, *HISTORY)
    return client


async def recorded_at(client: httpx.AsyncClient) -> datetime:
    return datetime.fromisoformat((await get(client, "/v1/log"))["recorded_at"])


@past
async def test_answer_tells_its_state_and_where_it_stays(
    operation: Any, told: httpx.AsyncClient
) -> None:
    """Every answer leads to the address at which it stays as it is, and that to the original."""
    path = path_of(operation)
    instant = http_date(await recorded_at(told))
    now = await told.get(path)
    assert "memento-datetime" not in now.headers, "it is of today"
    assert "Accept-Datetime" in now.headers["vary"]
    if operation.has_link_format:
        return
    links = links_of(now)
    assert links["original"] == links["timegate"] == path
    assert f'rel="memento"; datetime="{instant}"' in now.headers["link"]
    pinned = await told.get(links["memento"])
    assert pinned.content == now.content
    assert pinned.headers["memento-datetime"] == instant
    assert pinned.headers["cache-control"] == "max-age=86400, immutable"
    assert links_of(pinned)["memento"] == links["memento"]
    assert links_of(pinned)["original"] == f"{path}?at={now.json()['at']}"


async def test_comparison_of_days_leads_to_where_it_stays(told: httpx.AsyncClient) -> None:
    """By the state of knowledge alone, since it has two days of its own."""
    now = await told.get("/v1/labs/engines/changes?from=2020-01-01&to=2023-01-01")
    pinned = await told.get(links_of(now)["memento"])
    assert pinned.content == now.content
    assert pinned.headers["cache-control"] == "max-age=86400, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/labs/engines/changes?known_from=1&known_to=3&at=2022-01-01",
        "/v1/findings?kind=possible_same_person",
    ],
)
async def test_what_no_address_fixes_leads_to_none(path: str, told: httpx.AsyncClient) -> None:
    """A comparison of states of knowledge names them already, and a guess is of now."""
    answer = await told.get(path)
    assert answer.status_code == 200, answer.text
    assert "memento" not in links_of(answer)
    assert links_of(answer)["original"] == path


@past
async def test_accept_datetime_is_read_as_known_at(
    operation: Any, told: httpx.AsyncClient, made: Machinery
) -> None:
    """To the second: the date that an answer gives leads back to that answer."""
    path = f"{path_of(operation)}?at=2022-01-01"
    at_first = await told.get(path)
    instant = http_date(await recorded_at(told))
    # Later by the second at least, which is all that an HTTP date can tell.
    await asyncio.sleep(1 - made.now().microsecond / 1e6 + 0.01)
    await record(told, hire(person="ada"))
    assert (await told.get(path)).content != at_first.content
    asked = await told.get(path, headers={"Accept-Datetime": instant})
    assert asked.content == at_first.content
    assert asked.headers["memento-datetime"] == instant
    assert asked.headers["content-location"] == f"{path}&known_at=4"
    assert asked.headers["cache-control"] == "max-age=86400, immutable"
    assert asked.headers["etag"] == at_first.headers["etag"]
    known = f"{path}&known_at=3"
    wins = await told.get(known, headers={"Accept-Datetime": instant})
    assert wins.content == (await told.get(known)).content
    assert "content-location" not in wins.headers


async def test_instants_beyond_either_end_answer_from_that_end(told: httpx.AsyncClient) -> None:
    head = await recorded_at(told)
    late = {"Accept-Datetime": http_date(head + timedelta(days=366))}
    answer = await told.get(PATH, headers=late)
    assert answer.json()["known_at"]["position"] == 4
    assert answer.headers["memento-datetime"] == http_date(head)
    assert answer.headers["cache-control"] == "no-cache", "what comes by then is not known"
    early = {"Accept-Datetime": "Sat, 01 Jan 2000 00:00:00 GMT"}
    answer = await told.get("/v1/labs", headers=early)
    assert (answer.json()["items"], answer.json()["known_at"]["position"]) == ([], 0)
    assert "memento-datetime" not in answer.headers, "nothing was recorded by then"
    assert "memento" not in links_of(answer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "last Tuesday",
        "2026-11-01T09:00:00Z",
        "1793523600",
        "Mon, 01 Nov 2026 09:00:00 GMT",
        "Sun, 01 Nov 2026 09:00:00 +0000",
        "Sun, 01 Nov 2026 09:00:00 GMT; q=1",
        "Sun, 31 Feb 2026 09:00:00 GMT",
        "Sun, 01 Nov 99999 09:00:00 GMT",
    ],
)
async def test_what_is_no_http_date_is_refused_by_name(text: str, told: httpx.AsyncClient) -> None:
    headers = {"Accept-Datetime": text}
    refused = problem(await told.get(PATH, headers=headers), 400, "bad_accept_datetime")
    assert "Accept-Datetime" in refused.detail
    # An address of one state is not negotiated: the header says nothing there.
    assert (await told.get(f"{PATH}&known_at=3", headers=headers)).status_code == 200
    assert (await told.get("/v1/log", headers=headers)).status_code == 200


async def test_unchanged_answer_still_says_its_state(told: httpx.AsyncClient) -> None:
    path = f"{PATH}&known_at=3"
    tag = (await told.get(path)).headers["etag"]
    unchanged = await told.get(path, headers={"If-None-Match": tag})
    assert unchanged.status_code == 304
    assert unchanged.headers["memento-datetime"]
    assert unchanged.headers["cache-control"] == "max-age=86400, immutable"


async def test_time_map_lists_each_change_of_what_is_known(told: httpx.AsyncClient) -> None:
    """What stands between two of its states is the same answer, and each state is another."""
    await record(told, {"type": "profile", "person": {"name": "Nobody"}})
    await record(told, hire(person="Nobody", lab={"name": "Elsewhere"}))
    await told.put(
        f"/v1/events/{HIRED}/correction", json=hire(person="charles", date="2020-03", reason="r")
    )
    timemap = await get(told, "/v1/labs/AE/timemap", at="2020-02-01")
    assert timemap["lab"]["id"] == "engines"
    assert timemap["original"] == "/v1/labs/engines?at=2020-02-01"
    known = [one["position"] for one in timemap["items"]]
    assert known == [1, 2, 3, 4, 7]
    every = []
    for known_at in range(1, 8):
        answer = await get(told, "/v1/labs/engines", at="2020-02-01", known_at=known_at)
        every.append({k: v for k, v in answer.items() if k != "known_at"})
    changed = [1, *(n for n in range(2, 8) if every[n - 1] != every[n - 2])]
    assert set(changed) <= set(known)
    for one in timemap["items"]:
        answer = await told.get(one["uri"])
        assert answer.json()["known_at"] == {k: one[k] for k in ("position", "recorded_at")}
        assert answer.headers["memento-datetime"] == http_date(
            datetime.fromisoformat(one["recorded_at"])
        )
    before = await get(told, "/v1/labs/engines/timemap", known_at=3)
    assert [one["position"] for one in before["items"]] == [1, 2, 3]
    problem(await told.get("/v1/labs/nowhere/timemap"), 404, "unknown_name")


async def test_time_map_is_links_unless_json_is_asked_for(told: httpx.AsyncClient) -> None:
    lab = await told.get(PATH)
    path = links_of(lab)["timemap"]
    assert path == "/v1/labs/engines/timemap?at=2022-01-01"
    answer = await told.get(path, headers={"Accept": "*/*"})
    for accept in ("*/*", "application/link-format", "text/html"):
        answer = await told.get(path, headers={"Accept": accept})
        assert answer.headers["content-type"] == "application/link-format"
        assert "Accept," in answer.headers["vary"]
    instant = http_date(await recorded_at(told))
    lines = answer.text.split(",\n")
    assert lines[0] == f'<{PATH}>; rel="original timegate"'
    assert lines[1].startswith(f'<{path}>; rel="self"; type="application/link-format"; from="')
    assert lines[-1].strip() == f'<{PATH}&known_at=4>; rel="memento"; datetime="{instant}"'
    assert len(lines) == 6
    as_json = await told.get(path, headers={"Accept": "application/json"})
    assert as_json.headers["etag"] != answer.headers["etag"]
    assert [m["uri"] for m in as_json.json()["items"]] == re.findall(
        r'<([^>]*)>; rel="memento"', answer.text
    )
    head = await told.head(path, headers={"Accept": "*/*"})
    assert head.headers["content-type"] == "application/link-format"


async def test_time_map_goes_on_page_by_page(told: httpx.AsyncClient) -> None:
    found, path = [], "/v1/labs/engines/timemap?at=2022-01-01&limit=3"
    while path:
        answer = await told.get(path, headers={"Accept": "*/*"})
        found += re.findall(r'known_at=(\d+)>; rel="memento"', answer.text)
        path = links_of(answer).get("next", "")
        assert (f'<{path}>; rel="timemap"' in answer.text) == bool(path)
    assert found == ["1", "2", "3", "4"]


async def test_name_with_anything_in_it_has_its_time_map(client: httpx.AsyncClient) -> None:
    name = 'A/B, "C"; <D>'
    await record(client, {"type": "profile", "lab": {"name": name}})
    answer = await client.get(f"/v1/labs/{quote(name, safe='')}?at=2022-01-01")
    timemap = await client.get(links_of(answer)["timemap"], headers={"Accept": "*/*"})
    assert timemap.status_code == 200
    assert (await client.get(links_of(answer)["memento"])).content == answer.content


@pytest.mark.parametrize("operation", GETS, ids=lambda op: op.id)
async def test_every_get_of_json_can_be_asked_again(
    operation: Any, told: httpx.AsyncClient, made: Machinery
) -> None:
    if operation.id == "getReplay":
        started = await told.post("/v1/replays?check=true")
        path = started.headers["location"]
        while (await get(told, path))["state"] == "running":
            pass
    else:
        path = path_of(operation)
    await _assert_validated(told, path)


async def test_document_can_be_asked_again(client: httpx.AsyncClient) -> None:
    await _assert_validated(client, "/schema/openapi.json")


async def _assert_validated(client: httpx.AsyncClient, path: str) -> None:
    answer, head = await client.get(path), await client.head(path)
    tag = answer.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    assert "no-store" not in answer.headers["cache-control"]
    for method in ("GET", "HEAD"):
        unchanged = await client.request(method, path, headers={"If-None-Match": f"W/{tag}"})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == tag
    other = await client.get(path, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, answer.content)


async def test_lists_that_no_position_tells_apart_change_their_tags(
    client: httpx.AsyncClient,
) -> None:
    before = await client.get("/v1/keys")
    await client.post("/v1/keys", json={"name": "editor"})
    after = await client.get("/v1/keys", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert after.headers["cache-control"] == "private, no-cache"


async def test_pinned_answers_stand_to_the_byte(
    told: httpx.AsyncClient, database: str, tmp_path: Path
) -> None:
    """Through later writes, corrections, retractions, merged names, a replay and a restart."""
    paths = [
        f"{path_of(op)}?{query}&at=2021-06-01&known_at=4"
        for op in PAST
        for query in ("", "published_by=2021-01-01")
        if not query or any(param.name == "published_by" for param in op.params)
    ]
    before = {path: await told.get(path) for path in paths}
    assert {answer.status_code for answer in before.values()} == {200}
    assert len(paths) == len(PAST) + 8
    await record(
        told,
        hire(person="ada"),
        {"type": "profile", "person": "charles", "name": "Charles Babbage"},
        {"type": "profile", "lab": "engines", "name": "Engines Ltd", "kind": "company"},
        {"type": "same_as", "person": "charles", "into": "ada"},
        {"type": "merger", "absorbed": ["engines"], "lab": {"name": "Z"}, "date": "2021"},
        {"type": "hire", "person": {"name": "Charles"}, "lab": "Z", "date": "2021"},
    )
    await told.put(f"/v1/events/{HIRED}/retraction", json={"reason": "r"})
    await _let_replay(database)
    replayed = await told.post("/v1/replays")
    while (state := (await get(told, replayed.headers["location"]))["state"]) == "running":
        pass
    assert state == "done"
    settings = Settings(database_url=database, data_dir=tmp_path)
    async with machinery(settings, database) as made, http_client(made, None) as restarted:
        for path, answer in before.items():
            again = await restarted.get(path)
            assert again.content == answer.content, path
            kept = ("etag", "cache-control", "link", "memento-datetime", "vary")
            for name in kept:
                assert again.headers.get(name) == answer.headers.get(name), (path, name)


async def _let_replay(database: str) -> None:
    """A copy has the rows of its template, not the grants on the database itself."""
    connection = await asyncpg.connect(database)
    name = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"GRANT CREATE ON DATABASE {name} TO {ROLE}")
    await connection.close()
