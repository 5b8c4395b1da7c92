"""Tasks that go on by themselves, and how they end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from typing import Any


async def end(tasks: "Collection[asyncio.Future[Any]]") -> None:
    """Cancel what goes on by itself and wait until it has put its things away."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def at_most(seconds: float) -> AsyncIterator[None]:
    """The block, or as much of it as *seconds* allow."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            yield
