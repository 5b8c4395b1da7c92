"""What is remembered answers as the database does, to the byte, whatever was recorded since."""

from datetime import date

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.answers.labs import lab_on
from service.answers.memory import ANSWERS_AGAIN, ANSWERS_BEFORE, Memory
from service.answers.times import Times, times_of
from service.app import CHANCE
from service.domain.events import Relation
from service.domain.presence import Presence
from service.domain.refusals import Refusal
from service.postgres.pool import Connection
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

    They make a lab as soon as it is asked for, so that as much as can be comes from memory.
    """
    return [
        Memory(base.pool, answers_before=0),
        Memory(base.pool, weight_max=15_000, answers_before=0),
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
    memory = Memory(base.pool, answers_before=0)
    await record(base.pool, with_entities(b.founding("x", on="2019", by=("ann",))))
    await record(base.pool, with_entities(b.hire("bob", at="x", on="2020-01")))
    await record(base.pool, with_entities(b.departure("bob", at="x", on="2020-03-05")))
    async with base.pool.acquire() as connection:
        for name in ("x", "X"):
            for known_at in (None, 1, 2, 3):
                times = await _times(memory, date(2020, 2, 1), known_at)
                answer = await memory.lab(name, times)
                assert answer is not None
                assert answer == await _asked(connection, name, times)
    assert list(memory._labs) == ["x"]


async def test_only_those_are_forgotten_whom_events_moved(base: Base) -> None:
    memory = Memory(base.pool, answers_before=0)
    for lab, person in (("x", "ann"), ("y", "bob")):
        await record(base.pool, with_entities(b.founding(lab, on="2019")))
        await record(base.pool, b.hire(b.entity(person, person), at=lab, on="2020-01"))
    for lab in ("x", "y"):
        await memory.lab(lab, await _times(memory, TODAY, None))
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
    memory = Memory(base.pool, answers_before=0)
    times = await _times(memory, TODAY, None)
    await memory.current()
    with memory._making_it() as missed:
        await record(base.pool, b.departure("ann", at="x", on="2020-03"))
        await memory.current()
    assert missed.labs == {"x"}
    assert missed.people == {"ann"}
    assert await memory.lab("x", times) is not None
    now = await _times(memory, TODAY, None)
    async with base.pool.acquire() as connection:
        assert await memory.lab("x", now) == await _asked(connection, "x", now)


async def test_a_lab_is_made_once_it_is_asked_for_again(base: Base) -> None:
    """More often where it was let go, because it moved or because others took its room."""
    for lab in ("x", "y", "z"):
        await record(base.pool, with_entities(b.founding(lab, on="2019")))
    memory = Memory(base.pool)
    again = ANSWERS_BEFORE * ANSWERS_AGAIN

    async def are_from_memory(lab: str) -> list[bool]:
        answers = [
            await memory.lab(lab, await _times(memory, TODAY, None)) for _ in range(again + 2)
        ]
        return [answer is not None for answer in answers]

    first = [number >= ANSWERS_BEFORE for number in range(again + 2)]
    later = [number >= again for number in range(again + 2)]
    assert await are_from_memory("x") == first
    await record(base.pool, b.hire(b.entity("ann", "Ann"), at="x", on="2020-01"))
    assert await are_from_memory("x") == later
    assert await are_from_memory("y") == first
    memory._weight_max = memory._weight * 5 // 4
    assert await are_from_memory("z") == first
    assert await are_from_memory("x") == later


async def test_what_is_made_for_now_is_asked_of_late_too(base: Base) -> None:
    """And what is made for once long ago serves every later state; a window never shrinks."""
    memory = Memory(base.pool, answers_before=0)
    await record(base.pool, with_entities(b.founding("x", on="2019")))
    for number in range(35):
        await record(base.pool, b.hire(b.entity(f"p{number}", f"P {number}"), at="x", on="2020"))
    made = []
    for known_at in (None, 34, 20, 33, 3, None, 25):
        times = await _times(memory, TODAY, known_at)
        async with base.pool.acquire() as connection:
            assert await memory.lab("x", times) == await _asked(connection, "x", times)
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


async def _assert_one(
    connection: Connection, memory: Memory, name: str, at: date, known_at: int | None
) -> None:
    filters: list[tuple[Presence | None, Relation | None]] = [(None, None), ("certain", "advisor")]
    for presence, relation in filters:
        times = await _times(memory, at, known_at)
        answer = await memory.lab(name, times, presence=presence, relation=relation)
        if answer is not None:
            fresh = await _times(memory, at, known_at)
            expected = await _asked(connection, name, fresh, presence, relation)
            assert answer == expected, (name, at, known_at)
            assert times.resolved == fresh.resolved
            assert not fresh.rests_on_head


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
