"""
Who moved: the departures of one person, each with the arrival that followed it.

A merger carries people from one lab to another, and whoever it carries has neither left nor
arrived. A departure is joined with the nearest arrival of the same person that comes at most so
many days after it, or a few weeks before it, since many begin somewhere while they still are
elsewhere.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple
from uuid import UUID

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.findings import OVERLAP_DAYS_MAX
from service.domain.labs import Labs
from service.domain.presence import Presence, standing_on
from service.domain.stints import Endpoint, Stint

Sureness = Literal["certain", "possible"]
MoveKind = Literal["move", "departure", "arrival"]
"""A move has both; the others are what no move has."""

WITHIN_DAYS = 365
"""So many days after a departure an arrival is taken for the next one, unless asked otherwise."""
WITHIN_DAYS_MAX = 3660
BEFORE_DAYS = OVERLAP_DAYS_MAX
"""So many days before a departure, too: who is longer at two labs at once holds two posts."""

NO_EVENT = UUID(int=0)
"""Stands in the key of a move for the event that it does not have."""


class Gap(NamedTuple):
    """
    The days between a departure and an arrival; negative where the arrival came first.

    Units: days, both ends included; millions where one of the dates is unbounded.
    """

    lo: int
    hi: int


class Move(NamedTuple):
    """A departure with the arrival that followed, or one of the two alone; one person."""

    departure: Stint | None
    """The stint that ended; None of an arrival that no departure led to."""
    arrival: Stint | None
    """The stint that began; None where no next one is known."""
    is_next: Sureness | None
    """Whether every reading of the dates joins these two; None of one alone."""

    @property
    def kind(self) -> MoveKind:
        """What is known of it."""
        if self.departure is None:
            return "arrival"
        return "departure" if self.arrival is None else "move"

    @property
    def left(self) -> Endpoint | None:
        """When the person left."""
        return None if self.departure is None else self.departure.end

    @property
    def joined(self) -> Endpoint | None:
        """When the person arrived."""
        return None if self.arrival is None else self.arrival.start

    @property
    def gap(self) -> Gap | None:
        """The days from one to the other."""
        left, joined = self.left, self.joined
        return None if left is None or joined is None else _gap(left, joined)

    @property
    def person(self) -> str:
        """The id of whoever moved."""
        some = self.departure or self.arrival
        assert some is not None, "a move has a departure or an arrival"
        return some.person

    @property
    def key(self) -> tuple[str, UUID, UUID]:
        """The person and the two events, nil for one that there is not; of no other move."""
        return (
            self.person,
            NO_EVENT if self.departure is None else self.departure.events[-1],
            NO_EVENT if self.arrival is None else self.arrival.events[0],
        )


class _Arrival(NamedTuple):
    stint: Stint
    end: Endpoint | None
    """When the stay ended, with those into which mergers carried it; None if it did not."""


class _Departure(NamedTuple):
    stint: Stint
    end: Endpoint
    allowed: Sequence[_Arrival]
    """Those that some reading of the dates allows to be the next one."""
    nearest: _Arrival | None
    is_sure: bool
    """Whether every reading has that one as the nearest."""


def moves(stints: Sequence[Stint], labs: Labs, *, within: int = WITHIN_DAYS) -> list[Move]:
    """
    The moves of one person, and the departures and arrivals that belong to none.

    Shapes: all stints of the person, any order; *labs* has their labs with all successors.
    Units: *within* in days.
    """
    arrivals, ended = _both_ends(stints, labs)
    departures = [_departure(stint, arrivals, within) for stint in ended]
    leading_to: dict[int, list[_Departure]] = {}
    for departure in departures:
        for arrival in departure.allowed:
            leading_to.setdefault(id(arrival), []).append(departure)
    joined: list[Move] = []
    alone: list[Move] = []
    for departure in departures:
        nearest = departure.nearest
        rivals = leading_to[id(nearest)] if nearest is not None else []
        # Who left somewhere else later had stayed there: it is from there that they came.
        if nearest is None or any(
            r.nearest is nearest and departure.end.hi < r.end.lo for r in rivals
        ):
            alone.append(Move(departure.stint, None, None))
            continue
        is_sure = departure.is_sure and all(
            r is departure
            or r.end.hi <= departure.end.lo
            or (r.is_sure and r.nearest is not nearest)
            for r in rivals
        )
        joined.append(Move(departure.stint, nearest.stint, "certain" if is_sure else "possible"))
    led_to = {id(move.arrival) for move in joined}
    alone += [Move(None, a.stint, None) for a in arrivals if id(a.stint) not in led_to]
    return joined + alone


def falls_in(endpoint: Endpoint, from_on: date | None, to_on: date | None) -> Sureness | None:
    """
    Whether a date lies in a period, both ends of which are included; None where it cannot.

    Shapes: None of an end of the period that is open.
    """
    first, last = from_on or UNBOUNDED_LO, to_on or UNBOUNDED_HI
    if endpoint.hi < first or last < endpoint.lo:
        return None
    return "certain" if first <= endpoint.lo and endpoint.hi <= last else "possible"


def turns(stint: Stint) -> list[date]:
    """The days by which it is in order when someone came, and when they went."""
    ends = [stint.start] if stint.end is None else [stint.start, stint.end]
    return [on for on in map(in_order_by, ends) if on is not None]


def in_order_by(endpoint: Endpoint) -> date | None:
    """The last day that a date can be, or the first if there is none; None of an unknown start."""
    if endpoint.date_text is None:
        return None
    return endpoint.lo if endpoint.hi == UNBOUNDED_HI else endpoint.hi


def elsewhere(move: Move, stints: Sequence[Stint]) -> list[tuple[str, Presence]]:
    """
    The other labs at which the person was at the last day that the departure can be, else at
    the last one that the arrival can be; by id. Nowhere, if nothing is known of that day.

    Shapes: all stints of the person, by start.
    """
    endpoint = move.left or move.joined
    assert endpoint is not None, "a move has a departure or an arrival"
    if endpoint.date_text is None:
        # Of an unknown start the bounds only say what does not contradict: no day is meant.
        return []
    on = endpoint.hi if endpoint.hi != UNBOUNDED_HI else endpoint.lo
    own = {s.lab for s in (move.departure, move.arrival) if s is not None}
    by_lab: dict[str, list[Stint]] = {}
    for stint in stints:
        if stint.lab not in own:
            by_lab.setdefault(stint.lab, []).append(stint)
    found = [(lab, standing_on(there, on)) for lab, there in sorted(by_lab.items())]
    return [(lab, standing.presence) for lab, standing in found if standing is not None]


def _both_ends(stints: Sequence[Stint], labs: Labs) -> tuple[list[_Arrival], list[Stint]]:
    """The arrivals of a career, and the stints that ended with a departure, by their ends."""
    there = {stint.lab for stint in stints}
    carried = [stint for stint in stints if _is_carried(stint, there, labs)]
    mergers = {end.event_id for s in carried if (end := labs[s.lab].end) is not None}
    are_carried = set(map(id, carried))
    ended_at: dict[UUID, Endpoint | None] = {}
    left: list[Stint] = []
    for stint in stints:
        if id(stint) in are_carried:
            continue
        # It rests on what the stints do of which mergers made it, too.
        ended_at.update(dict.fromkeys(stint.events, stint.end))
        if stint.end is not None:
            left.append(stint)
    arrivals = [
        _Arrival(stint, ended_at.get(stint.events[0]))
        for stint in stints
        if not mergers or not _is_merged_in(stint, mergers, labs)
    ]
    return arrivals, sorted(left, key=_by_end)


def _is_carried(stint: Stint, there: Collection[str], labs: Labs) -> bool:
    """
    Whether a merger took someone along, who was at the labs *there*.

    Past a closure of the successor it cannot: then they left with the lab.
    """
    end = labs[stint.lab].end
    if end is None or end.event_id not in stint.events:
        return False
    passed = {stint.lab}
    while end is not None and end.successor is not None and end.successor not in passed:
        if end.successor in there:
            return True
        passed.add(end.successor)
        end = labs[end.successor].end
    return False


def _is_merged_in(stint: Stint, mergers: Collection[UUID], labs: Labs) -> bool:
    """Whether a merger opened it; one that found the person there already is none of its events."""
    end = labs[stint.lab].end
    by_its_own = None if end is None else end.event_id
    return any(event in mergers and event != by_its_own for event in stint.events)


def _departure(stint: Stint, arrivals: Iterable[_Arrival], within: int) -> _Departure:
    """A departure with the arrival that is nearest at worst of those that can be the next one."""
    end = stint.end
    assert end is not None, "a departure ends a stint"
    allowed = [a for a in arrivals if _is_allowed(stint, end, a, within)]
    nearest = allowed[0] if allowed else None
    if len(allowed) > 1:
        nearest = min(allowed, key=lambda a: _at_worst(end, a))
    return _Departure(
        stint,
        end,
        allowed,
        nearest,
        nearest is not None and _is_sure(end, nearest, allowed, within),
    )


def _is_allowed(stint: Stint, end: Endpoint, arrival: _Arrival, within: int) -> bool:
    """Whether it can be the next one: within reach, another stay, and not over before."""
    # Most are too far away, or are how this very stay began.
    if arrival.stint is stint:
        return False
    gap = _gap(end, arrival.stint.start)
    return (
        gap.lo <= within
        and gap.hi >= -BEFORE_DAYS
        and arrival.stint.events[0] not in stint.events
        and (arrival.end is None or arrival.end.hi > end.lo)
    )


def _is_sure(end: Endpoint, arrival: _Arrival, allowed: Iterable[_Arrival], within: int) -> bool:
    """Whether every reading of the dates has it as the nearest one."""
    gap = _gap(end, arrival.stint.start)
    if gap.lo < -BEFORE_DAYS or gap.hi > within:
        return False
    if arrival.end is not None and arrival.end.lo <= end.hi:
        return False
    others = [other for other in allowed if other is not arrival]
    if not others:
        return True
    worst = _at_worst(end, arrival)
    return all(_at_best(end, other) >= worst for other in others)


_Distance = tuple[int, bool, str, str]
"""Days, whether the arrival came first, and what tells two alike apart."""


def _at_worst(end: Endpoint, arrival: _Arrival) -> _Distance:
    gap = _gap(end, arrival.stint.start)
    far = max(abs(gap.lo), abs(gap.hi))
    return (far, gap.lo == -far and far > 0, arrival.stint.lab, str(arrival.stint.events[0]))


def _at_best(end: Endpoint, arrival: _Arrival) -> _Distance:
    gap = _gap(end, arrival.stint.start)
    near = 0 if gap.lo <= 0 <= gap.hi else min(abs(gap.lo), abs(gap.hi))
    return (near, gap.hi < 0, arrival.stint.lab, str(arrival.stint.events[0]))


def _gap(end: Endpoint, start: Endpoint) -> Gap:
    return Gap((start.lo - end.hi).days, (start.hi - end.lo).days)


def _by_end(stint: Stint) -> tuple[date, date, str]:
    assert stint.end is not None, "a departure ends a stint"
    return (stint.end.hi, stint.end.lo, stint.lab)
