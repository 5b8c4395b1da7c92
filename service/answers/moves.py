"""Who moved from where to where, and how many."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from datetime import date as Day  # noqa: N812 (a field below is called date)
from typing import Literal, NamedTuple
from uuid import UUID

from msgspec import Struct, field

from service.answers.names import Labels, Named
from service.answers.pages import page_after
from service.answers.times import KnownAt, Period, Times
from service.answers.views import PEOPLE_MAX, View, canonical_in, view_of_all, view_of_person
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, day_or_none
from service.domain.labs import Labs
from service.domain.moves import (
    BEFORE_DAYS,
    WITHIN_DAYS,
    Gap,
    Move,
    MoveKind,
    Sureness,
    elsewhere,
    falls_in,
    moves,
)
from service.domain.presence import Presence, post_on
from service.domain.refusals import BadParameter
from service.domain.stints import Endpoint, Stint
from service.postgres.pool import Connection
from service.read_models.moves import Careers, Days, Movers, TooManyPeople

DatedBy = Literal["left", "joined"]


class MoveEnd(Struct, frozen=True, kw_only=True):
    """A departure or an arrival: when, as written and in bounds, and as what."""

    date: str | None
    """EDTF; null of a start that is not known."""
    lo: Day | None
    """Null where unbounded."""
    hi: Day | None
    role: str | None
    """As held on leaving, or on arriving."""
    team: str | None
    relation: str | None
    event: UUID
    """What it rests on: of somebody who left with a lab that closed, the closure."""


class GapView(Struct, frozen=True):
    """Days between leaving and joining, as few and as many as the dates allow."""

    lo: int | None
    """Negative where the arrival can have come first; null where unbounded."""
    hi: int | None


class Elsewhere(Struct, frozen=True):
    """Another lab at which somebody was at the time."""

    lab: Named
    presence: Presence


class MoveView(Struct, frozen=True, kw_only=True):
    """One move; or a departure after which, or an arrival before which, nothing is known."""

    person: Named
    from_lab: Named | None = field(name="from")
    to_lab: Named | None = field(name="to")
    left: MoveEnd | None
    joined: MoveEnd | None
    gap: GapView | None
    is_next: Sureness | None
    """
    Whether every reading of the dates has this arrival follow this departure within reach;
    null of a departure or an arrival alone.
    """
    in_period: Sureness | None
    """Whether every reading of its date is in the period; null where none was asked for."""
    elsewhere: Sequence[Elsewhere]
    """
    Where else they were on the last day of the departure's bounds, else of the arrival's: who left
    and is still somewhere, or came and had been somewhere.
    """
    events: Sequence[UUID]
    """All that the two stays rest on."""

    @property
    def sureness(self) -> Sureness:
        """Whether both are certain, as far as they are asked."""
        return "possible" if "possible" in (self.is_next, self.in_period) else "certain"


class Sure(Struct, frozen=True):
    """How many, in a band: at least the certain ones, at most all."""

    certain: int = 0
    possible: int = 0
    """Further ones of which it is not certain that the dates fit."""


class Reach(Struct, frozen=True):
    """When an arrival counts as the one that followed a departure."""

    within: int
    """At most so many days after it."""
    before: int
    """Or at most so many days before it."""


class MovesAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Moves, the latest first."""

    items: Sequence[MoveView]
    next: str | None
    count: Sure
    """Of all pages."""
    period: Period
    dated_by: DatedBy
    """
    Which date decides about period and order: `left`, the departure's; or `joined`, the arrival's,
    and the departure's where no arrival is known.
    """
    reach: Reach
    at: date
    """The day as of which labs are named."""
    known_at: KnownAt
    published_by: date | None = None
    undated_events: int | None = None
    """Events that `published_by` left out and that have no dated source."""


class Asked(Struct, frozen=True, kw_only=True):
    """Which moves are asked for; names as they were given."""

    from_lab: str | None = None
    to_lab: str | None = None
    lab: str | None = None
    """On either side."""
    person: str | None = None
    kind: MoveKind | None = None
    from_on: date | None = None
    to_on: date | None = None
    within: int = WITHIN_DAYS

    @property
    def days(self) -> Days:
        """The first and the last day of the period."""
        return self.from_on or UNBOUNDED_LO, self.to_on or UNBOUNDED_HI

    @property
    def dated_by(self) -> DatedBy:
        """Who asks where people of a lab went asks by when they left."""
        return "left" if self.from_lab is not None and self.to_lab is None else "joined"


