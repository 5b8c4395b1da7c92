"""Clients that follow the log: what a stream tells, read as a browser reads it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
from msgspec import Struct


class Heard(Struct, frozen=True):
    """An event as a stream told it."""

    id: str
    event: dict[str, Any]

    @property
    def position(self) -> int:
        return int(self.event["position"])


class Comment(Struct, frozen=True):
    """What tells nothing but that the stream lives, or when to come back."""

    line: str


@contextlib.asynccontextmanager
async def following(
    client: httpx.AsyncClient,
    *,
    after: int | None = None,
    last: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[AsyncIterator[Heard | Comment]]:
    """What an open stream tells, until the block ends."""
    sent = {**(headers or {}), **({} if last is None else {"Last-Event-ID": last})}
    params = {} if after is None else {"after": str(after)}
    timeout = httpx.Timeout(30, read=60)
    async with client.stream(
        "GET", "/v1/log/stream", params=params, headers=sent, timeout=timeout
    ) as response:
        assert response.status_code == 200, (await response.aread()).decode()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _heard(response)


async def _heard(response: httpx.Response) -> AsyncIterator[Heard | Comment]:
    fields: dict[str, str] = {}
    async for line in _lines(response):
        name, _, value = line.partition(": ")
        if not line:
            if "data" in fields:
                yield Heard(fields["id"], json.loads(fields["data"]))
            fields = {}
        elif name in ("", "retry"):
            yield Comment(line)
        else:
            assert name in {"id", "data"} - fields.keys(), line
            fields[name] = value


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    """By line feeds alone: the client's own lines end at whatever Unicode calls a line's end."""
    begun = b""
    async for chunk in response.aiter_bytes():
        *whole, begun = (begun + chunk).split(b"\n")
        for line in whole:
            yield line.decode()


async def hear(
    stream: AsyncIterator[Heard | Comment], count: int, seconds: float = 30
) -> list[Heard]:
    """The next events of a stream, so many of them."""
    told: list[Heard] = []
    async with asyncio.timeout(seconds):
        while len(told) < count:
            one = await anext(stream)
            if isinstance(one, Heard):
                told.append(one)
    return told
