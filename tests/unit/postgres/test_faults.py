"""Which faults pass, and what each is called."""

import asyncpg
import pytest

from service.postgres.faults import KEEPS_FROM_WRITING, OUT_OF_REACH, passing


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (asyncpg.DiskFullError("x"), "The disk of the database is full"),
        (asyncpg.ReadOnlySQLTransactionError("x"), "takes no writes"),
        (asyncpg.LockNotAvailableError("x"), "Somebody else holds"),
        (asyncpg.TooManyConnectionsError("x"), "takes no more connections"),
        (asyncpg.CannotConnectNowError("x"), "starting or stopping"),
        (asyncpg.AdminShutdownError("x"), "going down"),
        (asyncpg.QueryCanceledError("x"), "left off"),
        (asyncpg.DeadlockDetectedError("x"), "somebody else go first"),
        (asyncpg.ConnectionDoesNotExistError("x"), "not reached"),
        (asyncpg.InterfaceError("x"), "not reached"),
        (ConnectionRefusedError(), "not reached"),
        (TimeoutError(), "does not answer in time"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_fault_that_passes_is_told(fault: Exception, told: str) -> None:
    assert told in (passing(fault) or "")


@pytest.mark.parametrize(
    "fault", [ZeroDivisionError(), asyncpg.UndefinedTableError("x"), asyncpg.UniqueViolationError()]
)
def test_fault_of_ours_does_not_pass(fault: Exception) -> None:
    assert passing(fault) is None


def test_what_holds_up_everybody_passes() -> None:
    assert all(passing(kind("x")) for kind in (*OUT_OF_REACH, *KEEPS_FROM_WRITING))
