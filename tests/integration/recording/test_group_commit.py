"""The writer: commands that wait together are committed together, each with its own answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from service.app import CHANCE, ROLE
from service.domain.events import Correction, Entity, Retraction
from service.domain.refusals import (
    ClosesCycle,
    IdempotencyKeyTaken,
    Invalid,
    NotReady,
    QueueFull,
    UnknownEvent,
)
from service.log import append as logs
from service.log.append import LogEntry, lock
from service.read_models.groups import write_group
from service.recording import writer as writers
from service.recording.admission import Chance
from service.recording.commands import Command, Recorded
from service.recording.writer import Writer
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import (
    Base,
    assert_rows_are_the_fold,
    command,
    commit_group,
    fetch_rows,
    read_log,
    record,
    submission,
    until_it_waits,
    with_entities,
)

ANN = with_entities(b.hire("ann", at="x", on="2020"))
BEN = with_entities(b.hire("ben", at="x", on="2021"))
NOBODY = b.hire("nobody", at="x", on="2020")
ONE, TWO = UUID(int=1), UUID(int=2)


@asynccontextmanager
async def running(base: Base, chance: Chance = CHANCE) -> AsyncIterator[Writer]:
    writer = Writer(base.pool, chance)
    writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


@asynccontextmanager
async def log_held(dsn: str) -> AsyncIterator[Callable[[], Any]]:
    """Another process holds the log's lock until the function is called, or the block ends."""
    async with connected(dsn, ROLE) as holder:
        transaction = holder.transaction()
        await transaction.start()
        await lock(holder)
        yield transaction.rollback


class Counted:
    """A clock that counts the transactions, of which each asks it once."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> datetime:
        self.count += 1
        return CHANCE.now()


def hire_of(number: int) -> Command:
    return command(b.hire(b.entity(f"p-{number}", f"Person {number}"), at=X, on="2020"))


X = b.entity("x", "X")


async def together(writer: Writer, *commands: Command) -> list[Recorded | BaseException]:
    return await asyncio.gather(*map(writer.record, commands), return_exceptions=True)


async def payloads(base: Base) -> list[Any]:
    return [e.payload for e in await read_log(base.owner)]


async def test_those_who_wait_share_few_transactions(base: Base) -> None:
    """And each is answered with what it said itself."""
    clock = Counted()
    async with running(base, replace(CHANCE, now=clock)) as writer:
        commands = [hire_of(n) for n in range(300)]
        answers = await together(writer, *commands)
    assert clock.count <= 4
    for asked, answer in zip(commands, answers, strict=True):
        assert isinstance(answer, Recorded)
        (outcome,) = answer.outcomes
        assert outcome.event.payload == replace_lab(asked, outcome.event.position)
    events = await read_log(base.owner)
    assert [e.position for e in events] == list(range(1, 301))
    assert len({e.recorded_at for e in events}) == clock.count


def replace_lab(asked: Command, position: int) -> Any:
    """What the log has of it: the lab is new to the first alone."""
    payload: Any = asked.submissions[0].payload
    return replace(payload, lab=X if position == 1 else "x")


async def test_answers_say_what_is_in_the_log(base: Base) -> None:
    async with running(base) as writer:
        answers = await together(writer, command(ANN, BEN), command(ANN))
    told = [o.event for a in answers if isinstance(a, Recorded) for o in a.outcomes]
    assert told == await read_log(base.owner)


async def test_answers_bear_the_findings_that_they_raised(base: Base) -> None:
    """Each its own, though they were committed together."""
    async with running(base) as writer:
        one, other, third = await together(writer, command(ANN), command(ANN), command(BEN))
    kinds = [
        [sorted(f.kind for f in o.findings) for o in answer.outcomes]
        for answer in (one, other, third)
        if isinstance(answer, Recorded)
    ]
    assert kinds == [[[]], [["already_present", "possible_duplicate"]], [[]]]


async def test_groups_have_a_greatest_size(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Counted()
    monkeypatch.setattr(writers, "GROUP_COMMANDS_MAX", 10)
    async with running(base, replace(CHANCE, now=clock)) as writer:
        answers = await together(writer, *(hire_of(n) for n in range(25)))
    assert all(isinstance(a, Recorded) for a in answers)
    assert clock.count == 3


async def test_groups_have_a_greatest_number_of_events(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group takes no more once it has so many; a command is never cut in two."""
    clock = Counted()
    monkeypatch.setattr(writers, "GROUP_EVENTS_MAX", 4)
    async with running(base, replace(CHANCE, now=clock)) as writer:
        answers = await together(writer, *(command(ANN, BEN, ANN) for _ in range(4)))
    assert all(isinstance(a, Recorded) for a in answers)
    assert clock.count == 2


