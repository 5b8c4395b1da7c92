"""A real server on a free port, on a database with a small history, for the whole run."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import uvicorn

from service.api.operations import Machinery
from service.app import create_app, machinery
from service.connections import BoundedConnection
from service.log.keys import key_hash
from service.settings import Settings
from tests.contract.history import HISTORY
from tests.support.postgres import KEYS, dsn_of


@pytest.fixture(scope="session")
def server(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that knows the small history."""
    name = f"timeline_contract_{uuid4().hex[:8]}"
    asyncio.run(_execute(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    # A copy has the rows of its template, not the grants on the database itself.
    asyncio.run(_execute(cluster, f'GRANT CREATE ON DATABASE "{name}" TO timeline_service'))
    try:
        with _serving(dsn_of(cluster, name), tmp_path_factory.mktemp("data")) as address:
            seeded = httpx.post(
                f"{address}/v1/events",
                json=HISTORY,
                headers={"Authorization": "Bearer admin"},
                timeout=60,
            )
            assert seeded.status_code == 201, seeded.text
            yield address
    finally:
        asyncio.run(_execute(cluster, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


class _serving:  # noqa: N801 (read as a word of the with statement)
    """A server in a thread with an event loop of its own."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self._dsn = dsn
        self._folder = folder
        self._started = threading.Event()
        self._address = ""
        self._thread = threading.Thread(target=self._run, name="server")
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> str:
        self._thread.start()
        assert self._started.wait(30), "the server starts"
        return self._address

    def __exit__(self, *_: object) -> None:
        assert self._server is not None, "it was started"
        self._server.should_exit = True
        self._thread.join(30)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async with _made(self._dsn, self._folder) as made:
            config = uvicorn.Config(
                create_app(made),
                host="127.0.0.1",
                port=0,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
                http=BoundedConnection,
            )
            self._server = _Server(config, self._is_listening)
            await self._server.serve()
            await asyncio.gather(*made.tasks, return_exceptions=True)

    def _is_listening(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._started.set()


class _Server(uvicorn.Server):
    """A server that tells on which free port it listens."""

    def __init__(self, config: uvicorn.Config, told: Callable[[int], None]) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told(self.servers[0].sockets[0].getsockname()[1])


@asynccontextmanager
async def _made(dsn: str, folder: Path) -> AsyncIterator[Machinery]:
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    settings = Settings(database_url=dsn, data_dir=folder)
    async with machinery(settings, dsn, keys) as made:
        yield made


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
