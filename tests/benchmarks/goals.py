"""What is to be reached, line by line, and by which measure each line is judged."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from tests.benchmarks.sides import Result, number

PEOPLE = ("40", "450", "4,400")
"""Present at the labs asked for, about; a short history has no lab of the largest size."""


class Goal(Struct, frozen=True, kw_only=True):
    """One number to be reached, in one measure."""

    measure: str
    against: str | None = None
    """The side to which ours is compared; None: the figure itself is judged."""
    figure: str = "value"
    at_least: float | None = None
    at_most: float | None = None

    @property
    def bound(self) -> str:
        """In signs: `≥ 0.4`."""
        if self.at_least is not None:
            return f"≥ {number(self.at_least)}"
        return f"≤ {number(self.at_most or 0)}"


class Line(Struct, frozen=True):
    """What is promised, in words, and the goals that say it in numbers."""

    promise: str
    goals: Sequence[Goal]


class Judged(Struct, frozen=True):
    """A goal beside what was measured."""

    promise: str
    goal: Goal
    figure: float | None
    """A ratio of ours over the side, or the figure itself; None: not measured."""
    is_reached: bool | None

    @property
    def what(self) -> str:
        """Which figure is judged: `append, 1 producer / raw insert: p99 ms`."""
        against = "" if self.goal.against is None else f" / {self.goal.against}"
        figure = self.goal.figure.replace("_", " ")
        return f"{self.goal.measure}{against}" + ("" if figure == "value" else f": {figure}")


LIBRARY, FUNCTIONS = "eventsourcing", "eventsourcing, functions"
RAW, BARE, QUERY = "raw insert", "bare endpoint", "index query"
FLOOR, FLOOR_PARALLEL, RUNNER = "copy, then index", "copy, then index, in parallel", "its runner"
SMALL = "10 thousand events"


def state(people: str, how: str) -> str:
    """The name of the measure of a lab's state."""
    return f"lab state, {people} people, {how}"


AGAIN, DAY, NEVER = "asked again", "on another day", "never asked before"
PAGES = HOME, LAB, PERSON = "home", "lab of 450", "person"


def page(what: str, how: str) -> str:
    """The name of the measure of a page."""
    return f"page, {what}, {how}"


LINES: tuple[Line, ...] = (
    Line(
        "append in process, 32 producers",
        (
            Goal(measure="append, 32 producers", against=LIBRARY, at_least=2.5),
            Goal(measure="append, 32 producers", against=FUNCTIONS, at_least=2.5),
            Goal(measure="append, 32 producers", against=RAW, at_least=0.4),
        ),
    ),
    Line(
        "append in process, one producer",
        (
            Goal(measure="append, 1 producer", against=LIBRARY, at_least=1),
            # 1.5 ms where the raw insert's is 0.3.
            Goal(measure="append, 1 producer", against=RAW, figure="p99_ms", at_most=5),
        ),
    ),
    Line(
        "append over HTTP, 32 connections",
        (Goal(measure="append over HTTP, 32 connections", against=BARE, at_least=0.4),),
    ),
    Line(
        "batches of 1,000",
        (Goal(measure="batches of 1,000", at_least=20_000),),
    ),
    Line(
        "load of a file, in flat memory",
        (
            Goal(measure="load of a file", at_least=20_000),
            Goal(measure="load of a file", figure="client_peak_mb", at_most=200),
            Goal(measure="load of a file", figure="service_peak_mb", at_most=200),
        ),
    ),
    Line(
        "replay, one process",
        (
            Goal(measure="replay, one process", against=FLOOR, at_least=0.35),
            Goal(measure="replay, one process", against=FLOOR_PARALLEL, at_least=0.35),
            Goal(measure="replay, one process", against=RUNNER, at_least=100),
            Goal(measure="replay, one process", figure="peak_mb", at_most=120),
        ),
    ),
    Line(
        "replay, two processes",
        (
            Goal(measure="replay, two processes", against=FLOOR, at_least=0.6),
            Goal(measure="replay, two processes", against=FLOOR_PARALLEL, at_least=0.6),
        ),
    ),
    Line(
        "replay under 500 writes/s",
        (
            Goal(measure="replay under 500 writes/s", against="without writes", at_least=0.6),
            Goal(measure="replay under 500 writes/s", figure="write_p99_ms", at_most=50),
            Goal(measure="replay under 500 writes/s", figure="switch_ms", at_most=250),
        ),
    ),
    Line(
        "lab state, repeated question",
        tuple(Goal(measure=state(p, "repeated"), against=BARE, at_least=0.9) for p in PEOPLE),
    ),
    Line(
        "lab state, repeated question, checked against the database",
        tuple(
            Goal(measure=state(p, "repeated, beside a second process"), against=BARE, at_least=0.45)
            for p in PEOPLE
        ),
    ),
    Line(
        "lab state, never asked before",
        tuple(
            Goal(measure=state(p, "never asked before"), against=BARE, at_least=least)
            for p, least in zip(PEOPLE, (0.4, 0.2, 0.1), strict=True)
        ),
    ),
    Line(
        "lab state, known_at in the past",
        tuple(
            # Within 1.3 times of the present's time.
            Goal(measure=state(p, "known in the past"), against="known now", at_least=1 / 1.3)
            for p in PEOPLE
        ),
    ),
    Line(
        "growth from 10 thousand events",
        tuple(
            Goal(measure=f"growth, {what}", against=SMALL, at_most=1.3)
            for what in ("append p50", "lab state p50", "person p50")
        ),
    ),
    Line(
        "pages, milliseconds on one connection",
        tuple(
            Goal(measure=page(what, how), figure="p50_ms", at_most=25)
            for what, how in (
                *((what, AGAIN) for what in PAGES),
                (LAB, DAY),
                *((what, NEVER) for what in PAGES),
            )
        ),
    ),
    Line(
        "two workers no slower in total than one",
        (
            Goal(measure="two workers, reading", against="one worker", at_least=1),
            Goal(measure="two workers, appending", against="one worker", at_least=1),
        ),
    ),
    Line(
        "start of serve on a full data directory",
        (Goal(measure="start on a full data directory", at_most=1.5),),
    ),
    Line(
        "first start, with the fixtures",
        (Goal(measure="first start", at_most=5),),
    ),
    Line(
        "memory of the service",
        (
            Goal(measure="memory of the service, idle", at_most=120),
            Goal(measure="memory of the service, under load", at_most=250),
        ),
    ),
)


def judge(results: Sequence[Result]) -> list[Judged]:
    """Every goal beside its figure, in the order of the lines."""
    return [
        Judged(line.promise, goal, figure, None if figure is None else _reaches(goal, figure))
        for line in LINES
        for goal in line.goals
        for figure in [_figure(goal, results)]
    ]


def measures() -> Iterator[str]:
    """The measures by which the goals are judged."""
    yield from dict.fromkeys(goal.measure for line in LINES for goal in line.goals)


def _reaches(goal: Goal, figure: float) -> bool:
    if goal.at_least is not None:
        return figure >= goal.at_least
    return goal.at_most is not None and figure <= goal.at_most


def _figure(goal: Goal, results: Sequence[Result]) -> float | None:
    sides = [result for result in results if result.measure == goal.measure]
    if not sides:
        return None
    ours = sides[0].figure(goal.figure)
    if goal.against is None:
        return ours
    other = next((side for side in sides if side.side == goal.against), None)
    if other is None:
        return None
    if goal.figure == "value":
        return other.ratio
    theirs = other.figure(goal.figure)
    return ours / theirs if ours is not None and theirs else None
