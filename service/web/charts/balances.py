"""Arrivals above a line and departures below it, period by period."""

from collections.abc import Sequence
from typing import NamedTuple

from service.web.charts.bands import ceiling
from service.web.charts.scales import WIDTH

HALF = 50.0
"""Of the height, in percent: the line lies in the middle."""
_GAP = 0.2
"""Of a period's width, left between two bars."""
TOP_MIN = 5
"""One person who may have come fills no half: a wall of such bars says much of nothing."""


class Period(NamedTuple):
    """Who came and who went, of whom so many only may have."""

    label: str
    joined: int
    left: int
    joined_possibly: int = 0
    left_possibly: int = 0


class Bar(NamedTuple):
    """A bar, with what may come on top of it; all in percent."""

    x: float
    width: float
    y: float
    height: float
    possible_y: float
    possible_height: float


class Balance(NamedTuple):
    """Bars of each period and the count at the full height of a half."""

    joined: list[Bar]
    left: list[Bar]
    top: int


def balance(periods: Sequence[Period]) -> Balance:
    """The bars of arrivals and departures on one scale, so that the eye can weigh them."""
    most = [max(p.joined + p.joined_possibly, p.left + p.left_possibly) for p in periods]
    top = max(ceiling(max(most, default=0)), TOP_MIN)
    joined, left = [], []
    for number, period in enumerate(periods):
        room = WIDTH / len(periods)
        x, width = round(room * (number + _GAP / 2), 2), round(room * (1 - _GAP), 2)
        up, more = _height(period.joined, top), _height(period.joined_possibly, top)
        joined.append(Bar(x, width, HALF - up, up, round(HALF - up - more, 2), more))
        down, more = _height(period.left, top), _height(period.left_possibly, top)
        left.append(Bar(x, width, HALF, down, round(HALF + down, 2), more))
    return Balance(joined, left, top)


def _height(count: int, top: int) -> float:
    return round(HALF * count / top, 2)
