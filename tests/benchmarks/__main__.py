"""
The benchmark suite: ours and the references in turns, on one Postgres, in one run.

Starts a Postgres of its own with fsync and synchronous_commit on, generates a seeded history,
and writes a table, figures as JSON and charts as SVG.
"""

import asyncio
import platform
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import click

from service.app import make_current
from service.log.schema import migrate
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.pool import Pool
from service.recording.writer import Writer
from tests.benchmarks import report
from tests.benchmarks.appends import RawInserts, append, writer_on
from tests.benchmarks.careers import Careers
from tests.benchmarks.eventsourcing_library import Library
from tests.benchmarks.replays import copy_and_index, replay_all
from tests.benchmarks.sides import Measure, Result, Side, in_turns

BATCH = 1_000


@click.command()
@click.option("--events", default=10_000, help="Events in the log before anything is measured.")
@click.option("--rounds", default=5, help="Turns of each side.")
@click.option("--turn", default=2_000, help="Events that one turn of appending takes.")
@click.option("--only", default="", help="Only measures whose name contains this.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for figures and charts.")
def bench(events: int, rounds: int, turn: int, only: str, out: Path | None) -> None:
    """Measure side by side."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "data", settings={"max_connections": "200"})
        server.start()
        try:
            results = asyncio.run(_bench(server.dsn, events, rounds, turn, only))
        finally:
            server.stop()
    conditions = {
        "events": events,
        "rounds": rounds,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": str(len(__import__("os").sched_getaffinity(0))),
    }
    click.echo(report.table(results, conditions))
    if out is not None:
        report.write(out, results, conditions)


async def _bench(dsn: str, events: int, rounds: int, turn: int, only: str) -> list[Result]:
    ours = await _database(dsn, "ours")
    await asyncio.to_thread(migrate, ours)
    # One history for each side, so that none runs out of the other's events.
    careers = Careers(events + 100 * rounds * turn).events()
    for_raw, for_library = (Careers(100 * rounds * turn, seed).events() for seed in (2, 3))
    raw = RawInserts(await _database(dsn, "raw"))
    await raw.open(32)
    async with (
        writer_on(ours) as (pool, writer),
        _library(await _database(dsn, "library"), with_functions=False) as library,
        _library(await _database(dsn, "functions"), with_functions=True) as functions,
    ):
        await make_current(pool)
        await _fill(pool, writer, careers, events)
        results: list[Result] = []
        for measure in (
            *_appends(writer, careers, raw, for_raw, library, functions, for_library, turn),
            _batches(writer, careers, turn),
            Measure(
                name="replay",
                unit="events/s",
                sides=(
                    Side("ours", lambda: replay_all(pool)),
                    Side("copy and index", lambda: copy_and_index(ours, pool)),
                    Side("projection runner", lambda: functions.project(min(turn, 2_000))),
                ),
                goals={"copy and index": 0.35, "projection runner": 100},
            ),
        ):
            if only in measure.name:
                results += await in_turns(measure, rounds, _say)
    await raw.close()
    return results


def _appends(  # type: ignore[no-untyped-def]
    writer: Writer, careers, raw: RawInserts, for_raw, library, functions, for_library, turn: int
):
    for producers, number, goals in (
        (1, turn // 4, {"eventsourcing": 1.0}),
        (32, turn, {"eventsourcing": 2.5, "eventsourcing, functions": 2.5, "raw insert": 0.4}),
    ):
        yield Measure(
            name=f"append, {producers} producer{'s' if producers > 1 else ''}",
            unit="events/s",
            sides=(
                Side("ours", _bound(append, writer, careers, producers, number)),
                Side("raw insert", _bound(raw.append, for_raw, producers, number)),
                Side("eventsourcing", _bound(library.append, for_library, producers, number)),
                Side(
                    "eventsourcing, functions",
                    _bound(functions.append, for_library, producers, number),
                ),
            ),
            goals=goals,
        )


def _bound(call, *arguments):  # type: ignore[no-untyped-def]
    *first, producers, number = arguments
    return lambda: call(*first, producers=producers, number=number)


def _batches(writer: Writer, careers, turn: int) -> Measure:  # type: ignore[no-untyped-def]
    return Measure(
        name=f"batches of {BATCH}",
        unit="events/s",
        sides=(
            Side(
                "ours",
                lambda: append(
                    writer, careers, producers=1, number=max(turn, 4 * BATCH), batch=BATCH
                ),
            ),
        ),
    )


async def _fill(pool: Pool, writer: Writer, careers, events: int) -> None:  # type: ignore[no-untyped-def]
    """The log as it is before anything is measured."""
    done = 0
    while done < events:
        some = min(10_000, events - done)
        taken = await append(writer, careers, producers=1, number=some, batch=BATCH)
        done += some
        _say(f"filling the log: {done:,} of {events:,} ({taken.value:,.0f}/s)")
    async with pool.acquire() as connection:
        await connection.execute("ANALYZE events, event_subjects")


async def _database(dsn: str, name: str) -> str:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{name}"))


@asynccontextmanager
async def _library(dsn: str, *, with_functions: bool) -> AsyncIterator[Library]:
    opened = await asyncio.to_thread(Library, dsn, with_functions=with_functions)
    try:
        yield opened
    finally:
        await asyncio.to_thread(opened.close)


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


if __name__ == "__main__":
    bench()
