"""Connections: a pool whose members act as one role."""

from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from service.postgres.statements import load_statements

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    # The stubs know parameters that the classes do not have.
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool

REQUEST_SECONDS = 60
"""So long may a statement take by which somebody waits for an answer."""
CONNECT_SECONDS = 10.0
ACQUIRE_SECONDS = 30.0
"""So long is waited for a connection that others use."""
RELEASE_SECONDS = 2.0
"""So long a connection is waited for whose statement was left, before it is given up."""
PATIENCE_SECONDS = 24 * 60 * 60.0
"""For statements that take as long as the log is long."""
DATABASE_FAULTS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # The driver met a connection in the midst of its end.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a statement raises when it, its connection or its server fails."""

_FIND_ROLE = load_statements("service.postgres", "pool.sql")["find_role"]


class _BoundedPool(Pool):
    """A pool at which nobody waits without end: a server may take questions and answer none."""

    def acquire(self, *, timeout: float | None = ACQUIRE_SECONDS) -> Any:
        return super().acquire(timeout=timeout)

    async def release(
        self,
        connection: Any,
        *,
        timeout: float | None = RELEASE_SECONDS,  # noqa: ASYNC109 (the driver's)
    ) -> None:
        await super().release(connection, timeout=timeout)


async def open_pool(
    dsn: str, *, role: str, search_path: str = "public", size_max: int = 10
) -> Pool:
    """
    A pool on *dsn* whose connections act as *role*, where that role exists.

    Without the role (a database whose owner may create none) they act as the user of *dsn*.
    """

    async def act_as_role(connection: Connection) -> None:
        if await connection.fetchval(_FIND_ROLE, role):
            await connection.execute(f'SET ROLE "{role}"')

    async def keep(connection: Connection) -> None:
        """Nothing a request does outlives its transaction: resetting would cost a round trip."""

    return await _BoundedPool(
        dsn,
        min_size=1,
        max_size=size_max,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        init=act_as_role,
        reset=keep,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        timeout=CONNECT_SECONDS,
        command_timeout=REQUEST_SECONDS,
        server_settings={
            "application_name": "lab-timeline",
            "jit": "off",
            "TimeZone": "UTC",
            "search_path": search_path,
            "default_transaction_isolation": "read committed",
            # The lock of a service whose machine is gone is to be had after half a minute.
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "4",
        },
    )
