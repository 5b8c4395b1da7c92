"""Old ids answer for ever; people who may be one are listed and dismissed; one is not another."""

from typing import Any

import httpx
import pytest

from service.api.operations import Machinery
from service.read_models.similar_people import look
from tests.integration.api.asking import get, pointers, problem, record

HISTORY: list[dict[str, Any]] = [
    {"type": "hire", "person": {"id": "ann", "name": "Ann One"}, "lab": {"id": "x", "name": "X"},
     "date": "2020"},
    {"type": "hire", "person": {"id": "ann-2", "name": "Ann Two"}, "lab": {"id": "y", "name": "Y"},
     "date": "2021"},
    {"type": "departure", "person": {"id": "ann-3", "name": "Ann Three"}, "lab": "x",
     "date": "2022"},
    {"type": "same_as", "person": "ann-3", "into": "ann-2"},
    {"type": "same_as", "person": "ann-2", "into": "ann"},
    {"type": "same_as", "lab": {"id": "x-old", "name": "Old X"}, "into": "x"},
]  # fmt: skip
IDS = ("ann", "ann-2", "ann-3")
NAMES = ("Ann One", "ann two", "ANN THREE")


@pytest.fixture
async def joined(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The events of a chain of identities, as recorded."""
    return await record(client, *HISTORY)


@pytest.mark.parametrize("asked", [*IDS, *NAMES])
async def test_every_id_and_name_of_a_chain_answers_with_the_canonical_one(
    asked: str, client: httpx.AsyncClient, joined: list[dict[str, Any]]
) -> None:
    """In a path and in every filter."""
    person = await get(client, f"/v1/people/{asked}")
    assert person == await get(client, "/v1/people/ann")
    assert person["person"]["id"] == "ann"
    assert set(person["person"]["aliases"]) == {"Ann Two", "Ann Three"}
    assert [s["lab"]["id"] for s in person["stints"]] == ["x", "y"]
    by_filter = await get(client, "/v1/events", person=asked)
    assert [e["position"] for e in by_filter["items"]] == [1, 2, 3, 4, 5]
    findings = await get(client, "/v1/findings", person=asked)
    assert findings == await get(client, "/v1/findings", person="ann")
    corrections = await get(client, "/v1/corrections", person=asked)
    assert corrections["items"] == []
    roster = await get(client, "/v1/labs/x", at="2021-06-01")
    assert [m["person"]["id"] for m in roster["members"]] == ["ann"]


@pytest.mark.parametrize("asked", ["x-old", "Old X", "x"])
async def test_old_id_of_a_lab_answers_with_the_canonical_one(
    asked: str, client: httpx.AsyncClient, joined: list[dict[str, Any]]
) -> None:
    days = {"from": "2020-06-01", "to": "2023-01-01"}
    assert (await get(client, f"/v1/labs/{asked}"))["lab"]["id"] == "x"
    timeline = await get(client, f"/v1/labs/{asked}/timeline")
    assert [e["position"] for e in timeline["items"]] == [6, 3, 1]
    assert await get(client, f"/v1/labs/{asked}/changes", **days) == await get(
        client, "/v1/labs/x/changes", **days
    )
    filtered = await get(client, "/v1/events", lab=asked)
    assert [e["position"] for e in filtered["items"]] == [1, 3, 6]
    findings = await get(client, "/v1/findings", lab=asked)
    assert findings == await get(client, "/v1/findings", lab="x")


async def test_split_gives_each_id_its_own_again(
    client: httpx.AsyncClient, joined: list[dict[str, Any]]
) -> None:
    """And nobody's old address is lost; what was answered for before stands."""
    before = {one: (await client.get(f"/v1/people/{one}?at=2021-06-01&known_at=6")) for one in IDS}
    response = await client.put(
        f"/v1/events/{joined[4]['event_id']}/retraction", json={"reason": "they are two"}
    )
    assert response.status_code == 201, response.text
    canonical = {one: (await get(client, f"/v1/people/{one}"))["person"]["id"] for one in IDS}
    assert canonical == {"ann": "ann", "ann-2": "ann-2", "ann-3": "ann-2"}
    assert [
        [e["position"] for e in (await get(client, "/v1/events", person=one))["items"]]
        for one in ("ann", "ann-3")
    ] == [[1, 5, 7], [2, 3, 4, 5, 7]]
    for one, answer in before.items():
        again = await client.get(f"/v1/people/{one}?at=2021-06-01&known_at=6")
        assert again.content == answer.content
        assert again.json()["person"]["id"] == "ann"
    effect = (await get(client, f"/v1/events/{response.json()['event_id']}"))["effect"]
    assert [(c["person"]["id"], c["lab"]["id"]) for c in effect["changes"]] == [
        ("ann", "x"),
        ("ann-2", "x"),
        ("ann", "y"),
        ("ann-2", "y"),
    ]


async def test_id_answers_for_the_past_as_it_was_known_then(
    client: httpx.AsyncClient, joined: list[dict[str, Any]]
) -> None:
    assert [
        (await get(client, "/v1/people/ann-3", known_at=known_at))["person"]["id"]
        for known_at in (3, 4, 5)
    ] == ["ann-3", "ann-2", "ann"]


TWINS: list[dict[str, Any]] = [
    {"type": "hire", "person": {"id": one, "name": "Wei Wang"}, "lab": {"id": "x", "name": "X"},
     "date": "2020"}
    for one in ("w-1", "w-2", "w-3")
]  # fmt: skip
LISTED = "/v1/findings?kind=possible_same_person"


@pytest.fixture
async def twins(client: httpx.AsyncClient, made: Machinery) -> httpx.AsyncClient:
    """A client of a log with three people of one name who were looked at."""
    await record(client, *TWINS)
    await look_at_all(made)
    return client


async def look_at_all(made: Machinery) -> None:
    async with made.pool.acquire() as connection:
        while await look(connection):
            pass


def named(answer: Any) -> list[tuple[str, str]]:
    return [(i["person"]["id"], i["other"]["id"]) for i in answer]


async def test_people_who_may_be_one_are_listed_in_the_shape_of_findings(
    twins: httpx.AsyncClient,
) -> None:
    answer = await get(twins, LISTED)
    assert named(answer["items"]) == [("w-1", "w-2"), ("w-1", "w-3"), ("w-2", "w-3")]
    first = answer["items"][0]
    assert first["kind"] == "possible_same_person"
    assert [lab["id"] for lab in first["labs"]] == ["x"]
    assert first["detail"] == "Wei Wang (w-1) and Wei Wang (w-2) share a name and may be one."
    assert (answer["looked_at"], answer["next"]) == (3, None)
    assert named((await get(twins, f"{LISTED}&person=w-3"))["items"]) == [
        ("w-1", "w-3"),
        ("w-2", "w-3"),
    ]
    assert len((await get(twins, f"{LISTED}&lab=x"))["items"]) == 3
    assert {i["kind"] for i in (await get(twins, "/v1/findings"))["items"]} == set()


async def test_pairs_are_paged_exactly(twins: httpx.AsyncClient) -> None:
    found, url = [], f"{LISTED}&limit=1&at=2021-01-01"
    while url:
        response = await twins.get(url)
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-cache"
        found += named(response.json()["items"])
        await record(twins, {"type": "profile", "lab": {"name": f"Lab {len(found)}"}})
        url = response.links.get("next", {}).get("url", "")
    assert found == [("w-1", "w-2"), ("w-1", "w-3"), ("w-2", "w-3")]


async def test_answer_is_not_told_to_be_unchanged_when_pairs_are_found(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    """The log did not move; the tag is of what is shown beside it too."""
    await record(client, *TWINS)
    before = await client.get(LISTED)
    tag = {"If-None-Match": before.headers["etag"]}
    assert (await client.get(LISTED, headers=tag)).status_code == 304
    await look_at_all(made)
    response = await client.get(LISTED, headers=tag)
    assert response.status_code == 200
    again = await client.get(LISTED, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_dismissed_pair_is_gone_at_once(twins: httpx.AsyncClient) -> None:
    await record(twins, {"type": "different_from", "person": "w-3", "other": "w-1"})
    assert named((await get(twins, LISTED))["items"]) == [("w-1", "w-2"), ("w-2", "w-3")]
    await record(twins, {"type": "same_as", "person": "w-1", "into": "w-2"})
    assert named((await get(twins, LISTED))["items"]) == []


async def test_answers_for_the_past_show_no_pairs(twins: httpx.AsyncClient) -> None:
    for query in ("known_at=2", "at=2020-01-01&known_at=3"):
        told = problem(await twins.get(f"{LISTED}&{query}"), 422, "bad_parameter")
        assert told.parameter == "known_at"


async def test_cursor_of_the_other_list_is_refused(twins: httpx.AsyncClient) -> None:
    cursor = (await get(twins, f"{LISTED}&limit=1"))["next"]
    told = problem(await twins.get(f"/v1/findings?cursor={cursor}"), 422, "bad_parameter")
    assert told.parameter == "cursor"
    await record(twins, *(TWINS[:2] * 2))
    cursor = (await get(twins, "/v1/findings?limit=1"))["next"]
    assert cursor is not None
    told = problem(await twins.get(f"{LISTED}&cursor={cursor}"), 422, "bad_parameter")
    assert told.parameter == "cursor"


@pytest.mark.parametrize("kind", ["person", "lab"])
async def test_nobody_is_another_than_themselves(kind: str, client: httpx.AsyncClient) -> None:
    """Whichever name says so; nor by a correction."""
    await record(
        client, {"type": "profile", kind: {"id": "one", "name": "One"}, "aliases": ["Uno"]}
    )
    own = {"type": "different_from", kind: "one", "other": "uno"}
    told = problem(await client.post("/v1/events", json=own), 422)
    assert pointers(told) == ["/other"]
    assert told.errors[0].code == "self_difference"
    two = {"id": "two", "name": "Two"}
    (recorded,) = await record(client, {**own, "other": two})
    path = f"/v1/events/{recorded['event_id']}/correction"
    told = problem(await client.put(path, json={**own, "reason": "r"}), 422)
    assert told.errors[0].code == "self_difference"


async def test_different_from_nobody_is_refused_with_near_names(client: httpx.AsyncClient) -> None:
    await record(client, *TWINS[:1])
    said = {"type": "different_from", "person": "Wei Wong", "other": "Wai Wang"}
    told = problem(await client.post("/v1/events", json=said), 422)
    assert pointers(told) == ["/person", "/other"]
    assert [c.id for c in told.suggestions] == ["w-1", "w-1"]
