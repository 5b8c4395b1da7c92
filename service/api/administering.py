"""Keys, replays and verifications."""

import asyncio
import re
from typing import Any

import structlog
from litestar import Response
from msgspec import Struct

from service.answers.log import VerificationAnswer, verify
from service.api.bodies import read_json
from service.api.dispatch import to_response
from service.api.operations import Call, Machinery
from service.domain.refusals import Fault, Invalid, NotFound, shown
from service.domain.submissions import escaped, uuid_or_none
from service.log.keys import (
    ROLES,
    ApiKey,
    create_key,
    key_hash,
    list_keys,
    revoke_key,
)
from service.read_models.replay import (
    Replay,
    ReplayRunning,
    fetch_replay,
    fetch_replays,
    replay,
)

KEY_PREFIX = "tl_"
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

log = structlog.get_logger()


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


class ReplaysAnswer(Struct, frozen=True):
    """The last replays, newest first."""

    items: list[Replay]
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


async def get_replays(call: Call) -> ReplaysAnswer:
    async with call.machinery.pool.acquire() as connection:
        return ReplaysAnswer(await fetch_replays(connection))


async def get_replay(call: Call) -> Replay:
    replay_id = uuid_or_none(call.path["replay_id"])
    found = None
    if replay_id is not None:
        async with call.machinery.pool.acquire() as connection:
            found = await fetch_replay(connection, replay_id)
    if found is None:
        raise NotFound(
            f"There is no replay {shown(call.path['replay_id'])}; GET /v1/replays lists them."
        )
    return found


async def post_replay(call: Call) -> Response[bytes]:
    """Start a replay and answer at once; it goes on by itself."""
    machinery = call.machinery
    async with machinery.pool.acquire() as connection:
        running = [r for r in await fetch_replays(connection) if r.state == "running"]
    replay_id = machinery.new_id()
    task = asyncio.create_task(
        _run(machinery, replay_id, call.query.get("check", False), call.query.get("force", False))
    )
    machinery.tasks.add(task)
    task.add_done_callback(machinery.tasks.discard)
    started = await _started(machinery, replay_id, task)
    if started is None:
        raise ReplayRunning(running[0].id if running else None)
    return to_response(started, 202, machinery, {"Location": f"/v1/replays/{replay_id}"})


async def post_verification(call: Call) -> VerificationAnswer:
    async with call.machinery.pool.acquire() as connection:
        return await verify(connection)


async def _run(machinery: Machinery, replay_id: Any, is_check: bool, is_forced: bool) -> None:
    try:
        await replay(
            machinery.pool,
            replay_id,
            now=machinery.now,
            is_check=is_check,
            is_forced=is_forced,
        )
    except ReplayRunning:
        pass
    except Exception:
        log.exception("replay_failed", replay_id=str(replay_id))


async def _started(
    machinery: Machinery, replay_id: Any, task: "asyncio.Task[None]"
) -> Replay | None:
    """The replay once it is on record; None if it could not begin."""
    while True:
        async with machinery.pool.acquire() as connection:
            found = await fetch_replay(connection, replay_id)
        if found is not None or task.done():
            return found
        await asyncio.sleep(0.01)


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
    if role not in ROLES:
        faults.append(Fault("/role", f"A role is one of: {', '.join(ROLES)}."))
    if faults:
        raise Invalid(faults)
    return str(name), role
