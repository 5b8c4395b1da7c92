"""Keys."""

import re
from typing import Any

from litestar import Response
from msgspec import Struct

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
)

KEY_PREFIX = "tl_"
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class KeyCreated(Struct, frozen=True, kw_only=True):
    """A new key; the key itself is told this once."""

    name: str
    role: str
    key: str

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
    name, role = _checked_key(body)
    key = KEY_PREFIX + call.machinery.new_secret()
    async with call.machinery.pool.acquire() as connection:
        made = await create_key(
            connection,
            name=name,
            hashed=key_hash(key),
            role=role,
            created_at=call.machinery.now(),
        )
    return KeyCreated(name=made.name, role=made.role, key=key)


async def delete_key(call: Call) -> Response[bytes]:
    name = call.path["name"]
    async with call.machinery.pool.acquire() as connection:
        if not await revoke_key(connection, name, call.machinery.now()):
            raise NotFound(f"No key in use is called {shown(name)}; GET /v1/keys lists them.")
    return Response(b"", status_code=204)


def _checked_key(body: Any) -> tuple[str, Any]:
    """
    The name and the role that a body asks for.

    Raises:
        Invalid: all that is wrong with it.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A key is an object with a 'name' and a 'role'.")])
    faults = [
        Fault(
            f"/{escaped(field)}",
            f"There is no field {shown(field)} here; known: name, role.",
            "unknown_field",
        )
        for field in body
        if field not in ("name", "role")
    ]
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
    if faults:
        raise Invalid(faults)
    return str(name), role
