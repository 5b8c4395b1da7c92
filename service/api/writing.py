"""Writes: events, corrections and retractions, handed to the writer as one command."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from service.answers.events import READ_ONLY, event_by_id, recorded_events
from service.answers.names import name_faults, with_near_names
from service.answers.times import KnownAt, Times
from service.api.bodies import read_json
from service.api.dispatch import to_response
from service.api.operations import Call
from service.api.reading import event_id
from service.domain.events import FACTS, Correction, Position, Retraction
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
    check_reason,
    check_uuid,
    digest,
    escaped,
    named_in,
)
from service.log.read import read_head
from service.recording.commands import Command, Recorded

IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
_FIELDS_AT_FAULT = {
    UnknownEvent.code: "/target",
    NotCorrectable.code: "/target",
}
_ENTITY_TAG = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def record_events(call: Call) -> Response[bytes]:
    """One event, or an array of them: all or nothing."""
    body = await read_json(call.request)
    submissions, faults = _submissions(body) if isinstance(body, list) else _submission(body, "")
    if faults:
        raise await _with_faults_of_names(call, faults, body)
    if not isinstance(body, list):
        return await _record_one(call, submissions[0], body)
    recorded = await _record(call, submissions, body)
    answer = await _answer(call, recorded)
    return to_response(answer, _status(recorded), call.machinery, _headers(recorded))


async def correct_event(call: Call) -> Response[bytes]:
    """A whole new payload for the event that the path names."""
    body = await read_json(call.request)
    target = event_id(call)
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A correction is an object: a whole event and a 'reason'.")])
    faults = await _read_only_faults(call, target, body)
    own_id, rest = _own_id(body, target, faults)
    reason, found = check_reason(rest.pop("reason", None))
    faults += found
    payload, found = check_payload(rest, types=FACTS)
    faults += found
    if faults or payload is None or reason is None:
        raise await _with_faults_of_names(call, faults, rest)
    correction = Correction(target=target, reason=reason, event=payload)  # type: ignore[arg-type]  # FACTS has facts only
    submission = Submission(
        payload=correction, event_id=own_id, body_digest=digest([str(target), body])
    )
    return await _record_one(call, submission, body, target)


async def retract_event(call: Call) -> Response[bytes]:
    """Void the event that the path names."""
    body = await read_json(call.request)
    target = event_id(call)
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A retraction is an object with a 'reason'.")])
    faults: list[Fault] = []
    own_id, rest = _own_id(body, target, faults)
    reason, found = check_reason(rest.pop("reason", None))
    faults += found
    faults += [
        Fault(
            f"/{escaped(key)}",
            f"There is no field {shown(key)} here; known fields: event_id, reason.",
            "unknown_field",
        )
        for key in rest
    ]
    if faults or reason is None:
        raise Invalid(faults)
    submission = Submission(
        payload=Retraction(target=target, reason=reason),
        event_id=own_id,
        body_digest=digest([str(target), body]),
    )
    return await _record_one(call, submission, body, target)


async def _record_one(
    call: Call, submission: Submission, body: Any, target: UUID | None = None
) -> Response[bytes]:
    try:
        recorded = await _record(call, [submission], body)
    except (UnknownEvent, NotCorrectable) as refusal:
        if target is not None:
            raise
        raise await _with_faults_of_names(call, [refusal.at("/target")], body) from refusal
    answer = await _answer(call, recorded)
    return to_response(answer.events[0], _status(recorded), call.machinery, _headers(recorded))


async def _record(call: Call, submissions: Sequence[Submission], body: Any) -> Recorded:
    assert call.principal is not None, "writing needs a key"
    key = _idempotency_key(call)
    expected = _expected_position(call)
    request = call.request
    command = Command(
        submissions=submissions,
        recorded_by=call.principal.name,
        receipts_of=call.principal.receipts_of,
        request_id=str(request.scope.get("request_id", "")),
        idempotency_key=key,
        request_digest=digest([request.method, request.url.path, body]),
        expected_position=expected,
    )
    try:
        recorded = await call.machinery.writer.record(command)
    except Invalid as refusal:
        faults = [_at_field(fault, is_whole=request.method == "PUT") for fault in refusal.faults]
        raise await _with_faults_of_names(call, faults, body) from refusal
    last = max(outcome.event.position for outcome in recorded.outcomes)
    call.machinery.position_seen = max(call.machinery.position_seen, last)
    return recorded


async def _answer(call: Call, recorded: Recorded) -> Any:
    async with call.machinery.pool.acquire() as connection:
        return await recorded_events(connection, recorded)


async def _with_faults_of_names(call: Call, faults: list[Fault], body: Any) -> Invalid:
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


def _at_field(fault: Fault, *, is_whole: bool) -> Fault:
    """*fault* at its field in the body as sent; *is_whole* if that is a correction's payload."""
    pointer = fault.pointer
    if is_whole and pointer.startswith("/event/"):
        pointer = pointer.removeprefix("/event")
    return msgspec.structs.replace(fault, pointer=pointer + _FIELDS_AT_FAULT.get(fault.code, ""))