class TestRefusedInAGroup:
    """A command that is refused fails alone, and the next knows nothing of it."""

    async def test_others_are_recorded(self, base: Base) -> None:
        async with running(base) as writer:
            answers = await together(
                writer, command(ANN), command(NOBODY), command(BEN, NOBODY), command(BEN)
            )
        assert [isinstance(a, Recorded) for a in answers] == [True, False, False, True]
        assert all(isinstance(a, Invalid) for a in answers[1:3])
        assert [e.position for e in await read_log(base.owner)] == [1, 2]

    @pytest.mark.parametrize(
        "brings",
        [
            b.hire(Entity(name="Zoe"), at=X, on="2020"),
            b.hire(Entity(name="Someone", aliases=("Zoe",)), at=X, on="2020"),
            b.hire(b.entity("ann", "Zoe"), at=X, on="2020"),
            b.person_profile("ann", name="Zoe"),
            b.person_profile("ann", aliases=("Zoe",)),
            b.founding(X, on="2020", by=(Entity(name="Zoe"),)),
        ],
        ids=["new", "alias", "object", "name", "aliases", "founder"],
    )
    async def test_name_of_a_person_is_forgotten(self, base: Base, brings: Any) -> None:
        await record(base.pool, ANN)
        refused, next_one, last = await commit_group(
            base.pool,
            command(brings, NOBODY),
            command(b.sighting("Zoe", at="x", on="2020")),
            command(b.sighting("zoe", at="x", on="2020")),
        )
        assert isinstance(refused, Invalid)
        assert isinstance(next_one, Invalid)
        assert isinstance(last, Invalid)
        assert await payloads(base) == [ANN]

    @pytest.mark.parametrize(
        "brings",
        [
            b.founding(Entity(name="Zed"), on="2020"),
            b.renaming("x", to="Zed", on="2020"),
            b.lab_profile("x", name="Zed"),
            b.ownership("x", parent=Entity(name="Zed"), on="2020"),
        ],
        ids=["new", "renaming", "profile", "parent"],
    )
    async def test_name_of_a_lab_is_forgotten(self, base: Base, brings: Any) -> None:
        await record(base.pool, ANN)
        refused, next_one = await commit_group(
            base.pool, command(brings, NOBODY), command(b.sighting("ann", at="Zed", on="2020"))
        )
        assert isinstance(refused, Invalid)
        assert isinstance(next_one, Invalid)
        assert await payloads(base) == [ANN]

    async def test_id_that_it_took_is_free(self, base: Base) -> None:
        zoe = b.hire(Entity(name="Zoe"), at=X, on="2020")
        _, taken = await commit_group(base.pool, command(zoe, NOBODY), command(zoe))
        assert isinstance(taken, Recorded)
        assert taken.outcomes[0].event.payload == b.hire(b.entity("zoe", "Zoe"), at=X, on="2020")

    async def test_event_that_it_brought_is_nobodys_target(self, base: Base) -> None:
        brings = command(submission(ANN, ONE), NOBODY)
        _, retracting, own = await commit_group(
            base.pool,
            brings,
            command(Retraction(target=ONE, reason="No.")),
            command(submission(BEN, ONE)),
        )
        assert isinstance(retracting, UnknownEvent)
        assert isinstance(own, Recorded)
        assert await payloads(base) == [BEN]

    async def test_link_that_it_made_closes_no_cycle(self, base: Base) -> None:
        await record(base.pool, ANN, BEN)
        refused, opposite, same = await commit_group(
            base.pool,
            # Not at the position that the next one takes, which would hide it.
            command(BEN, b.same_person("ann", "ben"), NOBODY),
            command(b.same_person("ben", "ann")),
            command(b.same_person("ann", "ben")),
        )
        assert isinstance(refused, Invalid)
        assert isinstance(opposite, Recorded)
        assert isinstance(same, ClosesCycle)

    async def test_correction_that_it_made_concerns_nobody(self, base: Base) -> None:
        """The subjects of a later one are the target's, not those of what was never said."""
        await record(base.pool, submission(ANN, ONE), BEN)
        await commit_group(
            base.pool,
            command(
                Correction(target=ONE, reason="No.", event=b.hire("ben", at="x", on="2020")),
                NOBODY,
            ),
            command(Retraction(target=ONE, reason="No.")),
        )
        subjects = await base.owner.fetch(
            "SELECT kind, subject_id FROM event_subjects WHERE position = 3 ORDER BY 1"
        )
        assert [tuple(row) for row in subjects] == [("lab", "x"), ("person", "ann")]

    async def test_key_that_it_came_with_is_free(self, base: Base) -> None:
        refused, own, repeated = await commit_group(
            base.pool,
            command(NOBODY, key="k"),
            command(ANN, key="k"),
            command(BEN, key="k"),
        )
        assert isinstance(refused, Invalid)
        assert isinstance(own, Recorded)
        assert isinstance(repeated, IdempotencyKeyTaken)

    async def test_rows_are_those_of_what_was_recorded(self, base: Base) -> None:
        await commit_group(
            base.pool,
            command(ANN, NOBODY),
            command(ANN),
            command(b.merger("x", into=b.entity("y", "Y"), on="2021"), NOBODY),
            command(b.departure("ann", at="x", on="2022")),
        )
        assert_rows_are_the_fold(await fetch_rows(base.owner), await read_log(base.owner))


