"""Keys."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from litestar import Response
from msgspec import Struct

from service.answers.times import instant_of
from service.api.attempts import address_of
from service.api.bodies import read_json
from service.api.operations import Call
from service.domain.refusals import Fault, Invalid, NotFound, shown
from service.domain.submissions import escaped
from service.log.keys import (
    NAMES_RESERVED,
    ROLES,
    ApiKey,
    create_key,
    key_hash,
    list_keys,
    revoke_key,
    rotate_key,
)

KEY_PREFIX = "tl_"
OVERLAP_SECONDS_MAX = 7 * 86400
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class KeyCreated(Struct, frozen=True, kw_only=True):
    """A new key; the key itself is told this once."""

    name: str
    role: str
    key: str
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"KeyCreated(name={self.name!r}, role={self.role!r})"


class KeysAnswer(Struct, frozen=True):
    """Every key, without the keys themselves."""

    items: list[ApiKey]
    next: None = None


async def get_keys(call: Call) -> KeysAnswer:
    async with call.machinery.pool.acquire() as connection:
        return KeysAnswer(await list_keys(connection))


async def post_key(call: Call) -> KeyCreated:
    body = await read_json(call.request)
    now = call.machinery.now()
    name, role, expires_at = _checked_key(body, now)
    key = KEY_PREFIX + call.machinery.new_secret()
    async with call.machinery.pool.acquire() as connection:
        made = await create_key(
            connection,
            name=name,
            hashed=key_hash(key),
            role=role,
            created_at=now,
            expires_at=expires_at,
        )
    return _told(call, made, key)


async def post_rotation(call: Call) -> KeyCreated:
    name = call.path["name"]
    body = await read_json(call.request)
    now = call.machinery.now()
    overlap, expires_at = _checked_rotation(body, now)
    key = KEY_PREFIX + call.machinery.new_secret()
    async with call.machinery.pool.acquire() as connection:
        made = await rotate_key(
            connection,
            name=name,
            hashed=key_hash(key),
            now=now,
            overlap=overlap,
            expires_at=expires_at,
        )
    if made is None:
        raise _no_key(name)
    return _told(call, made, key)


async def delete_key(call: Call) -> Response[bytes]:
    name = call.path["name"]
    async with call.machinery.pool.acquire() as connection:
        if not await revoke_key(connection, name, call.machinery.now()):
            raise _no_key(name)
    return Response(b"", status_code=204)


def _told(call: Call, made: ApiKey, key: str) -> KeyCreated:
    # Whoever made it may use it, whatever else came from there.
    call.machinery.attempts.note(address_of(call.request.scope), key_hash(key), is_good=True)
    return KeyCreated(name=made.name, role=made.role, key=key, expires_at=made.expires_at)


def _no_key(name: str) -> NotFound:
    return NotFound(f"No key in use is called {shown(name)}; GET /v1/keys lists them.")


def _checked_key(body: Any, now: datetime) -> tuple[str, Any, datetime | None]:
    """
    The name, the role and the end that a body asks for.

    Raises:
        Invalid: all that is wrong with it.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A key is an object with a 'name' and a 'role'.")])
    faults = _unknown_fields(body, ("name", "role", "expires_at"))
    name, role = body.get("name"), body.get("role", "writer")
    if not isinstance(name, str) or not _KEY_NAME.fullmatch(name):
        faults.append(
            Fault("/name", "A key's name is 1 to 64 letters, digits and the signs . _ @ -.")
        )
    elif name.casefold() in NAMES_RESERVED:
        faults.append(
            Fault(
                "/name",
                f"The name {shown(name)} is one under which the service itself records; choose "
                "another name.",
            )
        )
    if role not in ROLES:
        faults.append(Fault("/role", f"A role is one of: {', '.join(ROLES)}."))
    expires_at = _end_of(body, now, faults)
    if faults:
        raise Invalid(faults)
    return str(name), role, expires_at


def _checked_rotation(body: Any, now: datetime) -> tuple[timedelta, datetime | None]:
    """
    How long the key before stays good, and the end of the new one.

    Raises:
        Invalid: all that is wrong with it.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A rotation is an object; {} will do.")])
    faults = _unknown_fields(body, ("overlap_seconds", "expires_at"))
    seconds = body.get("overlap_seconds")
    seconds = 0 if seconds is None else seconds
    if type(seconds) is not int or not 0 <= seconds <= OVERLAP_SECONDS_MAX:
        faults.append(
            Fault(
                "/overlap_seconds",
                f"An overlap is a whole number of seconds from 0 to {OVERLAP_SECONDS_MAX}.",
            )
        )
        seconds = 0
    expires_at = _end_of(body, now, faults)
    if faults:
        raise Invalid(faults)
    return timedelta(seconds=seconds), expires_at


def _end_of(body: dict[str, Any], now: datetime, faults: list[Fault]) -> datetime | None:
    """When the key is to end, if it is; what is wrong with that is added to *faults*."""
    text = body.get("expires_at")
    if text is None:
        return None
    instant = instant_of(text) if isinstance(text, str) else None
    if instant is None:
        faults.append(
            Fault("/expires_at", "A key ends at an instant such as '2027-01-01T00:00:00Z'.")
        )
    elif instant <= now:
        faults.append(
            Fault(
                "/expires_at",
                f"The instant {shown(str(text))} has passed; give one that is to come.",
            )
        )
    return instant


def _unknown_fields(body: dict[str, Any], known: Sequence[str]) -> list[Fault]:
    return [
        Fault(
            f"/{escaped(field)}",
            f"There is no field {shown(field)} here; known: {', '.join(known)}.",
            "unknown_field",
        )
        for field in body
        if field not in known
    ]
