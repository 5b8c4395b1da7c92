"""Corrections and retractions as rows, and what they changed."""

from collections.abc import Iterable, Sequence

from service.answers.corrections import CorrectionView, Effect, ReasonCount
from service.answers.people import StintView
from service.formats.csv import Cell, Table
from service.formats.tables.moves import id_and_name

COLUMNS = (
    "position", "event_id", "type", "target_position", "target", "target_type", "reason",
    "recorded_at", "recorded_by", "stood_since", "stood_days", "stints_changed", "sources",
)  # fmt: skip
REASON_COLUMNS = ("reason", "count")
STINT_COLUMNS = (
    "position", "person_id", "person", "lab_id", "lab", "when", "start", "start_lo", "start_hi",
    "end", "end_lo", "end_hi", "role", "presence",
)  # fmt: skip
ROSTER_COLUMNS = ("position", "lab_id", "lab", "from", "to")
HEADCOUNT_COLUMNS = (*ROSTER_COLUMNS, "certain", "presumed", "possible")

Effects = Sequence[tuple[int, Effect]]
"""Positions of corrections and retractions, each with what it changed."""


def corrections_table(corrections: Iterable[CorrectionView]) -> Table:
    """One row a correction or retraction."""
    return Table("corrections", COLUMNS, (_correction(one) for one in corrections))


def reasons_table(reasons: Iterable[ReasonCount]) -> Table:
    """One row a reason."""
    return Table("reasons", REASON_COLUMNS, ([one.reason, one.count] for one in reasons))


def stints_changed_table(effects: Effects) -> Table:
    """One row a stay, as it was before or as it is after."""
    return Table(
        "stints",
        STINT_COLUMNS,
        (
            [position, *id_and_name(c.person), *id_and_name(c.lab), when, *_stint(stint)]
            for position, effect in effects
            for c in effect.changes
            for when, stints in (("before", c.before), ("after", c.after))
            for stint in stints
        ),
    )


def rosters_changed_table(effects: Effects) -> Table:
    """One row for days on which a roster is another; an end that is unbounded is empty."""
    return Table(
        "rosters",
        ROSTER_COLUMNS,
        (
            [position, *id_and_name(one.lab), one.from_, one.to]
            for position, effect in effects
            for one in effect.rosters
        ),
    )


def headcounts_changed_table(effects: Effects) -> Table:
    """One row for days on which the counts of a lab moved by so much."""
    return Table(
        "headcounts",
        HEADCOUNT_COLUMNS,
        (
            [position, *id_and_name(one.lab), one.from_, one.to, one.certain, one.presumed,
             one.possible]
            for position, effect in effects
            for one in effect.headcounts
        ),
    )  # fmt: skip


def _correction(one: CorrectionView) -> list[Cell]:
    return [
        one.position,
        one.event_id,
        one.type,
        one.target.position,
        one.target.event_id,
        one.target.type,
        one.reason,
        one.recorded_at,
        one.recorded_by,
        one.effect.stood.since,
        one.effect.stood.days,
        one.effect.changes_total,
        [source.url for source in one.sources],
    ]


def _stint(stint: StintView) -> list[Cell]:
    start, end = stint.start, stint.end
    return [
        start.date,
        start.lo,
        start.hi,
        *((None,) * 3 if end is None else (end.date, end.lo, end.hi)),
        stint.role,
        stint.presence,
    ]
