"""The journey of an editor, with JavaScript off: correct a date, see the effect, send, see both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEY, WIDTHS, Opened
from tests.support.server import served

HIRED = "/events/8b8cd6d3-fb69-5f86-937d-b54d01f4da7a"
"""That Lucas Beyer joined OpenAI on 3 December 2024."""


@pytest.fixture(params=WIDTHS)
def page(tmp_path: Path, opened: Opened, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser without scripts, on a service of its own, whose history may be changed."""
    with served(tmp_path / "data", environment={"TIMELINE_API_KEY": KEY}) as running:
        yield opened(request.param, has_scripts=False, base_url=running.url)


def test_editor_corrects_a_date_without_script(page: Page) -> None:
    page.goto(HIRED)
    page.get_by_role("link", name="Correct", exact=True).click()
    page.get_by_label("Key").fill(KEY)
    page.locator("main").get_by_role("button", name="Sign in").click()
    # Straight to the form, with the event as it is.
    expect(page.get_by_label("Person", exact=True)).to_have_value("lucas-beyer")
    page.locator("#f-date").fill("2024-13")
    page.get_by_label("Reason").fill("The letter gives the month only.")
    # The Enter key in a line means what the main button means.
    page.locator("#f-date").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("there is no month 13")
    page.get_by_role("link", name="there is no month 13").click()
    page.locator("#f-date").fill("2025-01~")
    page.locator("p.ends").get_by_role("button", name="Show what it would change").click()
    expect(page.locator("main")).to_contain_text("nothing is recorded yet")
    expect(page.get_by_role("table", name="Stays")).to_contain_text("since about January 2025")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Record the correction").dblclick()
    expect(page.get_by_role("status")).to_contain_text("The correction is recorded.")
    compared = page.get_by_role("table", name="What was first said")
    expect(compared.get_by_role("row", name="Date changed")).to_contain_text("3 December 2024")
    expect(compared.get_by_role("row", name="Date changed")).to_contain_text("about January 2025")
    expect(page.locator(".chain > li")).to_have_count(1)
    page.get_by_role("link", name="Before the latest correction").click()
    expect(page.locator("h1")).to_contain_text("on 3 December 2024")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Corrections").click()
    expect(page.locator("main")).to_contain_text("The letter gives the month only.")
