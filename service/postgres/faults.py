"""Faults of the database that pass by themselves or by somebody's help, in words."""

import asyncpg

_NOT_REACHED = "The database is not reached just now"
_PASSING: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.DiskFullError, "The disk of the database is full"),
    (asyncpg.OutOfMemoryError, "The database has no memory left"),
    (asyncpg.TooManyConnectionsError, "The database takes no more connections"),
    (asyncpg.InsufficientResourcesError, "The database has come to one of its limits"),
    (asyncpg.LockNotAvailableError, "Somebody else holds what has to be locked in the database"),
    (asyncpg.ReadOnlySQLTransactionError, "The database takes no writes just now"),
    (asyncpg.QueryCanceledError, "The database left off a statement"),
    (asyncpg.CannotConnectNowError, "The database is starting or stopping"),
    (asyncpg.OperatorInterventionError, "The database is going down"),
    (asyncpg.TransactionRollbackError, "The database let somebody else go first"),
    (asyncpg.PostgresIOError, "The database does not reach its files"),
    (asyncpg.PostgresConnectionError, _NOT_REACHED),
    (asyncpg.InterfaceError, _NOT_REACHED),
    # The driver met a connection in the midst of its end.
    (asyncpg.InternalClientError, _NOT_REACHED),
    (TimeoutError, "The database does not answer in time"),
    (OSError, _NOT_REACHED),
)
"""By class, what is particular before what is general."""

OUT_OF_REACH = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
)
"""Faults that whoever tries next meets too; a time-out is an OSError."""

KEEPS_FROM_WRITING = (
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
)
"""Faults of a database that can be read from all the while."""


def passing(fault: BaseException) -> str | None:
    """What *fault* means, without its full stop; None of one that trying again does not help."""
    return next((told for kind, told in _PASSING if isinstance(fault, kind)), None)
