"""How many people were at a lab, day by day, and on every day at once."""

from array import array
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, chain, count
from operator import sub
from typing import Literal, NamedTuple

from service.domain.dates import UNBOUNDED_HI
from service.domain.presence import Presence
from service.domain.spans import presence_spans
from service.domain.stints import Dated

Step = Literal["day", "week", "month", "quarter", "year"]

_DAYS: dict[Step, int] = {"day": 1, "week": 7}
_MONTHS: dict[Step, int] = {"month": 1, "quarter": 3, "year": 12}
_PRESENCES: tuple[Presence, ...] = ("certain", "presumed", "possible")
_DAY = timedelta(days=1)
_COURSE_WEIGHT = 1_000
"""Bytes, about, of one on which nothing ever changes."""


class Count(NamedTuple):
    """How many people by presence, of whom each counts once."""

    certain: int
    presumed: int
    possible: int


class Turns(NamedTuple):
    """How many there were from each day on which that became another number."""

    days: "array[int]"
    """Ordinals, in order; before the first one there is nobody."""
    counts: "array[int]"
    most: int
    """As many as there ever were."""


class Course(NamedTuple):
    """How many people were at a lab, by presence, on every day there is."""

    certain: Turns
    presumed: Turns
    possible: Turns

    def on(self, at: date) -> Count:
        """The count on a day, as `headcounts` gives it."""
        day = at.toordinal()
        return Count(
            _in_force(self.certain, day),
            _in_force(self.presumed, day),
            _in_force(self.possible, day),
        )

    @property
    def most(self) -> int:
        """On no day there were more, of all presences together."""
        return self.certain.most + self.presumed.most + self.possible.most

    @property
    def weight(self) -> int:
        """Bytes that it takes, about."""
        return _COURSE_WEIGHT + sum(8 * len(turns.days) for turns in self)


def days_from(first: date, last: date, step: Step) -> Iterator[date]:
    """
    *first* and each day some steps after it, until *last*.

    Units: for a day that a month does not have its last one stands.

    >>> [str(on) for on in days_from(date(2024, 1, 31), date(2024, 3, 31), "month")]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    """
    on = first
    for times in count(1):
        if on > last:
            return
        yield on
        on = _after(first, step, times)


def headcounts(people: Iterable[Sequence[Dated]], days: Sequence[date]) -> list[Count]:
    """
    The count on each of *days*.

    Shapes: of each person the stints at the lab; *days* in order.
    """
    changes: dict[Presence, list[int]] = {p: [0] * (len(days) + 1) for p in _PRESENCES}
    for first, after, presence in _held(people):
        changes[presence][bisect_left(days, first)] += 1
        changes[presence][bisect_left(days, after)] -= 1
    summed = (list(accumulate(changes[presence]))[:-1] for presence in _PRESENCES)
    return [Count(*counts) for counts in zip(*summed, strict=True)]


def course(people: Iterable[Sequence[Dated]]) -> Course:
    """The counts of every day; *people* as `headcounts` takes them."""
    return changed(NOBODY, gone=(), come=people)


def changed(
    before: Course, *, gone: Iterable[Sequence[Dated]], come: Iterable[Sequence[Dated]]
) -> Course:
    """
    The course without some people, and with others.

    Shapes: *gone* have the stints with which they were counted.
    """
    changes: dict[Presence, dict[date, int]] = {p: defaultdict(int) for p in _PRESENCES}
    for people, one in ((gone, -1), (come, 1)):
        for first, after, presence in _held(people):
            # Most dates are known to the day, and most spans between their bounds have none.
            if first < after:
                own = changes[presence]
                own[first] += one
                own[after] -= one
    return Course(
        *(
            _turns_after(turns, changes[presence])
            for turns, presence in zip(before, _PRESENCES, strict=True)
        )
    )


def _turns_after(before: Turns, changes: Mapping[date, int]) -> Turns:
    if not changes:
        return before
    by_day = dict(
        zip(before.days, map(sub, before.counts, chain((0,), before.counts)), strict=True)
    )
    for on, change in changes.items():
        day = on.toordinal()
        by_day[day] = by_day.get(day, 0) + change
    days = array("i", sorted(day for day, change in by_day.items() if change))
    counts = array("i", accumulate(by_day[day] for day in days))
    return Turns(days, counts, max(counts, default=0))


def _in_force(turns: Turns, day: int) -> int:
    before = bisect_right(turns.days, day)
    return turns.counts[before - 1] if before else 0


def _held(people: Iterable[Sequence[Dated]]) -> Iterator[tuple[date, date, Presence]]:
    """The spans of all of them, in no order."""
    for stints in people:
        yield from _held_by(stints[0]) if len(stints) == 1 else presence_spans(stints)


def _held_by(stint: Dated) -> Iterator[tuple[date, date, Presence]]:
    """
    The spans of one stint alone, of whom most have no other, in no order.

    Source: SEMANTICS 4, *Presence*.
    """
    (start, end), seen = (stint.start, stint.end), stint.last_evidence
    if end is None:
        yield start.lo, start.hi, "possible"
        known = UNBOUNDED_HI if seen == UNBOUNDED_HI else max(start.hi, seen + _DAY)
        yield start.hi, known, "certain"
        yield known, UNBOUNDED_HI, "presumed"
    elif start.hi < end.lo:
        yield start.lo, start.hi, "possible"
        yield start.hi, end.lo, "certain"
        yield end.lo, end.hi, "possible"
    else:
        yield start.lo, max(start.lo, end.hi), "possible"


NOBODY = Course(*(Turns(array("i"), array("i"), 0) for _ in _PRESENCES))


def _after(first: date, step: Step, times: int) -> date:
    if step in _DAYS:
        return first + timedelta(days=_DAYS[step] * times)
    months = first.year * 12 + first.month - 1 + _MONTHS[step] * times
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
