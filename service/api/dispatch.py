"""From a request to its operation's handler and back: keys, parameters, times, validators."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from litestar import MediaType, Request, Response
from litestar.datastructures.headers import Accept
from msgspec import structs

from service.answers.kept import Standing
from service.answers.times import Times, times_of
from service.api import cursors, memento, params, readiness
from service.api.attempts import address_of
from service.api.kept import Answered, question_of, to_send
from service.api.links import link, path_of, query_of
from service.api.metrics import Source
from service.api.noting import note
from service.api.operations import Call, Machinery, Operation, Page
from service.api.params import parse_query
from service.domain.events import Kind
from service.domain.refusals import Forbidden, NotFound, Unauthenticated, shown
from service.log.keys import Principal, find_outside, key_of
from service.read_models.current import Current

SLASH = "\N{SYMBOL FOR GROUP SEPARATOR}"
"""Stands for a slash inside a path's name, which the router would take for a divider."""
PINNED_SECONDS = 86400


def handler_of(
    operation: Operation,
) -> Callable[[Request[Any, Any, Any]], Awaitable[Response[bytes]]]:
    """The route handler of an operation."""

    async def handle(request: Request[Any, Any, Any]) -> Response[bytes]:
        machinery: Machinery = request.app.state.machinery
        principal = await authenticate(request, machinery)
        if principal is not None:
            note(request.scope, by=principal.name)
        authorise(operation, principal, machinery)
        await readiness.check(operation, machinery)
        call = Call(
            machinery=machinery,
            request=request,
            principal=principal,
            path=names_in(request.path_params),
            query=parse_query(request.scope["query_string"], operation.params),
        )
        if operation.is_reading:
            answered = await read(operation, call)
            if answered.is_lasting:
                told = to_send(operation.id, answered)
                machinery.kept.keep(question_of(request.scope), told)
            return Response(
                answered.body,
                status_code=answered.status,
                headers=answered.headers,
                media_type=answered.media_type,
            )
        answer = await operation.handler(call)
        if isinstance(answer, Response):
            return answer
        if operation.is_validated:
            headers = {
                # For one key, or for what a key may see: no shared cache keeps it.
                "Cache-Control": "private, no-cache",
                "Log-Position": str(machinery.position_seen),
                "Vary": "Authorization, Accept-Encoding",
            }
            return validated(request, msgspec.json.encode(answer), headers)
        return to_response(answer, operation.status, machinery)

    handle.__name__ = operation.id
    return handle


