"""People who may be the same: found some at a time, bounded, and settled by what is recorded."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from service.app import CHANCE
from service.domain.events import Correction, Payload, Retraction
from service.domain.similar_people import PAIRS_MAX
from service.postgres.pool import Pool
from service.read_models import similar_people
from service.read_models.replay import replay
from service.read_models.similar_people import (
    PEOPLE_AT_ONCE,
    fetch_checkpoint,
    fetch_similar,
    keep_looking,
    look,
)
from tests.support import builders as b
from tests.support.histories import Base, read_log, record

EMPTY = "TRUNCATE similar_people; UPDATE similar_people_state SET checkpoint = 0"


@pytest.fixture
async def log(base: Base) -> Base:
    await base.owner.execute(EMPTY)
    return base


async def look_at_all(base: Base) -> int:
    """Until nobody is left; how many were looked at."""
    count = 0
    while True:
        async with base.pool.acquire() as connection, connection.transaction():
            looked = await look(connection)
        assert looked < PEOPLE_AT_ONCE + 10
        count += looked
        if not looked:
            return count


async def pairs(base: Base, people: Sequence[str] | None = None) -> list[tuple[str, str, str]]:
    async with base.pool.acquire() as connection:
        return [
            (s.person, s.other, s.reason) for s in await fetch_similar(connection, people=people)
        ]


def hired(one: str, name: str, at: str = "x", *aliases: str) -> Payload:
    return b.hire(b.entity(one, name, *aliases), at=b.entity(at, at.upper()), on="2020")


SAME = [("a", "b", "same_name")]


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (("Wei Wang", "x"), ("wei  WANG", "y"), SAME),
        (("Zoë Example", "x"), ("Zoe Example", "y"), SAME),
        (("Robert Example", "x", "Bob Example"), ("Bob Example", "y"), SAME),
        (("Jonathan Fairweather", "x"), ("Jonathon Fairweather", "x"), []),
        (("Jonathan Q Fairweather", "x"), ("Jonathan Fairweather", "x"), [("a", "b", "near_name")]),
        (("Jonathan Q Fairweather", "x"), ("Jonathan Fairweather", "y"), []),
        (("Generated Person 0001", "x"), ("Generated Person 0002", "x"), []),
        (
            ("Generated Persons 0001", "x"),
            ("Generated Person 0001", "x"),
            [("a", "b", "near_name")],
        ),
        (("Ann", "x"), ("Bob", "x"), []),
    ],
)
async def test_names_make_people_alike(
    log: Base,
    one: tuple[str, ...],
    other: tuple[str, ...],
    found: list[tuple[str, str, str]],
) -> None:
    """The same name anywhere; a near one, with the same digits, at one lab."""
    await record(log.pool, hired("a", *one), hired("b", *other))
    assert await look_at_all(log) == 2
    assert await pairs(log) == found


async def test_only_those_who_are_named_anew_are_looked_at(log: Base) -> None:
    await record(log.pool, *(hired(f"p{i}", f"Person {i:03}") for i in range(45)))
    assert await look_at_all(log) == 45
    assert await look_at_all(log) == 0
    await record(log.pool, hired("q", "Person 007", "y"))
    await record(log.pool, b.closure("x", on="2021"))
    assert await look_at_all(log) == 1
    assert await pairs(log) == [("p7", "q", "same_name")]
    async with log.pool.acquire() as connection:
        assert await fetch_checkpoint(connection) == 47


async def test_an_event_that_names_many_is_looked_at_whole(log: Base) -> None:
    founders = [b.entity(f"p{i}", "One Name" if i < 2 else f"P{i}") for i in range(3)]
    await record(log.pool, *(hired(f"q{i}", f"Q{i}") for i in range(PEOPLE_AT_ONCE - 1)))
    await record(log.pool, b.founding(b.entity("z", "Z"), on="2020", by=tuple(founders)))
    async with log.pool.acquire() as connection, connection.transaction():
        assert await look(connection) == PEOPLE_AT_ONCE + 2
    assert await pairs(log) == [("p0", "p1", "same_name")]


async def test_nobody_has_more_than_five(log: Base) -> None:
    await record(log.pool, *(hired(f"p{i:02}", "Wei Wang", f"lab-{i}") for i in range(30)))
    await look_at_all(log)
    for i in range(30):
        assert len(await pairs(log, [f"p{i:02}"])) <= PAIRS_MAX
    assert len(await pairs(log)) >= 30, "and most have some"


async def test_dismissed_pair_does_not_come_back(log: Base) -> None:
    """At the next look at the list, either direction, by the ids that were meant; and after a look."""
    await record(log.pool, hired("a", "Wei Wang"), hired("b", "Wei Wang"), hired("c", "W. Wang"))
    await look_at_all(log)
    await record(log.pool, b.same_person("c", into="b"))
    (different,) = await record(log.pool, b.different_people("a", "c"))
    assert await pairs(log) == []
    await look_at_all(log)
    assert await pairs(log) == []

    await record(log.pool, Retraction(target=different.event_id, reason="they may be one"))
    await look_at_all(log)
    assert await pairs(log) == SAME
    said = b.different_people("b", "a", certainty="rumoured")
    correction = Correction(target=different.event_id, reason="r", event=said)
    await record(log.pool, correction)
    assert await pairs(log) == SAME, "a rumour settles nothing"
    said = b.different_people("b", "a")
    await record(log.pool, Correction(target=different.event_id, reason="r", event=said))
    assert await pairs(log) == []


async def test_dismissed_pairs_leave_room_for_others(log: Base) -> None:
    await record(log.pool, *(hired(f"p{i}", "Wei Wang", f"lab-{i}") for i in range(9)))
    await record(log.pool, *(b.different_people("p0", f"p{i}") for i in range(1, 6)))
    await look_at_all(log)
    found = {other for _, other, _ in await pairs(log, ["p0"])}
    assert found <= {"p6", "p7", "p8"}
    assert found


async def test_people_who_became_one_are_no_pair_until_they_are_split(log: Base) -> None:
    """Nobody has to look again: pairs are of the ids that were meant."""
    await record(log.pool, hired("a", "Wei Wang"), hired("b", "Wei Wang"), hired("c", "Wei Wang"))
    await look_at_all(log)
    assert len(await pairs(log)) == 3
    (same,) = await record(log.pool, b.same_person("b", into="a"))
    assert await pairs(log) == [("a", "c", "same_name")]
    await look_at_all(log)
    assert await pairs(log) == [("a", "c", "same_name")]
    await record(log.pool, Retraction(target=same.event_id, reason="they are two"))
    await look_at_all(log)
    assert len(await pairs(log)) == 3


async def test_name_that_is_taken_back_makes_nobody_alike(log: Base) -> None:
    named = b.person_profile("a", aliases=("Wei Wang",))
    *_, alias = await record(log.pool, hired("a", "Ann"), hired("b", "Wei Wang", "y"), named)
    await look_at_all(log)
    assert await pairs(log) == SAME
    await record(log.pool, Retraction(target=alias.event_id, reason="not hers"))
    await look_at_all(log)
    assert await pairs(log) == []


async def test_one_process_looks_at_a_time_and_no_writer_waits(log: Base) -> None:
    await record(log.pool, hired("a", "Wei Wang"), hired("b", "Wei Wang"))
    async with log.pool.acquire() as one, log.pool.acquire() as other, one.transaction():
        assert await look(one) == 2
        async with other.transaction():
            assert await look(other) == 0
        await record(log.pool, hired("c", "Wei Wang"))
    assert await look_at_all(log) == 1
    assert len(await pairs(log)) == 3


async def test_log_that_was_taken_back_is_looked_at_from_the_beginning(log: Base) -> None:
    await record(log.pool, hired("a", "Wei Wang"), hired("b", "Wei Wang"), hired("c", "Cid"))
    await look_at_all(log)
    await log.empty()
    await record(log.pool, hired("c", "Wei Wang"), hired("d", "Wei Wang"))
    await look_at_all(log)
    assert await pairs(log) == [("c", "d", "same_name")]


async def test_pairs_are_no_part_of_a_replay(log: Base) -> None:
    await record(log.pool, hired("a", "Wei Wang"), hired("b", "Wei Wang"))
    await look_at_all(log)
    done = await replay(log.pool, CHANCE.new_id(), now=CHANCE.now)
    assert (done.state, done.drift) == ("done", [])
    assert await pairs(log) == SAME
    assert len(await read_log(log.owner)) == 2


class Unreachable:
    """A pool without connections at first, as while the database restarts."""

    def __init__(self, pool: Pool, faults: int) -> None:
        self._pool = pool
        self.faults = faults

    def acquire(self) -> object:
        if self.faults:
            self.faults -= 1
            raise ConnectionRefusedError("the database is starting up")
        return self._pool.acquire()


async def test_task_outlives_a_database_that_restarts_and_ends_when_told(
    log: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar_people, "PAUSE_AFTER_FAULT_SECONDS", 0)
    monkeypatch.setattr(similar_people, "PAUSE_SECONDS", 0)
    await record(log.pool, hired("a", "Wei Wang"), hired("b", "Wei Wang"))
    pool = Unreachable(log.pool, faults=3)
    task = asyncio.create_task(keep_looking(cast("Pool", pool)))
    async with asyncio.timeout(20):
        while await pairs(log) != SAME:
            assert not task.done(), task.result()
            await asyncio.sleep(0.01)
    assert pool.faults == 0
    task.cancel()
    (ended,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)
    # No lock and no connection stays behind.
    assert await look_at_all(log) == 0
