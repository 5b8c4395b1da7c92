"""Every table of every page is to be had as a file, whole, and says what the API says."""

import asyncio
import csv
import io
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from service.api.operations import Machinery
from service.web import tables
from service.web.handlers import PAGES as EVERY_PAGE
from tests.integration.api.asking import HIRED, SEED, get, hire, record
from tests.support.browsing import Elements, browser

CORRECTED = "1dd24a38-77b1-54ae-96ac-f2a2d1c3eb4b"
TIMES = "at=2024-06-01&known_at=1500"
PAGES: Mapping[str, set[str]] = {
    f"/?{TIMES}": {"labs"},
    f"/?labs=all&{TIMES}": {"labs"},
    "/?q=lin": {"labs", "people"},
    "/?q=open": {"labs"},
    f"/labs/openai?{TIMES}": {
        "roster", "joined", "left", "balance", "headcount", "flows", "line",
    },
    f"/labs/google-deepmind?{TIMES}&published_by=2024-05-01&sort=name": {
        "roster", "joined", "left", "balance", "headcount", "flows", "line",
    },
    f"/people/ilya-sutskever?{TIMES}": {"stints", "events", "colleagues"},
    f"/moves?from=2023-06-01&to=2024-06-01&{TIMES}": {"moves", "flows", "balance"},
    f"/moves?from_lab=openai&kind=move&{TIMES}": {"moves", "flows", "balance"},
    "/log": {"events"},
}  # fmt: skip
"""Addresses on the real history, with the tables that their pages show."""


async def page(reader: httpx.AsyncClient, address: str) -> Elements:
    answer = await reader.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == 200, (address, answer.text)
    return Elements(answer.text)


def shown(elements: Elements) -> set[str]:
    """The tables of a page, each of which says which one it is."""
    every = [said for tag, said in elements.found if tag == "table"]
    return {str(said["data-table"]) for said in every}


def files(elements: Elements) -> dict[tuple[str, str], str]:
    """By table and form where the page leads for it."""
    links = [str(said.get("href")) for tag, said in elements.found if tag == "a"]
    asked = {link: dict(parse_qsl(urlsplit(link).query)) for link in links}
    found = {
        (said["table"], said["format"]): link for link, said in asked.items() if "table" in said
    }
    for before, after in pairwise(links):
        said = asked[before]
        if said.get("format") == "csv" and "table" in said and asked[after].get("format") is None:
            found[said["table"], "json"] = after
    return found


async def rows(reader: httpx.AsyncClient, address: str) -> list[dict[str, str]]:
    answer = await reader.get(address)
    assert answer.status_code == 200, (address, answer.text)
    assert answer.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


@pytest.mark.parametrize("address", PAGES)
async def test_every_table_leads_to_its_files(reader: httpx.AsyncClient, address: str) -> None:
    elements = await page(reader, address)
    assert shown(elements) == PAGES[address]
    found = files(elements)
    alternates = {
        (said.get("type"), said.get("href"))
        for tag, said in elements.found
        if tag == "link" and said.get("rel") == "alternate"
    }
    for table in PAGES[address]:
        assert await rows(reader, found[table, "csv"]) != []
        told = await reader.get(found[table, "json"])
        assert told.status_code == 200, (table, told.text)
        assert told.headers["content-type"] == "application/json"
        assert ("text/csv", found[table, "csv"]) in alternates
        assert ("application/json", found[table, "json"]) in alternates


