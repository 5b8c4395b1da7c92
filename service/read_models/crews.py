"""
Crews: who folds for a replay, and in which process.

A few thousand events are folded beside whatever else this process does. Many would hold up the
reads and writes of the service, so that processes of their own take them, which are started for
one replay and end with it: when it is over, when it is cancelled, and when this process is
killed, since then nobody holds the other end of their input.
"""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol, TypeVar
from uuid import UUID

from msgspec import Struct

from service.domain.events import Position
from service.postgres.pool import Connection
from service.read_models import jobs
from service.read_models.building import (
    Part,
    fold_part,
    next_part,
    read_part,
    survey,
    write,
)
from service.read_models.drift import Drift, fetch_drift
from service.read_models.replays import ToldFault
from service.read_models.switching import Successor, catch_up_alone
from service.read_models.together import together

EVENTS_IN_PROCESS_MAX = 5000
"""More are folded by processes of their own, which take a quarter of a second to start."""
JOBS_AHEAD = 3
"""One that is read, one that is folded and one that is written."""
ANSWER_BYTES_MAX = 64 * 1024 * 1024

A = TypeVar("A")
Tell = Callable[[Sequence[int]], Awaitable[None]]


class Workforce(Struct, frozen=True, kw_only=True):
    """How many processes fold, and how they connect: as the service does."""

    dsn: str
    role: str
    search_path: str
    processes: int = 1


class Crew(Protocol):
    """Who folds for one replay."""

    async def build(self, until: Position, tell: Tell) -> None:
        """Fill the new tables; *tell* is told which positions are folded, one call at a time."""

    async def compare(self, until: Position) -> Drift:
        """How what is in use differs from what was built."""

    async def catch_up(self, successor: Successor, after: Position, until: Position) -> None:
        """Bring *successor* from one position to another, in a transaction."""


class WorkerFailed(ToldFault):
    """A process that folds said why it cannot go on, or ended."""


@asynccontextmanager
async def crew_of(
    workforce: Workforce | None, connection: Connection, replay_id: UUID, events: int
) -> AsyncIterator[Crew]:
    """Who folds so many *events*, until the block ends."""
    if workforce is None or events <= EVENTS_IN_PROCESS_MAX:
        yield InProcess(connection, replay_id)
        return
    workers: list[_Worker] = []
    try:
        for _ in range(workforce.processes):
            workers.append(await _Worker.start(workforce, replay_id))  # noqa: PERF401 (each is ended, whichever fails to start)
        yield Processes(connection, workers)
    finally:
        for worker in workers:
            worker.end()
        await asyncio.shield(asyncio.gather(*(worker.ended() for worker in workers)))


class InProcess:
    """This process, on the connection of the replay."""

    def __init__(self, connection: Connection, replay_id: UUID) -> None:
        self._connection = connection
        self._replay_id = replay_id

    async def build(self, until: Position, tell: Tell) -> None:
        connection = self._connection
        around, folded = await survey(connection, until)
        await write(connection, self._replay_id, folded.records)
        await tell(folded.positions)
        part: Part | None = None
        while (part := await next_part(connection, part)) is not None:
            folded = await fold_part(await read_part(connection, part, until, around), around)
            await write(connection, self._replay_id, folded.records)
            await tell(folded.positions)

    async def compare(self, until: Position) -> Drift:
        return await fetch_drift(self._connection, self._connection, until)

    async def catch_up(self, successor: Successor, after: Position, until: Position) -> None:
        await catch_up_alone(self._connection, successor, self._replay_id, after, until)


class Processes:
    """Processes of their own, among whom the parts of the log are shared out as they get on."""

    def __init__(self, connection: Connection, workers: Sequence["_Worker"]) -> None:
        self._connection = connection
        self._workers = workers

    async def build(self, until: Position, tell: Tell) -> None:
        last: Part | None = None
        is_over = False
        one_at_a_time = asyncio.Lock()

        async def ask_for_part(worker: _Worker) -> bool:
            nonlocal last, is_over
            async with one_at_a_time:
                if not is_over:
                    last = await next_part(self._connection, last)
                    is_over = last is None
                if last is None:
                    return False
                worker.ask(jobs.Build(after=last.after, to=last.to))
                return True

        async def hear(worker: _Worker) -> None:
            answer = await worker.answer(jobs.Folded)
            async with one_at_a_time:
                await tell(answer.positions)

        async def work(worker: _Worker, number: int) -> None:
            worker.ask(jobs.Survey(until=until, is_written=number == 0))
            ahead = 1
            while await ask_for_part(worker):
                ahead += 1
                if ahead == JOBS_AHEAD:
                    await hear(worker)
                    ahead -= 1
            for _ in range(ahead):
                await hear(worker)

        await together(work(worker, number) for number, worker in enumerate(self._workers))

    async def compare(self, until: Position) -> Drift:
        worker = self._workers[0]
        worker.ask(jobs.Compare(until=until, is_side_by_side=len(self._workers) > 1))
        return (await worker.answer(jobs.Compared)).drift

    async def catch_up(self, successor: Successor, after: Position, until: Position) -> None:
        worker = self._workers[0]
        worker.ask(jobs.CatchUp(successor=successor.name, after=after, until=until))
        await worker.answer(jobs.CaughtUp)


class _Worker:
    """One process that folds, see `worker`."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None, "it is piped"
        assert process.stdout is not None, "it is piped"
        self._process = process
        self._input = process.stdin
        self._output = process.stdout

    @classmethod
    async def start(cls, workforce: Workforce, replay_id: UUID) -> "_Worker":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "service.read_models.worker",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=ANSWER_BYTES_MAX,
            # It finds what this process finds, wherever that was told to look.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # Away from the terminal, whose Ctrl-C is for whoever it works for.
            start_new_session=True,
        )
        worker = cls(process)
        worker.ask(
            jobs.Assignment(
                replay_id=replay_id,
                dsn=workforce.dsn,
                role=workforce.role,
                search_path=workforce.search_path,
            )
        )
        return worker

    def ask(self, job: jobs.Job | jobs.Assignment) -> None:
        self._input.write(jobs.to_line(job))

    async def answer(self, kind: type[A]) -> A:
        """
        The answer to the first job that has none yet.

        Raises:
            WorkerFailed: see there.
        """
        line = await self._output.readline()
        answer = jobs.ANSWER.decode(line) if line else await self._last_word()
        if isinstance(answer, jobs.Failed):
            raise WorkerFailed(answer.detail)
        assert isinstance(answer, kind), "answers come in the order of the jobs"
        return answer

    async def _last_word(self) -> jobs.Failed:
        code = await self._process.wait()
        return jobs.Failed(detail=f"A process that folded for this replay ended with code {code}.")

    def end(self) -> None:
        """Whatever it is at."""
        self._input.close()
        with suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> None:
        # Read to the end, so that nothing of the pipe is left open.
        await asyncio.gather(self._output.read(), self._process.wait())
