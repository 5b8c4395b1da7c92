"""Lists: whole, without gap or repeat, while events are recorded meanwhile; and their filters."""

import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.api import cursors
from service.api.operations import Machinery
from service.log.read import LogIdentity
from tests.integration.api.asking import get, hire, problem, record

LAB = {"id": "x", "name": "X"}
NAMES = ["Ann", "Ann B", "ann.b", "Émile", "Bo", "bo 2", "李", "Ann Bo", "A"]


async def pages(client: httpx.AsyncClient, path: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a list by their links, with an event recorded after each."""
    url = path
    while url:
        response = await client.get(url)
        assert response.status_code == 200, response.text
        answer = response.json()
        yield answer["items"]
        await record(client, hire(person={"name": f"Ann {uuid4()}"}, lab={"name": f"A {uuid4()}"}))
        url = response.links.get("next", {}).get("url", "")
        assert bool(url) == (answer["next"] is not None)
        assert not url or answer["next"] in url


@pytest.fixture
async def full(client: httpx.AsyncClient) -> httpx.AsyncClient:
    people = [hire(person={"name": name}, lab=LAB, date="2020") for name in NAMES]
    labs = [{"type": "profile", "lab": {"name": name}} for name in NAMES]
    again = [hire(person="Ann", lab="x", date=f"20{n}-02-01") for n in range(21, 30)]
    await record(client, *people, *labs, *again)
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/v1/events",
        "/v1/events?type=hire",
        "/v1/events?person=Ann&from=2022-01-01",
        "/v1/labs",
        "/v1/labs?at=2020-06-01&q=a",
        "/v1/labs/x/timeline",
        "/v1/people",
        "/v1/people?q=ann",
        "/v1/people?q=b",
        "/v1/findings",
        "/v1/findings?person=Ann",
    ],
)
async def test_pages_make_the_whole_list(path: str, full: httpx.AsyncClient) -> None:
    """The list as known when its first page was asked for, whatever is recorded meanwhile."""
    glue = "&" if "?" in path else "?"
    for limit in (1, 2, 4):
        whole = (await get(full, f"{path}{glue}limit=1000"))["items"]
        assert len(whole) >= 4
        found = [page async for page in pages(full, f"{path}{glue}limit={limit}")]
        assert all(len(page) == limit for page in found[:-1])
        assert [item for page in found for item in page] == whole


async def test_people_are_searched_best_first(full: httpx.AsyncClient) -> None:
    """Those whose name has the words, the nearest first; then those whose name is near them."""
    found = (await get(full, "/v1/people?q=ann b"))["items"]
    assert [person["name"] for person in found] == ["Ann B", "Ann Bo", "ann.b", "Ann"]


async def test_cursor_of_another_search_is_refused(full: httpx.AsyncClient) -> None:
    first = await get(full, "/v1/people?q=ann&limit=1")
    told = await full.get("/v1/people", params={"q": "Émile", "cursor": first["next"]})
    assert problem(told, 422, "bad_parameter").parameter == "cursor"


async def test_labs_are_sorted_by_name(full: httpx.AsyncClient) -> None:
    labs = (await get(full, "/v1/labs"))["items"]
    assert [lab["name"] for lab in labs] == [
        "A", "Ann", "Ann B", "Ann Bo", "ann.b", "Bo", "bo 2", "Émile", "X", "李",
    ]  # fmt: skip


async def test_timeline_is_newest_first(full: httpx.AsyncClient) -> None:
    items = (await get(full, "/v1/labs/x/timeline"))["items"]
    positions = [item["position"] for item in items]
    assert positions == sorted(positions, reverse=True)
    assert len(items) == 2 * len(NAMES)
    earlier = (await get(full, "/v1/labs/x/timeline", known_at=3))["items"]
    assert [item["position"] for item in earlier] == [3, 2, 1]


async def test_next_page_answers_for_the_first_ones_time(full: httpx.AsyncClient) -> None:
    first = await get(full, "/v1/events?limit=1")
    await record(full, hire(person="Ann", lab="x"))
    second = await get(full, f"/v1/events?limit=1&cursor={first['next']}")
    assert second["known_at"] == first["known_at"]


async def test_events_are_filtered(client: httpx.AsyncClient) -> None:
    one, other, _, _, _ = await record(
        client,
        hire(person={"name": "Ann"}, lab=LAB, date="2020-05"),
        hire(person={"name": "Bo"}, lab={"name": "Y"}, date="2021~"),
        {"type": "departure", "person": "Ann", "lab": "x", "date": "[2024..]"},
        {"type": "profile", "person": "Bo", "aliases": ["B"]},
        {"type": "closure", "lab": "Y", "date": "2022-02-02"},
    )
    corrected = {"person": "Bo", "lab": "x", "date": "2019"}
    await client.put(f"/v1/events/{one['event_id']}/correction", json=hire(**corrected, reason="r"))
    for query, positions in {
        "": [1, 2, 3, 4, 5, 6],
        "type=hire": [1, 2],
        "type=correction": [6],
        "person=ann": [1, 3, 6],
        "person=B": [2, 4, 6],
        "lab=X": [1, 3, 6],
        "lab=y&type=hire": [2],
        "person=ann&lab=y": [],
        "from=2022-12-31": [2, 3],
        "from=2023-01-01": [3],
        "to=2019-12-31": [6],
        "to=2020-01-01": [2, 6],
        "from=2020-05-31&to=2020-05-31": [1, 2],
        "from=2020-06-01&to=2020-06-01": [2],
        "after=4": [5, 6],
        "after=6": [],
        "after=100": [],
        "after=1&limit=2": [2, 3],
        "known_at=2": [1, 2],
    }.items():
        items = (await get(client, f"/v1/events?{query}"))["items"]
        assert [item["position"] for item in items] == positions, query
    assert other["position"] == 2


async def test_cursor_of_another_log_is_refused(full: httpx.AsyncClient, made: Machinery) -> None:
    first = await get(full, "/v1/events?limit=1")
    cursor = cursors.from_text(first["next"], made.identity)
    for identity in (
        LogIdentity(made.new_id(), made.identity.epoch),
        LogIdentity(made.identity.log_id, made.identity.epoch + 1),
    ):
        other = cursors.to_text(cursor, identity)
        told = problem(await full.get(f"/v1/events?cursor={other}"), 422, "bad_parameter")
        assert told.parameter == "cursor"
        assert "another log" in told.detail


@pytest.mark.parametrize(
    ("position", "place"),
    [
        ("1", "9" * 30),
        ("1", "-1"),
        ("1", "٣"),
        ("1", "a\0"),
        ("9" * 30, "1"),
        ("-1", "1"),
        ("1000", "1"),
        ("x", "1"),
        ("1", f"{9 * 10**30}.{9 * 10**30}"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/events", "/v1/labs", "/v1/people", "/v1/findings", "/v1/labs/x/timeline"]
)
@pytest.mark.asyncio(loop_scope="session")
async def test_forged_cursor_does_no_harm(
    path: str, position: str, place: str, seeded: httpx.AsyncClient
) -> None:
    given = (await get(seeded, "/v1/events?limit=1"))["next"]
    log_id, epoch, _, _ = base64.urlsafe_b64decode(given + "==").decode().split(".", 3)
    text = f"{log_id}.{epoch}.{position}.{place}"
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    response = await seeded.get(path, params={"cursor": cursor})
    assert response.status_code in (200, 422), response.text
    if position != "1" or "\0" in place:
        problem(response, 422, "bad_parameter")
