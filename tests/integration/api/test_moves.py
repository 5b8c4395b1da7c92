"""Moves and flows over HTTP: filters, pages, counts that open to their rows, and refusals."""

from typing import Any

import httpx
import pytest

from service.answers import views
from tests.integration.api.asking import get, hire, problem, record

X, Y, Z = ({"id": one, "name": one.upper()} for one in "xyz")


def left(person: str, lab: str, on: str) -> dict[str, Any]:
    return {"type": "departure", "person": person, "lab": lab, "date": on}


HISTORY: list[dict[str, Any]] = [
    hire(person={"id": "ann", "name": "Ann"}, lab=X, date="2019-01-01", role="Engineer"),
    hire(person={"id": "bob", "name": "Bob"}, lab=X, date="2019"),
    hire(person={"id": "cid", "name": "Cid"}, lab="x", date="2019-02-01", relation="advisor"),
    left("ann", "x", "2020-01-01"),
    hire(person="ann", lab=Y, date="2020-02", role="Lead"),
    left("bob", "x", "2020"),
    hire(person="bob", lab="y", date="2020-12~"),
    left("cid", "x", "2020-06-01"),
    {"type": "merger", "absorbed": ["y"], "lab": Z, "date": "2021-01-01"},
    left("ann", "z", "2021-06-01"),
]  # fmt: skip


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the history above."""
    await record(client, *HISTORY)
    return client


async def rows(client: httpx.AsyncClient, **asked: Any) -> list[tuple[str, str, str]]:
    """Who moved, from where and to where, in the order of the answer."""
    items = (await get(client, "/v1/moves", **asked))["items"]
    return [
        (m["person"]["id"], *(side["id"] if side else "-" for side in (m["from"], m["to"])))
        for m in items
    ]


async def test_move_says_both_dates_what_was_held_and_on_what_it_rests(
    client: httpx.AsyncClient,
) -> None:
    events = await record(client, *HISTORY)
    (move,) = (await get(client, "/v1/moves", person="ann", kind="move"))["items"]
    assert move["person"] == {"id": "ann", "name": "Ann"}
    assert (move["from"]["id"], move["to"]["id"]) == ("x", "y")
    assert move["left"] == {
        "date": "2020-01-01",
        "lo": "2020-01-01",
        "hi": "2020-01-01",
        "role": "Engineer",
        "team": None,
        "relation": "employee",
        "event": events[3]["event_id"],
    }
    assert move["joined"]["date"] == "2020-02"
    assert (move["joined"]["lo"], move["joined"]["hi"]) == ("2020-02-01", "2020-02-29")
    assert (move["joined"]["role"], move["joined"]["event"]) == ("Lead", events[4]["event_id"])
    assert move["gap"] == {"lo": 31, "hi": 59}
    assert (move["is_next"], move["in_period"]) == ("certain", None)
    assert {events[i]["event_id"] for i in (0, 3, 4)} <= set(move["events"])


async def test_latest_come_first_with_those_of_one_side(told: httpx.AsyncClient) -> None:
    assert await rows(told) == [
        ("ann", "z", "-"),
        ("bob", "x", "y"),
        ("cid", "x", "-"),
        ("ann", "x", "y"),
        ("cid", "-", "x"),
        ("bob", "-", "x"),
        ("ann", "-", "x"),
    ], "nobody moved from y to z: a merger carried them"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"from_lab": "X"}, [("cid", "x", "-"), ("bob", "x", "y"), ("ann", "x", "y")]),
        ({"to_lab": "y"}, [("bob", "x", "y"), ("ann", "x", "y")]),
        ({"from_lab": "x", "to_lab": "y"}, [("bob", "x", "y"), ("ann", "x", "y")]),
        ({"from_lab": "y"}, []),
        ({"to_lab": "z"}, []),
        ({"from_lab": "x", "to_lab": "y", "person": "Ann"}, [("ann", "x", "y")]),
        ({"from_lab": "x", "kind": "departure"}, [("cid", "x", "-")]),
        ({"to_lab": "x", "kind": "arrival", "from": "2019-02-01"}, [
            ("cid", "-", "x"), ("bob", "-", "x")]),
        ({"from": "2020-02-01", "to": "2020-02-29"}, [("ann", "x", "y")]),
        ({"from_lab": "x", "to": "2020-01-01"}, [("bob", "x", "y"), ("ann", "x", "y")]),
        ({"from_lab": "x", "within": 30}, [("cid", "x", "-"), ("bob", "x", "y"), ("ann", "x", "-")]),
    ],
)  # fmt: skip
async def test_filters_leave_what_they_say(
    asked: dict[str, Any], expected: list[tuple[str, str, str]], told: httpx.AsyncClient
) -> None:
    """Of people who left a lab the period is that of the departure, else of the arrival."""
    assert await rows(told, **asked) == expected
    dated_by = "left" if "from_lab" in asked and "to_lab" not in asked else "joined"
    assert (await get(told, "/v1/moves", **asked))["dated_by"] == dated_by


async def test_vague_dates_are_told_as_possible(told: httpx.AsyncClient) -> None:
    asked = {"from": "2020-11-15", "to": "2020-12-31", "within": 60}
    answer = await get(told, "/v1/moves", **asked)
    (bob,) = answer["items"]
    assert (bob["is_next"], bob["in_period"]) == ("possible", "possible")
    assert bob["gap"] == {"lo": -60, "hi": 366}
    assert answer["count"] == {"certain": 0, "possible": 1}
    assert answer["period"] == {"from": "2020-11-15", "to": "2020-12-31"}
    assert answer["reach"] == {"within": 60, "before": 92}


async def test_who_left_and_is_still_elsewhere_is_told_so(told: httpx.AsyncClient) -> None:
    await record(told, hire(person="cid", lab="z", date="2018-01-01"))
    (cid,) = (await get(told, "/v1/moves", person="cid", kind="departure"))["items"]
    assert cid["to"] is None
    assert cid["elsewhere"] == [{"lab": {"id": "z", "name": "Z"}, "presence": "presumed"}]


async def test_correction_moves_the_move_and_not_what_was_known(told: httpx.AsyncClient) -> None:
    then = await told.get("/v1/moves", params={"known_at": 10, "at": "2022-01-01"})
    (event,) = (await get(told, "/v1/events", type="departure", person="ann", lab="x"))["items"]
    said = left("ann", "x", "2020-08-01") | {"reason": "it was later"}
    corrected = await told.put(f"/v1/events/{event['event_id']}/correction", json=said)
    assert corrected.status_code == 201, corrected.text
    assert ("ann", "x", "-") in await rows(told)
    assert ("ann", "-", "y") in await rows(told)
    again = await told.get("/v1/moves", params={"known_at": 10, "at": "2022-01-01"})
    assert again.content == then.content
    assert "immutable" in again.headers["cache-control"]


async def test_pages_make_the_whole_list(told: httpx.AsyncClient) -> None:
    for path in (
        "/v1/moves",
        "/v1/flows?from=2019-01-01&to=2022-01-01",
        "/v1/people/ann/colleagues",
    ):
        whole = (await told.get(path)).json()["items"]
        assert len(whole) > 1
        paged, url = [], f"{path}{'&' if '?' in path else '?'}limit=1"
        while url:
            response = await told.get(url)
            paged += response.json()["items"]
            assert len(response.json()["items"]) == 1
            # Whoever comes meanwhile is on no page: they are as known when the first was asked.
            await record(told, hire(person={"name": "New"}, lab="x", date="2019-01-01"))
            url = response.links.get("next", {}).get("url", "")
        assert paged == whole
        other = "/v1/moves" if path != "/v1/moves" else "/v1/flows"
        cursor = (await told.get(f"{path}{'&' if '?' in path else '?'}limit=1")).json()["next"]
        problem(await told.get(other, params={"cursor": cursor}), 422, "bad_parameter")


async def test_flows_open_to_their_rows(told: httpx.AsyncClient) -> None:
    answer = await get(told, "/v1/flows", **{"from": "2019-01-01", "to": "2022-01-01"})
    flows = {(f["from"] and f["from"]["id"], f["to"] and f["to"]["id"]): f for f in answer["items"]}
    assert {key: flow["count"] for key, flow in flows.items()} == {
        ("x", "y"): {"certain": 1, "possible": 1},
        (None, "x"): {"certain": 3, "possible": 0},
        ("x", None): {"certain": 1, "possible": 0},
        ("z", None): {"certain": 1, "possible": 0},
    }
    assert answer["count"] == {"certain": 6, "possible": 1}
    assert [(f["from"], f["to"]) for f in answer["items"][1:]].count((None, None)) == 0
    for flow in answer["items"]:
        opened = await get(told, flow["moves"])
        assert opened["count"] == flow["count"]
        assert {
            (m["from"] and m["from"]["id"], m["to"] and m["to"]["id"]) for m in opened["items"]
        } == {(flow["from"] and flow["from"]["id"], flow["to"] and flow["to"]["id"])}
    of_z = await get(told, "/v1/flows", lab="Z", **{"from": "2019-01-01", "to": "2022-01-01"})
    assert [f["from"]["id"] for f in of_z["items"]] == ["z"]


async def test_flows_are_of_the_last_year_unless_asked_otherwise(told: httpx.AsyncClient) -> None:
    answer = await get(told, "/v1/flows", at="2021-01-01")
    assert answer["period"] == {"from": "2020-01-02", "to": "2021-01-01"}
    assert {f["from"]["id"] for f in answer["items"]} == {"x"}


async def test_headcount_goes_up_and_down(told: httpx.AsyncClient) -> None:
    asked = {"from": "2018-12-31", "to": "2021-12-31", "step": "year"}
    answer = await get(told, "/v1/labs/x/headcount", **asked)
    assert (answer["lab"], answer["step"]) == ({"id": "x", "name": "X"}, "year")
    assert [tuple(item["headcount"].values()) for item in answer["items"]] == [
        (0, 0, 0),
        (3, 0, 0),
        (0, 0, 0),
        (0, 0, 0),
    ]
    for item in answer["items"]:
        lab = await get(told, item["members"])
        assert (lab["headcount"], lab["at"]) == (item["headcount"], item["on"])


async def test_certain_moves_make_up_the_difference_of_two_headcounts(
    told: httpx.AsyncClient,
) -> None:
    """Before, with those who joined and without those who left, is after."""
    days = {"from": "2019-06-01", "to": "2020-12-31"}
    changes = await get(told, "/v1/labs/y/changes", **days)
    before, after = (sum(changes[side]["headcount"].values()) for side in ("before", "after"))
    joined = await get(told, "/v1/moves", to_lab="y", **days)
    gone = await get(told, "/v1/moves", from_lab="y", **days)
    assert before + len(joined["items"]) - len(gone["items"]) == after
    assert {m["person"]["id"] for m in changes["joined"]} == {
        m["person"]["id"] for m in joined["items"]
    }


async def test_colleagues_are_told_by_lab_and_by_days(told: httpx.AsyncClient) -> None:
    answer = await get(told, "/v1/people/Ann/colleagues", at="2021-12-31")
    assert answer["person"] == {"id": "ann", "name": "Ann"}
    told_of = {(c["person"]["id"], c["lab"]["id"]): c for c in answer["items"]}
    assert told_of.keys() == {("bob", "x"), ("cid", "x"), ("bob", "y"), ("bob", "z")}
    cid = told_of["cid", "x"]
    assert cid["days"] == {"certain": 334, "presumed": 0, "possible": 0}
    assert (cid["first"], cid["last"]) == ("2019-02-01", "2019-12-31")
    assert told_of["bob", "z"]["days"] == {"certain": 1, "presumed": 150, "possible": 0}
    at_x = await get(told, "/v1/people/ann/colleagues", lab="X", at="2021-12-31")
    assert {c["lab"]["id"] for c in at_x["items"]} == {"x"}


async def test_published_by_cuts_moves_too(client: httpx.AsyncClient) -> None:
    def public(on: str) -> dict[str, Any]:
        return {"sources": [{"url": "https://example.org/a", "published": on}]}

    events = [
        HISTORY[0] | public("2020-01-01"),
        HISTORY[3] | public("2020-01-02"),
        HISTORY[4] | public("2020-03-01"),
    ]
    await record(client, *events)
    asked = {"from_lab": "x", "published_by": "2020-02-01"}
    assert await rows(client, **asked) == [("ann", "x", "-")]
    assert await rows(client, **(asked | {"published_by": "2020-03-01"})) == [("ann", "x", "y")]
    answer = await get(client, "/v1/moves", **asked)
    assert (answer["published_by"], answer["undated_events"]) == ("2020-02-01", 0)
    flows = await get(client, "/v1/flows", at="2020-06-01", published_by="2020-02-01")
    assert "published_by=2020-02-01" in flows["items"][0]["moves"]
    people = await get(client, "/v1/people/ann/colleagues", published_by="2020-02-01")
    assert people["published_by"] == "2020-02-01"
    counts = await get(client, "/v1/labs/x/headcount", at="2020-06-01", published_by="2020-02-01")
    assert counts["items"][0]["headcount"] == {"certain": 1, "presumed": 0, "possible": 0}


async def test_question_about_too_many_people_is_refused_with_a_way_out(
    told: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PEOPLE_MAX", 2)
    refused = problem(await told.get("/v1/moves"), 422, "bad_parameter")
    assert refused.parameter == "from"
    assert "name a lab" in refused.detail
    assert await rows(told, to_lab="y", **{"from": "2020-01-01"})
    assert await rows(told, **{"from": "2021-03-01"}) == [("ann", "z", "-")]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("path", "parameter", "reason"),
    [
        ("/v1/moves?from=2021-01-01&to=2020-01-01", "from", "later"),
        ("/v1/flows?from=2021-01-01&to=2020-01-01", "from", "later"),
        ("/v1/flows?from=2999-01-01", "from", "2999"),
        ("/v1/moves?within=-1", "within", "-1"),
        ("/v1/moves?within=4000", "within", "3660"),
        ("/v1/moves?kind=transfer", "kind", "departure"),
        ("/v1/moves?from_lab=%20", "from_lab", "blank"),
        ("/v1/moves?at=2020", "at", "2020"),
        ("/v1/moves?known_at=999999", "known_at", "999999"),
        ("/v1/moves?lab=x", "lab", "from_lab"),
        ("/v1/moves?limit=1001", "limit", "1000"),
        ("/v1/moves?cursor=nonsense", "cursor", "cursor"),
        ("/v1/labs/x/headcount?step=decade", "step", "quarter"),
        ("/v1/labs/x/headcount?step=day&from=2000-01-01&to=2020-01-01", "step", "1200"),
        ("/v1/labs/x/headcount?from=2020-02-01&to=2020-01-01", "from", "later"),
        ("/v1/people/ada/colleagues?limit=0", "limit", "0"),
    ],
)
async def test_question_without_sense_is_refused_by_name(
    path: str, parameter: str, reason: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.get(path), 422, "bad_parameter")
    assert told.parameter == parameter
    assert reason in told.detail


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/moves?from_lab=Analytical%20Engins", 422, "unknown_name_in_query"),
        ("/v1/moves?to_lab=nowhere", 422, "unknown_name_in_query"),
        ("/v1/moves?person=nobody", 422, "unknown_name_in_query"),
        ("/v1/moves?person=Wei%20Wang", 409, "ambiguous_name"),
        ("/v1/flows?lab=nowhere", 422, "unknown_name_in_query"),
        ("/v1/labs/nowhere/headcount", 404, "unknown_name"),
        ("/v1/people/nobody/colleagues", 404, "unknown_name"),
        ("/v1/people/ada/colleagues?lab=nowhere", 422, "unknown_name_in_query"),
    ],
)
async def test_who_is_not_known_is_told_with_near_names(
    path: str, status: int, code: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.get(path), status, code)
    if "Engins" in path:
        assert [near.id for near in told.suggestions] == ["engines"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/moves?from_lab=nowhere", "from_lab"),
        ("/v1/moves?to_lab=nowhere", "to_lab"),
        ("/v1/moves?from_lab=engines&to_lab=nowhere", "to_lab"),
        ("/v1/moves?person=nobody&from_lab=engines", "person"),
        ("/v1/moves?to_lab=nowhere&published_by=2024-01-01", "to_lab"),
        ("/v1/flows?lab=nowhere", "lab"),
        ("/v1/events?person=nobody", "person"),
        ("/v1/findings?lab=nowhere", "lab"),
        ("/v1/findings?kind=possible_same_person&person=nobody", "person"),
        ("/v1/corrections?person=nobody", "person"),
        ("/v1/people/ada/colleagues?lab=nowhere", "lab"),
    ],
)
async def test_unknown_name_is_refused_by_the_parameter_that_was_sent(
    path: str, parameter: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.get(path), 422, "unknown_name_in_query")
    assert told.parameter == parameter
    assert told.detail.startswith(f"'{parameter}': ")
    assert "send an object" not in told.detail, "who asks adds nobody"


@pytest.mark.asyncio(loop_scope="session")
async def test_name_in_the_path_stays_a_404_where_a_filter_has_the_same_words(
    seeded: httpx.AsyncClient,
) -> None:
    problem(await seeded.get("/v1/people/nowhere/colleagues?lab=nowhere"), 404, "unknown_name")
