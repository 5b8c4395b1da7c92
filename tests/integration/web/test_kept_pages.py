"""A page is shown again as it was made, to the same visitor, until something is another."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.operations import Machinery
from service.app import machinery
from service.settings import Settings
from service.web.rendering import rendered
from tests.integration.api.asking import HIRED, SEED, hire, record
from tests.support.browsing import browser, form_token, signed_in

LASTING = [
    "/",
    "/?labs=all",
    "/labs/engines",
    "/labs/engines?at=2021-01-01&known_at=3",
    "/people/ada",
    "/moves",
    "/corrections",
    f"/events/{HIRED}",
]
MADE_EACH_TIME = ["/findings", "/log", "/replays", "/docs"]
"""They show what is beside the log, or nothing that is dear."""


@pytest.fixture
def pages_made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates of the pages that are made, in order."""
    made: list[str] = []

    def noted(template: str, **values: Any) -> str:
        made.append(template)
        return rendered(template, **values)

    monkeypatch.setattr("service.web.visits.rendered", noted)
    return made


@pytest.fixture
async def asking(client: httpx.AsyncClient, made: Machinery) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, and a log that holds the seed."""
    await record(client, *SEED)
    async with browser(made) as one:
        yield one


@pytest.mark.parametrize("address", LASTING)
async def test_page_is_shown_again_as_it_was_made(
    address: str, asking: httpx.AsyncClient, pages_made: list[str]
) -> None:
    first = await asking.get(address)
    assert (first.status_code, len(pages_made)) == (200, 1)
    again = await asking.get(address)
    assert (again.status_code, again.content) == (200, first.content)
    assert _headers(again) == _headers(first)
    head = await asking.head(address)
    assert (head.status_code, _headers(head), head.content) == (200, _headers(first), b"")
    known = await asking.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == first.headers["etag"]
    assert "content-encoding" not in known.headers
    assert len(pages_made) == 1
    plain = await asking.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == first.text
    assert len(pages_made) == 2


@pytest.mark.parametrize("address", MADE_EACH_TIME)
async def test_page_of_more_than_the_log_is_made_each_time(
    address: str, asking: httpx.AsyncClient, pages_made: list[str]
) -> None:
    for number in (1, 2):
        assert (await asking.get(address)).status_code == 200
        assert len(pages_made) == number


@pytest.mark.parametrize("address", LASTING)
async def test_page_is_made_anew_after_the_head_moved(
    address: str, client: httpx.AsyncClient, asking: httpx.AsyncClient
) -> None:
    first = await asking.get(address)
    await record(client, hire(person={"name": "Somebody Else"}))
    then = await asking.get(address)
    # Each says at its foot at which position the log is.
    assert then.text != first.text
    assert then.headers["log-position"] == str(len(SEED) + 1)
    known = await asking.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert known.status_code == 200


async def test_what_another_process_recorded_is_on_the_next_page(
    client: httpx.AsyncClient, asking: httpx.AsyncClient, database: str, tmp_path: Path
) -> None:
    settings = Settings(database_url=database, data_dir=tmp_path)
    async with machinery(settings, database) as other, browser(other) as elsewhere:
        for number in range(3):
            for one in (asking, elsewhere, asking, elsewhere):
                assert f"Charles {number}" not in (await one.get("/labs/engines")).text
            await record(client, hire(person={"name": f"Charles {number}"}))
            for one in (elsewhere, asking):
                assert f"Charles {number}" in (await one.get("/labs/engines")).text


async def test_page_is_made_anew_the_next_day(client: httpx.AsyncClient, made: Machinery) -> None:
    await record(client, *SEED)
    now = made.now()
    made.now = lambda: now
    async with browser(made) as asking:
        first = await asking.get("/labs/engines")
        assert f'value="{now.date()}"' in first.text
        now += timedelta(days=1)
        then = await asking.get("/labs/engines")
        assert f'value="{now.date()}"' in then.text


async def test_pages_of_who_is_signed_in_are_their_own(
    client: httpx.AsyncClient, made: Machinery, pages_made: list[str]
) -> None:
    await record(client, *SEED)
    async with browser(made) as one, browser(made) as other, browser(made) as nobody:
        # All of one process: what one of them is shown could be kept for the others.
        other._transport, nobody._transport = one._transport, one._transport
        tokens = [await signed_in(one, "writer"), await signed_in(other, "writer")]
        assert tokens[0] != tokens[1]
        pages_made.clear()
        for _ in range(2):
            shown = [await each.get("/labs/engines") for each in (one, other)]
            assert [form_token(page.text) for page in shown] == tokens
            assert [page.headers["cache-control"] for page in shown] == ["no-store"] * 2
            plain = await nobody.get("/labs/engines")
            assert "form_token" not in plain.text
            assert plain.headers["cache-control"] == "no-cache"
        assert len(pages_made) == 3
        answer = await one.post(
            "/sign-out", data={"form_token": tokens[0]}, headers={"Origin": "http://test"}
        )
        assert answer.status_code == 303
        assert "form_token" not in (await one.get("/labs/engines")).text


async def test_roster_alone_is_another_page_at_the_same_address(
    asking: httpx.AsyncClient, pages_made: list[str]
) -> None:
    address, only_it = "/labs/engines?at=2021-01-01", {"Timeline-Part": "roster"}
    for _ in range(2):
        whole = await asking.get(address)
        part = await asking.get(address, headers=only_it)
        nothing = await asking.get(address, headers={"Timeline-Part": "cellar"})
        assert nothing.content == whole.content
        names = [
            re.findall(r'<section aria-labelledby="([a-z]+)"', page.text) for page in (whole, part)
        ]
        assert names[1] == ["roster"]
        assert len(names[0]) > 4
        assert part.text.startswith(whole.text[: whole.text.index('<section aria-labelledby="m')])
        assert part.headers["etag"] != whole.headers["etag"]
        assert all("Timeline-Part" in page.headers["vary"] for page in (whole, part))
    assert len(pages_made) == 2


async def test_refusals_and_ways_elsewhere_are_not_kept(
    client: httpx.AsyncClient, asking: httpx.AsyncClient
) -> None:
    for _ in range(2):
        assert (await asking.get("/labs/nowhere")).status_code == 404
        assert (await asking.get("/labs/Analytical%20Engines")).status_code == 308
        assert (await asking.get("/moves?person=nobody")).status_code == 422


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {n: v for n, v in answer.headers.items() if n not in ("x-request-id", "date")}
