"""Figures as bars: plain SVG that any browser shows, in light and in dark."""

import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from tests.benchmarks.goals import Judged
from tests.benchmarks.sides import Result, number

BARS = 360
TOLD = 190
"""For the figures, in a column of their own: no bar and no line crosses them."""
CHARACTER = 6.8
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
        rows.append(_Row(side.side, kind, BARS * value / most, f"{number(value)}{ratio}"))
    return _svg(measure, sides[0].unit, rows)


def _goals(judged: Sequence[Judged]) -> str:
    """By which factor each goal is reached, on a scale of powers: on the line or right of it."""
    rows = [
        _Row(
            one.what,
            "reached" if one.is_reached else "missed",
            BARS * (math.log10(min(max(_reached(one), 1 / FAR), FAR)) + 1) / 2,
            f"{number(one.figure or 0.0)} (goal {one.goal.bound})",
        )
        for one in judged
    ]
    return _svg("Measured, against the goal", "right of the line is better", rows, line=BARS / 2)


def _reached(one: Judged) -> float:
    """The factor by which a figure is better than its goal."""
    figure = one.figure or 0.0
    if one.goal.at_least is not None:
        return figure / one.goal.at_least
    return (one.goal.at_most or 0.0) / figure if figure else FAR


class _Row(NamedTuple):
    label: str
    kind: str
    length: float
    told: str


def _svg(title: str, unit: str, rows: Sequence[_Row], *, line: float | None = None) -> str:
    left = 24 + CHARACTER * max(len(row.label) for row in rows)
    height = TOP + ROW * len(rows) + 12
    width = left + BARS + TOLD
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="16" y="24">{escape(title)}</text>',
        f'<text class="unit" x="16" y="42">{escape(unit)}</text>',
    ]
    for place, row in enumerate(rows):
        y = TOP + ROW * place
        length = f"{max(row.length, 1):.1f}"
        parts += [
            f'<text x="{left - 8:.1f}" y="{y + 15}" text-anchor="end">{escape(row.label)}</text>',
            f'<rect class="{row.kind}" x="{left:.1f}" y="{y + 3}" width="{length}" height="16"/>',
            f'<text class="value" x="{left + BARS + 8:.1f}" y="{y + 15}">{escape(row.told)}</text>',
        ]
    if line is not None:
        x = f"{left + line:.1f}"
        parts.append(f'<line class="goal" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - 12}"/>')
    return "\n".join([*parts, "</svg>", ""])
