"""How many dates lie in each of some periods that follow one another."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from service.domain.dates import Bounds
from service.domain.headcounts import Step, days_from

_LONGEST: tuple[tuple[Step, int], ...] = (("week", 185), ("month", 366 * 5), ("quarter", 366 * 15))
"""Steps with the longest span of days, each, of which a drawing can still be read."""


class InPeriod(NamedTuple):
    """How many dates lie in a period: in every reading, or in some readings alone."""

    certain: int
    possible: int


def step_for(first: date, last: date) -> Step:
    """
    The step in which so many days are best told.

    >>> step_for(date(2024, 1, 1), date(2024, 3, 31)), step_for(date(2010, 1, 1), date(2024, 1, 1))
    ('week', 'quarter')
    """
    days = (last - first).days
    return next((step for step, longest in _LONGEST if days <= longest), "year")


def firsts_of(first: date, last: date, step: Step) -> list[date]:
    """
    The first days of the weeks, months, quarters or years of the calendar that some days touch.

    Shapes: in order; the first is *first* itself, wherever in its period it lies. Weeks begin on
    a Monday.

    >>> [str(on) for on in firsts_of(date(2024, 1, 20), date(2024, 3, 5), "month")]
    ['2024-01-20', '2024-02-01', '2024-03-01']
    """
    return [first, *(on for on in days_from(_begun(first, step), last, step) if on > first)]


def counts_in(
    dates: Iterable[tuple[Bounds, bool]], firsts: Sequence[date], last: date
) -> list[InPeriod]:
    """
    Of each period how many dates lie in it.

    Shapes: each date as its bounds, and whether it is sure that it counts at all; *firsts* are
    the first days of the periods, in order, each of which ends where the next begins and the last
    one with *last*. A date of which nobody knows in which of two it lies is possible in both.
    """
    certain = [0] * len(firsts)
    turns = [0] * (len(firsts) + 1)
    for (lo, hi), is_sure in dates:
        if hi < firsts[0] or lo > last:
            continue
        begins = max(bisect_right(firsts, lo) - 1, 0)
        ends = bisect_right(firsts, hi) - 1
        if is_sure and begins == ends and lo >= firsts[0] and hi <= last:
            certain[begins] += 1
        else:
            turns[begins] += 1
            turns[ends + 1] -= 1
    possible = list(accumulate(turns))[:-1]
    return [InPeriod(*counts) for counts in zip(certain, possible, strict=True)]


def _begun(on: date, step: Step) -> date:
    """The day on which the week, month, quarter or year of a day began."""
    if step == "day":
        return on
    if step == "week":
        # The calendar has no day before its first.
        return date.fromordinal(max(on.toordinal() - on.weekday(), 1))
    if step == "month":
        return on.replace(day=1)
    return on.replace(month=1 if step == "year" else on.month - (on.month - 1) % 3, day=1)
