"""Replaying: the whole log into the read models, alone and while a client writes."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from time import perf_counter, time
from typing import Any

import asyncpg
import httpx
import msgspec
from msgspec import Struct

from service.domain.events import NewEvent
from tests.benchmarks import product
from tests.benchmarks.appends import posts, shared_out, told_apart
from tests.benchmarks.asking import Answered, ask
from tests.benchmarks.careers import Careers
from tests.benchmarks.goals import FLOOR, FLOOR_PARALLEL, RUNNER
from tests.benchmarks.processes import TIMELINE, Memory, started
from tests.benchmarks.sides import Absent, Measure, Result, Side, Taken, results_of
from tests.benchmarks.stage import DATA, LIBRARY_ABSENT, History, Planned, Service, Stage

PROJECTED = 1_000
"""Events through the peer's projection runner; its rate does not depend on how many there are."""
WRITES_A_SECOND = 500
WRITING_CONNECTIONS = 16
WRITES_MAX = 400_000
SWITCH_SECONDS = 1.0
"""Writes answered from so shortly before a replay was done on are the ones that a switch holds up."""
BEFORE_SECONDS = 3.0
"""Of writing alone, before the replay begins."""
LOOK_SECONDS = 0.1
REPLAY_SECONDS_MAX = 3_600
_WORK_MEMORY = "SET maintenance_work_mem = '256MB'"


async def alone(stage: Stage, processes: int, name: str) -> list[Result]:
    """A replay in its own processes, beside copying in what it wrote, and beside the peer's runner."""
    history = await stage.ours()
    floor = await _floor(stage, history)
    shared = ("--processes", str(processes)) if product.replays_in_processes() else ()
    sides: list[Side | Absent] = [
        Side(name="ours", take_turn=lambda _: _replay(stage, *shared)),
        Side(name=FLOOR, take_turn=lambda _: floor.copy_and_index(is_parallel=False)),
        Side(name=FLOOR_PARALLEL, take_turn=lambda _: floor.copy_and_index(is_parallel=True)),
    ]
    if processes == 1:
        sides.append(await _runner(stage))
    elif not product.replays_in_processes():
        sides[0] = Absent("ours", "replay takes no number of processes")
    return await stage.in_turns(Measure(name=name, unit="events/s", sides=sides))


async def under_writes(stage: Stage) -> list[Result]:
    """The service replays and takes writes at once, beside the same service left alone."""
    history = await stage.ours()
    service = await stage.service(history)
    without = "without writes"
    taken: dict[str, list[Taken]] = {"ours": [], without: []}
    began = perf_counter()
    for turn in range(stage.pace.rounds):
        quiet = await _replayed(service)
        taken[without].append(quiet.taken())
        stage.say(f"replay under 500 writes/s: {without}: {taken[without][-1].value:,.0f} events/s")
        careers = Careers(stage.seed + 100 + turn, prefix=f"beside-{turn}-")
        # Enough for a replay that takes four times as long.
        number = WRITES_A_SECOND * round(BEFORE_SECONDS + SWITCH_SECONDS + 5 + 4 * quiet.seconds)
        events = list(islice(careers.events(), min(number, WRITES_MAX)))
        taken["ours"].append(await _replayed_under_writes(service, events))
        stage.say(f"replay under 500 writes/s: ours: {taken['ours'][-1].value:,.0f} events/s")
        if perf_counter() - began > stage.pace.measure_seconds:
            break
    measure = Measure(
        name="replay under 500 writes/s",
        unit="events/s",
        sides=[Side(name=side, take_turn=_never) for side in taken],
    )
    return results_of(measure, taken)


class Replayed(Struct, frozen=True):
    """One replay of the service, by its own record."""

    events: int
    seconds: float
    finished_at: float
    """In seconds since 1970."""

    def taken(self) -> Taken:
        """As the turn of a side."""
        return Taken(self.events / self.seconds)


