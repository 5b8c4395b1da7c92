"""From a request to a command, and from what is wrong with it to faults in the body as sent."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from service.answers.names import name_faults, with_near_names
from service.api.operations import Call
from service.domain.events import Position
from service.domain.refusals import (
    BadParameter,
    Fault,
    Invalid,
    NotCorrectable,
    UnknownEvent,
    shown,
)
from service.domain.submissions import (
    EVENTS_MAX,
    Submission,
    check_payload,
    check_uuid,
    digest,
    named_in,
)
from service.log.read import read_head
from service.recording.commands import Command

IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
_FIELDS_AT_FAULT = {
    UnknownEvent.code: "/target",
    NotCorrectable.code: "/target",
}
_ENTITY_TAG = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def command_of(call: Call, submissions: Sequence[Submission], body: Any) -> Command:
    """
    What the request asks to be recorded, all or nothing.

    Raises:
        BadParameter: a header that cannot be used.
    """
    assert call.principal is not None, "writing needs a key"
    request = call.request
    key = idempotency_key(call)
    return Command(
        submissions=submissions,
        recorded_by=call.principal.name,
        receipts_of=call.principal.receipts_of,
        request_id=str(request.scope.get("request_id", "")),
        idempotency_key=key,
        request_digest=b"" if key is None else digest([request.method, request.url.path, body]),
        expected_position=_expected_position(call),
    )


@asynccontextmanager
async def faults_told(call: Call, body: Any) -> AsyncIterator[None]:
    """
    Let what is refused inside be told at its place in *body*, with all else that is wrong.

    Raises:
        Invalid: every fault of the body.
    """
    is_whole = call.request.method == "PUT"
    try:
        yield
    except Invalid as refusal:
        faults = [at_field(fault, is_whole=is_whole) for fault in refusal.faults]
        raise await with_faults_of_names(call, faults, body) from refusal
    except (UnknownEvent, NotCorrectable) as refusal:
        if is_whole:
            # The path names the target, not the body.
            raise
        raise await with_faults_of_names(call, [refusal.at("/target")], body) from refusal


async def with_faults_of_names(call: Call, faults: list[Fault], body: Any) -> Invalid:
    """All that is wrong with *body*: what stops it, and names that nobody or several have."""
    if isinstance(body, list):
        namings = [named_in(raw, f"/{i}") for i, raw in enumerate(body[:EVENTS_MAX])]
    else:
        namings = [named_in(body)]
    told = {fault.pointer for fault in faults}
    async with call.machinery.pool.acquire() as connection:
        head = await read_head(connection)
        more = await name_faults(connection, namings, head.position)
        every = [*faults, *(fault for fault in more if fault.pointer not in told)]
        if isinstance(body, list):
            every.sort(key=_number_of_event)
        return await with_near_names(connection, Invalid(every), head.position)


def _number_of_event(fault: Fault) -> int:
    return int(fault.pointer.split("/")[1])


def at_field(fault: Fault, *, is_whole: bool) -> Fault:
    """*fault* at its field in the body as sent; *is_whole* if that is a correction's payload."""
    pointer = fault.pointer
    if is_whole and pointer.startswith("/event/"):
        pointer = pointer.removeprefix("/event")
    return msgspec.structs.replace(fault, pointer=pointer + _FIELDS_AT_FAULT.get(fault.code, ""))


def submissions_of(body: Any) -> tuple[list[Submission], list[Fault]]:
    """
    The events of a body, one or an array of them, or all their faults.

    Raises:
        Invalid: it is empty or too long.
    """
    if not isinstance(body, list):
        return submission_of(body, "")
    if not body:
        raise Invalid([Fault("", "The array is empty; send at least one event.")])
    if len(body) > EVENTS_MAX:
        raise Invalid(
            [
                Fault(
                    "",
                    f"{len(body)} events are too many for one request; the limit is "
                    f"{EVENTS_MAX}. Send them in parts.",
                )
            ]
        )
    submissions: list[Submission] = []
    faults: list[Fault] = []
    for i, raw in enumerate(body):
        submission, found = submission_of(raw, f"/{i}")
        faults += found
        submissions += submission
    return submissions, faults


def submission_of(raw: Any, pointer: str) -> tuple[list[Submission], list[Fault]]:
    """One event at its place in a body, or all its faults."""
    if not isinstance(raw, dict):
        return [], check_payload(raw, pointer)[1]
    rest = dict(raw)
    faults: list[Fault] = []
    own_id = None
    if rest.get("event_id") is not None:
        own_id, faults = check_uuid(rest["event_id"], f"{pointer}/event_id")
    rest.pop("event_id", None)
    payload, found = check_payload(rest, pointer)
    faults = [*faults, *found]
    if faults or payload is None:
        return [], faults
    return [
        Submission(payload=payload, event_id=own_id, body_digest=digest(raw), pointer=pointer)
    ], []


def idempotency_key(call: Call) -> str | None:
    """
    The key by which a repeat is known, if the request brings one.

    Raises:
        BadParameter: it cannot be one.
    """
    key = call.request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadParameter(
            "Idempotency-Key",
            f"An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII "
            "characters without spaces.",
        )
    return key


def _expected_position(call: Call) -> Position | None:
    """
    The position that If-Match names.

    Raises:
        BadParameter: it names none, or several.
    """
    sent = call.request.headers.getall("if-match", [])
    if not sent:
        return None
    if len(sent) > 1 or not _ENTITY_TAG.fullmatch(sent[0]):
        raise BadParameter(
            "If-Match",
            f"If-Match takes one position in quotes, such as '\"712\"', and not "
            f"{shown(', '.join(sent))}: the position at which the history was read, of a "
            "correction or retraction the event's 'revision'.",
        )
    return Position(int(sent[0].strip('"')))
