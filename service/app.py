"""The composition root: from settings to a service that answers."""

import asyncio
import contextlib
import gc
import getpass
import secrets
import signal
import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
)
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import structlog
import uvicorn
from litestar.types import ASGIApp

from service.answers.log import LogAnswer, to_answer
from service.answers.memory import Memory
from service.api.application import create_api
from service.api.kept import Kept
from service.api.openapi import document
from service.api.operations import Machinery
from service.cli.terminal import meter
from service.domain.refusals import shown
from service.log import usage
from service.log.export import export, in_pieces, read_export
from service.log.keys import KeyLookUp, Principal, key_hash
from service.log.read import read_head, read_identity
from service.log.restore import restore as restore_log
from service.log.schema import HEAD_REVISION, bundled, current_revision, renew_grant
from service.log.schema import migrate as migrate_schema
from service.observability import configure_logs
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.pool import Pool, open_pool
from service.read_models.crews import Workforce
from service.read_models.replay import ReadModelState, fetch_state, replay
from service.read_models.replays import ReplayRunning, clean_up, fetch_running, told_of
from service.read_models.similar_people import keep_looking
from service.read_models.stale import mark_stale
from service.recording.admission import Chance
from service.recording.fixtures import load_fixtures, read_fixtures
from service.recording.writer import Writer
from service.settings import Settings
from service.web.handlers import page_handlers

ROLE = "timeline_service"
SEARCH_PATH = "read_models, public"
GRACEFUL_SECONDS = 8
WATCH_SECONDS = 1.0
COLLECT_AFTER = (50_000, 20, 100)
"""New objects until the collector looks at them, and looks until it looks at older ones too."""
LOOK_SECONDS = 0.5
"""Between looks at a replay that is waited for."""
PAUSE_SECONDS_MAX = 60.0
"""Between tries to make the read models current, doubled each time."""
FIRST_QUESTION = "/v1/labs/DeepMind?at=2024-06-01"

log = structlog.get_logger()


def serve(settings: Settings, empty: bool = False) -> int:
    """
    Serve until SIGINT or SIGTERM; the exit code.

    Migrates, loads the history that comes along into an empty log unless *empty*, and prints
    the address and a first question.
    """
    configure_logs(for_people=sys.stderr.isatty())
    with database(settings, say=_say) as (dsn, ensure_running):
        _migrate(settings, dsn)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, dsn, ensure_running, empty=empty))


def migrate(settings: Settings) -> str:
    """Bring the database up to date; a sentence that says what was done."""
    with database(settings, say=_say) as (dsn, _):
        before = asyncio.run(current_revision(dsn))
        _migrate(settings, dsn)
    if before == HEAD_REVISION:
        return f"The database is up to date, at migration {HEAD_REVISION}."
    return f"The database went from {before or 'empty'} to migration {HEAD_REVISION}."


def exported(settings: Settings) -> Iterator[bytes]:
    """
    The export of the log in the data directory, in pieces, as they are read.

    Not through the application in process, whose client would gather the whole of it.
    """
    _log_little()
    with database(settings, say=lambda _sentence: None) as (dsn, _):
        _migrate(settings, dsn)
        with asyncio.Runner() as runner:
            pieces = _exported(dsn)
            try:
                while (piece := runner.run(_next(pieces))) is not None:
                    yield piece
            finally:
                runner.run(pieces.aclose())


def restore(
    settings: Settings, lines: Iterable[bytes], tell: Callable[[int, int], None]
) -> LogAnswer:
    """
    Make an exported log the one in the data directory, which is empty; its head.

    *tell* is told how many events of how many are restored.

    Raises:
        LogInUse: a service or another command uses the log.
        LogNotEmpty: there is a log already.
        BrokenExport: *lines* are not what a log exported.
    """
    _log_little()
    with database(settings, say=_say) as (dsn, _):
        _migrate(settings, dsn)
        return asyncio.run(_restore(settings, dsn, lines, tell))


@contextlib.asynccontextmanager
async def open_local(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """
    The application on the data directory, in this process, as its local user.

    What is recorded bears `local:<user>`.
    """
    _log_little()
    opened = contextlib.ExitStack()
    dsn, _ = await asyncio.to_thread(
        opened.enter_context, database(settings, say=lambda _sentence: None)
    )
    try:
        await asyncio.to_thread(_migrate, settings, dsn)
        secret = secrets.token_urlsafe(32)
        principal = Principal(f"local:{_user()}", "admin")
        async with machinery(settings, dsn, {key_hash(secret): principal}) as made:
            await _make_current_told(made)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(create_app(made)),  # type: ignore[arg-type]  # two spellings of ASGI's types
                base_url="http://local",
                headers={"Authorization": f"Bearer {secret}"},
                timeout=None,  # noqa: S113 (in process; a replay takes what it takes)
            ) as client:
                yield client
    finally:
        await asyncio.to_thread(opened.close)


def create_app(made: Machinery) -> ASGIApp:
    """The ASGI application on what was made for it."""
    return create_api(made, page_handlers(document(), lambda: made.position_seen, FIRST_QUESTION))


