"""Loading a file through the real command into a real service: how fast, in how much memory."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter

from service.domain.events import NewEvent
from tests.benchmarks import product
from tests.benchmarks.careers import Careers, body_of
from tests.benchmarks.processes import TIMELINE, Memory, started
from tests.benchmarks.sides import Measure, Result, Side, Taken, results_of
from tests.benchmarks.stage import Planned, Stage

WHOLE_SECONDS_MAX = 150
"""A file that would take longer is cut."""
TENTH = "the first tenth"


async def load(stage: Stage) -> list[Result]:
    """
    A file of as many events as the log is long, into an empty log.

    The first tenth goes before, by a service of its own: memory is flat if the rest, by another,
    takes no more.
    """
    dsn = await stage.database("loaded")
    await asyncio.to_thread(product.migrate, dsn)
    events = Careers(stage.seed).events()
    tenth = max(1, stage.events // 10)
    first = await _load(stage, dsn, events, tenth)
    stage.say(f"load of a file: {first.value:,.0f} events/s for the first {tenth:,} events")
    rest = max(min(stage.events - tenth, int(first.value * WHOLE_SECONDS_MAX)), 1)
    then = await _load(stage, dsn, events, rest)
    measure = Measure(
        name="load of a file",
        unit="events/s",
        sides=[
            Side(name=name, take_turn=lambda _: asyncio.sleep(0, then)) for name in ("ours", TENTH)
        ],
    )
    return results_of(measure, {"ours": [then], TENTH: [first]})


async def _load(stage: Stage, dsn: str, events: Iterator[NewEvent], number: int) -> Taken:
    file = stage.folder / "load.ndjson"
    await asyncio.to_thread(_write, file, islice(events, number))
    client, service = Memory(), Memory()
    async with stage.serving(dsn) as serving:
        command = (*TIMELINE, "load", str(file), "--json", "--url", serving.url)
        began = perf_counter()
        async with started((*command, "--key", serving.key), stage.folder / "load.log") as process:
            watching = asyncio.create_task(client.watch(process))
            told = await process.output()
            seconds = perf_counter() - began
            await watching
        service.look([serving.process.pid])
    file.unlink()
    assert f'"recorded":{number}'.encode() in told.replace(b" ", b""), told[:500]
    return Taken(
        number / seconds,
        also={
            "events": number,
            "client_peak_mb": client.together,
            "service_peak_mb": service.together,
        },
    )


def _write(file: Path, events: Iterator[NewEvent]) -> None:
    with file.open("wb") as lines:
        for event in events:
            lines.write(body_of(event) + b"\n")


PLANNED = (Planned("load of a file", load),)
