"""What hostile names and queries look like on pages: texts, and never anything else."""

import re
from collections.abc import Iterator
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest

from service.api.operations import Machinery
from service.web.assets import address_of
from service.web.handlers import PAGES
from service.web.visits import TEXT_CHARACTERS_MAX
from tests.integration.api.asking import record
from tests.integration.api.test_nasty_answers import HIRED, TEXTS, events
from tests.support.browsing import ORIGIN, Elements, browser, signed_in
from tests.support.nasty import ALL, acting

ELEMENTS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "link",
        "body",
        "a",
        "header",
        "div",
        "img",
        "form",
        "label",
        "input",
        "button",
        "nav",
        "ul",
        "li",
        "span",
        "p",
        "main",
        "h1",
        "h2",
        "h3",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "bdi",
        "footer",
        "time",
        "code",
        "section",
        "dl",
        "dt",
        "dd",
        "strong",
        "svg",
        "circle",
        "path",
        "article",
        "details",
        "summary",
        "pre",
        "ol",
        "del",
        "ins",
        "select",
        "option",
        "textarea",
        "fieldset",
        "legend",
        "lineargradient",
        "stop",
        "defs",
        "pattern",
        "rect",
        "line",
        "text",
        "figure",
        "figcaption",
        "br",
        "em",
        "script",
    ]
)
"""All that the templates have: what else is on a page came out of a text."""
SCRIPTS = ({"type": "application/ld+json"}, {"type": "module", "src": address_of("page.js")})


@pytest.fixture
async def nasty(client: httpx.AsyncClient, made: Machinery) -> Machinery:
    """A service whose log holds them all."""
    await record(client, *events())
    said = {"type": "hire", "person": "p-0", "lab": "l-0", "date": "2021", "note": ALL}
    await record(client, {"type": "correction", "target": HIRED, "reason": ALL, "event": said})
    return made


def addresses() -> Iterator[str]:
    """Each page, each with what may be asked there, and pages that are not there."""
    named = {
        "{lab:str}": "l-0",
        "{person:str}": "p-0",
        "{event_id:str}": HIRED,
        "{replay_id:str}": str(UUID(int=1)),
    }
    paths = [page.path for page in PAGES if page.method == "GET"]
    for place, name in named.items():
        paths = [path.replace(place, name) for path in paths]
    assert not [path for path in paths if "{" in path], "fill in names, here"
    for text in TEXTS:
        said = quote(text[:TEXT_CHARACTERS_MAX], safe="")
        for path in paths:
            yield f"{path}?q={said}&next={said}&{said}={said}"
        yield f"/?q={quote(text[:12], safe='')}"
        yield f"/sign-in?next=/{said}"
        for path in ("", "/labs", "/people", "/static"):
            yield f"{path}/{said}?{said}"
    yield "/?q=P"
    yield "/?q=L1"


def without_values(text: str) -> str:
    """A page, but for controls in what a form sends back: no reference means those."""
    return re.sub(
        '(?s)value="[^"]*"|<textarea.*?</textarea>',
        lambda value: re.sub("[\x80-\x9f]", "", value[0]),
        text,
    )


@pytest.mark.parametrize("is_signed_in", [False, True])
async def test_pages_show_hostile_texts_as_texts(nasty: Machinery, *, is_signed_in: bool) -> None:
    statuses = set()
    async with browser(nasty) as asking:
        if is_signed_in:
            await signed_in(asking, "admin")
        for address in dict.fromkeys(addresses()):
            answer = await asking.get(address)
            statuses.add(answer.status_code)
            if answer.status_code == 302:
                # A whole name leads to its page; a form to where one signs in.
                leads = ("/labs/", "/people/", *(() if is_signed_in else ("/sign-in?next=/",)))
                assert answer.headers["location"].startswith(leads), address
                continue
            assert answer.status_code in (200, 404), (address, answer.text)
            assert answer.headers["content-type"] == "text/html; charset=utf-8", address
            page = Elements(answer.text)
            assert {tag for tag, _ in page.found} <= ELEMENTS, address
            assert acting(without_values(answer.text).replace("\n", "")) == [], address
            for tag, said in page.found:
                assert tag != "script" or said in SCRIPTS, (address, said)
                assert not [name for name in said if name.startswith("on")], (address, tag, said)
                assert "style" not in said, (address, tag)
                for name in ("href", "src", "action"):
                    target = said.get(name)
                    if tag == "a" and (target or "").startswith("https://example.org/"):
                        assert "nofollow" in str(said["rel"]), (address, target)
                        continue
                    if target is not None and said.get("rel") == "canonical":
                        target = target.removeprefix(ORIGIN)
                    assert target is None or target.startswith(("/", "#")), (address, target)
                    assert target is None or not target.startswith(("//", "/\\")), address
    assert statuses - {302} == {200, 404}


async def test_names_are_found_and_shown_in_their_own_direction(nasty: Machinery) -> None:
    async with browser(nasty) as asking:
        page = await asking.get("/", params={"q": "user"})
    assert "<bdi>P18 user\\u202egnp.exe</bdi>" in page.text
