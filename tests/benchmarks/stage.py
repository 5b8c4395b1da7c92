"""What measures are made with: databases, services and references, each made when first needed."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
from msgspec import Struct

from service.domain.events import NewEvent
from service.postgres.embedded import EmbeddedPostgres
from tests.benchmarks import product
from tests.benchmarks.careers import Careers
from tests.benchmarks.filling import write_log
from tests.benchmarks.processes import TIMELINE, Process, started
from tests.benchmarks.sides import Measure, Pace, Result, Say, in_turns

if TYPE_CHECKING:
    from tests.benchmarks.eventsourcing_library import Library

T = TypeVar("T")

DATA = "data"
"""The data directory that is measured, its Postgres included, in the folder of a run."""
SMALL_EVENTS = 10_000
"""From here growth is told."""
LIBRARY_ABSENT = "the eventsourcing library is not installed: pip install -e '.[bench]'"


class History(Struct, frozen=True):
    """A filled database, and how its history goes on."""

    dsn: str
    careers: Careers
    stream: Iterator[NewEvent]


class Service(Struct, frozen=True):
    """A running service, and a writer's key that an admin made."""

    process: Process
    url: str
    key: str


class Bare(Struct, frozen=True):
    """The endpoint that does nothing, and the folder of its bodies."""

    url: str
    bodies: Path


class Planned(Struct, frozen=True):
    """A measure by name, and what takes it."""

    name: str
    run: Callable[["Stage"], Awaitable[list[Result]]]


class Stage:
    """One run's databases, processes and references; they end with the block."""

    def __init__(
        self,
        *,
        server: EmbeddedPostgres,
        folder: Path,
        events: int,
        seed: int,
        pace: Pace,
        say: Say,
    ) -> None:
        self.folder = folder
        self.events = events
        self.seed = seed
        self.pace = pace
        self.say = say
        self._server = server
        self._dsn = server.dsn
        self._parts: dict[str, Any] = {}
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what was made. The figures that are there stay good, further measures do not."""
        await self._opened.aclose()
        self._parts.clear()

    def stop_server(self) -> None:
        """Stop Postgres, which whoever uses the data directory starts again."""
        self._server.stop()

    async def enter(self, opened: AbstractAsyncContextManager[T]) -> T:
        """What *opened* gives; it is closed when the run ends."""
        return await self._opened.enter_async_context(opened)

    async def in_turns(self, measure: Measure) -> list[Result]:
        """The figures of *measure* at this run's pace."""
        return await in_turns(measure, self.pace, self.say)

    async def ours(self) -> History:
        """The log of the length that was asked for, in the database of the data directory."""
        return await self.once("ours", lambda: self._filled(self._dsn, self.events))

    async def small(self) -> History:
        """The short log from which growth is told."""

        async def made() -> History:
            dsn = await self.database("small")
            return await self._filled(dsn, min(SMALL_EVENTS, self.events))

        return await self.once("small", made)

    async def pool(self, history: History) -> product.Pool:
        """Connections to a log as the service has them."""

        async def made() -> product.Pool:
            return await self.enter(product.pool_on(history.dsn))

        return await self.once(f"pool of {history.dsn}", made)

    async def writer(self, history: History) -> product.Writer:
        """The service's writer, in this process."""

        async def made() -> product.Writer:
            return await self.enter(product.writer_on(history.dsn))

        return await self.once(f"writer of {history.dsn}", made)

    async def service(self, history: History) -> Service:
        """The service on a log, in a process of its own."""

        async def made() -> Service:
            return await self.enter(self.serving(history.dsn))

        return await self.once(f"service on {history.dsn}", made)

    @asynccontextmanager
    async def serving(self, dsn: str, *arguments: str) -> AsyncIterator[Service]:
        """`timeline serve` on a database, as its users start it, until the block ends."""
        admin = secrets.token_urlsafe()
        command = (*TIMELINE, "serve", "--port", "0", "--empty", "--data-dir")
        # In the data directory the service finds the Postgres that runs; elsewhere by address.
        is_ours = dsn == self._dsn
        folder = self.folder / DATA if is_ours else self.folder / "elsewhere"
        environment = {"TIMELINE_API_KEY": admin} | ({} if is_ours else {"DATABASE_URL": dsn})
        log = self.folder / "serve.log"
        async with started((*command, str(folder), *arguments), log, environment) as process:
            await process.listening()
            yield Service(process, process.url, await _new_key(process.url, admin))

    async def bare(self) -> Bare:
        """The endpoint that does nothing, in a process of its own."""

        async def made() -> Bare:
            bodies = self.folder / "bodies"
            bodies.mkdir()
            command = (sys.executable, "-m", "tests.benchmarks.bare_endpoint", str(bodies))
            log = self.folder / "bare.log"
            process = await self.enter(started(command, log))
            await process.listening()
            return Bare(process.url, bodies)

        return await self.once("bare endpoint", made)

    async def library(self, *, with_functions: bool) -> "Library | None":
        """The peer, on a database of its own; None where it is not installed."""
        name = "functions" if with_functions else "library"

        async def made() -> "Library | None":
            try:
                from tests.benchmarks.eventsourcing_library import Library
            except ModuleNotFoundError:
                return None
            dsn = await self.database(name)
            library = await asyncio.to_thread(Library, dsn, with_functions=with_functions)
            self._opened.push_async_callback(asyncio.to_thread, library.close)
            return library

        return await self.once(name, made)

    async def database(self, name: str) -> str:
        """The address of a new database of the one server."""
        await self._execute(f'CREATE DATABASE "{name}"')
        return urlunsplit(urlsplit(self._dsn)._replace(path=f"/{name}"))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def references(self, seed: int) -> Iterator[NewEvent]:
        """A history for those that are compared: none takes the other's events."""

        async def made() -> Iterator[NewEvent]:
            return Careers(self.seed + seed).events()

        return await self.once(f"references {seed}", made)

    async def _filled(self, dsn: str, events: int) -> History:
        await asyncio.to_thread(product.migrate, dsn)
        careers = Careers(self.seed)
        stream = careers.events()
        await write_log(dsn, stream, events, self.say)
        self.say(f"log of {events:,} events: first replay")
        async with product.pool_on(dsn) as pool:
            await product.make_current(pool)
        # What filling left to be written out is nobody's turn.
        await self._execute("CHECKPOINT")
        return History(dsn, careers, stream)

    async def once(self, name: str, make: Callable[[], Awaitable[T]]) -> T:
        """The part called *name*, made when first asked for."""
        if name not in self._parts:
            self._parts[name] = await make()
        kept: T = self._parts[name]
        return kept


async def _new_key(url: str, admin: str) -> str:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post(
            "/v1/keys",
            json={"name": f"bench-{secrets.token_hex(4)}", "role": "admin"},
            headers={"Authorization": f"Bearer {admin}"},
        )
    assert answer.status_code == 201, answer.text
    key: str = answer.json()["key"]
    return key
