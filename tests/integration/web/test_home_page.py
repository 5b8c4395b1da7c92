"""The first page says what the API says of labs, moves and corrections, at any time."""

import html
import re
from typing import Any

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import CORRECTED, HIRED, SEED, get, hire, record
from tests.integration.web.test_moves_page import page, section
from tests.support.browsing import Elements, browser

LABS_MAX = 24


async def test_labs_are_the_largest_of_the_api(reader: httpx.AsyncClient) -> None:
    asked: list[dict[str, str]] = [
        {"at": "2024-06-01"},
        {"at": "2023-11-20", "known_at": "900"},
        {"at": "2024-06-01", "published_by": "2024-01-01"},
    ]
    for times in asked:
        told = await get(reader, "/v1/labs", limit=500, **times)
        counts = {lab["id"]: lab["headcount"] for lab in told["items"]}
        shown = section(await page(reader, "/", 200, **times), "labs")
        rows = re.findall(r'<th scope="row"><a href="/labs/([^"?]+)\?', shown)
        numbers = [
            int(n) for n in re.findall(r'data-label="[a-z]+">(?:<span[^>]*>)?([0-9]+)<', shown)
        ]
        sizes = [sum(counts[lab].values()) for lab in rows]
        every = sorted((sum(c.values()) for c in counts.values()), reverse=True)
        assert sizes == [size for size in every if size][:LABS_MAX]
        assert len(sizes) > 10
        assert numbers == [
            counts[lab][presence]
            for lab in rows
            for presence in ("certain", "presumed", "possible")
        ]


async def test_every_lab_is_that_of_the_api(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/labs", limit=500, at="2024-06-01")
    shown = await page(reader, "/?labs=all&at=2024-06-01")
    rows = re.findall(r'<th scope="row"><a href="/labs/([^"?]+)', shown)
    assert rows == [lab["id"] for lab in told["items"]]
    cells = re.findall(r"</th><td>([^<]*)</td><td>([^<]*)</td><td>", shown)
    assert cells == [(lab["kind"] or "", lab["country"] or "") for lab in told["items"]]
    assert "is none of: all" in await page(reader, "/?labs=some", 422)


async def test_part_of_every_lab_is_cited_as_that_part(reader: httpx.AsyncClient) -> None:
    first = await page(reader, "/?labs=all&at=2024-06-01")
    cited = re.findall(r'rel="bookmark" href="([^"]+)"', first)
    assert not [address for address in cited if "after=" in address]
    later = await page(reader, "/?labs=all&at=2024-06-01&after=meta")
    (cited_later,) = (
        html.unescape(found) for found in re.findall(r'rel="bookmark" href="([^"]+)"', later)
    )
    assert cited_later == f"{html.unescape(cited[0])}&after=meta"
    rows = re.findall(r'<th scope="row"><a href="/labs/([^"?]+)', later)
    again = await page(reader, cited_later)
    assert re.findall(r'<th scope="row"><a href="/labs/([^"?]+)', again) == rows


@pytest.mark.parametrize(
    "cut", [{"known_at": "1500"}, {"published_by": "2024-06-01"}], ids=" ".join
)
async def test_latest_moves_are_among_those_of_the_api(
    reader: httpx.AsyncClient, cut: dict[str, str]
) -> None:
    times = {"at": "2024-06-01"} | cut
    told = await get(reader, "/v1/moves", limit=500, to="2024-06-01", **times)
    known = [move["person"]["id"] for move in told["items"]]
    shown = section(await page(reader, "/", 200, **times), "newest-moves")
    people = re.findall(r'href="/people/([^"?]+)', shown)
    assert 4 < len(people) <= 8
    assert set(people) <= set(known[:30])


async def test_latest_moves_are_those_of_every_lab(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """Whoever came last is told, also where so few are that the lab is not among the largest."""
    told: list[dict[str, Any]] = []
    for n in range(LABS_MAX):
        lab = {"id": f"lab-{n}", "name": f"Lab {n}"}
        told += [
            hire(person={"name": f"Ann {n}"}, lab=lab, date="2025-01-05"),
            hire(person={"name": f"Bob {n}"}, lab=f"lab-{n}", date="2025-01-05"),
        ]
    async with browser(made) as asking:
        await record(client, *told)
        small = hire(person={"name": "Ida"}, lab={"name": "A small lab"}, date="2025-06-01")
        await record(client, small)
        shown = (await asking.get("/?at=2025-07-01")).text
        assert "A small lab" not in section(shown, "labs")
        assert ">Ida</bdi></a> joined" in section(shown, "newest-moves")


async def test_links_keep_the_times_and_questions_are_answered(reader: httpx.AsyncClient) -> None:
    times = "at=2023-11-20&known_at=900"
    shown = await page(reader, f"/?{times}")
    links = [said.get("href") or "" for tag, said in Elements(shown).found if tag == "a"]
    there = [link for link in links if link.startswith(("/people/", "/labs/", "/moves"))]
    assert len([link for link in there if times in link]) > LABS_MAX
    questions = [link for link in links if link.startswith("/?q=")]
    assert len(questions) == 3
    for question in questions:
        answer = await reader.get(question, headers={"Accept": "text/html"})
        assert answer.status_code == 302, question


async def test_page_follows_what_is_recorded(made: Machinery, client: httpx.AsyncClient) -> None:
    async with browser(made) as asking:
        empty = await asking.get("/")
        assert "Nothing says of anybody that they were at a lab on that day" in empty.text
        assert "Nothing was corrected so far" in empty.text
        await record(client, *SEED)
        first = await asking.get("/")
        assert f'href="/events/{CORRECTED}"' in first.text
        assert f'href="/events/{HIRED}"' in first.text
        assert "misread" in first.text
        same = await asking.get("/", headers={"If-None-Match": first.headers["etag"]})
        assert same.status_code == 304
        await record(client, hire(person={"name": "<b>Ann</b>"}, date="2026-01-05"))
        again = await asking.get("/", headers={"If-None-Match": first.headers["etag"]})
        assert "&lt;b&gt;Ann&lt;/b&gt;</bdi></a> joined" in again.text
        assert "<b>Ann" not in again.text
