"""The page of an event says what the API says of it, and of all that was said about it since."""

import re
from typing import Any

import httpx
import pytest

from service.answers.corrections import event_with_effects
from service.api.operations import Machinery
from tests.integration.api.asking import CORRECTED, HIRED, SEED, UNKNOWN, get, hire, record
from tests.support.browsing import Elements, browser


async def test_both_words_stand_side_by_side_with_what_changed(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    told = await get(client, f"/v1/events/{HIRED}")
    async with browser(made) as asking:
        shown = (await asking.get(f"/events/{HIRED}")).text
        about = (await asking.get(f"/events/{CORRECTED}")).text
    assert "<del>2020</del>" in shown
    assert "<ins>February 2020</ins>" in shown
    text = Elements(shown).text
    assert "“misread”" in text
    assert told["hash"] in text
    assert "since 2020" in text
    assert "since February 2020" in text
    (effect,) = [one["effect"] for one in told["corrections"]]
    assert effect["changes_total"] == 1
    (caption,) = re.findall(r"<caption>Counts</caption>(?s:.*?)</table>", shown)
    assert caption.count("<tr>") == 1 + len(effect["headcounts"])
    assert f'href="/events/{HIRED}"' in about
    assert "<ins>February 2020</ins>" in about
    assert f"{CORRECTED}/correct" not in about


async def test_retraction_is_shown_crossed_out(made: Machinery, client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    (event,) = await record(client, hire(person={"name": "<b>Ann</b>"}))
    address = f"/events/{event['event_id']}"
    reason = {"reason": "It was <another> Ann."}
    answer = await client.put(f"/v1{address}/retraction", json=reason)
    assert answer.status_code == 201
    async with browser(made) as asking:
        shown = (await asking.get(address)).text
        before = (await asking.get(f"{address}?known_at={event['position']}")).text
    assert '<span class="presence presence-withdrawn">' in shown
    assert "It was &lt;another&gt; Ann." in shown
    assert "&lt;b&gt;Ann&lt;/b&gt;" in shown
    assert "withdrawn" not in before
    assert "<del>" not in before


async def test_links_stay_at_the_times_of_the_page(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    times = "?at=2021-01-01&known_at=8"
    async with browser(made) as asking:
        shown = await asking.get(f"/events/{HIRED}{times}")
        same = await asking.get(
            f"/events/{HIRED}{times}", headers={"If-None-Match": shown.headers["etag"]}
        )
    assert same.status_code == 304
    links = [
        str(said.get("href"))
        for tag, said in Elements(shown.text).found
        if tag == "a" and re.match("/(people|labs)/", str(said.get("href")))
    ]
    assert links
    assert all(link.endswith(times) for link in links)


async def test_what_is_no_event_is_not_there(reader: httpx.AsyncClient) -> None:
    for event_id in (UNKNOWN, "none", "%00"):
        answer = await reader.get(f"/events/{event_id}", headers={"Accept": "text/html"})
        assert answer.status_code == 404, event_id


async def test_sources_of_both_words_are_listed_once_if_they_are_the_same(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    sources = [{"url": "https://example.org/news", "title": "News"}]
    (*_, event) = await record(client, *SEED, hire(sources=sources))
    says = hire(date="2021", sources=sources)
    target, about = event["event_id"], "Said on these sources, first and now"
    async with browser(made) as asking:
        await record(client, {"type": "correction", "target": target, "reason": "r", "event": says})
        shown = (await asking.get(f"/events/{target}")).text
        assert about in shown
        assert "Says so now on these sources" not in shown
        other = says | {"sources": [{"url": "https://example.org/other"}]}
        await record(
            client, {"type": "correction", "target": target, "reason": "r", "event": other}
        )
        shown = (await asking.get(f"/events/{target}")).text
        assert about not in shown
        assert "Says so now on these sources" in shown


async def test_what_was_erased_says_when_and_why(
    made: Machinery, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As answers tell it: what the event said is gone, and its place is not."""
    await record(client, *SEED)

    async def erased(*asked: Any) -> dict[str, Any]:
        view = await event_with_effects(*asked)
        kept = ("event_id", "position", "recorded_at", "recorded_by", "revision", "hash")
        by = {"position": 9, "recorded_at": view["recorded_at"], "reason": "She <asked> for it."}
        return {name: view[name] for name in kept} | {
            "type": "erased",
            "erased": by,
            "corrections": [],
            "findings": [],
        }

    monkeypatch.setattr("service.web.pages.event.event_with_effects", erased)
    async with browser(made) as asking:
        shown = (await asking.get(f"/events/{HIRED}")).text
    assert "because: <bdi>She &lt;asked&gt; for it.</bdi> Its place" in shown
    assert "Ada" not in Elements(shown).text
    assert "/correct" not in shown.replace("/corrections", "")
