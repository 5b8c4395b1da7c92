"""The page of a person says what the API says of them, for the times that its address asks for."""

import csv
import io
import re
from html import unescape

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import HIRED, SEED, get, hire, record
from tests.integration.web.test_lab_page import page
from tests.support.browsing import Elements, browser, json_ld

TIMES = "?at=2025-01-15&known_at=1500&published_by=2026-01-01"
SOURCE = {"url": "https://example.org/a?b=1&c=2", "title": "Joins <b>", "published": "2024-02"}


def hrefs(text: str) -> list[str]:
    return [said["href"] or "" for tag, said in Elements(text).found if tag == "a"]


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))


@pytest.mark.parametrize(
    "times",
    [
        {"at": "2024-06-01"},
        {"at": "2026-01-01"},
        {"at": "2025-01-15", "known_at": "1500", "published_by": "2025-01-01"},
    ],
)
async def test_page_says_what_the_api_says(
    reader: httpx.AsyncClient, times: dict[str, str]
) -> None:
    told = await get(reader, "/v1/people/lucas-beyer", **times)
    shown = await reader.get("/people/lucas-beyer", params=times, headers={"Accept": "text/html"})
    assert shown.status_code == 200
    _, _, stays = shown.text.partition('<table class="stays folding"')
    stays, _, _ = stays.partition("</table>")
    labs = [href.partition("?")[0] for href in hrefs(stays) if href.startswith("/labs/")]
    assert labs == [f"/labs/{stint['lab']['id']}" for stint in told["stints"]]
    rests_on = [href.partition("?")[0] for href in hrefs(stays) if href.startswith("/events/")]
    assert rests_on == [f"/events/{one}" for stint in told["stints"] for one in stint["events"]]
    for stint in told["stints"]:
        if stint["presence"] is not None:
            lab = stint["lab"]["id"]
            why = await get(reader, f"/v1/labs/{lab}/members/lucas-beyer/why", **times)
            assert why["sentence"] in unescape(shown.text)
    assert " style=" not in shown.text


async def test_absence_is_said_with_the_last_that_is_known(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, "/people/ilya-sutskever?at=2024-06-01")
    assert "is not known to have been anywhere on 1 June 2024." in shown.text
    assert "at OpenAI any more, having left on 14 May 2024" in shown.text


async def test_overlaps_are_told(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, "/people/ilya-sutskever?at=2024-06-01")
    assert "More than one at once" in shown.text
    assert "from 11 December 2015 to 30 December 2015" in shown.text


async def test_links_stay_at_the_times_of_the_page(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, f"/people/lucas-beyer{TIMES}")
    links = [
        href
        for href in hrefs(shown.text)
        if re.match("/(people|labs|events)/[^?]+[?](?!format)", href)
    ]
    own = [href for href in links if not href.startswith("/people/lucas-beyer")]
    assert len(own) > 10
    assert all(href.endswith(TIMES) for href in own)
    canonical = TIMES.replace("&", "&amp;")
    assert f'<link rel="canonical" href="http://test/people/lucas-beyer{canonical}">' in shown.text
    assert f'href="/v1/people/lucas-beyer{canonical}"' in shown.text
    assert f"/people/lucas-beyer{TIMES}&format=csv&table=stints" in hrefs(shown.text)


async def test_names_lead_to_the_one_address(reader: httpx.AsyncClient) -> None:
    for asked, wanted in (
        ("/people/Lucas%20Beyer?at=2024-06-01&x=%22", "/people/lucas-beyer?at=2024-06-01&x=%22"),
        ("/people/giffmana", "/people/lucas-beyer"),
        ("/labs/DeepMind?at=2024-06-01&sort=name", "/labs/google-deepmind?at=2024-06-01&sort=name"),
    ):
        led = await page(reader, asked, 308)
        assert led.headers["location"] == wanted
        assert led.headers["cache-control"] == "no-store"
        await page(reader, wanted)


