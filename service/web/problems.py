"""What is refused, as a page that says what happened and where to go on."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

from litestar import Request, Response

from service.domain.refusals import Candidate, Fault, shown
from service.web.rendering import rendered
from service.web.responses import HEADERS, MEDIA_TYPE, to_response
from service.web.sessions import local_address

VISIT = "visit"
"""Where a request keeps who asks, once that is known."""
_OF_NAMES = ("/labs", "/people")
"""Under these a near name has an address of its own."""


_OF_THE_PATH = "about:blank"
"""The type of what is refused before anybody is asked."""
_NOWHERE = "Nothing stands at this address; a letter of it may be wrong."

_OF_THE_HOST = "urn:lab-timeline:problem:unknown_host"
_ELSEWHERE = (
    "The service answers to other names than the one in this address; ask whoever gave it to you."
)
_DOOR_HEADERS = {
    **HEADERS,
    "Vary": "Accept",
    "Cache-Control": "no-store",
    "Content-Type": f"{MEDIA_TYPE}; charset=utf-8",
}


class Problem(Protocol):
    """A problem document, as the API makes it."""

    @property
    def type(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def errors(self) -> Sequence[Fault]: ...
    @property
    def suggestions(self) -> Sequence[Candidate]: ...
    @property
    def candidates(self) -> Sequence[Candidate]: ...


def show_problem(
    request: Request[Any, Any, Any], problem: Problem, headers: Mapping[str, str]
) -> Response[bytes]:
    """The page of a problem."""
    visit: Any = request.scope.get(VISIT)
    if visit is not None:
        # What is told here comes of no event, and no new one takes it back.
        visit.is_live = False
    page = rendered(
        "problem.html",
        visit=visit,
        problem=problem,
        detail=_detail(request, problem),
        asked=_name_asked(request) if problem.status == 404 else None,
        near=[
            (near.name, _address_beside(request, near.id))
            for near in (*problem.suggestions, *problem.candidates)
        ],
        seconds=headers.get("Retry-After"),
        plain=_without_query(request),
        request_id=request.scope.get("request_id"),
        leads_on=True,
    )
    return to_response(request, page, status=problem.status, headers=headers)


def show_at_door(problem: Problem) -> tuple[bytes, Mapping[str, str]]:
    """
    The page of a problem for whoever is not let in, and its headers.

    Who that is, is not asked; and a page is made once, so that it costs no more than a document.
    """
    is_elsewhere = problem.type == _OF_THE_HOST
    page = _at_door(
        problem.status,
        problem.title,
        # The host that was asked for is anybody's text: it would be a page of its own each time.
        _ELSEWHERE if is_elsewhere else problem.detail,
        leads_on=not is_elsewhere,
    )
    return page, _DOOR_HEADERS


@lru_cache(maxsize=256)
def _at_door(status: int, title: str, detail: str, *, leads_on: bool) -> bytes:
    shown = {"status": status, "title": title, "errors": (), "candidates": ()}
    return rendered(
        "problem.html",
        visit=None,
        problem=shown,
        detail=detail,
        asked=None,
        near=(),
        # The detail says when to come again.
        seconds=None,
        plain=None,
        request_id=None,
        leads_on=leads_on,
    ).encode()


def _detail(request: Request[Any, Any, Any], problem: Problem) -> str:
    """What happened, for people: how programs would add what is not there is for programs."""
    if problem.type == _OF_THE_PATH and problem.status == 404:
        return _NOWHERE
    if problem.status != 404 or _name_asked(request) is None:
        return problem.detail
    before, _, name = request.scope["path"].rpartition("/")
    return f"{'No lab' if before == '/labs' else 'Nobody'} is called {shown(name)}."


def _without_query(request: Request[Any, Any, Any]) -> str | None:
    """The same page without all that its address asks; None where that is this one, or no page."""
    if not request.scope["query_string"] or request.method != "GET":
        return None
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return local_address(raw.decode("latin-1"))


def _name_asked(request: Request[Any, Any, Any]) -> str | None:
    """The name of whom the path is about, such as can be searched for."""
    before, _, name = request.scope["path"].rpartition("/")
    name = " ".join(name.replace("-", " ").split())
    return name if before in _OF_NAMES and name.isprintable() and 0 < len(name) <= 300 else None


def _address_beside(request: Request[Any, Any, Any], one: str) -> str | None:
    """The same question about another; None where the path is not about somebody."""
    before, _, _ = request.scope["path"].rpartition("/")
    if before not in _OF_NAMES:
        return None
    query = request.scope["query_string"].decode("latin-1")
    return f"{before}/{quote(one, safe='')}" + (f"?{query}" if query else "")
