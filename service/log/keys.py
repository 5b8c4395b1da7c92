"""API keys: who may read, write and administer; only hashes are kept."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Literal, get_args

import asyncpg
import structlog
from msgspec import Struct

from service.domain.refusals import Refusal
from service.postgres.pool import Connection, Pool
from service.postgres.statements import load_statements

FIND_SECONDS = 10.0
"""Every request with a key waits for it: not for as long as a long answer may take."""

_SQL = load_statements("service.log", "keys.sql")
_FIND_KEYS = _SQL["find_keys"]
_NOTE_USE = _SQL["note_use"]
_CREATE_KEY = _SQL["create_key"]
_ROTATE_KEY = _SQL["rotate_key"]
_FIND_KEY_IN_USE = _SQL["find_key_in_use"]
_LIST_KEYS = _SQL["list_keys"]
_REVOKE_KEY = _SQL["revoke_key"]

Role = Literal["reader", "writer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""
NAMES_RESERVED = ("admin", "fixtures")
"""Under these the service itself records, as under `local:` and a user's name."""
NOTED_FOR = timedelta(minutes=1)
"""So exact is the time at which a key was last used: not each request is to write a row."""

log = structlog.get_logger()


class KeyNameTaken(Refusal):
    """Events bear the names of keys, so two live keys cannot share one."""

    code = "key_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is a key called '{name}' already; revoke it first or choose another name."
        )


class ApiKey(Struct, frozen=True):
    """What is kept of a key, but for its hash."""

    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    """From then on it is refused; of one whose place another took, the end of their overlap."""
    last_used_at: datetime | None = None
    """To the minute."""


class Principal(Struct, frozen=True):
    """Who asks: the name of a key and what it may do."""

    name: str
    role: Role
    revoked_before: int = 0
    """
    How many keys had this name before; each kept its idempotency keys to itself.

    One in whose place it came by rotation is none of them: both are one client's.
    """

    @property
    def receipts_of(self) -> str:
        """Whose idempotency keys these are: a name may come again, its receipts must not."""
        return f"{self.name}#{self.revoked_before}" if self.revoked_before else self.name

    def may(self, role: Role) -> bool:
        """Whether the key's role includes *role*."""
        return ROLES.index(self.role) >= ROLES.index(role)


def key_hash(key: str) -> bytes:
    """
    SHA-256 of a key; the keys are 256 random bits, which no dictionary holds.

    Keys are looked up and compared by it alone: what time that takes tells of a hash, and nobody
    comes nearer to a key by it.
    """
    return sha256(key.encode()).digest()


def key_of(authorization: str) -> bytes | None:
    """The hash of the key in an `Authorization` header; None where it holds no bearer key."""
    scheme, _, key = authorization.partition(" ")
    return key_hash(key.strip()) if scheme.lower() == "bearer" and key.strip() else None


def find_outside(keys: Mapping[bytes, Principal], hashed: bytes) -> Principal | None:
    """Whose key has this hash, among some that may be of anybody's choice: in constant time."""
    found = [principal for known, principal in keys.items() if compare_digest(known, hashed)]
    return found[0] if found else None


class KeyLookUp:
    """
    Whose keys these are, in one statement for all who ask while the one before is under way.

    Each is answered by a statement that was sent after it asked, so that a key which was revoked,
    rotated or has expired before is not found, whichever process did so.
    """

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._noted: dict[bytes, datetime] = {}
        """Keys that were found, and when their use was last written."""
        self._waiting: dict[bytes, asyncio.Future[Principal | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, hashed: bytes) -> Principal | None:
        """Whose key has this hash, unless it is revoked or has expired."""
        waiting = self._waiting.get(hashed)
        if waiting is None:
            waiting = self._waiting[hashed] = asyncio.get_running_loop().create_future()
            # Of a client that hung up nobody reads the answer; it is no fault that it is not.
            waiting.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        if self._task is None:
            self._task = asyncio.create_task(self._look_up(), name="keys")
        # A client that hangs up must not take the answer from the others.
        return await asyncio.shield(waiting)

    async def _look_up(self) -> None:
        asked: dict[bytes, asyncio.Future[Principal | None]] = {}
        try:
            while self._waiting:
                async with self._pool.acquire() as connection:
                    asked, self._waiting = self._waiting, {}
                    now = self._now()
                    found = await _find_keys(connection, asked, now)
                    for hashed, answer in asked.items():
                        answer.set_result(found.get(hashed))
                    asked = {}
                    await self._note_use(connection, found, now)
        except BaseException as fault:
            for answer in (*asked.values(), *self._waiting.values()):
                answer.set_exception(fault)
            self._waiting = {}
            if not isinstance(fault, Exception):
                raise
        finally:
            self._task = None

    async def _note_use(
        self, connection: Connection, found: Iterable[bytes], now: datetime
    ) -> None:
        due = [h for h in found if abs(now - self._noted.get(h, _NEVER)) >= NOTED_FOR]
        if not due:
            return
        # Also if it fails: whoever comes within the minute is not to wait for it again.
        self._noted |= dict.fromkeys(due, now)
        try:
            await connection.execute(_NOTE_USE, due, now)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
            log.warning("use_of_keys_not_noted", fault=f"{type(fault).__name__}: {fault}")


_NEVER = datetime.min.replace(tzinfo=UTC)


async def _find_keys(
    connection: Connection, hashes: Iterable[bytes], now: datetime
) -> dict[bytes, Principal]:
    rows = await connection.fetch(_FIND_KEYS, list(hashes), now, timeout=FIND_SECONDS)
    return {r["key_hash"]: Principal(r["name"], r["role"], r["revoked_before"]) for r in rows}


async def create_key(
    connection: Connection,
    *,
    name: str,
    hashed: bytes,
    role: Role,
    created_at: datetime,
    expires_at: datetime | None = None,
) -> ApiKey:
    """
    Keep a new key.

    Raises:
        KeyNameTaken: a key of this name is in use.
    """
    try:
        await connection.execute(_CREATE_KEY, name, hashed, role, created_at, expires_at)
    except asyncpg.UniqueViolationError as exc:
        if exc.constraint_name != "api_keys_name_is_unique":
            raise
        raise KeyNameTaken(name) from exc
    return ApiKey(name, role, created_at, expires_at=expires_at)


async def rotate_key(
    connection: Connection,
    *,
    name: str,
    hashed: bytes,
    now: datetime,
    overlap: timedelta,
    expires_at: datetime | None = None,
) -> ApiKey | None:
    """
    The new key in the place of the one in use, which is good for *overlap* beside it.

    None if no key of this name is in use. It ends when the one before would have, unless told.
    """
    while True:
        row = await connection.fetchrow(_ROTATE_KEY, name, hashed, now, now + overlap, expires_at)
        if row is not None:
            return ApiKey(row["name"], row["role"], row["created_at"], expires_at=row["expires_at"])
        # Else another rotation came between, and the key that it made is the one in use.
        if await connection.fetchval(_FIND_KEY_IN_USE, name, now) is None:
            return None


async def list_keys(connection: Connection) -> list[ApiKey]:
    """Every key that was ever made, oldest first."""
    return [ApiKey(*row) for row in await connection.fetch(_LIST_KEYS)]


async def revoke_key(connection: Connection, name: str, revoked_at: datetime) -> bool:
    """Whether there was a key of this name in use, which now is not."""
    return await connection.fetchval(_REVOKE_KEY, name, revoked_at) is not None
