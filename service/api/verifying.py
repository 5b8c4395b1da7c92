"""The log as a whole: its export as a stream, and its verification."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

import structlog
from litestar import Request, Response
from litestar.response import Stream

from service.answers.log import VerificationAnswer, verification
from service.api.operations import Call
from service.log.export import export, in_pieces, read_header

NDJSON = "application/x-ndjson"
HUNG_UP = 499
"""For the line in the log alone: nobody gets the answer."""

T = TypeVar("T")

log = structlog.get_logger()


async def get_export(call: Call) -> Response[Any]:
    """
    The export as it is read, line by line.

    If something is wrong half way the connection breaks: the answer has said 200 by then.
    """
    machinery = call.machinery
    header = await read_header(machinery.pool)
    machinery.position_seen = max(machinery.position_seen, header.events)
    private = "private, " if machinery.read_keys_required else ""
    headers = {
        # Equal logs have equal exports, and the head's hash says all that came before.
        "ETag": f'"{header.log_id.hex}-{header.head_hash[:32]}"',
        "Cache-Control": f"{private}no-cache",
        "Vary": "Authorization",
        "Log-Position": str(header.events),
        "Content-Disposition": f'attachment; filename="timeline-{header.events}.ndjson"',
    }
    asked = call.request.headers.get("if-none-match", "")
    if headers["ETag"] in asked or asked.strip() == "*":
        return Response(b"", status_code=304, headers=headers, media_type=NDJSON)
    # How long the answer is shows only at its end, so that a HEAD does not say it either.
    is_head = call.request.scope.get("is_head", False)
    pieces = _nothing() if is_head else in_pieces(export(machinery.pool, header))
    return Stream(_told(pieces, header.events), headers=headers, media_type=NDJSON)


async def post_verification(call: Call) -> VerificationAnswer | Response[bytes]:
    """The verification, for as long as the client waits for it."""
    machinery = call.machinery
    answer = await while_wanted(
        call.request,
        verification(
            machinery.pool,
            new_id=machinery.new_id,
            now=machinery.now,
            workforce=machinery.workforce,
            since=call.query.get("since"),
            with_read_models=call.query.get("read_models", True),
        ),
    )
    return Response(b"", status_code=HUNG_UP) if answer is None else answer


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


async def _told(pieces: AsyncIterator[bytes], events: int) -> AsyncIterator[bytes]:
    """*pieces*; what stops them half way is on record, for the answer cannot tell it."""
    try:
        async for piece in pieces:
            yield piece
    except Exception as fault:
        log.warning("export_broke_off", events=events, fault=f"{type(fault).__name__}: {fault}")
        raise


async def while_wanted(request: Request[Any, Any, Any], answer: Awaitable[T]) -> T | None:
    """*answer*; None and its end as soon as the client hangs up."""
    working = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _hung_up(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
