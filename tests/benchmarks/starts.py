"""How long the service takes to start, and what memory it takes."""

import asyncio
import shutil
from pathlib import Path
from time import perf_counter

import httpx

from tests.benchmarks.appends import posted
from tests.benchmarks.asking import ask, get
from tests.benchmarks.careers import SIZES
from tests.benchmarks.processes import (
    LOOK_SECONDS,
    START_SECONDS,
    TIMELINE,
    Memory,
    memory_of,
    started,
)
from tests.benchmarks.sides import Measure, Result, Side, Taken, in_turns, results_of
from tests.benchmarks.stage import DATA, Planned, Stage
from tests.benchmarks.states import READERS, Questions, some_people

FIRST_QUESTION = "/v1/labs/DeepMind?at=2024-06-01"
IDLE_SECONDS = 3.0
LOADED = 2_000
"""Events, and questions for people, that make a load."""
ROSTERS = (2_000, 500, 100)
"""And so many of each size, none of them twice."""


async def first(stage: Stage) -> list[Result]:
    """From nothing to the first answer: its own Postgres, the schema, the history that comes along."""

    async def take_turn(_: int) -> Taken:
        folder = stage.folder / "first"
        try:
            return await _start(folder, stage.folder / "first.log", FIRST_QUESTION)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    return await stage.in_turns(
        Measure(name="first start", unit="s", sides=[Side(name="ours", take_turn=take_turn)])
    )


async def full(stage: Stage) -> list[Result]:
    """From a stopped service and Postgres, with all the data, to the first answer."""
    history = await stage.ours()
    question = Questions(history, SIZES[0], stage.seed).take(1)[0]
    await stage.close()
    stage.stop_server()

    async def take_turn(_: int) -> Taken:
        return await _start(stage.folder / DATA, stage.folder / "full.log", question.path)

    return await in_turns(
        Measure(
            name="start on a full data directory",
            unit="s",
            sides=[Side(name="ours", take_turn=take_turn)],
        ),
        stage.pace,
        stage.say,
    )


async def _start(data_dir: Path, log: Path, question: str) -> Taken:
    """Seconds until the question is answered; with a stop, which does not count."""
    command = (*TIMELINE, "serve", "--port", "0", "--data-dir", str(data_dir))
    began = perf_counter()
    async with started(command, log) as process:
        await process.listening()
        listening = perf_counter() - began
        async with (
            httpx.AsyncClient(base_url=process.url, timeout=60) as client,
            asyncio.timeout(START_SECONDS),
        ):
            answer = await client.get(question)
            while answer.status_code != 200:
                await asyncio.sleep(LOOK_SECONDS)
                answer = await client.get(question)
        seconds = perf_counter() - began
    return Taken(seconds, also={"listening_s": listening})


async def idle_memory(stage: Stage) -> list[Result]:
    """Of a service that was asked nothing yet."""
    history = await stage.ours()
    async with stage.serving(history.dsn) as service:
        await asyncio.sleep(IDLE_SECONDS)
        taken = Taken(memory_of(service.process.pid, "VmRSS"))
    return _memory("memory of the service, idle", taken)


async def loaded_memory(stage: Stage) -> list[Result]:
    """The greatest of a service that was asked for people and labs of every size, and written to."""
    history = await stage.ours()
    memory = Memory()
    people = await some_people(stage, history)
    async with stage.serving(history.dsn) as service:
        for size, rosters in zip(SIZES, ROSTERS, strict=True):
            questions = Questions(history, size, stage.seed + 8)
            asked = iter([get(q.path) for q in questions.take(min(rosters, questions.number))])
            await ask(service.url, [asked] * READERS)
        paths = iter([get(f"/v1/people/{one}") for one in people[:LOADED]])
        await ask(service.url, [paths] * READERS)
        await posted(service, history.stream, min(LOADED, stage.events), connections=READERS)
        memory.look([service.process.pid])
    return _memory("memory of the service, under load", Taken(memory.largest))


def _memory(name: str, taken: Taken) -> list[Result]:
    side = Side(name="ours", take_turn=lambda _: asyncio.sleep(0, taken))
    return results_of(Measure(name=name, unit="MB", sides=[side]), {"ours": [taken]})


PLANNED = (
    Planned("memory of the service, idle", idle_memory),
    Planned("memory of the service, under load", loaded_memory),
    Planned("first start", first),
    # Last: it stops the server, and all that the others have open.
    Planned("start on a full data directory", full),
)
