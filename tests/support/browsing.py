"""Pages as a browser without scripts uses them: cookies, forms, and what is on a page."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import httpx

from service.api.operations import Machinery
from tests.support.postgres import http_client

ORIGIN = "http://test"
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def browser(made: Machinery, origin: str = ORIGIN) -> httpx.AsyncClient:
    """A browser of the application in process, which says where its forms come from."""
    client = http_client(made, None)
    client.base_url = httpx.URL(origin)
    client.headers.update({"Accept": HTML, "Origin": origin})
    return client


async def signed_in(client: httpx.AsyncClient, key: str) -> str:
    """What forms of the session hold that *client* has from now on."""
    headers = {"Origin": str(client.base_url).rstrip("/")}
    answer = await client.post("/sign-in", data={"key": key}, headers=headers)
    assert answer.status_code == 303, answer.text
    return form_token((await client.get("/docs")).text)


def form_token(page: str) -> str:
    """What the forms of a page hold."""
    tokens: set[str] = set(re.findall(r'name="form_token" value="([0-9a-f]{64})"', page))
    assert len(tokens) == 1, "the page is for who is signed in, and all its forms hold the same"
    return tokens.pop()


def json_ld(page: str) -> Any:
    """What a page tells machines."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1, "a page tells them once"
    return json.loads(found[0])


class Elements(HTMLParser):
    """The elements of a page, in order, with what they say, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


class Form(HTMLParser):
    """What a browser sends of the form with some action, if no button has a name."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._action = action
        self._is_inside = False
        self._area: str | None = None
        self._select: str | None = None
        self.feed(page)
        assert self.fields, f"there is no form for {action}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = said.get("action") == self._action
        if not self._is_inside:
            return
        if tag == "input" and (said.get("type") != "checkbox" or "checked" in said):
            self.fields[said["name"]] = said.get("value", "")
        elif tag == "textarea":
            self._area = said["name"]
            self.fields[self._area] = ""
        elif tag == "select":
            self._select = said["name"]
        elif tag == "option" and self._select is not None:
            if "selected" in said:
                self.fields[self._select] = said["value"]
            self.fields.setdefault(self._select, said["value"])

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            # The first end of a line belongs to the page.
            before = self.fields[self._area]
            self.fields[self._area] = before + (data if before else data.removeprefix("\n"))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "form":
            self._is_inside = False
