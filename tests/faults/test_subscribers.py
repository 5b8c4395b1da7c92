"""Subscribers on real processes: every event once and in order, whatever breaks meanwhile."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest

from tests.faults.running import PROGRESS, ROUNDS, SEED, Running, running
from tests.support.counted import count
from tests.support.ledger import KEY, Ledger, assert_nothing_lost
from tests.support.processes import resident_bytes
from tests.support.subscribers import Heard, following, hear

END_SECONDS = 10.0
LAGGING = 40
MEMORY_BYTES_MAX = 96 * 1024 * 1024
"""Of forty clients; what all of them asked for is eight times as much."""
IMPATIENT = """
from service import connections
connections.SEND_SECONDS = 3.0
from service.cli.main import main
main()
"""
SUBSCRIBERS = 6
"""So many that of two workers each has one, nearly always."""


class Subscriber:
    """
    Somebody who follows the log, and comes back with the last id whenever the stream breaks.

    *stays* events long at most, so that it comes back often; None is as long as it can.
    """

    def __init__(self, ledger: Ledger, random: Random, stays: int | None = None) -> None:
        self.heard: list[Heard] = []
        self.streams = 0
        self._ledger = ledger
        self._random = random
        self._stays = stays

    async def follow(self) -> None:
        while True:
            # Nobody listens while the service is away, and a stream that breaks is what is tried.
            with suppress(httpx.HTTPError, httpx.InvalidURL, AssertionError):
                await self._follow_once()
            await asyncio.sleep(0.02)

    async def _follow_once(self) -> None:
        last = self.heard[-1].id if self.heard else None
        left = None if self._stays is None else self._random.randint(1, self._stays)
        async with (
            httpx.AsyncClient(base_url=self._ledger.url) as client,
            following(client, last=last) as stream,
        ):
            self.streams += 1
            async for one in stream:
                if isinstance(one, Heard):
                    self.heard.append(one)
                    left = None if left is None else left - 1
                if left == 0:
                    return

    async def until(self, position: int) -> None:
        async with asyncio.timeout(60):
            while not self.heard or self.heard[-1].position < position:  # noqa: ASYNC110 (`follow` does)
                await asyncio.sleep(0.02)


@asynccontextmanager
async def subscribed(ledger: Ledger) -> AsyncIterator[list[Subscriber]]:
    """Some who stay and some who come and go, until the block ends."""
    subscribers = [
        Subscriber(ledger, Random(f"{SEED} {n}"), stays=40 if n % 2 else None)
        for n in range(SUBSCRIBERS)
    ]
    going = [asyncio.create_task(one.follow()) for one in subscribers]
    try:
        yield subscribers
    finally:
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def assert_all_heard(ledger: Ledger, subscribers: list[Subscriber]) -> None:
    """Each event of the log once, in order, and as it reads but for what was said about it since."""
    head = (await ledger.get("/v1/log"))["position"]
    read: list[dict[str, object]] = []
    while len(read) < head:
        after = len(read)
        read += (await ledger.get(f"/v1/events?limit=1000&after={after}"))["items"]
    for one in subscribers:
        await one.until(head)
        assert [heard.position for heard in one.heard] == [*range(1, head + 1)]
        for heard, event in zip(one.heard, read, strict=True):
            assert heard.event | {"revision": event["revision"]} == event


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
async def test_subscribers_hear_each_event_once_and_in_order(
    workers: tuple[str, ...], tmp_path: Path
) -> None:
    """
    While several write, through all workers, batches and corrections among it.

    A SIGTERM in the midst of it ends the streams at once; who comes back has missed nothing.
    """
    async with running(tmp_path, *workers) as (service, ledger), subscribed(ledger) as subscribers:
        async with ledger.kept():
            await ledger.more(2 * PROGRESS)
            for one in subscribers:
                await one.until(1)
            took = await _seconds_to_stop(service)
            await service.start()
            await ledger.more(2 * PROGRESS)
        await assert_all_heard(ledger, subscribers)
    assert took < END_SECONDS
    assert all(one.streams > 1 for one in subscribers), "else they did not come back"


async def test_subscribers_go_on_after_kills(tmp_path: Path) -> None:
    """What they heard was durable: after a kill it is still there, and nothing else in its place."""
    random = Random(SEED)
    async with running(tmp_path) as (service, ledger), subscribed(ledger) as subscribers:
        async with ledger.kept():
            for _ in range(ROUNDS):
                await ledger.more(PROGRESS)
                await asyncio.sleep(random.uniform(0, 0.3))
                assert service.process is not None
                os.kill(service.process.process.pid, signal.SIGKILL)
                await asyncio.to_thread(service.process.process.wait)
                await service.start()
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)
        await assert_all_heard(ledger, subscribers)
    count("fault", "service killed under subscribers", ROUNDS)
    assert all(one.streams > ROUNDS for one in subscribers)


async def test_who_takes_nothing_is_ended_and_nothing_is_kept_for_them(tmp_path: Path) -> None:
    """Many of them, each behind by more than systems keep between two ends."""
    async with running(tmp_path, command=(sys.executable, "-c", IMPATIENT)) as (service, ledger):
        assert service.process is not None
        pid = service.process.process.pid
        async with httpx.AsyncClient(base_url=ledger.url, headers=KEY, timeout=60) as client:
            for n in range(4):
                profiles = [
                    {"type": "profile", "lab": {"name": f"Lab {n} {m}"}, "note": "n" * 4_000}
                    for m in range(1_000)
                ]
                assert (await client.post("/v1/events", json=profiles)).status_code == 201
        before = most = resident_bytes(pid)
        address = urlsplit(ledger.url)
        lagging = [
            await asyncio.open_connection(address.hostname, address.port, limit=1024)
            for _ in range(LAGGING)
        ]
        for _, writer in lagging:
            writer.write(b"GET /v1/log/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = 0
        async with asyncio.timeout(60):
            while (left := await _subscribers(ledger)) or not seen:
                seen, most = max(seen, left), max(most, resident_bytes(pid))
                await asyncio.sleep(0.1)
        assert seen == LAGGING
        assert most - before < MEMORY_BYTES_MAX, f"{(most - before) >> 20} MiB"
        for _, writer in lagging:
            writer.transport.abort()
        async with (
            httpx.AsyncClient(base_url=ledger.url) as client,
            following(client, after=3_900) as stream,
        ):
            assert [heard.position for heard in await hear(stream, 100)] == [*range(3_901, 4_001)]


async def _subscribers(ledger: Ledger) -> int:
    async with httpx.AsyncClient(base_url=ledger.url) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    (told,) = [line for line in lines if line.startswith("timeline_subscribers ")]
    return int(float(told.split()[1]))


async def _seconds_to_stop(service: Running) -> float:
    began = time.monotonic()
    assert await service.stop() == 0
    return time.monotonic() - began
