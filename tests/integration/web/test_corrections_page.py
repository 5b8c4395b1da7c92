"""The page of corrections lists what the API lists, filtered and paged alike."""

import re

import httpx
import pytest

from service.api.operations import Machinery
from service.web.pages.corrections import PAGE_ITEMS
from tests.integration.api.asking import HIRED, SEED, get, hire, record
from tests.support.browsing import Elements, browser


def listed(page: str) -> list[str]:
    """The positions that the page lists, from top to bottom."""
    _, _, rest = page.partition('<ol class="chain">')
    return re.findall(r", at <a [^>]*>position ([0-9]+)</a>", rest)


@pytest.mark.parametrize(
    "filters",
    ["", "type=retraction", "type=correction", "person=ada", "lab=x", "recorded_by=nobody"],
)
async def test_list_is_that_of_the_api(
    filters: str, made: Machinery, client: httpx.AsyncClient
) -> None:
    await record(client, *SEED)
    retracted = {"type": "retraction", "target": HIRED, "reason": "wrong <one>"}
    await record(client, retracted, retracted | {"reason": "misread"})
    told = await get(client, f"/v1/corrections?{filters}")
    async with browser(made) as asking:
        shown = (await asking.get(f"/corrections?{filters}")).text
    assert listed(shown) == [str(item["position"]) for item in told["items"]]
    for one in told["reasons"]:
        reason = one["reason"].replace("<", "&lt;").replace(">", "&gt;")
        assert f'<bdi>{reason}</bdi></th><td class="number">{one["count"]}</td>' in shown


async def test_older_ones_are_on_the_next_page(made: Machinery, client: httpx.AsyncClient) -> None:
    await record(client, *SEED)
    events = await record(client, *(hire(date=f"2024-01-{n:02}") for n in range(1, 28)))
    await record(
        client,
        *({"type": "retraction", "target": e["event_id"], "reason": "wrong"} for e in events),
    )
    async with browser(made) as asking:
        first = (await asking.get("/corrections?type=retraction&at=2024-05-01")).text
        (address,) = [
            str(said["href"]) for tag, said in Elements(first).found if said.get("rel") == "next"
        ]
        second = (await asking.get(address)).text
    assert "type=retraction" in address
    assert "at=2024-05-01" in address
    every = [*map(int, listed(first)), *map(int, listed(second))]
    assert len(listed(first)) == PAGE_ITEMS
    assert every == sorted(every, reverse=True)
    assert len(set(every)) == len(events)


async def test_what_was_not_corrected_yet_is_said(
    made: Machinery, client: httpx.AsyncClient
) -> None:
    async with browser(made) as asking:
        shown = await asking.get("/corrections")
        assert "Nothing was corrected or retracted yet." in shown.text
        for wrong in ("type=hire", "before=x", "recorded_from=2024-02-30", "before=-1"):
            assert (await asking.get(f"/corrections?{wrong}")).status_code == 422
        assert (await asking.get("/corrections?person=nobody")).status_code in (404, 422)
