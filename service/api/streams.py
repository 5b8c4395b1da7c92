"""
Events as a stream of lines (application/x-ndjson), of any length and in little memory.

Lines are committed in chunks through the writer, so that the writes of others come between.
While a chunk is committed the next one is read, and no more until it is durable: who sends faster
waits. Lines with faults are left out and named, the others recorded. What was recorded stays if the stream
breaks off; a repeat with the same ids, or the same Idempotency-Key, goes on where it ended.
"""

import asyncio
from collections import Counter
from collections.abc import MutableMapping, Sequence
from typing import Any, cast
from uuid import UUID, uuid5

import msgspec
import structlog
from litestar import Response
from msgspec import Struct

from service.answers.events import HeadView
from service.answers.faults import at_field
from service.answers.names import with_near_names
from service.api.bodies import (
    LINE_BYTES_MAX,
    LINES_RATE_MIN,
    NDJSON,
    Line,
    check_content,
    decode_json,
    lines_of,
    received,
)
from service.api.dispatch import to_response
from service.api.noting import note
from service.api.operations import Call
from service.api.submitting import idempotency_key
from service.domain.refusals import (
    BadParameter,
    Fault,
    Invalid,
    LineFault,
    Malformed,
    NothingRecorded,
    NotReady,
    QueueFull,
    StreamBroken,
)
from service.domain.submissions import Submission
from service.log.read import read_head
from service.postgres.faults import passing
from service.postgres.pool import DATABASE_FAULTS
from service.recording.commands import Command, Recorded
from service.recording.stream_rehearsal import StreamRehearsal
from service.recording.submitting import submission_of

log = structlog.get_logger()

CHUNK_EVENTS = 2_500
"""Of many events of one person fewer are read and folded again; others wait as long, though."""
CHUNK_BYTES = 4 * 1024 * 1024
FAULTS_TOLD_MAX = 20
TRIES_MAX = 120
"""How often a chunk is offered to a writer whose queue is full, about once a second."""
NAMESPACE = UUID("c0a5b1b6-6a0f-5a35-8f0b-3a2f6d1f9e27")
"""Of ids that follow from an Idempotency-Key and the number of a line."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class StreamAnswer(Struct, frozen=True, kw_only=True):
    """What became of the lines of a stream."""

    recorded: int
    replayed: int
    """Lines whose event is recorded already."""
    refused: int
    reasons: dict[str, int]
    """Refused lines by the code of the first fault of each."""
    faults: Sequence[LineFault]
    """The first of them, by line."""
    head: HeadView
    dry_run: bool
    """Whether nothing was recorded, and the numbers tell what would have been."""


class _Tally:
    """What became of the lines so far."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0
        self.refused = 0
        self.reasons: Counter[str] = Counter()
        self.faults: list[tuple[int, Fault]] = []

    def take(self, recorded: Recorded) -> None:
        new = {o.event.position for o in recorded.outcomes if o.event.position > recorded.before}
        self.recorded += len(new)
        self.replayed += len(recorded.outcomes) - len(new)
        self.refuse(recorded.refused)

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Count lines by the pointers of *faults*, which begin with the line's number."""
        lines: dict[int, Fault] = {}
        for fault in faults:
            number, _, rest = fault.pointer[1:].partition("/")
            lines.setdefault(int(number), fault)
            if len(self.faults) < FAULTS_TOLD_MAX:
                pointer = f"/{rest}" if rest else ""
                self.faults.append((int(number), msgspec.structs.replace(fault, pointer=pointer)))
        self.refused += len(lines)
        self.reasons.update(fault.code for fault in lines.values())

    def broken(self, reason: str) -> StreamBroken:
        return StreamBroken(reason, self.recorded, self.replayed, self.refused)


async def record_stream(call: Call) -> Response[bytes]:
    """
    Every line that has no fault is recorded.

    Raises:
        NothingRecorded: no line was, now or before.
        StreamBroken: it ended before its end.
        NotReady: the service is about to stop, too many writes wait for too long, or the database
            fails in a way that passes.
        QueueFull: more bodies are held already than fit in memory.
    """
    check_content(call.request, NDJSON)
    if "if-match" in call.request.headers:
        raise BadParameter(
            "If-Match",
            "If-Match is for one event or an array of them; a stream is recorded in parts, "
            "between which others write.",
        )
    id_base = _id_base(call)
    is_dry = call.query.get("dry_run", False)
    tally = _Tally()
    # The lines of one chunk are held, and those of the next.
    call.machinery.intake.take(cast("MutableMapping[str, Any]", call.request.scope), CHUNK_BYTES)
    committing = _Committing(call, tally, StreamRehearsal() if is_dry else None)
    chunk = _Chunk()
    try:
        try:
            async for line in lines_of(received(call.request, LINES_RATE_MIN)):
                chunk.take(line, id_base)
                if chunk.is_full:
                    await committing.then(chunk)
                    chunk = _Chunk()
            await committing.then(chunk)
        finally:
            await committing.done()
    except Malformed as exc:
        tally.refuse(chunk.faults)
        raise tally.broken(exc.message) from exc
    except (NotReady, QueueFull) as exc:
        raise NotReady(tally.broken(exc.message).message) from exc
    except DATABASE_FAULTS as exc:
        if (said := passing(exc)) is None:
            raise
        log.warning("database_not_reached", fault=f"{type(exc).__name__}: {exc}")
        raise NotReady(tally.broken(f"{said}.").message) from exc
    return await _answer(call, tally, is_dry=is_dry)


