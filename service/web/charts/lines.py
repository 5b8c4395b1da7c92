"""A lab's own line: a mark for each step of it, along time."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from service.answers.lab_steps import LabStepView
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.web.charts.scales import Tick, Window


class StepMark(NamedTuple):
    """A step, from the first day that it can have been to the last; in percent of the width."""

    step: LabStepView
    x: float
    width: float


class LabLine(NamedTuple):
    """The marks of a lab, oldest first, and their axis."""

    marks: Sequence[StepMark]
    ticks: Sequence[Tick]
    rule: float


def line_of(steps: Sequence[LabStepView], at: date, last: date) -> LabLine:
    """The line from the first step to a day, with the day *at* marked."""
    known = [day for step in steps for day in (step.lo, step.hi) if UNBOUNDED_LO < day <= last]
    first = min(known, default=last)
    window = Window(first.replace(month=1, day=1), last)
    return LabLine([_mark(step, window) for step in steps], window.ticks(), window.x(at))


def _mark(step: LabStepView, window: Window) -> StepMark:
    lo = window.x(step.hi if step.lo == UNBOUNDED_LO else step.lo)
    hi = window.x(step.lo if step.hi == UNBOUNDED_HI else step.hi)
    return StepMark(step, lo, round(max(hi - lo, 0), 2))
