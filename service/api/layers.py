"""What every request passes: its id, HEAD as GET, the doors, the short way, a log line."""

import re
import time
from typing import Any

import structlog
from litestar.types import ASGIApp, Receive, Send

from service.api.dispatch import path_with_slashes
from service.api.doors import Headers, Told
from service.api.kept import SECURITY_HEADERS, KeptAnswer
from service.api.noting import noted
from service.api.operations import Machinery
from service.api.quick import answer_quickly

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@/+=-]{1,128}")

log = structlog.get_logger()


def layered(app: ASGIApp, machinery: Machinery) -> ASGIApp:
    """*app* behind what every request passes: its id, HEAD as GET, names with slashes, a log line."""

    async def answer(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"), machinery)
        is_head = scope["method"] == "HEAD"
        if is_head:
            # A copy: the server has to know its own as HEAD, else it tells or expects a body. That
            # it is one, is for what would be long to make and is not sent.
            scope = {**scope, "method": "GET", "is_head": True}
        scope["request_id"] = request_id
        scope["path"] = path_with_slashes(scope.get("raw_path") or scope["path"].encode())
        status, position = 0, 0
        more = machinery.doors.headers(scope)

        async def sending(message: Any) -> None:
            nonlocal status, position
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower(): value for name, value in message["headers"]}
                message["headers"] = [
                    *(
                        (n, _with_head(v) if n.lower() == b"allow" else v)
                        for n, v in message["headers"]
                    ),
                    (b"x-request-id", request_id.encode()),
                    *((n, v) for n, v in SECURITY_HEADERS if n not in present),
                    *more,
                ]
                if b"log-position" in present:
                    position = int(present[b"log-position"])
                else:
                    position = machinery.position_seen
                    message["headers"].append((b"log-position", str(position).encode()))
            elif is_head and message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        quick = machinery.doors.shut(scope) or await answer_quickly(scope, machinery)
        if quick is None:
            # For whatever is told on the way; the short way tells nothing but its end.
            try:
                with structlog.contextvars.bound_contextvars(request_id=request_id):
                    await app(scope, receive, sending)
            finally:
                machinery.intake.give_back(scope)
                machinery.subscribers.give_back(scope)
            route_name = getattr(scope.get("route_handler"), "name", None) or "other"
        else:
            status, route_name = quick.status, quick.route
            if isinstance(quick, Told):
                position = machinery.position_seen
                more = [*more, (b"log-position", str(position).encode())]
            else:
                position = quick.stands_while.head.position
            await _send(quick, request_id, send, more, is_head=is_head)
        seconds = time.perf_counter() - began
        method = "HEAD" if is_head else str(scope["method"])
        counted = method if method in _METHODS else "other"
        machinery.metrics.count(counted, route_name, status, seconds)
        said = noted(scope)
        if "problem" in said:
            machinery.metrics.count_refusal(said["problem"])
        if machinery.tracer is not None:
            machinery.tracer.tell_request(
                scope["headers"],
                seconds,
                {
                    "http.request.method": counted,
                    "http.route": route_name,
                    "http.response.status_code": status,
                    "timeline.position": position,
                    "timeline.request_id": request_id,
                },
            )
        log.info(
            "request_answered",
            method=method,
            path=scope["path"],
            route=route_name,
            status=status,
            position=position,
            **said,
            milliseconds=round(seconds * 1000, 1),
            request_id=request_id,
        )

    return answer


async def _send(
    answer: KeptAnswer | Told, request_id: str, send: Send, more: Headers, *, is_head: bool
) -> None:
    headers = [*answer.headers, (b"x-request-id", request_id.encode()), *more]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if is_head else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _with_head(allowed: bytes) -> bytes:
    """HEAD is taken wherever GET is."""
    return allowed.replace(b"GET", b"GET, HEAD")


def _request_id(sent: bytes | None, machinery: Machinery) -> str:
    """The client's own id for the request, if it is a tame one; else a new one."""
    if sent is not None and _REQUEST_ID.fullmatch(text := sent.decode("ascii", "replace")):
        return text
    return machinery.new_id().hex


_METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
"""Others count as one: clients must not make up series without end."""
