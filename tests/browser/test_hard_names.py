"""Names of every script and without end, and a lab of thousands: pages keep their shape."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from service.web.pages.lab import ROSTER_SHOWN_MAX
from tests.browser.conftest import KEY, WIDTHS, Opened, is_within_the_window
from tests.browser.test_every_page import assert_is_for_everybody
from tests.support import hard_names
from tests.support.server import served

AT = "at=2021-09-01"
MANY = 5_000
PAGE_BYTES_MAX = 600_000
"""Of the largest page of the roster, before it is packed."""
ADDRESSES = [
    f"/?{AT}",
    f"/?labs=all&{AT}",
    f"/?q={quote(hard_names.NAMES['hebrew'][:6])}",
    f"/?q={quote('who was at ' + hard_names.LABS['arabic'] + ' on 2020')}",
    f"/?q={hard_names.LONG}",
    *(f"/labs/{hard_names.lab(key)}?{AT}" for key in hard_names.LABS),
    *(f"/people/{hard_names.person(key)}?at=2020-06-01" for key in hard_names.NAMES),
    f"/people/{hard_names.LONG}",
    "/moves",
    f"/moves?from_lab={hard_names.lab('long')}",
    f"/moves?person={quote(hard_names.NAMES['arabic'])}",
    "/log",
    "/corrections",
    "/findings",
    f"/events/{hard_names.CORRECTED}",
]


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service answers whose history is of such names, and of a lab of thousands."""
    data = tmp_path_factory.mktemp("hard")
    with served(data, "--empty", environment={"TIMELINE_API_KEY": KEY}) as running:
        record(running.url, *hard_names.events())
        for first in range(0, MANY, 1_000):
            record(running.url, *(one_of_many(n) for n in range(first, first + 1_000)))
        yield running.url


def one_of_many(number: int) -> dict[str, object]:
    person = {"id": f"one-{number:04}", "name": f"Person {number:04}"}
    lab = {"id": "many", "name": "Lab of Thousands"}
    return {"type": "hire", "person": person, "lab": lab, "date": f"{1990 + number % 30}-03"}


def record(url: str, *events: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{url}/v1/events", json=events, headers=headers, timeout=300)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("width", [320, *WIDTHS])
def test_no_name_moves_a_page(opened: Opened, hard: str, width: int) -> None:
    page = opened(width, base_url=hard)
    for address in ADDRESSES:
        page.goto(address)
        assert is_within_the_window(page), address
        assert overlapping(page) == [], address
        assert page.title() != "taken"


def test_sentence_keeps_its_order_around_names(opened: Opened, hard: str) -> None:
    """A number after an Arabic name is shown after it."""
    page = opened(base_url=hard)
    page.goto(f"/people/{hard_names.person('arabic')}?at=2020-06-01")
    answer = page.locator(".answer").first
    expect(answer).to_contain_text(f"({hard_names.LABS['arabic']}")
    places = answer.evaluate(PLACES, ["March 2018", hard_names.LABS["arabic"]])
    day, name = places
    assert day["top"] > name["top"] or day["left"] >= name["right"], places


def test_form_takes_the_direction_of_what_is_typed(opened: Opened, hard: str) -> None:
    page = opened(base_url=hard)
    page.goto("/")
    box = page.get_by_label("Ask, or search").first
    box.fill(hard_names.NAMES["hebrew"])
    assert box.evaluate("each => getComputedStyle(each).direction") == "rtl"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(hard_names.NAMES["hebrew"])


def test_everybody_of_thousands_is_reached(opened: Opened, hard: str) -> None:
    """By links alone, without script, on pages of bounded size."""
    page = opened(360, has_scripts=False, base_url=hard)
    page.goto(f"/labs/many?{AT}&sort=name")
    expect(page.locator("main")).to_contain_text(f"People 1 to {ROSTER_SHOWN_MAX} of 5,000.")
    pages = page.get_by_role("navigation", name="Pages of the roster, above it")
    addresses = pages.get_by_role("link").evaluate_all("every => every.map(each => each.href)")
    assert len(addresses) == MANY // ROSTER_SHOWN_MAX
    found: list[str] = []
    for address in addresses:
        answer = httpx.get(address, headers={"Accept": "text/html"}, timeout=60)
        assert len(answer.content) < PAGE_BYTES_MAX
        roster = answer.text.partition('<table class="roster"')[2].partition("</table>")[0]
        found += re.findall("<bdi>(Person [0-9]{4})</bdi>", roster)
    assert found == [f"Person {number:04}" for number in range(MANY)]
    pages.get_by_role("link", name="Page 2", exact=True).click()
    expect(page.locator("main")).to_contain_text("People 501 to 1,000 of 5,000.")
    expect(pages.get_by_role("link", name="Page 2", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    assert is_within_the_window(page)
    # What is cited is this part of the roster; another day begins with its first.
    cited = page.locator("a[rel=bookmark]").get_attribute("href")
    assert (cited or "").endswith("&after=one-0499")
    page.get_by_label("As it was on").fill("2010-01-01")
    page.get_by_role("region", name="Times").get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text(f"People 1 to {ROSTER_SHOWN_MAX} of 3,3")


def test_part_of_thousands_is_for_everybody(opened: Opened, hard: str) -> None:
    page = opened(360)
    page.goto(f"{hard}/labs/many?{AT}&sort=name&after=one-0499")
    expect(page.locator("main")).to_contain_text("People 501 to 1,000 of 5,000.")
    assert_is_for_everybody(page)


def test_slider_goes_on_with_the_first_page(opened: Opened, hard: str) -> None:
    page = opened(base_url=hard)
    page.goto(f"/labs/many?{AT}&sort=name&after=one-0499")
    expect(page.locator("main")).to_contain_text("People 501 to 1,000 of 5,000.")
    page.get_by_label("Move the day").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(f"{hard}/labs/many?at=2021-08-31&sort=name", timeout=60_000)
    expect(page.locator("main")).to_contain_text("People 1 to 500 of 5,000.")


PLACES = """(element, texts) => texts.map(text => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let last = null;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.data.lastIndexOf(text);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + text.length);
    const box = range.getBoundingClientRect();
    last = {left: box.left, right: box.right, top: box.top};
  }
  return last;
})"""
"""Where the last of each text is drawn."""


def overlapping(page: Page) -> list[str]:
    """Cells of tables whose text goes on over the cell beside them."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('td, th')].filter(cell => {
          if (cell.closest('.wide') || getComputedStyle(cell).display === 'none') return false;
          return cell.scrollWidth > cell.clientWidth + 2 && cell.clientWidth > 1
            && !cell.querySelector('.unseen, svg');
        }).map(cell => cell.className + ': ' + cell.innerText.slice(0, 60))"""
    )
    return found
