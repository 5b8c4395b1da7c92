"""The way from a service to its database, which a test cuts, holds and slows."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg


class Line:
    """A socket in *folder* from which all goes on to *target*."""

    def __init__(self, target: Any, folder: str) -> None:
        self._target = target
        self._socket = Path(folder, ".s.PGSQL.5432")
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._questions, self._answers = asyncio.Event(), asyncio.Event()
        self.seconds_a_packet = 0.0
        self.go_on()

    async def open(self) -> None:
        """Let connections through, and those that are there already as well."""
        self._server = await asyncio.start_unix_server(self._forward, self._socket)
        self.go_on()

    def cut(self) -> None:
        """End all connections, and refuse others until it is opened again."""
        assert self._server is not None, "it is open"
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._socket.unlink(missing_ok=True)

    def hold(self, *, questions: bool = True) -> None:
        """Keep back answers, and questions too unless they are let through."""
        self._answers.clear()
        if questions:
            self._questions.clear()

    def go_on(self) -> None:
        """Let through what was kept back, and all that comes."""
        self._questions.set()
        self._answers.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._target, str):
            far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        else:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        both = {writer, far_writer}
        self._writers |= both
        await asyncio.gather(
            self._copied(reader, far_writer, self._questions),
            self._copied(far_reader, writer, self._answers),
        )
        self._writers -= both

    async def _copied(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                await may_pass.wait()
                await asyncio.sleep(self.seconds_a_packet)
                writer.write(chunk)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def line_to(dsn: str) -> AsyncIterator[tuple[Line, str]]:
    """An open line to a database, and the address of the same database through it."""
    straight: Any = await asyncpg.connect(dsn)
    target, given = straight._addr, straight._params
    await straight.close()
    # A short path: that of a socket has some hundred characters at most.
    with tempfile.TemporaryDirectory() as folder:
        line = Line(target, folder)
        await line.open()
        owner = f"{quote(given.user)}:{quote(given.password or '')}"
        try:
            yield line, f"postgresql://{owner}@/{given.database}?host={quote(folder)}&port=5432"
        finally:
            line.cut()
