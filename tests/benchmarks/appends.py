"""Appending: one event each by one producer and by many, and in batches."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from service.app import CHANCE, ROLE, SEARCH_PATH
from service.domain.submissions import Submission, check_payload, digest
from service.postgres.pool import Pool, open_pool
from service.recording.commands import Command
from service.recording.writer import Writer
from tests.benchmarks.careers import Event
from tests.benchmarks.sides import Taken

RECORDED_BY = "benchmark"


def command(events: Sequence[Event]) -> Command:
    """One request with *events*."""
    return Command(
        submissions=[_submission(event, i) for i, event in enumerate(events)],
        recorded_by=RECORDED_BY,
        request_id="benchmark",
    )


def _submission(event: Event, number: int) -> Submission:
    said = dict(event)
    own_id = UUID(said.pop("event_id"))
    payload, faults = check_payload(said, f"/{number}")
    assert payload is not None, faults
    return Submission(
        payload=payload, event_id=own_id, body_digest=digest(said), pointer=f"/{number}"
    )


@asynccontextmanager
async def writer_on(dsn: str) -> AsyncIterator[tuple[Pool, Writer]]:
    """The service's writer on a database."""
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    writer = Writer(pool, CHANCE)
    writer.start()
    try:
        yield pool, writer
    finally:
        await writer.stop()
        await pool.close()


async def append(
    writer: Writer, events: Iterator[Event], *, producers: int, number: int, batch: int = 1
) -> Taken:
    """*number* events by some producers, each of whom waits for the answer to go on."""
    every = list(islice(events, number))
    commands = [command(every[i : i + batch]) for i in range(0, len(every), batch)]
    rest = iter(commands)
    latencies: list[float] = []

    async def produce() -> None:
        for one in rest:
            began = perf_counter()
            await writer.record(one)
            latencies.append((perf_counter() - began) * 1000)

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(producers):
            group.create_task(produce())
    return Taken(len(every) / (perf_counter() - began), latencies)


class RawInserts:
    """The floor: the same bytes in one row an event, with nothing else, as fast as that goes."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool[Any] | None = None

    async def open(self, producers: int) -> None:
        """Connections and an empty table."""
        self._pool = await asyncpg.create_pool(self._dsn, min_size=producers, max_size=producers)
        await self._pool.execute("""
            CREATE TABLE IF NOT EXISTS raw_events (
                position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                event_id    uuid NOT NULL UNIQUE,
                recorded_at timestamptz NOT NULL DEFAULT now(),
                payload     text NOT NULL
            )
        """)

    async def close(self) -> None:
        assert self._pool is not None, "it was opened"
        await self._pool.close()

    async def append(self, events: Iterator[Event], *, producers: int, number: int) -> Taken:
        """*number* rows by some producers, each with a connection of its own."""
        pool = self._pool
        assert pool is not None, "it was opened"
        rows = iter(
            [(UUID(e["event_id"]), msgspec.json.encode(e).decode()) for e in islice(events, number)]
        )
        latencies: list[float] = []

        async def produce() -> None:
            async with pool.acquire() as connection:
                insert = await connection.prepare(
                    "INSERT INTO raw_events (event_id, payload) VALUES ($1, $2)"
                )
                for row in rows:
                    began = perf_counter()
                    await insert.fetch(*row)
                    latencies.append((perf_counter() - began) * 1000)

        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(producers):
                group.create_task(produce())
        return Taken(number / (perf_counter() - began), latencies)
