"""What was gone through and what was lost, as tables for people and as JSON."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from service.postgres.binaries import find_binaries, own_account, unprivileged_account
from tests.proof.results import ROOT, Result, Source
from tests.support.counted import Kind

HEADINGS: dict[Kind, tuple[str, str]] = {
    "fault": ("faults survived", "times"),
    "interleaving": ("interleavings tried", "orders"),
    "input": ("inputs tried", "inputs"),
}
LAST = Path(__file__).with_name("last.json")
"""The report that the README shows."""
README = ROOT / "README.md"
BEGIN, END = "<!-- the proof -->\n", "<!-- the end of the proof -->\n"


class Row(Struct, frozen=True):
    """How much of something was gone through, and which tests of it failed."""

    kind: Kind
    what: str
    number: int
    lost: Sequence[str]


class Conditions(Struct, frozen=True):
    """Under which the report came about."""

    commit: str
    """With a plus if something was changed since."""
    finished_at: str
    minutes: float
    """That the tests took, one after the other; not counting what was interrupted."""
    cores: int
    system: str
    postgres: str
    python: str
    seed: int
    is_quick: bool


class Report(Struct, frozen=True):
    """All of it."""

    conditions: Conditions
    rows: Sequence[Row]
    tests: int
    """That passed."""
    skipped: Sequence[str]
    failed: Sequence[str]
    """Those included that failed before they counted anything."""
    missing: Sequence[str]
    """Parts that were not run to their end."""


def report_of(
    results: Sequence[Result], source: Source, missing: Sequence[str], seconds: float
) -> Report:
    """What *results* come to."""
    rows: dict[tuple[Kind, str], Row] = {}
    for result in results:
        for one in result.counted:
            row = rows.get((one.kind, one.what), Row(one.kind, one.what, 0, ()))
            lost = [result.test] if result.outcome == "failed" else []
            number = row.number + one.number
            rows[one.kind, one.what] = Row(one.kind, one.what, number, [*row.lost, *lost])
    in_order = sorted(rows.values(), key=lambda row: (list(HEADINGS).index(row.kind), row.what))
    by_outcome = {
        outcome: sorted(r.test for r in results if r.outcome == outcome)
        for outcome in ("passed", "skipped", "failed")
    }
    return Report(
        Conditions(
            commit=source.commit + ("+" if source.changes else ""),
            finished_at=datetime.now(UTC).isoformat(timespec="minutes"),
            minutes=round(seconds / 60, 1),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
            system=f"{platform.system()} {platform.machine()}",
            postgres=_postgres(),
            python=platform.python_version(),
            seed=source.seed,
            is_quick=source.is_quick,
        ),
        in_order,
        len(by_outcome["passed"]),
        by_outcome["skipped"],
        by_outcome["failed"],
        list(missing),
    )


def _postgres() -> str:
    """Of the server that the tests start; faults are of that one even if others are of another."""
    account = unprivileged_account() if os.geteuid() == 0 else own_account()
    return find_binaries(account, major=None, on_progress=lambda _: None).version


def to_json(report: Report) -> str:
    """For programs, and to be kept."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"


def to_markdown(report: Report) -> str:
    """For people: a table of each kind, what failed, and the conditions."""
    return "\n".join([*_tables(report), *_told(report), ""])


def _tables(report: Report) -> Iterator[str]:
    for kind, (heading, unit) in HEADINGS.items():
        rows = [row for row in report.rows if row.kind == kind]
        if not rows:
            continue
        total = sum(row.number for row in rows)
        failed = sum(len(row.lost) for row in rows)
        yield f"| {heading} | {unit} | lost |"
        yield "|---|---:|---|"
        for row in rows:
            yield f"| {row.what} | {row.number:,} | {_lost(row.lost)} |"
        yield f"| **in all** | **{total:,}** | **{failed or 'nothing'}** |"
        yield ""


def _told(report: Report) -> Iterator[str]:
    under = report.conditions
    yield (
        f"{report.tests:,} tests passed, {len(report.failed)} failed, "
        f"{len(report.skipped)} were left out"
        + (f"; not run to the end: {', '.join(report.missing)}" if report.missing else "")
        + "."
    )
    yield from (f"- failed: `{test}`" for test in report.failed)
    yield (
        f"{'Quick run' if under.is_quick else 'Full run'} of commit `{under.commit}`, finished "
        f"{under.finished_at}, {under.minutes:g} minutes of tests: {under.cores} cores, {under.system}, "
        f"Postgres {under.postgres}, Python {under.python}, seed {under.seed}."
    )


def _lost(tests: Sequence[str]) -> str:
    return "0" if not tests else ", ".join(f"`{test.rpartition('::')[2]}`" for test in tests)


def show_in_readme(report: Report) -> None:
    """Put *report* between the marks of the README, and keep it for the test that compares."""
    LAST.write_text(to_json(report), encoding="utf-8")
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + to_markdown(report) + END + after, encoding="utf-8")


def shown_in_readme() -> str:
    """What stands between the marks."""
    _, rest = README.read_text(encoding="utf-8").split(BEGIN)
    return rest.split(END)[0]


def read_report(file: Path) -> Report:
    """One that was written as JSON."""
    return msgspec.json.decode(file.read_bytes(), type=Report)
