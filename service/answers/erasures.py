"""Erasures as they read: which there were, what one did, and what one would do."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from msgspec import Struct

from service.answers.events import (
    EventsAnswer,
    EventView,
    event_labels,
    event_view,
    events,
    payload_view,
)
from service.answers.names import Named, fetch_labels
from service.answers.times import KnownAt, Times
from service.domain.events import ERASURE, Payload, Position, RecordedEvent
from service.log.corrections import Mention
from service.postgres.pool import Connection
from service.recording.erasing import Done, Rehearsed


class ErasureAnswer(Struct, frozen=True, kw_only=True):
    """What an erasure did."""

    event: EventView
    """The erasure itself, which stays."""
    erased: Sequence[Mention]
    """The events whose payloads are gone."""
    restated: Sequence[EventView]
    """What was recorded before it, so that nobody else loses anything."""
    mentions: Sequence[Mention] | None
    """
    Events that stay in whose texts the person is mentioned, to be erased one by one where that is
    wanted. Null of an erasure that is told again: the names are gone.
    """


class ErasureRehearsal(Struct, frozen=True, kw_only=True):
    """What an erasure would do; nothing was recorded."""

    people: Sequence[Named]
    """Every id of the person; of a single event nobody."""
    erased: Sequence[Mention]
    restated: Sequence[EventView]
    """As it would be recorded, without what only the log gives."""
    mentions: Sequence[Mention]
    head: int
    """The position that it was rehearsed at."""


async def erasure_done(connection: Connection, done: Done, today: date) -> ErasureAnswer:
    """An erasure with the names as known now."""
    every = [*done.restated, done.event]
    labels = await event_labels(connection, every, _times(done.event, today))
    *restated, event = [event_view(e, labels, revision=e.position) for e in every]
    return ErasureAnswer(event=event, erased=done.erased, restated=restated, mentions=done.mentions)


async def erasure_rehearsed(
    connection: Connection, rehearsed: Rehearsed, today: date
) -> ErasureRehearsal:
    """What would be erased, with the names as known now."""
    erasing = rehearsed.erasing
    restated = [_imagined(payload, rehearsed.head) for payload in erasing.restated]
    times = Times(today, KnownAt(rehearsed.head, None), rehearsed.head, is_pinned=False)
    labels = await event_labels(connection, restated, times)
    people = await fetch_labels(
        connection, people=rehearsed.people, at=today, position=rehearsed.head
    )
    return ErasureRehearsal(
        people=[people.as_meant("person", one) for one in rehearsed.people],
        erased=[_place(event) for event in erasing.erased],
        restated=[payload_view(event.payload, labels) for event in restated],
        mentions=rehearsed.mentions,
        head=rehearsed.head,
    )


async def erasures(connection: Connection, times: Times, *, after: int, limit: int) -> EventsAnswer:
    """At most *limit* erasures after a position, ascending."""
    return await events(
        connection,
        times,
        type_=ERASURE,
        person=None,
        lab=None,
        from_on=None,
        to_on=None,
        after=after,
        limit=limit,
    )


def _place(event: RecordedEvent) -> Mention:
    assert event.recorded_at is not None, "what is in the log says when it was recorded"
    return Mention(event.event_id, event.position, event.type, event.recorded_at, event.recorded_by)


def _imagined(payload: Payload, head: Position) -> RecordedEvent:
    """*payload* as an event, as far as its names are looked up by it."""
    return RecordedEvent(position=head, event_id=UUID(int=0), payload=payload)


def _times(event: RecordedEvent, today: date) -> Times:
    known_at = KnownAt(event.position, event.recorded_at)
    return Times(today, known_at, event.position, is_pinned=False)
