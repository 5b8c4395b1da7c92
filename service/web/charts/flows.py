"""Where people come from and where they go: ribbons into a lab and out of it."""

from collections.abc import Sequence
from typing import NamedTuple

from service.web.charts.scales import WIDTH

ROW = 24.0
"""Room of one lab, high enough for its name; the drawing is as high as its longer side."""
THICKNESS_MAX = 18.0
_BEND = WIDTH / 2


class Flow(NamedTuple):
    """So many people from or to one lab."""

    lab: str
    name: str
    people: int
    says: str
    """How many, as the table beside it says."""


class Ribbon(NamedTuple):
    """The way between a lab at the side and the one in the middle."""

    flow: Flow
    path: str
    """The middle of the ribbon, in percent of the width and in units of height."""
    thickness: float
    y: float
    """The middle of its end at the side, where the name stands."""


class Flows(NamedTuple):
    """Ribbons of both sides, and how high the drawing is."""

    arriving: list[Ribbon]
    leaving: list[Ribbon]
    height: float


def flows(arriving: Sequence[Flow], leaving: Sequence[Flow]) -> Flows:
    """Ribbons as thick as their counts, on one scale on both sides."""
    height = ROW * max(len(arriving), len(leaving), 1)
    most = max((f.people for f in (*arriving, *leaving)), default=1)
    into = _ribbons(arriving, most, height, is_arriving=True)
    out = _ribbons(leaving, most, height, is_arriving=False)
    return Flows(into, out, height)


def _ribbons(side: Sequence[Flow], most: int, height: float, *, is_arriving: bool) -> list[Ribbon]:
    thick = [round(max(THICKNESS_MAX * flow.people / most, 1.0), 2) for flow in side]
    # In the middle they lie one upon another, around half the height.
    middle = (height - sum(thick)) / 2
    ribbons = []
    for number, (flow, thickness) in enumerate(zip(side, thick, strict=True)):
        y = ROW * number + ROW / 2
        meets = round(middle + thickness / 2, 2)
        middle += thickness
        ends = (y, meets) if is_arriving else (meets, y)
        path = f"M0 {ends[0]:g}C{_BEND:g} {ends[0]:g} {_BEND:g} {ends[1]:g} {WIDTH:g} {ends[1]:g}"
        ribbons.append(Ribbon(flow, path, thickness, y))
    return ribbons
