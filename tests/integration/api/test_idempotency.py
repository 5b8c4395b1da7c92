"""A repeat is answered as the first was: by its key, or by the ids of its events."""

import asyncio
from typing import Any

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import (
    HIRED,
    SEED,
    UNKNOWN,
    get,
    hire,
    pointers,
    position,
    problem,
    record,
)
from tests.support.postgres import http_client

KEY = {"Idempotency-Key": "import-2024-06-01"}
OWN_ID = "00000000-0000-4000-8000-0000000000aa"
BODIES: dict[str, Any] = {
    "one": hire(),
    "array of one": [hire()],
    "array": [hire(), hire(person={"name": "Grace"}), {"type": "retraction", "target": HIRED, "reason": "r"}],
    "with findings": [
        hire(person={"name": "Bo"}, date=f"20{year}-01-01", lab=lab)
        for year in (15, 16, 17)
        for lab in ("engines", "x", "y")
    ],
    "with its own id": hire(event_id=OWN_ID),
}  # fmt: skip


@pytest.fixture
async def log(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the seed."""
    await record(client, *SEED)
    return client


@pytest.mark.parametrize("name", BODIES)
async def test_repeat_of_a_key_answers_the_first_answer(name: str, log: httpx.AsyncClient) -> None:
    body = BODIES[name]
    first = await log.post("/v1/events", json=body, headers=KEY)
    assert first.status_code == 201, first.text
    assert "idempotent-replayed" not in first.headers
    if name == "with findings":
        assert any(event["findings"] for event in first.json()["events"])
    head = await position(log)
    for _ in range(2):
        again = await log.post("/v1/events", json=body, headers=KEY)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        renaming = {"type": "renaming", "lab": "engines", "name": "New", "date": "2001"}
        named = {"type": "profile", "person": "ada", "name": "Ada"}
        correction = hire(person="ada", date="2000", reason="r")
        event_id = first.json().get("event_id") or first.json()["events"][0]["event_id"]
        await record(log, renaming, named)
        await log.put(f"/v1/events/{event_id}/correction", json=correction)
    assert await position(log) == head + 6


async def test_same_is_what_was_sent(log: httpx.AsyncClient) -> None:
    """White space and the order of fields say nothing; another name of the same person does."""
    assert (await log.post("/v1/events", json=hire(), headers=KEY)).status_code == 201
    spaced = b'{ "date": "2024-01-10", "lab":"engines",\n "person": "\\u0061da", "type": "hire" }'
    headers = {**KEY, "Content-Type": "application/json"}
    assert (await log.post("/v1/events", content=spaced, headers=headers)).status_code == 200
    for other in (
        hire(person="Ada Lovelace"),
        hire(date="2024-01"),
        hire(role=None),
        [hire()],
        hire(event_id=OWN_ID),
    ):
        told = await log.post("/v1/events", json=other, headers=KEY)
        problem(told, 409, "idempotency_key_taken")
    put = await log.put(f"/v1/events/{HIRED}/retraction", json={"reason": "r"}, headers=KEY)
    problem(put, 409, "idempotency_key_taken")


async def test_keys_belong_to_one_api_key(log: httpx.AsyncClient, made: Machinery) -> None:
    one = await log.post("/v1/events", json=hire(), headers=KEY)
    async with http_client(made, "writer") as writer:
        other = await writer.post("/v1/events", json=hire(date="2019"), headers=KEY)
        again = await writer.post("/v1/events", json=hire(date="2019"), headers=KEY)
    assert (one.status_code, other.status_code, again.status_code) == (201, 201, 200)
    assert other.json()["position"] == one.json()["position"] + 1
    assert (one.json()["recorded_by"], other.json()["recorded_by"]) == ("test-admin", "test-writer")


async def test_refused_request_leaves_its_key_unused(log: httpx.AsyncClient) -> None:
    for refused in (hire(date="soon"), hire(person="Nobody")):
        problem(await log.post("/v1/events", json=refused, headers=KEY), 422)
    assert (await log.post("/v1/events", json=hire(), headers=KEY)).status_code == 201


@pytest.mark.parametrize("what", ["correction", "retraction"])
async def test_repeat_of_a_correction_answers_the_first_answer(
    what: str, log: httpx.AsyncClient
) -> None:
    path = f"/v1/events/{HIRED}/{what}"
    body = {"reason": "r"} | (hire() if what == "correction" else {})
    first = await log.put(path, json=body, headers=KEY)
    assert first.status_code == 201, first.text
    again = await log.put(path, json=body, headers=KEY)
    assert (again.status_code, again.content) == (200, first.content)
    problem(await log.put(path, json=body | {"reason": "s"}, headers=KEY), 409)
    own = await log.put(path, json=body | {"event_id": OWN_ID})
    assert (own.status_code, own.json()["event_id"]) == (201, OWN_ID)
    again = await log.put(path, json=body | {"event_id": OWN_ID})
    assert (again.status_code, again.content) == (200, own.content)
    told = problem(await log.put(path, json=body | {"event_id": OWN_ID, "reason": "s"}), 409)
    assert (told.type[-14:], pointers(told)) == ("event_id_taken", ["/event_id"])


async def test_repeat_of_an_event_id_answers_the_first_answer(log: httpx.AsyncClient) -> None:
    body = hire(event_id=OWN_ID)
    first = await log.post("/v1/events", json=body)
    again = await log.post("/v1/events", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == f"/v1/events/{OWN_ID}"
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    for other in (body | {"date": "2023"}, body | {"person": "Ada Lovelace"}):
        told = problem(await log.post("/v1/events", json=other), 409, "event_id_taken")
        assert pointers(told) == ["/event_id"]
        assert str(first.json()["position"]) in told.detail
        told = problem(await log.post("/v1/events", json=[hire(), other]), 409, "event_id_taken")
        assert pointers(told) == ["/1/event_id"]
    assert await position(log) == len(SEED) + 1


async def test_mixed_array_answers_known_events_with_their_old_position(
    log: httpx.AsyncClient,
) -> None:
    known = hire(event_id=OWN_ID)
    await record(log, known)
    new = hire(date="2023")
    mixed = await log.post("/v1/events", json=[new, known, new])
    assert mixed.status_code == 201
    old = len(SEED) + 1
    assert [e["position"] for e in mixed.json()["events"]] == [old + 1, old, old + 2]
    assert mixed.json()["events"][1]["event_id"] == OWN_ID
    head = await get(log, "/v1/log")
    assert mixed.json()["head"] == {"position": head["position"], "hash": head["hash"]}
    all_known = await log.post("/v1/events", json=[known, known])
    assert (all_known.status_code, all_known.headers["idempotent-replayed"]) == (200, "true")
    assert [e["position"] for e in all_known.json()["events"]] == [old, old]


async def test_event_id_twice_in_an_array_is_one_event(log: httpx.AsyncClient) -> None:
    twice = await log.post("/v1/events", json=[hire(event_id=OWN_ID)] * 2)
    assert twice.status_code == 201
    assert [e["position"] for e in twice.json()["events"]] == [len(SEED) + 1] * 2
    other = [hire(event_id=UNKNOWN), hire(event_id=UNKNOWN, date="2023")]
    told = problem(await log.post("/v1/events", json=other), 409, "event_id_taken")
    assert pointers(told) == ["/1/event_id"]
    assert await position(log) == len(SEED) + 1


async def test_same_key_at_the_same_time_records_once(log: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(
        *(log.post("/v1/events", json=[hire(), hire(date="2023")], headers=KEY) for _ in range(8))
    )
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.content for a in answers}) == 1
    assert await position(log) == len(SEED) + 2


async def test_what_was_confirmed_is_in_every_later_answer(log: httpx.AsyncClient) -> None:
    for n in range(5):
        recorded = await log.post("/v1/events", json=hire(person={"name": f"New {n}"}))
        assert int(recorded.headers["log-position"]) == recorded.json()["position"]
        answer = await get(log, "/v1/labs/engines", at="2024-01-10")
        assert answer["known_at"]["position"] == recorded.json()["position"]
        assert f"new-{n}" in [m["person"]["id"] for m in answer["members"]]
        assert (await get(log, f"/v1/people/New {n}"))["stints"]
