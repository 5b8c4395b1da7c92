"""
The writer of a process: commands that wait together are committed together.

One lock serialises appends; a commit for each event would cap them at the rate of the disk.
Therefore requests queue, and the writer takes all that wait and commits them together.
A command that is refused fails alone; a fault of the database lets each be tried by itself.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from time import monotonic
from typing import Any

import structlog
from msgspec import Struct

from service.domain.events import Position
from service.domain.findings import Finding
from service.domain.refusals import NotReady, QueueFull, Refusal
from service.log.append import Receipt, append, appending, lock
from service.postgres.faults import KEEPS_FROM_WRITING, OUT_OF_REACH, passing
from service.postgres.pool import DATABASE_FAULTS, Connection, Pool
from service.read_models.beliefs import Beliefs, finding_of
from service.read_models.groups import write_group
from service.read_models.rows import keep
from service.recording import erasing
from service.recording.admission import Admitted, Chance, Scope, admit
from service.recording.commands import Acquaintance, Command, Outcome, Recorded, with_event_ids
from service.recording.erasing import Done, Rehearsed
from service.recording.erasures import Asked
from service.recording.rehearsal import Rehearsal, rehearse
from service.recording.scope import project, read_reach, read_scope
from service.recording.stream_rehearsal import StreamRehearsal

GROUP_COMMANDS_MAX = 256
GROUP_EVENTS_MAX = 10_000
QUEUE_COMMANDS_MAX = 2_000
QUEUE_EVENTS_MAX = 50_000
"""Of all commands that are not answered yet: events take memory, however few bring them."""
RETRY_AFTER_SECONDS = 1
MANY_EVENTS = 64
"""From so many on the log is written while the read models are worked out, in a transaction."""
LINGER_SECONDS = 0.002
"""So long the lock is held for whoever comes next: to give it back and take it costs as much."""
LOCK_SECONDS = 0.02
"""After so long it is given back all the same: another process may wait for it."""
SINGLY_SECONDS = 20.0
"""So long the commands of a group that failed are tried by themselves."""
TOLD_SECONDS = 10.0
"""So long it is told why nothing could be written; somebody has to try to know more."""
END_SECONDS = 0.3
"""For a write that was given up to put its connection away."""

log = structlog.get_logger()


class _Waiting(Struct, frozen=True):
    command: Command
    answer: asyncio.Future[Recorded]


class Written(Struct, frozen=True):
    """What became of a group, for those who count."""

    commands: int
    events: int
    """New ones; repeats and refusals add none."""
    seconds: float
    """From when it was taken until it was durable; the wait for the lock included."""


def tell_nobody(written: Written) -> None:
    pass


class Writer:
    """
    The one task of a process that appends.

    *tell* is told of each group before those in it are answered; it must not take long.
    """

    def __init__(
        self, pool: Pool, chance: Chance, tell: Callable[[Written], None] = tell_nobody
    ) -> None:
        self._pool = pool
        self._chance = chance
        self._tell = tell
        self._began = monotonic()
        """When the group was taken."""
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(QUEUE_COMMANDS_MAX)
        self._group: list[_Waiting] = []
        """Who was taken from the queue and is not answered yet."""
        self._events = 0
        """How many events all those bring who are not answered yet."""
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._is_over = False
        self._kept_from_writing: tuple[float, str] | None = None

    def start(self) -> None:
        """Begin to take commands."""
        self._task = asyncio.create_task(self._run(), name="writer")

    async def stop(self) -> None:
        """Finish and answer what was accepted, accept nothing more, then end."""
        self._is_stopping = True
        await self._queue.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=END_SECONDS)

    def give_up(self) -> None:
        """Answer all who wait that nobody knows what came of it, and end."""
        self._is_stopping = self._is_over = True
        if self._task is not None:
            self._task.cancel()
        while not self._queue.empty():
            self._group.append(self._queue.get_nowait())
        if self._group:
            log.warning("writes_given_up", commands=len(self._group))
            # No refusal: one says that nothing was recorded.
            self._fail(TimeoutError("The service ended before the database answered."))

    @property
    def kept_from_writing(self) -> str | None:
        """Why nothing could be written of late, though the database is reached."""
        if self._kept_from_writing is None:
            return None
        since, told = self._kept_from_writing
        return told if monotonic() - since < TOLD_SECONDS else None

    async def record(self, command: Command) -> Recorded:
        """
        The answer to *command*, once its commit is durable.

        Raises:
            NotReady: the writer is about to end; nobody would answer.
            QueueFull: too many commands wait already.
            Refusal: why nothing of it was recorded.
        """
        if self._is_stopping:
            raise NotReady("The service is about to stop; send this again in a moment.")
        # It may have to be tried again after an attempt of which nobody knows whether it held.
        command = with_event_ids(command, self._chance.new_id)
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        # Of a client that hung up nobody awaits the answer; it is no fault that it is not read.
        waiting.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        events = len(command.submissions)
        if self._events and self._events + events > QUEUE_EVENTS_MAX:
            raise QueueFull(self._queue.qsize() + len(self._group), RETRY_AFTER_SECONDS)
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise QueueFull(self._queue.qsize(), RETRY_AFTER_SECONDS) from None
        self._events += events
        # A client that hangs up must not cancel the commit of the others.
        return await asyncio.shield(waiting.answer)

    @property
    def queued(self) -> int:
        """Commands that are not answered yet."""
        return self._queue.qsize() + len(self._group)

    async def rehearse(self, command: Command) -> Rehearsal:
        """
        What *command* would change; beside the queue, since nobody waits for it.

        Raises:
            Refusal: what `record` would refuse it for.
        """
        async with self._pool.acquire() as connection:
            return await rehearse(connection, command, self._chance)

    async def erase(self, asked: Asked) -> Done:
        """
        What became of an erasure; beside the queue, under the same lock.

        Raises:
            NotReady: the service is about to end.
            Refusal: why nothing was erased.
        """
        if self._is_stopping:
            raise NotReady("The service is about to stop; send this again in a moment.")
        # As with any write, a client that hangs up must not leave it half answered.
        return await asyncio.shield(self._erase(asked))

    async def rehearse_erasure(self, asked: Asked) -> Rehearsed:
        """
        What `erase` would do.

        Raises:
            Refusal: what `erase` would refuse it for.
        """
        async with self._pool.acquire() as connection:
            return await erasing.rehearse(connection, asked, self._chance)

    async def _erase(self, asked: Asked) -> Done:
        async with self._pool.acquire() as connection:
            done = await erasing.find_done(connection, asked)
            if done is not None:
                return done
            rehearsed = await erasing.rehearse(connection, asked, self._chance)
            began = monotonic()
            done = await erasing.erase(connection, asked, self._chance, rehearsed)
        if not done.is_replayed:
            self._tell(Written(1, len(done.restated) + 1, monotonic() - began))
        return done

    async def rehearse_chunk(self, command: Command, stream: StreamRehearsal) -> Recorded:
        """What a partial command of a stream would come to, after the chunks before it."""
        async with self._pool.acquire() as connection:
            return await stream.take(connection, command, self._chance)

    async def _run(self) -> None:
        # What it is in may answer a cancellation with a fault of its own.
        while not self._is_over:
            self._group = await self._next_group()
            try:
                await self._write_or_tell()
            except Exception as fault:
                # A fault of ours. Whoever waits is told, and whoever comes is written: a writer
                # that ended would leave them all without an answer.
                log.exception("group_failed", commands=len(self._group))
                self._hand_out([fault] * len(self._group))

    async def _write_or_tell(self) -> None:
        """Record the group, or tell those in it why not."""
        try:
            await self._write()
        except OUT_OF_REACH as fault:
            log.warning("group_failed", commands=len(self._group), fault=str(fault))
            self._fail(fault)
        except DATABASE_FAULTS as fault:
            log.warning("group_failed", commands=len(self._group), fault=str(fault))
            await self._write_singly(fault)
        except Exception as fault:
            log.exception("group_failed", commands=len(self._group))
            await self._write_singly(fault)

    async def _next_group(self) -> list[_Waiting]:
        """All who wait, up to a bound; at least one, who may be yet to come."""
        group = [await self._queue.get()]
        self._began = monotonic()
        events = len(group[0].command.submissions)
        while len(group) < GROUP_COMMANDS_MAX and events < GROUP_EVENTS_MAX:
            try:
                group.append(self._queue.get_nowait())
            except asyncio.QueueEmpty:
                break
            events += len(group[-1].command.submissions)
        return group

    async def _write(self) -> None:
        """Record the group, and those after it while the lock is held anyway."""
        async with self._pool.acquire() as connection, appending(connection):
            until = monotonic() + LOCK_SECONDS
            while self._group:
                commands = [waiting.command for waiting in self._group]
                answers = await record(connection, commands, self._chance)
                self._kept_from_writing = None
                self._answer(answers)
                if monotonic() < until:
                    with contextlib.suppress(TimeoutError):
                        # Whoever was answered often goes on at once.
                        async with asyncio.timeout(LINGER_SECONDS):
                            self._group = await self._next_group()

    def _answer(self, results: Sequence[Recorded | BaseException]) -> None:
        """Tell the group what came of it, and who counts; nobody is left in it then."""
        new = _new_events(results)
        self._tell(Written(len(self._group), new, monotonic() - self._began))
        self._hand_out(results)

    def _hand_out(self, results: Sequence[Recorded | BaseException]) -> None:
        answered = list(zip(self._group, results, strict=True))
        self._group = []
        for waiting, result in answered:
            self._queue.task_done()
            self._events -= len(waiting.command.submissions)
            if waiting.answer.cancelled():
                continue
            if isinstance(result, BaseException):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)

    async def _write_singly(self, fault: Exception) -> None:
        """Try each of a group by itself, so that the one at fault fails alone."""
        if len(self._group) == 1:
            self._fail(fault)
            return
        until = monotonic() + SINGLY_SECONDS
        results: list[Recorded | BaseException] = []
        for waiting in self._group:
            results.append(await self._written_alone(waiting.command, until))
            if isinstance(results[-1], OUT_OF_REACH):
                # Those after it would only wait as long again.
                results += [results[-1]] * (len(self._group) - len(results))
                break
        self._answer(results)

    async def _written_alone(self, command: Command, until: float) -> Recorded | BaseException:
        """What *command* is answered; tried until the clock is at *until*."""
        written: list[Recorded | BaseException] = []
        try:
            async with (
                asyncio.timeout(max(until - monotonic(), 0)),
                self._pool.acquire() as connection,
                appending(connection),
            ):
                written = await record(connection, [command], self._chance)
        except Exception as fault:  # noqa: BLE001 (it is this command's answer)
            # What is recorded is, though the lock could not be given back as it should.
            return written[0] if written else fault
        return written[0]

    def _fail(self, fault: Exception) -> None:
        """Tell the whole group of *fault*, and whoever asks meanwhile how the service is."""
        told = passing(fault)
        if told is not None and isinstance(fault, KEEPS_FROM_WRITING):
            self._kept_from_writing = (monotonic(), told)
        self._answer([fault] * len(self._group))


async def commit(
    connection: Connection, commands: Sequence[Command], chance: Chance
) -> list[Recorded | BaseException]:
    """
    Record *commands* in the caller's transaction: for each its answer or its refusal.

    Takes the log's lock, which is held until the transaction ends.
    """
    await lock(connection)
    return await record(connection, commands, chance)


async def record(
    connection: Connection, commands: Sequence[Command], chance: Chance
) -> list[Recorded | BaseException]:
    """
    As `commit`, of a caller who holds the log's lock.

    One statement reads and one, the last, writes; outside a transaction the latter commits. Of
    many events the log is written while the read models are worked out.
    """
    with _collected_later(sum(len(command.submissions) for command in commands) >= MANY_EVENTS):
        return await _record(connection, commands, chance)


@contextlib.contextmanager
def _collected_later(is_so: bool) -> Iterator[None]:
    """
    No look for circles in the block, if *is_so*.

    What a large group makes lives until it is committed and has none: looking would cost it a
    twentieth.
    """
    is_so = is_so and gc.isenabled()
    if is_so:
        gc.disable()
    try:
        yield
    finally:
        if is_so:
            gc.enable()


async def _record(
    connection: Connection, commands: Sequence[Command], chance: Chance
) -> list[Recorded | BaseException]:
    scope = await read_scope(connection, commands, chance.now())
    after = scope.head.position
    admitted: list[tuple[Position, Admitted | Refusal]] = []
    receipts = []
    for command in commands:
        key = command.receipt_key
        is_known = key in scope.receipts
        before = scope.head.position
        try:
            events = admit(command, scope, chance)
        except Refusal as refusal:
            admitted.append((before, refusal))
            continue
        admitted.append((before, events))
        if key is not None and not is_known:
            receipts.append(
                Receipt(
                    api_key=key[0],
                    idempotency_key=key[1],
                    request_digest=command.request_digest,
                    positions=[e.position for e in events.events],
                )
            )
    if len(scope.entries) >= MANY_EVENTS:
        reach = await read_reach(connection, scope)
        async with connection.transaction():
            async with _beside(append(connection, scope.entries, receipts)):
                units = await project(scope, reach, after)
                answers = _answers(admitted, units, scope, after)
            await keep(connection, units)
    else:
        units = []
        if scope.entries:
            units = await project(scope, await read_reach(connection, scope), after)
        answers = _answers(admitted, units, scope, after)
        # Last of all: what it writes may be committed with it.
        await write_group(connection, scope.entries, receipts, units)
    return answers


@contextlib.asynccontextmanager
async def _beside(writing: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let Postgres write while the block works, which asks it for nothing."""
    task = asyncio.create_task(writing)
    try:
        yield
    finally:
        await task


