"""What is wrong with what was submitted, told at its place in the body, near names included."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from service.answers.names import name_faults, with_near_names
from service.domain.refusals import Fault, Invalid, NotCorrectable, UnknownEvent
from service.domain.submissions import EVENTS_MAX, named_in
from service.log.read import read_head
from service.postgres.pool import Pool

_FIELDS_AT_FAULT = {
    UnknownEvent.code: "/target",
    NotCorrectable.code: "/target",
}


@asynccontextmanager
async def faults_told(pool: Pool, body: Any, *, is_whole: bool) -> AsyncIterator[None]:
    """
    Let what is refused inside be told at its place in *body*, with all else that is wrong.

    *is_whole* if the body is a correction's payload, or a retraction's reason, of a target that
    stands elsewhere.

    Raises:
        Invalid: every fault of the body.
    """
    try:
        yield
    except Invalid as refusal:
        faults = [at_field(fault, is_whole=is_whole) for fault in refusal.faults]
        raise await with_faults_of_names(pool, faults, body) from refusal
    except (UnknownEvent, NotCorrectable) as refusal:
        if is_whole:
            # Not the body names the target.
            raise
        raise await with_faults_of_names(pool, [refusal.at("/target")], body) from refusal


async def with_faults_of_names(pool: Pool, faults: list[Fault], body: Any) -> Invalid:
    """All that is wrong with *body*: what stops it, and names that nobody or several have."""
    if isinstance(body, list):
        namings = [named_in(raw, f"/{i}") for i, raw in enumerate(body[:EVENTS_MAX])]
    else:
        namings = [named_in(body)]
    told = {fault.pointer for fault in faults}
    async with pool.acquire() as connection:
        head = await read_head(connection)
        more = await name_faults(connection, namings, head.position)
        every = [*faults, *(fault for fault in more if fault.pointer not in told)]
        if isinstance(body, list):
            every.sort(key=_number_of_event)
        return await with_near_names(connection, Invalid(every), head.position)


def at_field(fault: Fault, *, is_whole: bool) -> Fault:
    """*fault* at its field in the body as sent; *is_whole* if that is a correction's payload."""
    pointer = fault.pointer
    if is_whole and pointer.startswith("/event/"):
        pointer = pointer.removeprefix("/event")
    return msgspec.structs.replace(fault, pointer=pointer + _FIELDS_AT_FAULT.get(fault.code, ""))


def _number_of_event(fault: Fault) -> int:
    return int(fault.pointer.split("/")[1])
