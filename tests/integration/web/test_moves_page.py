"""The page of moves says what the API says of them, for the times that its address asks for."""

import re
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from service.answers import views
from service.api.operations import Machinery
from tests.integration.api.asking import SEED, get, hire, record
from tests.support.browsing import Elements, browser

TIMES = {"at": "2024-12-31", "known_at": "1500"}
PERIOD = {"from": "2023-06-01", "to": "2024-12-31"}


async def page(reader: httpx.AsyncClient, address: str, status: int = 200, **asked: str) -> str:
    answer = await reader.get(address, params=asked or None, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


def section(text: str, name: str) -> str:
    """The part of a page whose heading has a name."""
    return text.partition(f'<section aria-labelledby="{name}">')[2].partition("</section>")[0]


def movers(text: str) -> list[str]:
    """Whom the rows name, from top to bottom."""
    return re.findall(r'<th scope="row"><a href="/people/([^"?]+)', text)


def in_words(count: dict[str, int], many: str) -> str:
    most = count["certain"] + count["possible"]
    if not count["possible"]:
        return f"{most:,} {many}"
    if not count["certain"]:
        return f"At most {most:,} {many}"
    return f"Between {count['certain']:,} and {most:,} {many}"


async def test_rows_are_those_of_the_api(reader: httpx.AsyncClient) -> None:
    for asked in (
        PERIOD,
        {"from_lab": "openai", **PERIOD},
        {"to_lab": "Anthropic", "kind": "move", **PERIOD},
        {"from_lab": "openai", "to_lab": "anthropic"},
        {"person": "sam altman"},
        {"from_lab": "openai", "kind": "departure", "within": "30", **PERIOD},
    ):
        told = await get(reader, "/v1/moves", limit=50, **asked, **TIMES)
        shown = await page(reader, "/moves", 200, **asked, **TIMES)
        assert movers(section(shown, "moves")) == [m["person"]["id"] for m in told["items"]]
        assert in_words(told["count"], "moves") in section(shown, "moves")


async def test_matrix_is_that_of_the_flows_and_opens_its_rows(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/flows", limit=500, **PERIOD, **TIMES)
    counts = {
        (flow["from"]["id"], flow["to"]["id"]): flow["count"]
        for flow in told["items"]
        if flow["from"] and flow["to"]
    }
    shown = section(await page(reader, "/moves", 200, **PERIOD, **TIMES), "matrix")
    cells = re.findall(r'<a href="(/moves\?[^"]+)"[^>]*>(?:<span class="band">)?([0-9–]+)<', shown)
    seen = 0
    for address, said in cells:
        asked = dict(parse_qsl(urlsplit(address.replace("&amp;", "&")).query))
        if "kind" in asked:
            continue
        seen += 1
        count = counts[asked["from_lab"], asked["to_lab"]]
        most = count["certain"] + count["possible"]
        assert said == (f"{count['certain']}–{most}" if count["possible"] else str(most))
        assert {name: asked[name] for name in (*PERIOD, *TIMES)} == {**PERIOD, **TIMES}
        rows = section(await page(reader, address.replace("&amp;", "&")), "moves")
        assert len(movers(rows)) == most
    assert seen > 10


async def test_pages_make_one_list(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/moves", limit=500, **{"from": "2023-06-01", "to": "2024-05-31"})
    address = "/moves?from=2023-06-01&to=2024-05-31"
    listed: list[str] = []
    while address:
        shown = await page(reader, address)
        listed += movers(section(shown, "moves"))
        found = re.search(r'<link rel="next" href="([^"]+)"', shown)
        address = found[1].replace("&amp;", "&") if found else ""
        assert not address or "known_at=" in address
    assert told["next"] is None
    assert len(listed) > 50, "several pages"
    assert listed == [move["person"]["id"] for move in told["items"]]


async def test_links_and_the_form_keep_the_times(reader: httpx.AsyncClient) -> None:
    times = "at=2023-11-20&known_at=900&published_by=2026-01-01"
    shown = await page(reader, f"/moves?to_lab=openai&after_all=&{times}")
    found = Elements(shown).found
    links = [said.get("href") or "" for tag, said in found if tag == "a"]
    there = [link for link in links if link.startswith(("/people/", "/labs/", "/events/"))]
    assert len(there) > 4
    assert all(link.endswith(f"?{times}") for link in there)
    kept = [s["name"] for tag, s in found if tag == "input" and s.get("type") == "hidden"]
    # Once in the form of the page, and once in the box for a search.
    assert kept.count("known_at") == kept.count("published_by") == 2
    assert ' href="/v1/moves?to_lab=openai&amp;at=2023-11-20&amp;known_at=900' in shown


async def test_year_up_to_the_day_is_asked_where_nothing_narrows(
    reader: httpx.AsyncClient,
) -> None:
    shown = await page(reader, "/moves?at=2024-06-01")
    assert "Moves from 2 June 2023 to 1 June 2024, with labs as they were called" in shown
    assert "Moves at any time" in await page(reader, "/moves?from_lab=openai&to_lab=anthropic")


async def test_shorter_period_is_told_where_a_year_has_too_many_people(
    reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PEOPLE_MAX", 200)
    shown = await page(reader, "/moves?at=2024-06-01")
    assert "Moves from 2 May 2024 to 1 June 2024" in shown
    assert movers(section(shown, "moves"))
    monkeypatch.setattr(views, "PEOPLE_MAX", 0)
    assert "people left or joined then" in await page(reader, "/moves?at=2024-06-02", 422)
    monkeypatch.setattr(views, "PEOPLE_MAX", 200)
    asked = "/moves?from=2023-06-01&at=2024-06-01"
    assert "people left or joined then" in await page(reader, asked, 422)


async def test_what_cannot_be_asked_is_refused(reader: httpx.AsyncClient) -> None:
    assert "is none of: move" in await page(reader, "/moves?kind=walk", 422)
    assert "There is no filter &#39;lab&#39;" in await page(reader, "/moves?lab=openai", 422)
    assert "&#39;x&#39; is no number of days" in await page(reader, "/moves?within=x", 422)
    assert "give them in order" in await page(reader, "/moves?from=2024-02-01&to=2024-01-01", 422)
    assert "2024-02-30" in await page(reader, "/moves?from=2024-02-30", 422)
    assert "cursor of another list" in await page(reader, "/moves?after=nobody", 422)
    near = await page(reader, "/moves?from_lab=openia&to=2024-01-01&at=2024-06-01", 422)
    assert 'href="/moves?from_lab=openai&amp;to=2024-01-01&amp;at=2024-06-01"' in near
    assert 'value="openia"' in near


async def test_page_follows_what_is_recorded(made: Machinery, client: httpx.AsyncClient) -> None:
    async with browser(made) as asking:
        await record(client, *SEED)
        address = "/moves?from=2026-01-01&to=2026-02-01"
        first = await asking.get(address)
        assert "Nothing says of anybody that they moved so" in first.text
        same = await asking.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert same.status_code == 304
        (event,) = await record(client, hire(person={"name": "<b>Ann</b>"}, date="2026-01-05"))
        again = await asking.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 200
        assert "&lt;b&gt;Ann&lt;/b&gt;" in again.text
        assert "<b>Ann" not in again.text
        before = await asking.get(f"{address}&known_at={event['position'] - 1}")
        assert "Ann" not in before.text
