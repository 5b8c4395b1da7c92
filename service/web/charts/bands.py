"""Headcount over time: a line of those who are certain, with those who may be there above it."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from service.web.charts.scales import WIDTH, Window

HEIGHT = 100.0
"""In percent, as the width; what is drawn is stretched to the room that it has."""


class Count(NamedTuple):
    """How many people on a day, by presence."""

    on: date
    certain: int
    presumed: int
    possible: int


class Column(NamedTuple):
    """Some days with one count; all in percent."""

    x: float
    width: float
    y: float
    height: float


class Bands(NamedTuple):
    """What is drawn: two outlines as SVG takes them, upside down, and the counts at the axis."""

    certain: str
    presumed: str
    """Between those who are certain and those who are presumed as well."""
    possible: list[Column]
    """Above these; apart, so that a hatching is not stretched with them."""
    grid: list[tuple[float, int]]
    """Heights, from the top, with what they count."""


def bands(counts: Sequence[Count], window: Window) -> Bands:
    """
    The three bands of a headcount, each standing on the one before.

    Shapes: *counts* by day; each holds until the next.
    """
    top = ceiling(max((sum(c[1:]) for c in counts), default=0))
    xs = [window.x(c.on) for c in counts]
    certain = [_y(c.certain, top) for c in counts]
    presumed = [_y(c.certain + c.presumed, top) for c in counts]
    possible = [_y(c.certain + c.presumed + c.possible, top) for c in counts]
    floor = [HEIGHT] * len(counts)
    return Bands(
        _between(xs, floor, certain),
        _between(xs, certain, presumed),
        _columns(xs, presumed, possible),
        [(_y(count, top), count) for count in steps(top)],
    )


def ceiling(count: int) -> int:
    """
    The next round number: one that people count in.

    >>> [ceiling(n) for n in (0, 3, 11, 149, 4400)]
    [1, 5, 20, 200, 5000]
    """
    power = 1
    while True:
        for step in (1, 2, 5):
            if count <= step * power:
                return step * power
        power *= 10


def steps(top: int) -> list[int]:
    """
    Round counts from nothing to *top*.

    >>> steps(200), steps(5)
    ([0, 50, 100, 150, 200], [0, 1, 2, 3, 4, 5])
    """
    for parts in (5, 4, 2):
        if top % parts == 0 and str(top // parts).rstrip("0") in {"1", "2", "5"}:
            return [top // parts * n for n in range(parts + 1)]
    return [0, top]


def _y(count: int, top: int) -> float:
    return round(HEIGHT * (1 - count / top), 2)


def _between(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float]) -> str:
    """The outline of a band in steps: along its upper edge, and back along its lower one."""
    if not xs:
        return ""
    ends = [f"{end:g}" for end in _ends(xs)]
    there = [f"V{y:g}H{end}" for end, y in zip(ends, upper, strict=True)]
    back = [f"V{y:g}H{x}" for x, y in zip([f"{xs[0]:g}", *ends], lower, strict=False)]
    return f"M{xs[0]:g} {upper[0]:g}{''.join(there)}{''.join(reversed(back))}Z"


def _columns(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float]) -> list[Column]:
    """From each day to the next on which something is another; none where nothing is between."""
    columns: list[Column] = []
    for x, end, low, high in zip(xs, _ends(xs), lower, upper, strict=True):
        height = round(low - high, 2)
        last = columns[-1] if columns else None
        if last and (last.y, last.height) == (high, height) and round(last.x + last.width, 2) == x:
            columns[-1] = last._replace(width=round(end - last.x, 2))
        elif height and x < end:
            columns.append(Column(x, round(end - x, 2), high, height))
    return columns


def _ends(xs: Sequence[float]) -> list[float]:
    return [*xs[1:], WIDTH] if xs else []
