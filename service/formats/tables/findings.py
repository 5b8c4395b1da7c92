"""Findings as rows."""

from collections.abc import Iterable

from service.answers.findings import FindingView
from service.formats.csv import Cell, Table
from service.formats.tables.moves import id_and_name

COLUMNS = (
    "kind", "person_id", "person", "other_id", "other", "labs", "days", "detail", "events",
)  # fmt: skip


def findings_table(findings: Iterable[FindingView]) -> Table:
    """One row a finding."""
    return Table("findings", COLUMNS, (_finding(one) for one in findings))


def _finding(one: FindingView) -> list[Cell]:
    return [
        one.kind,
        *id_and_name(one.person),
        *id_and_name(one.other),
        [lab.id for lab in one.labs],
        one.days,
        one.detail,
        one.events,
    ]
