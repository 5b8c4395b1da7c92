"""Faults of ours: told to the log in full, to the client not at all."""

from typing import Any

import structlog
from litestar import Request, Response

from service.api.noting import note
from service.api.problems import fault_problem, refuse
from service.domain.refusals import NotReady
from service.postgres.faults import passing

log = structlog.get_logger()


def fault(request: Request[Any, Any, Any], exc: Exception) -> Response[bytes]:
    """503 where it passes and the same request may hold later, else 500."""
    told = passing(exc)
    if told is not None:
        log.warning("database_not_reached", fault=f"{type(exc).__name__}: {exc}")
        return refuse(request, NotReady(f"{told}; try again in a moment."))
    log.error("request_failed", exc_info=exc)
    note(request.scope, problem="fault")
    return fault_problem(
        request, "This is a fault of the service; it is on record and was not your doing."
    )
