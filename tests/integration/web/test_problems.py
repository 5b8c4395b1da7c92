"""What is refused, as a page for people and as a document for programs."""

from typing import Any

import httpx
import pytest
from litestar import Response

from service.api.operations import Machinery
from service.domain.refusals import (
    AmbiguousName,
    Candidate,
    Fault,
    Invalid,
    NotReady,
    Refusal,
    UnknownName,
)
from service.web import handlers
from service.web.page import Page
from service.web.visits import Visit
from tests.integration.api.asking import problem
from tests.support.browsing import HTML, Elements, browser, signed_in
from tests.support.nasty import ALL

NEAR = (Candidate("google-deepmind", "Google DeepMind"), Candidate("a/b?c", "A <b>"))


def raising(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    """Let pages of labs and of events end so."""

    async def answer(visit: Visit) -> Response[Any]:
        raise fault

    more = (
        Page(name="lab", path="/labs/{lab:str}", answer=answer),
        Page(name="event", path="/events/{event:str}", answer=answer),
    )
    paths = {page.path for page in more}
    others = [page for page in handlers.PAGES if page.path not in paths]
    monkeypatch.setattr(handlers, "PAGES", (*others, *more))


@pytest.mark.parametrize("path", ["/nothing", "/static/none.css", "/labs/a/b/c", "/%ff", "/a%2fb"])
async def test_person_who_asks_for_nothing_is_shown_where_to_go_on(
    path: str, made: Machinery
) -> None:
    async with browser(made) as asking:
        answer = await asking.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert "There is nothing here" in answer.text
    links = {said.get("href") for tag, said in Elements(answer.text).found if tag == "a"}
    assert {"/", "/docs"} <= links


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "application/problem+json, text/html;q=0.5", "image/png", "", "x"],
)
async def test_program_is_told_as_a_document(accept: str, anonymous: httpx.AsyncClient) -> None:
    problem(await anonymous.get("/nothing", headers={"Accept": accept}), 404)


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/labs/nobody", "/v1/labs?x=1"])
async def test_api_answers_browsers_as_everybody(path: str, anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get(path, headers={"Accept": HTML})
    assert answer.headers["content-type"] == "application/problem+json"


async def test_page_that_takes_no_other_method_says_so(made: Machinery) -> None:
    async with browser(made) as asking:
        answer = await asking.post("/docs", data={"a": "b"})
    assert answer.status_code == 405
    assert "The method is not taken here" in answer.text
    assert "GET" in answer.headers["allow"]


async def test_near_names_are_offered_at_their_own_addresses(
    made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, UnknownName("lab", "Deepmnd", NEAR))
    async with browser(made) as asking:
        page = await asking.get("/labs/Deepmnd?at=2024-06-01&x=%22%3E%3Cb%3E")
        elsewhere = await asking.get("/events/Deepmnd")
    assert page.status_code == elsewhere.status_code == 404
    found = Elements(page.text)
    links = [said["href"] for tag, said in found.found if tag == "a" and said.get("href")]
    assert "/labs/google-deepmind?at=2024-06-01&x=%22%3E%3Cb%3E" in links
    assert "/labs/a%2Fb%3Fc?at=2024-06-01&x=%22%3E%3Cb%3E" in links
    assert "Google DeepMind" in found.text
    assert "A <b>" in found.text
    assert "Google DeepMind" in elsewhere.text
    assert "google-deepmind?" not in elsewhere.text


async def test_name_that_nobody_has_is_searched_for_and_not_sent(made: Machinery) -> None:
    """What programs would do about it is told programs."""
    async with browser(made) as asking:
        page = await asking.get("/people/Nobody-here%20%3Cb%3E?at=2024-06-01")
        told = await asking.get("/v1/people/Nobody-here", headers={"Accept": "*/*"})
    assert page.status_code == told.status_code == 404
    found = Elements(page.text)
    assert "Nobody is called 'Nobody-here <b>'." in found.text
    assert "send an object" not in found.text
    assert "send an object" in told.text
    links = {said.get("href") for tag, said in found.found if tag == "a"}
    assert "/?q=Nobody%20here%20%3Cb%3E" in links
    assert "/people/Nobody-here%20%3Cb%3E" in links


@pytest.mark.parametrize(
    ("refusal", "status", "said"),
    [
        (AmbiguousName("person", "Wei Wang", NEAR), 409, "Which of these?"),
        (Invalid([Fault("/date", "'soon' is no date.")]), 422, "'soon' is no date."),
        (NotReady("The database is not reached just now.", 7), 503, "Try again in 7 s."),
    ],
    ids=["ambiguous", "invalid", "not ready"],
)
async def test_refusal_of_a_page_is_shown_whole(
    refusal: Refusal, status: int, said: str, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, refusal)
    async with browser(made) as asking:
        await signed_in(asking, "reader")
        page = await asking.get("/labs/x")
    assert page.status_code == status
    found = Elements(page.text)
    assert refusal.message in found.text
    assert said in found.text
    assert "test-reader" in found.text, "they are signed in there, too"


async def test_fault_of_ours_tells_nothing_of_the_inside(
    made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, RuntimeError("secret"))
    async with browser(made) as asking:
        page = await asking.get("/labs/x", headers={"X-Request-Id": "the-number"})
    assert page.status_code == 500
    assert page.headers["content-type"].startswith("text/html")
    assert "secret" not in page.text
    assert "RuntimeError" not in page.text
    assert "the-number" in page.text, "by which it is found in the log"


async def test_pages_say_that_the_database_is_away(made: Machinery) -> None:
    """Those that need it; the documentation does not."""
    await made.pool.close()
    async with browser(made) as asking:
        home, docs = await asking.get("/"), await asking.get("/docs")
    assert home.status_code == 503
    assert home.headers["content-type"].startswith("text/html")
    assert int(home.headers["retry-after"]) >= 1
    assert docs.status_code == 200


async def test_search_that_cannot_be_meant_is_refused(made: Machinery) -> None:
    async with browser(made) as asking:
        for q in ("a\0b", "a" * 301, "%ff"):
            answer = await asking.get("/", params={"q": q} if q != "%ff" else None)
            if q == "%ff":
                answer = await asking.get("/?q=%ff")
            assert answer.status_code == 422, q
            assert "A query parameter cannot be used" in answer.text
        assert (await asking.get("/?q=%20")).status_code == 200
        assert (await asking.get("/", params={"q": ALL[:300]})).status_code in (200, 422)
