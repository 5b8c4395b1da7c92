"""
Who moved: the departures of one person, each with the arrival that followed it.

A merger carries people from one lab to another, and whoever it carries has neither left nor
arrived. A departure is joined with the nearest arrival of the same person that comes at most so
many days after it, or a few weeks before it, since many begin somewhere while they still are
elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    def key(self) -> tuple[str, str, str]:
        """The person and the two events: no other move has the same."""
        some = self.departure or self.arrival
        assert some is not None, "a move has a departure or an arrival"
        return (
            some.person,
            "" if self.departure is None else str(self.departure.events[-1]),
            "" if self.arrival is None else str(self.arrival.events[0]),
        )


class _Arrival(NamedTuple):
    stint: Stint
    end: Endpoint | None
    """When the stay ended, with those into which mergers carried it; None if it did not."""


def moves(stints: Sequence[Stint], labs: Labs, *, within: int = WITHIN_DAYS) -> list[Move]:
    """
    The moves of one person, and the departures and arrivals that belong to none.

    Shapes: all stints of the person, any order; *labs* has their labs with all successors.
    Units: *within* in days.
    """
    carried = [_is_carried(stint, stints, labs) for stint in stints]
    mergers = {
        end.event_id
        for stint, is_carried in zip(stints, carried, strict=True)
        if is_carried and (end := labs[stint.lab].end) is not None
    }
    departures = sorted(
        (
            stint
            for stint, is_carried in zip(stints, carried, strict=True)
            if not is_carried and stint.end is not None
        ),
        key=_by_end,
    )
    arrivals = [
        _Arrival(stint, _end_of_stay(stint, stints, carried))
        for stint in stints
        if not _is_merged_in(stint, mergers, labs)
    ]
    chosen = {id(d): _nearest(d, arrivals, within) for d in departures}
    joined: list[Move] = []
    alone: list[Move] = []
    for departure in departures:
        arrival = chosen[id(departure)]
        rivals = [
            d for d in departures if d is not departure and _may_pick(d, arrival, chosen, within)
        ]
        # Who left somewhere else later had stayed there: it is from there that they came.
        if arrival is None or any(
            chosen[id(d)] is arrival and _end_of(departure).hi < _end_of(d).lo for d in rivals
        ):
            alone.append(Move(departure, None, None))
            continue
        is_sure = _is_sure(departure, arrival, arrivals, within) and not any(
            _end_of(d).hi > _end_of(departure).lo
            and not (
                (other := chosen[id(d)]) is not None
                and other is not arrival
                and _is_sure(d, other, arrivals, within)
            )
            for d in rivals
        )
        joined.append(Move(departure, arrival.stint, "certain" if is_sure else "possible"))
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


def _is_carried(stint: Stint, stints: Iterable[Stint], labs: Labs) -> bool:
    """
    Whether a merger took someone along.

    Past a closure of the successor it cannot: then they left with the lab.
    """
    end = labs[stint.lab].end
    if end is None or end.successor is None or end.event_id not in stint.events:
        return False
    successors = _successors(stint.lab, labs)
    return any(other.lab in successors for other in stints)


def _successors(lab: str, labs: Labs) -> set[str]:
    found: set[str] = set()
    while (end := labs[lab].end) is not None and end.successor is not None:
        lab = end.successor
        if lab in found:
            break
        found.add(lab)
    return found


def _is_merged_in(stint: Stint, mergers: Collection[UUID], labs: Labs) -> bool:
    """Whether a merger opened it; one that found the person there already is none of its events."""
    end = labs[stint.lab].end
    by_its_own = None if end is None else end.event_id
    return any(event in mergers and event != by_its_own for event in stint.events)


def _end_of_stay(stint: Stint, stints: Sequence[Stint], carried: Sequence[bool]) -> Endpoint | None:
    """The end of the stint, or of the one into which mergers carried it at last."""
    for other, is_carried in zip(stints, carried, strict=True):
        if not is_carried and stint.events[0] in other.events:
            return other.end
    return None


def _nearest(departure: Stint, arrivals: Iterable[_Arrival], within: int) -> _Arrival | None:
    """The arrival that is nearest at worst, of those that some reading of the dates allows."""
    allowed = [a for a in arrivals if _is_allowed(departure, a, within)]
    return min(allowed, key=lambda a: _at_worst(departure, a), default=None)


def _is_allowed(departure: Stint, arrival: _Arrival, within: int) -> bool:
    """Whether it can be the next one: within reach, another stay, and not over before."""
    end = _end_of(departure)
    gap = _gap(end, arrival.stint.start)
    return (
        gap.lo <= within
        and gap.hi >= -BEFORE_DAYS
        and arrival.stint.events[0] not in departure.events
        and (arrival.end is None or arrival.end.hi > end.lo)
    )


def _is_sure(
    departure: Stint, arrival: _Arrival, arrivals: Iterable[_Arrival], within: int
) -> bool:
    """Whether every reading of the dates has it as the nearest one."""
    end = _end_of(departure)
    gap = _gap(end, arrival.stint.start)
    if gap.lo < -BEFORE_DAYS or gap.hi > within:
        return False
    if arrival.end is not None and arrival.end.lo <= end.hi:
        return False
    worst = _at_worst(departure, arrival)
    return not any(
        other is not arrival
        and _is_allowed(departure, other, within)
        and _at_best(departure, other) < worst
        for other in arrivals
    )


def _may_pick(
    departure: Stint, arrival: _Arrival | None, chosen: Mapping[int, _Arrival | None], within: int
) -> bool:
    return arrival is not None and (
        chosen[id(departure)] is arrival or _is_allowed(departure, arrival, within)
    )


_Distance = tuple[int, bool, str, str]
"""Days, whether the arrival came first, and what tells two alike apart."""


def _at_worst(departure: Stint, arrival: _Arrival) -> _Distance:
    gap = _gap(_end_of(departure), arrival.stint.start)
    far = max(abs(gap.lo), abs(gap.hi))
    return (far, gap.lo == -far and far > 0, arrival.stint.lab, str(arrival.stint.events[0]))


def _at_best(departure: Stint, arrival: _Arrival) -> _Distance:
    gap = _gap(_end_of(departure), arrival.stint.start)
    near = 0 if gap.lo <= 0 <= gap.hi else min(abs(gap.lo), abs(gap.hi))
    return (near, gap.hi < 0, arrival.stint.lab, str(arrival.stint.events[0]))


def _gap(end: Endpoint, start: Endpoint) -> Gap:
    return Gap((start.lo - end.hi).days, (start.hi - end.lo).days)


def _end_of(stint: Stint) -> Endpoint:
    assert stint.end is not None, "a departure ends a stint"
    return stint.end


def _by_end(stint: Stint) -> tuple[date, date, str]:
    end = _end_of(stint)
    return (end.hi, end.lo, stint.lab)
