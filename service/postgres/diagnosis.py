"""How the server is: who keeps it from its work, what it is full of, which indexes it uses."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.postgres", "diagnosis.sql")
_ACT_AS_USER = _SQL["act_as_user"]
_FETCH_SERVER = _SQL["fetch_server"]
_FETCH_LONG_TRANSACTIONS = _SQL["fetch_long_transactions"]
_FETCH_TABLES = _SQL["fetch_tables"]
_FETCH_INDEXES = _SQL["fetch_indexes"]
_FETCH_EXTENSIONS = _SQL["fetch_extensions"]
_FETCH_ARCHIVING = _SQL["fetch_archiving"]


class Server(Struct, frozen=True, kw_only=True):
    """The server as of now."""

    version: str
    major: int
    is_read_only: bool
    """Whether nothing can be written, as on a standby."""
    instant: datetime
    """By its own clock."""
    database_bytes: int
    connections: int
    """To all of its databases."""
    connections_max: int
    longest_transaction_seconds: float
    """Of those whose beginning this user may see: its own, or all."""


class LongTransaction(Struct, frozen=True):
    """A session that keeps a transaction open."""

    pid: int
    user: str
    application: str
    state: str | None
    seconds: float


class Table(Struct, frozen=True):
    """How a table is read."""

    name: str
    rows: int
    """As the server estimates."""
    whole_reads: int
    index_reads: int
    is_analyzed: bool
    """Whether plans know anything of what is in it."""


class Index(Struct, frozen=True):
    """Whether an index can be used, and is."""

    name: str
    is_valid: bool
    reads: int
    bytes: int


class Extension(Struct, frozen=True):
    """What an extension is at, and could be at."""

    name: str
    version: str
    version_there: str


class Archiving(Struct, frozen=True, kw_only=True):
    """Whether the write-ahead log is archived; files and failures since the server keeps count."""

    is_on: bool
    archived: int
    last_file: str | None
    last_at: datetime | None
    failed: int
    failed_file: str | None
    failed_at: datetime | None

    @property
    def is_failing(self) -> bool:
        """Whether the last try failed; the server tries again."""
        return self.failed_at is not None and (
            self.last_at is None or self.failed_at > self.last_at
        )


async def fetch_server(connection: Connection) -> Server:
    """The server as the user sees it who connected."""
    async with connection.transaction(readonly=True):
        await connection.execute(_ACT_AS_USER)
        row = await connection.fetchrow(_FETCH_SERVER)
    assert row is not None, "it asks for values alone"
    return Server(**dict(row))


async def fetch_long_transactions(
    connection: Connection, seconds: float
) -> Sequence[LongTransaction]:
    """Who has had a transaction open for longer than *seconds*, the longest first."""
    async with connection.transaction(readonly=True):
        await connection.execute(_ACT_AS_USER)
        rows = await connection.fetch(_FETCH_LONG_TRANSACTIONS, seconds)
    return [LongTransaction(*row) for row in rows]


async def fetch_tables(connection: Connection, schemas: Sequence[str]) -> Sequence[Table]:
    """How the tables of *schemas* are read, by name."""
    return [Table(*row) for row in await connection.fetch(_FETCH_TABLES, schemas)]


async def fetch_indexes(connection: Connection, schemas: Sequence[str]) -> Sequence[Index]:
    """Whether the indexes of *schemas* can be used, and are, by name."""
    return [Index(*row) for row in await connection.fetch(_FETCH_INDEXES, schemas)]


async def fetch_extensions(connection: Connection) -> Sequence[Extension]:
    """The extensions of this database, by name."""
    return [Extension(*row) for row in await connection.fetch(_FETCH_EXTENSIONS)]


async def fetch_archiving(connection: Connection) -> Archiving:
    """Whether the server archives its write-ahead log, and how that goes."""
    row = await connection.fetchrow(_FETCH_ARCHIVING)
    assert row is not None, "the view has one row"
    return Archiving(**dict(row))
