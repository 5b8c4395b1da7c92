"""Where a browser that opens the address begins, and where the box leads."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from urllib.parse import urlencode

from litestar import Response

from service.answers.labs import LabsAnswer, labs_on
from service.answers.overview import LabGlance, Overview, newest_corrections, overview
from service.answers.times import Times
from service.domain.dates import UNBOUNDED_LO
from service.domain.headcounts import days_from
from service.domain.questions import EXAMPLES
from service.domain.refusals import BadParameter, shown
from service.formats.tables.labs import labs_table
from service.postgres.pool import Connection
from service.web import feeds
from service.web.asked import with_pairs
from service.web.charts.bands import Bands, Count, bands
from service.web.charts.scales import Window
from service.web.lately import state_of
from service.web.page import Page
from service.web.pages.log import PATH as LOG
from service.web.pages.search import found
from service.web.pictures.drawing import LANES_MAX, Picture
from service.web.previews import PNG, bar_of, is_wanted, preview, send_picture
from service.web.tables import ROWS_MAX, check_rows, offers, send_table, wanted_table
from service.web.time_bar import sentence
from service.web.visits import Visit

LABS_MAX = 24
EVERY_LAB, AFTER = "labs", "after"
EVERY_LAB_ITEMS = 200
TABLES = ("labs",)
SPARK_YEARS = 3
"""So far back do the small drawings go, and what counts as new."""


class Glance(NamedTuple):
    """A lab and the drawing of its headcount."""

    told: LabGlance
    drawn: Bands


async def home(visit: Visit) -> Response[bytes]:
    q = visit.text("q")
    if q is not None:
        return await found(visit, q)
    if visit.text(EVERY_LAB) is not None:
        return await _every_lab(visit)
    table = wanted_table(visit, TABLES, also=[PNG])
    async with visit.reading() as (connection, times):
        if table is not None:
            return await _labs_table(visit, connection, times)
        days = _days(times.at)
        current = visit.known_current
        told = await visit.site.lately.made(
            ("home", times.at, state_of(times, current)),
            lambda: overview(
                connection,
                times,
                visit.site.glances,
                current=current,
                limit=LABS_MAX,
                days=days,
            ),
        )
        if is_wanted(visit):
            return await send_picture(visit, _picture(told, sentence("AI labs", times)))
        corrections = await visit.site.lately.made(
            ("corrections", state_of(times, current)),
            lambda: newest_corrections(connection, times),
        )
        bar = await visit.time_bar(connection, times, "AI labs", uncertain=None)
    window = Window(days[0], times.at)
    json = with_pairs("/v1/labs", visit.asked.pairs)
    return visit.show(
        "home.html",
        told=told,
        corrections=corrections,
        glances=[_glance(one, days, window) for one in told.labs],
        first_day=days[0],
        examples=EXAMPLES[:3],
        every_lab=with_pairs("/", [(EVERY_LAB, "all"), *visit.asked.pairs]),
        json=json,
        files=offers(visit, {"labs": json}),
        feed=feeds.feed_address(visit, LOG),
        preview=preview("/", visit.asked.pairs, sentence("AI labs", times)),
        bar=bar,
    )


def _picture(told: Overview, said: str) -> Picture:
    """The largest labs, with how many were there."""
    counts = [one.lab.headcount for one in told.labs]
    most = max((c.certain + c.presumed + c.possible for c in counts), default=0)
    bars = [bar_of(one.lab.name, one.lab.headcount, most) for one in told.labs[:LANES_MAX]]
    return Picture("Lab Timeline", "Who was where, when, and how do we know?", said, tuple(bars))


async def _labs_table(visit: Visit, connection: Connection, times: Times) -> Response[bytes]:
    """
    Every lab, whichever of them the page shows.

    Raises:
        BadParameter: there are more than a table may have.
    """
    answer = await labs_on(connection, times, q=None, after=None, limit=ROWS_MAX)
    check_rows(len(answer.items) + (answer.next is not None), "The API has them page by page.")
    return await send_table(visit, labs_table(answer.items), times)


async def _every_lab(visit: Visit) -> Response[bytes]:
    if visit.text(EVERY_LAB) != "all":
        raise BadParameter(EVERY_LAB, f"{shown(visit.said(EVERY_LAB))} is none of: all.")
    table = wanted_table(visit, TABLES)
    async with visit.reading() as (connection, times):
        if table is not None:
            return await _labs_table(visit, connection, times)
        answer: LabsAnswer = await labs_on(
            connection, times, q=None, after=visit.text(AFTER), limit=EVERY_LAB_ITEMS
        )
        bar = await visit.time_bar(connection, times, "Every lab", passing=[AFTER])
        if visit.text(AFTER) is not None:
            bar = bar._replace(cite=f"{bar.cite}&{urlencode({AFTER: visit.said(AFTER)})}")
    pairs = [(EVERY_LAB, "all"), *visit.asked.pairs]
    json = with_pairs("/v1/labs", visit.asked.pairs)
    return visit.show(
        "every_lab.html",
        labs=answer.items,
        here=with_pairs("/", pairs),
        next_page=None if answer.next is None else with_pairs("/", [*pairs, (AFTER, answer.next)]),
        json=json,
        files=offers(visit, {"labs": json}, passing=[AFTER]),
        bar=bar,
    )


def _days(at: date) -> list[date]:
    """Quarters of a year up to a day, itself the last one."""
    year = max(at.year - SPARK_YEARS, UNBOUNDED_LO.year)
    first = at.replace(year=year, day=min(at.day, 28))
    return [*(on for on in days_from(first, at, "quarter") if on < at), at]


def _glance(told: LabGlance, days: Sequence[date], window: Window) -> Glance:
    counts = [
        Count(on, c.certain, c.presumed, c.possible)
        for on, c in zip(days, told.counts, strict=True)
    ]
    return Glance(told, bands(counts, window))


PAGES = (Page(name="home", path="/", answer=home, is_lasting=True),)
