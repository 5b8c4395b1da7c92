"""
A process that folds for a replay: `python -m service.read_models.worker`, started by `crews`.

It takes jobs from its standard input, a line each, answers them in order on its standard output,
and ends when the input does: whoever started it closed it, or was killed. While one part of the
log is folded the next is read and the one before is written.
"""

import asyncio
import gc
import os
import sys
import threading
from asyncio import Queue
from typing import Any

from service.domain.events import Position
from service.postgres.pool import Connection, open_pool
from service.read_models import jobs
from service.read_models.building import Part, Surroundings, fold_part, read_part, survey, write
from service.read_models.drift import fetch_drift
from service.read_models.replays import told
from service.read_models.switching import SUCCESSORS, catch_up_alone
from service.read_models.together import together

_OUTPUT = sys.stdout.buffer

NICENESS = 10
"""Whoever answers requests goes first."""
OBJECTS_IN_A_GENERATION = 20_000
"""A fold makes many objects and hardly a cycle; looking for cycles less often saves a twentieth."""


def main() -> None:
    """Work until there is no more input."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Whatever else is printed is no answer.
    sys.stdout = sys.stderr
    gc.set_threshold(OBJECTS_IN_A_GENERATION)
    assignment = jobs.ASSIGNMENT.decode(sys.stdin.buffer.readline())
    try:
        asyncio.run(_work(assignment))
    except Exception as fault:  # noqa: BLE001 (told to whoever asked)
        _answer(jobs.Failed(detail=told(fault)))
        sys.exit(1)


async def _work(assignment: jobs.Assignment) -> None:
    pool = await open_pool(
        assignment.dsn,
        role=assignment.role,
        search_path=assignment.search_path,
        size_max=2,
    )
    async with pool.acquire() as reader, pool.acquire() as writer:
        stages = _Stages(assignment, reader, writer)
        listening = threading.Thread(
            target=_listen, args=(asyncio.get_running_loop(), stages.asked), daemon=True
        )
        listening.start()
        await together((stages.read(), stages.fold(), stages.write()))


def _listen(loop: asyncio.AbstractEventLoop, asked: "Queue[jobs.Job]") -> None:
    """In a thread of its own, so that the end is noticed in the midst of a long fold, too."""
    for line in iter(sys.stdin.buffer.readline, b""):
        loop.call_soon_threadsafe(asked.put_nowait, jobs.JOB.decode(line))
    # What it was about to write nobody wants any more; its connections end with it.
    os._exit(0)


class _Stages:
    """What becomes of a job: read, folded, written and answered, each stage at another job."""

    def __init__(self, assignment: jobs.Assignment, reader: Connection, writer: Connection) -> None:
        self._replay_id = assignment.replay_id
        self._reader = reader
        self._writer = writer
        self._until = Position(0)
        self._around = Surroundings({}, [], {})
        self.asked: Queue[jobs.Job] = Queue()
        self._read: Queue[tuple[jobs.Job, Any]] = Queue(1)
        self._folded: Queue[tuple[jobs.Job, Any]] = Queue(1)

    async def read(self) -> None:
        while True:
            job = await self.asked.get()
            found: Any = None
            if isinstance(job, jobs.Survey):
                self._until = job.until
                self._around, found = await survey(self._reader, job.until)
            elif isinstance(job, jobs.Build):
                part = Part(job.after, job.to)
                found = await read_part(self._reader, part, self._until, self._around)
            await self._read.put((job, found))

    async def fold(self) -> None:
        while True:
            job, found = await self._read.get()
            if isinstance(job, jobs.Build):
                found = await fold_part(found, self._around)
            await self._folded.put((job, found))

    async def write(self) -> None:
        while True:
            _answer(await self._answered(*await self._folded.get()))

    async def _answered(self, job: jobs.Job, folded: Any) -> jobs.Answer:
        match job:
            case jobs.Survey(is_written=False):
                return jobs.Folded(positions=[])
            case jobs.Survey() | jobs.Build():
                await write(self._writer, self._replay_id, folded.records)
                return jobs.Folded(positions=folded.positions)
            case jobs.Compare(until=until, is_side_by_side=is_side_by_side):
                other = self._reader if is_side_by_side else self._writer
                return jobs.Compared(drift=await fetch_drift(self._writer, other, until))
            case jobs.CatchUp(successor=name, after=after, until=until):
                successor = SUCCESSORS[name]
                await catch_up_alone(self._writer, successor, self._replay_id, after, until)
                return jobs.CaughtUp()


def _answer(answer: jobs.Answer) -> None:
    _OUTPUT.write(jobs.to_line(answer))
    _OUTPUT.flush()


if __name__ == "__main__":
    main()
