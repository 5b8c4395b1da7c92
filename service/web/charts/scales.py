"""From days to places along a drawing, and the days at which its axis is marked."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import count
from typing import NamedTuple

TICKS_MAX = 9
"""More labels than that run into each other on a phone."""
WIDTH = 100.0
"""In percent."""
YEARS_MIN = 3
"""Fewer labels than that would be too few to go by."""
_LETTER = 2.2
"""The width of one letter of a label, in percent of a phone's width."""
_YEARS = (1, 2, 5, 10, 20, 50, 100)
_MONTHS = (1, 3, 6)
_DAYS = (1, 2, 7)


class Tick(NamedTuple):
    """A mark of an axis."""

    x: float
    label: str
    is_spare: bool = False
    """Whether its label is left out where there is room for half of them."""

    @property
    def is_late(self) -> bool:
        """Whether its label, begun at the mark, would go on beyond the end of a narrow drawing."""
        return self.x + self.width > WIDTH

    @property
    def width(self) -> float:
        """Of its label on a phone, in percent of the drawing."""
        return len(self.label) * _LETTER


def sparing(ticks: Sequence[Tick]) -> list[Tick]:
    """
    *ticks*, with those marked that a narrow drawing leaves out.

    Where several say their year and others only their month, it is the years that stay, as many
    as have room from the end: months without any would say nothing.
    """
    kept = [tick for tick in ticks if tick.label[-4:].isdecimal()]
    if not YEARS_MIN <= len(kept) < len(ticks):
        kept = list(ticks[::2])
    with_room: set[float] = set()
    begins = WIDTH + _LETTER
    for tick in reversed(kept):
        first = tick.x - tick.width if tick.is_late else tick.x
        if first + tick.width + _LETTER <= begins:
            with_room.add(tick.x)
            begins = first
    return [tick._replace(is_spare=tick.x not in with_room) for tick in ticks]


class Window(NamedTuple):
    """The days that a drawing shows, the last one included."""

    first: date
    last: date

    def x(self, day: date) -> float:
        """
        Where a day begins, in percent of the width; what lies outside, at the nearer end.

        >>> Window(date(2024, 1, 1), date(2024, 1, 10)).x(date(2024, 1, 6))
        50.0
        """
        return self.places()(day)

    def places(self) -> Callable[[date], float]:
        """The same for many days."""
        first = self.first.toordinal()
        days = self.last.toordinal() + 1 - first

        def place(day: date) -> float:
            passed = day.toordinal() - first
            if passed <= 0:
                return 0.0
            return WIDTH if passed >= days else round(WIDTH * passed / days, 2)

        return place

    def ticks(self) -> list[Tick]:
        """Marks of whole years, months or days, as many as can be read."""
        for days in self._choices():
            if len(days) <= TICKS_MAX:
                return sparing([Tick(self.x(day), label) for day, label in days])
        return []

    def _choices(self) -> Iterator[list[tuple[date, str]]]:
        """Ever fewer days to mark, each with its label."""
        if (self.last - self.first).days <= TICKS_MAX * _DAYS[-1]:
            yield from (self._by_days(step) for step in _DAYS)
        if self.last.year - self.first.year < TICKS_MAX:
            yield from (self._by_months(step) for step in _MONTHS)
        yield from (self._by_years(step) for step in _YEARS)

    def _by_days(self, step: int) -> list[tuple[date, str]]:
        first, last = self.first.toordinal(), self.last.toordinal()
        days = [date.fromordinal(n) for n in range(first, last + 1, step)]
        return [(day, f"{day.day} {_short(day)}") for day in days]

    def _by_months(self, step: int) -> list[tuple[date, str]]:
        months: list[tuple[date, str]] = []
        for number in count(self.first.year * 12 + self.first.month - 1):
            day = date(number // 12, number % 12 + 1, 1)
            if day > self.last:
                return months
            if day >= self.first and (day.month - 1) % step == 0:
                # Every January says its year, and the first mark too.
                with_year = not months or day.month == 1
                months.append((day, f"{_short(day)} {day.year}" if with_year else _short(day)))
        raise AssertionError("months pass any day")

    def _by_years(self, step: int) -> list[tuple[date, str]]:
        years = range(self.first.year, self.last.year + 1)
        marked = [date(year, 1, 1) for year in years if year % step == 0]
        return [(day, str(day.year)) for day in marked if day >= self.first]


def _short(day: date) -> str:
    return f"{day:%b}"