def _answers(
    admitted: Sequence[tuple[Position, Admitted | Refusal]],
    units: Sequence[Beliefs],
    scope: Scope,
    after: Position,
) -> list[Recorded | BaseException]:
    """What each command is told; each comes with the head that was before it."""
    raised = _raised(units, after)
    acquaintance = Acquaintance(units, scope.kept.chains)
    return [
        result
        if isinstance(result, Refusal)
        else Recorded(
            [Outcome(e, raised.get(e.position, ())) for e in result.events],
            result.is_replayed,
            before,
            result.refused,
            acquaintance if all(e.position > before for e in result.events) else None,
        )
        for before, result in admitted
    ]


def _new_events(results: Sequence[Recorded | BaseException]) -> int:
    """How many events a group appended; what it says twice is appended once."""
    done = [result for result in results if isinstance(result, Recorded)]
    return len({o.event.position for r in done for o in r.outcomes if o.event.position > r.before})


def _raised(units: Sequence[Beliefs], after: Position) -> dict[int, list[Finding]]:
    """The findings that each new position raised."""
    raised: dict[int, list[Finding]] = {}
    added = [
        (row.content, row, belief.known_from)
        for beliefs in units
        for row, belief in beliefs.added()
        if row.model == "findings" and belief.known_from > after
    ]
    # By content, as `fetch_raised` gives them when the answer is repeated.
    for _, row, position in sorted(added):
        raised.setdefault(position, []).append(finding_of(row))
    return raised
