"""Refusals as problem documents (RFC 9457): one table from refusal to status, type and title."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.datastructures.headers import Accept
from litestar.exceptions import HTTPException
from msgspec import Struct

from service.api.memento import BadAcceptDatetime
from service.api.noting import note
from service.api.params import UnknownNameInQuery
from service.domain import refusals as r
from service.domain.directory import NamelessEntity
from service.domain.erasure import NotErasable, NothingLeft
from service.domain.versions import LaterVersion
from service.log.keys import KeyNameTaken
from service.read_models.replay import NothingToRollBack
from service.read_models.replays import Replay, ReplayNotPermitted, ReplayRunning

MEDIA_TYPE = "application/problem+json"


class Problem(Struct, frozen=True):
    """How a kind of refusal is told over HTTP."""

    status: int
    title: str


PROBLEMS: dict[type[r.Refusal], Problem] = {
    r.Malformed: Problem(400, "The body cannot be decoded"),
    r.StreamBroken: Problem(400, "The stream broke off"),
    r.UnknownHost: Problem(400, "The service has another name"),
    BadAcceptDatetime: Problem(400, "The header Accept-Datetime cannot be read"),
    r.Unauthenticated: Problem(401, "A key is needed"),
    r.Forbidden: Problem(403, "The key may not do this"),
    r.ForeignForm: Problem(403, "The form came from elsewhere"),
    r.UnknownName: Problem(404, "Nobody and nothing has this name"),
    r.UnknownEvent: Problem(404, "There is no such event"),
    r.NotFound: Problem(404, "There is no such thing"),
    r.AmbiguousName: Problem(409, "The name fits several"),
    r.EventIdTaken: Problem(409, "The event id was used with another body"),
    r.IdempotencyKeyTaken: Problem(409, "The idempotency key was used with another request"),
    r.AlreadyErased: Problem(409, "What this is about was erased"),
    NotErasable: Problem(409, "An erasure is not erased"),
    NothingLeft: Problem(409, "There is nothing to erase"),
    KeyNameTaken: Problem(409, "A key of this name is in use"),
    ReplayRunning: Problem(409, "A replay is running"),
    ReplayNotPermitted: Problem(409, "The database does not let the service replay"),
    NothingToRollBack: Problem(409, "This replay cannot be taken back"),
    r.HistoryMoved: Problem(412, "The history has moved on"),
    r.BeyondHead: Problem(412, "The log has not come to this position"),
    r.TooLarge: Problem(413, "The body is too large"),
    r.UnsupportedContent: Problem(415, "The content type is not taken"),
    r.Invalid: Problem(422, "The body has faults"),
    r.NothingRecorded: Problem(422, "No line of the stream can be recorded"),
    r.BadDate: Problem(422, "This is no date"),
    r.BadParameter: Problem(422, "A query parameter cannot be used"),
    UnknownNameInQuery: Problem(422, "Nobody and nothing has the name in the query"),
    r.NotUnderstood: Problem(422, "The question is not understood"),
    r.NotCorrectable: Problem(422, "Only original events are corrected"),
    r.ClosesCycle: Problem(422, "Something would follow itself"),
    r.SelfMerger: Problem(422, "A lab cannot be merged into itself"),
    r.SelfDifference: Problem(422, "Nobody is another than themselves"),
    NamelessEntity: Problem(422, "A name or an id is needed"),
    r.TooManyRequests: Problem(429, "Too many requests"),
    r.TooManyAttempts: Problem(429, "Too many keys that are not known"),
    r.QueueFull: Problem(503, "Too many writes are waiting"),
    r.TooManySubscribers: Problem(503, "Too many clients follow the log"),
    r.NotReady: Problem(503, "The service cannot answer now"),
    LaterVersion: Problem(503, "A later edition of the service is needed"),
}


_COMES_AGAIN = (
    r.QueueFull,
    r.TooManySubscribers,
    r.NotReady,
    r.TooManyRequests,
    r.TooManyAttempts,
)
"""Those that say when."""


class ProblemDocument(Struct, kw_only=True, omit_defaults=True):
    """RFC 9457, with what this service adds."""

    type: str
    """`urn:lab-timeline:problem:` and the code of the refusal."""
    title: str
    status: int
    detail: str
    """What was refused, why, and the way out."""
    errors: tuple[r.Fault, ...] = ()
    """Every fault of a body, by JSON pointer."""
    refused: int | None = None
    """Of a stream, the number of lines with faults."""
    reasons: dict[str, int] = {}
    """Of a stream, refused lines by the code of the first fault of each."""
    faults: tuple[r.LineFault, ...] = ()
    """Of a stream, the first faults by line."""
    suggestions: tuple[r.Candidate, ...] = ()
    candidates: tuple[r.Candidate, ...] = ()
    since: tuple[r.Since, ...] = ()
    """What was recorded after the position that If-Match named, the first events of it."""
    parameter: str | None = None
    examples: tuple[str, ...] = ()
    """Questions that are understood."""
    replay: Replay | None = None
    """The one that is waited for."""


ShowProblem = Callable[
    [Request[Any, Any, Any], ProblemDocument, Mapping[str, str]], Response[bytes]
]
"""What makes a page of a problem, with the headers that go with it."""


ShowAtDoor = Callable[[ProblemDocument], tuple[bytes, Mapping[str, str]]]
"""What makes a page of a problem, and the headers of pages, and asks nothing for it."""


def document_of(refusal: r.Refusal) -> ProblemDocument:
    """The problem document of a refusal."""
    problem = PROBLEMS[type(refusal)]
    document = ProblemDocument(
        type=_type(type(refusal)),
        title=problem.title,
        status=problem.status,
        detail=refusal.message,
        **refusal.extras(),
    )
    if isinstance(refusal, r.Invalid):
        document.errors = tuple(
            msgspec.structs.replace(fault, unknown=None) for fault in refusal.faults
        )
        document.suggestions = tuple(c for f in refusal.faults for c in f.suggestions)
        document.candidates = tuple(c for f in refusal.faults for c in f.candidates)
        # A name that fits several is a conflict (API, References), if nothing else is wrong.
        for conflict in (r.AmbiguousName, r.EventIdTaken, r.AlreadyErased):
            if all(fault.code == conflict.code for fault in refusal.faults):
                document.type = _type(conflict)
                document.title = PROBLEMS[conflict].title
                document.status = PROBLEMS[conflict].status
    if isinstance(refusal, r.ClosesCycle):
        document.errors = (refusal.at(""),)
    return document


def _type(refusal: type[r.Refusal]) -> str:
    return f"urn:lab-timeline:problem:{refusal.code}"


def to_response(
    document: ProblemDocument, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """The document as it goes over the wire."""
    return Response(
        msgspec.json.encode(document),
        status_code=document.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def told(
    request: Request[Any, Any, Any],
    document: ProblemDocument,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """The document for a program, and a page for a person who asked for one."""
    show: ShowProblem | None = request.app.state.get("show_problem")
    if show is None or not is_for_people(
        request.scope["path"], request.headers.get("accept", "*/*")
    ):
        return to_response(document, headers)
    return show(request, document, headers or {})


def is_for_people(path: str, accept: str) -> bool:
    """Whether a page is asked for: beside `/v1`, by somebody who would rather have HTML."""
    if path.startswith("/v1/"):
        return False
    accepted = Accept(accept)
    return accepted.best_match([MEDIA_TYPE, MediaType.JSON, MediaType.HTML]) == MediaType.HTML


def refuse(request: Request[Any, Any, Any], refusal: r.Refusal) -> Response[bytes]:
    """The answer to a request that is refused."""
    document = document_of(refusal)
    note(request.scope, problem=document.type.rpartition(":")[2])
    return told(request, document, headers_of(refusal))


def headers_of(refusal: r.Refusal) -> dict[str, str]:
    """What the headers say of a refusal: when to come again, and with what."""
    if isinstance(refusal, _COMES_AGAIN):
        return {"Retry-After": str(refusal.retry_after_seconds)}
    if isinstance(refusal, r.Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="lab-timeline"'}
    return {}


def http_problem(request: Request[Any, Any, Any], exc: HTTPException) -> Response[bytes]:
    """What the framework itself refuses, such as an unknown path, in the same shape."""
    titles = {404: "There is nothing here", 405: "The method is not taken here"}
    details = {
        404: "No such path; /docs lists those that there are.",
        405: "This path takes other methods; see the Allow header.",
    }
    status = exc.status_code
    return told(
        request,
        ProblemDocument(
            type="about:blank",
            title=titles.get(status, "The request cannot be taken"),
            status=status,
            detail=details.get(status, exc.detail),
        ),
        exc.headers,
    )


def fault_problem(request: Request[Any, Any, Any], detail: str) -> Response[bytes]:
    """The answer where we are at fault; it tells nothing of the inside."""
    return told(
        request,
        ProblemDocument(
            type="urn:lab-timeline:problem:fault",
            title="The service is at fault",
            status=500,
            detail=detail,
        ),
    )
