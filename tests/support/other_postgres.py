"""Servers that differ from the one that tests share: open to every user, of another version."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import asyncpg

from service.postgres import binaries
from service.postgres.embedded import EmbeddedPostgres

FAST = {"fsync": "off", "synchronous_commit": "off"}


def installed_major() -> int | None:
    """The version of a Postgres that is installed on the machine, other than the one that comes."""
    with contextlib.suppress(binaries.EmbeddedPostgresError), _without_the_package():
        account = binaries.own_account()
        return binaries.find_binaries(account, major=None, on_progress=lambda _: None).major
    return None


@contextlib.contextmanager
def server_for_all_users(folder: Path, *, is_installed: bool = False) -> Iterator[str]:
    """
    The address of a server that lets in every user of the database; only tests do that.

    Of the version that is installed on the machine, or of the one that comes along.
    """
    server = EmbeddedPostgres(folder, settings=FAST)
    with _without_the_package() if is_installed else contextlib.nullcontext():
        server.start()
    try:
        for rules in folder.rglob("pg_hba.conf"):
            rules.write_text("local all all trust\n")
        _reload(server.dsn)
        yield server.dsn
    finally:
        server.stop()


def _reload(dsn: str) -> None:
    import asyncio

    async def reload() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()

    asyncio.run(reload())


def _without_the_package() -> contextlib.AbstractContextManager[object]:
    return mock.patch.object(binaries, "_packaged", return_value=())
