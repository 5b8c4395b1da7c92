"""Feeds tell what is new of a lab, a person and all, and of each event once."""

from urllib.parse import urlencode
from xml.etree.ElementTree import Element, fromstring

import httpx

from service.api.operations import Machinery
from service.web import feeds
from tests.integration.api.asking import CORRECTED, HIRED, SEED, get, hire, record
from tests.support.browsing import HTML, Elements, browser
from tests.unit.formats.test_atom import ATOM


async def feed_of(asking: httpx.AsyncClient, path: str) -> Element:
    """The feed that a page leads to."""
    page = await asking.get(path, headers={"Accept": HTML})
    assert page.status_code == 200, page.text
    links = [
        str(said["href"])
        for tag, said in Elements(page.text).found
        if tag == "link" and said.get("type") == "application/atom+xml"
    ]
    assert len(links) == 1
    answer = await asking.get(links[0])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = fromstring(answer.text)
    own = next(e for e in root.findall(f"{ATOM}link") if e.get("rel") == "self")
    assert own.get("href") == f"http://test{links[0]}"
    return root


def entries(root: Element) -> list[str]:
    """The events, from top to bottom."""
    return [
        str(each.findtext(f"{ATOM}id")).removeprefix("urn:uuid:")
        for each in root.findall(f"{ATOM}entry")
    ]


async def test_feeds_have_the_latest_events(reader: httpx.AsyncClient) -> None:
    log = await feed_of(reader, "/log")
    head = (await get(reader, "/v1/log"))["position"]
    newest = await get(reader, "/v1/events", after=head - feeds.ENTRIES_MAX, limit=1000)
    assert entries(log) == [one["event_id"] for one in newest["items"][::-1]]
    lab = await feed_of(reader, "/labs/openai")
    told = await get(reader, "/v1/labs/openai/timeline", limit=feeds.ENTRIES_MAX)
    assert entries(lab) == [one["event_id"] for one in told["items"]]
    person = await feed_of(reader, "/people/ilya-sutskever?at=2020-01-01")
    events = await get(reader, "/v1/events", person="ilya-sutskever", limit=1000)
    assert entries(person) == [one["event_id"] for one in events["items"][::-1]]
    assert entries(await feed_of(reader, "/")) == entries(log)
    assert log.findtext(f"{ATOM}id") != lab.findtext(f"{ATOM}id")


async def test_correction_updates_its_event(made: Machinery, client: httpx.AsyncClient) -> None:
    recorded = await record(client, *SEED)
    async with browser(made) as asking:
        for path in ("/log", "/labs/engines", "/people/ada"):
            root = await feed_of(asking, path)
            assert CORRECTED not in entries(root), "it is no event of its own"
            assert entries(root).count(HIRED) == 1
            assert entries(root)[0] == HIRED, "it was spoken of last"
            one = next(iter(root.findall(f"{ATOM}entry")))
            assert one.findtext(f"{ATOM}published") == recorded[0]["recorded_at"]
            assert one.findtext(f"{ATOM}updated") == recorded[-1]["recorded_at"]
            assert "in February 2020" in str(one.findtext(f"{ATOM}title"))
            assert "Corrected: misread" in str(one.findtext(f"{ATOM}content"))
            pinned = await feed_of(asking, f"{path}?known_at={recorded[-2]['position']}")
            assert entries(pinned)[-1] == HIRED
        withdrawn = await client.put(f"/v1/events/{HIRED}/retraction", json={"reason": "no"})
        assert withdrawn.status_code == 201
        first = next(iter((await feed_of(asking, "/log")).findall(f"{ATOM}entry")))
        assert str(first.findtext(f"{ATOM}title")).startswith("Withdrawn: ")


