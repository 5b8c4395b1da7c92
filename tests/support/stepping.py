"""
Writers on connections of their own that go one statement at a time, in every order there is.

What runs is the service's own code on real connections; only when its next statement may go is
decided here. A writer that waits for a lock in Postgres is passed over until it has the lock.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from service.app import ROLE, SEARCH_PATH
from service.postgres.pool import Connection

LOOK_SECONDS = 0.001
STUCK_SECONDS = 20.0


class Stepped(asyncpg.Connection):
    """A connection each of whose statements first asks whether it may go."""

    before: Callable[[], Awaitable[None]] | None = None

    async def _may_go(self) -> None:
        if self.before is not None:
            await self.before()

    async def execute(self, *args: Any, **options: Any) -> Any:
        await self._may_go()
        return await super().execute(*args, **options)

    async def fetch(self, *args: Any, **options: Any) -> Any:
        await self._may_go()
        return await super().fetch(*args, **options)

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        await self._may_go()
        return await super().fetchrow(*args, **options)

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        await self._may_go()
        return await super().fetchval(*args, **options)


class Lines:
    """Connections that are kept for the next piece of work, as long as they live."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._free: list[Stepped] = []

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Stepped]:
        """One for as long as the block lasts, which ends what is under way on it."""
        connection = self._free.pop() if self._free else await self._open()
        try:
            yield connection
        except BaseException:
            connection.terminate()
            raise
        connection.before = None
        if not connection.is_closed():
            self._free.append(connection)

    async def _open(self) -> Stepped:
        connection = await asyncpg.connect(
            self._dsn,
            connection_class=Stepped,
            server_settings={"search_path": SEARCH_PATH, "jit": "off"},
        )
        await connection.execute(f"SET ROLE {ROLE}")
        return connection

    def close(self) -> None:
        for connection in self._free:
            connection.terminate()


@asynccontextmanager
async def opened_lines(dsn: str) -> AsyncIterator[Lines]:
    """Connections as the service has them, until the block ends."""
    lines = Lines(dsn)
    try:
        yield lines
    finally:
        lines.close()


class Stepper:
    """One piece of work on one connection, done statement by statement."""

    def __init__(self, connection: Stepped, work: Callable[[Connection], Awaitable[Any]]) -> None:
        self.connection = connection
        self.pid = connection.get_server_pid()
        self.steps = 0
        self._may_go = asyncio.Event()
        self.is_at_gate = False
        connection.before = self._wait
        self.task = asyncio.ensure_future(work(connection))

    @property
    def has_ended(self) -> bool:
        return self.task.done()

    def step(self) -> None:
        """Let its next statement go."""
        assert self.is_at_gate, "It waits for Postgres, or has ended."
        self.steps += 1
        self.is_at_gate = False
        self._may_go.set()

    async def _wait(self) -> None:
        self.is_at_gate = True
        await self._may_go.wait()
        self._may_go.clear()


class Schedule:
    """Which of those who can go goes next: as begun, and then always the first."""

    def __init__(self, begun: Sequence[int]) -> None:
        self._begun = begun
        self.taken: list[int] = []
        self.offered: list[Sequence[int]] = []

    def choose(self, ready: Sequence[int]) -> int:
        number = len(self.taken)
        chosen = self._begun[number] if number < len(self._begun) else ready[0]
        assert chosen in ready, f"The same steps led elsewhere: {self.taken}, {ready}."
        self.taken.append(chosen)
        self.offered.append(ready)
        return chosen

    def others(self) -> list[list[int]]:
        """The beginnings that differ from this one in their last step, after what was begun."""
        return [
            [*self.taken[:i], other]
            for i in range(len(self._begun), len(self.taken))
            for other in self.offered[i]
            if other != self.taken[i]
        ]


async def in_every_order(
    run: Callable[[Schedule], Awaitable[None]], *, at_most: int | None = None
) -> int:
    """
    Run again and again, each time in another order, until there is none left; how many there were.

    With *at_most* some of them, the same in every run of the test.
    """
    chance = random.Random(7)
    beginnings: list[list[int]] = [[]]
    count = 0
    while beginnings and count != at_most:
        schedule = Schedule(beginnings.pop(chance.randrange(len(beginnings))))
        try:
            await run(schedule)
        except BaseException as failed:
            failed.add_note(f"In the order {schedule.taken}.")
            raise
        beginnings += schedule.others()
        count += 1
    return count


async def settled(steppers: Sequence[Stepper], watcher: Connection) -> list[int]:
    """
    Who can go, once each waits at its next statement or for a lock, or has ended.

    Raises:
        TimeoutError: a statement takes longer than any does that waits for nobody.
    """
    async with asyncio.timeout(STUCK_SECONDS):
        while True:
            under_way = [s for s in steppers if not s.is_at_gate and not s.has_ended]
            if not under_way or await _all_wait(watcher, under_way):
                return [i for i, s in enumerate(steppers) if s.is_at_gate]
            await asyncio.sleep(LOOK_SECONDS)


async def _all_wait(watcher: Connection, steppers: Sequence[Stepper]) -> bool:
    waiting = await watcher.fetchval(_WAITING, [s.pid for s in steppers])
    # Whoever went on while the question was under way did not wait.
    return bool(waiting == len(steppers)) and not any(s.is_at_gate or s.has_ended for s in steppers)


_WAITING = """
    SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid = ANY($1::int[])
"""
