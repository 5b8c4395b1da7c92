"""What is shown of everything at once is that of the live fold, however much of it was kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answers.glances import WEIGHT_MAX, Glances
from service.answers.labs import Headcount
from service.answers.overview import Overview, overview
from service.answers.times import KnownAt, Times
from service.answers.views import Kept
from service.domain.events import Payload, RecordedEvent
from service.domain.fold import State, fold
from service.domain.headcounts import headcounts
from service.domain.moves import NO_EVENT, in_order_by, moves, turns
from service.domain.stints import Stint
from service.read_models.current import fetch_current
from service.read_models.erasing import make_anew
from service.read_models.moves import NEWEST_ROWS, fetch_newest
from service.read_models.stints import by_start
from service.tasks import end
from tests.support import builders as b
from tests.support.erasing import erase_events
from tests.support.histories import Base, read_log, record, submission, with_entities
from tests.support.publishing import record_history
from tests.support.strategies import days, histories

EXAMPLES = settings().max_examples * 2 // 5
SHOWN = 2
FEW_BYTES = 1_500
"""Enough to hold one lab."""
DAY = date(2021, 1, 1)
LEAP_DAY = date(2020, 2, 29)
ON_DATABASE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=EXAMPLES, suppress_health_check=ON_DATABASE)
@given(events=histories(14), last=days, few=st.booleans(), data=st.data())
async def test_overview_is_that_of_the_live_fold_as_the_log_grows(
    base: Base, events: list[RecordedEvent], last: date, few: bool, data: st.DataObject
) -> None:
    """
    What was counted before goes along with the log, to any day and state of knowledge.

    Also where only the labs with most stints are counted before.
    """
    await base.empty()
    async with _glances(base, FEW_BYTES if few else WEIGHT_MAX) as kept:
        for event in events:
            payload = with_entities(event.payload)
            await record(base.pool, submission(payload, b.event_id(event.position)))
            if data.draw(st.booleans()):
                continue
            known = await read_log(base.owner)
            at = data.draw(st.just(last) | days)
            asked = [at - timedelta(days=90 * n) for n in (4, 3, 2, 1, 0)]
            position = data.draw(st.just(len(known)) | st.integers(0, len(known)))
            told = await _overview(base, kept, asked, position)
            async with _glances(base) as anew:
                assert told == await _overview(base, anew, asked, position)
            _assert_is_of(told, fold(known[:position]), asked)
            if data.draw(st.booleans()):
                await kept.count()


async def test_largest_labs_are_told_without_counting_for_the_question(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once they were counted: of any day, after events, and as it was known before them."""
    async with _with_counted(base) as kept:
        monkeypatch.delattr("service.answers.glances._counted_for")
        before = await _overview(base, kept, [DAY], 3)
        assert _told(before) == {"x": (0, 2, 0), "y": (0, 1, 0)}
        await record(base.pool, b.departure("ann", at="x", on="2020-06-01"))
        assert _told(await _overview(base, kept, [DAY], 4)) == {"x": (0, 1, 0), "y": (0, 1, 0)}
        assert _told(await _overview(base, kept, [LEAP_DAY], 4)) == {"x": (1, 1, 0), "y": (0, 1, 0)}
        assert (await _overview(base, kept, [DAY], 3)).labs == before.labs


async def test_lab_for_which_there_was_no_room_may_become_the_largest(base: Base) -> None:
    async with _with_counted(base, FEW_BYTES) as kept:
        assert _told(await _overview(base, kept, [DAY], 3, limit=1)) == {"x": (0, 2, 0)}
        for person in ("dan", "eve", "fay"):
            await record(base.pool, with_entities(b.hire(person, at="y", on="2020-01-01")))
        assert _told(await _overview(base, kept, [DAY], 6, limit=1)) == {"y": (0, 4, 0)}


@pytest.mark.parametrize("heads", [3, 4])
async def test_counts_of_a_log_that_was_put_back_are_told_of_no_other(
    base: Base, heads: int
) -> None:
    """Of as many events as there were, and of more."""
    async with _with_counted(base) as kept:
        await base.empty()
        for person in ("dan", "eve", "fay", "guy")[:heads]:
            await record(base.pool, with_entities(b.hire(person, at="z", on="2020-01-01")))
        assert _told(await _overview(base, kept, [DAY], heads)) == {"z": (0, heads, 0)}


async def test_counts_of_other_read_models_are_told_no_more(base: Base) -> None:
    """As after a replay by other code, and after a rollback."""
    async with _with_counted(base) as kept:
        await base.owner.execute("DELETE FROM read_models.stints WHERE lab_id = 'y'")
        await base.owner.execute("UPDATE read_models.state SET replay_id = gen_random_uuid()")
        assert _told(await _overview(base, kept, [DAY], 3)) == {"x": (0, 2, 0)}


async def test_erased_are_counted_no_more(base: Base) -> None:
    """Not as it was known before either, and whatever was counted by then."""
    async with _with_counted(base) as kept:
        first = (await read_log(base.owner))[0]
        await erase_events(base.pool, first.event_id)
        async with base.pool.acquire() as connection, connection.transaction():
            await make_anew(connection, people=["ann"], labs=["x"])
        for known in (3, 4):
            told = await _overview(base, kept, [DAY], known)
            assert _told(told) == {"x": (0, 1, 0), "y": (0, 1, 0)}
            await kept.count()


