"""The schema: which migration a database is at, and bringing it to the newest."""

from importlib import resources
from pathlib import Path

import asyncpg
import structlog

from service.domain.refusals import Refusal, shown
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "schema.sql")
_FIND_REVISIONS_TABLE = _SQL["find_revisions_table"]
_FETCH_REVISION = _SQL["fetch_revision"]
_WRITE_MISSING_GRANT = _SQL["write_missing_grant"]

HEAD_REVISION = "0008"
"""The newest migration; a test compares it with the files."""

log = structlog.get_logger()


class LaterSchema(Refusal):
    """A database that a later edition of the service brought further than this one knows."""

    code = "later_schema"

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database is at migration {shown(revision)}, and the newest that this edition "
            f"knows is '{HEAD_REVISION}': a later edition of the service was here. Start that one, "
            "or a still later one. Nothing was changed."
        )


def migrations_folder() -> Path:
    """Where the migrations lie: beside the package, or in an installed one within it."""
    return bundled("migrations")


def bundled(name: str) -> Path:
    """A folder that comes along with the package."""
    package = Path(str(resources.files("service")))
    inside = package / "_bundled" / name
    return inside if inside.is_dir() else package.parent / name


async def current_revision(dsn: str) -> str | None:
    """The migration that the database is at; None of an empty one."""
    connection = await asyncpg.connect(dsn)
    try:
        return await fetch_revision(connection)
    finally:
        await connection.close()


async def fetch_revision(connection: Connection) -> str | None:
    """The migration that the database is at; None of an empty one."""
    if not await connection.fetchval(_FIND_REVISIONS_TABLE):
        return None
    found: str | None = await connection.fetchval(_FETCH_REVISION)
    return found


def refuse_later(revision: str | None) -> None:
    """
    Raises:
        LaterSchema: *revision* is none that this edition knows.
    """
    # Numbers of one length; what is none comes after all of them.
    if revision is not None and revision > HEAD_REVISION:
        raise LaterSchema(revision)


async def is_up_to_date(dsn: str) -> bool:
    """
    Whether the database is at the newest migration; if so, a lost grant is renewed too.

    Raises:
        LaterSchema: it is beyond that, or at one that is none of ours.
    """
    connection = await asyncpg.connect(dsn)
    try:
        revision = await fetch_revision(connection)
        refuse_later(revision)
        if revision != HEAD_REVISION:
            return False
        if await _renew_grant(connection):
            log.info("grant_renewed")
        return True
    finally:
        await connection.close()


async def _renew_grant(connection: Connection) -> bool:
    """
    Let the service's role make schemas in the database again; whether that was to be done.

    The grant is one on the database, which neither a copy nor a dump of it carries. Left alone
    where this user may not give it.
    """
    grant = await connection.fetchval(_WRITE_MISSING_GRANT)
    if grant is not None:
        await connection.execute(grant)
    return grant is not None


def migrate(dsn: str, revision: str = "head") -> None:
    """
    Bring the database to a migration, the newest unless told.

    Runs its own event loop: call it from a thread where one is running.
    """
    # Imported here because it takes half a second, and only where something is to be done.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["dsn"] = dsn
    command.upgrade(config, revision)