async def authenticate(request: Request[Any, Any, Any], machinery: Machinery) -> Principal | None:
    """
    Whose key came with the request; None of a request without one.

    Raises:
        Unauthenticated: it came with a key that is not known, or with no bearer key.
        TooManyAttempts: too many that are not known came from its address.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    hashed = key_of(header)
    if hashed is None:
        raise Unauthenticated("Send the key as 'Authorization: Bearer <key>'.")
    return await principal_of(hashed, request.scope, machinery)


async def principal_of(hashed: bytes, scope: Mapping[str, Any], machinery: Machinery) -> Principal:
    """
    Whose key has this hash, which came with a request of this *scope*.

    Raises:
        Unauthenticated, TooManyAttempts: as `authenticate`.
    """
    address = address_of(scope)
    machinery.attempts.check(address, hashed)
    principal = find_outside(machinery.outside_keys, hashed)
    if principal is None:
        principal = await machinery.keys.find(hashed)
    machinery.attempts.note(address, hashed, is_good=principal is not None)
    if principal is None:
        raise Unauthenticated(
            "The key is not known, has expired or was revoked; ask an admin for one."
        )
    return principal


def authorise(operation: Operation, principal: Principal | None, machinery: Machinery) -> None:
    """
    Let the operation go on.

    Raises:
        Unauthenticated: it needs a key.
        Forbidden: it needs a key of a higher role.
    """
    role = operation.role or ("reader" if machinery.read_keys_required else None)
    if role is None:
        return
    if principal is None:
        raise Unauthenticated(
            f"This needs a key of the role '{role}': send 'Authorization: Bearer <key>'; "
            "'timeline keys create NAME' makes one."
        )
    if not principal.may(role):
        raise Forbidden(
            f"The key '{principal.name}' has the role '{principal.role}'; this needs '{role}'."
        )


async def read(operation: Operation, call: Call, current: Current | None = None) -> Answered:
    """
    Answer a question for the times that it asks for.

    *current* is the head, where it was fetched after the question came.
    """
    machinery = call.machinery
    asked = _tags(_header(call, b"if-none-match") or "")
    call.query, known_at = _continued(operation, call)
    # Before the head: a day that begins in between must not be answered for the one before it.
    today = machinery.today()
    if current is None or known_at is not None:
        current = await machinery.memory.current(*(() if known_at is None else (known_at,)))
    call.times = times_of(
        current,
        at=call.query.get("at"),
        known_at=known_at,
        today=today,
        published_by=call.query.get("published_by"),
    )
    standing = Standing(current.head, current.made, today)
    machinery.position_seen = max(machinery.position_seen, call.times.head)
    if asked and "*" not in asked and (told := _unchanged(operation, call, asked, standing)):
        machinery.metrics.count_answer("unchanged")
        return told
    answer = None if operation.from_memory is None else await operation.from_memory(call)
    source: Source = "database" if answer is None else "memory"
    if answer is None:
        async with machinery.pool.acquire() as connection:
            call.connection = connection
            answer = await operation.handler(call)
    # Not before: what the short way gives up, the long one counts.
    machinery.metrics.count_answer(source)
    # Only now is it known that there is an answer, and whether it rests on later names.
    if asked and (told := _unchanged(operation, call, asked, standing)):
        return told
    headers = _read_headers(operation, call)
    body = _body(operation, answer, call)
    _link_canonical(operation, call)
    if params.KNOWN_AT in operation.params and not operation.has_link_format:
        timemap = operation.timemap and path_of(operation.timemap, call.path)
        path = path_of(operation.path, call.path)
        call.links += memento.memento_links(path, _query(call), call.times, timemap)
    if call.links:
        headers["Link"] = ", ".join(call.links)
    return _answered(operation, call, 200, headers, body, standing)


def _answered(
    operation: Operation,
    call: Call,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    standing: Standing,
) -> Answered:
    assert call.times is not None, "reads have their times"
    return Answered(
        status=status,
        headers=headers,
        body=body,
        media_type=_media_type(operation, call),
        stands_while=standing,
        is_lasting=operation.is_kept and not call.times.beside,
    )


def _body(operation: Operation, answer: Any, call: Call) -> bytes:
    """The answer as JSON, or as links where those are asked for; its next page is linked."""
    if isinstance(answer, bytes):
        return answer
    if not isinstance(answer, Page):
        return msgspec.json.encode(answer)
    told, next_page = _with_next(operation, answer, call)
    if answer.to_links is None or _media_type(operation, call) != memento.LINK_FORMAT:
        return msgspec.json.encode(told)
    path = path_of(operation.path, call.path)
    own = f"{path}?{query_of(query)}" if (query := _query(call)) else path
    return answer.to_links(told, own, next_page)


def _media_type(operation: Operation, call: Call) -> str:
    """What the client takes of what there is."""
    if not operation.has_link_format:
        return MediaType.JSON
    accepted = Accept(call.request.headers.get("accept", "*/*"))
    offered = [memento.LINK_FORMAT, MediaType.JSON.value]
    return accepted.best_match(offered, default=memento.LINK_FORMAT) or memento.LINK_FORMAT


def _header(call: Call, name: bytes) -> str | None:
    """One header, without making objects of them all."""
    found = [value for key, value in call.request.scope["headers"] if key == name]
    return found[0].decode("latin-1") if found else None


def _unchanged(
    operation: Operation, call: Call, asked: set[str], standing: Standing
) -> Answered | None:
    """304 if the client has the answer already."""
    headers = _read_headers(operation, call)
    if asked.isdisjoint(("*", headers["ETag"])):
        return None
    return _answered(operation, call, 304, headers, b"", standing)


def _continued(operation: Operation, call: Call) -> tuple[Mapping[str, Any], Any]:
    """
    The query with its cursor read, and the state of knowledge asked for.

    A next page answers as known where the first did. An address that names its state is that of
    one state, which RFC 7089 lets no `Accept-Datetime` change.
    """
    query = dict(call.query)
    known_at = query.get("known_at")
    if "cursor" in query:
        cursor = cursors.from_text(query["cursor"], call.machinery.identity)
        query["place"] = cursor.place
        known_at = cursor.position
    if known_at is None and params.KNOWN_AT in operation.params:
        accepted = _header(call, b"accept-datetime")
        if accepted is not None:
            known_at = memento.instant_of(accepted)
            call.is_negotiated = True
    return query, known_at


def _with_next(operation: Operation, page: Page, call: Call) -> tuple[Any, str | None]:
    """The answer with its cursor, and the address of the next page."""
    if page.next_place is None:
        return page.answer, None
    assert call.times is not None, "reads have their times"
    text = cursors.to_text(
        cursors.Cursor(call.times.known_at.position, page.next_place), call.machinery.identity
    )
    query = [(name, value) for name, value in _query(call) if name != "cursor"]
    path = path_of(operation.path, call.path)
    next_page = f"{path}?{query_of([*query, ('cursor', text)])}"
    call.links.append(link(next_page, "next"))
    return structs.replace(page.answer, next=text), next_page


def _query(call: Call) -> Sequence[tuple[str, str]]:
    """As it was sent; the framework's own reading forgets the order."""
    return _pairs(call.request.scope["query_string"])


