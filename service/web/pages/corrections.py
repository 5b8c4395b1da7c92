"""What was corrected and retracted, newest first."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from litestar import Response

from service.answers.corrections import CorrectionView, corrections
from service.domain import dates
from service.domain.refusals import BadDate, BadParameter, shown
from service.web.asked import other_pairs, with_pairs
from service.web.effects import Shown, of_effect
from service.web.page import Page
from service.web.pages.event import LOG_EVENTS, unpublished
from service.web.visits import Visit
from service.web.wording import Part, Row, changed_rows, lasting, sentence

PATH = "/corrections"
PAGE_ITEMS = 20
BEFORE = "before"
FILTERS = ("type", "person", "lab", "recorded_by", "recorded_from", "recorded_to")
_BEFORE_DIGITS_MAX = 18


class Item(NamedTuple):
    """One correction or retraction as it is listed."""

    correction: CorrectionView
    sentence: Sequence[Part]
    """What is said now; of a retraction what was said."""
    is_void: bool
    rows: Sequence[Row]
    stood: str
    effect: Shown


async def list_corrections(visit: Visit) -> Response[bytes]:
    said = {name: visit.text(name) for name in FILTERS}
    if said["type"] not in (None, *LOG_EVENTS):
        raise BadParameter(
            "type", f"{shown(str(said['type']))} is none of: {', '.join(LOG_EVENTS)}."
        )
    async with visit.reading() as (connection, times):
        answer = await corrections(
            connection,
            times,
            type_=said["type"],
            person=said["person"],
            lab=said["lab"],
            recorded_by=said["recorded_by"],
            from_on=_day(said, "recorded_from"),
            to_on=_day(said, "recorded_to"),
            before=_before(visit),
            limit=PAGE_ITEMS,
        )
        bar = await visit.time_bar(connection, unpublished(times), "Corrections")
    rest = other_pairs(visit.pairs, BEFORE)
    asked = [pair for pair in visit.asked.pairs if pair[0] != "published_by"]
    return visit.show(
        "corrections.html",
        answer=answer,
        items=[_item(one, visit.today) for one in answer.items],
        filters={name: value or "" for name, value in said.items()},
        is_filtered=any(said.values()),
        kept=[(name, value) for name, value in visit.asked.pairs if value is not None],
        next_page=None if answer.next is None else with_pairs(PATH, [*rest, (BEFORE, answer.next)]),
        json=with_pairs("/v1/corrections", [*said.items(), *asked]),
        bar=bar,
    )


def _item(one: CorrectionView, today: date) -> Item:
    effect = one.effect
    return Item(
        correction=one,
        sentence=sentence(effect.says or effect.said or {"type": one.target.type}),
        is_void=effect.says is None,
        rows=changed_rows(effect.said, effect.says),
        stood=lasting(effect.stood.seconds),
        effect=of_effect(effect, today),
    )


def _day(said: dict[str, str | None], name: str) -> date | None:
    text = said[name]
    if text is None:
        return None
    try:
        return dates.day(text)
    except BadDate as refusal:
        raise BadParameter(name, f"'{name}': {refusal.message}") from refusal


def _before(visit: Visit) -> int | None:
    text = visit.text(BEFORE)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _BEFORE_DIGITS_MAX):
        raise BadParameter(BEFORE, f"{shown(text)} is no position of the log.")
    return int(text)


PAGES = (Page(name="corrections", path=PATH, answer=list_corrections, is_lasting=True),)
