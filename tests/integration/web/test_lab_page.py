"""The page of a lab says what the API says of it, for the times that its address asks for."""

import re

import httpx

from service.api.operations import Machinery
from tests.integration.api.asking import SEED, get, hire, record
from tests.support.browsing import Elements, browser

ROSTER = '<table class="roster">'


async def page(reader: httpx.AsyncClient, address: str, status: int = 200) -> httpx.Response:
    answer = await reader.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer


def listed(text: str) -> list[str]:
    """Whom the roster names, from top to bottom."""
    _, _, roster = text.partition(ROSTER)
    return re.findall(r'href="/people/([^"?]+)', roster)


async def test_roster_is_that_of_the_api(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/labs/DeepMind", at="2024-06-01")
    shown = await page(reader, "/labs/DeepMind?at=2024-06-01&sort=name")
    assert listed(shown.text) == [member["person"]["id"] for member in told["members"]]
    for presence, count in told["headcount"].items():
        assert shown.text.count(f'<tr class="is-{presence}">') == count
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert " style=" not in shown.text


async def test_every_order_lists_everyone(reader: httpx.AsyncClient) -> None:
    found = {}
    for order in ("arrival", "name", "stay", "role"):
        shown = await page(reader, f"/labs/openai?at=2023-11-20&sort={order}")
        found[order] = listed(shown.text)
    assert len({frozenset(people) for people in found.values()}) == 1
    assert len({tuple(people) for people in found.values()}) == 4
    refused = await page(reader, "/labs/openai?sort=size", 422)
    assert "&#39;size&#39; is no order" in refused.text


async def test_links_stay_at_the_times_of_the_page(reader: httpx.AsyncClient) -> None:
    times = "?at=2023-11-20&known_at=900&published_by=2026-01-01"
    shown = await page(reader, f"/labs/openai{times}")
    links = [
        attributes["href"] or ""
        for tag, attributes in Elements(shown.text).found
        if tag == "a" and (attributes.get("href") or "").startswith("/people/")
    ]
    assert len(links) > 4
    assert all(link.endswith(times) for link in links)
    assert '<link rel="canonical" href="/labs/openai?at=2023-11-20&amp;known_at=900' in shown.text
    assert "from what was published by 1 January 2026" in shown.text


async def test_times_that_are_none_are_refused(reader: httpx.AsyncClient) -> None:
    assert "2024-02-30" in (await page(reader, "/labs/openai?at=2024-02-30", 422)).text
    assert "no position" in (await page(reader, "/labs/openai?known_at=99999999", 422)).text
    near = await page(reader, "/labs/openia?at=2024-06-01", 404)
    assert 'href="/labs/openai?at=2024-06-01"' in near.text


async def test_page_follows_what_is_recorded(made: Machinery, client: httpx.AsyncClient) -> None:
    async with browser(made) as asking:
        await record(client, *SEED)
        first = await asking.get("/labs/engines")
        assert first.status_code == 200
        same = await asking.get("/labs/engines", headers={"If-None-Match": first.headers["etag"]})
        assert same.status_code == 304
        (event,) = await record(client, hire(person={"name": "<b>Ann</b>"}, date="2026-01-05"))
        again = await asking.get("/labs/engines", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 200
        assert "&lt;b&gt;Ann&lt;/b&gt;" in again.text
        assert "<b>Ann" not in again.text
        before = await asking.get(f"/labs/engines?known_at={event['position'] - 1}")
        assert "Ann" not in before.text
