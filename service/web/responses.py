"""Pages as they are sent: what browsers may load, keep and tell of them."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from litestar import Request, Response

from service.web.packing import BYTES_MIN, packed, takes_gzip

MEDIA_TYPE = "text/html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HUNG_UP = 499
PART = "Timeline-Part"
"""The header by which script asks for part of a page, at the address of all of it."""
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Sources learn of nobody who reads about them. Without any, browsers would not say either
    # that our own forms are ours.
    "Referrer-Policy": "same-origin",
    "Vary": f"Cookie, Accept-Encoding, {PART}",
}


def to_response(
    request: Request[Any, Any, Any],
    page: str | bytes,
    *,
    status: int = 200,
    headers: Mapping[str, str],
    media_type: str = MEDIA_TYPE,
    is_kept: bool = False,
    is_shared: bool = False,
) -> Response[bytes]:
    """
    A page, or a table or a picture of one; texts are compressed for those who take it.

    If it *is_kept* a browser has it until it changed, and caches for many too if it *is_shared*.
    """
    body = page.encode() if isinstance(page, str) else page
    sent = {**HEADERS, "Cache-Control": "no-store", **headers}
    if is_kept:
        sent["Cache-Control"] = "no-cache" if is_shared else "private, no-cache"
        # Weak, since it is of the page and not of its compressed bytes.
        sent["ETag"] = f'W/"{sha256(body).hexdigest()[:32]}"'
    # A secret of a compressed page could be guessed by its length, if others could have it made
    # with the cookie of whoever is signed in: browsers do not send that from other sites.
    if isinstance(page, str) and len(body) >= BYTES_MIN and takes_gzip(request.headers):
        body = packed(body)
        sent["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, headers=sent, media_type=media_type)


def unless_known(request: Request[Any, Any, Any], page: Response[Any]) -> Response[Any]:
    """*page*, or 304 to a browser that has it already."""
    asked = request.headers.get("if-none-match", "")
    if page.headers.get("ETag") not in [tag.strip() for tag in asked.split(",")]:
        return page
    headers = {name: said for name, said in page.headers.items() if name != "Content-Encoding"}
    return Response(b"", status_code=304, headers=headers, media_type=page.media_type)


def nobody_waits() -> Response[bytes]:
    """For the line in the log alone: who asked has hung up."""
    return Response(b"", status_code=HUNG_UP, media_type=MEDIA_TYPE)


def redirect(
    address: str, status: int = 303, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Where to go on."""
    sent = {"Location": address, "Cache-Control": "no-store", **(headers or {})}
    return Response(b"", status_code=status, headers=sent, media_type=MEDIA_TYPE)
