"""Moves in memory are those of the head, and cost the reading of those whom events moved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from service.answers import remembered_moves
from service.answers.labs import lab_state
from service.answers.memory import Memory
from service.answers.movements import movements_of_lab
from service.answers.moves import Sure, labs_of
from service.answers.remembered_moves import ANSWERS_FIRST, LabMoves
from service.answers.times import Period, Times, times_of
from service.domain.events import Retraction
from service.postgres.pool import Connection
from service.read_models.current import Current, fetch_current
from service.read_models.moves import Careers, fetch_careers_of_people
from tests.support import builders as b
from tests.support.histories import Base, record, with_entities

TODAY = date(2020, 6, 1)
PEOPLE = ("ann", "bob", "cyd")


@pytest.fixture
async def memory(base: Base) -> Memory:
    """Of a log of two labs, one of which was asked for so often that it is held next time."""
    for lab in ("x", "y"):
        await record(base.pool, with_entities(b.founding(lab, on="2018")))
    for person in PEOPLE:
        await record(base.pool, b.hire(b.entity(person, person), at="x", on="2019-01"))
    memory = Memory(base.pool)
    async with base.pool.acquire() as connection:
        for _ in range(ANSWERS_FIRST):
            assert await memory.moves.at(connection, "x", await _times(memory)) is None
    return memory


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Whose careers were read again, time by time."""
    told: list[set[str]] = []

    async def fetch(connection: Connection, people: Any, *, position: int) -> Careers:
        told.append(set(people))
        return await fetch_careers_of_people(connection, people, position=position)

    monkeypatch.setattr(remembered_moves, "fetch_careers_of_people", fetch)
    return told


async def test_only_whom_events_moved_is_read_again(
    base: Base, memory: Memory, reads: list[set[str]]
) -> None:
    async with _held(base, memory) as first:
        assert set(first.people) == set(PEOPLE)
    await record(base.pool, b.departure("bob", at="x", on="2020-03"))
    await record(base.pool, b.hire(b.entity("dan", "dan"), at="x", on="2020-02"))
    async with _held(base, memory) as held:
        assert {person: len(mover.moves) for person, mover in held.people.items()} == {
            "ann": 1, "bob": 2, "cyd": 1, "dan": 1,
        }  # fmt: skip
        assert held.stints == 4
    async with _held(base, memory):
        assert reads == [{"bob", "dan"}]


async def test_moves_and_stays_are_those_of_the_days_after_an_event(
    base: Base, memory: Memory
) -> None:
    """On the very day of a move it is told, and who left on a day is there no more."""
    day = date(2020, 3, 5)
    async with _held(base, memory) as held:
        assert held.of((day, day)) == []
    await record(base.pool, b.departure("bob", at="x", on="2020-03-05"))
    for on, gone in ((day - timedelta(days=1), 0), (day, 1)):
        async with _held(base, memory) as held, base.pool.acquire() as connection:
            assert len(held.of((on, on))) == gone
            view = held.view(connection, replace(await _times(memory), at=on))
            there = await view.stints_of_labs(["x"], on)
            assert ("bob" in there["x"]) == (not gone)


async def test_who_was_never_there_is_held_no_more(base: Base, memory: Memory) -> None:
    (hired,) = await record(base.pool, b.hire(b.entity("dan", "dan"), at="x", on="2020-02"))
    async with _held(base, memory) as held:
        assert set(held.people) == {*PEOPLE, "dan"}
    await record(base.pool, Retraction(target=hired.event_id, reason="made up"))
    async with _held(base, memory) as held:
        assert set(held.people) == set(PEOPLE)
        assert held.stints == len(PEOPLE)


async def test_facts_of_labs_let_everything_go(base: Base, memory: Memory) -> None:
    """A merger makes of moves none, of people whom it does not name."""
    async with _held(base, memory):
        pass
    await record(base.pool, b.merger("x", into="y", on="2020-03"))
    async with base.pool.acquire() as connection:
        assert await memory.moves.at(connection, "x", await _times(memory)) is None