class TestQueue:
    async def test_is_bounded(self, base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
        """Past the bound a client is told when to come again; who waits is served."""
        monkeypatch.setattr(writers, "QUEUE_COMMANDS_MAX", 3)
        writer = Writer(base.pool, CHANCE)
        waiting = [asyncio.create_task(writer.record(hire_of(n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull) as refused:
            await writer.record(hire_of(4))
        assert refused.value.retry_after_seconds == writers.RETRY_AFTER_SECONDS
        writer.start()
        assert all(isinstance(a, Recorded) for a in await asyncio.gather(*waiting))
        await writer.record(hire_of(4))
        await writer.stop()
        assert len(await read_log(base.owner)) == 4

    async def test_is_bounded_by_events_too(
        self, base: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those that are being written count until they are answered; one alone always fits."""
        monkeypatch.setattr(writers, "QUEUE_EVENTS_MAX", 3)
        async with running(base) as writer, log_held(base.dsn) as release:
            large = asyncio.create_task(writer.record(command(ANN, BEN, ANN, BEN)))
            await until_it_waits(base, large)
            with pytest.raises(QueueFull):
                await writer.record(hire_of(1))
            await release()
            await large
            assert isinstance(await writer.record(command(ANN, BEN, ANN)), Recorded)
        assert len(await read_log(base.owner)) == 7

    async def test_is_answered_before_the_writer_stops(self, base: Base) -> None:
        writer = Writer(base.pool, CHANCE)
        waiting = [asyncio.create_task(writer.record(hire_of(n))) for n in range(5)]
        await asyncio.sleep(0)
        writer.start()
        await writer.stop()
        assert all(isinstance(a, Recorded) for a in await asyncio.gather(*waiting))

    async def test_is_refused_once_the_writer_stops(self, base: Base) -> None:
        """Nobody would ever answer it."""
        async with running(base) as writer:
            await writer.record(hire_of(1))
        async with asyncio.timeout(5):
            with pytest.raises(NotReady):
                await writer.record(hire_of(2))
        assert len(await read_log(base.owner)) == 1


class TestClientThatHangsUp:
    async def test_does_not_cancel_the_commit(self, base: Base) -> None:
        """Neither its own nor that of the others who wait with it."""
        async with running(base) as writer, log_held(base.dsn) as release:
            gone, other = (asyncio.create_task(writer.record(hire_of(n))) for n in (1, 2))
            await until_it_waits(base, other)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            await release()
            assert isinstance(await other, Recorded)
        assert len(await read_log(base.owner)) == 2

    async def test_is_recorded_though_it_only_waited(self, base: Base) -> None:
        """Whether it was still in the queue nobody could tell it."""
        async with running(base) as writer, log_held(base.dsn) as release:
            first = asyncio.create_task(writer.record(hire_of(1)))
            await until_it_waits(base, first)
            gone = asyncio.create_task(writer.record(hire_of(2)))
            await asyncio.sleep(0)
            gone.cancel()
            await release()
            await first
            await writer.record(hire_of(3))
        assert [e.position for e in await read_log(base.owner)] == [1, 2, 3]

    async def test_refusal_that_nobody_reads_is_no_fault(self, base: Base) -> None:
        async with running(base) as writer, log_held(base.dsn) as release:
            gone = asyncio.create_task(writer.record(command(NOBODY)))
            await until_it_waits(base, gone)
            gone.cancel()
            await release()
            await writer.record(hire_of(1))
        assert [e.position for e in await read_log(base.owner)] == [1]


class TestFaultOfTheDatabase:
    async def test_of_one_command_is_its_alone(self, base: Base) -> None:
        """Postgres takes no NUL: the group fails, and each command is tried by itself."""
        bad = replace(hire_of(2), recorded_by="\0")
        async with running(base) as writer:
            answers = await together(writer, hire_of(1), bad, hire_of(3))
        assert [isinstance(a, Recorded) for a in answers] == [True, False, True]
        assert isinstance(answers[1], asyncpg.PostgresError)
        assert [e.position for e in await read_log(base.owner)] == [1, 2]

    @pytest.mark.parametrize("fault", [asyncpg.DiskFullError("full"), ZeroDivisionError("bug")])
    async def test_of_whatever_kind_is_its_alone(
        self, base: Base, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        async def write(connection: Any, entries: Sequence[LogEntry], *rest: Any) -> None:
            if any(b"Person 2" in entry.payload for entry in entries):
                raise fault
            await write_group(connection, entries, *rest)

        monkeypatch.setattr(writers, "write_group", write)
        async with running(base) as writer:
            answers = await together(writer, hire_of(1), hire_of(2), hire_of(3))
            alone = await together(writer, hire_of(2))
            later = await together(writer, hire_of(4))
        assert [isinstance(a, Recorded) for a in answers + later] == [True, False, True, True]
        assert answers[1] is fault
        assert alone == [fault]
        events = await read_log(base.owner)
        assert [e.position for e in events] == [1, 2, 3]
        assert_rows_are_the_fold(await fetch_rows(base.owner), events)

    @pytest.mark.parametrize("number", [2, writers.MANY_EVENTS])
    async def test_after_the_commit_records_nothing_twice(
        self, base: Base, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """The connection was lost before the answer came; nobody gave the events an id."""
        lost = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")

        first = True

        async def record(*asked: Any) -> Any:
            nonlocal first
            is_lost, first = first, False
            answers = await committed(*asked)
            if is_lost:
                raise lost
            return answers

        committed = writers.record
        monkeypatch.setattr(writers, "record", record)
        async with running(base) as writer:
            answers = await together(writer, *(hire_of(n) for n in range(number)))
        events = await read_log(base.owner)
        assert [a.outcomes[0].event for a in answers if isinstance(a, Recorded)] == events
        assert len(events) == number

    async def test_of_many_events_leaves_nothing_of_them(
        self, base: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The log of these is written while their rows are still worked out."""
        every = command(*(hire_of(n).submissions[0].payload for n in range(writers.MANY_EVENTS)))

        async def project(*_: Any) -> Any:
            await asyncio.sleep(0.05)
            raise ZeroDivisionError

        async with running(base) as writer:
            with monkeypatch.context() as broken:
                broken.setattr(writers, "project", project)
                (answer,) = await together(writer, every)
            assert isinstance(answer, ZeroDivisionError)
            assert await read_log(base.owner) == []
            assert isinstance((await together(writer, every))[0], Recorded)
        events = await read_log(base.owner)
        assert len(events) == writers.MANY_EVENTS
        assert_rows_are_the_fold(await fetch_rows(base.owner), events)

    async def test_connection_that_broke_is_replaced(self, base: Base) -> None:
        """Nothing of the group was committed, so that each can be tried again."""
        async with running(base) as writer:
            async with log_held(base.dsn) as release:
                first = asyncio.create_task(writer.record(hire_of(0)))
                await until_it_waits(base, first)
                others = [asyncio.create_task(writer.record(hire_of(n))) for n in (1, 2)]
                await asyncio.sleep(0)
                await _break_who_waits(base)
                with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
                    await first
                await until_it_waits(base, others[0])
                await _break_who_waits(base)
                await until_it_waits(base, others[1])
                await release()
                assert all(isinstance(a, Recorded) for a in await asyncio.gather(*others))
            assert isinstance(await writer.record(hire_of(3)), Recorded)
        assert [e.position for e in await read_log(base.owner)] == [1, 2, 3]

    async def test_when_the_lock_is_given_back_keeps_what_was_recorded(
        self, base: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A statement can be cancelled just then, of those too who are tried by themselves."""
        cancelled = asyncpg.QueryCanceledError("canceling statement due to user request")
        held = 0

        @asynccontextmanager
        async def appending(connection: Any) -> AsyncIterator[None]:
            nonlocal held
            held += 1
            async with logs.appending(connection):
                if held == 1:
                    raise cancelled
                yield
            if held == 2:
                raise cancelled

        monkeypatch.setattr(writers, "appending", appending)
        async with running(base) as writer, asyncio.timeout(20):
            answers = await together(writer, *(hire_of(n) for n in range(3)))
            answers += await together(writer, hire_of(3))
        assert all(isinstance(answer, Recorded) for answer in answers)
        assert [e.position for e in await read_log(base.owner)] == [1, 2, 3, 4]

    async def test_nobody_foresaw_ends_no_writer(
        self, base: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever waits is told, and whoever comes after them is written."""
        async with running(base) as writer, asyncio.timeout(20):
            with monkeypatch.context() as broken:
                broken.setattr(writers, "_new_events", lambda _: 1 // 0)
                answers = await together(writer, hire_of(1), hire_of(2))
            assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
            assert isinstance(await writer.record(hire_of(3)), Recorded)


class TestDatabaseThatDoesNotAnswer:
    async def test_lock_that_somebody_holds_is_told_to_all_at_once(
        self, base: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each by itself would wait as long again, and the queue would fill meanwhile."""
        shorter = logs._TAKE_LOCK.replace("'10s'", "'300ms'")
        assert shorter != logs._TAKE_LOCK
        monkeypatch.setattr(logs, "_TAKE_LOCK", shorter)
        async with running(base) as writer:
            async with log_held(base.dsn), asyncio.timeout(10):
                answers = await together(writer, *(hire_of(n) for n in range(50)))
            assert {type(answer) for answer in answers} == {asyncpg.LockNotAvailableError}
            told = [writer.kept_from_writing]
            assert isinstance(await writer.record(hire_of(1)), Recorded)
            told.append(writer.kept_from_writing)
        assert told == ["Somebody else holds what has to be locked in the database", None]
        async with base.pool.acquire() as connection:
            assert await connection.fetchval("SHOW lock_timeout") == "0"

    async def test_nobody_is_tried_after_one_who_did_not_reach_it(
        self, base: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried: list[int] = []

        async def record(_: Any, commands: Sequence[Command], __: Any) -> Any:
            tried.append(len(commands))
            raise ZeroDivisionError if len(tried) < 3 else ConnectionRefusedError

        monkeypatch.setattr(writers, "record", record)
        async with running(base) as writer:
            answers = await together(writer, *(hire_of(n) for n in range(5)))
        assert tried == [5, 1, 1]
        kinds = [ZeroDivisionError, *[ConnectionRefusedError] * 4]
        assert [type(answer) for answer in answers] == kinds

    async def test_commands_are_answered_without_it_at_the_end(self, base: Base) -> None:
        """Not as refused: what was sent may yet be recorded."""
        writer = Writer(base.pool, CHANCE)
        writer.start()
        async with log_held(base.dsn):
            first = asyncio.create_task(writer.record(hire_of(0)))
            await until_it_waits(base, first)
            others = [asyncio.create_task(writer.record(hire_of(n))) for n in (1, 2)]
            await asyncio.sleep(0)
            writer.give_up()
            async with asyncio.timeout(5):
                answers = await asyncio.gather(first, *others, return_exceptions=True)
                await writer.stop()
        assert {type(answer) for answer in answers} == {TimeoutError}
        with pytest.raises(NotReady):
            await writer.record(hire_of(3))
        assert await read_log(base.owner) == []


async def test_two_writers_share_one_log(base: Base) -> None:
    """As two processes do: no hole, no name twice, every answer its own."""
    async with running(base) as one, running(base) as other:
        lees = [b.hire(Entity(name="Ann Lee"), at=X, on=f"{1900 + n}") for n in range(60)]
        answers = await asyncio.gather(
            *((one, other)[n % 2].record(command(lee)) for n, lee in enumerate(lees))
        )
    events = await read_log(base.owner)
    assert sorted(o.event.position for a in answers for o in a.outcomes) == list(range(1, 61))
    assert {e.payload.person if i else "ann-lee" for i, e in enumerate(events)} == {"ann-lee"}  # type: ignore[union-attr]  # hires
    assert_rows_are_the_fold(await fetch_rows(base.owner), events)


async def _break_who_waits(base: Base) -> None:
    """End the connection on which the log's lock is waited for."""
    await base.owner.fetch(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_locks"
        " WHERE locktype = 'advisory' AND objid = 7240002 AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