@contextlib.contextmanager
def database(
    settings: Settings, *, say: Callable[[str], None]
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of the database, and what starts it again if it is ours and died."""
    if settings.database_url is not None:
        yield settings.database_url, lambda: None
        return
    server = EmbeddedPostgres(settings.data_dir, on_progress=say)
    server.start()
    try:
        yield server.dsn, server.ensure_running
    finally:
        server.stop()


@contextlib.asynccontextmanager
async def machinery(
    settings: Settings, dsn: str, outside_keys: dict[bytes, Principal] | None = None
) -> AsyncIterator[Machinery]:
    """
    A pool, a writer and all else that handlers use, until the block ends.

    Raises:
        BeingRestored: a restore has the log for itself.
    """
    keys = dict(outside_keys or {})
    if settings.api_key is not None:
        keys[key_hash(settings.api_key)] = Principal("admin", "admin")
    async with usage.shared(dsn), _pool(dsn) as pool:
        _collect_seldom()
        async with pool.acquire() as connection:
            identity = await read_identity(connection)
            head = await read_head(connection)
        writer = Writer(pool, CHANCE)
        writer.start()
        made = Machinery(
            pool=pool,
            memory=Memory(pool),
            kept=Kept(),
            writer=writer,
            workforce=_workforce(dsn, settings.replay_processes),
            tasks=set(),
            identity=identity,
            now=CHANCE.now,
            new_id=CHANCE.new_id,
            new_secret=lambda: secrets.token_urlsafe(32),
            outside_keys=keys,
            keys=KeyLookUp(pool),
            read_keys_required=settings.read_keys_required,
            position_seen=head.position,
        )
        try:
            yield made
        finally:
            await _end(made.tasks)
            await writer.stop()


def _collect_seldom() -> None:
    """
    Let the collector of cycles look at what is new less often, and at the program itself never.

    A batch of events makes hundreds of thousands of objects of which none is in a cycle. Looking
    for cycles after every 700 cost a fifth of a batch's time.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)


@contextlib.asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[Pool]:
    """A pool as the service has it, until the block ends."""
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    try:
        yield pool
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await pool.close()


def _workforce(dsn: str, processes: int) -> Workforce:
    return Workforce(dsn=dsn, role=ROLE, search_path=SEARCH_PATH, processes=processes)


async def make_current(pool: Pool, workforce: Workforce | None = None) -> None:
    """
    Replay if the read models were made by other code than this, or wait for who does so already.

    What a replay that died left behind is taken away, unless another one runs.
    """
    await clean_up(pool, CHANCE.now())
    while not (await _fetch_state(pool)).is_current:
        try:
            await replay(pool, CHANCE.new_id(), now=CHANCE.now, workforce=workforce)
        except ReplayRunning:
            await asyncio.sleep(LOOK_SECONDS)


async def _make_current_told(made: Machinery) -> None:
    """The same, with its progress on stderr for whoever waits."""
    becoming = asyncio.create_task(make_current(made.pool, made.workforce))
    try:
        with meter("Building the read models anew") as progress:
            while not (await asyncio.wait({becoming}, timeout=LOOK_SECONDS))[0]:
                async with made.pool.acquire() as connection:
                    running = await fetch_running(connection)
                if running is not None:
                    progress.at(running.done, running.total, told_of(running))
        await becoming
    finally:
        await _end({becoming})


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


async def _fetch_state(pool: Pool) -> ReadModelState:
    async with pool.acquire() as connection:
        return await fetch_state(connection)


async def _end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel what goes on by itself and wait until it has put its things away."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _exported(dsn: str) -> AsyncGenerator[bytes, None]:
    async with _pool(dsn) as pool, contextlib.aclosing(export(pool)) as lines:
        async for piece in in_pieces(lines):
            yield piece


async def _next(pieces: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(pieces, None)


async def _restore(
    settings: Settings, dsn: str, lines: Iterable[bytes], tell: Callable[[int, int], None]
) -> LogAnswer:
    header, events = read_export(lines)
    owner = await asyncpg.connect(settings.owner_url or dsn)
    try:
        # Until the read models are made: nobody may answer from, or add to, those of an empty log.
        async with usage.alone(owner):
            async with owner.transaction():
                head = await restore_log(
                    owner,
                    events,
                    header.log_id,
                    now=CHANCE.now(),
                    tell=lambda position: tell(position, header.events),
                )
                await mark_stale(owner)
            async with _pool(dsn) as pool:
                await make_current(pool, _workforce(dsn, settings.replay_processes))
    finally:
        await owner.close()
    return to_answer(head)


async def _serve(
    settings: Settings, dsn: str, ensure_running: Callable[[], None], *, empty: bool
) -> int:
    async with machinery(settings, dsn) as made:
        if made.position_seen == 0:
            # Takes no time, and spares whoever comes first a refusal.
            await make_current(made.pool, made.workforce)
        made.is_readable = (await _fetch_state(made.pool)).is_readable
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
            await _end({watch, looking})
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


async def _load_fixtures(pool: Pool) -> None:
    fixtures = await asyncio.to_thread(read_fixtures, bundled("fixtures"))
    async with pool.acquire() as connection, connection.transaction():
        count = await load_fixtures(connection, fixtures, CHANCE)
    if count:
        _say(f"Loaded {count} events of the history that comes along.")


async def _watch(ensure_running: Callable[[], None]) -> None:
    """Start our own Postgres again whenever it died."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await asyncio.to_thread(ensure_running)
        except Exception:
            log.exception("postgres_not_restarted")


def _migrate(settings: Settings, dsn: str) -> None:
    """Only where something is missing: alembic costs half a second to import."""
    owner = settings.owner_url or dsn
    if asyncio.run(current_revision(owner)) != HEAD_REVISION:
        migrate_schema(owner)
    if asyncio.run(renew_grant(owner)):
        log.info("grant_renewed")


def _log_little() -> None:
    """For commands: what goes wrong is told, what goes well is not."""
    configure_logs(for_people=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


def _now() -> datetime:
    return datetime.now(UTC)


def _user() -> str:
    try:
        return shown(getpass.getuser()).strip("'")
    except (KeyError, OSError):
        return "unknown"


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


CHANCE = Chance(now=_now, new_id=uuid4, new_salt=lambda: secrets.token_bytes(16))
