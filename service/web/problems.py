"""What is refused, as a page that says what happened and where to go on."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from litestar import Request, Response

from service.domain.refusals import Candidate, Fault
from service.web.rendering import rendered
from service.web.responses import to_response

VISIT = "visit"
"""Where a request keeps who asks, once that is known."""
_OF_NAMES = ("/labs", "/people")
"""Under these a near name has an address of its own."""


_OF_THE_PATH = "about:blank"
"""The type of what is refused before anybody is asked."""
_NOWHERE = "Nothing stands at this address; a letter of it may be wrong."


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
        detail=_NOWHERE
        if problem.type == _OF_THE_PATH and problem.status == 404
        else problem.detail,
        near=[
            (near.name, _address_beside(request, near.id))
            for near in (*problem.suggestions, *problem.candidates)
        ],
        seconds=headers.get("Retry-After"),
        request_id=request.scope.get("request_id"),
    )
    return to_response(request, page, status=problem.status, headers=headers)


def _address_beside(request: Request[Any, Any, Any], one: str) -> str | None:
    """The same question about another; None where the path is not about somebody."""
    before, _, _ = request.scope["path"].rpartition("/")
    if before not in _OF_NAMES:
        return None
    query = request.scope["query_string"].decode("latin-1")
    return f"{before}/{quote(one, safe='')}" + (f"?{query}" if query else "")
