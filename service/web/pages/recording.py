"""
Forms for holders of a key: to record an event, to correct one, to retract one.

What is sent first only shows what it would change; what is sent from there is recorded, and the
event is shown. A form is known by an id of its own, so that what is sent twice is recorded once.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Response
from msgspec.structs import replace

from service.answers.dry_runs import DryRunAnswer
from service.answers.events import READ_ONLY, EventView, event_by_id
from service.answers.names import Named
from service.domain.events import FACTS
from service.domain.refusals import (
    BeyondHead,
    Fault,
    HistoryMoved,
    NotCorrectable,
    NotFound,
    Refusal,
)
from service.web.addresses import event_address
from service.web.asked import Asked, with_pairs
from service.web.drafts import (
    ACT,
    MENDABLE,
    REASON,
    Draft,
    draft_in,
    faults_of,
    rehearse,
    send,
    with_type,
)
from service.web.effects import of_dry_run
from service.web.event_fields import TYPE, body_of, fields_of
from service.web.event_forms import MORE, ROWS_MIN, form_of
from service.web.page import Page
from service.web.pages.event import DONE, LOG_EVENTS, NOT_OF_THE_WORLD, event_id_in
from service.web.responses import redirect
from service.web.visits import Visit
from service.web.wording import Row, changed_rows, rows, sentence

RECORD = "/record"
FIRST_TYPE = "hire"
_GIVEN = ("person", "lab", "date")
"""Fields that a link to the form can fill in."""
_DONE = {"record": "recorded", "correct": "corrected", "retract": "retracted"}


class Matter:
    """What a form is about: something new, or an event that was recorded."""

    def __init__(self, visit: Visit, act: str, view: EventView | None = None) -> None:
        self.visit = visit
        self.act = act
        self.view = view
        """The event as it reads now; None of something new."""

    @property
    def target(self) -> UUID | None:
        """The event that is corrected or retracted."""
        return None if self.view is None else self.view["event_id"]

    @property
    def current(self) -> EventView | None:
        """What the event says now; of one that is withdrawn what it said last."""
        if self.view is None:
            return None
        if self.view["current"] is not None:
            found: EventView = self.view["current"]
            return found
        given = [one["event"] for one in self.view["corrections"] if "event" in one]
        return given[-1] if given else self.view

    @property
    def is_void(self) -> bool:
        """Whether the event is withdrawn."""
        return self.view is not None and self.view["current"] is None

    @property
    def action(self) -> str:
        """Where the form is sent to."""
        return RECORD if self.target is None else f"{event_address(self.target)}/{self.act}"

    def draft(self) -> Draft:
        """What was sent."""
        return draft_in(self.visit, self.target, is_retraction=self.act == "retract")

    def blank(self) -> Draft:
        """What the form says before anybody typed."""
        fields = {TYPE: FIRST_TYPE}
        if self.current is not None:
            fields = fields_of({k: v for k, v in self.current.items() if k not in _NOT_TYPED})
        elif self.visit.said(TYPE) in FACTS:
            fields = {TYPE: self.visit.said(TYPE)}
        if self.target is None:
            fields |= {name: text for name in _GIVEN if (text := self.visit.text(name))}
        else:
            fields[REASON] = ""
        return Draft(
            form_id=self.visit.site.new_secret(),
            body=body_of(fields),
            fields=fields,
            target=self.target,
            is_retraction=self.act == "retract",
            seen=None if self.view is None else self.view["revision"],
        )

    def names(self) -> Mapping[str, str]:
        """What the ids are called that the event has."""
        return dict(_named(self.current or {}))


_NOT_TYPED = (*READ_ONLY, "event_id")


async def form(visit: Visit) -> Response[bytes]:
    """The form as it is before anybody typed."""
    matter = await _matter(visit)
    return _asked(matter, matter.blank())


async def take(visit: Visit) -> Response[bytes]:
    """What was typed: shown again, with what it would change, or recorded."""
    matter = await _matter(visit)
    draft = matter.draft()
    if MORE in visit.form:
        return _asked(matter, draft, wanted=visit.form[MORE])
    match visit.form.get(ACT):
        case "edit":
            return _asked(matter, draft)
        case "type":
            fields = with_type(draft, visit.form.get(TYPE, FIRST_TYPE))
            return _asked(matter, replace(draft, fields=fields))
        case "send":
            return await _sent(matter, draft)
        case _:
            return await _rehearsed(matter, draft)


async def _matter(visit: Visit) -> Matter:
    """
    What the path names.

    Raises:
        UnknownEvent: it is no event.
        NotCorrectable: it is itself a correction or a retraction.
        NotFound: nothing of it is left to correct.
        NotReady: the read models, by which effects are told, are being built.
    """
    act = visit.request.scope["path"].rpartition("/")[2]
    await visit.site.check_readable()
    if "event_id" not in visit.request.path_params:
        return Matter(visit, act)
    assert visit.current is not None, "pages that read ask the log"
    # What is corrected is what is said now, whatever the address asks for.
    times = Asked().times(visit.current, visit.today)
    async with visit.site.pool.acquire() as connection:
        view = await event_by_id(connection, event_id_in(visit), times)
    if view["type"] in LOG_EVENTS:
        raise NotCorrectable(view["event_id"], view["type"], view["target"])
    if view["type"] in NOT_OF_THE_WORLD:
        raise NotFound("What this event said was erased; there is nothing left to correct.")
    return Matter(visit, act, view)


async def _rehearsed(
    matter: Matter, draft: Draft, refusal: Refusal | None = None
) -> Response[bytes]:
    """What the draft would change; *refusal* is why it was not recorded a moment ago."""
    try:
        answer = await rehearse(matter.visit, draft)
    except MENDABLE as found:
        return _asked(matter, draft, faults_of(found), status=422)
    except (HistoryMoved, BeyondHead) as found:
        return _asked(matter, _seen_anew(matter, draft), moved=found, status=412)
    return _previewed(matter, draft, answer, refusal)


async def _sent(matter: Matter, draft: Draft) -> Response[bytes]:
    try:
        recorded = await send(matter.visit, draft)
    except MENDABLE as found:
        return _asked(matter, draft, faults_of(found), status=422)
    except (HistoryMoved, BeyondHead) as found:
        anew = _seen_anew(matter, draft)
        if matter.target is None:
            return await _rehearsed(matter, anew, found)
        return _asked(matter, anew, moved=found, status=412)
    event_id = matter.target or recorded.outcomes[0].event.event_id
    return redirect(with_pairs(event_address(event_id), [(DONE, _DONE[matter.act])]))


def _seen_anew(matter: Matter, draft: Draft) -> Draft:
    """The same draft, of an editor who was shown how things stand now."""
    return replace(draft, seen=None if matter.view is None else matter.view["revision"])


def _asked(
    matter: Matter,
    draft: Draft,
    faults: Sequence[Fault] = (),
    *,
    moved: Refusal | None = None,
    wanted: str | None = None,
    status: int = 200,
) -> Response[bytes]:
    """The form, as it was typed."""
    shown = None
    if not draft.is_retraction:
        wants = {}
        if wanted in ROWS_MIN:
            before = form_of(draft.fields)
            wants = {g.name: len(g.rows) + 1 for g in before.groups if g.name == wanted}
        shown = form_of(draft.fields, faults, rows=wants, names=matter.names())
    return matter.visit.show(
        "draft.html",
        status=status,
        matter=matter,
        draft=draft,
        form=shown,
        faults=faults,
        reason_faults=[fault for fault in faults if fault.pointer == f"/{REASON}"],
        moved=moved,
        both=None if moved is None or draft.is_retraction else _both(matter, draft),
        said=sentence(matter.current) if matter.current else None,
    )


def _previewed(
    matter: Matter, draft: Draft, answer: DryRunAnswer, refusal: Refusal | None
) -> Response[bytes]:
    """What would change, with a button that records it."""
    (event,) = answer.events
    says = event.get("event") if matter.target is not None else event
    if matter.target is None:
        # What is shown is what is recorded: if its history moves on meanwhile it is shown anew.
        draft = replace(draft, seen=answer.known_at.position)
    return matter.visit.show(
        "preview.html",
        status=200 if refusal is None else 412,
        matter=matter,
        draft=draft,
        refusal=refusal,
        said=sentence(says or matter.current or event),
        rows=rows(says, None)
        if matter.target is None
        else changed_rows(None if matter.is_void else matter.current, says),
        sources=(says or {}).get("sources", ()),
        effect=of_dry_run(answer, matter.visit.today),
        is_replayed=answer.replayed,
        position=answer.known_at.position,
    )


def _both(matter: Matter, draft: Draft) -> Sequence[Row]:
    """What the event says now, and what was typed."""
    if matter.is_void:
        return changed_rows(None, body_of(draft.fields))
    now = fields_of({k: v for k, v in (matter.current or {}).items() if k not in _NOT_TYPED})
    return changed_rows(body_of(now), body_of(draft.fields))


def _named(view: Any) -> Sequence[tuple[str, str]]:
    if isinstance(view, Named):
        return [(view.id, view.name)]
    if isinstance(view, Mapping):
        return [pair for value in view.values() for pair in _named(value)]
    if isinstance(view, list | tuple):
        return [pair for value in view for pair in _named(value)]
    return []


def _pages(act: str, path: str) -> Sequence[Page]:
    return (
        Page(name=f"{act}_form", path=path, answer=form, role="writer"),
        Page(name=act, path=path, method="POST", answer=take, role="writer"),
    )


PAGES = (
    *_pages("record", RECORD),
    *_pages("correct", "/events/{event_id:str}/correct"),
    *_pages("retract", "/events/{event_id:str}/retract"),
)
