"""Appending: one event each by one producer and by many, in process and over HTTP; in batches."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from service.domain.events import Correction, NewEvent, Retraction
from tests.benchmarks import product
from tests.benchmarks.asking import Asked, ask, post
from tests.benchmarks.bare_endpoint import POSTED
from tests.benchmarks.careers import body_of
from tests.benchmarks.goals import BARE, FUNCTIONS, LIBRARY, RAW
from tests.benchmarks.sides import Absent, Measure, Result, Side, Taken
from tests.benchmarks.stage import LIBRARY_ABSENT, Planned, Service, Stage

BATCH = 1_000
MANY = 32


async def append(
    writer: product.Writer,
    events: Iterator[NewEvent],
    number: int,
    *,
    producers: int,
    batch: int = 1,
) -> Taken:
    """*number* events by some producers, each of whom waits for the answer to go on."""
    every = list(islice(events, number))
    commands = [
        product.command_of(every[first : first + batch]) for first in range(0, number, batch)
    ]
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
    return Taken(number / (perf_counter() - began), latencies)


class RawInserts:
    """The floor: the same bytes in one row an event, with nothing else, as fast as that goes."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def create(self) -> None:
        """An empty table."""
        await self._pool.execute("""
            CREATE TABLE IF NOT EXISTS raw_events (
                position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                event_id    uuid NOT NULL UNIQUE,
                recorded_at timestamptz NOT NULL DEFAULT now(),
                payload     text NOT NULL
            )
        """)

    async def append(
        self, events: Iterator[NewEvent], number: int, *, producers: int, batch: int = 1
    ) -> Taken:
        """*number* rows by some producers, each with a connection of its own."""
        every = [(e.event_id, body_of(e).decode()) for e in islice(events, number)]
        batches = iter([every[first : first + batch] for first in range(0, number, batch)])
        latencies: list[float] = []

        async def produce() -> None:
            async with self._pool.acquire() as connection:
                one = await connection.prepare(
                    "INSERT INTO raw_events (event_id, payload) VALUES ($1, $2)"
                )
                many = await connection.prepare(
                    "INSERT INTO raw_events (event_id, payload) "
                    "SELECT * FROM unnest($1::uuid[], $2::text[])"
                )
                for rows in batches:
                    began = perf_counter()
                    if batch == 1:
                        await one.fetch(*rows[0])
                    else:
                        await many.fetch([id_ for id_, _ in rows], [text for _, text in rows])
                    latencies.append((perf_counter() - began) * 1000)

        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(producers):
                group.create_task(produce())
        return Taken(number / (perf_counter() - began), latencies)


async def in_process(stage: Stage, producers: int, name: str) -> list[Result]:
    """Beside raw inserts and the peer, each with as many producers."""
    history = await stage.ours()
    writer = await stage.writer(history)
    raw = await _raw_inserts(stage)
    sides: list[Side | Absent] = [
        Side(
            name="ours",
            pilot=50 * producers,
            take_turn=partial(append, writer, history.stream, producers=producers),
        ),
        Side(
            name=RAW,
            pilot=50 * producers,
            take_turn=partial(raw.append, await stage.references(1), producers=producers),
        ),
    ]
    for side, with_functions in ((LIBRARY, False), (FUNCTIONS, True)):
        library = await stage.library(with_functions=with_functions)
        if library is None:
            sides.append(Absent(side, LIBRARY_ABSENT))
            continue
        events = await stage.references(2 + with_functions)
        take_turn = partial(library.append, events, producers=producers)
        sides.append(Side(name=side, pilot=50 * producers, take_turn=take_turn))
    return await stage.in_turns(Measure(name=name, unit="events/s", sides=sides))


async def in_batches(stage: Stage) -> list[Result]:
    """A thousand events a request, one request after the other."""
    history = await stage.ours()
    writer = await stage.writer(history)
    raw = await _raw_inserts(stage)
    return await stage.in_turns(
        Measure(
            name="batches of 1,000",
            unit="events/s",
            sides=(
                Side(
                    name="ours",
                    pilot=2 * BATCH,
                    take_turn=partial(append, writer, history.stream, producers=1, batch=BATCH),
                ),
                Side(
                    name="raw insert of 1,000",
                    pilot=2 * BATCH,
                    take_turn=partial(
                        raw.append, await stage.references(1), producers=1, batch=BATCH
                    ),
                ),
            ),
        )
    )


