"""An event: what was said, what is said now, and what each word about it changed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response
from markupsafe import Markup

from service.answers.corrections import Effect, event_with_effects
from service.answers.events import EventView
from service.answers.times import Times
from service.domain.dates import day_in_words
from service.domain.refusals import UnknownEvent
from service.domain.submissions import uuid_or_none
from service.formats.csv import Table
from service.formats.json_ld import event_json_ld
from service.formats.tables.corrections import (
    headcounts_changed_table,
    rosters_changed_table,
    stints_changed_table,
)
from service.formats.tables.events import events_table, fields_table, sources_table
from service.web.addresses import event_address, event_json
from service.web.asked import with_pairs
from service.web.effects import Shown, of_effect
from service.web.page import Page
from service.web.pictures.drawing import Picture
from service.web.previews import PNG, is_wanted, preview, send_picture
from service.web.tables import offers, send_table, wanted_table
from service.web.visits import Visit
from service.web.wording import (
    LABELS,
    Row,
    View,
    changed_rows,
    lasting,
    plain,
    rows,
    sentence,
    type_in_words,
)

LOG_EVENTS = ("correction", "retraction")
NOT_OF_THE_WORLD = (*LOG_EVENTS, "erasure", "erased")
"""Types that nobody corrects."""
DONE = "done"
TABLES = ("events", "fields", "sources", "stints", "rosters", "headcounts")
_NOTICES = {
    "recorded": "Recorded. Thank you.",
    "corrected": "The correction is recorded. What was said before can still be asked for.",
    "retracted": "The retraction is recorded. What was said before can still be asked for.",
}


class Link(NamedTuple):
    """One correction or retraction in the chain about an event."""

    event: Mapping[str, Any]
    heading: str
    rows: Sequence[Row]
    sources: Sequence[Mapping[str, Any]]
    is_void: bool
    stood: str
    effect: Shown


async def event(visit: Visit) -> Response[bytes]:
    table = wanted_table(visit, TABLES, also=[PNG])
    async with visit.reading() as (connection, times):
        view = await event_with_effects(connection, event_id_in(visit), times)
        if table is not None:
            made, name = _table(table, view), f"event-{view['position']}"
            return await send_table(visit, made, unpublished(times), name)
        bar = await visit.time_bar(
            connection,
            unpublished(times),
            f"Event {view['position']}, with labs as they were called",
            passing=[DONE],
        )
    is_log_event = view["type"] in LOG_EVENTS
    said = view.get("event", {}) if is_log_event else view
    says = None if is_log_event else view.get("current")
    state = "" if is_log_event else _state(view)
    is_compared = state in ("corrected", "withdrawn")
    told = sentence(says or said) if said else sentence(view)
    if is_wanted(visit):
        return await send_picture(visit, _picture(view, plain(told), state))
    # The API has no such time for an event, and refuses what it does not know.
    asked = msgspec.structs.replace(visit.asked, published_by=None)
    json = with_pairs(event_json(view["event_id"]), asked.pairs)
    return visit.show(
        "event.html",
        event=view,
        title=plain(told),
        sentence=told,
        type=type_in_words(view["type"]),
        state=state,
        is_compared=is_compared,
        rows=[] if view["type"] in NOT_OF_THE_WORLD else rows(said, says or None),
        said_sources=said.get("sources", ()),
        says_sources=(says or {}).get("sources", ()),
        alternatives=(says or said).get("alternatives", ()),
        chain=[_link(one, visit.today) for one in _told(view)],
        target=view.get("target"),
        can_change=view["type"] not in NOT_OF_THE_WORLD,
        json_ld=None if view["type"] in NOT_OF_THE_WORLD else _json_ld(view, plain(told), state),
        done=_NOTICES.get(visit.said(DONE)),
        bar=bar,
        json=json,
        files=offers(visit, dict.fromkeys(TABLES, json), passing=[DONE]),
        preview=preview(event_address(view["event_id"]), visit.asked.pairs, plain(told)),
    )


def _picture(view: EventView, text: str, state: str) -> Picture:
    overline = f"{type_in_words(view['type']).capitalize()}, position {view['position']:,}"
    recorded = view["recorded_at"]
    said = f"Recorded on {day_in_words(recorded.date())} at {recorded:%H:%M} UTC."
    if state:
        said = f"{state.capitalize()} since. {said}"
    return Picture(overline, text, said)


def _json_ld(view: EventView, text: str, state: str) -> Markup:
    made = event_json_ld(
        view,
        view["current"] or view,
        text,
        address=event_address(view["event_id"]),
        is_withdrawn=state == "withdrawn",
    )
    return Markup(made)  # noqa: S704 (nothing in it ends the element)


def _table(table: str, view: EventView) -> Table:
    """One of the tables: of the event, and of each word about it."""
    told = [(one["position"], one["effect"]) for one in _told(view)]
    every = [view, *view["corrections"]]
    if table == "events":
        return events_table(every)
    if table == "stints":
        return stints_changed_table(told)
    if table == "rosters":
        return rosters_changed_table(told)
    if table == "headcounts":
        return headcounts_changed_table(told)
    says = [(one["position"], one.get("event", one)) for one in every]
    if table == "sources":
        return sources_table((position, one.get("sources", ())) for position, one in says)
    own = [] if view["type"] in LOG_EVENTS else [(view["position"], None, view)]
    changed = [(position, effect.said, effect.says) for position, effect in told]
    return fields_table("fields", [*own, *changed], LABELS)


def event_id_in(visit: Visit) -> UUID:
    """
    The event that the path names.

    Raises:
        UnknownEvent: it is no id of an event.
    """
    text = visit.path["event_id"]
    found = uuid_or_none(text)
    if found is None:
        raise UnknownEvent(text)
    return found


def unpublished(times: Times) -> Times:
    """*times* of an answer that is the same whatever was published by when."""
    return msgspec.structs.replace(times, published_by=None)


def _state(view: View) -> str:
    """What became of an original."""
    if view["type"] in NOT_OF_THE_WORLD or not view["corrections"]:
        return ""
    if view["current"] is None:
        return "withdrawn"
    return "corrected"


def _told(view: View) -> list[View]:
    """It, or those about it, that changed something."""
    return [one for one in (view, *view["corrections"]) if "effect" in one]


def _link(one: View, today: date) -> Link:
    effect: Effect = one["effect"]
    return Link(
        event=one,
        heading=type_in_words(one["type"]).capitalize(),
        rows=changed_rows(effect.said, effect.says),
        sources=(effect.says or {}).get("sources", ()),
        is_void=effect.says is None,
        stood=lasting(effect.stood.seconds),
        effect=of_effect(effect, today),
    )


PAGES = (Page(name="event", path="/events/{event_id:str}", answer=event, is_lasting=True),)
