"""
Two and three writers at once, in every order of their statements, on connections of their own.

However their steps fall: no gap, nothing lost, nobody stuck, one winner where one may win, and
whoever reads meanwhile sees each position once and in order.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Literal, NamedTuple

import pytest
from msgspec.structs import replace

from service.app import CHANCE
from service.domain.events import Entity, Payload, Position
from service.domain.fold import fold
from service.domain.refusals import (
    ClosesCycle,
    EventIdTaken,
    HistoryMoved,
    IdempotencyKeyTaken,
    Invalid,
    Refusal,
)
from service.domain.submissions import Submission
from service.log.append import appending
from service.log.read import Filters, read_page
from service.postgres.pool import DATABASE_FAULTS, Connection
from service.read_models.beliefs import MODELS
from service.recording.commands import Command, Recorded, with_event_ids
from service.recording.writer import MANY_EVENTS, record
from tests.support import builders as b
from tests.support.counted import count
from tests.support.histories import (
    Base,
    assert_rows_are_the_fold,
    believed,
    command,
    commit_group,
    fetch_rows,
    read_log,
    rows_of,
    submission,
)
from tests.support.stepping import Lines, Schedule, Stepper, in_every_order, opened_lines, settled

AT_MOST = None if os.environ.get("TIMELINE_INTERLEAVINGS") == "all" else 6
"""So many orders of three writers, or of one that is cut off; `all` tries every one."""

BEFORE: list[Payload] = [
    b.hire(b.entity("ann", "Ann"), at=b.entity("lab-0", "Lab 0"), on="2020"),
    b.hire(b.entity("ben", "Ben"), at=b.entity("lab-1", "Lab 1"), on="2020"),
    b.hire(b.entity("cid", "Cid"), at=b.entity("lab-2", "Lab 2"), on="2020"),
]
"""What every log begins with, under the ids 1, 2 and 3."""
PEOPLE = ("ann", "ben", "cid")


class Rivalry(NamedTuple):
    """What several want to record at once, and how many of them may."""

    asks: Callable[[int, int], Command]
    """What the writer of a number asks, of so many."""
    winners: Callable[[int], int]
    """Of so many writers."""
    losers_get: type[Refusal] | Literal["the same"] | None
    """The refusal, or the winner's answer again."""


def everybody(writers: int) -> int:
    return writers


def one(writers: int) -> int:
    return 1


def all_but_one(writers: int) -> int:
    return writers - 1


def on_condition(asked: Command) -> Command:
    return replace(asked, expected_position=Position(len(BEFORE)))


def numbered(payload: Payload, number: int) -> Submission:
    return submission(payload, b.event_id(number))


RIVALRIES: dict[str, Rivalry] = {
    "the same lab": Rivalry(
        lambda i, _: command(b.hire(b.entity(f"p-{i}", f"P {i}"), at="lab-0", on=f"202{i}")),
        everybody,
        None,
    ),
    "the same person": Rivalry(
        lambda i, _: command(b.hire("ann", at=f"lab-{i}", on=f"202{i + 1}")), everybody, None
    ),
    "the same new name": Rivalry(
        lambda i, _: command(
            b.hire(Entity(name="Zoe Zed"), at=Entity(name="New Lab"), on=f"202{i}")
        ),
        everybody,
        None,
    ),
    "corrections of one event": Rivalry(
        lambda i, _: command(b.correction(1, b.hire("ann", at="lab-1", on=f"201{i}"))),
        everybody,
        None,
    ),
    "corrections on condition": Rivalry(
        lambda i, _: on_condition(
            command(b.correction(1, b.hire("ann", at="lab-1", on=f"201{i}")))
        ),
        one,
        HistoryMoved,
    ),
    "a retraction beside a correction, on condition": Rivalry(
        lambda i, _: on_condition(
            command(b.correction(1, b.hire("ann", at="lab-1", on="2011")) if i else b.retraction(1))
        ),
        one,
        HistoryMoved,
    ),
    "the same key and request": Rivalry(
        lambda _i, _n: command(b.hire("ann", at="lab-1", on="2021"), key="k"), one, "the same"
    ),
    "the same key for other requests": Rivalry(
        lambda i, _: command(b.hire("ann", at="lab-1", on=f"202{i}"), key="k"),
        one,
        IdempotencyKeyTaken,
    ),
    "the same event id and body": Rivalry(
        lambda _i, _n: command(numbered(b.hire("ann", at="lab-1", on="2021"), 9)), one, "the same"
    ),
    "the same event id with other bodies": Rivalry(
        lambda i, _: command(numbered(b.hire("ann", at="lab-1", on=f"202{i}"), 9)),
        one,
        EventIdTaken,
    ),
    "mergers in a ring": Rivalry(
        lambda i, n: command(b.merger(f"lab-{i}", into=f"lab-{(i + 1) % n}", on="2022")),
        all_but_one,
        ClosesCycle,
    ),
    "identities in a ring": Rivalry(
        lambda i, n: command(b.same_person(PEOPLE[i], PEOPLE[(i + 1) % n])),
        all_but_one,
        ClosesCycle,
    ),
    "many events": Rivalry(
        lambda i, _: command(
            *(
                b.hire(b.entity(f"p-{i}-{n}", f"P {i} {n}"), at="lab-0", on="2021")
                for n in range(MANY_EVENTS)
            )
        ),
        everybody,
        None,
    ),
}
each_rivalry = pytest.mark.parametrize("rivalry", RIVALRIES.values(), ids=RIVALRIES)


@pytest.fixture
async def lines(base: Base) -> AsyncIterator[Lines]:
    async with opened_lines(base.dsn) as opened:
        yield opened


