"""A long log is folded by processes of their own, which end with the replay, however it ends."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from typing import Any

import pytest

from service.app import CHANCE, ROLE, SEARCH_PATH
from service.domain.events import Position
from service.read_models import building, crews, jobs, replays, tables
from service.read_models.crews import Workforce
from service.read_models.replay import replay, roll_back
from service.read_models.replays import STOPPED, Replay, Superseded, fetch_replays
from service.read_models.switching import BEFORE, NEXT, catch_up_alone
from service.read_models.tables import create_next
from tests.support import builders as b
from tests.support.histories import (
    Base,
    assert_rows_are_the_fold,
    fetch_rows,
    read_log,
    record,
    with_entities,
)
from tests.support.processes import is_alive

HISTORY = [
    with_entities(b.founding("y", on="2018", by=("ann", "cid"))),
    with_entities(b.hire("ann", at="x", on="2019-03")),
    with_entities(b.hire("ben", at="x", on="2020")),
    with_entities(b.merger("x", into="y", on="2021-05-01")),
    with_entities(b.same_person("dan", "ben")),
    with_entities(b.same_person("eve", "ann")),
    with_entities(b.departure("dan", at="y", on="2022~")),
    with_entities(b.different_people("cid", "eve")),
]


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Process]]:
    """Processes for the shortest log, and a part for each person; none is left at the end."""
    monkeypatch.setattr(crews, "EVENTS_IN_PROCESS_MAX", 0)
    monkeypatch.setattr(building, "EVENTS_IN_A_PART", 0)
    started: list[Process] = []
    begin = crews._Worker.__init__

    def begin_and_note(worker: Any, process: Process) -> None:
        started.append(process)
        begin(worker, process)

    monkeypatch.setattr(crews._Worker, "__init__", begin_and_note)
    yield started
    assert started, "a process was to fold"
    assert all(process.returncode is not None for process in started)


@pytest.fixture
async def filled(base: Base) -> Base:
    for each in HISTORY:
        await record(base.pool, each)
    return base


def workforce(base: Base, count: int) -> Workforce:
    return Workforce(dsn=base.dsn, role=ROLE, search_path=SEARCH_PATH, processes=count)


async def replayed(base: Base, count: int = 1, **how: Any) -> Replay:
    return await replay(
        base.pool, CHANCE.new_id(), now=CHANCE.now, workforce=workforce(base, count), **how
    )


async def assert_right(base: Base) -> None:
    assert_rows_are_the_fold(await fetch_rows(base.owner), await read_log(base.owner))


@pytest.mark.parametrize("count", [1, 3])
async def test_they_come_to_the_same_rows(
    filled: Base, processes: list[Process], count: int
) -> None:
    """Whoever is joined with whom, and however many share the log out."""
    rows = await fetch_rows(filled.owner)
    done = await replayed(filled, count)
    assert (done.state, done.drift) == ("done", [])
    assert done.done == done.total == len(HISTORY)
    assert len(processes) == count
    assert await fetch_rows(filled.owner) == rows
    await assert_right(filled)


async def test_they_tell_drift(filled: Base) -> None:
    await filled.owner.execute("DELETE FROM people WHERE person_id = 'dan'")
    done = await replayed(filled, is_check=True)
    assert {(d.model, d.subject) for d in done.drift} == {("people", "dan")}


async def test_they_catch_up(filled: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while they build, and what came since a replay that is taken back."""
    build = crews.Processes.build

    async def build_and_go_on(crew: crews.Processes, *args: Any) -> None:
        await build(crew, *args)
        await record(filled.pool, with_entities(b.departure("cid", at="y", on="2023")))

    with monkeypatch.context() as patched:
        patched.setattr(crews.Processes, "build", build_and_go_on)
        done = await replayed(filled)
    assert (done.state, done.checkpoint) == ("done", len(HISTORY) + 1)
    await assert_right(filled)
    await record(filled.pool, with_entities(b.hire("cid", at="x", on="2024")))
    back = await roll_back(
        filled.pool, CHANCE.new_id(), done.id, now=CHANCE.now, workforce=workforce(filled, 1)
    )
    assert back.state == "done"
    await assert_right(filled)


async def test_fault_in_one_is_told(filled: Base) -> None:
    """In its words, and what was in use stays so."""
    await filled.owner.execute("SET session_replication_role = replica")
    await filled.owner.execute("UPDATE events SET payload = '{' WHERE position = 3")
    await filled.owner.execute("RESET session_replication_role")
    rows = await fetch_rows(filled.owner)
    with pytest.raises(crews.WorkerFailed, match="DecodeError: Input data was truncated"):
        await replayed(filled, 2)
    (failed,) = await fetch_replays(filled.owner)
    assert failed.state == "failed"
    assert failed.detail == "DecodeError: Input data was truncated"
    assert await fetch_rows(filled.owner) == rows


