"""What is left of the log after its corrections and retractions (SEMANTICS 3)."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from service.domain.events import (
    Correction,
    Fact,
    Position,
    RecordedEvent,
    Retraction,
    is_fact,
    is_rumoured,
)


class Effective(Struct, frozen=True, gc=False):
    """An original event with the payload that now holds for it."""

    position: Position
    """The original's, for every tie, also when its type was corrected."""
    event_id: UUID
    payload: Fact
    revision: Position
    """Position of the correction that gave the payload, else the original's own."""


def in_force(recorded: Iterable[RecordedEvent]) -> list[Effective]:
    """
    Original events that are not void, rumours included, by position.

    Shapes: any order; the events of a few subjects are enough, provided that every correction
    and retraction that concerns them is there. An original need not be, if it was corrected.
    What was erased is passed over: an original says nothing, what was about one has no effect.
    """
    latest: dict[Position, Effective | None] = {}
    for event in sorted(recorded, key=_by_position):
        payload = event.payload
        # What is gone is neither: it holds as little as it takes back.
        if is_fact(payload):
            latest[event.position] = Effective(
                event.position, event.event_id, payload, event.position
            )
        elif isinstance(payload, Correction):
            latest[event.root] = Effective(
                event.root, payload.target, payload.event, event.position
            )
        elif isinstance(payload, Retraction):
            latest[event.root] = None
    return [latest[p] for p in sorted(latest) if latest[p] is not None]  # type: ignore[misc]  # None is filtered


def effective_events(recorded: Iterable[RecordedEvent]) -> list[Effective]:
    """The events that enter the fold: those in force that are no rumours."""
    return [e for e in in_force(recorded) if not is_rumoured(e.payload)]


def _by_position(event: RecordedEvent) -> Position:
    return event.position
