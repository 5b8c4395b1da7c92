"""
A log of a given length, quickly: chained and copied in as a restore does it, to be replayed.

The writer would come to the same log, event for event; so would a restore of its export. Only
times, salts and the hashes of them are others.
"""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from service.domain.events import (
    Correction,
    Fact,
    NewEvent,
    Position,
    Retraction,
    fact_of,
)
from service.domain.subjects import concerns_of
from service.log.append import (
    EVENT_COLUMNS,
    SUBJECT_COLUMNS,
    Head,
    LogEntry,
    chained,
    event_row,
    head_after,
    subject_rows,
)
from tests.benchmarks import product
from tests.benchmarks.sides import Say

EVENTS_AT_ONCE = 10_000
RECENT_EVENTS = 10_000
"""Corrections follow what they correct within a few thousand events."""


async def write_log(dsn: str, events: Iterator[NewEvent], number: int, say: Say) -> None:
    """Make *number* events the whole log of a migrated, empty database; to be replayed then."""
    log = _Log()
    connections = [await asyncpg.connect(dsn) for _ in range(2)]
    # Some millions of small objects that hold no circles: looking for some costs a third.
    gc.disable()
    try:
        done = 0
        while done < number:
            entries = log.extend(islice(events, min(EVENTS_AT_ONCE, number - done)))
            await _write(connections, entries)
            done += len(entries)
            if done % (10 * EVENTS_AT_ONCE) == 0:
                say(f"log of {number:,} events: {done:,} written")
        say(f"log of {number:,} events: counting what was written")
        # COPY leaves neither statistics nor a visibility map.
        await connections[0].execute("VACUUM (ANALYZE) events, event_subjects")
        # Who may be one person is looked at beside everything else, which would be measured too.
        await connections[0].execute("UPDATE similar_people_state SET checkpoint = $1", done)
    finally:
        gc.enable()
        for connection in connections:
            await connection.close()


class _Log:
    """The log as far as its next events follow from it."""

    def __init__(self) -> None:
        self._head = Head()
        self._salts = Random(1)
        self._recent: dict[UUID, tuple[Position, Fact]] = {}

    def extend(self, events: Iterator[NewEvent]) -> list[LogEntry]:
        """The entries of the next events, which were recorded at one time."""
        now = product.CHANCE.now()
        if self._head.recorded_at is not None:
            now = max(now, self._head.recorded_at + timedelta(microseconds=1))
        entries = []
        for event in events:
            payload = event.payload
            target: Position | None = None
            replaced: Sequence[Fact] = ()
            if isinstance(payload, Correction | Retraction):
                target, original = self._recent[payload.target]
                replaced = [original]
            entry = chained(
                self._head,
                event,
                target_position=target,
                recorded_at=now,
                recorded_by=product.RECORDED_BY,
                request_id="benchmark",
                salt=self._salts.randbytes(16),
                body_digest=None,
                concerns=concerns_of(payload, replaced),
            )
            self._head = head_after(entry)
            fact = fact_of(payload)
            if fact is not None and not isinstance(payload, Correction):
                self._recent[event.event_id] = (entry.event.position, fact)
                if len(self._recent) > RECENT_EVENTS:
                    del self._recent[next(iter(self._recent))]
            entries.append(entry)
        return entries


async def _write(connections: Sequence[Any], entries: Sequence[LogEntry]) -> None:
    """Events and their subjects side by side: indexing them is what takes time."""
    async with asyncio.TaskGroup() as group:
        group.create_task(
            connections[0].copy_records_to_table(
                "events", columns=EVENT_COLUMNS, records=map(event_row, entries)
            )
        )
        group.create_task(
            connections[1].copy_records_to_table(
                "event_subjects",
                columns=SUBJECT_COLUMNS,
                records=subject_rows(entries),
            )
        )
