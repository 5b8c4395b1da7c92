"""What an editor is about to record: as it was typed, as it would be sent, what it would change."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.answers.dry_runs import DryRunAnswer, dry_run_of
from service.answers.faults import faults_told, with_faults_of_names
from service.domain.events import FACTS, Position
from service.domain.refusals import (
    BadParameter,
    ClosesCycle,
    Fault,
    Invalid,
    Refusal,
    SelfDifference,
    SelfMerger,
    shown,
)
from service.domain.submissions import Submission, digest
from service.recording.commands import Command, Recorded
from service.recording.submitting import correction_of, retraction_of, submission_of
from service.web.event_fields import TYPE, body_of, fields_of
from service.web.visits import Visit

REASON = "reason"
FORM_ID, SEEN, ACT, TAKE = "form_id", "seen", "act", "take:"
SEND = "send"
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_POSITION = re.compile(r"[0-9]{1,18}")
MENDABLE = (Invalid, ClosesCycle, SelfMerger, SelfDifference)
"""What another word of the editor can mend."""


class Draft(Struct, frozen=True, kw_only=True):
    """What one form says; the form is known by an id of its own."""

    form_id: str
    body: Mapping[str, Any]
    """As the API would be sent it."""
    fields: Mapping[str, str]
    """As they are shown again: what was typed, without empty rows."""
    target: UUID | None = None
    """The event that is corrected or retracted."""
    is_retraction: bool = False
    seen: int | None = None
    """The position at which the editor saw what this is about."""


def draft_in(visit: Visit, target: UUID | None = None, *, is_retraction: bool = False) -> Draft:
    """
    The draft that a form sent.

    Raises:
        BadParameter: it is of a type that no event has.
    """
    form = dict(visit.form)
    for name, text in visit.form.items():
        if name.startswith(TAKE):
            # A name was offered and taken in place of the one that was typed.
            place = name.removeprefix(TAKE)
            form = {k: v for k, v in form.items() if not k.startswith(f"{place}/")}
            form[place] = text
    if not is_retraction and form.get(TYPE) not in FACTS:
        raise BadParameter(TYPE, f"{shown(form.get(TYPE, ''))} is no type of event.")
    body: dict[str, Any] = {} if is_retraction else body_of(form)
    fields = fields_of(body)
    reason = form.get(REASON, "").replace("\r\n", "\n")
    if target is not None:
        fields[REASON] = reason
        if reason.strip():
            body[REASON] = reason
    form_id = form.get(FORM_ID, "")
    seen = form.get(SEEN, "")
    is_sent = form.get(ACT) == SEND
    return Draft(
        form_id=form_id if _FORM_ID.fullmatch(form_id) else visit.site.new_secret(),
        body=body,
        fields=fields,
        target=target,
        is_retraction=is_retraction,
        # Of something new it is where its effect was worked out, which is about to be anew.
        seen=int(seen) if _POSITION.fullmatch(seen) and (target or is_sent) else None,
    )


async def check(visit: Visit, draft: Draft) -> Submission:
    """
    The draft as it can be recorded.

    Raises:
        Invalid: all that is wrong with it in itself, and names that nobody has.
    """
    submission, faults = _submitted(draft)
    if faults or submission is None:
        raise await with_faults_of_names(visit.site.pool, faults, dict(draft.body))
    return submission


async def rehearse(visit: Visit, draft: Draft) -> DryRunAnswer:
    """
    What recording the draft would change.

    Raises:
        Invalid: all that is wrong with it.
        HistoryMoved, BeyondHead: it is about something that has moved on since it was seen.
    """
    submission = await check(visit, draft)
    async with _told(visit, draft):
        rehearsal = await visit.site.writer.rehearse(_command(visit, draft, submission))
    async with visit.site.pool.acquire() as connection:
        return await dry_run_of(connection, rehearsal, visit.today)


async def send(visit: Visit, draft: Draft) -> Recorded:
    """
    Record the draft; the same draft of the same form is recorded once, however often it is sent.

    Raises:
        Invalid, HistoryMoved, BeyondHead: as `rehearse`.
    """
    submission = await check(visit, draft)
    async with _told(visit, draft):
        recorded = await visit.site.writer.record(_command(visit, draft, submission))
    new = {o.event.position for o in recorded.outcomes if o.event.position > recorded.before}
    visit.site.note(visit.request.scope, recorded=len(new))
    visit.site.saw(max(outcome.event.position for outcome in recorded.outcomes))
    return recorded


def faults_of(refusal: Refusal) -> Sequence[Fault]:
    """What is wrong, each at its field or at none."""
    return refusal.faults if isinstance(refusal, Invalid) else [refusal.at("")]


def with_type(draft: Draft, type_: str) -> dict[str, str]:
    """The fields of the draft as an event of another type."""
    return fields_of(body_of({**draft.fields, TYPE: type_})) | {
        name: text for name, text in draft.fields.items() if name == REASON
    }


def _told(visit: Visit, draft: Draft) -> AbstractAsyncContextManager[None]:
    is_whole = draft.target is not None
    return faults_told(visit.site.pool, dict(draft.body), is_whole=is_whole)


def _submitted(draft: Draft) -> tuple[Submission | None, list[Fault]]:
    body_digest = digest([str(draft.target), draft.body])
    if draft.target is None:
        found, faults = submission_of(dict(draft.body), "")
        return (found[0] if found else None), faults
    submitted = retraction_of if draft.is_retraction else correction_of
    return submitted(draft.target, draft.body, body_digest=body_digest)


def _command(visit: Visit, draft: Draft, submission: Submission) -> Command:
    principal = visit.principal
    assert principal is not None, "the page asks for a role"
    path = visit.request.scope["path"]
    said = digest([path, draft.body])
    return Command(
        submissions=[submission],
        recorded_by=principal.name,
        receipts_of=principal.receipts_of,
        request_id=str(visit.request.scope.get("request_id", "")),
        # Of the form and of what it says: who goes back and says something else says it anew.
        idempotency_key=f"form-{draft.form_id}-{said.hex()[:32]}",
        request_digest=said,
        expected_position=None if draft.seen is None else Position(draft.seen),
    )