async def test_an_erasure_lets_everything_go(
    base: Base, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes from what was known long ago; here none of its subjects was ever at the lab."""
    async with _held(base, memory):
        pass
    (hired,) = await record(base.pool, b.hire(b.entity("dan", "dan"), at="y", on="2020-02"))
    position = hired.position

    async def fetch(*args: Any) -> Current:
        return replace(await fetch_current(*args), last_erasure=position)

    monkeypatch.setattr("service.answers.memory.fetch_current", fetch)
    await memory.current()
    assert not memory.moves.has_any


async def test_the_past_and_what_was_published_are_not_told(base: Base, memory: Memory) -> None:
    async with _held(base, memory), base.pool.acquire() as connection:
        before = await _times(memory)
        assert await memory.moves.at(connection, "x", await _times(memory, 4)) is None
        published = await _times(memory)
        published.published_by = TODAY
        assert await memory.moves.at(connection, "x", published) is None
        await record(base.pool, b.departure("bob", at="x", on="2020-03"))
        await memory.current()
        assert await memory.moves.at(connection, "x", before) is None, "others read on meanwhile"


async def test_what_moves_while_a_lab_is_read_is_read_again(
    base: Base, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is of the head that was asked for; the next one knows what came meanwhile."""

    async def slowly(*args: Any) -> Any:
        monkeypatch.setattr(remembered_moves, "labs_of", labs_of)
        await record(base.pool, b.departure("bob", at="x", on="2020-03"))
        async with base.pool.acquire() as other:
            times = await _times(memory)
            assert await memory.moves.at(other, "x", times) is None, "another reads it"
        return await labs_of(*args)

    monkeypatch.setattr(remembered_moves, "labs_of", slowly)
    async with _held(base, memory) as held:
        assert len(held.people["bob"].moves) == 1
    async with _held(base, memory) as held:
        assert len(held.people["bob"].moves) == 2


async def test_a_lab_that_takes_too_much_room_is_not_held(
    base: Base, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered_moves, "PEOPLE_MAX", len(PEOPLE) - 1)
    async with base.pool.acquire() as connection:
        assert await memory.moves.at(connection, "x", await _times(memory)) is None
    assert not memory.moves.has_any


async def test_the_least_recently_asked_makes_room(base: Base, memory: Memory) -> None:
    await record(base.pool, b.hire(b.entity("eve", "eve"), at="y", on="2019-05"))
    memory.moves._stints_max = len(PEOPLE)
    async with _held(base, memory):
        pass
    async with base.pool.acquire() as connection:
        for _ in range(ANSWERS_FIRST):
            assert await memory.moves.at(connection, "y", await _times(memory)) is None
        assert await memory.moves.at(connection, "y", await _times(memory)) is not None
        assert await memory.moves.at(connection, "x", await _times(memory)) is None


async def test_a_reading_that_fails_leaves_nothing(
    base: Base, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _held(base, memory):
        pass
    await record(base.pool, b.departure("bob", at="x", on="2020-03"))

    async def fails(*_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(remembered_moves, "labs_of", fails)
    with pytest.raises(ConnectionError):
        async with _held(base, memory):
            pass
    assert not memory.moves.has_any
    monkeypatch.setattr(remembered_moves, "labs_of", labs_of)
    async with base.pool.acquire() as connection:
        for _ in range(ANSWERS_FIRST):
            await memory.moves.at(connection, "x", await _times(memory))
    async with _held(base, memory) as held:
        assert len(held.people["bob"].moves) == 2


async def test_a_vague_arrival_elsewhere_is_told_as_the_database_tells_it(
    base: Base, memory: Memory
) -> None:
    """It can be in any later year, in which who left long before is told, too."""
    await record(base.pool, b.departure("bob", at="x", on="2019-06"))
    await record(base.pool, b.hire("bob", at="y", on="[2019-07..]"))
    async with base.pool.acquire() as connection:
        times = await _times(memory)
        for year in (2019, 2020, 2021, 2022):
            period = Period(date(year, 1, 1), date(year, 12, 31))
            asked = (connection, "x", times, period)
            told = await movements_of_lab(*asked, limit=9, address=str, remembered=memory.moves)
            assert told == await movements_of_lab(*asked, limit=9, address=str)
            gone = [flow.count for flow in told.flows if flow.from_lab and flow.to_lab]
            assert gone == [Sure(0, 1)], year
    assert memory.moves.has_any


async def test_who_was_there_is_told_from_what_is_held(base: Base, memory: Memory) -> None:
    """While that is true: whom events moved since is not, until they are read again."""
    async with _held(base, memory), base.pool.acquire() as connection:
        before = await _times(memory)
        view = memory.moves.view(connection, "x", before)
        assert view is not None
        there = (await view.stints_of_labs(["x"], TODAY))["x"]
        assert set(there) == set(PEOPLE)
        assert {facts.name for facts in (await view.people(there)).values()} == set(PEOPLE)
        earlier = (await view.stints_of_labs(["x"], date(2018, 6, 1))).get("x", {})
        assert earlier == {}, "another day is asked of the database"
        await record(base.pool, b.departure("bob", at="x", on="2020-03"))
        await record(base.pool, b.departure("cyd", at="x", on=str(TODAY)))
        await record(base.pool, b.hire(b.entity("dan", "dan"), at="x", on=str(TODAY)))
        now = await _times(memory)
        assert memory.moves.view(connection, "x", before) is None
        assert memory.moves.view(connection, "x", now) is None
        kept = await lab_state(connection, "x", now, remembered=memory.moves)
        assert set(kept.standings) == {"ann", "dan"}, "of the day itself the first alone holds"
        await memory.moves.at(connection, "x", now)
        assert memory.moves.view(connection, "x", now) is not None
        held = await lab_state(connection, "x", now, remembered=memory.moves)
        assert (held.stints, held.standings) == (kept.stints, kept.standings)
        assert set((await view.stints_of_labs(["x"], TODAY))["x"]) == set(PEOPLE), "as it was"


@asynccontextmanager
async def _held(base: Base, memory: Memory) -> AsyncIterator[LabMoves]:
    async with base.pool.acquire() as connection:
        held = await memory.moves.at(connection, "x", await _times(memory))
        assert held is not None
        yield held


async def _times(memory: Memory, known_at: int | None = None) -> Times:
    current = await memory.current(*(() if known_at is None else (known_at,)))
    return times_of(current, at=TODAY, known_at=known_at, today=TODAY)