async def _replayed(service: Service) -> Replayed:
    """Ask the service for a replay, and wait until it is done."""
    async with httpx.AsyncClient(
        base_url=service.url, headers={"Authorization": f"Bearer {service.key}"}, timeout=120
    ) as client:
        answer = await client.post("/v1/replays")
        assert answer.status_code == 202, answer.text
        async with asyncio.timeout(REPLAY_SECONDS_MAX):
            told = answer.json()
            while told["state"] == "running":
                await asyncio.sleep(LOOK_SECONDS)
                told = (await client.get(answer.headers["Location"])).json()
    return _by_record(told)


def _by_record(told: dict[str, Any]) -> Replayed:
    assert told["state"] == "done", told
    started_at, finished_at = (
        datetime.fromisoformat(told[name]).timestamp() for name in ("started_at", "finished_at")
    )
    return Replayed(told["total"], finished_at - started_at, finished_at)


async def _replayed_under_writes(service: Service, events: Sequence[NewEvent]) -> Taken:
    """
    The same under writes that come evenly, however long the ones before them take.

    The wait of each counts from when it was due, so that a stall is told by all that it held up.
    """
    labs, others = told_apart(iter(events))
    await ask(service.url, [posts(service, labs)], status=201)
    is_done = False
    writing = asyncio.create_task(
        ask(
            service.url,
            shared_out(service, others, WRITING_CONNECTIONS),
            status=201,
            until=lambda: is_done,
            a_second=WRITES_A_SECOND,
        )
    )
    try:
        await asyncio.sleep(BEFORE_SECONDS)
        began = perf_counter()
        replayed = await _replayed(service)
        await asyncio.sleep(SWITCH_SECONDS)
    finally:
        is_done = True
        asked = await writing
    # The record tells time by the wall's clock, the client by its own.
    finished = replayed.finished_at - (time() - perf_counter())
    return Taken(
        replayed.events / replayed.seconds,
        also={"writes_a_second": len(asked.answers) / asked.seconds}
        | waits(asked.answers, began=began, finished=finished),
    )


def waits(answers: Sequence[Answered], *, began: float, finished: float) -> dict[str, float]:
    """
    How long writes waited before a replay, during it, and at its switch, in milliseconds.

    By when they were answered: one that waits for the switch may have been due long before. Of a
    time in which none was answered nothing is told.
    """
    before = [a for a in answers if a.answered_at < began]
    during = [a for a in answers if began <= a.answered_at < finished - SWITCH_SECONDS]
    switch = [a for a in answers if a.answered_at >= finished - SWITCH_SECONDS]
    told = (
        ("write_p99_before_ms", before, 0.99),
        ("write_p50_ms", during, 0.50),
        ("write_p99_ms", during, 0.99),
        ("write_max_ms", during, 1.0),
        ("switch_ms", switch, 1.0),
    )
    return {name: _percentile(some, share) for name, some, share in told if some}


