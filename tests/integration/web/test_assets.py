"""Files that pages use: called by their content, kept for ever, compressed, from here alone."""

import gzip
import re
from hashlib import sha256

import httpx
import pytest

from service.api.operations import Machinery
from service.web.assets import MEDIA_TYPES, address_of, assets
from service.web.handlers import PAGES
from tests.support.browsing import Elements, browser, signed_in

BYTES_MAX = 40_000
"""Of the one sheet, compressed: a first page is to be under 100 kB."""
SCRIPT_BYTES_MAX = 40_000


@pytest.mark.parametrize("name", assets())
async def test_asset_is_called_by_its_content(name: str, anonymous: httpx.AsyncClient) -> None:
    """What is at an address never changes, so that it is asked for once."""
    answer = await anonymous.get(address_of(name), headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert sha256(answer.content).hexdigest().startswith(address_of(name).split(".")[1])
    assert answer.headers["cache-control"] == "max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith(MEDIA_TYPES[name.rpartition(".")[2]])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("name", assets())
async def test_asset_is_compressed_for_those_who_take_it(
    name: str, anonymous: httpx.AsyncClient
) -> None:
    async with anonymous.stream("GET", address_of(name), headers={"Accept-Encoding": "gzip"}) as a:
        raw = b"".join([chunk async for chunk in a.aiter_raw()])
        assert a.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == assets()[name].body
    assert len(raw) < BYTES_MAX


@pytest.mark.parametrize(
    "path",
    [
        "/static/page.css",
        "/static/page.0000000000000000.css",
        "/static/..%2fhandlers.py",
        "/static/%2e%2e%2fhandlers.py",
        "/static/",
        "/static/page.css%00",
    ],
)
async def test_no_other_file_is_there(path: str, anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get(path)
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


async def test_favicon_is_where_everybody_asks_for_it(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/favicon.ico")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "immutable" not in answer.headers["cache-control"], "its address stays"


def test_assets_ask_nobody_else() -> None:
    for name, asset in assets().items():
        said = asset.body.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert re.findall(r"https?:|@import|url\(|//", said) == [], name


def test_script_is_small() -> None:
    """As it stands, without compression."""
    scripts = [asset.body for name, asset in assets().items() if name.endswith(".js")]
    assert sum(map(len, scripts)) < SCRIPT_BYTES_MAX


async def test_pages_name_assets_by_their_content(made: Machinery) -> None:
    paths = [page.path for page in PAGES if page.method == "GET" and "{" not in page.path]
    async with browser(made) as asking:
        await signed_in(asking, "writer")
        for path in (*paths, "/nothing", "/?q=x"):
            found = Elements((await asking.get(path)).text).found
            used = {
                said.get("href") or said.get("src")
                for tag, said in found
                if tag in ("link", "script", "img")
                # The others are links to be followed, which load nothing.
                and said.get("rel") not in ("canonical", "alternate", "next")
            }
            assert {address_of("page.css"), address_of("page.js")} <= used
            assert used <= {asset.path for asset in assets().values()}, path


async def test_long_page_is_compressed_for_those_who_take_it(made: Machinery) -> None:
    async with browser(made) as asking:
        plain = await asking.get("/docs", headers={"Accept-Encoding": "identity"})
        packed = await asking.get("/docs", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert packed.headers["etag"] == plain.headers["etag"]
    assert "Accept-Encoding" in packed.headers["vary"]
