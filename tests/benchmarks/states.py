"""Reading over HTTP: the state of labs of three sizes and of people, beside the same bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta
from functools import partial
from itertools import cycle, islice
from random import Random
from time import perf_counter
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tests.benchmarks import product
from tests.benchmarks.appends import posted
from tests.benchmarks.asking import ask, get
from tests.benchmarks.careers import SIZES
from tests.benchmarks.goals import BARE, PEOPLE, QUERY, state
from tests.benchmarks.sides import Measure, Result, Side, Taken, Unit
from tests.benchmarks.stage import Bare, History, Planned, Service, Stage

LATE_DAY = date(2025, 6, 1)
READERS = 16
"""Connections that ask at the same time."""
SAMPLES = 32
"""Answers that the bare endpoint has in turns."""
FIRST_DAY, LAST_DAY = date(2021, 1, 1), date(2026, 6, 30)
"""Late days, on which labs are about as large as they get."""
PASSES = 10
QUERIED = 10
"""Connections of the bare query, as many as a process of the service has."""
PEOPLE_ASKED = 20_000
LABS_MAX = 100
FIRST = 2_000
"""Questions, at most, until a process that never heard of the labs gets no faster."""
COLD = 640
"""Answers that were made elsewhere, for clients to have them."""

_OF_LAB = """
    SELECT person_id, content FROM read_models.stints
    WHERE lab_id = $1 AND known_to > $3 AND known_from <= $3 AND start_lo <= $2 AND end_hi > $2
"""
_OF_PERSON = """
    SELECT lab_id, content FROM read_models.stints
    WHERE person_id = $1 AND known_to > $2 AND known_from <= $2
"""
_SOME_PEOPLE = """
    SELECT person_id FROM read_models.people
    WHERE person_id LIKE 'person-%' ORDER BY md5(person_id) LIMIT $1
