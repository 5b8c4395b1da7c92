"""How many people were at a lab, day by day."""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import accumulate, count
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


class Count(NamedTuple):
    """How many people by presence, of whom each counts once."""

    certain: int
    presumed: int
    possible: int


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
    for stints in people:
        held = _held(stints[0]) if len(stints) == 1 else presence_spans(stints)
        for first, after, presence in held:
            changes[presence][bisect_left(days, first)] += 1
            changes[presence][bisect_left(days, after)] -= 1
    summed = (list(accumulate(changes[presence]))[:-1] for presence in _PRESENCES)
    return [Count(*counts) for counts in zip(*summed, strict=True)]


def _held(stint: Dated) -> Iterator[tuple[date, date, Presence]]:
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


def _after(first: date, step: Step, times: int) -> date:
    if step in _DAYS:
        return first + timedelta(days=_DAYS[step] * times)
    months = first.year * 12 + first.month - 1 + _MONTHS[step] * times
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
