"""One writer for several workers: what is handed on is recorded once, and answered as it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from service.answers.events import recorded_events
from service.api.examples import REFUSALS
from service.app import CHANCE, ROLE
from service.domain.refusals import Invalid, NotReady, Refusal
from service.log.append import lock
from service.recording.commands import Command, Recorded
from service.recording.forwarding import ForwardingWriter, _packed, _receive, door
from service.recording.writer import Writer
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import Base, command, read_log, until_it_waits

X = b.entity("x", "X")


def hire_of(number: int) -> Command:
    return command(b.hire(b.entity(f"p-{number}", f"Person {number}"), at=X, on="2020"))


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("d") / "w"


@asynccontextmanager
async def leading(base: Base, path: Path) -> AsyncIterator[Writer]:
    writer = Writer(base.pool, CHANCE)
    writer.start()
    async with door(writer, path):
        yield writer


@asynccontextmanager
async def handing_on(base: Base, path: Path) -> AsyncIterator[ForwardingWriter]:
    writer = ForwardingWriter(base.pool, CHANCE, path)
    writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def transactions(base: Base) -> int:
    return int(await base.owner.fetchval("SELECT count(DISTINCT xmin::text) FROM events"))


async def test_all_workers_commands_share_a_transaction(base: Base, path: Path) -> None:
    async with AsyncExitStack() as opened:
        leader = await opened.enter_async_context(leading(base, path))
        others = [await opened.enter_async_context(handing_on(base, path)) for _ in range(2)]
        holder = await opened.enter_async_context(connected(base.dsn, ROLE))
        async with holder.transaction():
            await lock(holder)
            first = asyncio.create_task(leader.record(hire_of(0)))
            await until_it_waits(base, first)
            writing = [
                asyncio.create_task(others[number % 2].record(hire_of(number)))
                for number in range(1, 9)
            ]
            async with asyncio.timeout(20):
                while leader._queue.qsize() < len(writing):  # noqa: ASYNC110 (of another task)
                    await asyncio.sleep(0.01)
        answers = await asyncio.gather(first, *writing)
    assert await transactions(base) == 2
    events = {event.position: event for event in await read_log(base.owner)}
    for number, answer in enumerate(answers):
        (outcome,) = answer.outcomes
        assert outcome.event == events[outcome.event.position]
        assert f"Person {number}" in repr(outcome.event.payload)


async def test_what_is_handed_back_is_of_one_command_alone(base: Base, path: Path) -> None:
    """It names whom its events name, without a look at the database, however many went with it."""
    async with leading(base, path) as leader, handing_on(base, path) as writer:
        answers = await asyncio.gather(*(leader.record(hire_of(number)) for number in range(40)))
        sizes = [len(_packed(0, answer.to_hand_on())) for answer in answers]
        assert max(sizes) < 2 * min(sizes)
        handed_on = await writer.record(hire_of(40))
    no_pool: Any = None
    told = await recorded_events(no_pool, handed_on)
    assert told == await recorded_events(base.pool, replace(handed_on, acquaintance=None))
    for answer in answers:
        assert await recorded_events(no_pool, answer.to_hand_on()) == await recorded_events(
            no_pool, answer
        )


async def test_refusal_comes_back_whole(base: Base, path: Path) -> None:
    nobody = command(b.hire("nobody", at="x", on="2020"))
    async with leading(base, path) as leader, handing_on(base, path) as other:
        with pytest.raises(Invalid) as own:
            await leader.record(nobody)
        with pytest.raises(Invalid) as handed_on:
            await other.record(nobody)
    assert vars(handed_on.value) == vars(own.value)
    assert await read_log(base.owner) == []


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=lambda refusal: str(refusal.code))
async def test_every_refusal_survives_the_way(refusal: Refusal) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(_packed(7, refusal))
    number, came = await _receive(reader)
    assert number == 7
    assert type(came) is type(refusal)
    assert (came.args, vars(came)) == (refusal.args, vars(refusal))


async def test_without_a_leader_it_records_itself(base: Base, path: Path) -> None:
    async with handing_on(base, path) as other:
        assert isinstance(await other.record(hire_of(1)), Recorded)
    assert len(await read_log(base.owner)) == 1


async def test_what_a_leader_about_to_end_does_not_take_is_recorded_here(
    base: Base, path: Path
) -> None:
    async with leading(base, path) as leader, handing_on(base, path) as other:
        await other.record(hire_of(1))
        await leader.stop()
        await other.record(hire_of(2))
    assert len(await read_log(base.owner)) == 2


async def test_what_a_leader_took_is_answered_before_it_ends(base: Base, path: Path) -> None:
    async with handing_on(base, path) as other:
        async with leading(base, path) as leader, connected(base.dsn, ROLE) as holder:
            async with holder.transaction():
                await lock(holder)
                writing = asyncio.create_task(other.record(hire_of(1)))
                await until_it_waits(base, writing)
                ending = asyncio.create_task(leader.stop())
                await asyncio.sleep(0)
            await ending
        assert isinstance(await writing, Recorded)
    assert len(await read_log(base.owner)) == 1


async def test_lost_leader_leaves_it_open_what_was_recorded(base: Base, path: Path) -> None:
    """To send it again by itself could record it twice; the client's key tells."""

    async def vanish(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await reader.read(1)
        out.close()

    async with handing_on(base, path) as other:
        server = await asyncio.start_unix_server(vanish, path)
        with pytest.raises(NotReady, match="same Idempotency-Key"):
            await other.record(hire_of(1))
        server.close()
        # The next one finds no leader.
        assert isinstance(await other.record(hire_of(2)), Recorded)
    assert len(await read_log(base.owner)) == 1


async def test_fault_that_cannot_leave_its_process_is_told(
    base: Base, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(Exception):
        """Of a class that no other process finds."""

    async def fail(command: Command) -> Recorded:
        raise Odd("it broke")

    async with leading(base, path) as leader, handing_on(base, path) as other:
        monkeypatch.setattr(leader, "record", fail)
        with pytest.raises(RuntimeError, match="Odd: it broke"):
            await other.record(hire_of(1))
