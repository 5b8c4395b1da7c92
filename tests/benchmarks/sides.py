"""What is measured side by side: ours, and what else does the work, in turns in one run."""

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import Literal

from msgspec import Struct

Unit = Literal["events/s", "answers/s", "s", "MB", "ms"]
Say = Callable[[str], None]

PILOT_SHARE = 0.2
"""Of a turn: so long has to take what tells how much fills one."""


class Taken(Struct, frozen=True):
    """One turn of one side."""

    value: float
    """In the measure's unit."""
    latencies_ms: Sequence[float] = ()
    """Of each operation, where each is waited for."""
    also: Mapping[str, float] = {}
    """What else was seen, by name and unit, such as `peak_mb`."""


class Side(Struct, frozen=True, kw_only=True):
    """One way to do the work."""

    name: str
    take_turn: Callable[[int], Awaitable[Taken]]
    """Does so many operations; one of fixed work takes no notice of the number."""
    pilot: int = 0
    """Operations of a first turn that only tells how many fill a turn; 0 of fixed work."""
    most: int | None = None
    """No turn can take more operations, however quick they are."""


class Absent(Struct, frozen=True):
    """A side that cannot be measured here."""

    name: str
    reason: str


class Measure(Struct, frozen=True, kw_only=True):
    """One piece of work and who does it; ours is the first side."""

    name: str
    unit: Unit
    sides: Sequence[Side | Absent]
    rounds_max: int | None = None


class Pace(Struct, frozen=True, kw_only=True):
    """How long measuring may take."""

    rounds: int
    """Turns of each side."""
    turn_seconds: float
    """About so long is a turn, where the number of operations is free."""
    measure_seconds: float
    """After so long no further round is begun; one there always is."""


class Result(Struct, frozen=True, kw_only=True):
    """What the turns of one side came to."""

    measure: str
    side: str
    unit: Unit
    turns: Sequence[float] = ()
    median: float | None = None
    """None of a side that is absent."""
    spread: float | None = None
    """Between the greatest and the least turn, as a share of the median."""
    ratio: float | None = None
    """Ours over this side, the median of the rounds; None of ours."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    also: Mapping[str, float] = {}
    """The greatest of the turns."""
    absent: str | None = None
    """Why there is nothing."""

    def figure(self, name: str) -> float | None:
        """One of the figures: `value`, `p50_ms`, `p99_ms`, or what else was seen."""
        if name == "value":
            return self.median
        if name in ("p50_ms", "p99_ms"):
            return self.p50_ms if name == "p50_ms" else self.p99_ms
        return self.also.get(name)


async def in_turns(measure: Measure, pace: Pace, say: Say) -> list[Result]:
    """Each side's figures, after rounds in which every side has one turn."""
    sides = [side for side in measure.sides if isinstance(side, Side)]
    taken: dict[str, list[Taken]] = {side.name: [] for side in sides}
    began = perf_counter()
    sizes = {side.name: await _size(side, pace) for side in sides}
    rounds = min(pace.rounds, measure.rounds_max or pace.rounds)
    for turn in range(rounds):
        # Every other round backwards: what one side leaves behind is not always the same's.
        for side in sides if turn % 2 == 0 else reversed(sides):
            _settle()
            taken[side.name].append(await side.take_turn(sizes[side.name]))
            last = taken[side.name][-1]
            say(
                f"{measure.name}: {side.name}: {number(last.value)} {measure.unit} "
                f"(round {turn + 1} of {rounds})"
            )
        if perf_counter() - began > pace.measure_seconds:
            break
    return results_of(measure, taken)


async def _size(side: Side, pace: Pace) -> int:
    """How many operations fill a turn, by first ones that do not count."""
    if side.pilot == 0:
        return 0
    pilot = max(1, round(min(side.pilot, side.most or side.pilot) * min(1, pace.turn_seconds)))
    while True:
        began = perf_counter()
        await side.take_turn(pilot)
        seconds = perf_counter() - began
        # The first operations of all are slow; a longer turn tells more.
        more = 4 * pilot
        if seconds > PILOT_SHARE * pace.turn_seconds or (side.most and 2 * more > side.most):
            break
        pilot = more
    enough = round(pilot * pace.turn_seconds / seconds)
    return max(min(enough, side.most or enough), 1)


def _settle() -> None:
    """Let nobody's turn look for garbage in what the suite itself keeps."""
    gc.collect()
    gc.freeze()


def results_of(measure: Measure, taken: Mapping[str, Sequence[Taken]]) -> list[Result]:
    """The figures of the sides, of those that had turns."""
    ours = taken.get(measure.sides[0].name, ())
    return [
        Result(measure=measure.name, side=side.name, unit=measure.unit, absent=side.reason)
        if isinstance(side, Absent)
        else _result(measure, side.name, taken[side.name], ours)
        for side in measure.sides
    ]


def _result(measure: Measure, side: str, taken: Sequence[Taken], ours: Sequence[Taken]) -> Result:
    values = [t.value for t in taken]
    median = statistics.median(values)
    latencies = sorted(ms for t in taken for ms in t.latencies_ms)
    is_ours = side == measure.sides[0].name
    # Of turns of one round, since both had the same machine then, however busy it was.
    ratios = [mine.value / theirs.value for mine, theirs in zip(ours, taken, strict=False)]
    return Result(
        measure=measure.name,
        side=side,
        unit=measure.unit,
        turns=values,
        median=median,
        spread=(max(values) - min(values)) / median,
        ratio=None if is_ours or not ratios else statistics.median(ratios),
        p50_ms=_percentile(latencies, 0.50),
        p99_ms=_percentile(latencies, 0.99),
        also=_greatest([t.also for t in taken]),
    )


def _greatest(turns: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each figure that was seen in some turn."""
    names = dict.fromkeys(name for also in turns for name in also)
    return {name: max(also[name] for also in turns if name in also) for name in names}


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def number(value: float) -> str:
    """With as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