class _Chunk:
    """Some lines that are committed together, and the faults of those that cannot be."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.faults: list[Fault] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        return len(self.submissions) == CHUNK_EVENTS or self._size > CHUNK_BYTES

    def take(self, line: Line, id_base: str | None) -> None:
        submissions, faults = _read(line, id_base)
        self.submissions += submissions
        self.faults += faults
        self._size += len(line.content or b"")


class _Committing:
    """One chunk after the other, of which one is under way at most."""

    def __init__(self, call: Call, tally: _Tally, rehearsal: StreamRehearsal | None) -> None:
        self._call = call
        self._tally = tally
        self._rehearsal = rehearsal
        self._task: asyncio.Task[Recorded] | None = None

    async def then(self, chunk: _Chunk) -> None:
        """Begin to commit *chunk* once the one before is durable."""
        await self.done()
        self._tally.refuse(chunk.faults)
        if chunk.submissions:
            committing = _commit(self._call, chunk.submissions, self._rehearsal)
            self._task = asyncio.create_task(committing, name="chunk")
            # It is in the writer's queue before those who write while the next lines come.
            await asyncio.sleep(0)

    async def done(self) -> None:
        """Wait for the chunk under way, and count what became of it."""
        task, self._task = self._task, None
        if task is not None:
            self._tally.take(await task)


def _read(line: Line, id_base: str | None) -> tuple[list[Submission], list[Fault]]:
    """The event of one line, or all its faults."""
    pointer = f"/{line.number}"
    if line.content is None:
        said = f"The line is longer than {LINE_BYTES_MAX:,} bytes."
        return [], [Fault(pointer, said, "line_too_long")]
    content = line.content.removeprefix(BYTE_ORDER_MARK) if line.number == 1 else line.content
    try:
        raw = decode_json(content, "line")
    except Malformed as exc:
        return [], [exc.at(pointer)]
    submissions, faults = submission_of(raw, pointer)
    if id_base is not None and submissions and submissions[0].event_id is None:
        own_id = uuid5(NAMESPACE, f"{id_base} {line.number}")
        submissions = [msgspec.structs.replace(submissions[0], event_id=own_id)]
    return submissions, faults


def _id_base(call: Call) -> str | None:
    """What the ids of lines without one follow from: whose key of a request it is."""
    assert call.principal is not None, "writing needs a key"
    key = idempotency_key(call)
    return None if key is None else f"{call.principal.receipts_of} {key}"


async def _commit(
    call: Call, chunk: Sequence[Submission], rehearsal: StreamRehearsal | None
) -> Recorded:
    assert call.principal is not None, "writing needs a key"
    command = Command(
        submissions=chunk,
        recorded_by=call.principal.name,
        request_id=str(call.request.scope.get("request_id", "")),
        is_partial=True,
    )
    writer = call.machinery.writer
    if rehearsal is not None:
        done = await writer.rehearse_chunk(command, rehearsal)
    else:
        done = await _when_there_is_room(call, command)
    told = [at_field(fault, is_whole=False) for fault in done.refused]
    return msgspec.structs.replace(done, refused=told)


async def _when_there_is_room(call: Call, command: Command) -> Recorded:
    for _ in range(TRIES_MAX - 1):
        try:
            return await call.machinery.writer.record(command)
        except QueueFull as refusal:
            await asyncio.sleep(refusal.retry_after_seconds)
    return await call.machinery.writer.record(command)


async def _answer(call: Call, tally: _Tally, *, is_dry: bool) -> Response[bytes]:
    async with call.machinery.pool.acquire() as connection:
        head = await read_head(connection)
        found: Sequence[Fault] = [fault for _, fault in tally.faults]
        if found:
            found = (await with_near_names(connection, Invalid(found), head.position)).faults
    call.machinery.position_seen = max(call.machinery.position_seen, head.position)
    note(call.request.scope, recorded=0 if is_dry else tally.recorded)
    faults = [
        LineFault(
            number, fault.pointer, fault.message, fault.code, fault.suggestions, fault.candidates
        )
        for (number, _), fault in zip(tally.faults, found, strict=True)
    ]
    faults.sort(key=lambda fault: fault.line)
    if tally.recorded + tally.replayed == 0:
        raise NothingRecorded(tally.refused, faults, dict(tally.reasons.most_common()))
    answer = StreamAnswer(
        recorded=tally.recorded,
        replayed=tally.replayed,
        refused=tally.refused,
        reasons=dict(tally.reasons.most_common()),
        faults=faults,
        head=HeadView(head.position, head.hash.hex()),
        dry_run=is_dry,
    )
    is_replayed = tally.recorded == 0 and not is_dry
    headers: dict[str, Any] = {"Idempotent-Replayed": "true"} if is_replayed else {}
    return to_response(answer, 200, call.machinery, headers)
