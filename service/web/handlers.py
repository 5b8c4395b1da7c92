"""The pages as route handlers: each lets in whom its `Page` says, and then answers."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from litestar import Request, Response, get, route
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from service.answers.kept import Standing
from service.domain.refusals import Forbidden, ForeignForm
from service.postgres.faults import passing
from service.read_models.current import Current
from service.web.asked import asked_in
from service.web.assets import FOR_EVER, Asset, assets, find_asset
from service.web.forms import read_form
from service.web.kept import Question, to_keep
from service.web.packing import takes_gzip
from service.web.page import Page
from service.web.pages import (
    corrections,
    docs,
    event,
    findings,
    home,
    lab,
    log,
    moves,
    person,
    recording,
    replays,
    sign_in,
)
from service.web.problems import VISIT
from service.web.responses import redirect, unless_known
from service.web.sessions import (
    FORM_TOKEN,
    came_from,
    check_form_token,
    check_origin,
    comes_from_elsewhere,
    token_in,
)
from service.web.site import Site
from service.web.typed import typed_of
from service.web.visits import Visit

PAGES: Sequence[Page] = (
    *home.PAGES,
    *lab.PAGES,
    *person.PAGES,
    *moves.PAGES,
    *event.PAGES,
    *corrections.PAGES,
    *recording.PAGES,
    *log.PAGES,
    *findings.PAGES,
    *replays.PAGES,
    *docs.PAGES,
    *sign_in.PAGES,
)
ICON = "icon.svg"
_ICON_SECONDS = 86_400
HEAD_SECONDS = 1.0
"""A page that can do without it waits no longer for the head."""


def page_handlers(site: Site) -> list[HTTPRouteHandler]:
    """Every page, and the files that pages use."""
    return [*(_handler_of(page, site) for page in PAGES), asset, icon]


def _handler_of(page: Page, site: Site) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> Response[Any]:
        if page.method == "POST":
            check_origin(request)
        visit = await _visit_of(request, site)
        if not page.is_for(visit.principal, is_closed=site.is_closed()):
            return await _refused(page, visit)
        if page.method == "POST":
            visit.form = await read_form(request, site)
            if not page.begins_session and visit.token is not None:
                try:
                    check_form_token(visit.form.get(FORM_TOKEN, ""), visit.token)
                except ForeignForm:
                    typed = typed_of(visit)
                    if page.role is None or typed is None:
                        raise
                    # It comes from a page of ours, by the browser's word. Whoever sent it may have
                    # signed in again in another window meanwhile: they look at it and decide.
                    return sign_in.show_typed(visit, typed, status=403)
        if page.is_open:
            visit.current = await _head_if_shown(visit)
        else:
            visit.asked = asked_in(visit.pairs)
            visit.current = await site.memory.current(*visit.asked.states)
        visit.is_live = page.method == "GET" and page.role is None and not page.is_open
        answer = _kept_or_made if page.is_lasting else _made
        return unless_known(request, await answer(page, visit))

    handle.__name__ = page.name
    return route(page.path, http_method=[page.method], status_code=200, name=page.name)(handle)


async def _made(page: Page, visit: Visit) -> Response[Any]:
    return await page.answer(visit)


async def _kept_or_made(page: Page, visit: Visit) -> Response[Any]:
    """
    What the page shows, made anew where the log, the read models or the day are others.

    The head was asked for before: what any process recorded by then is on the page.
    """
    site, question = visit.site, _question_of(visit)
    # Of read models that cannot be asked any more nothing is shown that was kept either.
    await site.check_readable()
    standing = Standing(visit.known_current.head, visit.known_current.made, visit.today)
    kept = site.kept.find(question)
    if kept is not None and kept.stands_while == standing:
        return kept.response()
    response = await _made(page, visit)
    if response.status_code == 200:
        site.kept.keep(question, to_keep(response, standing))
    return response


def _question_of(visit: Visit) -> Question:
    """What a visit asks of a page."""
    scope, principal = visit.request.scope, visit.principal
    return Question(
        raw_path=scope.get("raw_path") or scope["path"].encode(),
        query=scope["query_string"],
        takes_gzip=takes_gzip(visit.request.headers),
        token=visit.token,
        role=None if principal is None else principal.role,
        part=visit.part,
    )


async def _visit_of(request: Request[Any, Any, Any], site: Site) -> Visit:
    """Who asks; a token that is good no more is none."""
    visit = Visit(site=site, request=request)
    token = token_in(request)
    principal = None if token is None else await site.sessions.find(token)
    if principal is not None:
        visit.token, visit.principal = token, principal
        site.note(request.scope, by=principal.name)
    # For the page that is shown if something is refused on the way.
    cast("dict[str, Any]", request.scope)[VISIT] = visit
    return visit


async def _head_if_shown(visit: Visit) -> Current | None:
    """For pages that need no log: the head that is shown at their foot, if that is no trouble."""
    if visit.principal is None and visit.site.is_closed():
        return None
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            return await visit.site.memory.current()
    except Exception as fault:
        if passing(fault) is None:
            raise
        return None


async def _refused(page: Page, visit: Visit) -> Response[Any]:
    """
    Where to sign in, for who has not; what was typed into a form goes along.

    Raises:
        Forbidden: they have, with a key of too low a role.
    """
    if visit.principal is not None:
        raise Forbidden(
            f"The key '{visit.principal.name}' has the role '{visit.principal.role}'; this needs "
            f"'{page.role}'. Sign in with another key."
        )
    if page.method == "GET":
        if token_in(visit.request) is None and comes_from_elsewhere(visit.request):
            return visit.show(
                "again.html", headers={"Refresh": f"0; url={visit.address}"}, is_kept=False
            )
        return redirect(visit.sign_in_address, 302)
    go_on = came_from(visit.request)
    visit.form = await read_form(visit.request, visit.site)
    typed = typed_of(visit)
    return sign_in.ask_again(visit, typed, go_on) if typed else redirect(sign_in.address_for(go_on))


@get("/static/{name:str}", name="asset", sync_to_thread=False)
def asset(request: Request[Any, Any, Any]) -> Response[bytes]:
    found = find_asset(request.scope["path"])
    if found is None:
        raise NotFoundException
    return _sent(request, found, FOR_EVER)


@get("/favicon.ico", name="icon", sync_to_thread=False)
def icon(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Asked for at this address by whoever was not told another."""
    return _sent(request, assets()[ICON], f"max-age={_ICON_SECONDS}")


def _sent(request: Request[Any, Any, Any], found: Asset, keep: str) -> Response[bytes]:
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    body = found.body
    if takes_gzip(request.headers):
        body = found.packed
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=found.media_type, headers=headers)
