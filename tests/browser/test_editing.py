"""The journeys of an editor: correct, record, retract, each with its effect before it is sent."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEY, WIDTHS, Opened, is_within_the_window, sign_in
from tests.browser.test_journeys import hire


@pytest.fixture(params=[(w, s) for w in WIDTHS for s in (True, False)], ids=str)
def page(opened: Opened, changing: str, request: pytest.FixtureRequest) -> Page:
    """Narrow and wide, with and without scripts."""
    width, has_scripts = request.param
    return opened(width, has_scripts=has_scripts, base_url=changing)


@pytest.fixture
def newcomer(request: pytest.FixtureRequest) -> str:
    """The name of somebody of whom no other test says anything."""
    return f"{request.node.name} of tests".replace("_", " ")


def test_editor_corrects_a_date(page: Page, changing: str, newcomer: str) -> None:
    event_id = hire(changing, {"name": newcomer}, "openai", "2024-12-03")
    page.goto(f"/events/{event_id}")
    page.get_by_role("link", name="Correct", exact=True).click()
    page.get_by_label("Key").fill(KEY)
    page.locator("main").get_by_role("button", name="Sign in").click()
    # Straight to the form, with the event as it is.
    expect(page.get_by_label("Lab", exact=True)).to_have_value("openai")
    page.locator("#f-date").fill("2024-13")
    page.get_by_label("Reason").fill("The letter gives the month only.")
    # The Enter key in a line means what the main button means.
    page.locator("#f-date").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("there is no month 13")
    page.get_by_role("link", name="there is no month 13").click()
    expect(page.locator("#f-date")).to_be_focused()
    page.locator("#f-date").fill("2025-01~")
    page.locator("p.ends").get_by_role("button", name="Show what it would change").click()
    expect(page.locator("main")).to_contain_text("nothing is recorded yet")
    expect(page.get_by_role("table", name="Stays")).to_contain_text("since about January 2025")
    assert is_within_the_window(page)
    page.get_by_role("button", name="Record the correction").dblclick()
    expect(page.get_by_role("status").first).to_contain_text("The correction is recorded.")
    compared = page.get_by_role("table", name="What was first said")
    expect(compared.get_by_role("row", name="Date changed")).to_contain_text("3 December 2024")
    expect(compared.get_by_role("row", name="Date changed")).to_contain_text("about January 2025")
    expect(page.locator(".chain > li")).to_have_count(1)
    page.get_by_role("link", name="Before the latest correction").click()
    expect(page.locator("h1")).to_contain_text("on 3 December 2024")
    # The state of knowledge before goes along with links, and has no such correction.
    page.get_by_role("link", name="Today", exact=True).click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Corrections").click()
    expect(page.locator("main")).to_contain_text("The letter gives the month only.")


def test_editor_records_an_event_and_takes_it_back(page: Page, newcomer: str) -> None:
    sign_in(page, "/record")
    page.get_by_label("Person", exact=True).fill(newcomer)
    page.get_by_label("Lab", exact=True).fill("OpenAI")
    page.locator("#f-date").fill("2020-05")
    page.locator("#f-date").press("Enter")
    # A name that nobody has is no typing error if one says so.
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Nobody is called")
    alert.get_by_role("link").click()
    expect(page.get_by_label("Person", exact=True)).to_be_focused()
    expect(page.get_by_label("Person", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Add as new").first.check()
    page.locator("p.ends").get_by_role("button", name="Show what it would change").click()
    rosters = page.get_by_role("table", name="Rosters")
    expect(rosters).to_contain_text(newcomer)
    assert is_within_the_window(page)
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("status").first).to_contain_text("Recorded.")
    expect(page.locator("h1")).to_contain_text(newcomer)
    page.get_by_role("link", name="Retract", exact=True).click()
    page.get_by_label("Reason").fill("It was somebody else.")
    page.locator("p.ends").get_by_role("button", name="Show what it would change").click()
    expect(page.get_by_role("table", name="Stays")).to_contain_text("no stay")
    page.get_by_role("button", name="Record the retraction").click()
    expect(page.get_by_role("status").first).to_contain_text("retract")
    expect(page.locator("h1 del")).to_contain_text(newcomer)
    page.goto(f"/?q={newcomer}")
    assert is_within_the_window(page)


def test_editor_whose_session_is_over_types_nothing_twice(page: Page, newcomer: str) -> None:
    sign_in(page, "/record")
    page.get_by_label("Person", exact=True).fill(newcomer)
    page.get_by_label("Lab", exact=True).fill("OpenAI")
    page.locator("#f-date").fill("2020-05")
    page.get_by_label("Role", exact=True).fill("Scientist <עדה>")
    # Half a day goes by.
    page.context.clear_cookies()
    page.locator("#f-date").press("Enter")
    expect(page.locator("main")).to_contain_text("What you typed is kept")
    page.get_by_label("Key").fill("a wrong one")
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The key is not known")
    page.get_by_label("Key").fill(KEY)
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.locator("main")).to_contain_text("Scientist <עדה>")
    assert is_within_the_window(page)
    page.get_by_role("button", name="Go on with it").click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody is called")
    expect(page.get_by_label("Person", exact=True)).to_have_value(newcomer)
    expect(page.get_by_label("Role", exact=True)).to_have_value("Scientist <עדה>")
    expect(page.locator("#f-date")).to_have_value("2020-05")
