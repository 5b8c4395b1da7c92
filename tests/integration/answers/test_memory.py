"""What is remembered answers as the database does, to the byte, whatever was recorded since."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.answers.labs import lab_on, lab_state
from service.answers.memory import ANSWERS_AGAIN, Memory
from service.answers.movements import LabMovements, movements_of_lab
from service.answers.names import resolve_path
from service.answers.remembered import RememberedLab, remember_lab
from service.answers.times import Period, Times, times_of
from service.app import CHANCE
from service.domain.events import Relation
from service.domain.presence import Presence
from service.domain.refusals import Refusal
from service.postgres.pool import Connection, Pool
from service.read_models.histories import Window
from service.read_models.replay import replay, roll_back
from tests.support import builders as b
from tests.support.histories import Base, Model, Plan, carry_out, plans, record, with_entities
from tests.support.strategies import LABS, days

EXAMPLES = settings().max_examples // 5
TODAY = date(2020, 6, 1)


@pytest.fixture
async def memories(base: Base) -> list[Memory]:
    """
    One with room, and one that forgets all the time; both outlive every example.

    They make a lab again as soon as it is asked for: as much as can be comes from memory.
    """
    return [
        Memory(base.pool, answers_again=0),
        Memory(base.pool, weight_max=15_000, answers_again=0),
    ]


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    plan=plans(12),
    asked=st.lists(days, min_size=1, max_size=2),
    picks=st.lists(st.integers(0, 40), min_size=1, max_size=2),
)
async def test_a_warm_memory_answers_as_a_fresh_process(
    base: Base, memories: list[Memory], plan: Plan, asked: list[date], picks: list[int]
) -> None:
    """
    After every group of appends, corrections, same_as and mergers; after a replay and its
    rollback; and after the log became another one, as it does between the examples.
    """
    note(repr(plan))
    await base.empty()
    model = Model()
    for group in plan.groups:
        await carry_out(base, Plan([group], plan.is_concurrent), model)
        await _assert_alike(base, memories, asked, picks)
    done = await replay(base.pool, CHANCE.new_id(), now=CHANCE.now)
    await _assert_alike(base, memories, asked, picks)
    await roll_back(base.pool, CHANCE.new_id(), done.id, now=CHANCE.now)
    await _assert_alike(base, memories, asked, picks)


async def test_a_lab_is_answered_from_memory(base: Base) -> None:
    """By id and by name, now and in the past: else the law above would hold of nothing."""
    memory = Memory(base.pool, answers_again=0)
    await record(base.pool, with_entities(b.founding("x", on="2019", by=("ann",))))
    await record(base.pool, with_entities(b.hire("bob", at="x", on="2020-01")))
    await record(base.pool, with_entities(b.departure("bob", at="x", on="2020-03-05")))
    async with base.pool.acquire() as connection:
        for name in ("x", "X"):
            for known_at in (None, 1, 2, 3):
                times = await _times(memory, date(2020, 2, 1), known_at)
                answer = await _from_memory(memory, name, times)
                assert answer is not None
                assert answer == await _asked(connection, name, times)
    assert list(memory._labs) == ["x"]


async def test_only_those_are_forgotten_whom_events_moved(base: Base) -> None:
    memory = Memory(base.pool, answers_again=0)
    for lab, person in (("x", "ann"), ("y", "bob")):
        await record(base.pool, with_entities(b.founding(lab, on="2019")))
        await record(base.pool, b.hire(b.entity(person, person), at=lab, on="2020-01"))
    for lab in ("x", "y"):
        await _from_memory(memory, lab, await _times(memory, TODAY, None))
    assert set(memory._labs) == {"x", "y"}
    await record(base.pool, b.departure("bob", at="y", on="2020-03"))
    await memory.current()
    assert set(memory._labs) == {"x"}
    await record(base.pool, b.renaming("y", to="Why", on="2020-03"))
    await memory.current()
    assert not memory._labs


async def test_what_moved_while_it_was_made_is_not_kept(base: Base) -> None:
    await record(base.pool, with_entities(b.founding("x", on="2019")))
    await record(base.pool, b.hire(b.entity("ann", "Ann"), at="x", on="2020-01"))
    memory = Memory(base.pool, answers_again=0)
    times = await _times(memory, TODAY, None)
    await memory.current()
    with memory._making_it() as missed:
        await record(base.pool, b.departure("ann", at="x", on="2020-03"))
        await memory.current()
    assert missed.labs == {"x"}
    assert missed.people == {"ann"}
    assert await _from_memory(memory, "x", times) is None, "it is made for what is known now"
    now = await _times(memory, TODAY, None)
    async with base.pool.acquire() as connection:
        assert await memory.lab("x", now) == await _asked(connection, "x", now)


class _SlowToReturn:
    """A pool, and what happens while whoever makes a lab gives its connection back."""

    def __init__(self, pool: Pool, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._pool = pool
        self._meanwhile = meanwhile

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as connection:
            yield connection
        task = asyncio.current_task()
        if task is not None and task.get_name() == "remember_lab":
            await self._meanwhile()


async def test_what_moved_when_it_was_just_made_is_not_told(base: Base) -> None:
    """Between the last row and the answer others are asked, and events recorded."""
    await record(base.pool, with_entities(b.founding("x", on="2019")))
    await record(base.pool, b.hire(b.entity("ann", "Ann"), at="x", on="2020-01"))

    async def hire_another() -> None:
        await record(base.pool, b.hire(b.entity("bob", "Bob"), at="x", on="2020-02"))
        await memory.current()

    pool = cast("Pool", _SlowToReturn(base.pool, hire_another))
    memory = Memory(pool, answers_again=0)
    await memory.lab("x", await _times(memory, TODAY, None))
    await asyncio.gather(*memory._making.values())
    now = await _times(memory, TODAY, None)
    async with base.pool.acquire() as connection:
        asked = await _asked(connection, "x", now)
    assert await memory.lab("x", now) in (None, asked)


async def test_labs_are_made_one_after_the_other(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for them; what moves while a lab waits for its turn is in it."""
    labs = ["x", "y", "z"]
    for lab in labs:
        await record(base.pool, with_entities(b.founding(lab, on="2019")))
    memory = Memory(base.pool)
    moved = asyncio.Event()
    under_way: list[str] = []
    most = 0

    async def remembering(connection: Connection, lab: str, window: Window) -> RememberedLab:
        nonlocal most
        under_way.append(lab)
        most = max(most, len(under_way))
        await moved.wait()
        made = await remember_lab(connection, lab, window)
        under_way.remove(lab)
        return made

    monkeypatch.setattr("service.answers.memory.remember_lab", remembering)
    for lab in labs:
        times = await _times(memory, TODAY, None)
        assert await memory.lab(lab, times) is None
    for lab in (labs[0], labs[-1]):
        await record(base.pool, b.hire(b.entity("ann", "Ann"), at=lab, on="2020-01"))
    await memory.current()
    moved.set()
    await asyncio.gather(*memory._making.values())
    assert most == 1
    assert set(memory._labs) == set(labs[1:]), "the first moved while it was made"
    times = await _times(memory, TODAY, None)
    async with base.pool.acquire() as connection:
        for lab in labs[1:]:
            assert await memory.lab(lab, times) == await _asked(connection, lab, times)


