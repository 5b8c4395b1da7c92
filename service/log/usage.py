"""
Who uses the log: services share it, and a restore wants it alone.

A service remembers which log it serves, and a restore makes it another one; neither may happen
while the other lasts. The locks are Postgres's own, so that they end with their process however
that ends.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import structlog

from service.domain.refusals import Refusal
from service.postgres.pool import DATABASE_FAULTS, Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "usage.sql")
_TRY_SHARE = _SQL["try_share"]
_SHARE = _SQL["share"]
_TRY_HAVE_ALONE = _SQL["try_have_alone"]
_GIVE_BACK = _SQL["give_back"]

SECONDS_BETWEEN_TRIES = 1.0


log = structlog.get_logger()


class LogInUse(Refusal):
    """A restore beside a service, which would go on with what it knows of the log."""

    code = "log_in_use"

    def __init__(self) -> None:
        super().__init__(
            "A service or another command uses this log; stop it, then restore. Nothing was "
            "restored."
        )


class BeingRestored(Refusal):
    """A service beside a restore."""

    code = "being_restored"

    def __init__(self) -> None:
        super().__init__("The log is being restored just now; start again when that is done.")


@contextlib.asynccontextmanager
async def shared(dsn: str) -> AsyncIterator[None]:
    """
    Use the log beside others, until the block ends.

    A connection of its own holds the lock; if it is lost, as when Postgres went down, another
    one takes the lock again.

    Raises:
        BeingRestored: a restore has the log for itself.
    """
    connection = await asyncpg.connect(dsn)
    is_shared = False
    try:
        is_shared = await connection.fetchval(_TRY_SHARE)
    finally:
        if not is_shared:
            connection.terminate()
    if not is_shared:
        raise BeingRestored
    keeping = asyncio.create_task(_keep_sharing(dsn, connection), name="usage")
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@contextlib.asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[None]:
    """
    Use the log with nobody beside, until the block ends.

    Raises:
        LogInUse: somebody uses it already.
    """
    if not await connection.fetchval(_TRY_HAVE_ALONE):
        raise LogInUse
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute(_GIVE_BACK)


async def _keep_sharing(dsn: str, connection: Connection) -> None:
    try:
        while True:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            if not connection.is_closed():
                await lost.wait()
            connection = await _share_again(dsn)
    finally:
        connection.terminate()


async def _share_again(dsn: str) -> Connection:
    while True:
        connection = None
        try:
            connection = await asyncpg.connect(dsn)
            await connection.execute(_SHARE)
        except DATABASE_FAULTS as fault:
            log.warning("usage_not_told", fault=f"{type(fault).__name__}: {fault}")
            if connection is not None:
                connection.terminate()
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        except BaseException:
            if connection is not None:
                connection.terminate()
            raise
        else:
            return connection