async def test_no_page_has_a_table_without_files(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """Whichever pages there are; forms and the documentation show nothing to take along."""
    recorded = await record(client, *SEED)
    started = await client.post("/v1/replays?check=true")
    named = {
        "{lab:str}": "engines",
        "{person:str}": "ada",
        "{event_id:str}": str(recorded[0]["event_id"]),
        "{replay_id:str}": started.headers["location"].rpartition("/")[2],
    }
    asked = [p.path for p in EVERY_PAGE if p.method == "GET" and not (p.role or p.is_open)]
    seen = 0
    async with browser(made) as asking:
        for path in asked:
            for place, one in named.items():
                path = path.replace(place, one)  # noqa: PLW2901
            assert "{" not in path, "say of whom, here"
            elements = await page(asking, path)
            found = files(elements)
            for table in shown(elements):
                assert await rows(asking, found[table, "csv"]) != [], (path, table)
                assert (await asking.get(found[table, "json"])).status_code == 200
                seen += 1
    assert seen > 10


async def items(reader: httpx.AsyncClient, address: str) -> list[Any]:
    """All items of the API's list, from page to page."""
    found: list[Any] = []
    following: str | None = address
    while following is not None:
        answer = await reader.get(following)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        following = answer.links["next"]["url"] if "next" in answer.links else None
    return found


def text(value: Any) -> str:
    return "" if value is None else str(value)


def end(move: Any, side: str) -> list[str]:
    told = move[side] or {}
    return [text(told.get(one)) for one in ("date", "lo", "hi", "role", "event")]


@pytest.mark.parametrize(
    "address",
    [
        f"/moves?from=2023-06-01&to=2024-06-01&{TIMES}",
        f"/moves?from_lab=openai&kind=move&{TIMES}",
        f"/moves?person=sam+altman&{TIMES}&published_by=2024-01-01",
    ],
)
async def test_moves_are_those_of_the_api(reader: httpx.AsyncClient, address: str) -> None:
    found = files(await page(reader, address))
    told = await items(reader, found["moves", "json"])
    made = await rows(reader, found["moves", "csv"])
    assert [row["person_id"] for row in made] == [move["person"]["id"] for move in told]
    for row, move in zip(made, told, strict=True):
        for side in ("left", "joined"):
            parts = ("", "_lo", "_hi", "_role", "_event")
            assert [row[f"{side}{part}"] for part in parts] == end(move, side)
        assert row["is_next"] == text(move["is_next"])
        assert row["in_period"] == text(move["in_period"])
        assert row["events"].split() == move["events"]


async def test_sides_of_a_lab_are_whole(reader: httpx.AsyncClient) -> None:
    """More than the page shows, of whom those of a year are certain or possible, apart."""
    address = "/labs/openai?from=2015-01-01&at=2026-01-01&known_at=1500"
    found = files(await page(reader, address))
    for side in ("joined", "left"):
        told = await items(reader, found[side, "json"])
        made = await rows(reader, found[side, "csv"])
        assert len(made) > 25
        assert [row["person_id"] for row in made] == [move["person"]["id"] for move in told]


@pytest.mark.parametrize("at", ["/moves?from=2023-06-01&to=2024-06-01&", "/labs/openai?"])
async def test_flows_are_those_of_the_api(reader: httpx.AsyncClient, at: str) -> None:
    found = files(await page(reader, f"{at}{TIMES}"))
    told = await items(reader, found["flows", "json"])
    made = await rows(reader, found["flows", "csv"])
    assert [
        [row["from_id"], row["to_id"], int(row["certain"]), int(row["possible"])] for row in made
    ] == [
        [
            text(flow["from"] and flow["from"]["id"]),
            text(flow["to"] and flow["to"]["id"]),
            flow["count"]["certain"],
            flow["count"]["possible"],
        ]
        for flow in told
    ]


async def test_labs_and_people_are_those_of_the_api(reader: httpx.AsyncClient) -> None:
    for address in (f"/?{TIMES}", f"/?labs=all&{TIMES}", "/?q=open"):
        found = files(await page(reader, address))
        told = await items(reader, found["labs", "json"])
        made = await rows(reader, found["labs", "csv"])
        assert [
            (row["lab_id"], row["certain"], row["presumed"], row["possible"]) for row in made
        ] == [(lab["id"], *map(str, lab["headcount"].values())) for lab in told]
    found = files(await page(reader, "/?q=an"))
    told = await items(reader, found["people", "json"])
    assert len(told) > 20, "more than the page shows"
    made = await rows(reader, found["people", "csv"])
    assert [row["person_id"] for row in made] == [one["id"] for one in told]


async def test_headcounts_are_those_of_the_rosters(reader: httpx.AsyncClient) -> None:
    made = await rows(reader, f"/labs/openai?{TIMES}&format=csv&table=headcount")
    assert len(made) > 20
    for row in made[::9]:
        told = await get(reader, "/v1/labs/openai", at=row["on"], known_at="1500")
        assert [row["certain"], row["presumed"], row["possible"]] == [
            *map(str, told["headcount"].values())
        ]
        assert (row["at"], row["known_at"]) == ("2024-06-01", "1500")


async def test_balance_counts_the_moves(reader: httpx.AsyncClient) -> None:
    address = f"/labs/openai?from=2023-06-01&to=2024-06-01&{TIMES}&table=balance&format="
    made = await rows(reader, f"{address}csv")
    told = (await get(reader, f"{address}json"))["items"]
    assert [{name: row[name] for name in told[0]} for row in made] == [
        {name: str(value) for name, value in one.items()} for one in told
    ]
    left = await items(
        reader, f"/v1/moves?from_lab=openai&from=2023-06-01&to=2024-06-01&{TIMES}&limit=500"
    )
    certain = [m for m in left if m["in_period"] == "certain" and m["is_next"] != "possible"]
    assert 0 < sum(int(row["left_certain"]) for row in made) <= len(certain)


async def test_people_of_a_person_and_events_are_those_of_the_api(
    reader: httpx.AsyncClient,
) -> None:
    found = files(await page(reader, f"/people/ilya-sutskever?{TIMES}"))
    colleagues = await items(reader, found["colleagues", "json"])
    made = await rows(reader, found["colleagues", "csv"])
    assert len(made) > 15
    assert [
        (row["person_id"], row["lab_id"], row["days_certain"], row["days_possible"]) for row in made
    ] == [
        (
            one["person"]["id"],
            one["lab"]["id"],
            text(one["days"]["certain"]),
            text(one["days"]["possible"]),
        )
        for one in colleagues
    ]
    events = await items(reader, found["events", "json"])
    made = await rows(reader, found["events", "csv"])
    assert {row["event_id"] for row in made} <= {event["event_id"] for event in events}


async def test_log_is_whole(reader: httpx.AsyncClient) -> None:
    found = files(await page(reader, f"/log?before=700&{TIMES}"))
    told = await items(reader, f"{found['events', 'json']}&limit=1000")
    made = await rows(reader, found["events", "csv"])
    assert [row["position"] for row in made] == [str(n) for n in range(1500, 0, -1)]
    for row, event in zip(made, told[::-1], strict=True):
        for name in ("event_id", "type", "recorded_at", "recorded_by", "hash"):
            assert row[name] == event[name]
        assert row["date"] == text(event.get("date"))
        assert row["person_id"] == text(event.get("person") and event["person"]["id"])


async def test_findings_are_those_of_the_api(reader: httpx.AsyncClient) -> None:
    for address in (
        "/findings?known_at=1500",
        "/findings?kind=overlap&person=ilya+sutskever",
        "/findings?lab=openai",
        "/findings?kind=possible_same_person",
    ):
        found = files(await page(reader, address))
        told = await items(reader, found["findings", "json"])
        made = await rows(reader, found["findings", "csv"])
        assert [(row["kind"], row["detail"], row["events"].split()) for row in made] == [
            (one["kind"], one["detail"], one["events"]) for one in told
        ]


async def test_words_about_events_are_those_of_the_api(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    recorded = await record(client, *SEED)
    correction = recorded[-1]
    await client.put(f"/v1/events/{HIRED}/retraction", json={"reason": "=withdrawn"})
    async with browser(made) as asking:
        event = await page(asking, f"/events/{HIRED}")
        assert shown(event) == {"fields", "stints", "rosters", "headcounts"}
        found = files(event)
        told = (await asking.get(found["events", "json"])).json()
        chain = await rows(asking, found["events", "csv"])
        assert [row["event_id"] for row in chain] == [
            HIRED,
            *(one["event_id"] for one in told["corrections"]),
        ]
        assert chain[-1]["reason"] == "'=withdrawn", "no spreadsheet reckons it"
        fields = await rows(asking, found["fields", "csv"])
        dates = [
            (int(row["position"]), row["said"], row["says"])
            for row in fields
            if row["field"] == "date"
        ]
        own, last = told["position"], told["corrections"][-1]["position"]
        assert dates == [
            (own, "", "2020"),
            (correction["position"], "2020", "2020-02"),
            (last, "2020-02", ""),
        ]
        effects = [one["effect"] for one in told["corrections"]]
        for table in ("rosters", "headcounts"):
            assert len(await rows(asking, found[table, "csv"])) == sum(
                len(one[table]) for one in effects
            )
        stints = await rows(asking, found["stints", "csv"])
        assert [(row["when"], row["start"], row["start_lo"]) for row in stints] == [
            (when, stint["start"]["date"], stint["start"]["lo"])
            for one in effects
            for change in one["changes"]
            for when in ("before", "after")
            for stint in change[when]
        ]
        listed = await page(asking, "/corrections?type=correction")
        assert shown(listed) == {"fields", "reasons"}
        found = files(listed)
        told = (await asking.get(found["corrections", "json"])).json()
        for table, name in (("corrections", "items"), ("reasons", "reasons")):
            of_api = [one["reason"] for one in told[name]]
            of_table = [row["reason"] for row in await rows(asking, found[table, "csv"])]
            assert of_table == of_api == ["misread"]


async def test_replays_are_those_of_the_api(made: Machinery, client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    started = await client.post("/v1/replays?check=true")
    async with asyncio.timeout(60):
        while True:
            if (await get(client, started.headers["location"]))["state"] != "running":
                break
            await asyncio.sleep(0.05)
    async with browser(made) as asking:
        listed = await page(asking, "/replays")
        assert shown(listed) == {"replays"}
        found = files(listed)
        told = await items(asking, found["replays", "json"])
        table = await rows(asking, found["replays", "csv"])
        assert [(r["id"], r["state"], r["done"], r["check"]) for r in table] == [
            (r["id"], r["state"], str(r["done"]), str(r["check"]).lower()) for r in told
        ]
        own = started.headers["location"].removeprefix("/v1")
        assert await rows(asking, f"{own}?format=csv") == []


async def test_table_that_is_too_long_says_the_way_out(
    made: Machinery, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await record(client, *SEED, hire(person={"name": "Bo"}))
    monkeypatch.setattr(tables, "ROWS_MAX", 1)
    monkeypatch.setattr("service.web.pages.lab.ROWS_MAX", 1)
    monkeypatch.setattr("service.web.pages.log.ROWS_AT_ONCE", 1)
    async with browser(made) as asking:
        log = await asking.get("/log?format=csv")
        assert log.status_code == 422
        assert "more than 1 rows. The export at /v1/log/export has all" in log.text
        joined = await asking.get("/labs/engines?from=2010-01-01&format=csv&table=joined")
        assert joined.status_code == 422
        assert "Ask for a shorter period." in joined.text


async def test_forms_and_tables_that_are_none_are_refused(reader: httpx.AsyncClient) -> None:
    for asked, told in (
        ("format=xml", "known: csv, json, png, atom."),
        ("format=csv&table=roster", "known: moves, flows, balance."),
    ):
        answer = await reader.get(f"/moves?{asked}", headers={"Accept": "text/html"})
        assert answer.status_code == 422
        assert told in answer.text
