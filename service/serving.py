"""A service that listens: started, kept going, and ended."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from typing import Any

import structlog
import uvicorn

from service.api.operations import Machinery
from service.app import (
    CHANCE,
    FIRST_QUESTION,
    LOOK_SECONDS,
    create_app,
    end,
    machinery,
    make_current,
    read_state,
)
from service.database import bring_up_to_date, database, say
from service.log.read import read_head
from service.log.schema import bundled
from service.observability import configure_logs
from service.postgres.pool import Pool
from service.read_models.replays import clean_up
from service.read_models.similar_people import keep_looking
from service.recording.fixtures import load_fixtures, read_fixtures
from service.settings import Settings

GRACEFUL_SECONDS = 8
WATCH_SECONDS = 1.0
PAUSE_SECONDS_MAX = 60.0
"""Between tries to make the read models current, doubled each time."""

log = structlog.get_logger()


def serve(settings: Settings, empty: bool = False) -> int:
    """
    Serve until SIGINT or SIGTERM; the exit code.

    Migrates, loads the history that comes along into an empty log unless *empty*, and prints
    the address and a first question.
    """
    configure_logs(for_people=sys.stderr.isatty())
    with database(settings, say=say) as (dsn, ensure_running):
        bring_up_to_date(settings, dsn)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, dsn, ensure_running, empty=empty))


async def _serve(
    settings: Settings, dsn: str, ensure_running: Callable[[], None], *, empty: bool
) -> int:
    async with machinery(settings, dsn) as made:
        if made.position_seen == 0:
            # Takes no time, and spares whoever comes first a refusal.
            await make_current(made.pool, made.workforce)
        made.is_readable = (await read_state(made.pool)).is_readable
        if made.is_readable:
            await _prepare(made, empty=empty)
        made.tasks.add(asyncio.create_task(_become_current(made, empty=empty)))
        server = _Server(
            uvicorn.Config(
                create_app(made),
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
                h11_max_incomplete_event_size=64 * 1024,
            ),
            made.tasks,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.ask_to_exit)
        watch = asyncio.create_task(_watch(ensure_running))
        looking = asyncio.create_task(keep_looking(made.pool), name="similar_people")
        try:
            await server.serve()
        finally:
            await end({watch, looking})
        return 0 if server.started else 1


class _Server(uvicorn.Server):
    """A server that leaves signals to its caller and tells people where it listens."""

    def __init__(self, config: uvicorn.Config, tasks: Collection["asyncio.Task[Any]"]) -> None:
        super().__init__(config)
        self._tasks = tasks

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the caller's: uvicorn would raise them again after a clean end."""
        yield

    def ask_to_exit(self) -> None:
        """Finish what was begun and end; a second signal ends at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        # A replay puts its things away while requests are finished.
        for task in self._tasks:
            task.cancel()

    def _log_started_message(self, listeners: object) -> None:
        for server in self.servers:
            for each in server.sockets:
                host, port = each.getsockname()[:2]
                shown_host = f"[{host}]" if ":" in host else host
                address = f"http://{shown_host}:{port}"
                sys.stdout.write(
                    f"Listening on {address}\nFirst question: {address}{FIRST_QUESTION}\n"
                )
                sys.stdout.flush()
                return


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


async def _prepare(made: Machinery, *, empty: bool) -> None:
    """With read models that can be asked: load the history that comes along, and answer."""
    if not empty:
        await _load_fixtures(made.pool)
    async with made.pool.acquire() as connection:
        made.position_seen = (await read_head(connection)).position
    made.is_readable = True


async def _load_fixtures(pool: Pool) -> None:
    fixtures = await asyncio.to_thread(read_fixtures, bundled("fixtures"))
    async with pool.acquire() as connection, connection.transaction():
        count = await load_fixtures(connection, fixtures, CHANCE)
    if count:
        say(f"Loaded {count} events of the history that comes along.")


async def _watch(ensure_running: Callable[[], None]) -> None:
    """Start our own Postgres again whenever it died."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await asyncio.to_thread(ensure_running)
        except Exception:
            log.exception("postgres_not_restarted")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop
