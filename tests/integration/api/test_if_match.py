"""A write on condition: refused if what its client had read has moved on since, and told how."""

from typing import Any

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import HIRED, SEED, hire, position, problem, record
from tests.support.postgres import http_client

OWN_ID = "00000000-0000-4000-8000-0000000000aa"


@pytest.fixture
async def log(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the seed: ada with 7 and 8 last, engines with 8."""
    await record(client, *SEED)
    return client


def on(read_at: int) -> dict[str, str]:
    return {"If-Match": f'"{read_at}"'}


async def post(client: httpx.AsyncClient, body: Any, read_at: int) -> httpx.Response:
    return await client.post("/v1/events", json=body, headers=on(read_at))


async def test_write_goes_through_while_the_history_stands_still(log: httpx.AsyncClient) -> None:
    """Whatever is recorded about others."""
    head = await position(log)
    await record(log, hire(person={"name": "Grace"}))
    assert (await post(log, hire(), head)).status_code == 201


@pytest.mark.parametrize("name", ["ada", "Ada Lovelace", "a-lovelace", "A. LOVELACE"])
async def test_moved_person_is_told_with_what_happened_since(
    name: str, log: httpx.AsyncClient, made: Machinery
) -> None:
    """Under whatever id: those that a same_as joined are one history."""
    read_at = await position(log)
    async with http_client(made, "writer") as writer:
        (meanwhile,) = await record(writer, hire(person="a-lovelace", date="2001"))
    told = problem(await post(log, hire(person=name), read_at), 412, "history_moved")
    (since,) = told.since
    assert str(since.event_id) == meanwhile["event_id"]
    assert (since.position, since.type, since.recorded_by) == (
        read_at + 1, "hire", "test-writer",
    )  # fmt: skip
    assert f"past position {read_at}" in told.detail
    assert await position(log) == read_at + 1
    assert (await post(log, hire(person=name), read_at + 1)).status_code == 201


async def test_same_as_joins_histories_even_after_it_was_retracted(
    log: httpx.AsyncClient,
) -> None:
    mapped = (await log.get("/v1/events", params={"type": "same_as"})).json()["items"][0]
    await log.put(f"/v1/events/{mapped['event_id']}/retraction", json={"reason": "r"})
    read_at = await position(log)
    await record(log, hire(person="a-lovelace", date="2001"))
    problem(await post(log, hire(person="ada"), read_at), 412, "history_moved")


async def test_event_without_a_person_is_judged_by_its_labs(log: httpx.AsyncClient) -> None:
    closure = {"type": "closure", "lab": "engines", "date": "2030"}
    founding = {"type": "founding", "lab": "x", "founders": ["ada"], "date": "2000"}
    merger = {"type": "merger", "absorbed": ["y"], "lab": "engines", "date": "2029"}
    read_at = await position(log)
    await record(log, hire())
    problem(await post(log, closure, read_at), 412, "history_moved")
    problem(await post(log, merger, read_at), 412, "history_moved")
    # Ada has moved on; the lab that she founded has not.
    assert (await post(log, founding, read_at)).status_code == 201


async def test_of_a_lab_mapped_by_same_as_both_ids_are_one_history(
    log: httpx.AsyncClient,
) -> None:
    await record(log, {"type": "same_as", "lab": {"id": "e2", "name": "E2"}, "into": "engines"})
    read_at = await position(log)
    await record(log, hire(lab="e2"))
    problem(
        await post(log, {"type": "closure", "lab": "engines", "date": "2030"}, read_at),
        412,
        "history_moved",
    )


async def test_batch_is_judged_by_each_subject_and_not_by_itself(log: httpx.AsyncClient) -> None:
    read_at = await position(log)
    batch = [hire(date="2001"), hire(date="2002"), hire(person={"name": "New"})]
    assert (await post(log, batch, read_at)).status_code == 201
    both = [hire(person="wei-wang"), hire(person="ada", date="2003")]
    problem(await post(log, both, read_at), 412, "history_moved")
    assert await position(log) == read_at + 3
    assert (await post(log, both[:1], read_at)).status_code == 201


@pytest.mark.parametrize("what", ["correction", "retraction"])
async def test_correction_is_judged_by_the_revision_of_its_event(
    what: str, log: httpx.AsyncClient
) -> None:
    path = f"/v1/events/{HIRED}/{what}"
    body = {"reason": "r"} | (hire() if what == "correction" else {})
    await record(log, hire(date="2001"))
    revision = (await log.get(f"/v1/events/{HIRED}")).json()["revision"]
    assert revision == len(SEED)
    told = problem(await log.put(path, json=body, headers=on(revision - 1)), 412, "history_moved")
    assert [s.position for s in told.since] == [revision]
    assert HIRED in told.detail
    # That ada has moved on does not concern this event.
    first = await log.put(path, json=body, headers=on(revision))
    assert first.status_code == 201, first.text
    told = problem(await log.put(path, json=body, headers=on(revision)), 412, "history_moved")
    assert [s.position for s in told.since] == [first.json()["position"]]
    posted = {"type": "retraction", "target": HIRED, "reason": "r"}
    problem(await post(log, posted, revision), 412, "history_moved")
    assert (await post(log, posted, first.json()["position"])).status_code == 201


async def test_repeat_is_answered_however_old_its_condition(log: httpx.AsyncClient) -> None:
    read_at = await position(log)
    by_key = {**on(read_at), "Idempotency-Key": "k"}
    first = await log.post("/v1/events", json=hire(), headers=by_key)
    own = hire(event_id=OWN_ID, date="2001")
    by_id = await post(log, own, read_at + 1)
    await record(log, hire(date="2002"))
    again = await log.post("/v1/events", json=hire(), headers=by_key)
    assert (again.status_code, again.content) == (200, first.content)
    again = await post(log, own, read_at + 1)
    assert (again.status_code, again.content) == (200, by_id.content)
    problem(await post(log, [own, hire(date="2003")], read_at + 1), 412, "history_moved")


async def test_other_faults_come_first(log: httpx.AsyncClient) -> None:
    """A condition counts only where the request would be granted without it (RFC 9110, 13.2.1)."""
    problem(await post(log, hire(date="soon"), 0), 422, "invalid")
    problem(await post(log, hire(lab="Nowhere"), 0), 422, "invalid")
    told = await log.put(f"/v1/events/{OWN_ID}/retraction", json={"reason": "r"}, headers=on(0))
    problem(told, 404, "unknown_event")


async def test_events_since_are_bounded(log: httpx.AsyncClient) -> None:
    await record(log, *(hire(date=f"20{year}") for year in range(10, 35)))
    told = problem(await post(log, hire(), len(SEED)), 412)
    assert [s.position for s in told.since] == list(range(len(SEED) + 1, len(SEED) + 21))
    assert "more than 20 events" in told.detail


async def test_position_beyond_the_head_is_refused(log: httpx.AsyncClient) -> None:
    head = await position(log)
    told = problem(await post(log, hire(), head + 1), 412, "beyond_head")
    assert f"head is at {head}" in told.detail
    assert await position(log) == head


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    "sent",
    [
        "8",
        '"8',
        "*",
        'W/"8"',
        '"8", "7"',
        '"-1"',
        '"eight"',
        "",
        '"08"',
        '"' + "9" * 19 + '"',
        '"8"x',
    ],
)
async def test_what_is_no_position_in_quotes_is_refused(
    sent: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(
        await seeded.post("/v1/events", json=hire(), headers={"If-Match": sent}),
        422,
        "bad_parameter",
    )
    assert told.parameter == "If-Match"


@pytest.mark.asyncio(loop_scope="session")
async def test_condition_twice_is_refused(seeded: httpx.AsyncClient) -> None:
    headers = [("If-Match", '"8"'), ("If-Match", '"8"')]
    problem(await seeded.post("/v1/events", json=hire(), headers=headers), 422, "bad_parameter")
