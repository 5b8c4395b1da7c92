"""How many people were at a lab, day by day."""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import accumulate, count
from typing import Literal, NamedTuple

from service.domain.presence import Presence
from service.domain.spans import presence_spans
from service.domain.stints import Stint

Step = Literal["day", "week", "month", "quarter", "year"]

_DAYS: dict[Step, int] = {"day": 1, "week": 7}
_MONTHS: dict[Step, int] = {"month": 1, "quarter": 3, "year": 12}
_PRESENCES: tuple[Presence, ...] = ("certain", "presumed", "possible")


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


def headcounts(people: Iterable[Sequence[Stint]], days: Sequence[date]) -> list[Count]:
    """
    The count on each of *days*.

    Shapes: of each person the stints at the lab; *days* in order.
    """
    changes: dict[Presence, list[int]] = {p: [0] * (len(days) + 1) for p in _PRESENCES}
    for stints in people:
        for first, after, presence in presence_spans(stints):
            changes[presence][bisect_left(days, first)] += 1
            changes[presence][bisect_left(days, after)] -= 1
    summed = (list(accumulate(changes[presence]))[:-1] for presence in _PRESENCES)
    return [Count(*counts) for counts in zip(*summed, strict=True)]


def _after(first: date, step: Step, times: int) -> date:
    if step in _DAYS:
        return first + timedelta(days=_DAYS[step] * times)
    months = first.year * 12 + first.month - 1 + _MONTHS[step] * times
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
