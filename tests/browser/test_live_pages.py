"""What script adds: news of what was recorded, a slider that moves the day, the day on a strip."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import KEY, Opened, is_within_the_window
from tests.browser.test_every_page import WCAG
from tests.support.server import served

OPENAI = "/labs/openai?at=2023-11-20&sort=name"
PLACE = "[scrollY, document.querySelector('h1').getBoundingClientRect().top]"


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service answers whose log begins empty."""
    data = tmp_path_factory.mktemp("growing")
    with served(data, "--empty", environment={"TIMELINE_API_KEY": KEY}) as running:
        yield running.url


def record(url: str, *names: str) -> None:
    events = [
        {"type": "hire", "person": {"name": name}, "lab": {"name": "Engines"}, "date": "2020"}
        for name in names
    ]
    answer = httpx.post(f"{url}/v1/events", json=events, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 201, answer.text


def sign_in(page: Page, url: str, go_on: str) -> None:
    page.goto(f"{url}/sign-in?next={go_on}")
    page.get_by_label("Key").fill(KEY)
    page.locator("main").get_by_role("button", name="Sign in").click()


def test_page_says_what_came_and_nothing_moves(page: Page, growing: str) -> None:
    record(growing, *(f"Early {n}" for n in range(60)))
    page.goto(f"{growing}/log")
    page.evaluate("scrollTo(0, 300)")
    place = page.evaluate(PLACE)
    news = page.get_by_role("status")
    expect(news).to_have_text("")
    record(growing, "Ann")
    expect(news).to_have_text("1 new event")
    record(growing, "Bea", "Cid")
    expect(news).to_have_text("3 new events")
    assert page.evaluate(PLACE) == place
    found = Axe().run(page, None, {"runOnly": {"type": "tag", "values": WCAG}})
    assert found.response["violations"] == [], found.generate_report()
    assert is_within_the_window(page)
    # Whoever looks away follows nothing, and goes on where they were.
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    record(growing, "Dot")
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    expect(news).to_have_text("4 new events")
    page.get_by_role("button", name="Later").click()
    expect(news).to_have_text("")
    record(growing, "Eve")
    expect(news).to_have_text("1 new event")
    page.get_by_role("link", name="Show", exact=True).click()
    expect(page.get_by_role("link", name="Eve", exact=True)).to_be_visible()
    expect(news).to_have_text("")


def test_page_of_the_past_and_page_without_script_follow_nothing(
    opened: Opened, growing: str
) -> None:
    record(growing, "Fay")
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    for has_scripts, path in ((True, "/log?known_at=1"), (True, "/docs"), (False, "/log")):
        page = opened(has_scripts=has_scripts)
        page.on("request", note)
        page.goto(growing + path, wait_until="networkidle")
        expect(page.locator(".news")).to_have_count(0)
    assert not [url for url in asked if "/stream" in url]


def test_slider_moves_the_day_in_place(page: Page, url: str) -> None:
    page.goto(url + OPENAI)
    steps = page.evaluate("history.length")
    slider = page.get_by_label("Move the day")
    slider.focus()
    for key, day, words in (
        ("ArrowRight", "2023-11-21", "21 November 2023"),
        ("ArrowLeft", "2023-11-20", "20 November 2023"),
        ("Home", "2015-01-01", "1 January 2015"),
    ):
        page.keyboard.press(key)
        expect(page.locator(".times-sentence")).to_contain_text(f"OpenAI on {words}")
        expect(page).to_have_url(url + OPENAI.replace("2023-11-20", day))
        expect(slider).to_be_focused()
        assert slider.get_attribute("aria-valuetext") == words
        expect(page.get_by_label("As it was on")).to_have_value(day)
        expect(page.locator(".unseen[role=status]")).to_contain_text(f"OpenAI on {words}")
    moved = page.locator("main").inner_text()
    assert page.evaluate("history.length") == steps
    page.reload()
    assert page.locator("main").inner_text() == moved, "the same page as if it had been asked for"


def test_dragged_slider_ends_at_the_last_day_that_was_wanted(opened: Opened, url: str) -> None:
    page = opened()
    page.goto(url + OPENAI)
    box = page.get_by_label("Move the day").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in range(20, 71):
        page.mouse.move(box["x"] + box["width"] * share / 100, box["y"] + box["height"] / 2)
    page.mouse.up()
    day = page.get_by_label("As it was on").input_value()
    assert day > "2022"
    page.wait_for_url(f"**at={day}**")
    fresh = opened()
    fresh.goto(page.url)
    sentence = fresh.locator(".times-sentence").inner_text()
    expect(page.locator(".times-sentence")).to_have_text(sentence)


def test_roster_follows_the_slider_before_the_rest_does(opened: Opened, url: str) -> None:
    page = opened()
    parts: list[str | None] = []

    def note(request: Request) -> None:
        if request.resource_type == "fetch" and "/labs/" in request.url:
            parts.append(request.header_value("timeline-part"))

    page.on("request", note)
    page.clock.install()
    page.goto(url + OPENAI)
    below = page.locator("main > section").last
    page.get_by_label("Move the day").focus()
    # However slow the machine is, the slider does not come to rest before the clock goes on.
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    page.keyboard.press("ArrowRight")
    expect(page.locator("caption", has_text="21 November 2023").first).to_be_attached()
    expect(below).to_have_attribute("aria-busy", "true")
    rows = page.locator(".roster tbody tr").count()
    page.clock.run_for(1000)
    expect(below).not_to_have_attribute("aria-busy", "true")
    page.clock.run_for(1000)
    expect(page.locator(".unseen[role=status]")).to_contain_text("OpenAI on 21 November 2023")
    assert page.locator(".roster tbody tr").count() == rows
    assert parts == ["roster", None]
    # The browser keeps the whole page alone for who comes back to it.
    page.goto(f"{url}/docs")
    page.go_back()
    expect(page.get_by_role("heading", name="Joined and left")).to_be_visible()


def test_slider_is_not_there_without_script(opened: Opened, url: str) -> None:
    page = opened(has_scripts=False)
    page.goto(url + OPENAI)
    expect(page.locator("#time-slider")).to_be_hidden()
    page.get_by_label("As it was on").fill("2024-01-01")
    page.get_by_role("region", name="Times").get_by_role("button", name="Show").click()
    expect(page.locator(".times-sentence")).to_contain_text("1 January 2024")


def test_strip_tells_the_day_under_the_pointer(opened: Opened, url: str) -> None:
    page = opened()
    page.goto(url + OPENAI)
    told = page.locator(".pointed")
    expect(told).to_be_hidden()
    strip = page.locator(".roster .strip").first
    # What is told goes with the strip when the window is scrolled, which is over a frame later.
    strip.scroll_into_view_if_needed()
    page.evaluate("new Promise(then => requestAnimationFrame(() => setTimeout(then, 50)))")
    strip.hover()
    expect(told).to_be_visible()
    middle = told.inner_text()
    assert middle.split()[-1] in ("2020", "2021", "2022")
    strip.hover(position={"x": 1, "y": 9})
    expect(told).not_to_have_text(middle)
    page.get_by_role("heading", level=1).hover()
    expect(told).to_be_hidden()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_admin_checks_the_read_models_and_verifies_the_log(
    opened: Opened, growing: str, *, has_scripts: bool
) -> None:
    record(growing, "Gus")
    page = opened(360, has_scripts=has_scripts)
    sign_in(page, growing, "/replays")
    if has_scripts:
        found = Axe().run(page, None, {"runOnly": {"type": "tag", "values": WCAG}})
        assert found.response["violations"] == [], found.generate_report()
    page.get_by_label("Only compare").check()
    page.get_by_role("button", name="Start", exact=True).click()
    # The page looks again by itself until it is over.
    expect(page.get_by_text("is what the log comes to")).to_be_visible(timeout=60_000)
    assert is_within_the_window(page)
    page.goto(f"{growing}/log")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The log is what it was")


def test_news_are_at_nobodys_expense(page: Page, url: str) -> None:
    """Nothing shifts while a page loads, though script adds to it."""
    page.add_init_script(
        "window.shifts = []; new PerformanceObserver(list => window.shifts.push("
        "...list.getEntries().map(each => each.value)))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(url + OPENAI)
    expect(page.locator("#time-slider")).to_be_enabled()
    assert page.evaluate("window.shifts") == []
