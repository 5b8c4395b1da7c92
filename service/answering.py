"""One process that answers: alone, or as one of several workers."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from socket import socket
from typing import Protocol

import structlog
import uvicorn

from service.api.diagnosing import keep_noting
from service.api.operations import Machinery, Place
from service.app import (
    CHANCE,
    create_app,
    machinery,
    make_current,
    read_state,
)
from service.connections import BoundedConnection, hang_up_on_the_slow, hang_up_on_who_holds_up
from service.database import say, watch
from service.listening import BACKLOG, listen, tell_address
from service.log.read import read_head
from service.log.schema import bundled
from service.postgres.pool import Pool
from service.read_models.replay import LOOK_SECONDS
from service.read_models.replays import clean_up
from service.read_models.similar_people import keep_looking
from service.recording.fixtures import is_edition_missing, load_fixtures, read_fixtures
from service.recording.forwarding import door
from service.settings import Settings
from service.tasks import end

GRACEFUL_SECONDS = 8
HOLD_UP_SECONDS = 5.0
"""After the end was asked for, a body that still comes and an answer not taken hold up nobody."""
GIVE_UP_SECONDS = 6.5
"""After the end was asked for, what the database has not answered is answered without it."""
END_SECONDS = 8.6
"""By then what goes on by itself has put its things away."""
TICKS_A_SECOND = 10
"""The server's own."""
COUNT_AFTER_SECONDS = 3.0
"""By then who waited for the start has the answer to it."""
DUE_LOOK_SECONDS = 10.0
"""Between looks at whether an erasure left a replay due; whoever erased begins it at once."""
PAUSE_SECONDS_MAX = 60.0
"""Between tries to make the read models current, doubled each time."""

log = structlog.get_logger()


class Overseer(Protocol):
    """Whoever started a process that answers, and ends it."""

    async def may_listen(self) -> None:
        """Told that all is prepared; returns when clients may come."""

    def oversee(self, server: "Server") -> None:
        """Given what can be asked to end from now on."""

    def listens(self) -> None:
        """Told that clients are accepted."""


def answer_alone(
    settings: Settings,
    dsn: str,
    sockets: Sequence[socket],
    ensure_running: Callable[[], None],
    *,
    empty: bool,
) -> int:
    """Answer until SIGINT or SIGTERM; the exit code."""

    async def run() -> int:
        watching = asyncio.create_task(watch(ensure_running))
        try:
            await answer(settings, dsn, sockets, Place(), _Signals(sockets), empty=empty)
        finally:
            await end({watching})
        return 0

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(run())


async def answer(
    settings: Settings,
    dsn: str,
    sockets: Sequence[socket],
    place: Place,
    overseer: Overseer,
    *,
    empty: bool,
) -> None:
    """Prepare what is to be prepared, then answer until the overseer asks to end."""
    async with machinery(settings, dsn, place=place) as made, _recording_for_others(made):
        if place.leads:
            await _start_up(made, empty=empty)
        await overseer.may_listen()
        if not place.leads:
            await _see_head(made)
            made.is_readable = (await read_state(made.pool)).is_readable
        server = Server(made, overseer, settings.proxies)
        overseer.oversee(server)
        if place.shared_folder is not None:
            made.tasks.add(asyncio.create_task(keep_noting(made), name="metrics"))
        made.tasks.add(asyncio.create_task(_count_early(made)))
        if place.leads:
            made.tasks.add(asyncio.create_task(_become_current(made, empty=empty)))
            made.tasks.add(asyncio.create_task(keep_looking(made.pool), name="similar_people"))
            made.tasks.add(asyncio.create_task(_stay_current(made), name="stay_current"))
        await server.serve(list(sockets))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


