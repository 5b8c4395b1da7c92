"""A lab on a day: what it was, and everyone who was there, each with the span of the stay."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from litestar import Response
from markupsafe import Markup

from service.answers.events import timeline
from service.answers.findings import FindingsAnswer, FindingView, findings
from service.answers.flows import Flow
from service.answers.lab_steps import LabStepView, lab_steps
from service.answers.labs import LabState, Member, lab_state, member_of
from service.answers.movements import LabMovements, movements_of_lab
from service.answers.moves import MovesAnswer, MoveView
from service.answers.names import Named, order_of
from service.answers.times import Period, Times
from service.domain.dates import UNBOUNDED_LO, bounds
from service.domain.refusals import BadParameter, shown
from service.formats.csv import Cell, Table
from service.formats.json_ld import lab_json_ld
from service.formats.tables.findings import findings_table
from service.formats.tables.labs import headcounts_table, steps_table
from service.formats.tables.moves import flows_table, moves_table, tallies_table
from service.postgres.pool import Connection
from service.read_models.beliefs import BELIEVED
from service.web import feeds
from service.web.addresses import lab_address, lab_json, person_address
from service.web.asked import other_pairs, with_pairs
from service.web.charts.balances import Balance
from service.web.charts.flows import Flow as Ribbons
from service.web.charts.flows import Flows, flows
from service.web.charts.lines import LabLine, line_of
from service.web.charts.scales import Tick, Window
from service.web.charts.strips import EARLIEST, reach
from service.web.growth import Growth, growth
from service.web.lately import state_of
from service.web.page import Page
from service.web.pages.findings import every_finding
from service.web.pages.search import MOVES
from service.web.paging import AFTER
from service.web.periods import FROM, TO, asked_period, balance_of, year_up_to
from service.web.pictures.drawing import Picture
from service.web.previews import PNG, curve, is_wanted, preview, send_picture
from service.web.roster_rows import Line, roster_rows
from service.web.tables import ROWS_MAX, Offer, check_rows, offers, send_table, wanted_table
from service.web.time_bar import sentence
from service.web.visits import ROSTER, Visit

MOVES_SHOWN_MAX = 25
"""Arrivals, and departures, that stand on the page; all are on the page of moves."""
ROSTER_SHOWN_MAX = 500
"""People that stand on one page of the roster."""
FLOWS_DRAWN_MAX = 8
FINDINGS_SHOWN_MAX = 10
OLDEST_SHOWN_MAX = 5
FINDINGS = "/findings"
SORT = "sort"
TABLES = ("roster", "joined", "left", "balance", "headcount", "flows", "line", "findings")
ROSTER_COLUMNS = (
    "person_id", "person", "presence", "role", "team", "location", "relation", "since", "until",
    "on_leave", "last_evidence", "events",
)  # fmt: skip
_Key = Callable[["Line"], Any]


class Order(NamedTuple):
    """A way to list the roster, or a page of it."""

    name: str
    address: str
    is_here: bool


class Part(NamedTuple):
    """So much of the roster as one page shows, and where the rest of it is."""

    lines: Sequence[Line]
    first: int
    """Its place in the whole roster, from 1; that of the last one is next."""
    last: int
    pages: Sequence[Order]
    """None where one page shows everybody."""


_ORDERS: dict[str, tuple[str, _Key]] = {
    "arrival": ("arrival", lambda line: (line.first, order_of(line.member.person))),
    "name": ("name", lambda line: order_of(line.member.person)),
    "stay": ("length of stay", lambda line: (-_days(line), order_of(line.member.person))),
    "role": (
        "role",
        lambda line: (line.member.role is None, (line.member.role or "").casefold(), line.first),
    ),
}


async def lab(visit: Visit) -> Response[bytes]:
    name = visit.path["lab"]
    sort = visit.text(SORT) or "arrival"
    if sort not in _ORDERS:
        raise BadParameter(SORT, f"{shown(sort)} is no order; known: {', '.join(_ORDERS)}.")
    asked = asked_period(visit)
    table = wanted_table(visit, TABLES, also=(PNG, feeds.ATOM))
    async with visit.reading() as (connection, times):
        state = await lab_state(connection, name, times, remembered=visit.site.memory.moves)
        elsewhere = visit.elsewhere("lab", state.lab.id)
        if elsewhere is not None:
            return elsewhere
        if feeds.is_wanted(visit):
            return await _feed(connection, visit, state, times)
        window = _window(state, visit.today, times)
        lines = sorted(_lines(state), key=_ORDERS[sort][1])
        period = year_up_to(asked, times.at)
        if is_wanted(visit):
            grown = await _growth(visit, state, times)
            return await send_picture(visit, _picture(state, times, grown))
        if table is not None:
            made = await _table(connection, visit, state, times, table, lines, period)
            return await send_table(visit, made, times, state.lab.id)
        count = state.headcount
        standing = {line.member.person.id: line.member.presence for line in lines}
        founders = [f for f in state.lab.founders if f.id in standing]
        part = _part(visit, lines)
        bar = await visit.time_bar(
            connection,
            times,
            state.lab.name,
            # Of a day when nobody is known to have been there nothing is certain either.
            uncertain=count.presumed + count.possible if lines else None,
            passing=[AFTER],
        )
        if part.first > 1:
            bar = bar._replace(cite=f"{bar.cite}&{urlencode({AFTER: visit.said(AFTER)})}")
        rest = None
        if visit.part != ROSTER:
            rest = await _rest(connection, visit, state, times, period)
    steps = lab_steps(state.facts, state.related, state.labels)
    absorbing = [step for step in steps if step.kind == "took_in"]
    return visit.show(
        "lab.html",
        lab=state.lab,
        json_ld=_json_ld(state, steps, times),
        headcount=count,
        founders_there=founders,
        founders_doubtful=sum(standing[f.id] != "certain" for f in founders),
        standing=standing,
        people=len(lines),
        part=part,
        rows=partial(roster_rows, part.lines, window, visit.asked),
        ticks=window.ticks(),
        window=window,
        days=_days_of_slider(state, rest, window, times),
        rule=window.x(times.at),
        today=visit.today,
        orders=_orders(visit, sort),
        took_in=[step.lab for step in absorbing if step.lo <= times.at],
        takes_in=[step.lab for step in absorbing if step.lo > times.at],
        all_findings=with_pairs(FINDINGS, [("lab", state.lab.id), *visit.asked.pairs]),
        oldest=_oldest_evidence(lines),
        rest=rest,
        files=_files(visit, state, period),
        feed=feeds.feed_address(visit, lab_address(state.lab.id)),
        preview=preview(lab_address(state.lab.id), visit.asked.pairs, _told(state, times)),
        bar=bar,
    )


async def _feed(
    connection: Connection, visit: Visit, state: LabState, times: Times
) -> Response[bytes]:
    own = state.lab.id
    newest = await timeline(connection, own, times, before=None, limit=feeds.WORDS_MAX)
    return await feeds.send_feed(
        visit,
        connection,
        times,
        feeds.words_in(newest.items),
        path=lab_address(own),
        title=f"What is recorded of {state.lab.name}",
    )


def _told(state: LabState, times: Times) -> str:
    """The lab on the day in words."""
    count = state.headcount
    return (
        f"{sentence(state.lab.name, times)} {count.certain} certain, {count.presumed} presumed, "
        f"{count.possible} possible."
    )


def _picture(state: LabState, times: Times, grown: Growth) -> Picture:
    kind = state.lab.kind or "Lab"
    drawn = curve(grown.counts, grown.window)
    return Picture(kind[0].upper() + kind[1:], state.lab.name, _told(state, times), drawn)


def _json_ld(state: LabState, steps: Sequence[LabStepView], times: Times) -> Markup:
    text = lab_json_ld(
        state.lab,
        steps,
        times.at,
        address_of_person=person_address,
        address_of_lab=lab_address,
    )
    return Markup(text)  # noqa: S704 (nothing in it ends the element)


def _last_day(visit: Visit, times: Times) -> date:
    """The day to which the drawings reach."""
    return max(visit.today, times.at)


async def _growth(visit: Visit, state: LabState, times: Times) -> Growth:
    last = _last_day(visit, times)

    async def made() -> Growth:
        people = await state.view.dates_between(state.lab.id, UNBOUNDED_LO, last)
        # Of thousands it takes long, and others wait for the event loop.
        return await asyncio.to_thread(growth, people, last, EARLIEST)

    known = state_of(times, visit.known_current)
    return await visit.site.lately.made(("growth", state.lab.id, last, known), made)


class Moved(NamedTuple):
    """Who came and who went in the period of the page, and where all that is listed."""

    period: Period
    kept: Sequence[tuple[str, str]]
    """What else the address says, for the form that asks for another period."""
    told: LabMovements | None
    refused: str | None
    """Why it is not told; null if it is."""
    balance: Balance | None
    ticks: Sequence[Tick]
    came: Sequence[Flow]
    went: Sequence[Flow]
    flows: Flows | None
    came_address: str
    went_address: str
    lost: Flow | None
    """Departures after which nothing is known."""


async def _movements(
    connection: Connection, visit: Visit, state: LabState, times: Times, period: Period
) -> Moved:
    own = state.lab.id
    days = [(FROM, str(period.from_on)), (TO, str(period.to_on))]

    def address(filters: Mapping[str, str]) -> str:
        return with_pairs(MOVES, [*filters.items(), *visit.asked.pairs])

    moved = Moved(
        period=period,
        kept=other_pairs(visit.pairs, FROM, TO),
        told=None,
        refused=None,
        balance=None,
        ticks=(),
        came=(),
        went=(),
        flows=None,
        came_address=address(dict([("to_lab", own), *days])),
        went_address=address(dict([("from_lab", own), *days])),
        lost=None,
    )
    try:
        told = await visit.site.lately.made(
            ("moved", own, period, times.at, visit.asked, state_of(times, visit.known_current)),
            lambda: movements_of_lab(
                connection,
                own,
                times,
                period,
                limit=MOVES_SHOWN_MAX,
                address=address,
                remembered=visit.site.memory.moves,
            ),
        )
    except BadParameter as refusal:
        return moved._replace(refused=refusal.message)
    drawn, ticks = balance_of(told.tallies)
    came = [f for f in told.flows if f.to_lab is not None and f.to_lab.id == own]
    went = [f for f in told.flows if f.from_lab is not None and f.from_lab.id == own]
    return moved._replace(
        told=told,
        balance=drawn,
        ticks=ticks,
        came=came,
        went=went,
        flows=flows(
            [_flow(f, f.from_lab) for f in came[:FLOWS_DRAWN_MAX] if f.from_lab],
            [_flow(f, f.to_lab) for f in went[:FLOWS_DRAWN_MAX] if f.to_lab],
        ),
        lost=next((f for f in went if f.to_lab is None), None),
    )


def _flow(flow: Flow, other: Named) -> Ribbons:
    least, most = flow.count.certain, flow.count.certain + flow.count.possible
    return Ribbons(
        other.id, other.name, most, f"{most:,}" if least == most else f"{least:,}–{most:,}"
    )


async def _findings(connection: Connection, state: LabState, times: Times) -> FindingsAnswer | None:
    """What was noticed; None of what was published by a day, of which nothing is kept."""
    if times.published_by is not None:
        return None
    return await findings(
        connection,
        times,
        kind=None,
        person=None,
        lab=state.lab.id,
        before=(BELIEVED, ""),
        limit=FINDINGS_SHOWN_MAX,
    )


class Rest(NamedTuple):
    """What is below the roster, which is left out while somebody moves the day."""

    moved: Moved
    growth: Growth
    line: LabLine
    noticed: FindingsAnswer | None


async def _rest(
    connection: Connection, visit: Visit, state: LabState, times: Times, period: Period
) -> Rest:
    steps = lab_steps(state.facts, state.related, state.labels)
    return Rest(
        moved=await _movements(connection, visit, state, times, period),
        growth=await _growth(visit, state, times),
        line=line_of(steps, times.at, _last_day(visit, times)),
        noticed=await _findings(connection, state, times),
    )


def _oldest_evidence(lines: Sequence[Line]) -> list[Member]:
    """Those presumed to be there of whom nothing was heard for longest."""
    presumed = [line.member for line in lines if line.member.presence == "presumed"]
    known = [member for member in presumed if member.last_evidence is not None]
    known.sort(key=lambda member: (member.last_evidence, order_of(member.person)))
    return known[:OLDEST_SHOWN_MAX]


def _lines(state: LabState) -> list[Line]:
    return [
        Line(member_of(state.labels.person(person), standing), state.stints[person])
        for person, standing in state.standings.items()
    ]


def _part(visit: Visit, lines: Sequence[Line]) -> Part:
    """
    The page of the roster that begins after whom the address names.

    Who is on the roster no more, since it is of another day, begins none: that is the first page.
    """
    ids = [line.member.person.id for line in lines]
    after = visit.text(AFTER)
    first = ids.index(after) + 1 if after in ids[:-1] else 0
    shown = lines[first : first + ROSTER_SHOWN_MAX]
    path = visit.address.partition("?")[0]
    rest = other_pairs(visit.pairs, AFTER)
    begins = range(0, len(lines), ROSTER_SHOWN_MAX) if len(lines) > ROSTER_SHOWN_MAX else ()
    return Part(
        lines=shown,
        first=first + 1,
        last=first + len(shown),
        pages=[
            Order(
                f"{number:,}",
                with_pairs(path, [*rest, *([(AFTER, ids[begin - 1])] if begin else [])]),
                begin == first,
            )
            for number, begin in enumerate(begins, start=1)
        ],
    )


def _window(state: LabState, today: date, times: Times) -> Window:
    """From the first of the stays that are shown to today, or to the day asked for if later."""
    shown = [stint for person in state.standings for stint in state.stints[person]]
    return reach(shown, max(today, times.at), EARLIEST)


def _files(visit: Visit, state: LabState, period: Period) -> dict[str, Offer]:
    own, asked = state.lab.id, visit.asked.pairs
    days = [(FROM, str(period.from_on)), (TO, str(period.to_on))]
    # Of findings the API has but one state, whatever was published by when.
    is_cut = visit.asked.published_by is not None
    return offers(
        visit,
        {
            "roster": with_pairs(lab_json(own), asked),
            "joined": with_pairs("/v1/moves", [("to_lab", own), *days, *asked]),
            "left": with_pairs("/v1/moves", [("from_lab", own), *days, *asked]),
            "balance": None,
            "headcount": None,
            "flows": with_pairs("/v1/flows", [("lab", own), *days, *asked]),
            "line": None,
            **({} if is_cut else {"findings": with_pairs("/v1/findings", [("lab", own), *asked])}),
        },
    )


async def _table(
    connection: Connection,
    visit: Visit,
    state: LabState,
    times: Times,
    table: str,
    lines: Sequence[Line],
    period: Period,
) -> Table:
    """
    One of the tables, whole.

    Raises:
        BadParameter: it has more rows than a table may have; or there is none of findings, of
            what was published by a day.
    """
    if table == "roster":
        return _roster_table(lines)
    if table == "headcount":
        grown = await _growth(visit, state, times)
        return headcounts_table(grown.counts)
    if table == "line":
        return steps_table(lab_steps(state.facts, state.related, state.labels))
    if table == "findings":
        return findings_table(await _every_finding(connection, state, times))
    told = await movements_of_lab(
        connection, state.lab.id, times, period, limit=ROWS_MAX, address=lambda _: ""
    )
    if table == "balance":
        return tallies_table(table, told.tallies.items)
    if table == "flows":
        return flows_table(table, told.flows)
    return moves_table(table, _all_of(told.joined if table == "joined" else told.left))


def _all_of(answer: MovesAnswer) -> Sequence[MoveView]:
    check_rows(len(answer.items) + (answer.next is not None), "Ask for a shorter period.")
    return answer.items


async def _every_finding(
    connection: Connection, state: LabState, times: Times
) -> Sequence[FindingView]:
    if times.published_by is not None:
        raise BadParameter(
            "published_by",
            "Findings are kept of all that is known; leave 'published_by' out to have them.",
        )
    return await every_finding(connection, times, lab=state.lab.id)


def _roster_table(lines: Sequence[Line]) -> Table:
    """The roster, in the order of the page."""
    return Table("roster", ROSTER_COLUMNS, (_cells(line.member) for line in lines))


def _cells(member: Member) -> list[Cell]:
    return [
        member.person.id,
        member.person.name,
        member.presence,
        member.role,
        member.team,
        member.location,
        member.relation,
        member.since,
        member.until,
        member.on_leave,
        member.last_evidence,
        member.events,
    ]


def _days_of_slider(state: LabState, rest: Rest | None, window: Window, times: Times) -> Window:
    """From before the lab was founded, or anybody was there, to where the drawing ends."""
    founded = state.lab.founded
    first = window.first if founded is None else max(bounds(founded).lo, EARLIEST)
    # A part of the page has no slider: the one that is there stays.
    grown = window.first if rest is None else rest.growth.window.first
    return Window(min(first, grown, window.first, times.at), window.last)


def _orders(visit: Visit, sort: str) -> list[Order]:
    path = visit.address.partition("?")[0]
    rest = other_pairs(visit.pairs, SORT, AFTER)
    return [
        Order(name, with_pairs(path, [*rest, (SORT, key)]), key == sort)
        for key, (name, _) in _ORDERS.items()
    ]


def _days(line: Line) -> int:
    """How long the stay lasted at least by its last evidence, in days."""
    stint = line.stints[-1]
    last = stint.last_evidence if stint.end is None else stint.end.lo
    return 0 if stint.start.hi == UNBOUNDED_LO else (last - stint.start.hi).days


PAGES = (Page(name="lab", path="/labs/{lab:str}", answer=lab, is_lasting=True),)
