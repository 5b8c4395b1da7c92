"""Events as they read: payloads with names, and what was said about each later."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from service.answers.findings import labels_of, view_of
from service.answers.names import Labels, Named, fetch_labels, resolve_path
from service.answers.times import KnownAt, Times
from service.domain.effective import in_force
from service.domain.events import (
    ERASED,
    Correction,
    Erasure,
    Founding,
    Kind,
    Payload,
    Position,
    RecordedEvent,
    Retraction,
    id_of,
    references,
    type_of,
)
from service.domain.findings import Finding
from service.domain.refusals import UnknownEvent
from service.log import read
from service.log.erasure import read_erasures
from service.postgres.pool import Connection, Pool
from service.read_models import directory as directories
from service.read_models.findings import fetch_raised
from service.recording.commands import Recorded

EventView = dict[str, Any]
"""A payload as it reads, with event_id, position, recorded_at, recorded_by, revision and hash."""

READ_ONLY = (
    "position", "recorded_at", "recorded_by", "revision", "hash", "current", "corrections",
    "findings", "at", "known_at",
)  # fmt: skip
"""Fields of an event as read that no client sets."""


class HeadView(Struct, frozen=True):
    """The end of the log."""

    position: int
    hash: str


class EventsAnswer(Struct, frozen=True, kw_only=True):
    """Events in order."""

    items: Sequence[EventView]
    next: str | None
    at: date
    """The day by whose names labs are called."""
    known_at: KnownAt


class RecordedAnswer(Struct, frozen=True, kw_only=True):
    """The events of a batch as recorded, and the head that they made."""

    events: Sequence[EventView]
    head: HeadView


class ToldEvent(Struct, frozen=True):
    """An event by what it says."""

    says: EventView
    is_withdrawn: bool
    recorded_at: datetime
    updated_at: datetime
    """When it was corrected or retracted last, else when it was recorded."""


async def recorded_events(pool: Pool, recorded: Recorded) -> RecordedAnswer:
    """
    What was recorded, each event with the findings that it raised.

    With the names of the day on which it was recorded, so that a repeat is answered the same.
    """
    events = [outcome.event for outcome in recorded.outcomes]
    raised = {int(o.event.position): list(o.findings) for o in recorded.outcomes}
    last = max(events, key=lambda e: e.position)
    assert last.recorded_at is not None, "what is in the log says when it was recorded"
    labels = _known_labels(recorded, events, last.position, last.recorded_at.date())
    if labels is None:
        async with pool.acquire() as connection:
            if recorded.is_replayed:
                raised = await fetch_raised(connection, [e.position for e in events])
            people, labs = _named_in(events, [f for found in raised.values() for f in found])
            labels = await fetch_labels(
                connection,
                people=people,
                labs=labs,
                at=last.recorded_at.date(),
                position=last.position,
            )
    return RecordedAnswer(
        events=[
            event_view(e, labels, revision=e.position)
            | {"findings": [view_of(f, labels) for f in raised.get(e.position, ())]}
            for e in events
        ],
        head=HeadView(last.position, last.hash.hex()),
    )


def _known_labels(
    recorded: Recorded, events: Iterable[RecordedEvent], position: Position, at: date
) -> Labels | None:
    """The names from what the writer knew, if it knew them all."""
    if recorded.acquaintance is None:
        return None
    people_named, labs_named = _named_in(
        events, [f for outcome in recorded.outcomes for f in outcome.findings]
    )
    people = recorded.acquaintance.people(people_named, position)
    labs = recorded.acquaintance.labs(labs_named, position)
    return None if people is None or labs is None else Labels(people, labs, at)


async def event_by_id(connection: Connection, event_id: UUID, times: Times) -> EventView:
    """
    One event with its whole chain of corrections and what it says now.

    Raises:
        UnknownEvent: there is none with this id by then.
    """
    position = times.known_at.position
    chain = [e for e in await read.read_by_ids(connection, [event_id]) if e.position <= position]
    own = next((e for e in chain if e.event_id == event_id), None)
    if own is None:
        raise UnknownEvent(event_id)
    about = [e for e in chain if e.target_position == own.position]
    labels = await event_labels(connection, chain, times)
    view = event_view(own, labels, revision=about[-1].position if about else own.position)
    if not isinstance(own.payload, Correction | Retraction):
        holding = in_force(chain)
        view["current"] = payload_view(holding[0].payload, labels) if holding else None
    view["corrections"] = [event_view(e, labels, revision=e.position) for e in about]
    raised = await fetch_raised(connection, [own.position])
    noticed = raised.get(own.position, [])
    finding_labels = await labels_of(connection, noticed, times)
    view["findings"] = [view_of(f, finding_labels) for f in noticed]
    view["at"] = times.at
    view["known_at"] = times.known_at
    await tell_erasures(connection, [view, *view["corrections"]])
    return view


async def events(
    connection: Connection,
    times: Times,
    *,
    type_: str | None,
    person: str | None,
    lab: str | None,
    from_on: date | None,
    to_on: date | None,
    after: int,
    limit: int,
) -> EventsAnswer:
    """
    At most *limit* events after a position, ascending.

    Raises:
        UnknownName, AmbiguousName: of *person* or *lab*.
    """
    filters = read.Filters(
        type=type_,
        people=await _ids(connection, "person", person, times),
        labs=await _ids(connection, "lab", lab, times),
        from_on=from_on,
        to_on=to_on,
    )
    found = await read.read_page(
        connection,
        after=after,
        until=times.known_at.position,
        filters=filters,
        limit=limit + 1,
    )
    return await _page(connection, found, times, limit)


async def timeline(
    connection: Connection, lab: str, times: Times, *, before: int | None, limit: int
) -> EventsAnswer:
    """
    The events of one lab, newest first, before a position.

    Raises:
        UnknownName, AmbiguousName: of *lab*.
    """
    labs = await _ids(connection, "lab", lab, times)
    until = times.known_at.position + 1
    found = await read.read_timeline(
        connection,
        labs=labs or [],
        before=until if before is None else min(before, until),
        limit=limit + 1,
    )
    return await _page(connection, found, times, limit)


async def latest_events(
    connection: Connection, times: Times, *, before: int | None, limit: int
) -> EventsAnswer:
    """At most *limit* events of the whole log, newest first, before a position."""
    end = times.known_at.position if before is None else min(before - 1, times.known_at.position)
    # Positions have no gaps, so that the last events are as quickly found as the first ones.
    found = await read.read_page(
        connection,
        after=max(end - limit - 1, 0),
        until=end,
        filters=read.Filters(),
        limit=limit + 1,
    )
    return await _page(connection, found[::-1], times, limit)


async def what_events_say(
    connection: Connection, event_ids: Iterable[UUID], times: Times
) -> Mapping[UUID, ToldEvent]:
    """What each of some events says by then, and of one that is withdrawn what it said first."""
    until = times.known_at.position
    chains = [e for e in await read.read_by_ids(connection, event_ids) if e.position <= until]
    holding = {e.position: e.payload for e in in_force(chains)}
    labels = await event_labels(connection, chains, times)
    # In position order, so that the last word on an event stays.
    updated_at = {one.root: _recorded_at(one) for one in sorted(chains, key=lambda e: e.position)}
    return {
        one.event_id: ToldEvent(
            payload_view(holding.get(one.position, one.payload), labels),
            is_withdrawn=one.position not in holding and type_of(one.payload) != ERASED,
            recorded_at=_recorded_at(one),
            updated_at=updated_at[one.root],
        )
        for one in chains
        if one.target_position is None
    }


def _recorded_at(event: RecordedEvent) -> datetime:
    assert event.recorded_at is not None, "what is read from the log was recorded"
    return event.recorded_at


async def event_labels(
    connection: Connection, events: Iterable[RecordedEvent], times: Times
) -> Labels:
    """The names of all whom *events* name."""
    people, labs = _named_in(events)
    return await fetch_labels(
        connection, people=people, labs=labs, at=times.at, position=times.known_at.position
    )


def _named_in(
    events: Iterable[RecordedEvent], noticed: Iterable[Finding] = ()
) -> tuple[set[str], set[str]]:
    """The ids of all people and labs whom *events* and findings name."""
    named: dict[Kind, set[str]] = {"person": set(), "lab": set()}
    for reference in (r for e in events for r in references(e.payload)):
        if not (reference.free_text and isinstance(reference.ref, str)):
            named[reference.kind].add(id_of(reference.ref))
    for finding in noticed:
        if finding.person is not None:
            named["person"].add(finding.person)
        named["lab"].update(finding.labs)
    return named["person"], named["lab"]


async def tell_erasures(connection: Connection, views: Iterable[EventView]) -> None:
    """Say of those among *views* that were erased by what, when and why."""
    erased = {view["position"]: view for view in views if view["type"] == ERASED}
    if erased:
        for position, by in (await read_erasures(connection, erased)).items():
            erased[position]["erased"] = by


def event_view(event: RecordedEvent, labels: Labels, *, revision: int) -> EventView:
    """One event as it reads."""
    return payload_view(event.payload, labels) | {
        "event_id": event.event_id,
        "position": event.position,
        "recorded_at": event.recorded_at,
        "recorded_by": event.recorded_by,
        "revision": revision,
        "hash": event.hash.hex(),
    }


def payload_view(payload: Payload, labels: Labels) -> EventView:
    """A payload with people and labs as id and name."""
    view: EventView = {"type": type_of(payload)}
    if isinstance(payload, Erasure):
        # The ids of what a person's erasure took would tell what was about one person.
        return view | {"count": len(payload.events), "reason": payload.reason}
    for field in payload.__struct_fields__:
        value = getattr(payload, field)
        if value is not None and value != ():
            built = msgspec.to_builtins(value)
            view[field] = list(built) if isinstance(built, tuple) else built
    if isinstance(payload, Correction):
        view["event"] = payload_view(payload.event, labels)
        return view
    for reference in references(payload):
        if reference.free_text and isinstance(reference.ref, str):
            continue
        _put(view, reference.pointer, labels.as_meant(reference.kind, id_of(reference.ref)))
    if isinstance(payload, Founding):
        view["founders"] = [
            founder if "role" in founder else founder["person"]
            for founder in view.get("founders", [])
        ]
    return view


def _put(view: EventView, pointer: str, named: Named) -> None:
    """Show *named* in the place of a reference."""
    field, _, index = pointer[1:].partition("/")
    if not index:
        view[field] = named
        return
    one = view[field][int(index)]
    view[field][int(index)] = {**one, "person": named} if field == "founders" else named


async def _page(
    connection: Connection, found: Sequence[RecordedEvent], times: Times, limit: int
) -> EventsAnswer:
    page = found[:limit]
    labels = await event_labels(connection, page, times)
    revisions = await _revisions(connection, page, times)
    items = [event_view(e, labels, revision=revisions[e.position]) for e in page]
    await tell_erasures(connection, items)
    return EventsAnswer(
        items=items,
        next=str(page[-1].position) if len(found) > limit else None,
        at=times.at,
        known_at=times.known_at,
    )


async def _revisions(
    connection: Connection, page: Sequence[RecordedEvent], times: Times
) -> Mapping[int, int]:
    """For each event the position of the last log event about it, else its own."""
    revisions = {int(e.position): int(e.position) for e in page}
    for event in await read.read_chains(connection, list(revisions)):
        if event.target_position in revisions and event.position <= times.known_at.position:
            revisions[event.target_position] = event.position
    return revisions


async def _ids(
    connection: Connection, kind: Kind, name: str | None, times: Times
) -> list[str] | None:
    """Every id that stands for whom *name* names."""
    if name is None:
        return None
    position = times.known_at.position
    one = await resolve_path(connection, kind, name, times)
    return await directories.fetch_ids_of(connection, kind, one, position=position)
