"""The log: its newest events, its head, and how anybody makes sure that it is what it was."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from litestar import Response

from service.answers.events import (
    EventsAnswer,
    EventView,
    ToldEvent,
    latest_events,
    what_events_say,
)
from service.answers.log import log_at, verification
from service.answers.times import Times
from service.domain.refusals import BadParameter, Refusal, shown
from service.formats.csv import Table
from service.formats.tables.events import events_table
from service.postgres.pool import Connection
from service.web import feeds
from service.web.asked import other_pairs, with_pairs
from service.web.page import Page
from service.web.paging import BEFORE, position_before
from service.web.responses import nobody_waits
from service.web.tables import ROWS_AT_ONCE, check_rows, every, offers, send_table, wanted_table
from service.web.visits import Visit
from service.web.wording import Part, sentence, type_in_words

PATH = "/log"
VERIFY = "/log/verification"
SINCE = "since"
PAGE_EVENTS = 50
TABLES = ("events",)
_HASH = re.compile(r"[0-9a-fA-F]{64}")


class Line(NamedTuple):
    """One event as it is listed."""

    event: EventView
    type: str
    sentence: Sequence[Part]
    about: UUID | None
    """The event that a correction or retraction is about."""
    is_void: bool
    """Whether the sentence is of what was withdrawn."""
    reason: str | None


async def log(visit: Visit) -> Response[bytes]:
    before = position_before(visit)
    table = wanted_table(visit, TABLES, also=[feeds.ATOM])
    async with visit.reading() as (connection, times):
        # What is on the log does not depend on what was published by when.
        times.published_by = None
        if feeds.is_wanted(visit):
            newest = await latest_events(connection, times, before=None, limit=feeds.WORDS_MAX)
            words = feeds.words_in(newest.items)
            return await feeds.send_feed(
                visit, connection, times, words, path=PATH, title="What is recorded"
            )
        if table is not None:
            return await send_table(visit, await _events_table(connection, times), times, "log")
        answer = await latest_events(connection, times, before=before, limit=PAGE_EVENTS)
        targets = await what_events_say(
            connection,
            {UUID(e["target"]) for e in answer.items if e["type"] == "retraction"},
            times,
        )
        head = await log_at(connection, times)
        bar = await visit.time_bar(connection, times, "The log, with labs as they were called")
    rest = other_pairs(visit.pairs, BEFORE)
    asked = [pair for pair in visit.asked.pairs if pair[0] != "published_by"]
    return visit.show(
        "log.html",
        lines=[_line(event, targets) for event in answer.items],
        head=head,
        origin=visit.origin,
        is_first=before is None,
        first_page=with_pairs(PATH, rest),
        next_page=_next(answer, rest),
        feed=feeds.feed_address(visit, PATH),
        files=offers(visit, {"events": with_pairs("/v1/events", asked)}, passing=[BEFORE]),
        bar=bar,
    )


async def _events_table(connection: Connection, times: Times) -> Table:
    """
    Every event by then, the newest first.

    Raises:
        BadParameter: there are more than a table may have.
    """
    way_out = "The export at /v1/log/export has all of the log, and the API its pages."
    check_rows(times.known_at.position, way_out)
    found = await every(
        lambda place: latest_events(
            connection,
            times,
            before=None if place is None else int(place),
            limit=ROWS_AT_ONCE,
        ),
        way_out,
    )
    return events_table(found)


async def verify_log(visit: Visit) -> Response[bytes]:
    """A verification, and a page that tells what came of it."""
    since = visit.form.get(SINCE, "").strip()
    if since and not _HASH.fullmatch(since):
        raise BadParameter(SINCE, f"{shown(since)} is no hash; give its 64 hexadecimal digits.")
    await visit.site.check_readable()
    refused = answer = None
    try:
        answer = await visit.site.while_wanted(
            visit.request,
            verification(
                visit.site.pool,
                new_id=visit.site.replays.new_id,
                now=visit.site.now,
                workforce=visit.site.replays.workforce,
                since=bytes.fromhex(since) if since else None,
            ),
        )
        if answer is None:
            return nobody_waits()
    except Refusal as refusal:
        refused = refusal
    return visit.show(
        "verified.html",
        answer=answer,
        refused=None if refused is None else refused.message,
        status=200 if refused is None else 409,
    )


def _line(event: EventView, targets: Mapping[UUID, ToldEvent]) -> Line:
    about = UUID(event["target"]) if "target" in event else None
    told = targets.get(about) if about and event["type"] == "retraction" else None
    says = event.get("event") or (event if told is None else told.says)
    return Line(
        event=event,
        type=type_in_words(event["type"]),
        sentence=sentence(says),
        about=about,
        is_void=told is not None and told.is_withdrawn,
        reason=event.get("reason"),
    )


def _next(answer: EventsAnswer, rest: Sequence[tuple[str, str]]) -> str | None:
    return None if answer.next is None else with_pairs(PATH, [*rest, (BEFORE, answer.next)])


PAGES = (
    Page(name="log", path=PATH, answer=log),
    Page(name="verify_log", path=VERIFY, method="POST", answer=verify_log, role="reader"),
)
