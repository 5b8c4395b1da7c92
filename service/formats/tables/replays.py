"""Replays, and the rows in which they differed, as rows."""

import json
from collections.abc import Iterable

from service.formats.csv import Table
from service.read_models.drift import Difference
from service.read_models.replays import Replay

COLUMNS = (
    "id", "state", "step", "check", "rolls_back", "started_at", "finished_at", "done", "total",
    "checkpoint", "drift_rows", "detail",
)  # fmt: skip
DRIFT_COLUMNS = ("model", "side", "kind", "subject", "known_from", "known_to", "content")


def replays_table(replays: Iterable[Replay]) -> Table:
    """One row a replay."""
    return Table("replays", COLUMNS, ([getattr(r, field) for field in COLUMNS] for r in replays))


def drift_table(drift: Iterable[Difference]) -> Table:
    """One row for each row that only one of the two read models has; what it says as JSON."""
    return Table(
        "drift",
        DRIFT_COLUMNS,
        (
            [*(getattr(row, field) for field in DRIFT_COLUMNS[:-1]), json.dumps(row.content)]
            for row in drift
        ),
    )