async def test_one_that_is_killed_is_told(filled: Base, processes: list[Process]) -> None:
    """As by whoever looks after the memory of the machine."""
    going = asyncio.create_task(replayed(filled, 2))
    while len(processes) < 2:  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.001)
    processes[1].kill()
    with pytest.raises(crews.WorkerFailed, match="ended with code -9"):
        await going
    (failed,) = await fetch_replays(filled.owner)
    assert failed.detail == "A process that folded for this replay ended with code -9."
    assert (await replayed(filled)).state == "done"


async def test_cancelled_replay_ends_them(filled: Base, processes: list[Process]) -> None:
    going = asyncio.create_task(replayed(filled))
    while not processes:  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.001)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    (stopped,) = await fetch_replays(filled.owner)
    assert (stopped.state, stopped.detail) == ("failed", STOPPED)


async def test_it_ends_when_nobody_is_left_to_fold_for(
    filled: Base, processes: list[Process]
) -> None:
    """Its input ends with whoever started it, also by `kill -9`; even while it waits for a lock."""
    async with filled.pool.acquire() as connection:
        number = CHANCE.new_id()
        await create_next(connection, number, Position(len(HISTORY)))
        held = filled.owner.transaction()
        await held.start()
        await filled.owner.execute("LOCK TABLE read_models_next.stints IN ACCESS EXCLUSIVE MODE")
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PARENT, stdin=PIPE, stdout=PIPE
        )
        processes.append(parent)
        assert parent.stdin is not None
        assert parent.stdout is not None
        ours = workforce(filled, 1)
        parent.stdin.write(
            jobs.to_line(
                jobs.Assignment(
                    replay_id=number, dsn=ours.dsn, role=ours.role, search_path=ours.search_path
                )
            )
            + jobs.to_line(jobs.Survey(until=Position(len(HISTORY)), is_written=True))
            + jobs.to_line(jobs.Build(after="", to=None))
        )
        pid = int(await parent.stdout.readline())
        async with asyncio.timeout(20):
            while not await filled.owner.fetchval(_WAITING):  # noqa: ASYNC110 (the server tells nobody)
                await asyncio.sleep(0.01)
            parent.send_signal(signal.SIGKILL)
            await parent.wait()
            while is_alive(pid):  # noqa: ASYNC110 (no child of ours)
                await asyncio.sleep(0.01)
        await held.rollback()
        async with asyncio.timeout(20):
            await connection.execute("DROP SCHEMA read_models_next CASCADE")


async def test_next_replay_waits_for_what_is_being_written(filled: Base) -> None:
    """Instead of taking away some of the tables while another is written into."""
    number = CHANCE.new_id()
    async with filled.pool.acquire() as late:
        await create_next(late, number, Position(1))
        writing = late.transaction()
        await writing.start()
        await replays.hold_next(late, number)
        going = asyncio.create_task(replayed(filled))
        async with asyncio.timeout(20):
            while not await filled.owner.fetchval(_WAITING_FOR_WRITERS):  # noqa: ASYNC110 (the server tells nobody)
                await asyncio.sleep(0.01)
        await late.execute(
            "INSERT INTO read_models_next.names OVERRIDING SYSTEM VALUE SELECT * FROM read_models.names"
        )
        assert not going.done()
        await writing.commit()
    assert (await going).state == "done"
    await assert_right(filled)


async def test_nobody_writes_for_a_replay_that_is_over(filled: Base) -> None:
    """One that was taken for dead finds the tables of another, or none, and touches neither."""
    stale, number = CHANCE.new_id(), CHANCE.new_id()
    until = Position(len(HISTORY))
    async with filled.pool.acquire() as connection:
        _, folded = await building.survey(connection, until)
        for gone in (True, False):
            if not gone:
                await create_next(connection, number, until)
            with pytest.raises(Superseded):
                await building.write(connection, stale, folded.records)
            with pytest.raises(Superseded):
                await catch_up_alone(connection, NEXT, stale, until, until)
        assert not any((await fetch_rows(filled.owner, "read_models_next")).values())
        await building.write(connection, number, folded.records)
        with pytest.raises(Superseded):
            await catch_up_alone(connection, NEXT, number, Position(until - 1), until)
        await connection.execute("DROP SCHEMA read_models_next CASCADE")
        with pytest.raises(Superseded):
            await catch_up_alone(connection, BEFORE, number, Position(0), until)
    assert (await replayed(filled)).state == "done"


_PARENT = """
import subprocess, sys
worker = subprocess.Popen(
    [sys.executable, "-m", "service.read_models.worker"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
)
print(worker.pid, flush=True)
for line in sys.stdin.buffer:
    worker.stdin.write(line)
    worker.stdin.flush()
"""
_WAITING_FOR_WRITERS = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7240006 AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_WAITING = """
    SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.parametrize("count", [1, 3])
async def test_no_more_indexes_are_made_at_once_than_processes_fold(
    filled: Base, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """The other cores are left to those who read and write meanwhile."""
    under_way, most = 0, 0
    make = tables._index

    async def counted(connection: Any, statement: str) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        await make(connection, statement)
        under_way -= 1

    monkeypatch.setattr(tables, "_index", counted)
    done = await replayed(filled, count)
    assert done.state == "done"
    assert most == count
