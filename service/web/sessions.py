"""
Who is signed in, as a browser says it: a cookie, and by which forms are known as ours.

A form is taken if it was sent from a page of this service, by the browser's own word, and holds
what only a page that was made for this session can hold.
"""

import re
from hmac import compare_digest
from hmac import digest as hmac_of
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request
from litestar.datastructures import Cookie

from service.domain.refusals import ForeignForm, shown
from service.log.sessions import LASTS

COOKIE = "timeline_session"
FORM_TOKEN = "form_token"  # noqa: S105 (the name of a field)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_IN_ADDRESSES = "/?#[]@!$&'()*+,;=:%~-._"

AnyRequest = Request[Any, Any, Any]


def token_in(request: AnyRequest) -> str | None:
    """The token that the browser has, good or not."""
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


def cookie_with(token: str, request: AnyRequest) -> Cookie:
    """What lets the browser have *token*, for as long as a session lasts."""
    return _cookie(token, int(LASTS.total_seconds()), request)


def cookie_without(request: AnyRequest) -> Cookie:
    """What lets the browser forget its token."""
    return _cookie("", 0, request)


def _cookie(token: str, seconds: int, request: AnyRequest) -> Cookie:
    # A proxy that is not configured hides that the browser came by https; the browser says it.
    sent_from = request.headers.get("origin", "")
    return Cookie(
        key=COOKIE,
        value=token,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https" or sent_from.startswith("https://"),
    )


def form_token_of(token: str) -> str:
    """What forms for a session hold: it follows from its token, and the token not from it."""
    return hmac_of(token.encode(), b"form", "sha256").hex()


def check_form_token(sent: str, token: str) -> None:
    """
    Let a form be taken.

    Raises:
        ForeignForm: it was not made for this session.
    """
    if not compare_digest(sent.encode(), form_token_of(token).encode()):
        raise ForeignForm(
            "The form was made for another session, say before you signed in again; go back, load "
            "the page anew and send it once more."
        )


def check_origin(request: AnyRequest) -> None:
    """
    Let a form be read.

    Raises:
        ForeignForm: the browser does not say that it was sent from a page of this service.
    """
    sent_from = request.headers.get("origin", request.headers.get("referer"))
    if sent_from is None:
        raise ForeignForm(
            "The form was sent without an Origin and without a Referer, so that nobody knows from "
            "where; let your browser send one of them to this service."
        )
    host = request.headers.get("host", "").lower()
    if not host or _host_of(sent_from) != host:
        raise ForeignForm(
            f"The form was sent from {shown(sent_from[:200])}, and this service was asked as "
            f"{shown(host)}; a proxy in between has to hand on the Host header."
        )


def comes_from_elsewhere(request: AnyRequest) -> bool:
    """
    Whether a link of another site led here, by the browser's word.

    It kept the cookie back then, and sends it as soon as our own page leads to the same address.
    """
    return request.headers.get("sec-fetch-site") == "cross-site"


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def local_address(text: str | None) -> str:
    """
    Where to go on after signing in: a path of this service, or its first page.

    >>> local_address("/labs/x?at=2024"), local_address("//evil.example"), local_address("/\\\\e")
    ('/labs/x?at=2024', '/', '/')
    """
    # Browsers take a backslash for a slash and pass over tabs and ends of lines.
    if text is None or not re.fullmatch(r"/(?![/\\])[^\x00-\x20\\\x7f-\x9f]*", text):
        return "/"
    return quote(text, safe=_IN_ADDRESSES)


def came_from(request: AnyRequest) -> str:
    """The page of ours that the browser says it comes from; else the first one."""
    referer = request.headers.get("referer", "")
    if _host_of(referer) != request.headers.get("host", "").lower():
        return "/"
    parts = urlsplit(referer)
    return local_address(f"{parts.path}?{parts.query}" if parts.query else parts.path)
