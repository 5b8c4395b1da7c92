"""Faults of ours: told to the log in full, to the client not at all."""

from typing import Any

import asyncpg
import structlog
from litestar import Request, Response

from service.api.noting import note
from service.api.problems import fault_problem, refuse
from service.domain.refusals import NotReady

log = structlog.get_logger()

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


def fault(request: Request[Any, Any, Any], exc: Exception) -> Response[bytes]:
    """Faults of ours: told to the log in full, to the client not at all."""
    if isinstance(exc, _UNREACHABLE):
        log.warning("database_not_reached", fault=f"{type(exc).__name__}: {exc}")
        return refuse(
            request, NotReady("The database is not reached just now; try again in a moment.")
        )
    log.error("request_failed", exc_info=exc)
    note(request.scope, problem="fault")
    return fault_problem("This is a fault of the service; it is on record and was not your doing.")