"""


class Question(Struct, frozen=True):
    """Who was at a lab on a day; as known at a position, else now."""

    lab: str
    at: date
    known_at: int | None = None

    @property
    def path(self) -> str:
        known = "" if self.known_at is None else f"&known_at={self.known_at}"
        return f"/v1/labs/{self.lab}?at={self.at}{known}"


class Questions:
    """Questions about labs of one size, each given out once."""

    def __init__(self, history: History, size: int, seed: int, *, labs_max: int = LABS_MAX) -> None:
        labs = history.careers.labs(size)[:labs_max]
        self._random = Random(seed)
        days = (LAST_DAY - FIRST_DAY).days
        pairs = [(lab, FIRST_DAY + timedelta(days=day)) for lab in labs for day in range(days)]
        self._random.shuffle(pairs)
        self._fresh = iter(pairs)
        self.number = len(pairs)

    def take(self, number: int, *, known: range | None = None) -> list[Question]:
        """
        Some that were never taken before; of the state at random positions of *known*.

        Raises:
            AssertionError: there are not so many left.
        """
        taken = [
            Question(lab, day, None if known is None else self._random.choice(known))
            for lab, day in islice(self._fresh, number)
        ]
        assert len(taken) == number, "a side asks no more than its share"
        return taken


async def repeated(stage: Stage, size: int, people: str) -> list[Result]:
    """One question again and again."""
    history = await stage.ours()
    service, bare = await stage.service(history), await stage.bare()
    question = Question(history.careers.labs(size)[0], LATE_DAY)
    bodies = await _sampled(service, bare, f"repeated-{size}", [question.path])
    # The first of these are made anew, and would tell that a turn has to be short.
    await _ask(service.url, [get(question.path)] * (4 * READERS))
    members = len(msgspec.json.decode((bare.bodies / f"repeated-{size}-0").read_bytes())["members"])
    return await stage.in_turns(
        Measure(
            name=state(people, "repeated"),
            unit="answers/s",
            sides=(
                Side(
                    name="ours",
                    pilot=READERS,
                    take_turn=_again(service.url, [question.path], members=members),
                ),
                Side(name=BARE, pilot=READERS, take_turn=_again(bare.url, bodies)),
                await _queried(stage, history, lambda _: cycle([question])),
            ),
        )
    )


async def beside(stage: Stage, size: int, people: str) -> list[Result]:
    """The same while another process of the service is there, whose writes have to be seen."""
    history = await stage.ours()
    service, bare = await stage.service(history), await stage.bare()
    question = Question(history.careers.labs(size)[0], LATE_DAY)
    bodies = await _sampled(service, bare, f"beside-{size}", [question.path])
    async with stage.serving(history.dsn):
        return await stage.in_turns(
            Measure(
                name=state(people, "repeated, beside a second process"),
                unit="answers/s",
                sides=(
                    Side(
                        name="ours", pilot=READERS, take_turn=_again(service.url, [question.path])
                    ),
                    Side(name=BARE, pilot=READERS, take_turn=_again(bare.url, bodies)),
                ),
            )
        )


async def never_asked(stage: Stage, size: int, people: str) -> list[Result]:
    """
    Another day of another lab each time.

    A process that never heard of any of the labs is slower: that is told beside, by the answers a
    second to the first questions of all.
    """
    history = await stage.ours()
    service, bare = await stage.service(history), await stage.bare()
    questions = Questions(history, size, stage.seed + 1)
    first_per_s = await _until_no_faster(service, questions)
    samples = [question.path for question in questions.take(SAMPLES)]
    bodies = await _sampled(service, bare, f"fresh-{size}", samples)
    # A turn of each round and the first one that does not count.
    most = (questions.number - SAMPLES - FIRST) // (stage.pace.rounds + 1)
    # What a query costs does not depend on who asked before.
    queried = Questions(history, size, stage.seed + 2).take(min(most, 10_000))
    return await stage.in_turns(
        Measure(
            name=state(people, "never asked before"),
            unit="answers/s",
            sides=(
                Side(
                    name="ours",
                    pilot=READERS,
                    most=most,
                    take_turn=_fresh(service.url, questions.take, first_per_s=first_per_s),
                ),
                Side(name=BARE, pilot=READERS, take_turn=_again(bare.url, bodies)),
                await _queried(stage, history, lambda _: cycle(queried)),
            ),
        )
    )


async def known_in_the_past(stage: Stage, size: int, people: str) -> list[Result]:
    """Days never asked for, as known at some moment of the last twentieth of the log, and now."""
    history = await stage.ours()
    service = await stage.service(history)
    past, present = (Questions(history, size, stage.seed + n) for n in (3, 4))
    most = past.number // (stage.pace.rounds + 1)
    pool = await stage.pool(history)
    head = int(await pool.fetchval("SELECT max(position) FROM events"))
    known = range(head * 19 // 20, head)
    return await stage.in_turns(
        Measure(
            name=state(people, "known in the past"),
            unit="answers/s",
            sides=(
                Side(
                    name="ours",
                    pilot=READERS,
                    most=most,
                    take_turn=_fresh(service.url, partial(past.take, known=known)),
                ),
                Side(
                    name="known now",
                    pilot=READERS,
                    most=most,
                    take_turn=_fresh(service.url, present.take),
                ),
            ),
        )
    )


async def unchanged(stage: Stage) -> list[Result]:
    """An answer that the client has already, asked for again and again."""
    history = await stage.ours()
    service = await stage.service(history)
    question = Questions(history, SIZES[1], stage.seed).take(1)[0]
    (known,) = await _known(service, [question])
    return await stage.in_turns(
        Measure(
            name="not modified (304)",
            unit="answers/s",
            sides=(
                Side(
                    name="ours",
                    pilot=READERS,
                    take_turn=lambda number: _ask(service.url, [known] * number, 304),
                ),
                await _bare_unchanged(stage),
            ),
        )
    )


async def unchanged_cold(stage: Stage) -> list[Result]:
    """Answers that clients have from another process: this one never made them."""
    history = await stage.ours()
    service = await stage.service(history)
    questions = Questions(history, SIZES[0], stage.seed + 6).take(COLD)
    async with stage.serving(history.dsn) as other:
        known = iter(await _known(other, questions))
    return await stage.in_turns(
        Measure(
            name="not modified (304), cold",
            unit="answers/s",
            sides=(
                Side(
                    name="ours",
                    pilot=READERS,
                    most=COLD // (stage.pace.rounds + 1),
                    take_turn=lambda number: _ask(service.url, list(islice(known, number)), 304),
                ),
                await _bare_unchanged(stage),
            ),
        )
    )


async def _bare_unchanged(stage: Stage) -> Side:
    bare = await stage.bare()
    plain = get("/unchanged")
    return Side(
        name=BARE,
        pilot=READERS,
        take_turn=lambda number: _ask(bare.url, [plain] * number, 304),
    )


async def _known(service: Service, questions: Sequence[Question]) -> list[bytes]:
    """The questions of clients who have the answers already."""
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        tags = [(await client.get(question.path)).headers["ETag"] for question in questions]
    return [
        get(question.path, **{"If-None-Match": tag})
        for question, tag in zip(questions, tags, strict=True)
    ]


async def person(stage: Stage) -> list[Result]:
    """One person after the other, each asked for once in a turn."""
    history = await stage.ours()
    service, bare = await stage.service(history), await stage.bare()
    people = await some_people(stage, history)
    paths = [f"/v1/people/{one}" for one in people]
    bodies = await _sampled(service, bare, "people", paths[:SAMPLES])
    pool = await stage.pool(history)
    head = stage.events

    async def query(number: int) -> Taken:
        return await _query_all(pool, _OF_PERSON, [(one, head) for one in people[:number]])

    return await stage.in_turns(
        Measure(
            name="person state",
            unit="answers/s",
            sides=(
                Side(
                    name="ours",
                    pilot=READERS,
                    most=len(paths),
                    take_turn=_again(service.url, paths),
                ),
                Side(name=BARE, pilot=READERS, take_turn=_again(bare.url, bodies)),
                Side(name=QUERY, pilot=QUERIED, most=len(people), take_turn=query),
            ),
        )
    )


async def workers_reading(stage: Stage) -> list[Result]:
    """All that a service of two processes answers, beside one of one."""
    name, one_worker = "two workers, reading", "one worker"
    history = await stage.ours()
    if not product.serves_in_workers():
        return _no_workers(name, one_worker, "answers/s")
    questions = Questions(history, SIZES[0], stage.seed + 5)
    most = (questions.number - 2 * FIRST) // (2 * (stage.pace.rounds + 1))
    async with AsyncExitStack() as stack:
        two, one = await _both(stack, stage, history)
        for serving in (two, one):
            await _until_no_faster(serving, questions)
        return await stage.in_turns(
            Measure(
                name=name,
                unit="answers/s",
                sides=[
                    Side(
                        name=side,
                        pilot=READERS,
                        most=most,
                        take_turn=_fresh(serving.url, questions.take),
                    )
                    for side, serving in (("ours", two), (one_worker, one))
                ],
            )
        )


async def workers_appending(stage: Stage) -> list[Result]:
    """All that a service of two processes takes in, beside one of one."""
    name, one_worker = "two workers, appending", "one worker"
    history = await stage.ours()
    if not product.serves_in_workers():
        return _no_workers(name, one_worker, "events/s")

    async with AsyncExitStack() as stack:
        two, one = await _both(stack, stage, history)

        async def write(serving: Service, number: int) -> Taken:
            return (await posted(serving, history.stream, number, connections=32)).taken()

        return await stage.in_turns(
            Measure(
                name=name,
                unit="events/s",
                sides=[
                    Side(name=side, pilot=320, take_turn=partial(write, serving))
                    for side, serving in (("ours", two), (one_worker, one))
                ],
            )
        )


async def some_people(stage: Stage, history: History) -> list[str]:
    """People of a log, in no order, the same in each run."""
    pool = await stage.pool(history)
    return [row[0] for row in await pool.fetch(_SOME_PEOPLE, PEOPLE_ASKED)]


async def _both(stack: AsyncExitStack, stage: Stage, history: History) -> tuple[Service, Service]:
    two = await stack.enter_async_context(stage.serving(history.dsn, "--workers", "2"))
    return two, await stack.enter_async_context(stage.serving(history.dsn))


def _no_workers(name: str, other: str, unit: Unit) -> list[Result]:
    reason = "serve takes no number of workers"
    return [Result(measure=name, side=s, unit=unit, absent=reason) for s in ("ours", other)]


def _again(url: str, paths: Sequence[str], **also: float) -> Callable[[int], Awaitable[Taken]]:
    """The same questions over and over; *also* is told beside what they take."""
    questions = [get(path) for path in paths]

    async def take_turn(number: int) -> Taken:
        taken = await _ask(url, list(islice(cycle(questions), number)))
        return replace(taken, also={**taken.also, **also})

    return take_turn


async def _until_no_faster(service: Service, questions: Questions) -> float:
    """Ask until what can be remembered is; how many answers a second the first questions got."""
    rates: list[float] = []
    while len(rates) < PASSES and (len(rates) < 4 or rates[-1] > 1.05 * max(rates[:-2])):
        some = questions.take(FIRST // PASSES)
        rates.append((await _ask(service.url, [get(question.path) for question in some])).value)
    return rates[0]


def _fresh(
    url: str, take: Callable[[int], list[Question]], **also: float
) -> Callable[[int], Awaitable[Taken]]:
    """Questions that nobody asked before; *also* is told beside what they take."""

    async def take_turn(number: int) -> Taken:
        taken = await _ask(url, [get(question.path) for question in take(number)])
        return replace(taken, also={**taken.also, **also})

    return take_turn


async def _ask(url: str, questions: Sequence[bytes], status: int = 200) -> Taken:
    shared = iter(questions)
    return (await ask(url, [shared] * READERS, status=status)).taken()


async def _queried(
    stage: Stage, history: History, asked: Callable[[int], Iterator[Question]]
) -> Side:
    """The statement alone, for the rows of a roster."""
    pool = await stage.pool(history)

    async def take_turn(number: int) -> Taken:
        questions = islice(asked(number), number)
        return await _query_all(pool, _OF_LAB, [(q.lab, q.at, stage.events) for q in questions])

    return Side(name=QUERY, pilot=QUERIED, take_turn=take_turn)


async def _query_all(pool: product.Pool, statement: str, every: Sequence[Sequence[Any]]) -> Taken:
    """Each question as one statement, on as many connections as a process of the service has."""
    rest = iter(every)
    latencies: list[float] = []

    async def query() -> None:
        async with pool.acquire() as connection:
            prepared = await connection.prepare(statement)
            for asked in rest:
                began = perf_counter()
                await prepared.fetch(*asked)
                latencies.append((perf_counter() - began) * 1000)

    began = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(QUERIED):
            group.create_task(query())
    return Taken(len(every) / (perf_counter() - began), latencies)


async def _sampled(service: Service, bare: Bare, name: str, paths: Sequence[str]) -> list[str]:
    """Where the bare endpoint gives the same bytes as the service gives at *paths*."""
    async with httpx.AsyncClient(
        base_url=service.url, timeout=60, headers={"Accept-Encoding": "identity"}
    ) as client:
        for number, path in enumerate(paths):
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            (bare.bodies / f"{name}-{number}").write_bytes(answer.content)
    return [f"/bodies/{name}-{number}" for number in range(len(paths))]


def _of_size(
    run: Callable[[Stage, int, str], Awaitable[list[Result]]], size: int, people: str
) -> Callable[[Stage], Awaitable[list[Result]]]:
    return lambda stage: run(stage, size, people)


PLANNED = (
    *(
        Planned(state(people, how), _of_size(run, size, people))
        for size, people in zip(SIZES, PEOPLE, strict=True)
        for how, run in (
            ("repeated", repeated),
            ("repeated, beside a second process", beside),
            ("never asked before", never_asked),
            ("known in the past", known_in_the_past),
        )
    ),
    Planned("person state", person),
    Planned("not modified (304)", unchanged),
    Planned("not modified (304), cold", unchanged_cold),
    Planned("two workers, reading", workers_reading),
    Planned("two workers, appending", workers_appending),
)
