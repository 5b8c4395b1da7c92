"""
The log as it grows: every event to each who follows it, once and in order.

Nobody has a queue of events to be filled: each who follows takes the next page when the one before
was taken, so that a slow one is behind and nothing more. Those who are at the same place are given
the same page, which is read and written once; the head is looked at once for all.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from datetime import date

import structlog
from msgspec import Struct

from service.answers.events import EventView, events
from service.answers.memory import Memory
from service.answers.times import times_of
from service.postgres.pool import DATABASE_FAULTS, Pool
from service.read_models.current import Current

LOOK_SECONDS = 0.2
"""Between looks at the head, while anybody follows: so late an event may be told."""
PAUSE_SECONDS = 1.0
"""After a page that could not be read."""
PAGE_EVENTS = 100
PAGE_BYTES = 128 * 1024
"""About: a page is held for each who follows while it is sent, however long they take to take it."""
READERS_MAX = 2
"""Pages read at the same time: those who catch up leave connections to who asks."""
PAGES_MAX = 8
"""Pages that somebody may still come to, as known at the head."""

log = structlog.get_logger()


class FollowedPage(Struct, frozen=True):
    """Events in order, as they are sent."""

    until: int
    """Position of the last one."""
    content: bytes


class Follower:
    """
    What one process tells those who follow the log.

    *write* makes of an event what is sent; *today* is the day by whose names labs are called.
    """

    def __init__(
        self,
        pool: Pool,
        memory: Memory,
        *,
        today: Callable[[], date],
        write: Callable[[EventView], bytes],
    ) -> None:
        self._pool = pool
        self._memory = memory
        self._today = today
        self._write = write
        self._current: Current | None = None
        """As of the last look; None until there was one for those who follow now."""
        self._moved = asyncio.Event()
        """Of the head; another one after each time."""
        self._following = 0
        self._watching: asyncio.Task[None] | None = None
        self._pages: dict[int, asyncio.Task[FollowedPage]] = {}
        """By the position before them, as known at the head."""
        self._turns = asyncio.Semaphore(READERS_MAX)
        self._ended = asyncio.Event()

    async def pages(
        self, after: int, *, silence: float
    ) -> AsyncGenerator[FollowedPage | None, None]:
        """
        The events after a position as the log comes to them; None after each *silence*.

        Each event is as `GET /v1/events` reads it at that moment. Faults of the database are
        waited for. It ends when the service does.

        Units: *silence* in seconds.
        """
        with self._counted():
            while not self._ended.is_set():
                page = None
                with suppress(TimeoutError):
                    async with asyncio.timeout(silence):
                        page = await self._next(after)
                if self._ended.is_set():
                    return
                after = after if page is None else page.until
                yield page

    def end(self) -> None:
        """Let everybody go who follows, and nobody follow any more."""
        self._ended.set()
        self._moved.set()

    async def stop(self) -> None:
        """The same, and wait until what goes on for them has ended."""
        self.end()
        tasks = [*self._pages.values(), *([self._watching] if self._watching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._following == 0:
            # What was seen for those before may be long ago.
            self._current = None
        self._following += 1
        if self._watching is None or self._watching.done():
            # In a context of its own: it is not about the request that happened to come first.
            self._watching = asyncio.create_task(self._watch(), name="follow", context=Context())
        try:
            yield
        finally:
            self._following -= 1

    async def _watch(self) -> None:
        """Look at the head as long as anybody follows."""
        is_reached = True
        while self._following and not self._ended.is_set():
            try:
                current = await self._memory.current()
            except Exception as fault:  # noqa: BLE001 (whatever it is, the next look may succeed)
                if is_reached:
                    log.warning("log_not_followed", fault=f"{type(fault).__name__}: {fault}")
                is_reached = False
            else:
                is_reached = True
                if self._current is None or current.head.position > self._current.head.position:
                    self._current = current
                    self._pages.clear()
                    self._moved.set()
                    self._moved = asyncio.Event()
            await asyncio.sleep(LOOK_SECONDS)

    async def _next(self, after: int) -> FollowedPage | None:
        """The page after a position, once there is one; None where following has ended."""
        while not self._ended.is_set():
            current, moved = self._current, self._moved
            if current is None or current.head.position <= after:
                await moved.wait()
                continue
            try:
                # Whoever stops waiting must not stop it for others.
                return await asyncio.shield(self._page(after, current))
            except DATABASE_FAULTS:
                await asyncio.sleep(PAUSE_SECONDS)
        return None

    def _page(self, after: int, current: Current) -> asyncio.Task[FollowedPage]:
        page = self._pages.get(after)
        if page is None:
            page = asyncio.create_task(self._read(after, current), context=Context())
            self._pages[after] = page
            page.add_done_callback(lambda done: self._forget_failed(after, done))
            while len(self._pages) > PAGES_MAX:
                del self._pages[next(iter(self._pages))]
        return page

    def _forget_failed(self, after: int, page: asyncio.Task[FollowedPage]) -> None:
        # Told here, once: whoever waits for it tries again, and perhaps nobody does any more.
        fault = None if page.cancelled() else page.exception()
        if fault is not None:
            log.warning("page_not_read", after=after, fault=f"{type(fault).__name__}: {fault}")
        if (page.cancelled() or fault is not None) and self._pages.get(after) is page:
            del self._pages[after]

    async def _read(self, after: int, current: Current) -> FollowedPage:
        times = times_of(current, at=None, known_at=None, today=self._today())
        async with self._turns, self._pool.acquire() as connection:
            answer = await events(
                connection,
                times,
                type_=None,
                person=None,
                lab=None,
                from_on=None,
                to_on=None,
                after=after,
                limit=PAGE_EVENTS,
            )
        assert answer.items, "there are events up to the head"
        until, size, written = after, 0, []
        for event in answer.items:
            written.append(self._write(event))
            until, size = event["position"], size + len(written[-1])
            if size >= PAGE_BYTES:
                break
        return FollowedPage(until, b"".join(written))
