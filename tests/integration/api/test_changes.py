"""A lab on two days, and on one day in two states of knowledge."""

from typing import Any

import httpx
import pytest

from tests.integration.api.asking import get, problem, record

PATH = "/v1/labs/x/changes"
HISTORY: list[dict[str, Any]] = [
    {"type": "hire", "person": {"id": "ann", "name": "Ann"}, "lab": {"id": "x", "name": "X"},
     "date": "2020-01-01", "role": "Engineer"},
    {"type": "hire", "person": {"id": "bob", "name": "Bob"}, "lab": "x", "date": "2020-03-01"},
    {"type": "role_change", "person": "ann", "lab": "x", "date": "2021-01-01", "role": "Lead"},
    {"type": "departure", "person": "bob", "lab": "x", "date": "2021-05-01"},
    {"type": "hire", "person": {"id": "cid", "name": "Cid"}, "lab": "x", "date": "2021-06-01"},
    {"type": "renaming", "lab": "x", "name": "X Labs", "date": "2021-07-01"},
    {"type": "merger", "absorbed": ["x"], "lab": {"id": "y", "name": "Y"}, "date": "2022-01-01"},
]  # fmt: skip


def ids(changes: list[dict[str, Any]]) -> list[str]:
    return [change["person"]["id"] for change in changes]


async def test_two_days_tell_who_joined_left_and_changed(client: httpx.AsyncClient) -> None:
    await record(client, *HISTORY)
    answer = await get(client, PATH, **{"from": "2020-06-01", "to": "2021-12-01"})
    assert (ids(answer["joined"]), ids(answer["left"])) == (["cid"], ["bob"])
    (ann,) = answer["changed"]
    assert ann["fields"] == ["role"]
    assert (ann["before"]["role"], ann["after"]["role"]) == ("Engineer", "Lead")
    assert answer["carried"] == []
    assert answer["lab_fields"] == ["name"]
    for side, at in (("before", "2020-06-01"), ("after", "2021-12-01")):
        lab = await get(client, "/v1/labs/x", at=at)
        assert answer[side]["headcount"] == lab["headcount"]
        assert (answer[side]["at"], answer[side]["known_at"]) == (at, lab["known_at"])
    members = (await get(client, "/v1/labs/x", at="2021-12-01"))["members"]
    assert answer["joined"][0]["after"] in members, "the line is that of the roster"


async def test_who_was_carried_along_is_told_apart(client: httpx.AsyncClient) -> None:
    await record(client, *HISTORY)
    days = {"from": "2021-12-01", "to": "2022-06-01"}
    left = await get(client, PATH, **days)
    came = await get(client, "/v1/labs/y/changes", **days)
    for answer in (left, came):
        assert ids(answer["carried"]) == ["ann", "cid"]
        assert {(c["from_lab"]["id"], c["to_lab"]["id"]) for c in answer["carried"]} == {("x", "y")}
        assert answer["joined"] == answer["left"] == []
    assert left["lab_fields"] == ["status"]
    assert left["after"]["lab"]["successor"] == {"id": "y", "name": "Y"}


async def test_two_states_of_knowledge_tell_who_is_believed_to_be_there_now(
    client: httpx.AsyncClient,
) -> None:
    """With what was recorded in between."""
    events = await record(client, *HISTORY)
    retracted = await client.put(
        f"/v1/events/{events[0]['event_id']}/retraction", json={"reason": "made up"}
    )
    corrected = await client.put(
        f"/v1/events/{events[1]['event_id']}/correction",
        json={"type": "hire", "person": "bob", "lab": "x", "date": "2020-02", "reason": "r"},
    )
    asked = {"known_from": 1, "known_to": 9, "at": "2020-12-31"}
    answer = await get(client, PATH, **asked)
    assert [(s["at"], s["known_at"]["position"]) for s in (answer["before"], answer["after"])] == [
        ("2020-12-31", 1),
        ("2020-12-31", 9),
    ]
    # Of Ann only a role change says any more that she was there.
    (ann,) = answer["changed"]
    assert (ann["person"]["id"], ann["fields"]) == (
        "ann",
        ["presence", "role", "since", "until", "last_evidence"],
    )
    assert [e["event_id"] for e in ann["recorded_between"]] == [
        events[2]["event_id"],
        retracted.json()["event_id"],
    ]
    (bob,) = answer["joined"]
    assert [e["event_id"] for e in bob["recorded_between"]] == [
        events[1]["event_id"],
        events[3]["event_id"],
        corrected.json()["event_id"],
    ]
    assert [e["type"] for e in answer["lab_events_between"]] == [
        "renaming",
        "merger",
        "retraction",
    ], "the hire had said a name of the lab"
    assert answer["lab_fields"] == ["ended", "successor"]


