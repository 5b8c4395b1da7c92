"""What was measured, as tables for people, as figures for programs and as charts."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks import charts
from tests.benchmarks.goals import Judged, judge
from tests.benchmarks.sides import Result, number


def tables(results: Sequence[Result], conditions: Mapping[str, Any]) -> str:
    """The goals, ratios first; then every side; then under which conditions."""
    return "\n".join(
        [
            *_goals(judge(results), {result.measure for result in results}),
            "",
            *_sides(results),
            "",
            *(f"{name}: {value}" for name, value in conditions.items()),
        ]
    )


def figures(results: Sequence[Result], conditions: Mapping[str, Any]) -> str:
    """All of it as JSON."""
    told = {"conditions": conditions, "goals": judge(results), "results": results}
    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode()


def write(folder: Path, results: Sequence[Result], conditions: Mapping[str, Any]) -> None:
    """`figures.json`, and a chart of the goals and of each measure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(figures(results, conditions) + "\n", encoding="utf-8")
    for name, svg in charts.draw(results, judge(results)):
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


def _goals(judged: Sequence[Judged], measured: AbstractSet[str]) -> Iterator[str]:
    """Those of the measures that were taken; of the others only how many there are."""
    yield f"{'to reach':82} {'measured':>10}  {'goal':10} reached"
    promise = ""
    shown = [one for one in judged if one.goal.measure in measured]
    for one in shown:
        if one.promise != promise:
            promise = one.promise
            yield promise
        figure = "-" if one.figure is None else number(one.figure)
        reached = "not measured" if one.is_reached is None else "yes" if one.is_reached else "no"
        yield f"  {one.what:80} {figure:>10}  {one.goal.bound:10} {reached}"

    if len(shown) < len(judged):
        yield f"{len(judged) - len(shown)} more goals are of measures that were not taken."


def _sides(results: Sequence[Result]) -> Iterator[str]:
    yield f"{'ours /':>7}  {'side':28} {'median':>10} {'unit':9} {'spread':>6}  also"
    measure = ""
    for result in results:
        if result.measure != measure:
            measure = result.measure
            yield measure
        if result.median is None or result.spread is None:
            yield f"{'':7}  {result.side:28} absent: {_first_line(result.absent)}"
            continue
        ratio = "" if result.ratio is None else number(result.ratio)
        yield (
            f"{ratio:>7}  {result.side:28} {number(result.median):>10} {result.unit:9} "
            f"{result.spread:6.0%}  {_also(result)}"
        ).rstrip()


def _first_line(reason: str | None) -> str:
    return (reason or "").splitlines()[0]


def _also(result: Result) -> str:
    times = {"p50": result.p50_ms, "p99": result.p99_ms}
    told = [f"{name} {ms:.2f} ms" for name, ms in times.items() if ms is not None]
    told += [f"{name.replace('_', ' ')} {number(value)}" for name, value in result.also.items()]
    return ", ".join(told)
