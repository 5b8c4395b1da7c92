"""What a person sees who opens the address in a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.server import served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = (360, 1440)

pytestmark = [
    pytest.mark.browser,
    # Chromium is the system's own: what the machine does not have is not downloaded.
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("data")) as running:
        yield running.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield opened
        opened.close()


@pytest.fixture(params=WIDTHS)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": request.param, "height": 800})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    opened.close()
    assert complaints == []


def test_the_first_page_leads_to_the_first_answer(page: Page, url: str, tmp_path: Path) -> None:
    page.goto(url)
    page.screenshot(path=tmp_path / "home.png")
    assert page.get_by_text("presumed", exact=True).is_visible()
    page.get_by_role("link", name="who was at DeepMind").click()
    assert "lucas-beyer" in page.inner_text("body")


def test_the_documentation_fits_the_page_and_comes_from_here(page: Page, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/docs")
    assert page.get_by_role("heading", name="GET /v1/labs/{lab}", exact=True).is_visible()
    assert all(address.startswith(url) for address in asked)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]  # the page has one
