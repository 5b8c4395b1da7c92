"""Moves with what is counted of them: lab by lab, and period by period."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct, field

from service.answers.flows import Flow, flows_of
from service.answers.moves import (
    Asked,
    Found,
    MovesAnswer,
    Sure,
    find_moves,
    lab_of,
    moves_answer,
    rows_in,
)
from service.answers.names import Labels
from service.answers.remembered_moves import RememberedMoves
from service.answers.times import Period, Times
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, Bounds, eve
from service.domain.headcounts import Step
from service.domain.moves import Sureness
from service.domain.periods import counts_in, firsts_of, step_for
from service.domain.stints import Endpoint
from service.postgres.pool import Connection

Address = Callable[[Mapping[str, str]], str]
"""Makes of filters the address of the moves that they leave."""


class Tally(Struct, frozen=True, kw_only=True):
    """How many arrived and how many left in one period."""

    from_on: date = field(name="from")
    """Both ends are included."""
    to_on: date = field(name="to")
    joined: Sure
    left: Sure


class Tallies(Struct, frozen=True):
    """
    Period by period, oldest first; none where no date is bounded.

    A date that can lie in several periods is possible in each; an arrival of which nothing says
    when it was is in none.
    """

    step: Step
    items: Sequence[Tally]


class Movements(Struct, frozen=True, kw_only=True):
    """A page of moves, and what is counted of all of them."""

    moves: MovesAnswer
    flows: Sequence[Flow]
    tallies: Tallies


class LabMovements(Struct, frozen=True, kw_only=True):
    """Who came to a lab and who left it in a period."""

    joined: MovesAnswer
    """As the moves to the lab, by when they joined."""
    left: MovesAnswer
    """As the moves from the lab, by when they left."""
    flows: Sequence[Flow]
    """As the flows of the lab, which count a move when it arrives."""
    tallies: Tallies


async def movements(
    connection: Connection,
    times: Times,
    asked: Asked,
    *,
    after: str | None,
    limit: int,
    address: Address,
) -> Movements:
    """
    At most *limit* moves after one, with the flows and the tallies of all.

    Where moves to a lab are asked for, arrivals alone are tallied; where those from one are,
    departures alone: of the other side only those who moved are known.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
        BadParameter: more people than one question may take, or *after* is none of these moves.
    """
    found = await find_moves(connection, times, asked)
    rows = await asyncio.to_thread(rows_in, found, asked)
    return Movements(
        moves=await moves_answer(found, rows, times, asked, after=after, limit=limit),
        flows=flows_of(rows, Labels({}, found.labs, times.at), asked, address),
        tallies=_tallies(
            [] if asked.dated_by == "left" else _arrivals(found, None),
            [] if asked.to_lab is not None else _departures(found, None),
            Period(asked.from_on, asked.to_on),
        ),
    )


async def movements_of_lab(
    connection: Connection,
    lab: str,
    times: Times,
    period: Period,
    *,
    limit: int,
    address: Address,
    remembered: RememberedMoves | None = None,
) -> LabMovements:
    """
    At most *limit* arrivals and departures at a lab, by its canonical id, of one reading.

    They are taken from what is *remembered*, where that is known now.

    Raises:
        BadParameter: more people than one question may take.
    """
    asked = Asked(lab=lab, from_on=period.from_on, to_on=period.to_on)
    held = None if remembered is None else await remembered.at(connection, lab, times)
    if held is None:
        found = await find_moves(connection, times, asked)
    else:
        told = held.of(asked.days)
        found = Found(held.view_of_movers(connection, times, told), held.labs, told)

    async def side(one: Asked, moves: Found) -> MovesAnswer:
        rows = rows_in(moves, one)
        return await moves_answer(moves, rows, times, one, after=None, limit=limit)

    from_on, to_on = period.from_on, period.to_on
    to_it = Asked(to_lab=lab, from_on=from_on, to_on=to_on)
    from_it = Asked(from_lab=lab, from_on=from_on, to_on=to_on)
    arrived = [each for each in found.moves if lab_of(each[0].arrival) == lab]
    gone = [each for each in found.moves if lab_of(each[0].departure) == lab]
    return LabMovements(
        joined=await side(to_it, found._replace(moves=arrived)),
        left=await side(from_it, found._replace(moves=gone)),
        flows=flows_of(rows_in(found, asked), Labels({}, found.labs, times.at), asked, address),
        tallies=_tallies(_arrivals(found, lab), _departures(found, lab), period),
    )


def span_of(dates: Iterable[Bounds]) -> Bounds | None:
    """The first and the last day that any of some dates names; None where none is bounded."""
    days = [day for bounds in dates for day in bounds if day not in (UNBOUNDED_LO, UNBOUNDED_HI)]
    return Bounds(min(days), max(days)) if days else None


_Dated = tuple[Bounds, bool]


def _arrivals(found: Found, lab: str | None) -> list[_Dated]:
    """
    When people arrived, at one lab or at any; and whether that is sure to be of a move asked for.

    An arrival of which nothing says when it was could be in every period: it is in none.
    """
    return [
        _dated(stint.start, move.is_next)
        for move, _ in found.moves
        if (stint := move.arrival) is not None
        and lab in (None, stint.lab)
        and stint.start.date_text is not None
    ]


def _departures(found: Found, lab: str | None) -> list[_Dated]:
    return [
        _dated(stint.end, move.is_next)
        for move, _ in found.moves
        if (stint := move.departure) is not None
        and lab in (None, stint.lab)
        and stint.end is not None
    ]


def _dated(endpoint: Endpoint, is_next: Sureness | None) -> _Dated:
    return Bounds(endpoint.lo, endpoint.hi), is_next != "possible"


def _tallies(joined: Sequence[_Dated], left: Sequence[_Dated], period: Period) -> Tallies:
    known = span_of(bounds for bounds, _ in (*joined, *left))
    first, last = period.from_on or (known and known.lo), period.to_on or (known and known.hi)
    if first is None or last is None or first > last:
        return Tallies("year", ())
    step = step_for(first, last)
    days = firsts_of(first, last, step)
    ends = [eve(on) for on in days[1:]] + [last]
    counts = zip(counts_in(joined, days, last), counts_in(left, days, last), strict=True)
    return Tallies(
        step,
        [
            Tally(from_on=on, to_on=end, joined=Sure(*came), left=Sure(*went))
            for on, end, (came, went) in zip(days, ends, counts, strict=True)
        ],
    )
