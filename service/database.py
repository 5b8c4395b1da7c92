"""The database of a service or a command: whose server it is, and its schema brought up to date."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator

import structlog

from service.log.schema import is_up_to_date, migrate
from service.postgres.archiving import Archive
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings

WATCH_SECONDS = 1.0

log = structlog.get_logger()


@contextlib.contextmanager
def database(
    settings: Settings, *, say: Callable[[str], None]
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of the database, and what starts it again if it is ours and died."""
    if settings.database_url is not None:
        yield settings.database_url, lambda: None
        return
    server = own_postgres(settings, say=say)
    server.start()
    try:
        yield server.dsn, server.ensure_running
    finally:
        server.stop()


def own_postgres(settings: Settings, *, say: Callable[[str], None]) -> EmbeddedPostgres:
    """The server of the data directory, which archives if it is set to."""
    archive = None if settings.wal_archive is None else Archive(settings.wal_archive)
    return EmbeddedPostgres(settings.data_dir, on_progress=say, archive=archive)


def bring_up_to_date(settings: Settings, dsn: str) -> None:
    """
    Migrate where something is missing, and renew a grant that a copy of the database lost.

    Raises:
        LaterSchema: a later edition of the service migrated it already.
    """
    owner = settings.owner_url or dsn
    if not asyncio.run(is_up_to_date(owner)):
        migrate(owner)
        asyncio.run(is_up_to_date(owner))


def say(sentence: str) -> None:
    """For people, beside what is printed for programs."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


async def watch(ensure_running: Callable[[], None]) -> None:
    """Start our own Postgres again whenever it died."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            await asyncio.to_thread(ensure_running)
        except Exception:
            log.exception("postgres_not_restarted")