class Server(uvicorn.Server):
    """A server that leaves signals to its overseer."""

    def __init__(self, made: Machinery, overseer: Overseer, proxies: Collection[str] = ()) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(made),
                log_config=None,
                access_log=False,
                server_header=False,
                # Else any client could say where it comes from.
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                lifespan="off",
                backlog=BACKLOG,
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
                http=BoundedConnection,
            )
        )
        self._made = made
        self._overseer = overseer

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the overseer's: uvicorn would raise them again after a clean end."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._overseer.listens()

    def ask_to_exit(self, *, at_once: bool = False) -> None:
        """Finish what was begun and end, or leave it unfinished."""
        self.should_exit = True
        self.force_exit = self.force_exit or at_once
        # Streams end by themselves never else, and the server waits for every answer.
        self._made.follower.end()
        # A replay puts its things away while requests are finished.
        for task in self._made.tasks:
            task.cancel()
        loop = asyncio.get_running_loop()
        self._made.ends_by = loop.time() + (0 if at_once else END_SECONDS)
        loop.call_later(HOLD_UP_SECONDS, hang_up_on_who_holds_up, self.server_state.connections)
        # Early enough that who waits is told before the connections are closed.
        loop.call_later(0 if at_once else GIVE_UP_SECONDS, self._made.writer.give_up)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            hang_up_on_the_slow(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)


class _Signals:
    """The overseer of a process that answers alone: its user."""

    def __init__(self, sockets: Sequence[socket]) -> None:
        self._sockets = sockets

    async def may_listen(self) -> None:
        listen(self._sockets)

    def oversee(self, server: Server) -> None:
        """The first signal asks to end, a second one at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: server.ask_to_exit(at_once=server.should_exit))

    def listens(self) -> None:
        tell_address(self._sockets)


@contextlib.asynccontextmanager
async def _recording_for_others(made: Machinery) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as opened:
        if made.place.leads and made.place.writer_path is not None:
            await opened.enter_async_context(door(made.writer, made.place.writer_path))
        yield


async def _start_up(made: Machinery, *, empty: bool) -> None:
    """What is done once a service, before anybody is answered, as far as it takes no time."""
    if made.position_seen == 0:
        # Spares whoever comes first a refusal.
        await make_current(made.pool, made.workforce)
    made.is_readable = (await read_state(made.pool)).is_readable
    if made.is_readable:
        await _prepare(made, empty=empty)


async def _become_current(made: Machinery, *, empty: bool) -> None:
    """Replay if need be, however often that takes, and let the service answer once it can."""
    pause = LOOK_SECONDS
    while True:
        try:
            await make_current(made.pool, made.workforce)
            if not made.is_readable:
                await _prepare(made, empty=empty)
                log.info("read_models_replayed", position=made.position_seen)
            # What a killed process left may be held for a moment yet.
            while not await clean_up(made.pool, CHANCE.now()):  # noqa: ASYNC110 (by whomever)
                await asyncio.sleep(LOOK_SECONDS)
        except Exception:
            log.exception("replay_failed", retry_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
        else:
            return


async def _count_early(made: Machinery) -> None:
    """Count the labs for the first who asks of all, once those who wait for the start are served."""
    await asyncio.sleep(COUNT_AFTER_SECONDS)
    # Else the first question does, once there are read models to count.
    if made.is_readable:
        made.glances.count()


async def _stay_current(made: Machinery) -> None:
    """
    Replay what an erasure left due whose process ended before, a command or another worker.

    Faults pass: it looks again.
    """
    while True:
        await asyncio.sleep(DUE_LOOK_SECONDS)
        try:
            if (await read_state(made.pool)).is_due:
                await make_current(made.pool, made.workforce)
        except Exception:
            log.exception("replay_failed", retry_in_seconds=DUE_LOOK_SECONDS)


async def _prepare(made: Machinery, *, empty: bool) -> None:
    """With read models that can be asked: load the history that comes along, and answer."""
    if not empty:
        await _load_fixtures(made.pool)
    await _see_head(made)
    made.is_readable = True


async def _see_head(made: Machinery) -> None:
    async with made.pool.acquire() as connection:
        made.position_seen = max(made.position_seen, (await read_head(connection)).position)


async def _load_fixtures(pool: Pool) -> None:
    folder = bundled("fixtures")
    async with pool.acquire() as connection:
        if not await is_edition_missing(connection, folder):
            return
    fixtures = await asyncio.to_thread(read_fixtures, folder)
    async with pool.acquire() as connection, connection.transaction():
        count = await load_fixtures(connection, fixtures, CHANCE)
    if count:
        say(f"Loaded {count} events of the history that comes along.")
