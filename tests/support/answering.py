"""A server in the test's own process, for what a client in process cannot see: connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from service.answering import Server
from service.api.operations import Machinery
from service.listening import bound, closed_at_end, listen


class _Test:
    """Whoever ends the server: the test."""

    async def may_listen(self) -> None:
        """At once."""

    def oversee(self, server: Server) -> None:
        """It has it already."""

    def listens(self) -> None:
        """It waits by itself."""


@contextlib.asynccontextmanager
async def answering(made: Machinery) -> AsyncIterator[tuple[str, int]]:
    """Where a server of this process listens."""
    with closed_at_end(bound("127.0.0.1", 0)) as sockets:
        listen(sockets)
        server = Server(made, _Test())
        serving = asyncio.create_task(server.serve(list(sockets)))
        address: tuple[str, int] = sockets[0].getsockname()
        try:
            yield address
        finally:
            server.ask_to_exit(at_once=True)
            await serving
