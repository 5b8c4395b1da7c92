"""What a person sees who opens the address in a browser."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import is_within_the_window


def test_the_first_page_leads_to_the_first_answer(page: Page, url: str, tmp_path: Path) -> None:
    page.goto(url)
    page.screenshot(path=tmp_path / "home.png")
    expect(page.locator("dl").get_by_text("presumed", exact=True)).to_be_visible()
    page.get_by_role("link", name="who was at DeepMind").click()
    expect(page.locator("body")).to_contain_text("Lucas Beyer")


def test_the_documentation_fits_the_page_and_comes_from_here(page: Page, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/docs")
    expect(page.get_by_role("heading", name="GET /v1/labs/{lab}", exact=True)).to_be_visible()
    assert all(address.startswith(url) for address in asked)
    assert is_within_the_window(page)