async def over_http(stage: Stage) -> list[Result]:
    """One event a request, beside an endpoint that reads it and answers with as many bytes."""
    history = await stage.ours()
    service, bare = await stage.service(history), await stage.bare()
    events = await stage.references(1)
    (bare.bodies / POSTED).write_bytes(await _sample_answer(service, history.stream))

    async def nothing(number: int) -> Taken:
        bodies = [post("/events", body_of(e), "none") for e in islice(events, number)]
        shared = iter(bodies)
        return (await ask(bare.url, [shared] * MANY, status=201)).taken()

    return await stage.in_turns(
        Measure(
            name="append over HTTP, 32 connections",
            unit="events/s",
            sides=(
                Side(
                    name="ours",
                    pilot=10 * MANY,
                    take_turn=partial(post_all, service, history.stream),
                ),
                Side(name=BARE, pilot=50 * MANY, take_turn=nothing),
            ),
        )
    )


async def post_all(
    service: Service, events: Iterator[NewEvent], number: int, *, connections: int = MANY
) -> Taken:
    """*number* events, one a request."""
    return (await posted(service, events, number, connections=connections)).taken()


async def posted(
    service: Service,
    events: Iterator[NewEvent],
    number: int,
    *,
    connections: int,
) -> Asked:
    """
    Events, one a request, on some connections: those of one person in order.

    Labs go first, and do not count: whoever names them may be sooner on another connection.
    """
    labs, others = told_apart(islice(events, number))
    if labs:
        await ask(service.url, [posts(service, labs)], status=201)
    return await ask(service.url, shared_out(service, others, connections), status=201)


def told_apart(events: Iterator[NewEvent]) -> tuple[list[NewEvent], list[NewEvent]]:
    """Events that name no person, and the others."""
    labs: list[NewEvent] = []
    others: list[NewEvent] = []
    for event in events:
        said = event.payload
        is_of_person = isinstance(said, Correction | Retraction) or getattr(said, "person", None)
        (others if is_of_person else labs).append(event)
    return labs, others


def shared_out(
    service: Service, events: Sequence[NewEvent], connections: int
) -> list[Iterator[bytes]]:
    """
    The events as requests on some connections, each of which takes the first that it may.

    Of one person an event goes out once the one before it is answered.
    """
    person_of: dict[UUID, str] = {}
    waiting: deque[tuple[str, NewEvent]] = deque()
    for event in events:
        said = event.payload
        if isinstance(said, Correction | Retraction):
            person = person_of.get(said.target, "")
        else:
            ref = getattr(said, "person", "")
            person = person_of[event.event_id] = ref if isinstance(ref, str) else str(ref.id)
        waiting.append((person, event))
    busy: set[str] = set()

    def taken() -> Iterator[bytes]:
        while (place := _first_free(waiting, busy)) is not None:
            person, event = waiting[place]
            del waiting[place]
            busy.add(person)
            yield post("/v1/events", body_of(event), service.key)
            busy.remove(person)

    return [taken() for _ in range(connections)]


def _first_free(waiting: Iterable[tuple[str, NewEvent]], busy: AbstractSet[str]) -> int | None:
    return next((i for i, (person, _) in enumerate(waiting) if person not in busy), None)


def posts(service: Service, events: Sequence[NewEvent]) -> Iterator[bytes]:
    """Each event as a request."""
    return iter([post("/v1/events", body_of(event), service.key) for event in events])


async def _sample_answer(service: Service, events: Iterator[NewEvent]) -> bytes:
    """What an event is answered with: the bare endpoint is to return as many bytes."""
    labs, others = told_apart(islice(events, 5))
    bodies: list[bytes] = []
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        for event in (*labs, *others):
            answer = await client.post(
                "/v1/events",
                content=body_of(event),
                headers={
                    "Authorization": f"Bearer {service.key}",
                    "Content-Type": "application/json",
                },
            )
            assert answer.status_code == 201, answer.text
            bodies.append(answer.content)
    return bodies[-1]


async def _raw_inserts(stage: Stage) -> RawInserts:
    async def made() -> RawInserts:
        dsn = await stage.database("raw")
        pool = await stage.enter(asyncpg.create_pool(dsn, min_size=MANY, max_size=MANY))
        raw = RawInserts(pool)
        await raw.create()
        return raw

    return await stage.once("raw inserts", made)


async def _one_producer(stage: Stage) -> list[Result]:
    return await in_process(stage, 1, "append, 1 producer")


async def _many_producers(stage: Stage) -> list[Result]:
    return await in_process(stage, MANY, "append, 32 producers")


PLANNED = (
    Planned("append, 1 producer", _one_producer),
    Planned("append, 32 producers", _many_producers),
    Planned("batches of 1,000", in_batches),
    Planned("append over HTTP, 32 connections", over_http),
)
