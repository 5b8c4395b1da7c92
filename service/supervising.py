"""
Several processes that answer on the same sockets, and the one that starts, watches and ends them.

The parent owns the addresses and Postgres and answers nothing. One worker leads: it does what is
done once a service. The parent speaks to each over a pipe, whose end tells a worker that its
parent is gone; signals are the parent's alone, since a terminal sends them to all.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, MutableSequence, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Any, Literal

import structlog
from msgspec import Struct

from service.database import watch
from service.listening import listen, tell_address
from service.log import usage
from service.observability import configure_logs
from service.settings import Settings
from service.tasks import at_most, end

if TYPE_CHECKING:
    from service.answering import Server

END_SECONDS = 9.5
"""So long a worker may take to finish what it began and to put its things away."""
END_AT_ONCE_SECONDS = 2.0
PAUSE_SECONDS = 0.5
"""Before a worker that ended is started again; doubled each time."""
PAUSE_SECONDS_MAX = 30.0
STEADY_SECONDS = 60.0
"""A worker that lived so long ended for a new reason."""

SOCKET_BYTES_MAX = 103
"""Of a socket's path, on any system."""
_FOLDER = "lab-timeline-"
_SOCKET_IN_PLACE = f"/{_FOLDER}12345678/writer.sock"
"""What Python makes of the folder's name, and the longest name in it that is a socket's."""
_FROM_PARENT = Literal["listen", "end", "end at once"]
_SPAWN = multiprocessing.get_context("spawn")

log = structlog.get_logger()


class WorkerNotStarted(Exception):
    """A worker that ended before the service listened, with what it said."""


class Plan(Struct, frozen=True, kw_only=True):
    """What all workers of a service are told."""

    settings: Settings
    dsn: str
    sockets: Sequence[socket]
    seen: MutableSequence[int]
    shared_folder: Path
    empty: bool


async def supervise(
    settings: Settings,
    dsn: str,
    sockets: Sequence[socket],
    ensure_running: Callable[[], None],
    *,
    empty: bool,
) -> int:
    """
    Keep `settings.workers` processes answering until SIGINT or SIGTERM; the exit code.

    Raises:
        BeingRestored: a restore has the log for itself.
        WorkerNotStarted: one ended before all of them listened.
    """
    with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=_place_for_sockets()) as folder:
        plan = Plan(
            settings=settings,
            dsn=dsn,
            sockets=sockets,
            seen=_SPAWN.RawArray("q", settings.workers),
            shared_folder=Path(folder),
            empty=empty,
        )
        async with usage.shared(dsn), _watching(ensure_running):
            await _Supervisor(plan).run()
    return 0