class Row(NamedTuple):
    """A move of which one date can lie in the period that is asked for."""

    move: Move
    dated: Endpoint
    in_period: Sureness | None
    career: Sequence[Stint]


class Found(NamedTuple):
    """Every move that is asked for, in the period or not, with the career that it is of."""

    view: View
    labs: Labs
    moves: Sequence[tuple[Move, Sequence[Stint]]]
    """
    In no order. All whose date is in the period are among them, and others of the same people.
    """


async def moves_between(
    connection: Connection, times: Times, asked: Asked, *, after: str | None, limit: int
) -> MovesAnswer:
    """
    At most *limit* moves after one.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
        BadParameter: more people than one question may take, or *after* is none of these moves.
    """
    found = await find_moves(connection, times, asked)
    rows = await asyncio.to_thread(rows_in, found, asked)
    return await moves_answer(found, rows, times, asked, after=after, limit=limit)


async def moves_answer(
    found: Found,
    found_rows: Sequence[Row],
    times: Times,
    asked: Asked,
    *,
    after: str | None,
    limit: int,
) -> MovesAnswer:
    """
    At most *limit* rows of those in the period, after one.

    Raises:
        BadParameter: *after* is none of them.
    """
    # The latest first, and whom a name puts first among those of one day.
    rows = sorted(found_rows, key=lambda row: row.move.key)
    rows.sort(key=lambda row: (row.dated.lo, row.dated.hi), reverse=True)
    page, next_place = page_after(rows, after, limit, _place_of_row)
    people = {row.move.person for row in page}
    labels = Labels(await found.view.people(people), found.labs, times.at)
    return MovesAnswer(
        items=[_view(row, labels) for row in page],
        next=next_place,
        count=count_of(rows),
        period=Period(asked.from_on, asked.to_on),
        dated_by=asked.dated_by,
        reach=Reach(asked.within, BEFORE_DAYS),
        at=times.at,
        known_at=times.known_at,
        published_by=times.published_by,
        undated_events=found.view.undated_events,
    )


async def find_moves(connection: Connection, times: Times, asked: Asked) -> Found:
    """
    The moves that are asked for, of everyone who may have one in the period.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
        BadParameter: more people than one question may take.
    """
    person: str | None = None
    if asked.person is None:
        view = await view_of_all(connection, times)
    else:
        view, person = await view_of_person(connection, asked.person, times)
    from_lab, to_lab, lab = [
        None if text is None else await canonical_in(connection, view, "lab", text, times)
        for text in (asked.from_lab, asked.to_lab, asked.lab)
    ]
    if person is None:
        careers = await _careers(view, _movers_of(asked, from_lab, to_lab, lab))
    else:
        careers = {person: await view.stints_of_person(person)}
    labs = await labs_of(view, careers)

    def is_asked(move: Move) -> bool:
        left, joined = lab_of(move.departure), lab_of(move.arrival)
        return (
            from_lab in (None, left)
            and to_lab in (None, joined)
            and (lab is None or lab in (left, joined))
            and asked.kind in (None, move.kind)
        )

    def told() -> list[tuple[Move, Sequence[Stint]]]:
        return [
            (move, career)
            for career in careers.values()
            for move in moves(career, labs, within=asked.within)
            if is_asked(move)
        ]

    return Found(view, labs, await asyncio.to_thread(told))


def rows_in(found: Found, asked: Asked) -> list[Row]:
    """Those of the moves whose date can lie in the period, in no order."""
    has_period = asked.from_on is not None or asked.to_on is not None
    rows = []
    for move, career in found.moves:
        dated = move.left if asked.dated_by == "left" else move.joined or move.left
        if dated is None:
            continue
        in_period = falls_in(dated, asked.from_on, asked.to_on)
        if in_period is not None:
            rows.append(Row(move, dated, in_period if has_period else None, career))
    return rows


