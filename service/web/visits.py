"""One request of a page: who asks, what they ask with, and how they are answered."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Request, Response
from msgspec import Struct

from service.answers.times import Times
from service.domain.events import Kind
from service.domain.refusals import BadParameter
from service.log.append import Head
from service.log.corrections import find_last_correction
from service.log.keys import Principal
from service.postgres.pool import Connection
from service.read_models.current import Current
from service.web.addresses import lab_address, person_address
from service.web.asked import Asked, Pairs, other_pairs, pairs_in
from service.web.lately import state_of
from service.web.rendering import rendered
from service.web.responses import MEDIA_TYPE, PART, redirect, to_response
from service.web.sessions import form_token_of, local_address
from service.web.site import Site
from service.web.time_bar import TimeBar, time_bar

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,253}")
ROSTER = "roster"
"""The part of a lab's page that follows the day while it is moved."""
PARTS = (ROSTER,)
TEXT_CHARACTERS_MAX = 300
"""Of what is typed into a box of a page."""


class Visit(Struct, kw_only=True, repr_omit_defaults=True):
    """What a page is asked with."""

    site: Site
    request: Request[Any, Any, Any]
    principal: Principal | None = None
    """Whose key was typed when this browser signed in."""
    token: str | None = None
    """Of the session, if there is one; a secret."""
    current: Current | None = None
    """The head; None where the page does not ask the log, or may not show it."""
    asked: Asked = Asked()
    """The times that the address asks for."""
    is_live: bool = False
    """Whether what it shows can be shown anew by whoever reads it, and nothing is lost."""
    form: Mapping[str, str] = {}
    """The fields of the form that was sent, each once."""

    def __repr__(self) -> str:
        return f"Visit({self.request.scope['path']!r})"

    @property
    def head(self) -> Head | None:
        """The head that the page shows."""
        return None if self.current is None else self.current.head

    @property
    def live_after(self) -> int | None:
        """
        The position after which events are news to the page; None where there are none.

        A page that is pinned to a state of knowledge never changes. Where reading is closed the
        stream of the API does not know the session of a browser.
        """
        is_now = self.asked.known_at is None and not self.site.is_closed()
        return self.head.position if self.is_live and is_now and self.head else None

    @property
    def origin(self) -> str:
        """This service as it was asked, for commands that are to be copied."""
        host = self.request.headers.get("host", "")
        scheme = self.request.scope["scheme"]
        return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost:8000'}"

    @property
    def known_current(self) -> Current:
        """The same, of a page that reads."""
        assert self.current is not None, "pages that read ask the log"
        return self.current

    @property
    def form_token(self) -> str:
        """What each form of the page holds that is sent by POST."""
        return "" if self.token is None else form_token_of(self.token)

    @property
    def path(self) -> Mapping[str, str]:
        """The names in the path."""
        return self.site.names_in(self.request.path_params)

    @property
    def address(self) -> str:
        """Path and query as they were asked for, of this service whatever stands in them."""
        raw: bytes = self.request.scope.get("raw_path") or self.request.scope["path"].encode()
        query: bytes = self.request.scope["query_string"]
        return local_address((raw + b"?" + query if query else raw).decode("latin-1"))

    @property
    def sign_in_address(self) -> str:
        """Where to sign in and come back from."""
        return f"/sign-in?next={quote(self.address, safe='/')}"

    @property
    def today(self) -> date:
        """The UTC day."""
        return self.site.now().date()

    @property
    def part(self) -> str | None:
        """The part of the page that is asked for; None of all of it."""
        asked = self.request.headers.get(PART)
        return asked if asked in PARTS else None

    @property
    def pairs(self) -> Pairs:
        """The names and values of the query."""
        return pairs_in(self.request.scope["query_string"])

    def said(self, name: str) -> str:
        """What the query says of one thing, whatever it is; blank where it says nothing."""
        query = self.request.scope["query_string"].decode("latin-1")
        return parse_qs(query, errors="replace").get(name, [""])[-1]

    async def time_bar(
        self,
        connection: Connection,
        times: Times,
        subject: str,
        uncertain: int | None = None,
        *,
        passing: Collection[str] = (),
    ) -> TimeBar:
        """
        The bar of times of the page, whose sentence begins with *subject*.

        Shapes: *passing* names what the address says of these times alone, such as a place in a
        list.
        """
        return time_bar(
            self.address.partition("?")[0],
            other_pairs(self.pairs, *passing),
            self.asked,
            times,
            today=self.today,
            subject=subject,
            uncertain=uncertain,
            last_correction=await self.site.last_corrections.made(
                state_of(times, self.known_current),
                lambda: find_last_correction(connection, times.known_at.position),
            ),
        )

    def text(self, name: str) -> str | None:
        """
        What the query says of one thing, without spaces around it; None where it says nothing.

        Raises:
            BadParameter: no text that anybody types.
        """
        text = self.said(name).strip()
        if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text:
            raise BadParameter(name, f"The parameter '{name}' is no text.")
        if len(text) > TEXT_CHARACTERS_MAX:
            raise BadParameter(
                name,
                f"The parameter '{name}' has {len(text)} characters; the limit is "
                f"{TEXT_CHARACTERS_MAX}.",
            )
        return text or None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[tuple[Connection, Times]]:
        """
        What answers are asked with, for the times that the address asks for.

        Raises:
            NotReady: the read models are being built.
            BadParameter: a position beyond the head.
        """
        await self.site.check_readable()
        times = self.asked.times(self.known_current, self.today)
        async with self.site.pool.acquire() as connection:
            yield connection, times

    def elsewhere(self, kind: Kind, one: str) -> Response[bytes] | None:
        """
        The way to the page of *one*, if the path names it by another name, or by an id that was
        joined into it; None where the path has the id itself.
        """
        if self.path[kind] == one:
            return None
        address = lab_address(one) if kind == "lab" else person_address(one)
        _, mark, query = self.address.partition("?")
        return redirect(f"{address}{mark}{query}", 308)

    def show(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        is_kept: bool = True,
        **values: Any,
    ) -> Response[bytes]:
        """The page, as *template* makes it of *values*; a browser may have it if it *is_kept*."""
        page = rendered(template, visit=self, **values)
        return self.send(page, status=status, headers=headers, is_kept=is_kept)

    def send(
        self,
        text: str | bytes,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str = MEDIA_TYPE,
        is_kept: bool = True,
    ) -> Response[bytes]:
        """What was made for this request; a browser may have it if it *is_kept*."""
        return to_response(
            self.request,
            text,
            status=status,
            headers=headers or {},
            media_type=media_type,
            # What is shown to one visitor is nobody else's, and not theirs after they signed out.
            is_kept=is_kept and status == 200 and self.token is None,
            is_shared=not self.site.is_closed(),
        )
