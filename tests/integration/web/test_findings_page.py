"""The page of findings says what the API says, kind by kind, and leads to whom they concern."""

import re

import httpx

from service.api.operations import Machinery
from service.domain.findings import FINDING_KINDS
from service.read_models import similar_people
from service.web.pages.findings import KINDS
from tests.integration.api.asking import SEED, get, hire, record
from tests.integration.web.test_log_page import page
from tests.support.browsing import Elements, browser

SAID = re.compile(r'<p class="queue-said">(.*?)</p>')


def said(shown: str) -> list[str]:
    """What findings say, in order."""
    return [Elements(one).text for one in SAID.findall(shown)]


async def test_findings_are_those_of_the_api(reader: httpx.AsyncClient) -> None:
    for asked in ({}, {"kind": "overlap"}, {"known_at": "900"}, {"lab": "OpenAI"}):
        told = await get(reader, "/v1/findings", limit=30, **asked)
        shown = await page(reader, f"/findings?{httpx.QueryParams(asked)}")
        assert said(shown) == [finding["detail"] for finding in told["items"]], asked
        for finding in told["items"]:
            for event in finding["events"]:
                assert f'href="/events/{event}' in shown


async def test_pages_lead_to_every_finding(reader: httpx.AsyncClient) -> None:
    address, seen = "/findings?at=2026-01-01", list[str]()
    while True:
        shown = await page(reader, address)
        seen += said(shown)
        found = re.search(r'rel="next" href="([^"]+)"', shown)
        if found is None:
            break
        address = found[1].replace("&amp;", "&")
        assert "at=2026-01-01" in address
    told = await get(reader, "/v1/findings", at="2026-01-01", limit=1000)
    assert seen == [finding["detail"] for finding in told["items"]]


async def test_each_kind_is_one_link_away(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, "/findings?person=lucas-beyer")
    assert {*KINDS} == {*FINDING_KINDS, "possible_same_person"}
    for kind in KINDS:
        assert f"/findings?person=lucas-beyer&amp;kind={kind}" in shown
        await page(reader, f"/findings?kind={kind}")
    past = await page(reader, "/findings?known_at=900")
    assert "/findings?known_at=900&amp;kind=overlap" in past
    assert '"/findings?kind=possible_same_person"' in past, "guesses are of now alone"
    guesses = await page(reader, "/findings?kind=possible_same_person")
    assert 'rel="bookmark"' not in guesses, "and cannot be cited"


async def test_kinds_say_how_many_there_are(reader: httpx.AsyncClient) -> None:
    asking: list[dict[str, str]] = [
        {},
        {"known_at": "900"},
        {"lab": "OpenAI"},
        {"person": "sam-altman", "kind": "overlap"},
    ]
    for asked in asking:
        others = {name: said for name, said in asked.items() if name != "kind"}
        told = (await get(reader, "/v1/findings", limit=1000, **others))["items"]
        shown = await page(reader, f"/findings?{httpx.QueryParams(asked)}")
        kinds = shown.partition('aria-label="Kinds"')[2].partition("</nav>")[0]
        counts = {
            name: int(count.replace(",", ""))
            for name, count in re.findall(
                r'>([^<]+) <span class="soft">([0-9,]+)</span></a>', kinds
            )
        }
        of_kinds = {KINDS[kind]: sum(f["kind"] == kind for f in told) for kind in FINDING_KINDS}
        assert counts == {"All kinds": len(told), **of_kinds}
        assert "May be the same person</a>" in kinds, "guesses are not counted"


async def test_places_and_kinds_that_are_none_are_refused(reader: httpx.AsyncClient) -> None:
    for address in (
        "/findings?kind=odd",
        "/findings?before=12",
        "/findings?kind=possible_same_person&before=12",
        "/findings?kind=possible_same_person&known_at=3",
    ):
        await page(reader, address, 422)
    await page(reader, "/findings?person=nobody+has+this", 404)


async def test_people_who_may_be_one_are_told_apart_from_findings(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    async with made.pool.acquire() as connection:
        while await similar_people.look(connection):
            pass
    async with browser(made) as asking:
        shown = (await asking.get("/findings?kind=possible_same_person")).text
        every = (await asking.get("/findings")).text
    told = await get(client, "/v1/findings", kind="possible_same_person")
    assert said(shown) == [one["detail"] for one in told["items"]]
    assert 'href="/people/wei-wang-2"' in shown
    assert f"up to position {len(SEED)}" in shown
    assert not set(said(shown)) & set(said(every))


async def test_names_in_findings_are_texts(made: Machinery, client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    ann = {"id": "ann", "name": "<b>Ann</b>"}
    await record(client, hire(person=ann, date="2020"), hire(person="ann", date="2022"))
    async with browser(made) as asking:
        first = await asking.get("/findings")
        assert "&lt;b&gt;Ann&lt;/b&gt; was recorded as joining" in first.text
        assert "<b>" not in first.text
        same = await asking.get("/findings", headers={"If-None-Match": first.headers["etag"]})
    assert same.status_code == 304