async def _careers(view: View, movers: Movers) -> Careers:
    try:
        return await view.careers(movers)
    except TooManyPeople as exc:
        raise BadParameter(
            "from",
            f"More than {PEOPLE_MAX} people left or joined then; narrow it with 'from' and 'to', "
            "or name a lab.",
        ) from exc


def _movers_of(asked: Asked, from_lab: str | None, to_lab: str | None, lab: str | None) -> Movers:
    """Whose careers are read for what is asked; labs by their canonical ids."""
    days = asked.days
    if to_lab is not None:
        return Movers(to_lab, days, None)
    if from_lab is not None:
        return Movers(from_lab, None, days)
    if lab is not None:
        return Movers(lab, days, days, days)
    return Movers(None, days, days)


async def labs_of(view: View, careers: Mapping[str, Iterable[Stint]]) -> Labs:
    """What is known of the labs of some people, and of all their successors."""
    labs, asked = Labs(), set[str]()
    wanted = {stint.lab for stints in careers.values() for stint in stints}
    while wanted:
        asked |= wanted
        labs.update(await view.labs(wanted))
        ends = (lab.end for lab in labs.values() if lab.end is not None)
        wanted = {end.successor for end in ends if end.successor is not None} - asked
    return labs


def lab_of(stint: Stint | None) -> str | None:
    """Where a stay was, if there was one."""
    return None if stint is None else stint.lab


def count_of(rows: Iterable[Row]) -> Sure:
    """How many, those of which both pair and period are certain first."""
    are_sure = ["possible" not in (row.move.is_next, row.in_period) for row in rows]
    return Sure(are_sure.count(True), are_sure.count(False))


def place_of(parts: Iterable[str]) -> str:
    """Where an item stands in a list, for a cursor; none of *parts* has spaces."""
    return " ".join(part or "-" for part in parts)


def _place_of_row(row: Row) -> str:
    left, joined = row.move.departure, row.move.arrival
    return place_of(
        (
            row.move.person,
            "" if left is None else str(left.events[-1]),
            "" if joined is None else str(joined.events[0]),
        )
    )


def _view(row: Row, labels: Labels) -> MoveView:
    return move_view(row.move, row.career, labels, row.in_period)


def move_view(
    move: Move, career: Sequence[Stint], labels: Labels, in_period: Sureness | None = None
) -> MoveView:
    """A move of a career as people read it."""
    events = [e for stint in (move.departure, move.arrival) if stint for e in stint.events]
    return MoveView(
        person=labels.person(move.person),
        from_lab=None if move.departure is None else labels.lab(move.departure.lab),
        to_lab=None if move.arrival is None else labels.lab(move.arrival.lab),
        left=None if move.departure is None else _left(move.departure),
        joined=None if move.arrival is None else _joined(move.arrival),
        gap=None if move.gap is None else _gap_view(move, move.gap),
        is_next=move.is_next,
        in_period=in_period,
        elsewhere=[
            Elsewhere(labels.lab(lab), presence) for lab, presence in elsewhere(move, career)
        ],
        events=list(dict.fromkeys(events)),
    )


def _left(stint: Stint) -> MoveEnd:
    assert stint.end is not None, "a departure ends a stint"
    return _end_view(stint, stint.end, date.max, stint.events[-1])


def _joined(stint: Stint) -> MoveEnd:
    return _end_view(stint, stint.start, stint.start.lo, stint.events[0])


def _end_view(stint: Stint, endpoint: Endpoint, on: date, event: UUID) -> MoveEnd:
    post = post_on(stint, on)
    return MoveEnd(
        date=endpoint.date_text,
        lo=day_or_none(endpoint.lo),
        hi=day_or_none(endpoint.hi),
        role=post.role,
        team=post.team,
        relation=post.relation,
        event=event,
    )


def _gap_view(move: Move, gap: Gap) -> GapView:
    assert move.left is not None, "a gap has two ends"
    assert move.joined is not None, "a gap has two ends"
    is_open_lo = move.joined.lo == UNBOUNDED_LO or move.left.hi == UNBOUNDED_HI
    is_open_hi = move.joined.hi == UNBOUNDED_HI or move.left.lo == UNBOUNDED_LO
    return GapView(None if is_open_lo else gap.lo, None if is_open_hi else gap.hi)
