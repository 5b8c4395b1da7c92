"""What holds of every page: anybody can use it, at any width, in either colour scheme."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from service.web.handlers import PAGES
from tests.browser.conftest import Opened, is_within_the_window

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LIKE_THE_FIRST = {"exclude": [[".operation ~ .operation"]]}
"""Of the documentation the first operation of each section: all are made by one template, and to
look at each takes half a minute."""
LOOKS = ((360, "dark"), (1440, "light"))
"""Each width and each scheme; that all colours stand out in both is told by the sheet alone."""


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
    yield from ("/?q=lin", "/?q=nobody+has+this+name", "/labs/nowhere")


@pytest.mark.parametrize("address", list(addresses()))
def test_page_is_for_everybody(address: str, opened: Opened, url: str) -> None:
    """axe finds nothing to complain of, and nothing is beyond the edge of the window."""
    for width, scheme in LOOKS:
        page = opened(width, color_scheme=scheme)
        page.goto(url + address)
        assert is_within_the_window(page), width
        found = Axe().run(page, LIKE_THE_FIRST, {"runOnly": {"type": "tag", "values": WCAG}})
        assert found.response["violations"] == [], found.generate_report()


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
