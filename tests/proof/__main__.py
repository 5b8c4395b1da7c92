"""`python -m tests.proof`: the command line of the proof."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import click

from tests.proof import report
from tests.proof.plan import PLAN, Part
from tests.proof.results import ROOT, Result, begin, passed, read_results, source
from tests.proof.running import run

INTERRUPTED = 130
TELL_SECONDS = 15.0
"""Between two words about the same part, unless something ended."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Example:
  python -m tests.proof
  python -m tests.proof --quick --only faults
  python -m tests.proof --readme""",
)
@click.option("--quick", "is_quick", is_flag=True, help="A few of each, in some minutes.")
@click.option("--only", multiple=True, help="Only parts with this in their name; repeatable.")
@click.option("--list", "is_list", is_flag=True, help="Name the parts and end.")
@click.option("--again", "is_again", is_flag=True, help="Begin anew, not where it ended.")
@click.option("--seed", default=1, show_default=True, help="Of histories, inputs and moments.")
@click.option("--readme", "is_for_readme", is_flag=True, help="Show the last report in README.md.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "build" / "proof",
    help="Folder for results, reports and what pytest said.  [default: build/proof]",
)
def prove(
    is_quick: bool,
    only: tuple[str, ...],
    is_list: bool,
    is_again: bool,
    seed: int,
    is_for_readme: bool,
    out: Path,
) -> None:
    """
    Run every fault, interleaving and input in full, and tell what was lost.

    It takes about an hour on two cores. An interrupt keeps what is done, and the same command goes
    on from there, unless the code was changed; what failed is run again. Progress goes to stderr,
    the report to stdout and, as report.md and report.json, to the folder.
    """
    if is_list:
        click.echo("\n".join(part.name for part in PLAN))
        return
    if is_for_readme:
        _show(out)
        return
    parts = [part for part in PLAN if not only or any(word in part.name for word in only)]
    if not parts:
        raise click.UsageError(f"No part is called {' or '.join(only)}; --list names them.")
    proof = _Proof(parts, out, is_quick=is_quick, seed=seed, is_again=is_again)
    was_interrupted = proof.run()
    told = proof.report()
    (out / "report.json").write_text(report.to_json(told), encoding="utf-8")
    (out / "report.md").write_text(report.to_markdown(told), encoding="utf-8")
    click.echo(report.to_markdown(told), nl=False)
    if was_interrupted:
        _say("Interrupted; the same command goes on from here.")
        raise click.exceptions.Exit(INTERRUPTED)
    if told.failed or told.missing:
        raise click.ClickException(f"Not everything held; what pytest said is in {out}.")


def _show(out: Path) -> None:
    file = out / "report.json"
    if not file.exists():
        raise click.UsageError(f"There is no report in {out}; run the proof first.")
    last = report.read_report(file)
    if last.failed or last.missing:
        raise click.UsageError("The last proof did not hold or was not whole; run it again.")
    report.show_in_readme(last)
    _say("The report stands in README.md.")


class _Proof:
    """The parts one after the other."""

    def __init__(
        self, parts: Sequence[Part], out: Path, *, is_quick: bool, seed: int, is_again: bool
    ) -> None:
        self._parts = parts
        self._file = out / "results.jsonl"
        self._is_quick = is_quick
        self._seed = seed
        self._source = source(is_quick=is_quick, seed=seed)
        self._unfinished = [part.name for part in parts]
        if is_again:
            self._file.unlink(missing_ok=True)
        kept = begin(self._file, self._source)
        if kept:
            _say(f"{len(passed(kept))} tests were run before and are not run again.")
        self._began = self._told_at = time.monotonic()
        self._told = (0, 0)

    def run(self) -> bool:
        """Whether it was interrupted."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            for number, part in enumerate(self._parts):
                self._run(number, part)
        except KeyboardInterrupt:
            return True
        return False

    def report(self) -> report.Report:
        """Of all that is in the file, of earlier runs too."""
        results = [r for r in read_results(self._file) if r.part in {p.name for p in self._parts}]
        return report.report_of(results, self._source, self._unfinished, _seconds(results))

    def _run(self, number: int, part: Part) -> None:
        began = time.monotonic()
        self._tell(number, part, 0, 0, began)
        is_over = run(
            part,
            self._file,
            sorted(passed(read_results(self._file))),
            is_quick=self._is_quick,
            seed=self._seed,
            tell=lambda done, planned: self._tell(number, part, done, planned, began),
        )
        if is_over:
            self._unfinished.remove(part.name)

    def _tell(self, number: int, part: Part, done: int, planned: int, began: float) -> None:
        now = time.monotonic()
        is_new = (number, done) != self._told
        if not is_new and now - self._told_at < TELL_SECONDS:
            return
        self._told, self._told_at = (number, done), now
        of = f"{done} of {planned} tests" if planned else "collecting"
        left = "" if self._is_quick else f", about {self._minutes_left(number, now - began)} left"
        _say(
            f"{(now - self._began) / 60:5.1f} min  [{number + 1}/{len(self._parts)}] {part.name}: "
            f"{of}{left}"
        )

    def _minutes_left(self, number: int, seconds: float) -> str:
        this, *others = self._parts[number:]
        left = max(this.minutes - seconds / 60, 1) + sum(part.minutes for part in others)
        return f"{left:.0f} min"


def _seconds(results: Sequence[Result]) -> float:
    return sum(result.seconds for result in results)


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


if __name__ == "__main__":
    prove(prog_name="python -m tests.proof")
