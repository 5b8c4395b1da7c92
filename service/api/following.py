"""The log as it grows, as Server-Sent Events: every event once, in order, from a position on."""

import re
from collections.abc import AsyncIterator, MutableMapping
from contextlib import aclosing, suppress
from typing import Any, cast

import msgspec
from litestar import Response
from litestar.response import Stream

from service.answers.events import EventView
from service.api import cursors
from service.api.cursors import Cursor
from service.api.operations import Call
from service.domain.refusals import BadParameter, shown
from service.log.keys import find_outside, key_of
from service.log.read import LogIdentity
from service.postgres.pool import DATABASE_FAULTS

EVENT_STREAM = "text/event-stream"
LAST_EVENT_ID = "Last-Event-ID"
HEARTBEAT_SECONDS = 15.0
"""After so long a silence a comment says that the stream lives; proxies cut what is silent."""
RETRY_MILLISECONDS = 2000
"""So long a browser waits before it comes back."""
_HEARTBEAT = b": nothing new\n\n"
_PLACE = "follow"
"""Tells these ids from the cursors of lists."""
_POSITION = re.compile(r"[0-9]{1,18}")


def frame(event: EventView, identity: LogIdentity) -> bytes:
    """
    An event as a stream tells it: the id to come back with, and one line of JSON.

    Source: the HTML standard, Server-sent events. JSON has no line ends of its own.
    """
    one = cursors.to_text(Cursor(event["position"], _PLACE), identity)
    return b"id: %s\ndata: %s\n\n" % (one.encode(), msgspec.json.encode(event))


async def follow_log(call: Call) -> Response[Any]:
    """
    Every event after the one that the client read last, then each that is recorded.

    Raises:
        BadParameter: a position beyond the head, or an id of another log.
        TooManySubscribers: so many follow already.
    """
    machinery = call.machinery
    after, name = _after(call)
    current = await machinery.memory.current()
    head = current.head.position
    machinery.position_seen = max(machinery.position_seen, head)
    if after > head:
        raise BadParameter(
            name, f"There is no position {after} to go on from: the log's head is at {head}."
        )
    headers = {
        "Cache-Control": "no-store",
        "Log-Position": str(head),
        "Vary": "Authorization",
        # Understood by some proxies, which would keep events until there are many.
        "X-Accel-Buffering": "no",
    }
    scope = cast("MutableMapping[str, Any]", call.request.scope)
    if scope.get("is_head", False):
        return Stream(_nothing(), headers=headers, media_type=EVENT_STREAM)
    machinery.subscribers.take(scope)
    return Stream(_told(call, after), headers=headers, media_type=EVENT_STREAM)


async def _told(call: Call, after: int) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RETRY_MILLISECONDS
    pages = call.machinery.follower.pages(after, silence=HEARTBEAT_SECONDS)
    async with aclosing(pages):
        async for page in pages:
            if page is None:
                yield _HEARTBEAT
            elif await _may_read_on(call):
                yield page.content
            else:
                return


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


async def _may_read_on(call: Call) -> bool:
    """Whether the key with which the stream was opened is still good, where reading needs one."""
    machinery = call.machinery
    if not machinery.read_keys_required:
        return True
    hashed = key_of(call.request.headers.get("authorization", ""))
    if hashed is None:
        return False
    if find_outside(machinery.outside_keys, hashed) is not None:
        return True
    try:
        return await machinery.keys.find(hashed) is not None
    except DATABASE_FAULTS:
        # The client comes back, and is told by then what is the matter.
        return False


def _after(call: Call) -> tuple[int, str]:
    """
    The position after which to go on, and what says so.

    What a client read last goes before what its address says: a browser that comes back sends
    both.

    Raises:
        BadParameter: it is no id of an event of this log.
    """
    told = call.request.headers.get("last-event-id", "").strip()
    if not told:
        return int(call.query.get("after", 0)), "after"
    if _POSITION.fullmatch(told):
        return int(told), LAST_EVENT_ID
    with suppress(BadParameter):
        cursor = cursors.from_text(told, call.machinery.identity)
        if cursor.place == _PLACE:
            return cursor.position, LAST_EVENT_ID
    raise BadParameter(
        LAST_EVENT_ID,
        f"{shown(told)} is no id of an event of this log, or one of a time that a restore took "
        "back; go on from a position with 'after'.",
    )
