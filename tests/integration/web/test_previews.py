"""Pages tell those who preview links of a picture, which is made of the same facts."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from service.api.operations import Machinery
from tests.integration.api.asking import HIRED, SEED, get, hire, record
from tests.support.browsing import HTML, Elements, browser, signed_in

TIMES = "at=2024-06-01&known_at=1500&published_by=2026-01-01"


def meta(text: str) -> dict[str, str]:
    """What a page says of itself to those who preview it."""
    every = [said for tag, said in Elements(text).found if tag == "meta"]
    return {
        str(said.get("property") or said.get("name")): str(said.get("content")) for said in every
    }


async def picture_of(asking: httpx.AsyncClient, address: str) -> httpx.Response:
    page = await asking.get(address, headers={"Accept": HTML})
    assert page.status_code == 200, page.text
    said = meta(page.text)
    assert said["twitter:card"] == "summary_large_image"
    assert said["og:image:alt"]
    answer = await asking.get(said["og:image"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    made = Image.open(BytesIO(answer.content))
    assert (str(made.width), str(made.height)) == (
        said["og:image:width"],
        said["og:image:height"],
    )
    assert made.size == (1200, 630)
    return answer


async def test_pages_have_a_picture_of_their_facts(reader: httpx.AsyncClient) -> None:
    event = (await get(reader, "/v1/events", type="hire", limit=1))["items"][0]["event_id"]
    bodies = [
        (await picture_of(reader, address)).content
        for address in (
            "/",
            "/?at=2020-01-01",
            "/labs/openai",
            f"/labs/openai?{TIMES}",
            "/people/ilya-sutskever",
            f"/people/ilya-sutskever?{TIMES}",
            "/moves",
            f"/moves?from_lab=openai&{TIMES}",
            f"/events/{event}",
        )
    ]
    assert len(set(bodies)) == len(bodies), "each of other facts"


async def test_addresses_are_whole_and_keep_the_times(reader: httpx.AsyncClient) -> None:
    answer = await reader.get(
        f"/labs/DeepMind?{TIMES}&sort=name",
        headers={"Accept": HTML, "Host": "timeline.example"},
        follow_redirects=True,
    )
    said = meta(answer.text)
    here = f"http://timeline.example/labs/google-deepmind?{TIMES}"
    assert said["og:url"] == here
    assert said["og:image"] == f"{here}&format=png"
    forged = await reader.get("/labs/openai", headers={"Accept": HTML, "Host": 'a"><b>'})
    assert "<b>" not in forged.text


async def test_picture_is_kept_until_the_facts_are_others(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    async with browser(made) as asking:
        first = await picture_of(asking, "/labs/engines")
        assert first.headers["cache-control"] == "no-cache"
        kept = {"If-None-Match": first.headers["etag"]}
        same = await asking.get("/labs/engines?format=png", headers=kept)
        assert same.status_code == 304
        (event,) = await record(client, hire(person={"name": "Ann"}, date="2022-01-05"))
        again = await asking.get("/labs/engines?format=png", headers=kept)
        assert again.status_code == 200
        before = f"/labs/engines?known_at={event['position'] - 1}&format=png"
        assert (await asking.get(before)).content != again.content


@pytest.mark.parametrize("path", ["/", "/labs/engines", "/people/ada", "/moves"])
async def test_picture_needs_a_key_where_reading_does(
    made: Machinery, client: httpx.AsyncClient, path: str
) -> None:
    await record(client, *SEED)
    made.read_keys_required = True
    async with browser(made) as asking:
        refused = await asking.get(f"{path}?format=png")
        assert (refused.status_code, refused.headers["content-type"]) != (200, "image/png")
        assert refused.status_code == 302
        await signed_in(asking, "admin")
        shown = await asking.get(f"{path}?format=png")
        assert shown.headers["content-type"] == "image/png"
        assert "private" in shown.headers["cache-control"] or (
            shown.headers["cache-control"] == "no-store"
        )


async def test_pages_without_a_picture_refuse_it(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    async with browser(made) as asking:
        for path in ("/log", "/findings", "/corrections", "/replays", "/?labs=all"):
            mark = "&" if "?" in path else "?"
            answer = await asking.get(f"{path}{mark}format=png")
            assert answer.status_code == 422, path
            assert "og:image" not in (await asking.get(path)).text
        assert (await asking.get(f"/events/{HIRED}?format=png")).status_code == 200
        assert (await asking.get("/moves?from_lab=nowhere&format=png")).status_code == 422
