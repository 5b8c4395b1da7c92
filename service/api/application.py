"""The ASGI application: the table of operations behind a few layers that every request passes."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from litestar import Litestar, MediaType, Request, Response, get, route
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from service.api.diagnosing import told_metrics
from service.api.dispatch import handler_of, validated
from service.api.faults import fault
from service.api.layers import layered
from service.api.openapi import document
from service.api.operations import Machinery
from service.api.problems import ShowProblem, http_problem, refuse
from service.api.readiness import look
from service.api.routes import OPERATIONS
from service.domain.refusals import Refusal


class Pages(NamedTuple):
    """What `web` made, which `api` does not import."""

    handlers: Sequence[HTTPRouteHandler]
    show_problem: ShowProblem


def create_api(machinery: Machinery, pages: Pages) -> ASGIApp:
    """The application."""
    return layered(routed(machinery, pages), machinery)


def routed(machinery: Machinery, pages: Pages) -> Litestar:
    """Every handler at its path."""

    @get("/healthz", name="healthz", media_type=MediaType.JSON, sync_to_thread=False)
    def healthz() -> dict[str, str]:
        return {"state": "alive"}

    @get("/readyz", name="readyz")
    async def readyz() -> Response[bytes]:
        found = await look(machinery)
        return Response(
            msgspec.json.encode(found),
            status_code=200 if found.state == "ready" else 503,
            media_type=MediaType.JSON,
            headers={"Cache-Control": "no-store"},
        )

    @get("/metrics", name="metrics")
    async def metrics_page() -> Response[bytes]:
        return Response(await told_metrics(machinery), media_type="text/plain; version=0.0.4")

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
    return Litestar(
        # Options first: the framework makes its own with the first handler of a path.
        route_handlers=[*options, *routes, healthz, readyz, metrics_page, openapi, *pages.handlers],
        openapi_config=None,
        state=State({"machinery": machinery, "show_problem": pages.show_problem}),
        request_max_body_size=None,
        exception_handlers={
            Refusal: refuse,
            HTTPException: http_problem,
            Exception: fault,
        },
        logging_config=None,
    )


def _options(path: str, allowed: Sequence[str]) -> HTTPRouteHandler:
    """What a path takes; the framework's own answer knows one method alone."""

    async def answer() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(allowed))})

    return route(path, http_method=["OPTIONS"], name=f"options {path}", status_code=204)(answer)