async def test_feed_is_kept_until_something_is_recorded(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    async with browser(made) as asking:
        assert entries(await feed_of(asking, "/log")) == []
        await record(client, *SEED)
        address = "/labs/engines?format=atom"
        first = await asking.get(address)
        kept = {"If-None-Match": first.headers["etag"]}
        assert (await asking.get(address, headers=kept)).status_code == 304
        (event,) = await record(client, hire(person={"name": "<b>]]>&"}, date="2022-01-05"))
        again = await asking.get(address, headers=kept)
        assert again.status_code == 200
        assert entries(fromstring(again.text))[0] == event["event_id"]


def titles(root: Element) -> list[str]:
    return [str(each.findtext(f"{ATOM}title")) for each in root.findall(f"{ATOM}entry")]


async def test_feed_of_moves_has_those_of_the_api_and_its_filters(
    reader: httpx.AsyncClient,
) -> None:
    filters = {"from_lab": "openai", "to_lab": "anthropic", "from": "2020-01-01"}
    told = await get(reader, "/v1/moves", **filters, to="2026-11-22", limit=1000)
    root = await feed_of(reader, "/moves?" + urlencode(filters) + "&at=2026-11-22")
    assert 1 < len(told["items"]) <= feeds.ENTRIES_MAX
    assert sorted(titles(root)) == sorted(
        f"{m['person']['name']} went from OpenAI to {m['to']['name']}" for m in told["items"]
    )
    updated = [str(each.findtext(f"{ATOM}updated")) for each in root.findall(f"{ATOM}entry")]
    assert updated == sorted(updated, reverse=True), "what was spoken of last comes first"
    assert updated[0] == root.findtext(f"{ATOM}updated")
    assert len(set(entries(root))) == len(told["items"])
    own = next(e for e in root.findall(f"{ATOM}link") if e.get("rel") == "alternate")
    assert own.get("href") == f"http://test/moves?{urlencode(filters)}"
    every = await feed_of(reader, "/moves")
    assert len(entries(every)) == feeds.ENTRIES_MAX
    assert every.findtext(f"{ATOM}id") != root.findtext(f"{ATOM}id")


async def test_feed_of_moves_keeps_ids_while_more_is_said(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """A late or corrected move comes first, whenever it was; the others stay as they are."""
    hostile = "A <b>]]>&\u202e\u0007"
    old, _, left, joined = await record(
        client,
        hire(person={"id": "ann", "name": hostile}, lab={"id": "x", "name": "<X>"}, date="2019"),
        hire(person={"name": "Bo"}, lab="x", date="2020-03-01"),
        {"type": "departure", "person": "ann", "lab": "x", "date": "2020-01-01"},
        hire(person="ann", lab={"id": "y", "name": "Y"}, date="2020-02-01"),
    )
    path = "/moves?from=2018-01-01&to=2021-01-01"
    async with browser(made) as asking:
        first = await feed_of(asking, path)
        move = f"urn:lab-timeline:move:ann:{left['event_id']}:{joined['event_id']}"
        # Of one instant, as the page lists them.
        assert entries(first)[1] == move
        others, name = titles(first), titles(first)[1].partition(" went from ")[0]
        assert others == ["Bo came to <X>", f"{name} went from <X> to Y", f"{name} came to <X>"]
        assert name.startswith("A <b>]]>&")
        assert not {"\u202e", "\u0007"} & set(name)
        (late,) = await record(client, hire(person={"name": "Cy"}, lab="x", date="2018-05-01"))
        second = await feed_of(asking, path)
        assert entries(second) == [
            f"urn:lab-timeline:move:cy:-:{late['event_id']}",
            *entries(first),
        ]
        body = {**hire(person="ann", lab="x", date="2018"), "reason": "misread"}
        told = await client.put(f"/v1/events/{old['event_id']}/correction", json=body)
        third = await feed_of(asking, path)
        assert sorted(entries(third)) == sorted(entries(second))
        assert entries(third)[0] == f"urn:lab-timeline:move:ann:-:{old['event_id']}"
        one = next(iter(third.findall(f"{ATOM}entry")))
        assert one.findtext(f"{ATOM}published") == old["recorded_at"]
        assert one.findtext(f"{ATOM}updated") == told.json()["recorded_at"]
        pinned = await feed_of(asking, f"{path}&known_at={joined['position']}")
        assert entries(pinned) == entries(first)
        refused = await asking.get("/moves?from_lab=nowhere&format=atom")
        assert refused.status_code == 422