@lru_cache(maxsize=256)
def _pairs(query: bytes) -> Sequence[tuple[str, str]]:
    """Several headers of one answer tell the query."""
    return parse_qsl(query.decode("ascii"), keep_blank_values=True)


def _link_canonical(operation: Operation, call: Call) -> None:
    """
    Tell the address that stays, where the path names someone by another name or a former id.

    Source: RFC 6596. The query is part of it: another day or state is another answer.
    """
    assert call.times is not None, "reads have their times"
    kinds: tuple[Kind, ...] = ("person", "lab")
    resolved = {kind: call.times.resolved.get((kind, call.path.get(kind, ""))) for kind in kinds}
    names = dict(call.path)
    names.update({kind: one for kind, one in resolved.items() if one is not None})
    if names != call.path:
        path = path_of(operation.path, names)
        query = query_of(_query(call))
        call.links.append(link(f"{path}?{query}" if query else path, "canonical"))


def _read_headers(operation: Operation, call: Call) -> dict[str, str]:
    times, machinery = call.times, call.machinery
    assert times is not None, "reads have their times"
    private = "private, " if machinery.read_keys_required else ""
    varying = ["Authorization", "Accept-Encoding"]
    headers = {
        "ETag": _etag(operation, call, times),
        "Log-Position": str(times.head),
        "Cache-Control": f"{private}max-age={PINNED_SECONDS}, immutable"
        if times.is_pinned and not times.rests_on_head
        else f"{private}no-cache",
    }
    if operation.has_link_format:
        varying.append("Accept")
    if params.KNOWN_AT in operation.params:
        varying.append("Accept-Datetime")
        recorded_at = times.known_at.recorded_at
        if (times.is_past or call.is_negotiated) and recorded_at is not None:
            headers["Memento-Datetime"] = memento.http_date(recorded_at)
        if call.is_negotiated:
            path = path_of(operation.path, call.path)
            position = times.known_at.position
            headers["Content-Location"] = memento.pinned(
                path, _query(call), times.at, position, times.fixed_by
            )
    return headers | {"Vary": ", ".join(varying)}


def _etag(operation: Operation, call: Call, times: Times) -> str:
    """Of what the answer depends on: the question, the times answered for, the position."""
    asked = (
        call.request.scope["path"],
        call.request.scope["query_string"].decode("ascii", "replace"),
        _media_type(operation, call),
        times.at.isoformat(),
        str(times.known_at.position),
        # What was erased since is in no answer any more, also for a past that was pinned.
        str(times.known_at.erased_since or ""),
        str(times.head) if times.rests_on_head else "",
        times.beside,
    )
    return _tag(chr(0).join(asked).encode())


def _tag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()[:32]}"'


def validated(
    request: Request[Any, Any, Any], body: bytes, headers: Mapping[str, str]
) -> Response[bytes]:
    """JSON that is told apart by its content alone; 304 to those who have it."""
    tagged = {"Cache-Control": "no-cache", **headers, "ETag": _tag(body)}
    asked = _tags(request.headers.get("if-none-match", ""))
    if not asked.isdisjoint(("*", tagged["ETag"])):
        return Response(b"", status_code=304, headers=tagged, media_type=MediaType.JSON)
    return Response(body, headers=tagged, media_type=MediaType.JSON)


def _tags(if_none_match: str) -> set[str]:
    """The entity tags that the client has; a weak comparison, as RFC 9110 asks for."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return {tag for tag in tags if tag}


def to_response(
    answer: Any, status: int, machinery: Machinery, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """An answer that is not for fixed times."""
    return Response(
        b"" if answer is None else msgspec.json.encode(answer),
        status_code=status,
        media_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Log-Position": str(machinery.position_seen),
            **(headers or {}),
        },
    )


def names_in(path_params: Mapping[str, Any]) -> dict[str, str]:
    """
    The names in a path.

    Raises:
        NotFound: they hold what no name can.
    """
    names = {name: str(value).replace(SLASH, "/") for name, value in path_params.items()}
    for text in names.values():
        if "\0" in text or "\N{REPLACEMENT CHARACTER}" in text or not text.strip():
            raise NotFound(f"{shown(text)} can be nobody's name.")
    return names


def path_with_slashes(raw_path: bytes) -> str:
    """
    The decoded path in which an encoded slash is told apart from a divider.

    Bytes that are no UTF-8 become U+FFFD, which no path matches.
    """
    marked = raw_path.decode("ascii", "replace").replace("%2f", "%2F").replace("%2F", SLASH)
    return unquote(marked, errors="replace")