@asynccontextmanager
async def _with_counted(base: Base, weight_max: int = WEIGHT_MAX) -> AsyncIterator[Glances]:
    """Two people at one lab and one at another, counted."""
    for person, lab in (("ann", "x"), ("bob", "x"), ("cid", "y")):
        await record(base.pool, with_entities(b.hire(person, at=lab, on="2020-01-01")))
    async with _glances(base, weight_max) as kept:
        await kept.count()
        yield kept


@asynccontextmanager
async def _glances(base: Base, weight_max: int = WEIGHT_MAX) -> AsyncIterator[Glances]:
    tasks: set[asyncio.Task[Any]] = set()
    try:
        yield Glances(base.pool, tasks, weight_max)
    finally:
        await end(tasks)


async def _overview(
    base: Base, glances: Glances, asked: list[date], known: int, limit: int = SHOWN
) -> Overview:
    async with base.pool.acquire() as connection:
        current = await fetch_current(connection)
        times = Times(
            at=asked[-1],
            known_at=KnownAt(known, None),
            head=current.head.position,
            is_pinned=False,
        )
        return await overview(connection, times, glances, current=current, limit=limit, days=asked)


def _told(overview: Overview) -> dict[str, tuple[int, int, int]]:
    return {one.lab.id: _sizes(one.lab.headcount) for one in overview.labs}


def _assert_is_of(told: Overview, state: State, asked: list[date]) -> None:
    there: dict[str, dict[str, list[Stint]]] = {}
    careers: dict[str, list[Stint]] = {}
    for stint in sorted(state.stints, key=by_start):
        there.setdefault(stint.lab, {}).setdefault(stint.person, []).append(stint)
        careers.setdefault(stint.person, []).append(stint)
    counts = {lab: headcounts(people.values(), asked) for lab, people in there.items()}
    largest = sorted(counts, key=lambda lab: (-sum(counts[lab][-1]), lab))
    assert [(one.lab.id, [_sizes(c) for c in one.counts]) for one in told.labs] == [
        (lab, [tuple(count) for count in counts[lab]])
        for lab in largest[:SHOWN]
        if sum(counts[lab][-1])
    ]
    assert all(one.lab.headcount == one.counts[-1] for one in told.labs)
    dated = [
        (on, move.key)
        for career in careers.values()
        for move in moves(career, state.labs)
        if (dated_by := move.joined or move.left) and (on := in_order_by(dated_by))
    ]
    newest = sorted((each for each in dated if asked[0] <= each[0] <= asked[-1]), reverse=True)
    assert [
        (
            move.person.id,
            move.left.event if move.left else NO_EVENT,
            move.joined.event if move.joined else NO_EVENT,
        )
        for move in told.moves
    ] == [key for _, key in newest[:8]]


async def test_who_comes_and_goes_all_the_time_hides_nobody(base: Base) -> None:
    """Of whom there are more dates than are read at first."""
    await record(base.pool, with_entities(b.hire("bob", at="x", on="2018-01-01")))
    position = 1
    for number in range(NEWEST_ROWS[0] * 2 + 1):
        began = date(2019, 1, 1) + timedelta(days=10 * number)
        for said, on in ((b.hire, began), (b.departure, began + timedelta(days=5))):
            position += 1
            await record(base.pool, with_entities(said("ann", at="x", on=str(on))))
    async with base.pool.acquire() as connection:
        newest = await Kept(connection, position).newest(date(2017, 1, 1), DAY, people=2)
    assert newest.last_on.keys() == {"ann", "bob"}


async def test_who_left_most_on_a_day_hides_nobody_who_left_on_it(base: Base) -> None:
    """Also where others, whom a kind of date of their own tells of, would be enough people."""
    said: list[Payload] = [b.hire("ann", at="x", on="2020-06-30")]
    for person, labs in (("vera", "x"), ("zoe", "vwxy")):
        for lab in labs:
            said += [
                b.hire(person, at=lab, on="2019-01-01"),
                b.departure(person, at=lab, on="2020-06-30"),
            ]
    for payload in said:
        await record(base.pool, with_entities(payload))
    async with base.pool.acquire() as connection:
        newest = await Kept(connection, len(said)).newest(date(2020, 1, 1), DAY, people=2)
    assert {"vera", "zoe"} <= newest.last_on.keys()


def _sizes(count: Headcount) -> tuple[int, int, int]:
    return (count.certain, count.presumed, count.possible)


@settings(max_examples=EXAMPLES, suppress_health_check=ON_DATABASE)
@given(events=histories(14), period=st.tuples(days, days), data=st.data())
async def test_newest_are_those_who_came_or_went_last(
    base: Base, events: list[RecordedEvent], period: tuple[date, date], data: st.DataObject
) -> None:
    """However few are read: all after the day since which they are everybody, as known any time."""
    known = await record_history(base, events)
    position = data.draw(st.integers(0, len(known)))
    first, last = min(period), max(period)
    truth: dict[str, date] = {}
    for stint in fold(known[:position]).stints:
        for on in turns(stint):
            if first <= on <= last:
                truth[stint.person] = max(truth.get(stint.person, on), on)
    async with base.pool.acquire() as connection:
        newest = await fetch_newest(
            connection,
            first=first,
            last=last,
            position=position,
            people=data.draw(st.integers(1, 3)),
        )
    assert newest.last_on.items() <= truth.items()
    assert {one: on for one, on in truth.items() if on > newest.since}.items() <= (
        newest.last_on.items()
    )
    assert bool(newest.last_on) == bool(truth)
