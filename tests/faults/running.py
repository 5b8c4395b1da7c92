"""The service as a process that a test kills and starts again, with clients that go on."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from service.postgres.embedded import EmbeddedPostgres
from tests.support.ledger import ENVIRONMENT, Ledger
from tests.support.lines import Line, line_to
from tests.support.server import Served, served

ROUNDS = int(os.environ.get("TIMELINE_FAULTS_ROUNDS", "1"))
SEED = int(os.environ.get("TIMELINE_FAULTS_SEED", "1"))
PROGRESS = 15
"""So many writes answered after a fault show that it is over."""


class Running:
    """A service on a data directory, for one ledger."""

    def __init__(
        self, data_dir: Path, ledger: Ledger, *arguments: str, environment: Mapping[str, str]
    ) -> None:
        self.data_dir = data_dir
        self._ledger = ledger
        self._arguments = arguments
        self._environment = environment
        self._stack = contextlib.ExitStack()
        self.process: Served | None = None

    async def start(self, **how: Any) -> None:
        starting = served(
            self.data_dir, "--empty", *self._arguments, environment=self._environment, **how
        )
        self.process = await asyncio.to_thread(self._stack.enter_context, starting)
        self._ledger.url = self.process.url

    async def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None, "it was started"
        return await asyncio.to_thread(self.process.stop, number)

    async def close(self) -> None:
        await asyncio.to_thread(self._stack.close)

    @property
    def workers(self) -> list[int]:
        """The processes of its workers that were started so far."""
        assert self.process is not None, "it was started"
        told = [json.loads(line) for line in list(self.process.lines) if line[:1] == "{"]
        return [line["pid"] for line in told if line["event"] == "worker_started"]

    @property
    def postmaster(self) -> int:
        """The process of its own Postgres."""
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


@contextlib.asynccontextmanager
async def running(
    data_dir: Path, *arguments: str, environment: Mapping[str, str] = ENVIRONMENT, **how: Any
) -> AsyncIterator[tuple[Running, Ledger]]:
    """A service on its own Postgres, which waits for the disk, and a ledger for it."""
    ledger = Ledger(SEED)
    service = Running(data_dir, ledger, *arguments, environment=environment)
    try:
        await service.start(**how)
        yield service, ledger
    finally:
        await service.close()
        await ledger.close()


@contextlib.asynccontextmanager
async def running_on(
    folder: Path, **settings: str
) -> AsyncIterator[tuple[Running, Ledger, Any, Line]]:
    """A service on a server beside it, a superuser's own connection, and the line between."""
    postgres = EmbeddedPostgres(folder / "server", settings=settings)
    await asyncio.to_thread(postgres.start)
    try:
        owner: Any = await asyncpg.connect(postgres.dsn)
        assert await owner.fetchval("SHOW fsync") == "on"
        async with line_to(postgres.dsn) as (line, dsn):
            environment = {**ENVIRONMENT, "DATABASE_URL": dsn}
            async with running(folder / "data", environment=environment) as (service, ledger):
                yield service, ledger, owner, line
        await owner.close()
    finally:
        await asyncio.to_thread(postgres.stop)
