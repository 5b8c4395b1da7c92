"""Writes: events, corrections and retractions, handed to the writer as one command."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from service.answers.events import READ_ONLY, event_by_id, recorded_events
from service.answers.faults import faults_told, with_faults_of_names
from service.answers.times import KnownAt, Times
from service.api.bodies import JSON, NDJSON, check_content, media_type_of, read_json
from service.api.dispatch import to_response
from service.api.dry_runs import rehearse
from service.api.noting import note
from service.api.operations import Call
from service.api.reading import event_id
from service.api.streams import record_stream
from service.api.submitting import command_of
from service.domain.refusals import Fault, Invalid, shown
from service.domain.submissions import Submission, check_uuid, digest
from service.log.read import read_head
from service.recording.commands import Recorded
from service.recording.submitting import correction_of, retraction_of, submissions_of


async def record_events(call: Call) -> Response[bytes]:
    """One event, or an array of them: all or nothing; or a stream, of which faulty lines fail."""
    if media_type_of(call.request) == NDJSON:
        return await record_stream(call)
    check_content(call.request, JSON, NDJSON)
    body = await read_json(call.request)
    submissions, faults = submissions_of(body)
    if faults:
        raise await with_faults_of_names(call.machinery.pool, faults, body)
    return await _write(call, submissions, body)


async def correct_event(call: Call) -> Response[bytes]:
    """A whole new payload for the event that the path names."""
    body = await read_json(call.request)
    target = event_id(call)
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A correction is an object: a whole event and a 'reason'.")])
    faults = await _read_only_faults(call, target, body)
    own_id, rest = _own_id(body, target, faults)
    submission, found = correction_of(
        target, rest, own_id=own_id, body_digest=digest([str(target), body])
    )
    faults += found
    if faults or submission is None:
        raise await with_faults_of_names(call.machinery.pool, faults, rest)
    return await _write(call, [submission], body)


async def retract_event(call: Call) -> Response[bytes]:
    """Void the event that the path names."""
    body = await read_json(call.request)
    target = event_id(call)
    if not isinstance(body, dict):
        raise Invalid([Fault("", "A retraction is an object with a 'reason'.")])
    faults: list[Fault] = []
    own_id, rest = _own_id(body, target, faults)
    submission, found = retraction_of(
        target, rest, own_id=own_id, body_digest=digest([str(target), body])
    )
    faults += found
    if faults or submission is None:
        raise Invalid(faults)
    return await _write(call, [submission], body)


async def _write(call: Call, submissions: Sequence[Submission], body: Any) -> Response[bytes]:
    """Record what was checked in itself, or tell what that would do."""
    command = command_of(call, submissions, body)
    is_whole = call.request.method == "PUT"
    async with faults_told(call.machinery.pool, body, is_whole=is_whole):
        if call.query.get("dry_run", False):
            return await rehearse(call, command)
        recorded = await call.machinery.writer.record(command)
    new = {o.event.position for o in recorded.outcomes if o.event.position > recorded.before}
    note(call.request.scope, recorded=len(new))
    last = max(outcome.event.position for outcome in recorded.outcomes)
    call.machinery.position_seen = max(call.machinery.position_seen, last)
    answer = await recorded_events(call.machinery.pool, recorded)
    return to_response(
        answer if isinstance(body, list) else answer.events[0],
        _status(recorded),
        call.machinery,
        _headers(recorded),
    )


def _status(recorded: Recorded) -> int:
    return 200 if recorded.is_replayed else 201


def _headers(recorded: Recorded) -> dict[str, str]:
    if recorded.is_replayed:
        return {"Idempotent-Replayed": "true"}
    first = recorded.outcomes[0].event.event_id
    return {"Location": f"/v1/events/{first}"} if len(recorded.outcomes) == 1 else {}


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
    """*value* with people and labs as ids, and without sentences and effects, which are as of a day."""
    if isinstance(value, list):
        return [_without_names(v) for v in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"id", "name"}:
        return value["id"]
    return {k: _without_names(v) for k, v in value.items() if k not in ("detail", "effect")}


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