async def test_joined_ids_lead_on_from_when_they_were_joined(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    async with browser(made) as asking:
        recorded = await record(client, *SEED)
        joined = recorded[6]["position"]
        led = await asking.get("/people/a-lovelace?at=2024-01-01")
        assert (led.status_code, led.headers["location"]) == (308, "/people/ada?at=2024-01-01")
        before = await asking.get(f"/people/a-lovelace?known_at={joined - 1}")
        # The event itself named them first: until then they are known by today's names.
        assert before.status_code == 200
        shown = await asking.get("/people/ada")
        assert "A. Lovelace is the same as Ada Lovelace" in Elements(shown.text).text
        ambiguous = await asking.get("/people/Wei%20Wang")
        assert ambiguous.status_code == 409
        assert 'href="/people/wei-wang-2"' in ambiguous.text
        unknown = await asking.get("/people/ada-lovelac")
        assert unknown.status_code == 404
        assert 'href="/people/ada"' in unknown.text


async def test_times_that_are_none_are_refused(reader: httpx.AsyncClient) -> None:
    assert "2024-02-30" in (await page(reader, "/people/lucas-beyer?at=2024-02-30", 422)).text
    assert "no position" in (await page(reader, "/people/lucas-beyer?known_at=9999999", 422)).text


async def test_tables_are_files_too(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/people/lucas-beyer", at="2024-06-01", known_at=1500)
    address = "/people/lucas-beyer?at=2024-06-01&known_at=1500&format=csv"
    stints = await reader.get(f"{address}&table=stints")
    assert stints.headers["content-disposition"] == (
        'attachment; filename="lucas-beyer-stints-2024-06-01-1500.csv"'
    )
    rows = table(stints)
    assert [row["lab_id"] for row in rows] == [stint["lab"]["id"] for stint in told["stints"]]
    assert [row["presence"] or None for row in rows] == [s["presence"] for s in told["stints"]]
    assert {(row["at"], row["known_at"], row["published_by"]) for row in rows} == {
        ("2024-06-01", "1500", "")
    }
    assert (await reader.get(address)).text == stints.text, "the first, where none is named"
    tag = {"If-None-Match": stints.headers["etag"]}
    assert (await reader.get(f"{address}&table=stints", headers=tag)).status_code == 304
    events = table(await reader.get(f"{address}&table=events"))
    listed = await get(reader, "/v1/events", person="lucas-beyer", known_at=1500)
    assert {row["event_id"] for row in events} == {one["event_id"] for one in listed["items"]}
    assert "is no table of this page; known: stints, events, findings, colleagues." in unescape(
        (await page(reader, f"{address}&table=x", 422)).text
    )
    assert "is no form of this page; known: csv, json, png, atom." in unescape(
        (await page(reader, "/people/lucas-beyer?format=xls", 422)).text
    )


async def test_roster_is_a_file_too(reader: httpx.AsyncClient) -> None:
    told = await get(reader, "/v1/labs/openai", at="2023-11-20")
    answer = await reader.get("/labs/openai?at=2023-11-20&sort=name&format=csv&table=roster")
    rows = table(answer)
    assert [(row["person_id"], row["presence"]) for row in rows] == [
        (member["person"]["id"], member["presence"]) for member in told["members"]
    ]
    shown = await page(reader, "/labs/openai?at=2023-11-20&sort=name")
    assert "/labs/openai?at=2023-11-20&sort=name&format=csv&table=roster" in hrefs(shown.text)


async def test_ledger_tells_what_became_of_each_event(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    async with browser(made) as asking:
        await record(client, *SEED)
        rumour, retracted = await record(
            client,
            hire(lab="x", date="2019", certainty="rumoured", sources=[SOURCE]),
            hire(lab="y", date="[..2018]", alternatives=[{"date": "2017~", "sources": [SOURCE]}]),
        )
        (word,) = await record(
            client, {"type": "retraction", "target": retracted["event_id"], "reason": "<i>no</i>"}
        )
        shown = (await asking.get("/people/ada")).text
        lines = re.findall(r'<tr id="event-(\d+)"(.*?)</tr>', shown, re.DOTALL)
        # Latest first by the date that holds; what has no date last.
        assert [int(place) for place, _ in lines[:3]] == [
            1, rumour["position"], retracted["position"],
        ]  # fmt: skip
        first, second, third = (Elements(line).text for _, line in lines[:3])
        assert "February 2020" in first
        assert "corrected" in first
        assert "Date first said: 2020" in first
        assert "misread" in first
        assert "rumoured" in second
        assert "Rumour: Ada Lovelace joined Lab X" in second
        assert "Joins <b>, February 2024" in second
        assert "withdrawn" in third
        assert "Other sources say about 2017" in third
        assert "<i>no</i>" in third
        assert f'href="/events/{word["event_id"]}"' in lines[2][1]
        assert f'href="/events/{HIRED}"' in lines[0][1]
        outside = [s for tag, s in Elements(shown).found if s.get("href") == SOURCE["url"]]
        assert [s["rel"] for s in outside] == ["external nofollow noopener"] * 2
        rows = table(await asking.get("/people/ada?format=csv&table=events"))
        assert [row["status"] for row in rows[:3]] == ["corrected", "rumoured", "retracted"]
        before = await asking.get(f"/people/ada?known_at={word['position'] - 1}")
        assert "withdrawn" not in before.text


async def test_page_is_described_for_machines(reader: httpx.AsyncClient) -> None:
    shown = await page(reader, "/people/lucas-beyer?at=2024-06-01")
    said = json_ld(shown.text)
    assert (said["@type"], said["name"]) == ("Person", "Lucas Beyer")
    (now,) = said["worksFor"]
    assert now["worksFor"]["url"] == "/labs/google-deepmind"
    assert now["startDate"] == "2023-04-20"
    properties = {
        attributes.get("property"): attributes.get("content")
        for tag, attributes in Elements(shown.text).found
        if tag == "meta"
    }
    assert properties["og:title"] == "Lucas Beyer on 1 June 2024"
    assert "was at Google DeepMind on 1 June 2024" in (properties["og:description"] or "")
    assert properties["og:type"] == "profile"


async def test_page_follows_what_is_recorded(made: Machinery, client: httpx.AsyncClient) -> None:
    async with browser(made) as asking:
        await record(client, *SEED)
        first = await asking.get("/people/ada")
        same = await asking.get("/people/ada", headers={"If-None-Match": first.headers["etag"]})
        assert same.status_code == 304
        name = "</script><b>Ann</b>"
        (event,) = await record(client, hire(person={"name": name}, date="2026-01-05"))
        person = event["person"]["id"]
        again = await asking.get("/people/ada", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 200
        assert "&lt;b&gt;Ann" in again.text, "they were there together"
        shown = await asking.get(f"/people/{person}")
        assert "<b>Ann" not in shown.text
        assert json_ld(shown.text)["name"] == name
        # Of the block of data and of the page's own file.
        assert shown.text.count("</script>") == shown.text.count("<script ") == 2
