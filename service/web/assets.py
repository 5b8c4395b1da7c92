"""Files that pages use, called by their content: caches keep them for ever, and none is stale."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from service.web.packing import packed

MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
FOR_EVER = "max-age=31536000, immutable"
_HASH_CHARACTERS = 16


class Asset(NamedTuple):
    """A file as it is sent."""

    path: str
    media_type: str
    body: bytes
    packed: bytes
    """The same, compressed."""


def address_of(name: str) -> str:
    """Where a file of `static` is asked for."""
    return assets()[name].path


def find_asset(path: str) -> Asset | None:
    """The file that is asked for at *path*."""
    return _by_path().get(path)


@cache
def assets() -> Mapping[str, Asset]:
    """Every file of `static` by its name."""
    folder = files("service.web").joinpath("static")
    return {file.name: _asset(file.name, file.read_bytes()) for file in folder.iterdir()}


@cache
def _by_path() -> Mapping[str, Asset]:
    return {asset.path: asset for asset in assets().values()}


def _asset(name: str, body: bytes) -> Asset:
    stem, _, ending = name.rpartition(".")
    digest = sha256(body).hexdigest()[:_HASH_CHARACTERS]
    return Asset(f"/static/{stem}.{digest}.{ending}", MEDIA_TYPES[ending], body, packed(body))
