"""Pages as a browser without scripts uses them: cookies, forms, and what is on a page."""

import re
from html.parser import HTMLParser

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
