"""What was corrected and retracted, newest first."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import NamedTuple

from litestar import Response

from service.answers.corrections import CorrectionsAnswer, CorrectionView, corrections
from service.domain import dates
from service.domain.refusals import BadDate, BadParameter, shown
from service.formats.csv import Table
from service.formats.tables.corrections import corrections_table, reasons_table
from service.formats.tables.events import fields_table
from service.web.asked import other_pairs, with_pairs
from service.web.effects import Shown, of_effect
from service.web.page import Page
from service.web.pages.event import LOG_EVENTS, unpublished
from service.web.tables import every, offers, send_table, wanted_table
from service.web.visits import Visit
from service.web.wording import LABELS, Part, Row, changed_rows, lasting, sentence

PATH = "/corrections"
PAGE_ITEMS = 20
AT_ONCE = 200
"""So many are told of in one reading for a table."""
TABLES = ("corrections", "fields", "reasons")
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
    from_on, to_on = _day(said, "recorded_from"), _day(said, "recorded_to")
    table = wanted_table(visit, TABLES)
    async with visit.reading() as (connection, times):

        async def page(before: int | None, limit: int) -> CorrectionsAnswer:
            return await corrections(
                connection,
                times,
                type_=said["type"],
                person=said["person"],
                lab=said["lab"],
                recorded_by=said["recorded_by"],
                from_on=from_on,
                to_on=to_on,
                before=before,
                limit=limit,
            )

        if table is not None:
            return await send_table(visit, await _table(table, page), unpublished(times))
        answer = await page(_before(visit), PAGE_ITEMS)
        bar = await visit.time_bar(
            connection, unpublished(times), "Corrections, with labs as they were called"
        )
    rest = other_pairs(visit.pairs, BEFORE)
    asked = [pair for pair in visit.asked.pairs if pair[0] != "published_by"]
    json = with_pairs("/v1/corrections", [*said.items(), *asked])
    return visit.show(
        "corrections.html",
        answer=answer,
        items=[_item(one, visit.today) for one in answer.items],
        filters={name: value or "" for name, value in said.items()},
        is_filtered=any(said.values()),
        kept=[(name, value) for name, value in visit.asked.pairs if value is not None],
        next_page=None if answer.next is None else with_pairs(PATH, [*rest, (BEFORE, answer.next)]),
        json=json,
        files=offers(visit, dict.fromkeys(TABLES, json), passing=[BEFORE]),
        bar=bar,
    )


async def _table(
    table: str, page: Callable[[int | None, int], Awaitable[CorrectionsAnswer]]
) -> Table:
    """
    One of the tables, whole.

    Raises:
        BadParameter: it has more rows than a table may have.
    """
    if table == "reasons":
        return reasons_table((await page(None, 1)).reasons)
    found = await every(
        lambda place: page(None if place is None else int(place), AT_ONCE),
        "Ask for fewer days of recording, or have them page by page as JSON.",
    )
    if table == "corrections":
        return corrections_table(found)
    return fields_table(
        "fields", ((one.position, one.effect.said, one.effect.says) for one in found), LABELS
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
