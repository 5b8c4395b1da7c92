"""What the public could know by a day: the log cut by publication (SEMANTICS 1)."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from service.domain.events import (
    Erased,
    Erasure,
    Position,
    RecordedEvent,
    Register,
    published_on,
)


class Published(Struct, frozen=True):
    """The events that were public by a day."""

    events: list[RecordedEvent]
    undated: list[RecordedEvent]
    """Those left out that have no dated source, and so count from their recording only."""


def published_by(recorded: Sequence[RecordedEvent], day: date) -> Published:
    """
    *recorded* without what was published later than *day*.

    An event is public from the earliest publication among its sources, else from the day on
    which it was recorded. Corrections and retractions count by their own day; one whose target
    is left out is ignored. Register events without sources always count; so does what was
    erased, which says nothing, and holds back nothing that was said of it.

    Shapes: position order, targets among them.
    """
    public: list[RecordedEvent] = []
    positions: set[Position] = set()
    undated: list[RecordedEvent] = []
    for event in recorded:
        if event.target_position is not None and event.target_position not in positions:
            continue
        if _always_counts(event) or public_from(event) <= day:
            public.append(event)
            positions.add(event.position)
        elif published_on(event.payload) is None:
            undated.append(event)
    return Published(public, undated)


def public_from(event: RecordedEvent) -> date:
    """The day from which the public could know an event."""
    published = published_on(event.payload)
    if published is not None:
        return published
    assert event.recorded_at is not None, "an event in the log has its instant"
    return event.recorded_at.date()


def _always_counts(event: RecordedEvent) -> bool:
    if isinstance(event.payload, Erased | Erasure):
        return True
    return isinstance(event.payload, Register) and not event.payload.sources
