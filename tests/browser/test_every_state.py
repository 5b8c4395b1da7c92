"""Pages that are come to by acting, and by what was done: they are for everybody as well."""

import re

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import KEY, Opened, sign_in
from tests.browser.test_every_page import assert_is_for_everybody
from tests.browser.test_journeys import hire

ADMIN = {"Authorization": f"Bearer {KEY}"}
STARTS_MAX = 8
"""A replay may be over before its page is asked for; another one is started then."""


@pytest.fixture
def page(opened: Opened, changing: str) -> Page:
    return opened(360, base_url=changing)


@pytest.fixture
def recorded(changing: str, request: pytest.FixtureRequest) -> str:
    """A hire of somebody of whom no other test says anything."""
    return hire(changing, {"name": request.node.name.replace("_", " ")}, "openai", "2024-12-03")


def test_effect_before_it_is_sent_is_for_everybody(page: Page, recorded: str) -> None:
    sign_in(page, f"/events/{recorded}/correct")
    page.locator("#f-date").fill("2025-13")
    page.get_by_label("Reason").fill("The letter gives the month only.")
    page.locator("#f-date").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("there is no month 13")
    assert_is_for_everybody(page)
    page.locator("#f-date").fill("2025-01~")
    page.locator("p.ends").get_by_role("button", name="Show what it would change").click()
    expect(page.locator("main")).to_contain_text("nothing is recorded yet")
    assert_is_for_everybody(page)
    page.get_by_role("button", name="Record the correction").click()
    expect(page.get_by_role("status").first).to_contain_text("The correction is recorded.")
    assert_is_for_everybody(page)


def test_what_was_taken_back_is_for_everybody(page: Page, recorded: str) -> None:
    answer = page.request.put(
        f"/v1/events/{recorded}/retraction", data={"reason": "Not so."}, headers=ADMIN
    )
    assert answer.status == 201, answer.text()
    for address in (f"/events/{recorded}", "/corrections", "/log"):
        page.goto(address)
        expect(page.locator("main del").first).to_be_visible()
        assert_is_for_everybody(page)


def test_what_was_typed_is_for_everybody(page: Page) -> None:
    sign_in(page, "/record")
    page.get_by_label("Person", exact=True).fill("Somebody Else")
    page.context.clear_cookies()
    page.locator("#f-date").press("Enter")
    expect(page.locator("main")).to_contain_text("What you typed is kept")
    assert_is_for_everybody(page)
    page.get_by_label("Key").fill(KEY)
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What you typed is kept")
    expect(page.locator("main")).to_contain_text("Somebody Else")
    assert_is_for_everybody(page)


def test_refusals_are_for_everybody(page: Page, changing: str) -> None:
    made = page.request.post(
        "/v1/keys", data={"name": "looks-only", "role": "reader"}, headers=ADMIN
    )
    assert made.status == 201, made.text()
    sign_in(page, "/", key="a wrong one")
    expect(page.get_by_role("alert")).to_contain_text("The key is not known")
    assert_is_for_everybody(page)
    sign_in(page, "/record", key=made.json()["key"])
    expect(page.locator("main")).to_contain_text("this needs 'writer'")
    assert_is_for_everybody(page)


def test_what_was_erased_is_for_everybody(page: Page, recorded: str, changing: str) -> None:
    said = page.request.get(f"/v1/events/{recorded}").json()
    person = said["person"]["id"]
    asked = {"person": person, "reason": "They asked for it."}
    answer = httpx.post(f"{changing}/v1/erasures", json=asked, headers=ADMIN, timeout=60)
    assert answer.status_code == 201, answer.text
    page.goto(f"/events/{recorded}")
    expect(page.locator("main")).to_contain_text("because: They asked for it. Its place")
    assert_is_for_everybody(page)
    page.goto(f"/events/{answer.json()['event']['event_id']}")
    expect(page.locator("main")).to_contain_text("1 event was erased, because: They asked for it.")
    assert_is_for_everybody(page)
    page.goto(f"/people/{person}")
    assert_is_for_everybody(page)


def test_replay_under_way_is_for_everybody(page: Page) -> None:
    """As it was found on the way: looked at, it stays as it is."""
    address, body = replay_under_way(page)

    def stands_still(route: Route) -> None:
        route.fulfill(body=body, headers={"Content-Type": "text/html; charset=utf-8"})

    page.route(re.compile(f"{address}$"), stands_still)
    page.goto(address)
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert_is_for_everybody(page)


def replay_under_way(page: Page) -> tuple[str, str]:
    """The address and the page of a replay that was not over when it was asked for."""
    for _ in range(STARTS_MAX):
        started = page.request.post("/v1/replays", data={"check": True}, headers=ADMIN)
        assert started.status == 202, started.text()
        address = f"/replays/{started.json()['id']}"
        found = page.request.get(address, headers={"Accept": "text/html"}).text()
        if "<progress" in found:
            return address, found
    raise AssertionError("every replay was over before it was looked at")
