"""Keeping beliefs: reading the rows believed now, closing and inserting rows."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from service.domain.subjects import Subject
from service.postgres.joining import Write, run_as_one
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import (
    FOLLOWED,
    MODELS,
    Belief,
    Beliefs,
    Columns,
    Model,
    Row,
)

_SQL = load_statements("service.read_models", "rows.sql")
_FETCH_BELIEVED = _SQL["fetch_believed"]
_CLOSE_FOLLOWED = _SQL["close_followed"]
_CLOSE: dict[Model, str] = {model: _SQL[f"close_{model}"] for model in MODELS}
_INSERT: dict[Model, str] = {model: _SQL[f"insert_{model}"] for model in MODELS}

_STINT_COLUMNS = (
    "known_from",
    "known_to",
    "content",
    "person_id",
    "lab_id",
    "start_lo",
    "end_hi",
)
COPIED_STINTS_MIN = 64
"""From so many on COPY costs less than arrays; of the other models a group brings few rows."""


class BelievedRow(NamedTuple):
    """A row that is believed now, and whom it is about."""

    subject: Subject
    row: Row
    belief: Belief


async def fetch_believed(
    connection: Connection, *, people: Iterable[str], labs: Iterable[str]
) -> list[BelievedRow]:
    """
    Every row that is believed now about these people and labs, by their ids.

    Those that are followed are left out: of n like events there are n² of them.
    """
    rows = await connection.fetch(_FETCH_BELIEVED, list(people), list(labs))
    return [
        BelievedRow(
            Subject(row["kind"], row["subject_id"]),
            Row(row["model"], row["content"]),
            Belief(row["known_from"], row["row_id"], ()),
        )
        for row in rows
    ]


class _Changes:
    """The rows that end and those that begin."""

    def __init__(self, units: Iterable[Beliefs]) -> None:
        self.closed: dict[str, list[Belief]] = {}
        self.followed: list[tuple[Row, Belief]] = []
        self.added: dict[str, list[tuple[Row, Belief]]] = {}
        for unit in units:
            for row, belief in unit.closed():
                if belief.row_id == FOLLOWED:
                    self.followed.append((row, belief))
                else:
                    self.closed.setdefault(row.model, []).append(belief)
            for pair in unit.added():
                self.added.setdefault(pair[0].model, []).append(pair)

    def writes(self) -> list[Write]:
        """
        What writes them, one statement for each model.

        Rows that end were there before, and those that begin and end within the same changes are
        inserted as ended; so none of it depends on another.
        """
        writes = []
        if self.followed:
            writes.append(Write(_CLOSE_FOLLOWED, _followed_columns(self.followed)))
        # In one order, so that the same parts are the same statement.
        for model in MODELS:
            if model in self.closed:
                writes.append(Write(_CLOSE[model], _closed_columns(self.closed[model])))
            if model in self.added:
                writes.append(Write(_INSERT[model], _row_columns(model, self.added[model])))
        return writes


async def keep(connection: Connection, beliefs: Iterable[Beliefs]) -> None:
    """Write what changed; durable when the caller's transaction commits."""
    changes = _Changes(beliefs)
    if len(changes.added.get("stints", ())) >= COPIED_STINTS_MIN:
        stints = changes.added.pop("stints")
        await connection.copy_records_to_table(
            "stints",
            columns=_STINT_COLUMNS,
            records=((b.known_from, b.known_to, row.content, *b.columns) for row, b in stints),
        )
    await run_as_one(connection, changes.writes())


def kept(units: Iterable[Beliefs]) -> list[Write]:
    """What writes the changes of some beliefs: the rows that end and those that begin."""
    return _Changes(units).writes()


def _followed_columns(ended: Sequence[tuple[Row, Belief]]) -> list[list[Any]]:
    """Rows that are followed and end, as `close_followed` takes them."""
    return [
        [belief.columns[1] for _, belief in ended],
        [row.content for row, _ in ended],
        [belief.known_to for _, belief in ended],
    ]


def _closed_columns(ended: Sequence[Belief]) -> list[list[Any]]:
    """Rows of one model that end, as its `close_…` takes them."""
    return [[b.row_id for b in ended], [b.known_to for b in ended]]


def _row_columns(model: Model, begun: Sequence[tuple[Row, Belief]]) -> list[list[Any]]:
    """New rows of one model, as its `insert_…` takes them."""
    return [
        [b.known_from for _, b in begun],
        [b.known_to for _, b in begun],
        [row.content for row, _ in begun],
        *_columns(model, [b.columns for _, b in begun]),
    ]


def _columns(model: Model, rows: Sequence[Columns]) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    if model == "findings":
        join: Callable[[Iterable[str]], str] = " ".join
        columns[-1] = [join(ids) for ids in columns[-1]]
    return columns
