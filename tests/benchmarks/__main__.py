"""`timeline bench`, or `python -m tests.benchmarks`: the command line of the suite."""

import asyncio
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import click
import uvloop

from service.postgres.embedded import EmbeddedPostgres
from tests.benchmarks import conditions, report
from tests.benchmarks.sides import Pace, Result
from tests.benchmarks.stage import DATA, Planned, Stage
from tests.benchmarks.suite import PLANNED, chosen

INTERRUPTED = 130
CONNECTIONS = 200


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""The peer that ours is measured against comes with: pip install -e '.[bench]'

\b
Example:
  timeline bench --events 100000 --out figures
  timeline bench --only 'lab state' --only replay""",
)
@click.option(
    "--events",
    type=click.IntRange(min=100),
    default=10_000,
    show_default=True,
    help="Events in the log before anything is measured; 10 thousand to 5 million make sense.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Turns of each side.",
)
@click.option(
    "--turn",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds that a turn takes, where the work has no length of its own.",
)
@click.option("--only", multiple=True, help="Only measures with this in their name; repeatable.")
@click.option("--list", "is_list", is_flag=True, help="Name the measures and end.")
@click.option("--json", "is_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--seed", default=1, show_default=True, help="Of the histories.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for figures.json and charts (SVG).",
)
def bench(
    events: int,
    rounds: int,
    turn: float,
    only: tuple[str, ...],
    is_list: bool,
    is_json: bool,
    seed: int,
    out: Path | None,
) -> None:
    """
    Measure speed: ours, the floors and a peer, in turns, on one Postgres that waits for the disk.

    Progress goes to stderr, tables to stdout. An interrupt ends it and tells what is there.
    """
    if is_list:
        click.echo("\n".join(one.name for one in PLANNED))
        return
    plan = chosen(only)
    if not plan:
        raise click.UsageError(f"No measure is called {' or '.join(only)}; --list names them.")
    # Less than half a minute a measure, so that the whole of it fits into a quarter of an hour.
    pace = Pace(rounds=rounds, turn_seconds=turn, measure_seconds=25)
    run = _Run(plan, events, seed, pace)
    run.measure()
    told = run.conditions()
    click.echo((report.figures if is_json else report.tables)(run.results, told))
    if out is not None:
        report.write(out, run.results, told)
        _say(f"Figures and charts are in {out}.")
    if run.was_interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if run.failures:
        raise click.ClickException(f"{run.failures} of {len(plan)} measures failed; see there.")


class _Run:
    def __init__(self, plan: list[Planned], events: int, seed: int, pace: Pace) -> None:
        self._plan = plan
        self._events = events
        self._seed = seed
        self._pace = pace
        self._machine = conditions.of_machine()
        self._server: dict[str, str] = {}
        self._began_at = datetime.now(UTC)
        self._began = perf_counter()
        self.results: list[Result] = []
        self.failures = 0
        self.was_interrupted = False

    def measure(self) -> None:
        """Measure what is planned, until an interrupt at most."""
        with tempfile.TemporaryDirectory(prefix="timeline-bench-") as folder:
            server = EmbeddedPostgres(
                Path(folder) / DATA,
                on_progress=_say,
                settings={"max_connections": str(CONNECTIONS)},
            )
            try:
                server.start()
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(self._measure(server, Path(folder)))
            except (KeyboardInterrupt, asyncio.CancelledError):
                _say("Interrupted; this is what was measured until now.")
                self.was_interrupted = True
            finally:
                server.stop()

    async def _measure(self, server: EmbeddedPostgres, folder: Path) -> None:
        task = asyncio.current_task()
        assert task is not None, "this is one"
        # As an interrupt, which the runner sees to: nothing that was started is left behind.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        self._server = dict(await conditions.durable(server.dsn))
        async with Stage(
            server=server,
            folder=folder,
            events=self._events,
            seed=self._seed,
            pace=self._pace,
            say=self._say,
        ) as stage:
            for number, one in enumerate(self._plan, start=1):
                self._say(f"[{number}/{len(self._plan)}] {one.name}")
                self.results += await self._taken(one, stage)

    async def _taken(self, one: Planned, stage: Stage) -> list[Result]:
        """What a measure tells; of one that fails the reason, so that the others are not lost."""
        try:
            return await one.run(stage)
        except Exception as fault:  # noqa: BLE001 (whatever it is, it is told, and the run fails)
            self.failures += 1
            reason = f"failed: {type(fault).__name__}: {fault}"
            self._say(reason)
            return [Result(measure=one.name, side="ours", unit="s", absent=reason)]

    def conditions(self) -> dict[str, str]:
        """Under which these figures came about."""
        return {
            "events": f"{self._events:,}",
            "seed": str(self._seed),
            "rounds": str(self._pace.rounds),
            "turn_seconds": f"{self._pace.turn_seconds:g}",
            "began_at": self._began_at.isoformat(timespec="seconds"),
            "seconds": f"{perf_counter() - self._began:,.0f}",
            **self._machine,
            "load_average_after": conditions.load_average(),
            **self._server,
            "shared": "the suite, its HTTP client included, the service and Postgres share the cpus",
        }

    def _say(self, sentence: str) -> None:
        _say(f"{perf_counter() - self._began:7.1f} s  {sentence}")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


if __name__ == "__main__":
    bench(prog_name="timeline bench")
