"""What was measured, as a table for people and as figures for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.sides import Result


def table(results: Sequence[Result], conditions: Mapping[str, Any]) -> str:
    """One line a side, ratios first."""
    lines = [", ".join(f"{name} {value}" for name, value in conditions.items()), ""]
    for result in results:
        ratio = "      " if result.ratio is None else f"{result.ratio:5.2f}×"
        goal = "" if result.goal is None else f" (goal {result.goal:g})"
        tail = (
            ""
            if result.p50_ms is None
            else f"  p50 {result.p50_ms:.2f} ms, p99 {result.p99_ms:.2f} ms"
        )
        lines.append(
            f"{result.measure:24} {ratio} {result.side:26} {result.median:12,.1f} "
            f"{result.unit} ±{result.spread / 2:.0%}{tail}{goal}"
        )
    return "\n".join(lines)


def write(folder: Path, results: Sequence[Result], conditions: Mapping[str, Any]) -> None:
    """The figures as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_bytes(
        msgspec.json.format(
            msgspec.json.encode({"conditions": conditions, "results": results}), indent=1
        )
    )
