"""What one append and one question take on a short log and on the long one, side by side."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import cycle, islice
from statistics import median

from tests.benchmarks.appends import append
from tests.benchmarks.asking import ask, get
from tests.benchmarks.careers import SIZES
from tests.benchmarks.goals import SMALL
from tests.benchmarks.sides import Measure, Result, Side, Taken
from tests.benchmarks.stage import History, Planned, Stage
from tests.benchmarks.states import Questions, some_people

PILOT = 20
Turn = Callable[[int], Awaitable[Taken]]


async def appending(stage: Stage) -> list[Result]:
    """One producer in process."""

    async def turn_on(history: History) -> tuple[Turn, int | None]:
        writer = await stage.writer(history)
        return partial(append, writer, history.stream, producers=1), None

    return await _beside_small(stage, "growth, append p50", turn_on)


async def lab_state(stage: Stage) -> list[Result]:
    """One connection, labs of some forty people, each day asked for once."""

    async def turn_on(history: History) -> tuple[Turn, int | None]:
        service = await stage.service(history)
        # As many labs on both sides: they differ in size, and a short log has few.
        labs = len((await stage.small()).careers.labs(SIZES[0]))
        questions = Questions(history, SIZES[0], stage.seed + 7, labs_max=labs)

        async def take_turn(number: int) -> Taken:
            asked = [get(question.path) for question in questions.take(number)]
            return (await ask(service.url, [iter(asked)])).taken()

        return take_turn, questions.number // (stage.pace.rounds + 1)

    return await _beside_small(stage, "growth, lab state p50", turn_on)


async def person_state(stage: Stage) -> list[Result]:
    """One connection, one person after the other."""

    async def turn_on(history: History) -> tuple[Turn, int | None]:
        service = await stage.service(history)
        people = cycle(await some_people(stage, history))

        async def take_turn(number: int) -> Taken:
            asked = [get(f"/v1/people/{one}") for one in islice(people, number)]
            return (await ask(service.url, [iter(asked)])).taken()

        return take_turn, None

    return await _beside_small(stage, "growth, person p50", turn_on)


async def _beside_small(
    stage: Stage, name: str, turn_on: Callable[[History], Awaitable[tuple[Turn, int | None]]]
) -> list[Result]:
    sides = []
    for side, history in (("ours", await stage.ours()), (SMALL, await stage.small())):
        take_turn, most = await turn_on(history)
        sides.append(Side(name=side, pilot=PILOT, most=most, take_turn=partial(_p50, take_turn)))
    return await stage.in_turns(Measure(name=name, unit="ms", sides=sides))


async def _p50(take_turn: Turn, number: int) -> Taken:
    taken = await take_turn(number)
    return Taken(median(taken.latencies_ms), taken.latencies_ms)


PLANNED = (
    Planned("growth, append p50", appending),
    Planned("growth, lab state p50", lab_state),
    Planned("growth, person p50", person_state),
)
