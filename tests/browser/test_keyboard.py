"""Pages by the keyboard alone: everything is reached, in order, and it is seen where one is."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opened, sign_in
from tests.browser.test_every_page import addresses

STOPS_MAX = 60
"""So many stops of a page are walked through; of long tables the rest are alike."""
WALKED = sorted({*addresses()} - {"/docs"})

STOP = """() => {
  const here = document.activeElement;
  if (here === document.body || here === null) return null;
  const style = getComputedStyle(here);
  const box = here.getBoundingClientRect();
  window.stops ??= new Map();
  const isNew = !window.stops.has(here);
  const before = [...window.stops.keys()].at(-1);
  window.stops.set(here, true);
  const follows = !before
    || Boolean(before.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING);
  const isIn = box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth
    && box.bottom > 0 && box.top < innerHeight;
  return {
    what: here.outerHTML.slice(0, 100), isNew, follows, isIn,
    outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
  };
}"""


def walk(page: Page) -> list[str]:
    """Tab through the page; what is wrong with where one comes."""
    wrong: list[str] = []
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or (not stop["isNew"] and 'class="skip"' in stop["what"]):
            # Past the last one it begins anew.
            break
        if not stop["isNew"]:
            # Chromium stops more than once within a field for a day: at its parts.
            if 'type="date"' not in stop["what"]:
                wrong.append(f"again: {stop['what']}")
            continue
        if not stop["follows"]:
            wrong.append(f"out of order: {stop['what']}")
        if not stop["outline"]:
            wrong.append(f"not seen: {stop['what']}")
        if not stop["isIn"]:
            wrong.append(f"not in the window: {stop['what']}")
    return wrong


@pytest.mark.parametrize("width", [360, 1440])
def test_walk_through_every_page(opened: Opened, url: str, width: int) -> None:
    page = opened(width, base_url=url, reduced_motion="reduce")
    for address in WALKED:
        page.goto(address)
        assert walk(page) == [], address


def test_walk_through_forms(opened: Opened, changing: str) -> None:
    page = opened(360, base_url=changing, reduced_motion="reduce")
    sign_in(page, "/record")
    expect(page.get_by_role("heading", name="Record an event")).to_be_visible()
    assert walk(page) == []
    page.goto("/replays")
    assert walk(page) == []


def test_lab_is_asked_cited_and_folded_open_by_keys(opened: Opened, url: str) -> None:
    page = opened(base_url=url)
    page.goto("/labs/openai?at=2023-11-20")
    cite = page.locator("summary", has_text="Cite")
    cite.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="known_at=")).to_be_visible()
    table = page.locator("summary", has_text="Headcount over time, as a table")
    table.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("table", name="How many people were at OpenAI")).to_be_visible()
    # What is wider than the page is moved by keys, too: it can be come to.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('wide')")


def test_drawings_are_named(opened: Opened, url: str) -> None:
    """Each is an image with a name that says what it is, or is told by the row it stands in."""
    page = opened(base_url=url)
    for address in ("/", "/labs/openai?at=2023-11-20", "/people/ilya-sutskever", "/moves"):
        page.goto(address)
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('svg')].filter(each =>
              !each.parentElement.closest('svg') && each.getAttribute('aria-hidden') !== 'true'
              && !(each.getAttribute('role') === 'img' && each.getAttribute('aria-label'))
            ).map(each => each.outerHTML.slice(0, 120))"""
        )
        assert unnamed == [], address
