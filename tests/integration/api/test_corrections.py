"""What a correction changed, told afterwards: on the event and in the list of corrections."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.answers import corrections
from service.api.operations import Machinery
from service.app import CHANCE
from service.recording.admission import Chance
from tests.integration.api.asking import get, problem, record
from tests.support.builders import correction, entity, event_id, hire, retraction
from tests.support.histories import command, commit_group, submission

ANN = str(event_id(1))
MERGED = str(event_id(4))


def said(type_: str, number: int | None = None, **fields: Any) -> dict[str, Any]:
    own = {} if number is None else {"event_id": str(event_id(number))}
    return {"type": type_, **own, **fields}


HISTORY = [
    said("hire", 1, person={"id": "ann", "name": "Ann"}, lab={"id": "x", "name": "X"}, date="2020"),
    said("hire", 2, person={"id": "bob", "name": "Bob"}, lab="x", date="2020-03-01"),
    said("departure", 3, person="ann", lab="x", date="2021-05-01"),
    said("merger", 4, absorbed=["x"], lab={"id": "y", "name": "Y"}, date="2022-01-01"),
]


async def put(client: httpx.AsyncClient, of: str, what: str, **body: Any) -> dict[str, Any]:
    response = await client.put(f"/v1/events/{of}/{what}", json=body)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_correction_tells_before_and_after(client: httpx.AsyncClient) -> None:
    """The same on the correction itself, in the chain of the original and in the list."""
    await record(client, *HISTORY)
    source = {"url": "https://example.org/cv", "published": "2024-05-06"}
    own = await put(
        client, ANN, "correction", type="hire", person="ann", lab="x", date="2019-07-01",
        sources=[source], reason="her own page says so",
    )  # fmt: skip
    (item,) = (await get(client, "/v1/corrections"))["items"]
    effect = item["effect"]
    assert (await get(client, f"/v1/events/{own['event_id']}"))["effect"] == effect
    (in_chain,) = (await get(client, f"/v1/events/{ANN}"))["corrections"]
    assert in_chain["effect"] == effect

    assert item["target"] == {"event_id": ANN, "position": 1, "type": "hire"}
    assert (item["reason"], item["recorded_by"]) == ("her own page says so", "test-admin")
    assert item["sources"][0]["url"] == source["url"]
    assert (effect["said"]["date"], effect["says"]["date"]) == ("2020", "2019-07-01")
    (change,) = effect["changes"]
    assert (change["person"]["id"], change["lab"]["id"]) == ("ann", "x")
    assert [s["start"]["date"] for s in (*change["before"], *change["after"])] == [
        "2020",
        "2019-07-01",
    ]
    (stint,) = (await get(client, "/v1/people/ann"))["stints"]
    assert change["after"] == [stint], "in the form of the person's answer"
    assert [(h["from"], h["to"], h["certain"], h["possible"]) for h in effect["headcounts"]] == [
        ("2019-07-01", "2019-12-31", 1, 0),
        ("2020-01-01", "2020-12-30", 1, -1),
    ]
    assert [(r["lab"]["id"], r["from"], r["to"]) for r in effect["rosters"]] == [
        ("x", "2019-07-01", "2020-12-30")
    ]


async def test_retracted_merger_tells_of_all_whom_it_had_carried(
    client: httpx.AsyncClient,
) -> None:
    await record(client, *HISTORY)
    own = await put(client, MERGED, "retraction", reason="it never came about")
    effect = (await get(client, f"/v1/events/{own['event_id']}"))["effect"]
    assert (effect["said"]["type"], effect["says"]) == ("merger", None)
    assert [(c["person"]["id"], c["lab"]["id"]) for c in effect["changes"]] == [
        ("bob", "x"),
        ("bob", "y"),
    ]
    assert effect["changes"][1]["after"] == []
    assert [(r["lab"]["id"], r["from"], r["to"]) for r in effect["rosters"]] == [
        # Of a stay that no merger ends nothing is certain after the last evidence.
        ("x", "2020-03-02", None),
        ("y", "2022-01-01", None),
    ]


async def test_findings_that_arose_and_went_are_told(client: httpx.AsyncClient) -> None:
    await record(client, *HISTORY)
    gone = await put(client, ANN, "retraction", reason="made up")
    back = await put(client, ANN, "correction", type="hire", person="ann", lab="x", date="2020",
                     reason="it was true")  # fmt: skip
    for event, which in ((gone, "arising"), (back, "going")):
        findings = (await get(client, f"/v1/events/{event['event_id']}"))["effect"]["findings"]
        assert [f["kind"] for f in findings[which]] == ["unknown_start"]
        assert sum(map(len, findings.values())) == 1
    chain = (await get(client, f"/v1/events/{ANN}"))["corrections"]
    assert [c["effect"]["said"] is None for c in chain] == [False, True]


async def test_how_long_the_old_word_stood_is_exact(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """From the word that was replaced, a correction before included, not from the original."""
    began = datetime(2024, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    first = hire(entity("ann", "Ann"), at=entity("x", "X"), on="2020")
    steps: list[tuple[timedelta, Any]] = [
        (timedelta(0), submission(first, event_id(1))),
        (timedelta(days=2, microseconds=1), correction(1, hire("ann", at="x", on="2019"))),
        (timedelta(days=2, seconds=90), retraction(1)),
    ]
    for after, payload in steps:
        instant = began + after
        chance = Chance(
            now=lambda instant=instant: instant,  # type: ignore[misc]  # a default binds the loop's value
            new_id=CHANCE.new_id,
            new_salt=CHANCE.new_salt,
        )
        await commit_group(made.pool, command(payload), chance=chance)
    items = (await get(client, "/v1/corrections"))["items"]
    assert [(i["effect"]["stood"]["days"], i["effect"]["stood"]["seconds"]) for i in items] == [
        (0, 89.999999),
        (2, 172800.000001),
    ]


async def test_each_event_of_a_batch_has_its_own_effect(client: httpx.AsyncClient) -> None:
    """Rows that live for one position only tell it exactly."""
    events = await record(
        client,
        *HISTORY,
        *(
            said("correction", target=ANN, reason="again",
                 event={"type": "hire", "person": "ann", "lab": "x", "date": year})
            for year in ("2018", "2017", "2016")
        ),
    )  # fmt: skip
    assert [e["position"] for e in events[-3:]] == [5, 6, 7]
    items = (await get(client, "/v1/corrections"))["items"]
    starts = [
        [
            stints[0]["start"]["date"]
            for c in i["effect"]["changes"]
            for stints in (c["before"], c["after"])
        ]
        for i in items
    ]
    assert starts == [["2017", "2016"], ["2018", "2017"], ["2020", "2018"]]


async def test_list_is_paged_filtered_and_counted(client: httpx.AsyncClient) -> None:
    await record(client, *HISTORY)
    hired = {"type": "hire", "person": "ann", "lab": "x"}
    for year in ("2016", "2017", "2018"):
        await put(client, ANN, "correction", **hired, date=year, reason="misread")
    await put(client, str(event_id(2)), "retraction", reason="made up")

    whole = await get(client, "/v1/corrections")
    assert [i["position"] for i in whole["items"]] == [8, 7, 6, 5]
    assert whole["total"] == 4
    assert whole["reasons"] == [
        {"reason": "misread", "count": 3},
        {"reason": "made up", "count": 1},
    ]
    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = await get(client, "/v1/corrections", limit=3, **cursor)
        assert (page["total"], page["reasons"]) == (4, whole["reasons"])
        pages += page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else None
        # What is recorded meanwhile is on none of these pages.
        await put(client, ANN, "correction", **hired, date="2015", reason="later")
    assert pages == whole["items"]

    async def positions(**filters: Any) -> list[int]:
        return [
            i["position"]
            for i in (await get(client, "/v1/corrections", known_at=8, **filters))["items"]
        ]

    today = datetime.now(UTC).date()
    assert await positions(type="retraction") == [8]
    assert await positions(person="bob") == [8]
    assert await positions(lab="X", type="correction") == [7, 6, 5]
    assert await positions(lab="y") == []
    assert await positions(recorded_by="nobody") == []
    assert await positions(recorded_by="test-admin", recorded_from=today - timedelta(1)) == [
        8,
        7,
        6,
        5,
    ]
    assert await positions(recorded_from=today + timedelta(2)) == []
    assert await positions(recorded_to=today - timedelta(2)) == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("type=hire", "type"),
        ("recorded_from=2024-13-01", "recorded_from"),
        ("recorded_by=%20", "recorded_by"),
        ("person=Nobody", "person"),
        ("cursor=x", "cursor"),
        ("reason=x", "reason"),
    ],
)
async def test_bad_filter_is_refused_by_name(
    query: str, parameter: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.get(f"/v1/corrections?{query}"), 422)
    assert told.parameter == parameter


async def test_pinned_list_stands(client: httpx.AsyncClient) -> None:
    await record(client, *HISTORY)
    await put(client, ANN, "retraction", reason="made up")
    asked = "/v1/corrections?at=2021-01-01&known_at=5"
    first = await client.get(asked)
    assert "immutable" in first.headers["cache-control"]
    await put(client, ANN, "correction", type="hire", person={"id": "ann", "name": "Anne"}, lab="x",
              date="2001", reason="it was true")  # fmt: skip
    again = await client.get(asked)
    assert again.content == first.content


async def test_what_was_read_can_still_be_put_back(client: httpx.AsyncClient) -> None:
    """The effects are of the day asked for, and no fields of an event."""
    await record(client, *HISTORY)
    await put(
        client, ANN, "correction", type="hire", person="ann", lab="x", date="2018", reason="r"
    )
    read = await get(client, f"/v1/events/{ANN}", at="2019-01-01")
    response = await client.put(
        f"/v1/events/{ANN}/correction", json={**read, "date": "2017", "reason": "r"}
    )
    assert response.status_code == 201, response.text
    assert UUID(response.json()["event_id"]) != UUID(ANN)


async def test_effect_of_very_many_is_told_the_same(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told beside the other requests; a list shows some of the people, the event all."""
    await record(client, *HISTORY)
    own = await put(client, MERGED, "retraction", reason="it never came about")
    path = f"/v1/events/{own['event_id']}"
    at_once = await get(client, path)
    monkeypatch.setattr(corrections, "CHANGES_AT_ONCE_MAX", 0)
    monkeypatch.setattr(corrections, "CHANGES_SHOWN_MAX", 1)
    assert await get(client, path) == at_once
    (listed,) = (await get(client, "/v1/corrections"))["items"]
    whole = at_once["effect"]
    assert listed["effect"] == {**whole, "changes": whole["changes"][:1]}
    assert (len(whole["changes"]), listed["effect"]["changes_total"]) == (2, 2)
