"""Signing in with a key, and out again."""

from urllib.parse import quote

from litestar import Response

from service.domain.refusals import Refusal, TooManyAttempts, Unauthenticated
from service.log.keys import key_hash
from service.web.page import Page
from service.web.responses import redirect
from service.web.sessions import cookie_with, cookie_without, local_address
from service.web.typed import Typed, handed_on
from service.web.visits import Visit

PATH = "/sign-in"


async def sign_in(visit: Visit) -> Response[bytes]:
    return _shown(visit, visit.said("next"))


async def take_key(visit: Visit) -> Response[bytes]:
    """A key is taken for a session; what the browser had before is over."""
    go_on, typed = visit.form.get("next"), handed_on(visit)
    key = visit.form.get("key", "").strip()
    if not key:
        return _shown(visit, go_on, Unauthenticated("No key was typed."), typed)
    hashed = key_hash(key)
    try:
        principal = await visit.site.find_key(hashed, visit.request.scope)
    except (Unauthenticated, TooManyAttempts) as refusal:
        return _shown(visit, go_on, refusal, typed)
    if visit.token is not None:
        await visit.site.sessions.end(visit.token)
    token = visit.site.new_secret()
    await visit.site.sessions.begin(token, hashed)
    visit.site.note(visit.request.scope, by=principal.name)
    if typed is None:
        answer = redirect(local_address(go_on))
    else:
        visit.token, visit.principal = token, principal
        answer = show_typed(visit, typed)
    answer.set_cookie(cookie_with(token, visit.request))
    return answer


async def sign_out(visit: Visit) -> Response[bytes]:
    if visit.token is not None:
        await visit.site.sessions.end(visit.token)
    answer = redirect("/")
    answer.set_cookie(cookie_without(visit.request))
    return answer


def ask_again(visit: Visit, typed: Typed, go_on: str) -> Response[bytes]:
    """Where to sign in, for whose session was over before the form was sent."""
    return _shown(visit, go_on, typed=typed)


def show_typed(visit: Visit, typed: Typed, status: int = 200) -> Response[bytes]:
    """What was typed, for who is signed in and can go on with it."""
    return visit.show("typed.html", status=status, is_kept=False, typed=typed)


def address_for(page: str) -> str:
    """Where to sign in and then go on to *page*."""
    return f"{PATH}?next={quote(page, safe='/')}"


def _shown(
    visit: Visit,
    go_on: str | None,
    refusal: Refusal | None = None,
    typed: Typed | None = None,
) -> Response[bytes]:
    status, headers = 200, {}
    if isinstance(refusal, Unauthenticated) or (typed is not None and refusal is None):
        status = 401
        headers = {"WWW-Authenticate": 'Bearer realm="lab-timeline"'}
    elif isinstance(refusal, TooManyAttempts):
        status = 429
        headers = {"Retry-After": str(refusal.retry_after_seconds)}
    return visit.show(
        "sign_in.html",
        status=status,
        headers=headers,
        go_on=local_address(go_on),
        is_closed=visit.site.is_closed(),
        said=None if refusal is None else refusal.message,
        typed=typed,
    )


PAGES = (
    Page(name="sign_in", path=PATH, answer=sign_in, is_open=True),
    Page(
        name="take_key",
        path=PATH,
        method="POST",
        answer=take_key,
        is_open=True,
        begins_session=True,
    ),
    Page(name="sign_out", path="/sign-out", method="POST", answer=sign_out, is_open=True),
)
