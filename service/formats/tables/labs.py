"""Labs, how many were there, and what became of them, as rows."""

from collections.abc import Iterable
from datetime import date

from service.answers.lab_steps import LabStepView
from service.answers.labs import Headcount, LabSummary
from service.domain.dates import day_or_none
from service.formats.csv import Cell, Table
from service.formats.tables.moves import id_and_name

LAB_COLUMNS = (
    "lab_id", "lab", "kind", "country", "status", "founded", "parent", "certain", "presumed",
    "possible",
)  # fmt: skip
HEADCOUNT_COLUMNS = ("on", "certain", "presumed", "possible")
STEP_COLUMNS = ("step", "date", "date_lo", "date_hi", "said", "lab_id", "lab", "event")


def labs_table(labs: Iterable[LabSummary]) -> Table:
    """One row a lab, with how many people were there by presence."""
    return Table("labs", LAB_COLUMNS, (_lab(lab) for lab in labs))


def headcounts_table(counts: Iterable[tuple[date, Headcount]]) -> Table:
    """One row a day."""
    return Table(
        "headcount",
        HEADCOUNT_COLUMNS,
        ([on, count.certain, count.presumed, count.possible] for on, count in counts),
    )


def steps_table(steps: Iterable[LabStepView]) -> Table:
    """One row for each thing that became of a lab."""
    return Table("line", STEP_COLUMNS, (_step(step) for step in steps))


def _lab(lab: LabSummary) -> list[Cell]:
    count = lab.headcount
    return [
        lab.id,
        lab.name,
        lab.kind,
        lab.country,
        lab.status,
        lab.founded,
        lab.parent,
        count.certain,
        count.presumed,
        count.possible,
    ]


def _step(step: LabStepView) -> list[Cell]:
    return [
        step.kind,
        step.date_text,
        day_or_none(step.lo),
        day_or_none(step.hi),
        step.said,
        *id_and_name(step.lab),
        step.event,
    ]
