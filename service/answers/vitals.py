"""The facts that are cheap to ask, for health checks, metrics and the diagnosis alike."""

import asyncio
import shutil
from pathlib import Path
from time import monotonic

from msgspec import Struct

from service.log.append import Head
from service.log.diagnosis import LockQueue, fetch_lock_queue
from service.log.read import read_head
from service.log.schema import HEAD_REVISION, fetch_revision
from service.postgres.diagnosis import Server, fetch_server
from service.postgres.pool import Connection, Pool
from service.read_models.diagnosis import (
    Comparison,
    RunningProgress,
    fetch_last_comparison,
    fetch_running_progress,
)
from service.read_models.replay import ReadModelState, fetch_state
from service.read_models.similar_people import fetch_checkpoint

SECONDS_MAX = 1.0
"""A scrape or a health check waits no longer for them."""
ACQUIRE_SECONDS = 10.0
"""Who looks for what is wrong waits longer, but not for ever."""
KEPT_SECONDS = 1.0
"""So old may they be, so that whoever may ask cannot have the database asked all the time."""


class LogVitals(Struct, frozen=True, kw_only=True):
    """The log and its read models."""

    head: Head
    lock_queue: LockQueue
    state: ReadModelState
    replay: RunningProgress | None
    comparison: Comparison | None
    similar_people_checkpoint: int

    @property
    def similar_people_behind(self) -> int:
        """Positions whose people were not looked at yet; a restore can take the head back."""
        return max(self.head.position - self.similar_people_checkpoint, 0)


class Disk(Struct, frozen=True):
    """Where the data directory lies, if the database is in it."""

    free_bytes: int
    total_bytes: int


class Vitals(Struct, frozen=True, kw_only=True):
    """What is cheap to ask, as of one look."""

    server: Server
    revision: str | None
    log: LogVitals | None
    """None of a schema that is not this edition's, of which nothing more can be asked."""
    disk: Disk | None

    @property
    def is_ready(self) -> bool:
        """Whether questions can be answered."""
        return self.log is not None and self.log.state.is_readable


async def fetch_vitals(pool: Pool, data_dir: Path | None) -> Vitals:
    """
    The facts as of now.

    Shapes: *data_dir* is where the database lies, None of one that is somewhere else.

    Raises:
        TimeoutError: no connection came free.
    """
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        server = await fetch_server(connection)
        revision = await fetch_revision(connection)
        log = await _fetch_log(connection) if revision == HEAD_REVISION else None
    return Vitals(server=server, revision=revision, log=log, disk=_disk(data_dir))


class KeptVitals:
    """The facts as of at most a second ago, for all who ask."""

    def __init__(self, pool: Pool, data_dir: Path | None) -> None:
        self.pool = pool
        self.data_dir = data_dir
        self._looking = asyncio.Lock()
        self._looked_at = -KEPT_SECONDS
        self._found: Vitals | None = None

    async def ask(self) -> Vitals | None:
        """None while the database does not tell, or not in time."""
        async with self._looking:
            if monotonic() - self._looked_at >= KEPT_SECONDS:
                self._found = await self._look()
                self._looked_at = monotonic()
            return self._found

    async def _look(self) -> Vitals | None:
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await fetch_vitals(self.pool, self.data_dir)
        except Exception:  # noqa: BLE001 (whatever it is, they are not told)
            return None


async def _fetch_log(connection: Connection) -> LogVitals:
    return LogVitals(
        head=await read_head(connection),
        lock_queue=await fetch_lock_queue(connection),
        state=await fetch_state(connection),
        replay=await fetch_running_progress(connection),
        comparison=await fetch_last_comparison(connection),
        similar_people_checkpoint=await fetch_checkpoint(connection),
    )


def _disk(data_dir: Path | None) -> Disk | None:
    if data_dir is None:
        return None
    try:
        usage = shutil.disk_usage(data_dir)
    except OSError:
        return None
    return Disk(usage.free, usage.total)
