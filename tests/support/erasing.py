"""Erasing in the log alone: an erasure on record, and what it names made tombstones."""

from uuid import UUID

from service.app import CHANCE
from service.domain.events import Erasure, RecordedEvent
from service.log.erasure import erase
from service.postgres.pool import Pool
from service.recording.commands import Recorded
from service.recording.writer import commit
from tests.support.histories import command

REASON = "They asked for it."


async def erase_events(pool: Pool, *event_ids: UUID, reason: str = REASON) -> RecordedEvent:
    """
    The erasure that takes these events out of the log; the read models are left as they are.

    Raises:
        asyncpg.RestrictViolationError: one of them cannot be erased; nothing is recorded.
    """
    asked = command(Erasure(events=event_ids, reason=reason), by="admin")
    async with pool.acquire() as connection, connection.transaction():
        (answer,) = await commit(connection, [asked], CHANCE)
        assert isinstance(answer, Recorded), answer
        (outcome,) = answer.outcomes
        assert await erase(connection, outcome.event.position) == len(event_ids)
    return outcome.event