class _Supervisor:
    """The workers of one service, each in its place."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._workers: dict[int, _Worker] = {}
        self._is_prepared = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._is_hurried = asyncio.Event()
        self._listening: set[int] = set()
        self._is_open = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask_to_exit)
        places = [
            asyncio.create_task(self._keep(number), name=f"worker {number + 1}")
            for number in range(self._plan.settings.workers)
        ]
        ending = asyncio.create_task(self._is_ending.wait())
        try:
            await asyncio.wait([*places, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_ending.set()
            ending.cancel()
            # Who comes now is refused rather than kept waiting for nobody.
            for one in self._plan.sockets:
                one.close()
            ended = await asyncio.gather(*places, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, BaseException):
                raise fault

    def _ask_to_exit(self) -> None:
        """The first signal asks to end, a second one at once."""
        if self._is_ending.is_set():
            self._is_hurried.set()
        self._is_ending.set()

    async def _keep(self, number: int) -> None:
        """
        Have a worker in this place, again and again, until the service ends.

        Raises:
            WorkerNotStarted: the first one ended before all listened.
        """
        pause = PAUSE_SECONDS
        while not self._is_ending.is_set():
            began = time.monotonic()
            worker = _Worker(self._plan, number, self._hear)
            log.info("worker_started", worker=number + 1, pid=worker.pid)
            self._workers[number] = worker
            if await self._ended(worker):
                return
            self._forget_gauges(worker)
            if not self._is_open:
                raise WorkerNotStarted(worker.told())
            if time.monotonic() - began > STEADY_SECONDS:
                pause = PAUSE_SECONDS
            log.error(
                "worker_ended",
                worker=number + 1,
                exit_code=worker.exit_code,
                fault=worker.fault,
                again_in_seconds=pause,
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_ending.wait(), pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)

    def _forget_gauges(self, worker: "_Worker") -> None:
        """What a worker was at when it died is no part of what all are at."""
        for file in self._plan.shared_folder.glob(f"gauge_live*_{worker.pid}.db"):
            file.unlink(missing_ok=True)

    async def _ended(self, worker: "_Worker") -> bool:
        """Wait until *worker* ended; whether it was asked to."""
        if await _either(worker.ended, self._is_ending):
            return self._is_ending.is_set()
        worker.send("end")
        async with at_most(END_SECONDS):
            await _either(worker.ended, self._is_hurried)
        if self._is_hurried.is_set():
            worker.send("end at once")
            async with at_most(END_AT_ONCE_SECONDS):
                await worker.ended.wait()
        if not worker.ended.is_set():
            log.warning("worker_killed", worker=worker.number + 1)
            worker.kill()
            await worker.ended.wait()
        return True

    def _hear(self, worker: "_Worker", message: Any) -> None:
        """What a worker says: that it is prepared, that it listens, or why it cannot."""
        if message == "prepared":
            if worker.number == 0:
                self._is_prepared.set()
                listen(self._plan.sockets)
            if self._is_prepared.is_set():
                for one in self._workers.values():
                    one.send("listen")
        elif message == "listening":
            self._listening.add(worker.number)
            if not self._is_open and len(self._listening) == self._plan.settings.workers:
                self._is_open = True
                tell_address(self._plan.sockets)
        else:
            worker.fault = str(message)


class _Worker:
    """A process as its parent sees it."""

    def __init__(self, plan: Plan, number: int, hear: Callable[["_Worker", Any], None]) -> None:
        self.number = number
        self.ended = asyncio.Event()
        self.fault: str | None = None
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(
            target=work, args=(plan, number, theirs), name=f"worker {number + 1}"
        )
        # Before it can say otherwise, a Ctrl-C of the terminal would reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        theirs.close()
        self._loop.add_reader(self._pipe.fileno(), self._receive)
        self._loop.add_reader(self._process.sentinel, self._end)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.exitcode

    def send(self, message: _FROM_PARENT) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send(message)

    def kill(self) -> None:
        self._process.kill()

    def told(self) -> str:
        """Why it ended, as a sentence."""
        if self.fault is not None:
            return self.fault
        return f"Worker {self.number + 1} ended while it started (exit code {self.exit_code})."

    def _receive(self) -> None:
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            self._loop.remove_reader(self._pipe.fileno())
        else:
            self._hear(self, message)

    def _end(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        # What it said last may lie there unread.
        with contextlib.suppress(EOFError, OSError):
            while self._pipe.poll():
                self._hear(self, self._pipe.recv())
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()
        self._process.join()
        self.ended.set()


def _place_for_sockets() -> str:
    """
    Where a folder can be made whose sockets can be named: a TMPDIR may be too long for that.

    What is made there is this user's alone and has a name that nobody can take before, so that a
    folder of all will do.

    Raises:
        WorkerNotStarted: there is none.
    """
    places = (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp")  # noqa: S108 (see above)
    for place in filter(None, places):
        is_short = len(os.fsencode(place + _SOCKET_IN_PLACE)) <= SOCKET_BYTES_MAX
        if is_short and os.access(place, os.W_OK | os.X_OK):
            return place
    raise WorkerNotStarted(
        f"Workers meet at a socket, whose path has {SOCKET_BYTES_MAX} bytes at most, and none of "
        f"{', '.join(map(repr, filter(None, places)))} is short enough. Set TMPDIR to a folder of "
        "a shorter path, or serve with --workers 1."
    )


def work(plan: Plan, number: int, pipe: Connection) -> None:
    """A worker's whole life, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(for_people=sys.stderr.isatty(), worker=number + 1)
    # Read when the library is imported, which is below.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(plan.shared_folder)
    try:
        from service.answering import loop_factory  # noqa: PLC0415 (the parent needs none of it)

        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_work(plan, number, pipe))
    except Exception as fault:
        text = str(fault).strip()
        with contextlib.suppress(OSError):
            pipe.send(text if text.endswith(".") else f"{type(fault).__name__}: {text}.")
        log.exception("worker_failed")
        sys.exit(1)


async def _work(plan: Plan, number: int, pipe: Connection) -> None:
    from service.answering import answer  # noqa: PLC0415 (see `work`)
    from service.api.operations import Place  # noqa: PLC0415 (see `work`)

    place = Place(
        leads=number == 0, seen=plan.seen, number=number, shared_folder=plan.shared_folder
    )
    parent = _Parent(pipe)
    working = asyncio.ensure_future(
        answer(plan.settings, plan.dsn, plan.sockets, place, parent, empty=plan.empty)
    )
    parent.hear_until_end(working)
    # Ended before there was a server to ask.
    with contextlib.suppress(asyncio.CancelledError):
        await working


class _Parent:
    """The parent as a worker sees it: its overseer."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._may_listen = asyncio.Event()
        self._server: Server | None = None
        self._working: asyncio.Future[None] | None = None

    def hear_until_end(self, working: "asyncio.Future[None]") -> None:
        """Do what the parent says; *working* is what ends if it says so before there is a server."""
        self._working = working
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._receive)
        # Of one worker alone: it is started again.
        loop.add_signal_handler(signal.SIGTERM, self._end)

    async def may_listen(self) -> None:
        self._pipe.send("prepared")
        await self._may_listen.wait()

    def oversee(self, server: "Server") -> None:
        self._server = server

    def listens(self) -> None:
        self._pipe.send("listening")

    def _receive(self) -> None:
        try:
            message: _FROM_PARENT = self._pipe.recv()
        except (EOFError, OSError):
            # The parent is gone: nobody would end this process or start another.
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            log.warning("parent_lost")
            message = "end"
        if message == "listen":
            self._may_listen.set()
        else:
            self._end(at_once=message == "end at once")

    def _end(self, *, at_once: bool = False) -> None:
        if self._server is not None:
            self._server.ask_to_exit(at_once=at_once)
        elif self._working is not None:
            self._working.cancel()


@contextlib.asynccontextmanager
async def _watching(ensure_running: Callable[[], None]) -> AsyncIterator[None]:
    watching = asyncio.create_task(watch(ensure_running))
    try:
        yield
    finally:
        await end({watching})


async def _either(first: asyncio.Event, second: asyncio.Event) -> bool:
    """Wait for one of the two; whether the first one is set."""
    waiting = {asyncio.ensure_future(first.wait()), asyncio.ensure_future(second.wait())}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(waiting)
    return first.is_set()