def _status(recorded: Recorded) -> int:
    return 200 if recorded.is_replayed else 201


def _headers(recorded: Recorded) -> dict[str, str]:
    if recorded.is_replayed:
        return {"Idempotent-Replayed": "true"}
    first = recorded.outcomes[0].event.event_id
    return {"Location": f"/v1/events/{first}"} if len(recorded.outcomes) == 1 else {}


def _submissions(body: list[Any]) -> tuple[list[Submission], list[Fault]]:
    """
    The events of an array, or all their faults.

    Raises:
        Invalid: it is empty or too long.
    """
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
        submission, found = _submission(raw, f"/{i}")
        faults += found
        submissions += submission
    return submissions, faults


def _submission(raw: Any, pointer: str) -> tuple[list[Submission], list[Fault]]:
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


def _own_id(
    body: dict[str, Any], target: UUID, faults: list[Fault]
) -> tuple[UUID | None, dict[str, Any]]:
    """
    The id that the correction itself is to have, and the rest of the body.

    The target's own id is what an event says that was read, changed and put back.
    """
    rest = {k: v for k, v in body.items() if k not in READ_ONLY}
    raw = rest.pop("event_id", None)
    if raw is None:
        return None, rest
    own_id, found = check_uuid(raw, "/event_id")
    faults += found
    return None if own_id == target else own_id, rest


async def _read_only_faults(call: Call, target: UUID, body: dict[str, Any]) -> list[Fault]:
    """Fields that only reading gives are taken back unchanged, and refused changed."""
    # The times of the answer say what was asked, nothing of the event.
    sent = [field for field in READ_ONLY if field in body and field not in ("at", "known_at")]
    if not sent:
        return []
    async with call.machinery.pool.acquire() as connection:
        head = await read_head(connection)
        times = Times(
            call.machinery.today(),
            KnownAt(head.position, head.recorded_at),
            head.position,
            is_pinned=False,
        )
        view = await event_by_id(connection, target, times)
    now = msgspec.json.decode(msgspec.json.encode(view))
    return [
        Fault(
            f"/{field}",
            f"'{field}' is read-only and is {shown(_as_json(now.get(field)))} now; read the event "
            "again.",
            "read_only",
        )
        for field in sent
        if _without_names(body[field]) != _without_names(now.get(field))
    ]


def _without_names(value: Any) -> Any:
    """*value* with people and labs as ids and without sentences, which name them as of a day."""
    if isinstance(value, list):
        return [_without_names(v) for v in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"id", "name"}:
        return value["id"]
    return {k: _without_names(v) for k, v in value.items() if k != "detail"}


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


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


def _idempotency_key(call: Call) -> str | None:
    key = call.request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadParameter(
            "Idempotency-Key",
            f"An Idempotency-Key is 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable ASCII "
            "characters without spaces.",
        )
    return key
