"""
How many people were at the largest labs, on any day, without counting them for it.

To count reads the dates of everybody who can have been there, which takes a second and a half for
a million events. So they are counted for every day at once, behind the first question, and go along
with the log from then on. Until then, and for states of knowledge long ago, each question counts.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from service.answers.courses import Courses, courses_at, courses_of_labs
from service.answers.memory import EVENTS_FOLLOWED_MAX
from service.answers.times import Times
from service.answers.views import View
from service.domain.headcounts import Count
from service.log.read import read_by_positions
from service.postgres.pool import Connection, Pool
from service.read_models.current import Current, fetch_current

WEIGHT_MAX = 24 * 1024 * 1024
"""Bytes that the counts of all days may take."""
FOLLOWED_PART = 20
"""Behind questions events are followed up to one part in so many of the log; else all is counted."""


class _Counted(Struct, frozen=True):
    """What was counted, and the log and read models at whose head."""

    courses: Courses
    current: Current


class Glances:
    """What one process counted of the labs."""

    def __init__(
        self, pool: Pool, tasks: set[asyncio.Task[Any]], weight_max: int = WEIGHT_MAX
    ) -> None:
        """*tasks* are those that whoever ends the process ends, too."""
        self._pool = pool
        self._tasks = tasks
        self._weight_max = weight_max
        self._counted: _Counted | None = None
        self._counting: asyncio.Task[None] | None = None

    async def largest(
        self,
        connection: Connection,
        view: View,
        times: Times,
        *,
        current: Current,
        days: Sequence[date],
        limit: int,
    ) -> dict[str, list[Count]]:
        """
        By lab, the largest first, how many people were there on each of *days*.

        Shapes: *days* in order, at least one, the last of them that of the question, which is
        asked of *current*.
        """
        if times.published_by is None:
            courses = await self._courses_at(connection, times.known_at.position, current)
            found = None if courses is None else courses.largest(days, limit)
            if found is not None:
                return found
        return await _counted_for(view, days, limit)

    def count(self) -> asyncio.Task[None]:
        """Count behind the questions, if that is not under way: nobody has to wait for it."""
        if self._counting is None:
            self._counting = asyncio.create_task(self._count(), name="count_labs")
            self._counting.add_done_callback(self._ended)
            self._tasks.add(self._counting)
        return self._counting

    async def _courses_at(
        self, connection: Connection, position: int, current: Current
    ) -> Courses | None:
        """What was counted, as known at *position*; None if that takes more than a question may."""
        counted = self._counted
        if counted is None or not await _goes_on(connection, counted.current, current):
            self.count()
            return None
        courses = counted.courses
        if _are_many(courses.position, current.head.position):
            self.count()
        if _are_many(courses.position, position):
            return None
        courses = await courses_at(connection, courses, position)
        # Others may have gone further meanwhile, or be asked of an earlier head.
        if (
            self._counted is counted
            and counted.courses.position < position == current.head.position
        ):
            self._counted = _Counted(courses, current)
        return courses

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._counting = None
        self._tasks.discard(task)
        if not task.cancelled():
            # Nobody waits for it: the next question finds the same fault, and tells it.
            task.exception()

    async def _count(self) -> None:
        current = await self._current()
        courses = await self._near(current)
        if courses is None:
            courses = await courses_of_labs(
                self._pool, position=current.head.position, weight_max=self._weight_max
            )
        now = await self._current()
        while courses.position < now.head.position:
            position = min(courses.position + EVENTS_FOLLOWED_MAX, now.head.position)
            async with self._pool.acquire() as connection:
                courses = await courses_at(connection, courses, position)
        async with self._pool.acquire() as connection:
            if await _goes_on(connection, current, now):
                self._counted = _Counted(courses, now)

    async def _near(self, current: Current) -> Courses | None:
        """What was counted, if it costs less to follow the events since than to count again."""
        counted = self._counted
        if counted is None:
            return None
        behind = current.head.position - counted.courses.position
        async with self._pool.acquire() as connection:
            goes_on = await _goes_on(connection, counted.current, current)
        few = max(EVENTS_FOLLOWED_MAX, current.head.position // FOLLOWED_PART)
        return counted.courses if goes_on and 0 <= behind <= few else None

    async def _current(self) -> Current:
        async with self._pool.acquire() as connection:
            return await fetch_current(connection)


async def _goes_on(connection: Connection, one: Current, other: Current) -> bool:
    """Whether the two are of one log and the same read models, and at a position know the same."""
    if (one.made, one.last_erasure) != (other.made, other.last_erasure):
        return False
    head = one.head
    if head.position == other.head.position:
        return head.hash == other.head.hash
    # A log may have been put back and have grown again, past where it was.
    events = await read_by_positions(connection, [head.position])
    return head.position == 0 or any(event.hash == head.hash for event in events)


def _are_many(one: int, other: int) -> bool:
    """Whether between two positions are more events than a question follows."""
    return abs(one - other) > EVENTS_FOLLOWED_MAX


async def _counted_for(view: View, days: Sequence[date], limit: int) -> dict[str, list[Count]]:
    """The same, counted for one question."""
    people = await view.people_by_lab(days[-1])
    largest = sorted(people, key=lambda lab: (-people[lab], lab))[:limit]
    return {lab: await view.headcounts(lab, days) for lab in largest}
