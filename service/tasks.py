"""Tasks that go on by themselves, and how they end."""

import asyncio
from collections.abc import Collection
from typing import Any


async def end(tasks: "Collection[asyncio.Future[Any]]") -> None:
    """Cancel what goes on by itself and wait until it has put its things away."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
