"""What people come for, from the first page to the last, with and without scripts."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import KEY, WIDTHS, Opened, is_within_the_window, sign_in

ROSTER = "table.roster tbody tr"


@pytest.fixture(params=[(w, s) for w in WIDTHS for s in (True, False)], ids=str)
def page(opened: Opened, changing: str, request: pytest.FixtureRequest) -> Page:
    """Narrow and wide, with and without scripts, on a service that goes on being written to."""
    width, has_scripts = request.param
    return opened(width, has_scripts=has_scripts, base_url=changing)


def test_journalist_asks_who_was_there_and_cites_it(
    page: Page, changing: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page.goto("/")
    page.get_by_label("Ask, or search").first.fill("who was at DeepMind on 2024-06-01")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Google DeepMind")
    expect(page.locator(".times-sentence")).to_contain_text("on 1 June 2024, as known today")
    count = page.locator(ROSTER).count()
    assert count > 40

    # Why is one of them there? And back again, on the same day.
    page.locator(ROSTER).get_by_role("link", name="Lucas Beyer").click()
    expect(page.locator(".answer").first).to_contain_text("Lucas Beyer was at Google DeepMind")
    expect(page.locator(".answer").first).to_contain_text("on 1 June 2024")
    page.get_by_role("table", name="Each lab where").get_by_role(
        "link", name="Google DeepMind"
    ).click()
    expect(page).to_have_url(re.compile(r"/labs/google-deepmind\?at=2024-06-01$"))

    # What is cited stays, whatever is recorded later.
    page.locator("summary", has_text="Cite").click()
    page.get_by_role("link", name=re.compile("known_at=")).click()
    expect(page.locator(".times-sentence")).to_contain_text("as known")
    cited, roster = page.url, page.locator("table.roster").inner_text()
    name = f"Newcomer {request.node.callspec.id}"
    hire(changing, {"name": name}, "google-deepmind", "2024-02-01")
    page.goto(cited)
    assert page.locator("table.roster").inner_text() == roster
    expect(page.locator(".times-sentence")).to_contain_text("as known at position")
    page.goto("/labs/google-deepmind?at=2024-06-01")
    expect(page.locator(ROSTER).get_by_role("link", name=name)).to_be_visible()

    slider = page.get_by_label("Move the day")
    if slider.is_enabled() and slider.is_visible():
        slider.focus()
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile("at=2024-05-31"))
    else:
        page.get_by_label("As it was on").fill("2024-05-31")
        page.get_by_role("region", name="Times").get_by_role("button", name="Show").click()
    expect(page.locator(".times-sentence")).to_contain_text("on 31 May 2024")
    with page.expect_download() as told:
        page.get_by_role("link", name="CSV", exact=True).click()
    told.value.save_as(tmp_path / "roster.csv")
    assert told.value.suggested_filename.startswith("google-deepmind-roster-2024-05-31-")
    lines = (tmp_path / "roster.csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == page.locator(ROSTER).count() + 1
    assert is_within_the_window(page)


def test_question_that_is_misspelt_leads_to_the_name(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Ask, or search").first.fill("who was at Deepmnd on 2024-06-01")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Near names:")
    page.locator("main").get_by_role("link", name="DeepMind").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DeepMind")


def test_operator_replays_and_takes_it_back(page: Page, changing: str) -> None:
    # Who has no key is told where to sign in, by the log and by the replays.
    for path in ("/log", "/replays"):
        page.goto(path)
        page.locator("main").get_by_role("link", name="Sign in").click()
        expect(page.get_by_label("Key")).to_be_visible()
        expect(page).to_have_url(re.compile(f"next={path}"))
    sign_in(page, "/replays")
    page.get_by_label("Switch to what it makes").check()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Replay")
    # It looks again by itself, with and without scripts, until what was made is in use.
    expect(page.get_by_role("status").first).to_contain_text("It is in use now", timeout=90_000)
    expect(page.locator("section[aria-labelledby=drift]")).to_contain_text("No row differs.")
    assert is_within_the_window(page)
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Rollback")
    expect(page.get_by_role("status").first).to_contain_text(
        "What was before is in use again", timeout=90_000
    )
    page.get_by_role("link", name="Replays", exact=True).click()
    expect(page.get_by_role("table", name="Replays").get_by_role("row").nth(1)).to_contain_text(
        "Rollback"
    )


def hire(url: str, person: dict[str, str] | str, lab: str, date: str) -> str:
    """The id of a hire that is recorded."""
    said = {"type": "hire", "person": person, "lab": lab, "date": date}
    answer = httpx.post(f"{url}/v1/events", json=[said], headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["events"][0]["event_id"]
    return found
