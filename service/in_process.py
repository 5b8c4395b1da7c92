"""What commands do in process, with nothing listening."""

import asyncio
import contextlib
import getpass
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

import asyncpg
import httpx
import structlog
from msgspec import structs

from service.answers.log import LogAnswer, to_answer
from service.api.operations import Machinery
from service.app import (
    CHANCE,
    create_app,
    machinery,
    make_current,
    open_service_pool,
    workforce,
)
from service.cli.terminal import meter
from service.database import bring_up_to_date, database, own_postgres, say
from service.domain.refusals import Refusal, shown
from service.log import usage
from service.log.append import Head
from service.log.export import export, in_pieces, read_export
from service.log.keys import Principal, key_hash
from service.log.read import read_head
from service.log.restore import begin_epoch
from service.log.restore import restore as restore_log
from service.log.schema import HEAD_REVISION, current_revision, fetch_revision, refuse_later
from service.observability import configure_logs
from service.postgres import backups, recovery
from service.postgres.binaries import find_binaries
from service.postgres.cluster import Cluster
from service.postgres.embedded import EmbeddedPostgres
from service.read_models.replay import LOOK_SECONDS
from service.read_models.replays import fetch_running, told_of
from service.read_models.stale import mark_stale
from service.settings import Settings
from service.tasks import end


def migrate(settings: Settings) -> str:
    """Bring the database up to date; a sentence that says what was done."""
    with database(settings, say=say) as (dsn, _):
        before = asyncio.run(current_revision(dsn))
        bring_up_to_date(settings, dsn)
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
        bring_up_to_date(settings, dsn)
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
    with database(settings, say=say) as (dsn, _):
        bring_up_to_date(settings, dsn)
        return asyncio.run(_restore(settings, dsn, lines, tell))


def backup(settings: Settings, file: IO[bytes], tell: Callable[[int], None]) -> LogAnswer:
    """
    Copy the cluster of the data directory into *file*, beside whoever uses it.

    The head as of before, which the copy holds at least. *tell* is told the bytes written.

    Raises:
        NotOurs: the database is another server's.
        NothingToBackUp: there is none.
    """
    _log_little()
    if settings.database_url is not None:
        raise NotOurs
    if not (settings.data_dir / "postgres").exists():
        raise NothingToBackUp(settings.data_dir)
    with own_postgres(settings, say=say) as server:
        return asyncio.run(_backed_up(server.cluster, file, tell))


def restore_backup(
    settings: Settings,
    stream: IO[bytes],
    tell: Callable[[int], None],
    wal: Path | None = None,
    until: datetime | None = None,
) -> LogAnswer:
    """
    Make a backup the data directory, which has no cluster yet; the head of its log.

    With *wal* it is brought forward by what was archived there: up to the instant *until*, or as
    far as it goes. *tell* is told the bytes unpacked.

    Raises:
        NotOurs: the database is another server's.
        BackupRefused: there is a cluster already, the file is no whole backup, or what is
            archived does not lead there.
        LaterSchema: a later edition of the service made it.
    """
    _log_little()
    if settings.database_url is not None:
        raise NotOurs
    try:
        with (
            backups.restored(settings.data_dir, stream, tell=tell, on_progress=say) as unfinished,
            _brought_forward(unfinished, settings.wal_archive, wal, until) as server,
        ):
            return asyncio.run(_restored(server.dsn))
    except (backups.TakenError, backups.NoBackupError) as exc:
        raise BackupRefused(str(exc)) from exc
    except (recovery.NotReachableError, recovery.ArchiveBrokenError) as exc:
        raise BackupRefused(f"{exc} Nothing was restored.") from exc


def _brought_forward(
    unfinished: Path, archive: Path | None, wal: Path | None, until: datetime | None
) -> contextlib.AbstractContextManager[EmbeddedPostgres]:
    """
    The server of a backup that was unpacked, with what was archived since if *wal* is given.

    Where it is to *archive*, it does not take up what another one left there.
    """
    if wal is not None:
        return recovery.recovered(unfinished, wal.resolve(), until, on_progress=say)
    if archive is not None and archive.is_dir():
        return recovery.begun_anew(unfinished, archive, on_progress=say)
    return EmbeddedPostgres(unfinished, on_progress=lambda _sentence: None)


class NotOurs(Refusal):
    """A backup of a server that is run by somebody else, who has better ways."""

    code = "not_ours"

    def __init__(self) -> None:
        super().__init__(
            "With DATABASE_URL the database is another server's: copy it with pg_basebackup or "
            "pg_dump and bring it back with theirs, or take 'timeline export'."
        )


class NothingToBackUp(Refusal):
    code = "nothing_to_back_up"

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"There is no database in {shown(str(data_dir))}; name the data directory with "
            "--data-dir or TIMELINE_DATA_DIR."
        )


class BackupRefused(Refusal):
    """What there is already, or what the file is not."""

    code = "backup_refused"


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
        await asyncio.to_thread(bring_up_to_date, settings, dsn)
        secret = secrets.token_urlsafe(32)
        principal = Principal(f"local:{_user()}", "admin")
        # Doors are for who comes from outside.
        within = structs.replace(settings, hosts=(), rate_limit=None)
        async with machinery(within, dsn, {key_hash(secret): principal}) as made:
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


async def _exported(dsn: str) -> AsyncGenerator[bytes, None]:
    async with open_service_pool(dsn) as pool, contextlib.aclosing(export(pool)) as lines:
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
            async with open_service_pool(dsn) as pool:
                await make_current(pool, workforce(dsn, settings.replay_processes))
    finally:
        await owner.close()
    return to_answer(head)


async def _backed_up(cluster: Cluster, file: IO[bytes], tell: Callable[[int], None]) -> LogAnswer:
    binaries = find_binaries(cluster.account, major=cluster.major, on_progress=say)
    connection = await asyncpg.connect(cluster.dsn)
    try:
        is_migrated = await fetch_revision(connection) is not None
        head = await read_head(connection) if is_migrated else Head()
    finally:
        await connection.close()
    await backups.back_up(cluster, binaries, file, tell)
    return to_answer(head)


async def _restored(dsn: str) -> LogAnswer:
    connection = await asyncpg.connect(dsn)
    try:
        revision = await fetch_revision(connection)
        refuse_later(revision)
        return to_answer(
            Head() if revision is None else await begin_epoch(connection, CHANCE.now())
        )
    finally:
        await connection.close()


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
        await end({becoming})


def _log_little() -> None:
    """For commands: what goes wrong is told, what goes well is not."""
    configure_logs(for_people=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))


def _user() -> str:
    try:
        return shown(getpass.getuser()).strip("'")
    except (KeyError, OSError):
        return "unknown"
