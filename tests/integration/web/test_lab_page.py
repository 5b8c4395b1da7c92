"""The page of a lab says what the API says of it, for the times that its address asks for."""

import html
import re
from datetime import date, timedelta

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import SEED, get, hire, record
from tests.integration.web.test_moves_page import movers, section
from tests.support.browsing import Elements, browser, json_ld

ROSTER = '<table class="roster"'


async def page(reader: httpx.AsyncClient, address: str, status: int = 200) -> httpx.Response:
    answer = await reader.get(address, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer


def listed(text: str) -> list[str]:
    """Whom the roster names, from top to bottom."""
    roster = text.partition(ROSTER)[2].partition("</table>")[0]
    return re.findall(r'href="/people/([^"?]+)', roster)


async def test_roster_is_that_of_the_api(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/labs/DeepMind", at="2024-06-01")
    shown = await page(reader, "/labs/google-deepmind?at=2024-06-01&sort=name")
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


async def test_roster_of_many_is_shown_in_parts(
    reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "/labs/openai?at=2023-11-20&sort=name"
    whole = (await page(reader, "/labs/openai?sort=name&at=2023-11-20")).text
    assert "Pages of the roster" not in whole
    everybody = listed(whole)
    monkeypatch.setattr("service.web.pages.lab.ROSTER_SHOWN_MAX", 30)
    first = (await page(reader, address)).text
    assert f"People 1 to 30 of {len(everybody)}." in first
    assert first.count('<tr class="is-') == 30
    above = first.partition('class="pages"')[2].partition("</ul>")[0]
    links = [html.unescape(each) for each in re.findall(r'href="([^"]+)#roster"', above)]
    assert links[0] == address
    found = [one for link in links for one in listed((await page(reader, link)).text)]
    assert found == everybody
    # Who is there no more begins no page; the first one is shown.
    assert listed((await page(reader, f"{address}&after=nobody")).text) == everybody[:30]
    assert listed((await page(reader, f"{address}&after={everybody[-1]}")).text) == everybody[:30]
    second = (await page(reader, links[1])).text
    assert f"People 31 to 60 of {len(everybody)}." in second
    bar = second.partition('<section class="times"')[2].partition("</section>")[0]
    assert "after" not in bar, "another day has another roster"
    cited = html.unescape(re.findall(r'rel="bookmark" href="([^"]+)"', second)[0])
    assert listed((await page(reader, cited)).text) == everybody[30:60]


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
    here = "http://test/labs/openai?at=2023-11-20&amp;known_at=900"
    assert f'<link rel="canonical" href="{here}' in shown.text
    assert "from what was published by 1 January 2026" in shown.text


def fact(shown: str, name: str) -> str:
    """What the head of the page says under *name*; blank where it says nothing."""
    return shown.partition(f"<dt>{name}</dt><dd>")[2].partition("</dd>")[0]


async def test_head_tells_what_was_so_on_the_day_from_what_came_later(
    reader: httpx.AsyncClient,
) -> None:
    shown = (await page(reader, "/labs/openai?at=2023-11-20")).text
    assert "Global Illumination" in fact(shown, "Took in")
    assert "Rockset" not in fact(shown, "Took in")
    assert "Rockset" in fact(shown, "Took in later")
    before = (await page(reader, "/labs/google-brain?at=2022-01-01")).text
    assert fact(before, "Merged later") == "20 April 2023"
    assert "google-deepmind" in fact(before, "Later part of")
    after = (await page(reader, "/labs/google-brain?at=2024-01-01")).text
    assert fact(after, "Merged") == "20 April 2023"
    assert "google-deepmind" in fact(after, "Became part of")


async def test_founders_are_marked_by_how_sure_it_is_that_they_are_there(
    reader: httpx.AsyncClient,
) -> None:
    told = await get(reader, "/v1/labs/openai", at="2023-11-25")
    founders = {founder["id"] for founder in told["lab"]["founders"]}
    there = [m["presence"] for m in told["members"] if m["person"]["id"] in founders]
    said = fact((await page(reader, "/labs/openai?at=2023-11-25")).text, "Founders")
    doubtful = len(there) - there.count("certain")
    assert f"{len(there)} of {len(founders)} still there, {doubtful} of them not for " in said
    for presence in ("certain", "presumed", "possible"):
        assert said.count(f"presence-{presence}") == there.count(presence) > 0
    today = fact((await page(reader, "/labs/mistral-ai?at=2026-11-22")).text, "Founders")
    assert "3 of 3 still there, none for certain" in today


async def test_search_and_main_links_keep_the_times(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, "/moves?at=2023-11-20&known_at=900")
    navigation = shown.text.partition('aria-label="Main"')[2].partition("</nav>")[0]
    links = {a.get("href"): a for tag, a in Elements(navigation).found if tag == "a"}
    assert links["/moves?at=2023-11-20&known_at=900"]["aria-current"] == "page"
    assert "/findings?at=2023-11-20&known_at=900" in links
    assert "/docs" in links
    searching = shown.text.partition('role="search"')[2].partition("</form>")[0]
    assert '<input type="hidden" name="at" value="2023-11-20">' in searching
    assert '<input type="hidden" name="known_at" value="900">' in searching
    near = await page(reader, "/?q=deep&at=2023-11-20&known_at=900")
    links = {a.get("href"): a for tag, a in Elements(near.text).found if tag == "a"}
    assert "/labs/deepseek?at=2023-11-20&known_at=900" in links


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


PERIOD = {"from": "2023-06-01", "to": "2024-06-01"}
TIMES = {"at": "2024-06-01", "known_at": "1500"}


async def test_joined_and_left_are_those_of_the_api(reader: httpx.AsyncClient) -> None:
    for lab in ("openai", "google-deepmind", "inflection-ai"):
        shown = section((await page(reader, with_query(f"/labs/{lab}"))).text, "moved")
        before, _, after = shown.partition("<h3>Left</h3>")
        for side, name in ((before, "to_lab"), (after, "from_lab")):
            told = await get(reader, "/v1/moves", limit=25, **{name: lab}, **PERIOD, **TIMES)
            assert movers(side) == [move["person"]["id"] for move in told["items"]]
            count = told["count"]
            most = count["certain"] + count["possible"]
            some = f"{most} "
            if count["possible"]:
                some = f"between {count['certain']} and " if count["certain"] else "at most "
                some += f"{most} "
            assert some in before.partition('<p class="summed">')[2].partition("</p>")[0]


async def test_flows_are_those_of_the_api_and_open_their_rows(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/flows", lab="openai", limit=500, **PERIOD, **TIMES)
    shown = section((await page(reader, with_query("/labs/openai"))).text, "flows")
    cells = re.findall(r'<a href="(/moves\?[^"]+)"[^>]*>(?:<span class="band">)?([0-9–]+)<', shown)
    counts = [
        f["count"]
        for side in ("to", "from")
        for f in told["items"]
        if f[side] and f[side]["id"] == "openai"
    ]
    assert [said for _, said in cells] == [
        f"{c['certain']}–{c['certain'] + c['possible']}" if c["possible"] else str(c["certain"])
        for c in counts
    ]
    for address, said in cells:
        rows = section((await page(reader, address.replace("&amp;", "&"))).text, "moves")
        assert len(movers(rows)) == int(said.rpartition("–")[2])


async def test_headcounts_are_those_of_the_rosters(reader: httpx.AsyncClient) -> None:
    shown = section((await page(reader, with_query("/labs/openai"))).text, "growth")
    rows = re.findall(
        r'<a href="/labs/openai\?at=([0-9-]+)&amp;known_at=1500"[^>]*>[^<]+</a></th>'
        r'<td class="number">(\d+)</td><td class="number">(\d+)</td><td class="number">(\d+)</td>',
        shown,
    )
    assert len(rows) > 20
    for on, *counts in rows[::9]:
        told = await get(reader, "/v1/labs/openai", at=on, known_at="1500")
        assert [*map(str, told["headcount"].values())] == counts


async def test_its_own_line_and_what_is_not_known(reader: httpx.AsyncClient) -> None:
    shown = (await page(reader, with_query("/labs/google-deepmind"))).text
    line = section(shown, "line")
    assert line.index("Founded") < line.index("Took in") < line.index("Google DeepMind</bdi> from")
    unknown = section(shown, "unknown")
    found = await get(reader, "/v1/findings", lab="google-deepmind", limit=10, **TIMES)
    assert found["items"]
    assert all(one["detail"].replace("'", "&#39;") in unknown for one in found["items"])
    lost = await get(
        reader, "/v1/moves", from_lab="google-deepmind", kind="departure", **PERIOD, **TIMES
    )
    assert str(lost["count"]["certain"]) in unknown.partition("no next place")[0]
    cut = (await page(reader, "/labs/google-deepmind?published_by=2024-01-01")).text
    assert "of what was published by a day there are none" in section(cut, "unknown")


async def test_period_that_is_none_is_refused(reader: httpx.AsyncClient) -> None:
    assert "2024-02-30" in (await page(reader, "/labs/openai?from=2024-02-30", 422)).text
    late = await page(reader, "/labs/openai?from=2024-02-01&at=2024-01-01", 422)
    assert "is later than 2024-01-01" in late.text


async def test_lab_of_which_nothing_is_recorded_says_so(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    async with browser(made) as asking:
        shown = (await asking.get("/labs/x?at=2020-01-01")).text
        assert "Became part of" in section(shown, "line")
        bare = (await asking.get("/labs/engines?at=2010-01-01")).text
    assert "Nothing is recorded of when it was founded" in section(bare, "line")
    assert "Nothing says of anybody that they left in that period" in section(bare, "moved")


def with_query(path: str) -> str:
    return str(httpx.URL(path, params={**PERIOD, **TIMES}))


async def test_lab_is_told_to_machines(reader: httpx.AsyncClient) -> None:
    told = json_ld((await page(reader, "/labs/google-deepmind?at=2024-06-01")).text)
    assert (told["@type"], told["name"]) == ("Organization", "Google DeepMind")
    taken = [one["subOrganization"]["url"] for one in told["subOrganization"]]
    assert "/labs/google-brain" in taken
    merged = json_ld((await page(reader, "/labs/google-brain?at=2024-06-01")).text)
    last = merged["parentOrganization"][-1]
    assert last["parentOrganization"]["url"] == "/labs/google-deepmind"
    assert last["startDate"] == merged["dissolutionDate"] == "2023-04-20"
    before = json_ld((await page(reader, "/labs/google-brain?at=2020-06-01")).text)
    assert "dissolutionDate" not in before


async def test_country_is_told_to_be_one(reader: httpx.AsyncClient) -> None:
    shown = (await page(reader, "/labs/google-deepmind")).text
    assert '<abbr title="Country, by its code of two letters">GB</abbr>' in shown


async def test_nobody_is_put_in_no_order(reader: httpx.AsyncClient) -> None:
    shown = (await page(reader, "/labs/google-deepmind?at=1990-01-01")).text
    assert "Nothing says of anybody that they were there on that day." in shown
    assert "length of stay" not in shown


async def test_slider_goes_back_to_when_anybody_was_there(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    """Of a lab that ended, too, of which nobody knows when it was founded."""
    await record(
        client,
        hire(
            person={"id": "ann", "name": "Ann"}, lab={"id": "gone", "name": "Gone"}, date="2011-03"
        ),
        {"type": "departure", "person": "ann", "lab": "gone", "date": "2014-05"},
        {"type": "closure", "lab": "gone", "date": "2015-01"},
    )
    found = Elements((await page(client, "/labs/gone")).text).found
    slider = next(said for _, said in found if said.get("id") == "time-slider")
    first, last = (_day_of(str(slider[end])) for end in ("min", "max"))
    assert first == date(2011, 3, 1)
    assert last >= date(2026, 1, 1)


def _day_of(number: str) -> date:
    return date(1970, 1, 1) + timedelta(days=int(number))
