"""What is measured side by side: ours, and what else does the work, in turns in one run."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Literal

from msgspec import Struct

Unit = Literal["events/s", "answers/s", "seconds", "MB", "ms"]


class Taken(Struct, frozen=True):
    """One turn of one side."""

    value: float
    """In the measure's unit."""
    latencies_ms: Sequence[float] = ()
    """Of each operation, where each is waited for."""


class Side(Struct, frozen=True):
    """One way to do the work."""

    name: str
    take_turn: Callable[[], Awaitable[Taken]]


class Measure(Struct, frozen=True, kw_only=True):
    """One piece of work and who does it; ours is the first side."""

    name: str
    unit: Unit
    sides: Sequence[Side]
    goals: dict[str, float] = {}
    """The least ratio of ours to a side, by its name; of seconds and MB the greatest."""


class Result(Struct, frozen=True, kw_only=True):
    """What the turns of one side came to."""

    measure: str
    side: str
    unit: Unit
    median: float
    spread: float
    """Between the greatest and the least turn, as a share of the median."""
    turns: Sequence[float]
    p50_ms: float | None
    p99_ms: float | None
    ratio: float | None
    """Ours to this side; above 1 ours is faster. None of ours."""
    goal: float | None


async def in_turns(measure: Measure, rounds: int, say: Callable[[str], None]) -> list[Result]:
    """Each side's figures, after *rounds* rounds in which every side has one turn."""
    taken: dict[str, list[Taken]] = {side.name: [] for side in measure.sides}
    for turn in range(rounds):
        # Every other round backwards: what one side leaves behind is not always the same's.
        for side in measure.sides if turn % 2 == 0 else reversed(measure.sides):
            began = perf_counter()
            taken[side.name].append(await side.take_turn())
            say(
                f"{measure.name}: {side.name}, round {turn + 1} of {rounds}: "
                f"{taken[side.name][-1].value:,.1f} {measure.unit} "
                f"({perf_counter() - began:.1f} s)"
            )
    ours = statistics.median(t.value for t in taken[measure.sides[0].name])
    return [_result(measure, side.name, taken[side.name], ours) for side in measure.sides]


def _result(measure: Measure, side: str, taken: Sequence[Taken], ours: float) -> Result:
    values = [t.value for t in taken]
    median = statistics.median(values)
    latencies = sorted(ms for t in taken for ms in t.latencies_ms)
    is_ours = side == measure.sides[0].name
    is_rate = measure.unit in ("events/s", "answers/s")
    return Result(
        measure=measure.name,
        side=side,
        unit=measure.unit,
        median=median,
        spread=(max(values) - min(values)) / median if median else 0.0,
        turns=values,
        p50_ms=_percentile(latencies, 0.50),
        p99_ms=_percentile(latencies, 0.99),
        ratio=None if is_ours else (ours / median if is_rate else median / ours),
        goal=measure.goals.get(side),
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None
