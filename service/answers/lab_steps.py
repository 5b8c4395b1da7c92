"""A lab's own line: how it began, what it was called, whose it was, whom it took in, how it ended."""

from collections.abc import Iterator
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.answers.names import Labels, Named
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, Bounds, bounds
from service.domain.labs import FirstFounding, LabEnd, LabFacts, Labs, LabStep

StepKind = Literal["founded", "renamed", "owned", "took_in", "merged", "closed"]


class LabStepView(Struct, frozen=True, kw_only=True):
    """One step of a lab's line."""

    kind: StepKind
    date_text: str
    """As its source gives it (EDTF)."""
    lo: date
    hi: date
    event: UUID
    said: str | None = None
    """The name from then on, or a parent that is no lab that is known."""
    lab: Named | None = None
    """The parent from then on, whom it took in, or what it became part of."""


def lab_steps(lab: LabFacts, related: Labs, labels: Labels) -> list[LabStepView]:
    """
    The steps of a lab, oldest first.

    Shapes: *related* has the labs that the steps name, as far as they are known; *labels* too.
    """
    return sorted(_steps(lab, related, labels), key=lambda step: (step.lo, step.hi, step.kind))


def _steps(lab: LabFacts, related: Labs, labels: Labels) -> Iterator[LabStepView]:
    if lab.founding is not None:
        yield _step("founded", lab.founding, lab.founding.date_text)
    for one in lab.renamings:
        yield _step("renamed", one, None, said=one.value)
    for one in lab.ownerships:
        parent = labels.lab(one.value) if one.value in related else None
        yield _step("owned", one, None, lab=parent, said=None if parent else one.value)
    for absorbed in lab.predecessors:
        end = related[absorbed].end
        if end is not None:
            yield _step("took_in", end, end.date_text, lab=labels.lab(absorbed))
    if lab.end is not None:
        successor = lab.end.successor
        yield _step(
            "merged" if successor else "closed",
            lab.end,
            lab.end.date_text,
            lab=labels.lab(successor) if successor else None,
        )


def _step(
    kind: StepKind,
    told: FirstFounding | LabEnd | LabStep,
    written: str | None,
    *,
    said: str | None = None,
    lab: Named | None = None,
) -> LabStepView:
    return LabStepView(
        kind=kind,
        date_text=written or as_written(Bounds(told.lo, told.hi)),
        lo=told.lo,
        hi=told.hi,
        event=told.event_id,
        said=said,
        lab=lab,
    )


def as_written(days: Bounds) -> str:
    """
    A date (EDTF) that means just these days.

    >>> as_written(Bounds(date(2024, 5, 1), date(2024, 5, 31)))
    '2024-05'
    >>> as_written(Bounds(date(2024, 4, 1), date(2024, 6, 30)))
    '[2024-04-01..2024-06-30]'
    """
    first, last = (None if on in _UNBOUNDED else on.isoformat() for on in days)
    if first is None or last is None:
        return f"[{first or ''}..{last or ''}]"
    for text in (first, first[:7], first[:4]):
        if bounds(text) == days:
            return text
    return f"[{first}..{last}]"


_UNBOUNDED = (UNBOUNDED_LO, UNBOUNDED_HI)