async def test_ids_that_are_one_by_now_are_one_line(client: httpx.AsyncClient) -> None:
    """And apart again after a split."""
    one, two = HISTORY[0], {**HISTORY[0], "person": {"id": "a-nn", "name": "A. Nn"}}
    same_as = {"type": "same_as", "person": "a-nn", "into": "ann"}
    *_, joined = await record(client, one, two, same_as)
    at = {"at": "2020-01-01"}
    answer = await get(client, PATH, known_from=2, known_to=3, **at)
    assert [len(answer[k]) for k in ("joined", "left", "carried", "changed")] == [0, 0, 0, 0]
    assert [answer[side]["headcount"]["certain"] for side in ("before", "after")] == [2, 1]
    await client.put(f"/v1/events/{joined['event_id']}/retraction", json={"reason": "they are two"})
    answer = await get(client, PATH, known_from=3, known_to=4, **at)
    assert ids(answer["joined"]) == ["a-nn"]
    assert [e["type"] for e in answer["joined"][0]["recorded_between"]] == ["retraction"]


async def test_merger_that_became_known_carried_people_along(client: httpx.AsyncClient) -> None:
    await record(client, *HISTORY)
    asked = {"known_from": 6, "known_to": 7, "at": "2023-01-01"}
    absorbed, successor = [
        await get(client, f"/v1/labs/{lab}/changes", **asked) for lab in ("x", "y")
    ]
    for answer in (absorbed, successor):
        assert ids(answer["carried"]) == ["ann", "cid"]
        assert answer["left"] == answer["joined"] == []
    assert successor["before"]["lab"]["status"] is None, "nobody knew of it"


async def test_two_days_are_compared_as_far_as_they_were_public(
    client: httpx.AsyncClient,
) -> None:
    def public(event: dict[str, Any], on: str) -> dict[str, Any]:
        return event | {"sources": [{"url": "https://example.org/a", "published": on}]}

    await record(client, public(HISTORY[0], "2020-01-01"), public(HISTORY[1], "2022-01-01"))
    asked = {"from": "2019-06-01", "to": "2020-06-01"}
    then = await get(client, PATH, published_by="2021-01-01", **asked)
    assert ids(then["joined"]) == ["ann"]
    assert (then["published_by"], then["undated_events"]) == ("2021-01-01", 0)
    assert ids((await get(client, PATH, **asked))["joined"]) == ["ann", "bob"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("query", "parameter", "reason"),
    [
        ("", "from", "missing"),
        ("from=2020-01-01", "to", "missing"),
        ("to=2020-01-01", "from", "missing"),
        ("known_from=1", "known_to", "missing"),
        ("known_to=1", "known_from", "missing"),
        ("from=2021-01-01&to=2020-01-01", "from", "later"),
        ("known_from=3&known_to=2", "known_from", "later"),
        ("from=2020-01-01&to=2021-01-01&known_from=1&known_to=2", "known_from", "together"),
        ("from=2020-01-01&known_to=2", "known_to", "together"),
        ("from=2020-01-01&to=2021-01-01&at=2020-01-01", "at", "does not go"),
        ("known_from=1&known_to=2&known_at=2", "known_at", "does not go"),
        ("known_from=1&known_to=2&published_by=2021-01-01", "published_by", "does not go"),
        ("known_from=1&known_to=999999", "known_to", "999999"),
        ("known_from=-1&known_to=2", "known_from", "-1"),
        ("known_from=soon&known_to=2", "known_from", "soon"),
        ("from=2020-02-30&to=2021-01-01", "from", "2020-02-30"),
        ("known_at=999999&from=2020-01-01&to=2021-01-01", "known_at", "999999"),
    ],
)
async def test_question_without_sense_is_refused_by_name(
    query: str, parameter: str, reason: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.get(f"{PATH}?{query}"), 422, "bad_parameter")
    assert told.parameter == parameter
    assert reason in told.detail


@pytest.mark.asyncio(loop_scope="session")
async def test_lab_that_nobody_knows_is_404(seeded: httpx.AsyncClient) -> None:
    days = "from=2020-01-01&to=2021-01-01"
    problem(await seeded.get(f"/v1/labs/nowhere/changes?{days}"), 404, "unknown_name")


@pytest.mark.asyncio(loop_scope="session")
async def test_pinned_comparison_is_immutable(seeded: httpx.AsyncClient) -> None:
    days = "from=2020-01-01&to=2021-01-01"
    pinned = await seeded.get(f"{PATH}?{days}&known_at=5")
    knowledge = await seeded.get(f"{PATH}?known_from=4&known_to=5&at=2020-01-01")
    for response in (pinned, knowledge):
        assert response.status_code == 200, response.text
        assert "immutable" in response.headers["cache-control"]
        asked = {"If-None-Match": response.headers["etag"]}
        again = await seeded.get(str(response.request.url), headers=asked)
        assert (again.status_code, again.content) == (304, b"")
    for query in (days, "known_from=4&known_to=5"):
        response = await seeded.get(f"{PATH}?{query}")
        assert "immutable" not in response.headers["cache-control"]
