"""The ASGI application: the table of operations behind a few layers that every request passes."""

import re
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog
from litestar import Litestar, MediaType, Request, Response, get, route
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from service.api.dispatch import handler_of, path_with_slashes, validated
from service.api.kept import SECURITY_HEADERS, KeptAnswer
from service.api.openapi import document
from service.api.operations import Machinery
from service.api.problems import fault_problem, http_problem, refuse
from service.api.quick import answer_quickly
from service.api.readiness import look
from service.api.routes import OPERATIONS
from service.domain.refusals import NotReady, Refusal

REQUEST_ID_CHARACTERS_MAX = 128
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@/+=-]{1,128}")

log = structlog.get_logger()


class Metrics:
    """
    What Prometheus reads.

    Shapes: *folder* is where several processes count for one service; None of one alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "timeline_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "timeline_request_seconds",
            "Time to answer.",
            ("method", "route"),
            registry=self.registry,
        )
        self.position = Gauge(
            "timeline_head_position",
            "The greatest position seen.",
            registry=self.registry,
            multiprocess_mode="max",
        )
        self._of: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """Their children: looking them up by labels costs more than counting."""

    def count(self, method: str, route_name: str, status: int, seconds: float) -> None:
        """That a request was answered."""
        key = (method, route_name, status)
        if key not in self._of:
            self._of[key] = (
                self.requests.labels(*key),
                self.seconds.labels(method, route_name),
            )
        requests, histogram = self._of[key]
        requests.inc()
        histogram.observe(seconds)

    def told(self) -> bytes:
        """As it is read: of all processes, whichever is asked."""
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]  # as it comes
        return generate_latest(registry)


def create_api(machinery: Machinery, pages: Mapping[str, Any]) -> ASGIApp:
    """
    The application.

    Shapes: *pages* are handlers of pages by name, made by `web`, which `api` does not import.
    """
    metrics = Metrics(machinery.place.shared_folder)

    @get("/healthz", media_type=MediaType.JSON, sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"state": "alive"}

    @get("/readyz")
    async def readyz() -> Response[bytes]:
        found = await look(machinery)
        return Response(
            msgspec.json.encode(found),
            status_code=200 if found.state == "ready" else 503,
            media_type=MediaType.JSON,
            headers={"Cache-Control": "no-store"},
        )

    @get("/metrics", sync_to_thread=False)
    def metrics_page() -> Response[bytes]:
        metrics.position.set(machinery.position_seen)
        return Response(metrics.told(), media_type="text/plain; version=0.0.4")

    @get("/schema/openapi.json", sync_to_thread=False)
    def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        return validated(request, described(), {})

    @cache
    def described() -> bytes:
        """Made when it is first asked for: a start has no time for it."""
        return msgspec.json.encode(document())

    routes = [
        route(op.path, http_method=[op.method], status_code=200, name=op.id)(handler_of(op))
        for op in OPERATIONS
    ]
    methods: dict[str, list[str]] = {}
    for op in OPERATIONS:
        methods.setdefault(op.path, ["OPTIONS"]).append(op.method)
    options = [_options(path, allowed) for path, allowed in methods.items()]
    app = Litestar(
        # Options first: the framework makes its own with the first handler of a path.
        route_handlers=[*options, *routes, healthz, readyz, metrics_page, openapi, *pages.values()],
        openapi_config=None,
        state=State({"machinery": machinery}),
        request_max_body_size=None,
        exception_handlers={
            Refusal: refuse,
            HTTPException: http_problem,
            Exception: _fault,
        },
        logging_config=None,
    )
    return _layers(app, metrics, machinery)


def _options(path: str, allowed: Sequence[str]) -> HTTPRouteHandler:
    """What a path takes; the framework's own answer knows one method alone."""

    async def answer() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(allowed))})

    return route(path, http_method=["OPTIONS"], name=f"options {path}", status_code=204)(answer)


_UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    # The server went down, or the driver met a connection in the midst of its end.
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
)


def _fault(request: Request[Any, Any, Any], exc: Exception) -> Response[bytes]:
    """Faults of ours: told to the log in full, to the client not at all."""
    if isinstance(exc, _UNREACHABLE):
        log.warning("database_not_reached", fault=f"{type(exc).__name__}: {exc}")
        return refuse(
            request, NotReady("The database is not reached just now; try again in a moment.")
        )
    log.error("request_failed", exc_info=exc)
    return fault_problem("This is a fault of the service; it is on record and was not your doing.")


def _layers(app: ASGIApp, metrics: Metrics, machinery: Machinery) -> ASGIApp:
    """*app* behind what every request passes: its id, HEAD as GET, names with slashes, a log line."""

    async def layered(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"), machinery)
        is_head = scope["method"] == "HEAD"
        scope["request_id"] = request_id
        scope["path"] = path_with_slashes(scope.get("raw_path") or scope["path"].encode())
        if is_head:
            scope["method"] = "GET"
            # For what would be long to make and is not sent.
            scope["is_head"] = True
        status = 0

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *(
                        (n, _with_head(v) if n.lower() == b"allow" else v)
                        for n, v in message["headers"]
                    ),
                    (b"x-request-id", request_id.encode()),
                    *((n, v) for n, v in SECURITY_HEADERS if n not in present),
                ]
                if b"log-position" not in present:
                    message["headers"].append(
                        (b"log-position", str(machinery.position_seen).encode())
                    )
            elif is_head and message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        quick = await answer_quickly(scope, machinery)
        if quick is None:
            # For whatever is told on the way; the short way tells nothing but its end.
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await app(scope, receive, sending)
            route_name = getattr(scope.get("route_handler"), "name", None) or "other"
        else:
            status, route_name = quick.status, quick.route
            await _send(quick, request_id, send, is_head=is_head)
        seconds = time.perf_counter() - began
        method = "HEAD" if is_head else str(scope["method"])
        counted = method if method in _METHODS else "other"
        metrics.count(counted, route_name, status, seconds)
        log.info(
            "request_answered",
            method=method,
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 1),
            request_id=request_id,
        )

    return layered


async def _send(answer: KeptAnswer, request_id: str, send: Send, *, is_head: bool) -> None:
    headers = [*answer.headers, (b"x-request-id", request_id.encode())]
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
