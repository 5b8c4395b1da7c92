"""Pages are light, and stay where they are: bytes that are sent, and places that do not move."""

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Opened

ADDRESSES = ("/", "/labs/openai?at=2023-11-20", "/people/ilya-sutskever?at=2015-12-20")
BYTES_MAX = 100_000
"""Of a page with its sheet and its script, as they are sent; pictures are not counted."""
SCRIPT_BYTES_MAX = 40_000
SHIFT_MAX = 0.01
NOTE_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifts.push(one.value);
    }).observe({ type: "layout-shift", buffered: true });
"""


def shifted(page: Page) -> float:
    """How much of what was painted moved, without anybody having asked for it."""
    # What was painted last is told after it was.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))")
    moved: float = page.evaluate("window.shifts.reduce((sum, one) => sum + one, 0)")
    return moved


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_is_light_and_nothing_on_it_moves(address: str, opened: Opened, url: str) -> None:
    for width in (360, 1440):
        page = opened(width)
        page.add_init_script(NOTE_SHIFTS)
        requests: list[Request] = []

        def note(request: Request, seen: list[Request] = requests) -> None:
            seen.append(request)

        page.on("requestfinished", note)
        page.goto(url + address)
        expect(page.locator(".bottom")).to_be_attached()
        sent = {
            request.url: request.sizes()["responseBodySize"]
            for request in requests
            if request.resource_type in ("document", "stylesheet", "script")
        }
        kinds = [request.resource_type for request in requests]
        assert {"document", "stylesheet", "script"} <= set(kinds)
        assert sum(sent.values()) < BYTES_MAX, sent
        page.mouse.wheel(0, 600)
        assert shifted(page) < SHIFT_MAX


def test_moving_the_day_moves_nothing_else(opened: Opened, url: str) -> None:
    page = opened()
    page.add_init_script(NOTE_SHIFTS)
    page.goto(url + ADDRESSES[1])
    slider = page.get_by_label("Move the day")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".unseen[role=status]")).to_contain_text("21 November 2023")
    assert shifted(page) < SHIFT_MAX


def test_shifts_are_seen(opened: Opened, url: str) -> None:
    """Where something moves the rest, the observer says so."""
    page = opened()
    page.add_init_script(NOTE_SHIFTS)
    page.goto(url + ADDRESSES[0])
    page.evaluate(
        "document.querySelector('main').before(Object.assign(document.createElement('div'), "
        "{ innerHTML: '<p>x</p>'.repeat(9) }))"
    )
    # Not by `wait_for_function`, whose script the page's own policy refuses.
    page.evaluate(
        "new Promise(then => { const look = () => "
        "window.shifts.length ? then() : requestAnimationFrame(look); look(); })"
    )
    assert shifted(page) > SHIFT_MAX


def test_script_is_small(opened: Opened, url: str) -> None:
    page = opened()
    page.goto(url + ADDRESSES[1])
    addresses = page.locator("script[src]").evaluate_all("all => all.map((each) => each.src)")
    assert addresses
    bodies = [page.request.get(address).body() for address in addresses]
    assert sum(map(len, bodies)) < SCRIPT_BYTES_MAX
