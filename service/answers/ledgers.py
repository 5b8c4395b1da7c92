"""Every event that names someone: what it said, what became of it, and on which sources."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.answers.events import (
    EventView,
    event_labels,
    event_view,
    payload_view,
    tell_erasures,
)
from service.answers.names import Labels, resolve_id
from service.answers.times import KnownAt, Times
from service.answers.views import read_whole
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, Bounds
from service.domain.effective import effective_events, in_force
from service.domain.events import (
    Correction,
    Erased,
    Fact,
    RecordedEvent,
    days_of,
    id_of,
    is_rumoured,
    named_in,
)
from service.domain.identity import canonical_ids
from service.domain.publication import published_by
from service.log import read
from service.postgres.pool import Connection

Status = Literal["in_force", "corrected", "rumoured", "retracted", "erased"]
"""What became of an event; a rumour may have been corrected, too."""
_UNDATED = Bounds(UNBOUNDED_LO, UNBOUNDED_LO)


class Entry(Struct, frozen=True, kw_only=True):
    """One event that names someone."""

    event: EventView
    """As it was recorded."""
    current: EventView | None
    """The payload that holds now; None of one that was retracted or erased."""
    status: Status
    words: Sequence[EventView]
    """Corrections and retractions of it, in the order in which they were made."""

    @property
    def says(self) -> EventView:
        """What it says now, or last said."""
        return self.event if self.current is None else self.current


class LedgerAnswer(Struct, frozen=True, kw_only=True):
    """Everything recorded about someone, what is dated latest first, what has no date last."""

    person: str
    """Canonical id."""
    at: date
    known_at: KnownAt
    entries: Sequence[Entry]
    types: Mapping[UUID, str]
    """Of each of *also* that is an event by then: its type."""


async def ledger_of(
    connection: Connection, name: str, times: Times, *, also: Iterable[UUID] = ()
) -> LedgerAnswer:
    """
    Every original that names the person whom *name* names, or did before or after a correction.

    Shapes: *also* are events that may name somebody else, of which only the types are told.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    one = await resolve_id(connection, "person", name, times)
    recorded = await read_whole(connection, times, people=[one])
    if times.published_by is not None:
        recorded = published_by(recorded, times.published_by).events
    own, person = await asyncio.to_thread(_own, recorded, one)
    labels = await event_labels(connection, own, times)
    entries = _entries(own, labels)
    views = [view for entry in entries for view in (entry.event, *entry.words)]
    await tell_erasures(connection, views)
    types = {entry.event["event_id"]: str(entry.says["type"]) for entry in entries}
    missing = [event_id for event_id in also if event_id not in types]
    if missing:
        types |= {e.event_id: e.type for e in await read.read_by_ids(connection, missing)}
    return LedgerAnswer(
        person=person,
        at=times.at,
        known_at=times.known_at,
        entries=entries,
        types=types,
    )


def _own(recorded: Sequence[RecordedEvent], one: str) -> tuple[list[RecordedEvent], str]:
    """Those of *recorded* that are about a person, each with its whole chain; and who it is."""
    into, _ = canonical_ids(effective_events(recorded), "person")
    person = into.get(one, one)
    ids = {person, *(other for other, canonical in into.items() if canonical == person)}
    roots = {
        event.root
        for event in recorded
        if not ids.isdisjoint(map(id_of, named_in(event.payload, "person")))
    }
    return [event for event in recorded if event.root in roots], person


def _entries(own: Sequence[RecordedEvent], labels: Labels) -> list[Entry]:
    holding = {e.position: e.payload for e in in_force(own)}
    chains: dict[int, list[RecordedEvent]] = {}
    for event in own:
        chains.setdefault(event.root, []).append(event)
    by_place = sorted(
        (
            (_place(chain, holding.get(chain[0].position)), chain)
            for chain in chains.values()
            # What only corrections tell of is not known by its own event.
            if chain[0].target_position is None
        ),
        key=lambda each: each[0],
        reverse=True,
    )
    return [_entry(chain, holding.get(chain[0].position), labels) for _, chain in by_place]


def _place(chain: Sequence[RecordedEvent], holds: Fact | None) -> tuple[date, date, int]:
    """Where an event stands: by the date that holds, else by the one that was said."""
    days = days_of(chain[0].payload if holds is None else holds) or _UNDATED
    # Without a lower bound it stands where it ends; without an upper one where it begins.
    lo = days.hi if days.lo == UNBOUNDED_LO else days.lo
    hi = lo if days.hi == UNBOUNDED_HI else days.hi
    return (lo, hi, chain[0].position)


def _entry(chain: Sequence[RecordedEvent], holds: Fact | None, labels: Labels) -> Entry:
    original, *about = chain
    words = [event_view(e, labels, revision=e.position) for e in about]
    return Entry(
        event=event_view(original, labels, revision=chain[-1].position),
        current=None if holds is None else payload_view(holds, labels),
        status=_status(original, about, holds),
        words=words,
    )


def _status(original: RecordedEvent, about: Sequence[RecordedEvent], holds: Fact | None) -> Status:
    if holds is None:
        return "erased" if isinstance(original.payload, Erased) else "retracted"
    if is_rumoured(holds):
        return "rumoured"
    if any(isinstance(e.payload, Correction) for e in about):
        return "corrected"
    return "in_force"
