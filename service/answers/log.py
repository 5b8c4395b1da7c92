"""The log itself: its head, its export, and whether it is what it was."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from service.answers.times import Times
from service.log import read
from service.log.append import Head
from service.log.verify import LogProblem, find_hash, verify
from service.postgres.pool import Connection, Pool
from service.read_models.crews import Workforce
from service.read_models.replay import replay


class LogAnswer(Struct, frozen=True):
    """The head of the log; of an empty one 0, 64 zeros, null."""

    position: int
    hash: str
    recorded_at: datetime | None


class SinceAnswer(Struct, frozen=True):
    """Whether the log only grew since it had a hash."""

    hash: str
    position: int | None
    """Where the log came by this hash; null if it never did."""


class ReadModelsAnswer(Struct, frozen=True):
    """Whether the read models are what the fold makes of the log."""

    state: str
    """`ok`, `drifted`, or `unchecked` where the log is broken or the replay failed."""
    drift: Sequence[Any]
    """The first rows in which they differ from what the log comes to."""


class VerificationAnswer(Struct, frozen=True, kw_only=True):
    """Whether every event is as it was recorded, and whether answers follow from them."""

    state: str
    """`ok`, or `broken` if anything is wrong."""
    events: int
    """How many were checked."""
    head: LogAnswer
    problems: Sequence[LogProblem]
    """The first ones of the log, by position."""
    since: SinceAnswer | None
    """For the hash that was asked for."""
    read_models: ReadModelsAnswer | None
    """Null if they were not asked for."""


async def log_head(connection: Connection) -> LogAnswer:
    """The head as of now."""
    return to_answer(await read.read_head(connection))


async def log_at(connection: Connection, times: Times) -> LogAnswer:
    """The head as it was in the state of knowledge of *times*."""
    known = times.known_at
    found = await read.read_by_positions(connection, [known.position])
    if not found:
        return to_answer(Head())
    return LogAnswer(known.position, found[0].hash.hex(), known.recorded_at)


def to_answer(head: Head) -> LogAnswer:
    """A head as it reads."""
    return LogAnswer(head.position, head.hash.hex(), head.recorded_at)


async def verification(
    pool: Pool,
    *,
    new_id: Callable[[], UUID],
    now: Callable[[], datetime],
    workforce: Workforce | None = None,
    since: bytes | None = None,
    with_read_models: bool = True,
) -> VerificationAnswer:
    """
    Check every event, that the log came by the hash *since*, and the read models.

    Raises:
        ReplayRunning: the read models are being replayed, so they cannot be compared.
    """
    verified = await verify(pool)
    is_broken = bool(verified.problems)
    since_answer = None
    if since is not None:
        async with pool.acquire() as connection:
            since_answer = SinceAnswer(since.hex(), await find_hash(connection, since))
        is_broken = is_broken or since_answer.position is None
    read_models = None
    if with_read_models:
        read_models = await _read_models(
            pool, new_id(), now, workforce, is_foldable=not verified.problems
        )
        is_broken = is_broken or read_models.state != "ok"
    return VerificationAnswer(
        state="broken" if is_broken else "ok",
        events=verified.events,
        head=to_answer(verified.head),
        problems=verified.problems,
        since=since_answer,
        read_models=read_models,
    )


async def _read_models(
    pool: Pool,
    replay_id: UUID,
    now: Callable[[], datetime],
    workforce: Workforce | None,
    *,
    is_foldable: bool,
) -> ReadModelsAnswer:
    if not is_foldable:
        return ReadModelsAnswer("unchecked", [])
    checked = await replay(pool, replay_id, now=now, workforce=workforce, is_check=True)
    if checked.drift:
        return ReadModelsAnswer("drifted", checked.drift)
    return ReadModelsAnswer("ok" if checked.state == "done" else "unchecked", [])
