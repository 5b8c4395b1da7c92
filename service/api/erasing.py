"""Erasures: of a person, of one event, or again what was erased in another copy of the log."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from litestar import Response

from service.answers.erasures import erasure_done, erasure_rehearsed, erasures
from service.answers.names import with_near_names
from service.api.bodies import read_json
from service.api.dispatch import to_response
from service.api.noting import note
from service.api.operations import Call, Machinery, Page
from service.api.paging import limit_of, place_of
from service.api.submitting import idempotency_key
from service.domain.events import FACTS, PAYLOADS, Fact, NewEvent, Payload, references
from service.domain.identity import is_slug
from service.domain.refusals import Fault, Invalid, shown
from service.domain.submissions import check_payload, check_reason, check_uuid, digest, escaped
from service.log.read import read_head
from service.read_models.replay import make_current
from service.recording.erasures import Again, Asked

EVENTS_MAX = 100_000
"""Of an erasure of another copy: as many as a body holds."""
PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 60.0
"""Between tries to replay, doubled each time."""
_RESTATED = {type_: PAYLOADS[type_] for type_ in ("correction", "retraction", "profile")}
_TARGETS = ("person", "event_id", "again")

log = structlog.get_logger()


async def list_erasures(call: Call) -> Page:
    connection, times = call.reading()
    answer = await erasures(connection, times, after=place_of(call) or 0, limit=limit_of(call))
    return Page(answer, answer.next)


async def post_erasure(call: Call) -> Response[bytes]:
    """Erase, or tell what that would do."""
    asked = _checked(call, await read_json(call.request))
    machinery = call.machinery
    try:
        if call.query.get("dry_run", False):
            return await _rehearse(call, asked)
        done = await machinery.writer.erase(asked)
    except Invalid as refusal:
        async with machinery.pool.acquire() as connection:
            head = await read_head(connection)
            raise await with_near_names(connection, refusal, head.position) from refusal
    machinery.position_seen = max(machinery.position_seen, done.event.position)
    async with machinery.pool.acquire() as connection:
        answer = await erasure_done(connection, done, machinery.today())
    if done.is_replayed:
        return to_response(answer, 200, machinery, {"Idempotent-Replayed": "true"})
    note(call.request.scope, recorded=len(done.restated) + 1)
    task = asyncio.create_task(_replay(machinery), name="replay_after_erasure")
    machinery.tasks.add(task)
    task.add_done_callback(machinery.tasks.discard)
    return to_response(answer, 201, machinery, {"Location": f"/v1/events/{done.event.event_id}"})


async def _rehearse(call: Call, asked: Asked) -> Response[bytes]:
    machinery = call.machinery
    rehearsed = await machinery.writer.rehearse_erasure(asked)
    async with machinery.pool.acquire() as connection:
        answer = await erasure_rehearsed(connection, rehearsed, machinery.today())
    machinery.position_seen = max(machinery.position_seen, rehearsed.head)
    return to_response(answer, 200, machinery, {"Log-Position": str(rehearsed.head)})


async def _replay(machinery: Machinery) -> None:
    """Make the read models anew, however often that takes; the next start does it otherwise."""
    pause = PAUSE_SECONDS
    while True:
        try:
            await make_current(
                machinery.pool,
                now=machinery.now,
                new_id=machinery.new_id,
                workforce=machinery.workforce,
            )
        except Exception:
            log.exception("replay_failed", retry_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
        else:
            return


def _checked(call: Call, body: Any) -> Asked:
    """
    What a body asks to be erased.

    Raises:
        Invalid: all that is wrong with it.
    """
    if not isinstance(body, dict):
        raise Invalid([Fault("", "An erasure is an object: whom or what, and a 'reason'.")])
    faults = _unknown_fields(body, (*_TARGETS, "event", "reason"))
    reason, found = check_reason(body.get("reason"))
    faults += found
    given = [field for field in _TARGETS if body.get(field) is not None]
    if len(given) != 1:
        faults.append(Fault("", "Exactly one of 'person', 'event_id' and 'again' is needed."))
    person = body.get("person")
    if person is not None and (not isinstance(person, str) or not person.strip()):
        faults.append(Fault("/person", "A person is told by an id or a name, as a text."))
    event_id = None
    if body.get("event_id") is not None:
        event_id, found = check_uuid(body["event_id"], "/event_id")
        faults += found
    instead = _instead(body, faults)
    again = None if body.get("again") is None else _again(body["again"], faults)
    if faults or reason is None:
        raise Invalid(faults)
    assert call.principal is not None, "erasing needs a key"
    request = call.request
    # The name of who is erased is not kept, in no form in which it could be tried.
    kept = {field: value for field, value in body.items() if field != "person"}
    return Asked(
        reason=reason,
        person=person,
        event_id=event_id,
        instead=instead,
        again=again,
        recorded_by=call.principal.name,
        request_id=str(request.scope.get("request_id", "")),
        receipts_of=call.principal.receipts_of,
        idempotency_key=idempotency_key(call),
        request_digest=digest([request.method, request.url.path, kept, person is not None]),
    )


def _instead(body: Mapping[str, Any], faults: list[Fault]) -> Fact | None:
    """What is to hold in the place of an event; what is wrong with it is added to *faults*."""
    raw = body.get("event")
    if raw is None:
        return None
    if body.get("event_id") is None:
        faults.append(Fault("/event", "'event' says what holds in the place of an 'event_id'."))
        return None
    payload, found = check_payload(raw, "/event", types=FACTS)
    faults += found
    return payload  # type: ignore[return-value]  # FACTS has facts only


def _again(raw: Any, faults: list[Fault]) -> Again | None:
    """An erasure of another copy; what is wrong with it is added to *faults*."""
    if not isinstance(raw, dict):
        faults.append(Fault("/again", "An erasure of another copy is an object."))
        return None
    before = len(faults)
    faults += _unknown_fields(raw, ("event_id", "events", "restated"), "/again")
    event_id, found = check_uuid(raw.get("event_id"), "/again/event_id")
    faults += found
    events = raw.get("events")
    ids: list[UUID | None] = []
    if not isinstance(events, list) or not 0 < len(events) <= EVENTS_MAX:
        faults.append(Fault("/again/events", "'events' is an array of ids of events."))
    else:
        for i, each in enumerate(events):
            one, found = check_uuid(each, f"/again/events/{i}")
            ids.append(one)
            faults += found
    restated = raw.get("restated") or []
    said: list[NewEvent | None] = []
    if not isinstance(restated, list):
        faults.append(Fault("/again/restated", "'restated' is an array of events."))
    else:
        said = [_restated(each, f"/again/restated/{i}", faults) for i, each in enumerate(restated)]
    if len(faults) > before or event_id is None:
        return None
    return Again(
        event_id=event_id,
        events=tuple(dict.fromkeys(one for one in ids if one is not None)),
        restated=tuple({one.event_id: one for one in said if one is not None}.values()),
    )


def _restated(raw: Any, pointer: str, faults: list[Fault]) -> NewEvent | None:
    """An event as another copy of the log has it, with ids in place of names."""
    if not isinstance(raw, dict):
        faults.append(Fault(pointer, "An event is an object."))
        return None
    before = len(faults)
    rest = dict(raw)
    event_id, found = check_uuid(rest.pop("event_id", None), f"{pointer}/event_id")
    faults += found
    payload, found = check_payload(rest, pointer, types=_RESTATED)
    faults += found or ([] if payload is None else _names_in(payload, pointer))
    if len(faults) > before or event_id is None or payload is None:
        return None
    return NewEvent(event_id, payload)


def _names_in(payload: Payload, pointer: str) -> list[Fault]:
    """References that are none of a log, where every one has its id."""
    return [
        Fault(
            pointer + r.pointer, f"{shown(str(one))} is no id; a log names people and labs by ids."
        )
        for r in references(payload)
        if not (r.free_text and isinstance(r.ref, str))
        and not is_slug(str(one := r.ref if isinstance(r.ref, str) else r.ref.id))
    ]


def _unknown_fields(
    body: Mapping[str, Any], known: tuple[str, ...], pointer: str = ""
) -> list[Fault]:
    return [
        Fault(
            f"{pointer}/{escaped(field)}",
            f"There is no field {shown(field)} here; known: {', '.join(known)}.",
            "unknown_field",
        )
        for field in body
        if field not in known
    ]
