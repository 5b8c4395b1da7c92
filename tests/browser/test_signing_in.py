"""Signing in and out, in a browser that keeps to what it is told of cookies and forms."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from service.web.sessions import COOKIE
from tests.browser.conftest import KEY, WIDTHS, Opened
from tests.support.server import served

ELSEWHERE = "http://elsewhere.example/"


def sign_in(page: Page, url: str, go_on: str = "/") -> None:
    page.goto(f"{url}/sign-in?next={go_on}")
    page.get_by_label("Key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("has_scripts", [True, False])
def test_who_has_a_key_signs_in_and_out(
    width: int, opened: Opened, url: str, *, has_scripts: bool
) -> None:
    page = opened(width, has_scripts=has_scripts)
    page.goto(f"{url}/?q=lin")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("The key is not known")
    assert page.context.cookies() == []
    page.get_by_label("Key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{url}/?q=lin")  # back where they came from
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, "Strict")
    assert cookie["value"] not in page.content()
    page.get_by_role("link", name="API").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{url}/")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []


def test_page_of_another_site_acts_for_nobody(opened: Opened, url: str) -> None:
    """Neither with the cookie, which stays away, nor without."""
    page = opened()
    sign_in(page, url)
    forms = "".join(
        f'<form action="{url}{path}" method="post"><input name="key" value="{KEY}">'
        f"<button>{path}</button></form>"
        for path in ("/sign-out", "/sign-in", "/v1/events")
    )
    page.route(f"{ELSEWHERE}**", lambda route: _fulfil(route, forms))
    for path, status in (("/sign-out", 403), ("/sign-in", 403), ("/v1/events", 401)):
        page.goto(ELSEWHERE)
        with page.expect_response(f"{url}{path}") as answered:
            page.get_by_role("button", name=path).click()
        assert answered.value.status == status
        assert "cookie" not in answered.value.request.all_headers()
    page.goto(url)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_link_from_elsewhere_finds_who_is_signed_in(
    opened: Opened, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where reading is closed: the browser keeps the cookie back until a page of ours asks."""
    environment = {"TIMELINE_API_KEY": KEY, "TIMELINE_READ_KEYS": "required"}
    data = tmp_path_factory.mktemp("closed")
    with served(data, "--empty", environment=environment) as closed:
        page = opened(has_scripts=False)
        link = f'<a href="{closed.url}/?q=lin">there</a>'
        page.route(f"{ELSEWHERE}**", lambda route: _fulfil(route, link))
        page.goto(ELSEWHERE)
        page.get_by_role("link", name="there").click()
        page.wait_for_url(re.compile("/sign-in"))
        page.get_by_label("Key").fill(KEY)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{closed.url}/?q=lin")
        page.goto(ELSEWHERE)
        page.get_by_role("link", name="there").click()
        page.get_by_role("heading", name="Search for").wait_for()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def _fulfil(route: Route, body: str) -> None:
    route.fulfill(content_type="text/html", body=f"<!DOCTYPE html><title>x</title>{body}")
