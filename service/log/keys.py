"""API keys: who may read, write and administer; only hashes are kept."""

from datetime import datetime
from hashlib import sha256
from typing import Literal, get_args

import asyncpg
from msgspec import Struct

from service.domain.refusals import Refusal
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "keys.sql")
_FIND_KEY = _SQL["find_key"]
_CREATE_KEY = _SQL["create_key"]
_LIST_KEYS = _SQL["list_keys"]
_REVOKE_KEY = _SQL["revoke_key"]

Role = Literal["reader", "writer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""
NAMES_RESERVED = ("admin", "fixtures")
"""Under these the service itself records, as under `local:` and a user's name."""


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


class Principal(Struct, frozen=True):
    """Who asks: the name of a key and what it may do."""

    name: str
    role: Role
    revoked_before: int = 0
    """How many keys had this name before; each kept its idempotency keys to itself."""

    @property
    def receipts_of(self) -> str:
        """Whose idempotency keys these are: a name may come again, its receipts must not."""
        return f"{self.name}#{self.revoked_before}" if self.revoked_before else self.name

    def may(self, role: Role) -> bool:
        """Whether the key's role includes *role*."""
        return ROLES.index(self.role) >= ROLES.index(role)


def key_hash(key: str) -> bytes:
    """SHA-256 of a key; the keys are 256 random bits, which no dictionary holds."""
    return sha256(key.encode()).digest()


async def find_key(connection: Connection, hashed: bytes) -> Principal | None:
    """Whose key has this hash, unless it is revoked."""
    row = await connection.fetchrow(_FIND_KEY, hashed)
    return None if row is None else Principal(row["name"], row["role"], row["revoked_before"])


async def create_key(
    connection: Connection, *, name: str, hashed: bytes, role: Role, created_at: datetime
) -> ApiKey:
    """
    Keep a new key.

    Raises:
        KeyNameTaken: a key of this name is in use.
    """
    try:
        await connection.execute(_CREATE_KEY, name, hashed, role, created_at)
    except asyncpg.UniqueViolationError as exc:
        if exc.constraint_name != "api_keys_name_is_unique":
            raise
        raise KeyNameTaken(name) from exc
    return ApiKey(name, role, created_at)


async def list_keys(connection: Connection) -> list[ApiKey]:
    """Every key that was ever made, oldest first."""
    return [ApiKey(*row) for row in await connection.fetch(_LIST_KEYS)]


async def revoke_key(connection: Connection, name: str, revoked_at: datetime) -> bool:
    """Whether there was a key of this name in use, which now is not."""
    return await connection.fetchval(_REVOKE_KEY, name, revoked_at) is not None
