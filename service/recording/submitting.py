"""From what a client says to what is submitted, or to all that is wrong with it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service.domain.events import FACTS, Correction, Retraction
from service.domain.refusals import Fault, Invalid, shown
from service.domain.submissions import (
    EVENTS_MAX,
    Submission,
    check_payload,
    check_reason,
    check_uuid,
    digest,
    escaped,
)


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


def correction_of(
    target: UUID, said: Mapping[str, Any], *, own_id: UUID | None = None, body_digest: bytes
) -> tuple[Submission | None, list[Fault]]:
    """
    A whole new payload for *target* as one submission, or all its faults.

    Shapes: *said* is the payload with a `reason` beside its fields.
    """
    rest = dict(said)
    reason, faults = check_reason(rest.pop("reason", None))
    payload, found = check_payload(rest, types=FACTS)
    faults = [*faults, *found]
    if faults or payload is None or reason is None:
        return None, faults
    correction = Correction(target=target, reason=reason, event=payload)  # type: ignore[arg-type]  # FACTS has facts only
    return Submission(payload=correction, event_id=own_id, body_digest=body_digest), []


def retraction_of(
    target: UUID, said: Mapping[str, Any], *, own_id: UUID | None = None, body_digest: bytes
) -> tuple[Submission | None, list[Fault]]:
    """That *target* is void, as one submission, or all the faults of what was *said*."""
    rest = dict(said)
    reason, faults = check_reason(rest.pop("reason", None))
    faults = [
        *faults,
        *(
            Fault(
                f"/{escaped(key)}",
                f"There is no field {shown(key)} here; known fields: event_id, reason.",
                "unknown_field",
            )
            for key in rest
        ),
    ]
    if faults or reason is None:
        return None, faults
    retraction = Retraction(target=target, reason=reason)
    return Submission(payload=retraction, event_id=own_id, body_digest=body_digest), []
