"""What was erased, as it reads; and answers for the past that say that they are not what they were."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from service.api.operations import Machinery, Operation
from service.api.routes import OPERATIONS
from tests.integration.api.asking import get, hire, problem, record
from tests.support.erasing import REASON, erase_events

HIRED, CORRECTED, LEFT, RETRACTED = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 5))
HISTORY: list[dict[str, Any]] = [
    hire(
        person={"id": "ada", "name": "Ada Lovelace"},
        lab={"id": "engines", "name": "Analytical Engines"},
        date="2020",
        event_id=HIRED,
    ),
    {
        "type": "correction",
        "target": HIRED,
        "reason": "misread",
        "event": hire(person="ada", lab="engines", date="2020-02"),
        "event_id": CORRECTED,
    },
    hire(type="departure", date="2022", event_id=LEFT),
    {"type": "retraction", "target": LEFT, "reason": "She stayed.", "event_id": RETRACTED},
]
READS = {
    op.id: op
    for op in OPERATIONS
    if op.is_reading and any(param.name == "known_at" for param in op.params)
}
UNREAD = ("findings", "corrections", "at", "known_at")
QUERIES = {
    "getLabChanges": {"from": "2020-01-01", "to": "2021-01-01"},
    "ask": {"q": "who was at engines on 2021-01-01"},
}


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the history above."""
    await record(client, *HISTORY)
    return client


async def erased(made: Machinery, *ids: str) -> int:
    return (await erase_events(made.pool, *map(UUID, ids))).position


async def test_erased_event_reads_as_erased(told: httpx.AsyncClient, made: Machinery) -> None:
    """Where it stands, who recorded it and when; and what took what it said. No more."""
    before = await get(told, f"/v1/events/{LEFT}")
    position = await erased(made, LEFT)
    event = await get(told, f"/v1/events/{LEFT}")
    erasure = (await get(told, "/v1/events", after=position - 1))["items"][0]
    assert {k: v for k, v in event.items() if k not in UNREAD} == {
        **{
            field: before[field]
            for field in ("event_id", "position", "recorded_at", "recorded_by", "revision", "hash")
        },
        "type": "erased",
        "erased": {
            "position": position,
            "recorded_at": erasure["recorded_at"],
            "reason": REASON,
        },
        "current": None,
    }
    assert [one["type"] for one in event["corrections"]] == ["retraction"]


