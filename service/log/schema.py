"""The schema: which migration a database is at, and bringing it to the newest."""

from importlib import resources
from pathlib import Path

import asyncpg

HEAD_REVISION = "0002"
"""The newest migration; a test compares it with the files."""


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
        if await connection.fetchval("SELECT to_regclass('public.alembic_version')") is None:
            return None
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return found
    finally:
        await connection.close()


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
