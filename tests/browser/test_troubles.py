"""Where nothing is, or nothing can be told: pages say what happened and lead on."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEY, WIDTHS, Opened, is_within_the_window, sign_in
from tests.support.server import served

FEW_GUESSES = {"TIMELINE_API_KEY": KEY, "TIMELINE_KEY_ATTEMPTS": "2/hour"}


@pytest.fixture(params=WIDTHS)
def page(opened: Opened, url: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Narrow and wide; whatever happens, one can search from there and nothing stands outside."""
    page = opened(request.param, base_url=url)
    yield page
    expect(page.get_by_label("Ask, or search").first).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert is_within_the_window(page)


def test_lab_before_its_founding_says_when_it_was(page: Page) -> None:
    page.goto("/labs/openai?at=1990-01-01")
    expect(page.locator(".times-sentence")).not_to_contain_text("certain")
    roster = page.locator("section[aria-labelledby=roster]")
    expect(roster).to_contain_text("OpenAI was founded later: 11 December 2015.")
    roster.get_by_role("link", name="Who is there today").click()
    expect(page.locator("table.roster")).to_be_visible()


def test_day_to_come_is_answered(page: Page) -> None:
    page.goto("/labs/openai?at=2150-01-01")
    expect(page.locator(".times-sentence")).to_contain_text("OpenAI on 1 January 2150")
    expect(page.locator("table.roster tbody tr.is-certain")).to_have_count(0)


def test_lab_with_a_letter_too_many_leads_to_the_right_one(page: Page) -> None:
    page.goto("/labs/openaii?at=2023-11-20")
    expect(page.locator("main")).to_contain_text("No lab is called 'openaii'.")
    page.locator("main").get_by_role("link", name="OpenAI", exact=True).click()
    expect(page).to_have_url(re.compile(r"/labs/openai\?at=2023-11-20$"))


def test_name_that_nobody_has_can_be_searched_for(page: Page) -> None:
    page.goto("/people/nobody-at-all-here")
    expect(page.locator("main")).not_to_contain_text("send an object")
    page.get_by_role("link", name="Search for “nobody at all here”").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("nobody at all here")


def test_address_that_cannot_be_meant_leads_to_one_that_can(page: Page) -> None:
    page.goto("/labs/openai?at=2024-02-30")
    expect(page.locator("main")).to_contain_text("2024-02-30")
    page.get_by_role("link", name="the same page without it").click()
    expect(page.locator("table.roster")).to_be_visible()


def test_address_of_nothing_leads_on(page: Page) -> None:
    page.goto("/nothing/is/here")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    page.get_by_role("link", name="Begin at the first page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Who was where")


def test_key_of_too_low_a_role_is_told_and_another_one_taken(page: Page, changing: str) -> None:
    made = page.request.post(
        f"{changing}/v1/keys",
        data={"name": f"reader-{page.evaluate('innerWidth')}", "role": "reader"},
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert made.status == 201, made.text()
    sign_in(page, "/record", changing, made.json()["key"])
    expect(page.locator("main")).to_contain_text("has the role 'reader'; this needs 'writer'")
    page.get_by_role("link", name="Sign in with another key").click()
    page.get_by_label("Key").fill(KEY)
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Record an event")


def test_who_guesses_keys_is_told_how_long_to_wait(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("guessed")
    with served(data, "--empty", environment=FEW_GUESSES) as guessed:
        for n in range(3):
            page.request.post(
                f"{guessed.url}/sign-in", form={"key": f"x{n}"}, headers={"Origin": guessed.url}
            )
        sign_in(page, "/", guessed.url, "one more")
        expect(page.get_by_role("alert")).to_contain_text("try again in")
        expect(page.get_by_label("Key")).to_be_visible()
        # Of an empty log there is nothing to tell, and each page says so.
        for path in ("/", "/log", "/moves", "/corrections", "/findings", "/?labs=all"):
            page.goto(f"{guessed.url}{path}")
            expect(page.locator("main .notice").first).to_be_visible()
            assert is_within_the_window(page)
        # Away from what is about to end.
        page.goto("/docs")
