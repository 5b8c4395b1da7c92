"""Moves, and what is counted of them, as rows."""

from collections.abc import Iterable
from itertools import chain

from service.answers.flows import Flow
from service.answers.movements import Tally
from service.answers.moves import MoveEnd, MoveView
from service.answers.names import Named
from service.formats.csv import Cell, Table

_END = ("", "_lo", "_hi", "_role", "_team", "_relation", "_event")
MOVE_COLUMNS = (
    "person_id", "person", "from_id", "from", "to_id", "to",
    *(f"left{part}" for part in _END), *(f"joined{part}" for part in _END),
    "gap_days_lo", "gap_days_hi", "is_next", "in_period", "also_at", "events",
)  # fmt: skip
FLOW_COLUMNS = ("from_id", "from", "to_id", "to", "certain", "possible")
TALLY_COLUMNS = (
    "from", "to", "joined_certain", "joined_possible", "left_certain", "left_possible",
)  # fmt: skip


def moves_table(name: str, moves: Iterable[MoveView]) -> Table:
    """One row a move: each date as it is written, and in bounds."""
    return Table(name, MOVE_COLUMNS, (_move(move) for move in moves))


def flows_table(name: str, *flows: Iterable[Flow]) -> Table:
    """One row for two labs; `possible` counts those who come on top of the certain ones."""
    return Table(name, FLOW_COLUMNS, (_flow(flow) for flow in chain.from_iterable(flows)))


def tallies_table(name: str, tallies: Iterable[Tally]) -> Table:
    """One row a period, whose last day is in it."""
    return Table(
        name,
        TALLY_COLUMNS,
        (
            [t.from_on, t.to_on, t.joined.certain, t.joined.possible, t.left.certain,
             t.left.possible]
            for t in tallies
        ),
    )  # fmt: skip


def id_and_name(one: Named | None) -> list[Cell]:
    """Two cells; empty of nobody."""
    return [None, None] if one is None else [one.id, one.name]


def _move(move: MoveView) -> list[Cell]:
    gap = move.gap
    return [
        *id_and_name(move.person),
        *id_and_name(move.from_lab),
        *id_and_name(move.to_lab),
        *_end(move.left),
        *_end(move.joined),
        *((None, None) if gap is None else (gap.lo, gap.hi)),
        move.is_next,
        move.in_period,
        [one.lab.id for one in move.elsewhere],
        move.events,
    ]


def _end(end: MoveEnd | None) -> list[Cell]:
    if end is None:
        return [None] * len(_END)
    return [end.date, end.lo, end.hi, end.role, end.team, end.relation, end.event]


def _flow(flow: Flow) -> list[Cell]:
    count = flow.count
    return [
        *id_and_name(flow.from_lab),
        *id_and_name(flow.to_lab),
        count.certain,
        count.possible,
    ]
