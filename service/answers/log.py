"""The log itself: its head, and whether it is what it was."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from service.log import read
from service.log.append import Head
from service.log.chain import GENESIS, event_hash, payload_hash
from service.postgres.pool import Connection

PROBLEMS_MAX = 20


class LogAnswer(Struct, frozen=True):
    """The head of the log; of an empty one 0, 64 zeros, null."""

    position: int
    hash: str
    recorded_at: datetime | None


class LogProblem(Struct, frozen=True):
    """Something that an untouched log does not have."""

    position: int
    message: str


class VerificationAnswer(Struct, frozen=True, kw_only=True):
    """Whether every event is as it was recorded."""

    state: str
    """`ok` or `broken`."""
    events: int
    """How many were checked."""
    head: LogAnswer
    problems: Sequence[LogProblem]
    """The first ones, by position."""


async def log_head(connection: Connection) -> LogAnswer:
    """The head as of now."""
    return to_answer(await read.read_head(connection))


def to_answer(head: Head) -> LogAnswer:
    """A head as it reads."""
    return LogAnswer(head.position, head.hash.hex(), head.recorded_at)


async def verify(connection: Connection) -> VerificationAnswer:
    """
    Check gaplessness, the order of times, every payload and the chain, up to the head.

    Runs in a transaction of its own, with constant memory.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = await read.read_head(connection)
        problems: list[LogProblem] = []
        expected, previous = 1, GENESIS
        recorded_at: datetime | None = None
        async for event in read.stream_all(connection, after=0, until=head.position):
            found = _problems(event, expected, previous, recorded_at)
            problems += [LogProblem(event.position, message) for message in found]
            if len(problems) >= PROBLEMS_MAX:
                break
            expected, previous, recorded_at = event.position + 1, event.hash, event.recorded_at
    return VerificationAnswer(
        state="broken" if problems else "ok",
        events=expected - 1,
        head=to_answer(head),
        problems=problems,
    )


def _problems(
    event: read.StoredEvent, expected: int, previous: bytes, recorded_at: datetime | None
) -> list[str]:
    problems = []
    if event.position != expected:
        problems.append(f"Position {expected} is missing before position {event.position}.")
    if recorded_at is not None and event.recorded_at < recorded_at:
        problems.append("It was recorded before the event at the position before it.")
    if payload_hash(event.salt, event.payload) != event.payload_hash:
        problems.append("Its payload is not the one that was recorded.")
    chained = event_hash(
        previous,
        position=event.position,
        event_id=event.event_id,
        type_=event.type,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
        payload_hash=event.payload_hash,
    )
    if chained != event.hash:
        problems.append("Its hash does not follow from the event before it and from its own data.")
    return problems
