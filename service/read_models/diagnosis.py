"""How the read models are: what replays them, and whether they were found to differ."""

from datetime import datetime

from msgspec import Struct

from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "diagnosis.sql")
_FETCH_RUNNING_PROGRESS = _SQL["fetch_running_progress"]
_FETCH_LAST_COMPARISON = _SQL["fetch_last_comparison"]


class RunningProgress(Struct, frozen=True):
    """How far the replay is that runs, in events."""

    done: int
    total: int


class Comparison(Struct, frozen=True):
    """What the last comparison of the read models with the log came to."""

    finished_at: datetime
    drift_rows: int | None
    """Rows in use that it found to differ; None after a rollback, which compares nothing."""


async def fetch_running_progress(connection: Connection) -> RunningProgress | None:
    """How far the replay is that runs, in whatever process; None if none does."""
    row = await connection.fetchrow(_FETCH_RUNNING_PROGRESS)
    return None if row is None else RunningProgress(*row)


async def fetch_last_comparison(connection: Connection) -> Comparison | None:
    """What the last comparison came to, also by a replay that switched; None before the first."""
    row = await connection.fetchrow(_FETCH_LAST_COMPARISON)
    return None if row is None else Comparison(*row)
