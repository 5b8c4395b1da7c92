"""A real browser, the system's own, on a service that is started as its users start it."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.server import served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KEY = "a key from outside"
WIDTHS = (360, 1440)

Opened = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Chromium is the system's own: what the machine does not have is not downloaded."""
    skipped = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(skipped)


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the service answers, with the history that comes along and one admin key."""
    data = tmp_path_factory.mktemp("data")
    with served(data, environment={"TIMELINE_API_KEY": KEY}) as running:
        yield running.url


@pytest.fixture(scope="session")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another, with the same history, which tests add to: each looks at what is its own."""
    data = tmp_path_factory.mktemp("changing")
    with served(data, environment={"TIMELINE_API_KEY": KEY}) as running:
        yield running.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file of tests: while it is there its thread can run no other event loop."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Pages of a browser, each with settings of its own; nothing may be complained of on any."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def one(width: int = 1440, *, has_scripts: bool = True, **settings: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=has_scripts, **settings
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.extend(_complaint(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(params=WIDTHS)
def page(opened: Opened, request: pytest.FixtureRequest) -> Page:
    """A page of a browser, narrow and wide."""
    return opened(request.param)


def is_within_the_window(page: Page) -> bool:
    """Whether nothing of the page has to be looked for by moving it sideways."""
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return page.viewport_size is not None and width <= page.viewport_size["width"]


def sign_in(page: Page, go_on: str, url: str = "", key: str = KEY) -> None:
    """Sign in by the form, and go on; of a page that was not told a base, *url* is that."""
    page.goto(f"{url}/sign-in?next={go_on}")
    page.get_by_label("Key").fill(key)
    page.locator("main").get_by_role("button", name="Sign in").click()


def _complaint(message: ConsoleMessage) -> list[str]:
    """What the console says, but for the status of a page that was asked for and refused."""
    is_of_a_page = "/static/" not in message.location["url"]
    if is_of_a_page and message.text.startswith("Failed to load resource: the server responded"):
        return []
    return [message.text]
