"""Pages as browsers ask for them: first ones, of a lab of 450 people, and of people."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import islice, repeat

from msgspec.structs import replace

from tests.benchmarks.asking import ask, get
from tests.benchmarks.careers import SIZES
from tests.benchmarks.goals import AGAIN, DAY, HOME, LAB, NEVER, PAGES, PERSON, page
from tests.benchmarks.processes import seconds_of
from tests.benchmarks.sides import Measure, Result, Side, Taken
from tests.benchmarks.stage import History, Planned, Stage
from tests.benchmarks.states import LAST_DAY, LATE_DAY, Questions

PEOPLE_ASKED = 2_000
LABS_HELD = 5
ASKED_TO_BE_HELD = 60
"""Days at random, by which each of these labs was asked for more than once."""
WARMED = 3
"""Pages that nobody counts: the first of all reads the templates."""

_OF_LABS = """
    SELECT person_id
    FROM read_models.stints
    WHERE person_id LIKE 'person-%'
    GROUP BY person_id
    HAVING bool_and(lab_id = ANY ($1))
    ORDER BY md5(person_id) LIMIT $2
"""
"""People who were at no lab but some."""

Paths = Callable[[int], list[str]]


async def home(stage: Stage) -> list[Result]:
    """The first page, for another day each time."""
    history = await stage.ours()
    days = iter([f"/?at={LAST_DAY - timedelta(days=n)}" for n in range(2_000)])
    return await _never(stage, history, HOME, 2_000, lambda number: list(islice(days, number)))


async def lab(stage: Stage) -> list[Result]:
    """The page of another lab, or for another day, each time."""
    history = await stage.ours()
    questions = Questions(history, SIZES[1], stage.seed + 8)
    return await _never(stage, history, LAB, questions.number, partial(_labs, questions))


async def other_day(stage: Stage) -> list[Result]:
    """The page of one of a few labs that were asked for before, for another day each time."""
    history = await stage.ours()
    questions = Questions(history, SIZES[1], stage.seed + 9, labs_max=LABS_HELD)
    await _ask(stage, history, iter(_labs(questions, ASKED_TO_BE_HELD)))
    number = questions.number - ASKED_TO_BE_HELD
    return await _never(stage, history, LAB, number, partial(_labs, questions), DAY)


async def person(stage: Stage) -> list[Result]:
    """The page of another person each time, of those who were at labs of no more people."""
    history = await stage.ours()
    pool = await stage.pool(history)
    small = [one for size in SIZES[:2] for one in history.careers.labs(size)]
    found = [f"/people/{row[0]}" for row in await pool.fetch(_OF_LABS, small, PEOPLE_ASKED)]
    people = iter(found)
    return await _never(
        stage, history, PERSON, len(found), lambda number: list(islice(people, number))
    )


async def again(stage: Stage, what: str) -> list[Result]:
    """One page, shown again as it was made."""
    history = await stage.ours()
    labs = history.careers.labs(SIZES[1])
    path = "/"
    if what == LAB:
        path = f"/labs/{labs[0]}?at={LATE_DAY}"
    elif what == PERSON:
        pool = await stage.pool(history)
        path = f"/people/{(await pool.fetch(_OF_LABS, labs, 1))[0][0]}"
    await _ask(stage, history, repeat(path, WARMED))
    ours = Side(
        name="ours",
        pilot=16,
        take_turn=lambda number: _ask(stage, history, repeat(path, number)),
    )
    return await stage.in_turns(Measure(name=page(what, AGAIN), unit="answers/s", sides=(ours,)))


def _labs(questions: Questions, number: int) -> list[str]:
    return [f"/labs/{one.lab}?at={one.at}" for one in questions.take(number)]


async def _never(
    stage: Stage, history: History, what: str, number: int, take: Paths, how: str = NEVER
) -> list[Result]:
    """Pages that *take* gives out once each, of *number* that there are."""
    await _ask(stage, history, iter(take(WARMED)))
    ours = Side(
        name="ours",
        pilot=1,
        most=(number - WARMED) // (stage.pace.rounds + 6),
        take_turn=lambda number: _ask(stage, history, iter(take(number))),
    )
    return await stage.in_turns(Measure(name=page(what, how), unit="answers/s", sides=(ours,)))


async def _ask(stage: Stage, history: History, paths: Iterator[str]) -> Taken:
    """
    One after the other, as one reader does: how long each took is what the service needed.

    Beside it stands the processor time of the service for each, which a busy machine leaves alone.
    """
    service = await stage.service(history)
    questions = (get(path, **{"Accept-Encoding": "gzip"}) for path in paths)
    before = seconds_of(service.process.pid)
    asked = await ask(service.url, [questions])
    seconds = seconds_of(service.process.pid) - before
    taken = asked.taken()
    return replace(taken, also={**taken.also, "cpu_ms": 1000 * seconds / len(asked.answers)})


PLANNED = (
    Planned(page(HOME, NEVER), home),
    Planned(page(LAB, NEVER), lab),
    Planned(page(PERSON, NEVER), person),
    Planned(page(LAB, DAY), other_day),
    *(Planned(page(what, AGAIN), partial(again, what=what)) for what in PAGES),
)