@each_rivalry
async def test_two_writers(base: Base, lines: Lines, rivalry: Rivalry) -> None:
    assert await in_every_order(lambda s: compete(base, lines, rivalry, 2, s)) >= 8


@each_rivalry
async def test_three_writers(base: Base, lines: Lines, rivalry: Rivalry) -> None:
    await in_every_order(lambda s: compete(base, lines, rivalry, 3, s), at_most=AT_MOST)


@each_rivalry
async def test_two_writers_of_whom_one_is_cut_off(
    base: Base, lines: Lines, rivalry: Rivalry
) -> None:
    """At any moment, also after a commit that it was not told of; it asks again and is answered."""
    await in_every_order(
        lambda s: compete(base, lines, rivalry, 2, s, is_cut=True), at_most=AT_MOST
    )


async def compete(
    base: Base,
    lines: Lines,
    rivalry: Rivalry,
    number: int,
    schedule: Schedule,
    *,
    is_cut: bool = False,
) -> None:
    """
    Let so many writers go, one statement at a time; then all has to be as it must.

    With *is_cut* the first one's connection ends at some moment, after which it asks again.
    """
    await _emptied(base)
    await commit_group(
        base.pool, command(*(numbered(payload, i) for i, payload in enumerate(BEFORE, 1)))
    )
    # The writer gives ids before its first attempt, so that a second one is known again.
    commands = [with_event_ids(rivalry.asks(i, number), CHANCE.new_id) for i in range(number)]
    async with AsyncExitStack() as taken:

        async def started(asked: Command) -> Stepper:
            connection = await taken.enter_async_context(lines.taken())
            return Stepper(connection, lambda c: _recorded(c, asked))

        reader = Reader(base.owner)
        steppers = [await started(asked) for asked in commands]
        while ready := await settled(steppers, base.owner):
            may_be_cut = is_cut and not steppers[0].has_ended
            chosen = schedule.choose([*ready, *([_CUT] if may_be_cut else [])])
            if chosen == _CUT:
                is_cut = False
                await _cut(base, steppers[0])
                steppers[0] = await started(commands[0])
            else:
                steppers[chosen].step()
            await settled(steppers, base.owner)
            await reader.read()
        answers = [await _answer(stepper) for stepper in steppers]
    _assert_won(rivalry, answers)
    await _assert_whole(base, commands, rivalry.winners(number), reader.seen)
    count("interleaving", ROWS[number, _CUT in schedule.taken])


class Reader:
    """Somebody who asks, again and again, for what came after the last that they saw."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.seen: list[int] = []

    async def read(self) -> None:
        after = self.seen[-1] if self.seen else 0
        events = await read_page(
            self._connection, after=after, until=2**62, filters=Filters(), limit=1000
        )
        self.seen += [event.position for event in events]


async def _emptied(base: Base) -> None:
    """As `Base.empty`, but plans of statements stay, and are most of what an order costs."""
    await base.owner.execute(
        "SET session_replication_role = replica;"
        "DELETE FROM events; DELETE FROM event_subjects; DELETE FROM receipts;"
        + "".join(f"DELETE FROM read_models.{model};" for model in MODELS)
        + "UPDATE read_models.state SET checkpoint = 0;"
        "SET session_replication_role = DEFAULT"
    )


_CUT = -1
"""In a schedule: the first writer's connection ends."""
ROWS = {
    (2, False): "two writers",
    (2, True): "two writers, one of them cut off",
    (3, False): "three writers",
}


async def _recorded(connection: Connection, asked: Command) -> Recorded | BaseException:
    async with appending(connection):
        (answer,) = await record(connection, [asked], CHANCE)
    return answer


async def _cut(base: Base, stepper: Stepper) -> None:
    await base.owner.execute("SELECT pg_terminate_backend($1, 5000)", stepper.pid)
    if stepper.is_at_gate:
        stepper.step()
    # Cut when all is written and only the lock is to be given back, it is no fault.
    with contextlib.suppress(*DATABASE_FAULTS):
        await stepper.task


async def _answer(stepper: Stepper) -> Recorded | Refusal:
    answer = await stepper.task
    assert isinstance(answer, Recorded | Refusal), answer
    return answer


def _assert_won(rivalry: Rivalry, answers: Sequence[Recorded | Refusal]) -> None:
    """As many are recorded as may be; the others are told why they are not."""
    told = [a for a in answers if isinstance(a, Recorded)]
    refused = [a for a in answers if isinstance(a, Refusal)]
    if rivalry.losers_get == "the same":
        assert refused == []
        assert len({tuple(o.event.position for o in a.outcomes) for a in told}) == 1
    else:
        assert len(told) == rivalry.winners(len(answers)), answers
        assert all(_code(a) == getattr(rivalry.losers_get, "code", None) for a in refused), refused


def _code(refusal: Refusal) -> str:
    return refusal.faults[0].code if isinstance(refusal, Invalid) else refusal.code


async def _assert_whole(
    base: Base, commands: Sequence[Command], winners: int, seen: Sequence[int]
) -> None:
    """The log holds what won, once; its rows are the fold; whoever read saw it all in order."""
    events = await read_log(base.owner)
    expected = len(BEFORE) + winners * len(commands[0].submissions)
    assert [e.position for e in events] == list(range(1, expected + 1))
    assert list(seen) == list(range(1, expected + 1))
    instants = [e.recorded_at for e in events]
    assert instants == sorted(instants, key=lambda at: (at is None, at))
    if len(events) < MANY_EVENTS:
        assert_rows_are_the_fold(await fetch_rows(base.owner), events)
    else:
        # Between the events of one commit nobody can ask; folding each of them takes long.
        kept, meant = believed(await fetch_rows(base.owner), expected), rows_of(fold(events))
        assert kept == meant