def _percentile(answers: Sequence[Answered], share: float) -> float:
    ordered = sorted(answer.seconds * 1000 for answer in answers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _replay(stage: Stage, *arguments: str) -> Taken:
    """`timeline replay` on the data directory, by its own record, and the memory that it takes."""
    command = (*TIMELINE, "replay", "--json", "--data-dir", str(stage.folder / DATA))
    memory = Memory()
    async with started((*command, *arguments), stage.folder / "replay.log") as process:
        watching = asyncio.create_task(memory.watch(process))
        replayed = _by_record(msgspec.json.decode(await process.output()))
        await watching
    also = {"peak_mb": memory.largest, "peak_together_mb": memory.together}
    return Taken(replayed.events / replayed.seconds, also=also)


async def _runner(stage: Stage) -> Side | Absent:
    library = await stage.library(with_functions=True)
    if library is None:
        return Absent(RUNNER, LIBRARY_ABSENT)
    if library.appended < PROJECTED:
        await library.append(await stage.references(3), PROJECTED, producers=8)
    return Side(name=RUNNER, take_turn=lambda _: library.project(PROJECTED))


async def _never(_: int) -> Taken:
    raise AssertionError("its turns were taken already")


async def _count(history: History) -> int:
    connection = await asyncpg.connect(history.dsn)
    try:
        return int(await connection.fetchval("SELECT max(position) FROM events"))
    finally:
        await connection.close()


class Floor:
    """The rows that a replay wrote, copied in as they are and indexed: no faster is possible."""

    def __init__(self, dsn: str, folder: Path, events: int) -> None:
        self._dsn = dsn
        self._folder = folder
        self._events = events
        self._columns: dict[str, list[str]] = {}

    async def keep_rows(self) -> None:
        """Write each table into a file, as COPY takes it."""
        connection = await asyncpg.connect(self._dsn)
        try:
            for model in product.MODELS:
                columns = await connection.fetch(
                    "SELECT column_name FROM information_schema.columns "
                    "WHERE table_schema = 'read_models' AND table_name = $1 "
                    "AND is_identity = 'NO' ORDER BY ordinal_position",
                    model,
                )
                self._columns[model] = [row[0] for row in columns]
                await connection.copy_from_table(
                    model,
                    schema_name="read_models",
                    columns=self._columns[model],
                    output=self._folder / f"{model}.copy",
                    format="binary",
                )
        finally:
            await connection.close()

    async def copy_and_index(self, *, is_parallel: bool) -> Taken:
        """Table after table and index after index, or all tables at once and their indexes too."""
        first = await self._connect()
        try:
            began = perf_counter()
            await first.execute("DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor")
            if is_parallel:
                async with asyncio.TaskGroup() as group:
                    for model in product.MODELS:
                        group.create_task(self._copy_and_index(model, is_parallel=True))
            else:
                for model in product.MODELS:
                    await self._copy_and_index(model, is_parallel=False)
            return Taken(self._events / (perf_counter() - began))
        finally:
            await first.execute("DROP SCHEMA IF EXISTS floor CASCADE")
            await first.close()

    async def _copy_and_index(self, model: str, *, is_parallel: bool) -> None:
        connection = await self._connect()
        try:
            await connection.execute(
                f"CREATE TABLE floor.{model} (LIKE read_models.{model} INCLUDING DEFAULTS "
                "INCLUDING IDENTITY INCLUDING CONSTRAINTS)"
            )
            await connection.copy_to_table(
                model,
                schema_name="floor",
                columns=self._columns[model],
                source=self._folder / f"{model}.copy",
                format="binary",
            )
            found = await connection.fetch(
                "SELECT indexdef FROM pg_indexes "
                "WHERE schemaname = 'read_models' AND tablename = $1",
                model,
            )
            indexes = [_on_the_floor(row["indexdef"]) for row in found]
            if is_parallel:
                await asyncio.gather(*(self._execute(index) for index in indexes))
            else:
                for index in indexes:
                    await connection.execute(index)
        finally:
            await connection.close()

    async def _execute(self, statement: str) -> None:
        connection = await self._connect()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _connect(self) -> Any:
        connection = await asyncpg.connect(self._dsn)
        await connection.execute(_WORK_MEMORY)
        return connection


def _on_the_floor(index: str) -> str:
    """A table's own index, as a statement about the copy."""
    return index.replace(" read_models.", " floor.").replace("INDEX ", "INDEX floor_", 1)


async def _floor(stage: Stage, history: History) -> Floor:
    async def made() -> Floor:
        folder = stage.folder / "rows"
        folder.mkdir()
        floor = Floor(history.dsn, folder, await _count(history))
        await floor.keep_rows()
        return floor

    kept: Floor = await stage.once("floor of replays", made)
    return kept


async def _one(stage: Stage) -> list[Result]:
    return await alone(stage, 1, "replay, one process")


async def _two(stage: Stage) -> list[Result]:
    return await alone(stage, 2, "replay, two processes")


PLANNED = (
    Planned("replay, one process", _one),
    Planned("replay, two processes", _two),
    Planned("replay under 500 writes/s", under_writes),
)
