"""Figures as bars: plain SVG that any browser shows, in light and in dark."""

import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from tests.benchmarks.goals import Judged
from tests.benchmarks.sides import Result, number

WIDTH = 1_000
LABELS = 380
BARS = 360
ROW = 24
TOP = 56
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #222 }
  .title { font-size: 16px; font-weight: 600 }
  .unit, .value { fill: #555 }
  .ours, .reached { fill: #2a6fb0 }
  .other { fill: #b9bec6 }
  .missed { fill: #c2562c }
  .goal { stroke: #222; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .unit, .value { fill: #aaa } .other { fill: #555b66 }
    .goal { stroke: #ddd }
  }
"""
FAR = 10.0
"""Goals missed or surpassed by more than this factor are drawn as this far."""


def draw(results: Sequence[Result], judged: Sequence[Judged]) -> Iterator[tuple[str, str]]:
    """Each chart with its name: the goals, then one of each measure."""
    if figures := [one for one in judged if one.figure is not None]:
        yield "goals", _goals(figures)
    for measure, sides in groupby(results, key=lambda result: result.measure):
        measured = [side for side in sides if side.median is not None]
        if measured:
            yield slug(measure), _measure(measure, measured)


def slug(measure: str) -> str:
    """The measure's name as that of a file."""
    return re.sub(r"[^a-z0-9]+", "-", measure.lower()).strip("-")


def _measure(measure: str, sides: Sequence[Result]) -> str:
    most = max(side.median or 0.0 for side in sides) or 1.0
    rows = []
    for place, side in enumerate(sides):
        value = side.median or 0.0
        ratio = "" if side.ratio is None else f"  (ours {number(side.ratio)}×)"
        kind = "ours" if place == 0 else "other"
        rows.append(_row(place, side.side, kind, BARS * value / most, f"{number(value)}{ratio}"))
    return _svg(measure, sides[0].unit, rows)


def _goals(judged: Sequence[Judged]) -> str:
    """How far each goal is reached, by a factor, on a scale of powers: on the line or right of it."""
    rows = []
    for place, one in enumerate(judged):
        assert one.figure is not None, "only what was measured is drawn"
        share = _reached(one)
        length = BARS * (math.log10(min(max(share, 1 / FAR), FAR)) + 1) / 2
        against = "" if one.goal.against is None else f" / {one.goal.against}"
        kind = "reached" if one.is_reached else "missed"
        told = f"{number(one.figure)} (goal {one.goal.bound})"
        rows.append(_row(place, f"{one.goal.measure}{against}", kind, length, told))
    middle = LABELS + BARS / 2
    rows.append(
        f'<line class="goal" x1="{middle}" x2="{middle}" y1="{TOP - 6}" '
        f'y2="{TOP + ROW * len(judged)}"/>'
    )
    return _svg("Measured, against the goal", "right of the line is better than the goal", rows)


def _reached(one: Judged) -> float:
    """The factor by which a figure is better than its goal."""
    figure = one.figure or 0.0
    if one.goal.at_least is not None:
        return figure / one.goal.at_least
    return (one.goal.at_most or 0.0) / figure if figure else FAR


def _row(place: int, label: str, kind: str, length: float, told: str) -> str:
    y = TOP + ROW * place
    return (
        f'<text x="{LABELS - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>'
        f'<rect class="{kind}" x="{LABELS}" y="{y + 3}" width="{max(length, 1):.1f}" '
        f'height="{ROW - 8}" rx="2"/>'
        f'<text class="value" x="{LABELS + length + 6:.1f}" y="{y + 15}">{escape(told)}</text>'
    )


def _svg(title: str, unit: str, rows: Sequence[str]) -> str:
    height = TOP + ROW * len(rows) + 12
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f'<text class="title" x="16" y="24">{escape(title)}</text>',
            f'<text class="unit" x="16" y="42">{escape(unit)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )
