"""
The writer of a process: commands that wait together are committed together.

One lock serialises appends; a commit for each event would cap them at the rate of the disk.
Therefore requests queue, the writer takes all that wait and commits them in one transaction.
A command that is refused fails alone; a fault of the database lets each be tried by itself.
"""

import asyncio
from collections.abc import Sequence

import structlog
from msgspec import Struct

from service.domain.events import Position
from service.domain.findings import Finding
from service.domain.refusals import NotReady, QueueFull, Refusal
from service.log.append import Receipt, appending, lock
from service.postgres.pool import DATABASE_FAULTS, Connection, Pool
from service.read_models.beliefs import Beliefs, finding_of
from service.read_models.groups import write_group
from service.recording.admission import Admitted, Chance, admit
from service.recording.commands import Acquaintance, Command, Outcome, Recorded
from service.recording.rehearsal import Rehearsal, rehearse
from service.recording.scope import project, read_scope
from service.recording.stream_rehearsal import StreamRehearsal

GROUP_COMMANDS_MAX = 256
GROUP_EVENTS_MAX = 10_000
QUEUE_COMMANDS_MAX = 2_000
RETRY_AFTER_SECONDS = 1

log = structlog.get_logger()


class _Waiting(Struct, frozen=True):
    command: Command
    answer: asyncio.Future[Recorded]


class Writer:
    """The one task of a process that appends."""

    def __init__(self, pool: Pool, chance: Chance) -> None:
        self._pool = pool
        self._chance = chance
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(QUEUE_COMMANDS_MAX)
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def start(self) -> None:
        """Begin to take commands."""
        self._task = asyncio.create_task(self._run(), name="writer")

    async def stop(self) -> None:
        """Finish and answer what was accepted, accept nothing more, then end."""
        self._is_stopping = True
        await self._queue.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

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
        waiting = _Waiting(command, asyncio.get_running_loop().create_future())
        # Of a client that hung up nobody awaits the answer; it is no fault that it is not read.
        waiting.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise QueueFull(self._queue.qsize(), RETRY_AFTER_SECONDS) from None
        # A client that hangs up must not cancel the commit of the others.
        return await asyncio.shield(waiting.answer)

    async def rehearse(self, command: Command) -> Rehearsal:
        """
        What *command* would change; beside the queue, since nobody waits for it.

        Raises:
            Refusal: what `record` would refuse it for.
        """
        async with self._pool.acquire() as connection:
            return await rehearse(connection, command, self._chance)

    async def rehearse_chunk(self, command: Command, stream: StreamRehearsal) -> Recorded:
        """What a partial command of a stream would come to, after the chunks before it."""
        async with self._pool.acquire() as connection:
            return await stream.take(connection, command, self._chance)

    async def _run(self) -> None:
        while True:
            group = [await self._queue.get()]
            events = len(group[0].command.submissions)
            while len(group) < GROUP_COMMANDS_MAX and events < GROUP_EVENTS_MAX:
                try:
                    group.append(self._queue.get_nowait())
                except asyncio.QueueEmpty:
                    break
                events += len(group[-1].command.submissions)
            try:
                await self._answer(group)
            finally:
                for _ in group:
                    self._queue.task_done()

    async def _answer(self, group: Sequence[_Waiting]) -> None:
        try:
            results = await self._commit([w.command for w in group])
        except DATABASE_FAULTS as fault:
            log.warning("group_failed", commands=len(group), fault=str(fault))
            results = await self._commit_singly(group, fault)
        except Exception as fault:
            log.exception("group_failed", commands=len(group))
            results = await self._commit_singly(group, fault)
        for waiting, result in zip(group, results, strict=True):
            if waiting.answer.cancelled():
                continue
            if isinstance(result, BaseException):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)

    async def _commit_singly(
        self, group: Sequence[_Waiting], fault: Exception
    ) -> list[Recorded | BaseException]:
        if len(group) == 1:
            return [fault]
        results: list[Recorded | BaseException] = []
        for waiting in group:
            try:
                results += await self._commit([waiting.command])
            except Exception as own:  # noqa: BLE001 (it is this command's answer)
                results.append(own)
        return results

    async def _commit(self, commands: Sequence[Command]) -> list[Recorded | BaseException]:
        async with self._pool.acquire() as connection, appending(connection):
            return await record(connection, commands, self._chance)


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
    """As `commit`, of a caller who holds the log's lock."""
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
    units: list[Beliefs] = []
    if scope.entries:
        units = await project(connection, scope, after)
    if scope.entries or receipts:
        await write_group(connection, scope.entries, receipts, units)
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


def _raised(units: Sequence[Beliefs], after: Position) -> dict[int, list[Finding]]:
    """The findings that each new position raised."""
    raised: dict[int, list[Finding]] = {}
    added = [pair for beliefs in units for pair in beliefs.added()]
    # By content, as `fetch_raised` gives them when the answer is repeated.
    for row, belief in sorted(added, key=lambda pair: pair[0]):
        if row.model == "findings" and belief.known_from > after:
            raised.setdefault(belief.known_from, []).append(finding_of(row))
    return raised
