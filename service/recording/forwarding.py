"""
One writer for several workers: what the others take, the one that leads records.

Two writers would each commit half of what comes at once, one after the other under the log's
lock, at twice the commits. Nothing rests on it: whoever does not reach the leader records by
itself, and the lock decides who goes first.
"""

import asyncio
import contextlib
import io
import pickle
import struct
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from service.domain.refusals import NotReady
from service.postgres.pool import Pool
from service.recording.admission import Chance
from service.recording.commands import Command, Recorded
from service.recording.writer import Writer, Written, tell_nobody

SECONDS_BETWEEN_TRIES = 0.5
_HEAD = struct.Struct("!QI")
"""Number of the command, length of what follows."""
_LOST = "The process that records ended meanwhile; send this again with the same Idempotency-Key."

log = structlog.get_logger()


class ForwardingWriter(Writer):
    """The writer of a worker that does not lead: it hands on, and records if nobody takes it."""

    def __init__(
        self,
        pool: Pool,
        chance: Chance,
        path: Path,
        tell: Callable[[Written], None] = tell_nobody,
    ) -> None:
        super().__init__(pool, chance, tell)
        self._path = path
        self._line: _Line | None = None
        self._opening = asyncio.Lock()
        self._tried_at = -SECONDS_BETWEEN_TRIES

    async def stop(self) -> None:
        await super().stop()
        if self._line is not None:
            await self._line.close()

    async def record(self, command: Command) -> Recorded:
        line = await self._opened()
        if line is not None:
            with contextlib.suppress(_NotTaken):
                return await line.ask(command)
        return await super().record(command)

    async def _opened(self) -> "_Line | None":
        """The line to the leader; None while there is none, as while it is started again."""
        async with self._opening:
            if self._line is not None and self._line.is_open:
                return self._line
            if time.monotonic() - self._tried_at < SECONDS_BETWEEN_TRIES:
                return None
            self._tried_at = time.monotonic()
            try:
                self._line = _Line(*await asyncio.open_unix_connection(self._path))
            except OSError as fault:
                log.warning("leader_not_reached", fault=f"{type(fault).__name__}: {fault}")
                return None
            return self._line


@contextlib.asynccontextmanager
async def door(writer: Writer, path: Path) -> AsyncIterator[None]:
    """
    Let *writer* record what others hand on at *path*, until the block ends.

    What is anywhere below the folder of *path* can record: it has to be this user's alone.
    """
    replies: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, OSError), contextlib.closing(out):
            while True:
                number, command = await _receive(reader)
                reply = asyncio.create_task(_reply(writer, out, number, command))
                replies.add(reply)
                reply.add_done_callback(replies.discard)

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        # What was taken is answered; what comes from now on is told that it was not.
        await writer.stop()
        await asyncio.gather(*replies, return_exceptions=True)
        server.close()


class _NotTaken(Exception):
    """The leader records nothing more."""


class _Line:
    """A connection to the leader, for many commands at once."""

    def __init__(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._out = out
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Recorded]] = {}
        self._reading = asyncio.create_task(self._read(), name="leader")
        self.is_open = True

    async def ask(self, command: Command) -> Recorded:
        """
        The leader's answer.

        Raises:
            NotReady: the leader ended; whether it recorded the command is not known.
            _NotTaken: it did not record the command, since it is about to end.
            Exception: whatever its writer raised.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        # Of a client that hung up nobody awaits the answer; it is no fault that it is not read.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._answers[number] = answer
        self._out.write(_packed(number, command))
        return await answer

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                number, found = await _receive(self._reader)
                answer = self._answers.pop(number)
                if answer.done():
                    continue
                if isinstance(found, Recorded):
                    answer.set_result(found)
                else:
                    answer.set_exception(found)
        except (EOFError, OSError) as fault:
            log.warning("leader_lost", fault=f"{type(fault).__name__}: {fault}")
        finally:
            self.is_open = False
            self._out.close()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(NotReady(_LOST))


async def _reply(writer: Writer, out: asyncio.StreamWriter, number: int, command: Command) -> None:
    found: Recorded | Exception
    try:
        found = (await writer.record(command)).to_hand_on()
    except NotReady:
        found = _NotTaken()
    except Exception as fault:  # noqa: BLE001 (it is this command's answer)
        found = fault
    try:
        packed = _packed(number, found)
    except Exception:
        # Whoever waits is told at least that it failed; a fault may hold what stays in a process.
        log.exception("answer_not_packed")
        packed = _packed(number, RuntimeError(f"{type(found).__name__}: {found}"))
    out.write(packed)


async def _receive(reader: asyncio.StreamReader) -> tuple[int, Any]:
    number, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    # From a process of this service, over a socket that is this user's alone.
    return number, pickle.loads(await reader.readexactly(length))  # noqa: S301


def _packed(number: int, content: object) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(content)
    return _HEAD.pack(number, buffer.tell()) + buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Exceptions as they are: their own way would call constructors that take other arguments."""

    def reducer_override(self, content: Any) -> Any:
        if isinstance(content, Exception):
            # What raised it is of the other process.
            return _exception, (type(content), content.args, dict(vars(content)))
        return NotImplemented


def _exception(kind: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Exception:
    made = kind.__new__(kind)
    made.args = args
    vars(made).update(state)
    return made
