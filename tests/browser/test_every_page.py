"""What holds of every page: anybody can use it, at any width, in either colour scheme."""

from collections.abc import Iterator, Mapping
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from service.web.handlers import PAGES
from tests.browser.conftest import Opened, is_within_the_window

Scheme = Literal["dark", "light"]

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_WCAG = {"type": "tag", "values": WCAG}
LIKE_THE_FIRST = {
    "exclude": [
        [".operation ~ .operation"],
        ["tbody tr:nth-child(n+13)"],
        [".queue > li:nth-child(n+13)"],
    ]
}
"""What one template makes again and again: the first of each is looked at, to look at all of them
takes half a minute a page."""
OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""What another scheme can change; all else of a page is the same in both."""
FIRST_LOOKS: tuple[tuple[int, Scheme], ...] = ((360, "dark"), (1440, "light"))
OTHER: Mapping[Scheme, Scheme] = {"dark": "light", "light": "dark"}


def assert_is_for_everybody(page: Page) -> None:
    """axe finds nothing on *page* as it stands, at any width, in any colours; nothing is cut."""
    for width, scheme in FIRST_LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        assert is_within_the_window(page), width
        assert_axe_finds_nothing(page)
        page.emulate_media(color_scheme=OTHER[scheme])
        assert_axe_finds_nothing(page, OF_COLOURS)
    # Without motion there is nothing that axe could see otherwise, so both are looked at at once.
    page.emulate_media(color_scheme="dark", forced_colors="active", reduced_motion="reduce")
    assert_axe_finds_nothing(page, OF_COLOURS)
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")


def assert_axe_finds_nothing(page: Page, only: Mapping[str, object] = OF_WCAG) -> None:
    """axe has nothing to complain of on *page*."""
    found = Axe().run(page, LIKE_THE_FIRST, {"runOnly": only})
    assert found.response["violations"] == [], found.generate_report()


def addresses() -> Iterator[str]:
    """Each page that is there, and some that are not."""
    named = {
        "{lab:str}": "openai?at=2023-11-20",
        "{person:str}": "ilya-sutskever?at=2015-12-20",
        "{event_id:str}": "49a2073e-b953-5407-9692-a9445e80554e",
        "{replay_id:str}": "none",
    }
    paths = [page.path for page in PAGES if page.method == "GET"]
    for place, name in named.items():
        paths = [path.replace(place, name) for path in paths]
    assert not [path for path in paths if "{" in path], "say of whom, here"
    yield from paths
    yield from ("/?q=lin", "/?q=nobody+has+this+name", "/?q=who+was+at+Deepmnd+on+2024-06-01")
    yield from ("/?labs=all", "/labs/nowhere", "/labs/Deepmnd", "/labs/openai?at=2024-02-30")
    yield from ("/labs/meta-genai", "/labs/openai?at=1990-01-01")


@pytest.mark.parametrize("address", list(addresses()))
def test_page_is_for_everybody(address: str, opened: Opened, url: str) -> None:
    """axe finds nothing to complain of, and nothing is beyond the edge of the window."""
    page = opened(360)
    page.goto(url + address)
    assert_is_for_everybody(page)


def test_keyboard_skips_to_the_content(page: Page, url: str) -> None:
    page.goto(f"{url}/docs")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("each => each === document.activeElement")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    within = "document.activeElement.closest('main') !== null"
    assert page.evaluate(within), "past the head"


def test_page_keeps_its_shape_however_it_is_looked_at(opened: Opened, url: str) -> None:
    """In a window of 320 points, with letters twice as large, in forced colours; without motion."""
    small, large, forced = opened(320), opened(1440), opened(360, forced_colors="active")
    still = opened(reduced_motion="reduce")
    for address in addresses():
        for page in (small, large, forced, still):
            page.goto(url + address)
        large.evaluate("document.documentElement.style.fontSize = '200%'")
        for page in (small, large, forced):
            assert is_within_the_window(page), (address, page.viewport_size)
        # What only a colour of ours draws is drawn by the system's then.
        lost = forced.evaluate(
            """() => [...document.querySelectorAll('button, input, .button')].filter(each =>
              each.checkVisibility() && getComputedStyle(each).borderStyle === 'none'
              && each.type !== 'range' && !each.closest('.unseen, .wide')
            ).map(each => each.outerHTML)"""
        )
        assert lost == [], address
        moving = still.evaluate(
            """() => [...document.querySelectorAll('*')].filter(each => {
              const style = getComputedStyle(each);
              return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
            }).length + document.getAnimations().length"""
        )
        assert moving == 0, address


@pytest.mark.parametrize(
    "address", ["/?at=2023-11-20", "/labs/openai?at=2023-11-20", "/people/ilya-sutskever"]
)
def test_page_on_paper_says_what_to_cite(address: str, opened: Opened, url: str) -> None:
    # So wide is a sheet between its margins.
    page = opened(718, color_scheme="dark")
    page.goto(url + address)
    page.emulate_media(media="print")
    expect(page.locator(".printed")).to_contain_text("known_at=")
    expect(page.locator(".times-sentence")).to_be_visible()
    for gone in (".times-form", ".buttons", ".parts", ".main-nav", "button", "#search"):
        for one in page.locator(gone).all():
            expect(one).to_be_hidden()
    drawings = page.locator("main svg[width='100%']:not(.flows)")
    assert drawings.count() > 1
    for drawing in drawings.all()[:12]:
        expect(drawing).to_be_visible()
    cut = "[...document.querySelectorAll('tr')].filter(each => getComputedStyle(each).breakInside"
    assert page.evaluate(f"{cut} !== 'avoid').length") == 0
    assert is_within_the_window(page)
    for source in page.locator("main a[href^=http]").all()[:3]:
        after = source.evaluate("each => getComputedStyle(each, '::after').content")
        assert "http" in after or "attr(href)" in after


def test_page_on_paper_is_its_content(opened: Opened, url: str) -> None:
    page = opened(color_scheme="dark")
    page.goto(f"{url}/?q=lin")
    page.emulate_media(media="print")
    expect(page.get_by_role("search")).to_be_hidden()
    expect(page.get_by_role("navigation").first).to_be_hidden()
    expect(page.get_by_role("heading", name="Search for")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