async def test_no_more_labs_wait_than_may(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.answers.memory.WAITING_MAX", 1)
    for lab in ("x", "y"):
        await record(base.pool, with_entities(b.founding(lab, on="2019")))
    memory = Memory(base.pool)
    times = await _times(memory, TODAY, None)
    for lab in ("x", "y"):
        assert await memory.lab(lab, times) is None
    assert set(memory._making) == {"x"}


async def test_a_lab_that_was_let_go_is_made_again_when_it_is_asked_for_often(base: Base) -> None:
    """Because it moved, or because others took its room."""
    for lab in ("x", "y", "z"):
        await record(base.pool, with_entities(b.founding(lab, on="2019")))
    memory = Memory(base.pool)

    async def are_from_memory(lab: str) -> list[bool]:
        answers = []
        for _ in range(ANSWERS_AGAIN + 2):
            times = await _times(memory, TODAY, None)
            answers.append(await _from_memory(memory, lab, times) is not None)
        return answers

    at_once = [True] * (ANSWERS_AGAIN + 2)
    at_last = [False] * ANSWERS_AGAIN + [True] * 2
    assert await are_from_memory("x") == at_once
    await record(base.pool, b.hire(b.entity("ann", "Ann"), at="x", on="2020-01"))
    assert await are_from_memory("x") == at_last
    assert await are_from_memory("y") == at_once
    memory._weight_max = memory._weight * 5 // 4
    assert await are_from_memory("z") == at_once
    assert await are_from_memory("x") == at_last


async def test_what_is_made_for_now_is_asked_of_late_too(base: Base) -> None:
    """And what is made for once long ago serves every later state; a window never shrinks."""
    memory = Memory(base.pool, answers_again=0)
    await record(base.pool, with_entities(b.founding("x", on="2019")))
    for number in range(35):
        await record(base.pool, b.hire(b.entity(f"p{number}", f"P {number}"), at="x", on="2020"))
    made = []
    for known_at in (None, 34, 20, 33, 3, None, 25):
        times = await _times(memory, TODAY, known_at)
        async with base.pool.acquire() as connection:
            answer = await _from_memory(memory, "x", times)
            assert answer == await _asked(connection, "x", times)
        made.append(memory._labs["x"])
    assert [one.window.since for one in made] == [34, 34, 18, 18, 0, 0, 0]
    assert made[0] is made[1]
    assert made[2] is made[3]
    assert made[4] is made[6]


async def _assert_alike(
    base: Base, memories: list[Memory], asked: list[date], picks: list[int]
) -> None:
    async with base.pool.acquire() as connection:
        for memory in memories:
            head = (await memory.current()).head.position
            for known_at in (None, *(pick % (head + 1) for pick in picks)):
                for at in asked:
                    for name in (*LABS, "New"):
                        await _assert_one(connection, memory, name, at, known_at)
                for lab in LABS:
                    await _assert_moves(connection, memory, lab, asked[0], known_at)


async def _assert_one(
    connection: Connection, memory: Memory, name: str, at: date, known_at: int | None
) -> None:
    filters: list[tuple[Presence | None, Relation | None]] = [(None, None), ("certain", "advisor")]
    for presence, relation in filters:
        times = await _times(memory, at, known_at)
        answer = await _from_memory(memory, name, times, presence, relation)
        if answer is not None:
            fresh = await _times(memory, at, known_at)
            expected = await _asked(connection, name, fresh, presence, relation)
            assert answer == expected, (name, at, known_at)
            assert times.resolved == fresh.resolved
            assert not fresh.rests_on_head


async def _assert_moves(
    connection: Connection, memory: Memory, name: str, at: date, known_at: int | None
) -> None:
    """Who was there, and moves of a year and of any time, as the database tells them."""
    times = await _times(memory, at, known_at)
    try:
        lab = await resolve_path(connection, "lab", name, times)
    except Refusal:
        return
    kept = await lab_state(connection, lab, times)
    held = await lab_state(connection, lab, times, remembered=memory.moves)
    assert (held.lab, held.stints, held.standings) == (kept.lab, kept.stints, kept.standings)
    for person in kept.standings:
        assert held.labels.person(person) == kept.labels.person(person)
    for period in (Period(at - timedelta(days=365), at), Period(None, None)):
        told = await _moves(connection, lab, times, period, memory)
        assert told == await _moves(connection, lab, times, period), (lab, period, known_at)


async def _moves(
    connection: Connection, lab: str, times: Times, period: Period, memory: Memory | None = None
) -> LabMovements:
    return await movements_of_lab(
        connection,
        lab,
        times,
        period,
        limit=3,
        address=str,
        remembered=None if memory is None else memory.moves,
    )


async def _from_memory(
    memory: Memory,
    name: str,
    times: Times,
    presence: Presence | None = None,
    relation: Relation | None = None,
) -> bytes | None:
    """What it answers once it made what it can."""
    answer = await memory.lab(name, times, presence=presence, relation=relation)
    if answer is None and memory._making:
        await asyncio.gather(*memory._making.values())
        answer = await memory.lab(name, times, presence=presence, relation=relation)
    return answer


async def _asked(
    connection: Connection,
    name: str,
    times: Times,
    presence: Presence | None = None,
    relation: Relation | None = None,
) -> bytes:
    try:
        answer = await lab_on(connection, name, times, presence=presence, relation=relation)
    except Refusal as refusal:
        return str(refusal).encode()
    return msgspec.json.encode(answer)


async def _times(memory: Memory, at: date, known_at: int | None) -> Times:
    current = await memory.current(*(() if known_at is None else (known_at,)))
    return times_of(current, at=at, known_at=known_at, today=TODAY)
