"""
How long a reader waits, in a real browser: `python -m tests.browser.measure_pages`.

Prints a table; nothing is asserted, since what else the machine does counts along. With an address
of a service it is that one that is asked, otherwise one is started with the history that comes
along.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.support.server import served

Found = TypeVar("Found")

TIMES = 15
WARMED = 3
"""Looks that nobody counts: the first of all fill what the service and the system keep."""
LAB = "/labs/openai?at=2023-11-20"
PAGES = {"home": "/", "lab of OpenAI": LAB, "person": "/people/ilya-sutskever?at=2015-12-20"}
NOTE_PAINTS = """
    window.paints = {};
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) window.paints[one.name] = one.startTime;
    }).observe({ type: "paint", buffered: true });
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) window.paints.largest = one.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
"""
PAINTS = """() => new Promise((done) => {
    const look = () => {
      const { paints } = window;
      if (paints["first-contentful-paint"] && paints.largest) done(paints);
      else setTimeout(look, 10);
    };
    look();
})"""
SWAP = """() => new Promise((done) => {
    const slider = document.querySelector("#time-slider");
    const before = document.querySelector("table.roster");
    slider.value = Number(slider.value) - 1;
    const begun = performance.now();
    new MutationObserver((_, watching) => {
      const now = document.querySelector("table.roster");
      if (now === null || now === before) return;
      watching.disconnect();
      done(performance.now() - begun);
    }).observe(document.querySelector("main"), { childList: true, subtree: true });
    slider.dispatchEvent(new Event("input", { bubbles: true }));
})"""


class Look(NamedTuple):
    """One look at a page by a browser that has nothing of it yet."""

    first_paint: float
    """Milliseconds since the page was asked for, as is the next."""
    largest_paint: float
    sent: float
    """Bytes as they came, heads included, with the sheet, the script and the icon."""


def look(page: Page, address: str) -> Look:
    """How it is to open *address*."""
    page.add_init_script(NOTE_PAINTS)
    sent: list[int] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda told: sent.append(told["encodedDataLength"]))
    page.goto(address, wait_until="load")
    paints = page.evaluate(PAINTS)
    return Look(paints["first-contentful-paint"], paints["largest"], sum(sent))


def swap(page: Page, address: str) -> float:
    """Milliseconds from the slider's event to the roster of the day before."""
    page.goto(address)
    expect(page.get_by_label("Move the day")).to_be_enabled()
    milliseconds: float = page.evaluate(SWAP)
    return milliseconds


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that was nowhere before."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def again(browser: Browser, act: Callable[[Page], Found]) -> list[Found]:
    """What comes of it each time, but for the first ones."""
    found = []
    for _ in range(WARMED + TIMES):
        with fresh_page(browser) as page:
            found.append(act(page))
    return found[WARMED:]


def measure(browser: Browser, url: str) -> None:
    """Print a line for each page, and one for the slider."""
    print(f"{'median of ' + str(TIMES):<16}{'first paint':>13}{'largest':>10}{'bytes':>10}")
    for name, path in PAGES.items():
        looks = again(browser, partial(look, address=url + path))
        first, largest, sent = (median(one[n] for one in looks) for n in range(3))
        print(f"{name:<16}{first:>10.0f} ms{largest:>7.0f} ms{sent:>10,.0f}")
    swaps = again(browser, partial(swap, address=url + LAB))
    print(f"{'slider to roster':<16}{median(swaps):>10.0f} ms")


def main(addresses: list[str]) -> None:
    """Ask the service at the address that is given, or one that is started for it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if addresses:
            measure(browser, addresses[0].rstrip("/"))
        else:
            with tempfile.TemporaryDirectory() as data, served(Path(data)) as running:
                measure(browser, running.url)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