async def test_erasure_reads_with_its_reason_and_how_many_it_took(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    """Not with their ids: those of one person's events would tell which were about one."""
    position = await erased(made, LEFT, RETRACTED)
    (listed,) = (await get(told, "/v1/events", type="erasure"))["items"]
    alone = await get(told, f"/v1/events/{listed['event_id']}")
    for told_of in (listed, alone):
        assert told_of["type"] == "erasure"
        assert told_of["position"] == position
        assert (told_of["count"], told_of["reason"]) == (2, REASON)
        assert "events" not in told_of
    assert alone["corrections"] == []


async def test_list_has_both(told: httpx.AsyncClient, made: Machinery) -> None:
    """Every position is there; of its type is only what says something of the kind."""
    position = await erased(made, HIRED, RETRACTED)
    items = (await get(told, "/v1/events"))["items"]
    types = ["erased", "correction", "departure", "erased", "erasure"]
    assert [item["type"] for item in items] == types
    assert [item["position"] for item in items] == list(range(1, position + 1))
    assert [item["erased"]["position"] for item in items if item["type"] == "erased"] == [5, 5]
    assert all("erased" not in item for item in items if item["type"] != "erased")
    for type_ in ("hire", "retraction"):
        assert (await get(told, "/v1/events", type=type_))["items"] == []


async def test_chain_tells_what_of_it_was_erased(told: httpx.AsyncClient, made: Machinery) -> None:
    """An original that was said again reads with what it says now."""
    await erased(made, HIRED)
    original = await get(told, f"/v1/events/{HIRED}")
    assert original["type"] == "erased"
    assert (original["current"]["type"], original["current"]["date"]) == ("hire", "2020-02")
    assert [one["type"] for one in original["corrections"]] == ["correction"]
    amended = await get(told, f"/v1/events/{CORRECTED}")
    assert amended["effect"]["said"] is None
    assert amended["effect"]["says"]["date"] == "2020-02"


async def test_erased_retraction_reads_so_and_takes_nothing_back(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    """Whoever erases one has it said again before."""
    await erased(made, RETRACTED)
    target = await get(told, f"/v1/events/{LEFT}")
    assert target["current"]["type"] == "departure"
    (about,) = target["corrections"]
    assert (about["type"], about["erased"]["reason"]) == ("erased", REASON)
    assert target["revision"] == 4


async def test_corrections_that_were_erased_are_not_listed(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    """Nor are their reasons counted, which are gone."""
    await erased(made, RETRACTED)
    answer = await get(told, "/v1/corrections")
    assert [item["event_id"] for item in answer["items"]] == [CORRECTED]
    assert answer["total"] == 1
    assert answer["reasons"] == [{"reason": "misread", "count": 1}]


async def test_why_tells_of_an_event_that_was_said_again(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    await erased(made, HIRED, RETRACTED)
    why = await get(told, "/v1/labs/engines/members/ada/why", at="2021-01-01")
    assert why["presence"] == "certain"
    first, last = why["steps"]
    assert (first["event"]["type"], first["event"]["current"]["date"]) == ("erased", "2020-02")
    assert first["event"]["erased"]["reason"] == REASON
    assert last["event"]["type"] == "departure"
    assert [(c["type"], "erased" in c) for c in why["corrections"]] == [
        ("correction", False),
        ("erased", True),
    ]


def path_of(operation: Operation) -> str:
    names = {"lab": "engines", "person": "ada", "event_id": HIRED}
    return operation.path.replace(":str", "").format(**names)


@pytest.mark.parametrize("operation_id", READS)
async def test_answer_for_a_past_says_that_something_was_erased_since(
    operation_id: str, told: httpx.AsyncClient, made: Machinery
) -> None:
    """And who had it before is not told that it still holds."""
    path, query = path_of(READS[operation_id]), QUERIES.get(operation_id, {})
    pinned = {**query, "known_at": "3"} | ({} if query else {"at": "2021-01-01"})
    headers = {"Accept": "application/json"}
    before = await told.get(path, params=pinned, headers=headers)
    assert before.status_code == 200, before.text
    assert "erased_since" not in before.text
    held = {**headers, "If-None-Match": before.headers["etag"]}
    assert (await told.get(path, params=pinned, headers=held)).status_code == 304

    await erased(made, LEFT)
    position = await erased(made, RETRACTED)
    after = await told.get(path, params=pinned, headers=held)
    assert after.status_code == 200
    assert _known(after.json()) == {3: position}
    held = {**headers, "If-None-Match": after.headers["etag"]}
    assert (await told.get(path, params=pinned, headers=held)).status_code == 304

    now = await told.get(path, params={**query, "known_at": str(position)}, headers=headers)
    assert _known(now.json()).get(position) is None


def _known(answer: Any) -> dict[int, int | None]:
    """By the positions that an answer is for what it says was erased since."""
    sides = [answer, answer.get("before"), answer.get("after"), answer.get("answer")]
    known = [side["known_at"] for side in sides if isinstance(side, dict) and "known_at" in side]
    assert known, answer
    return {one["position"]: one.get("erased_since") for one in known}


async def test_two_states_of_knowledge_say_it_each(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    position = await erased(made, LEFT)
    answer = await get(told, "/v1/labs/engines/changes", known_from=2, known_to=position)
    assert _known(answer) == {2: position, position: None}


async def test_erased_event_is_not_corrected_over_http(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    """With a way out; and in a batch, the place."""
    await erased(made, LEFT, RETRACTED)
    body = hire(type="departure", reason="No.")
    refused = [
        await told.put(f"/v1/events/{LEFT}/correction", json=body),
        await told.put(f"/v1/events/{LEFT}/retraction", json={"reason": "No."}),
        await told.post("/v1/events", json=HISTORY[2]),
        await told.post("/v1/events", json=[HISTORY[2], HISTORY[3]]),
    ]
    for response in refused:
        document = problem(response, 409, "erased")
        assert "was erased" in document.detail
    assert [fault.pointer for fault in problem(refused[-1], 409).errors] == [
        "/0/event_id",
        "/1/event_id",
    ]
    assert (await get(told, "/v1/log"))["position"] == 5


async def test_repeat_of_an_erased_request_is_refused(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    key = {"Idempotency-Key": "once"}
    (recorded,) = (await told.post("/v1/events", json=[hire()], headers=key)).json()["events"]
    await erased(made, recorded["event_id"])
    problem(await told.post("/v1/events", json=[hire()], headers=key), 409, "erased")
    assert (await get(told, "/v1/log"))["position"] == 6


@pytest.mark.parametrize("type_", ["erasure", "erased"])
async def test_nobody_records_an_erasure_as_an_event(told: httpx.AsyncClient, type_: str) -> None:
    """Not even an admin, whose client this is."""
    said = {"type": type_, "events": [HIRED], "reason": "No."}
    for body in (said, [said]):
        document = problem(await told.post("/v1/events", json=body), 422, "invalid")
        assert document.errors[0].code == "unknown_type"
    problem(await told.put(f"/v1/events/{LEFT}/correction", json=said), 422)
    assert (await get(told, "/v1/log"))["position"] == 4
