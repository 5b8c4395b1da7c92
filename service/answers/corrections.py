"""What each correction and retraction changed: what was said, what is said now, and where it shows."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from msgspec import Struct, field

from service.answers.events import EventView, event_by_id, event_labels, payload_view
from service.answers.findings import FindingView, labels_of, view_of
from service.answers.names import Labels, Named, fetch_labels, resolve_path
from service.answers.people import StintView, stint_view
from service.answers.times import KnownAt, Times
from service.domain.changes import RosterSpan, roster_spans
from service.domain.dates import day_or_none
from service.domain.effective import in_force
from service.domain.effects import HeadcountChange, StintChange, headcount_changes
from service.domain.events import (
    Correction,
    Kind,
    RecordedEvent,
    Retraction,
    Source,
)
from service.log import read
from service.log.corrections import (
    CorrectionFilters,
    count_reasons,
    read_concerned_at,
    read_corrections,
)
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.findings import FindingChange, fetch_finding_changes
from service.read_models.stints import fetch_stint_changes

REASONS_MAX = 100
CHANGES_SHOWN_MAX = 50
"""Of a correction in a list; a merger that is corrected can move thousands of people."""
CHANGES_AT_ONCE_MAX = 500
"""So many are told without giving way to other requests."""


class Stood(Struct, frozen=True):
    """How long the word that was replaced had been the last one."""

    since: datetime
    until: datetime
    days: int
    """Whole ones."""
    seconds: float


class StintsChanged(Struct, frozen=True, kw_only=True):
    """The stays of one person at one lab, as they were believed before and after."""

    person: Named
    lab: Named
    before: Sequence[StintView]
    after: Sequence[StintView]


class RosterChanged(Struct, frozen=True, kw_only=True):
    """Days on which the roster of a lab is another; both included."""

    lab: Named
    from_: date | None = field(name="from")
    """Null where unbounded, as is the last."""
    to: date | None


class HeadcountChanged(Struct, frozen=True, kw_only=True):
    """Days on which the counts of a lab moved by the same; both included."""

    lab: Named
    from_: date | None = field(name="from")
    """Null where unbounded, as is the last."""
    to: date | None
    certain: int
    presumed: int
    possible: int


class FindingsChanged(Struct, frozen=True):
    """What was noticed from then on, and what no longer was."""

    arising: Sequence[FindingView]
    going: Sequence[FindingView]


class Effect(Struct, frozen=True, kw_only=True):
    """What a correction or retraction changed."""

    said: EventView | None
    """The payload until then; null of an event that was void."""
    says: EventView | None
    """The payload from then on; null of a retraction."""
    stood: Stood
    changes: Sequence[StintsChanged]
    changes_total: int
    """How many there are; a list shows some of them, the event itself shows all."""
    rosters: Sequence[RosterChanged]
    headcounts: Sequence[HeadcountChanged]
    findings: FindingsChanged


class Target(Struct, frozen=True):
    """The original event that a correction or retraction is about."""

    event_id: UUID
    position: int
    type: str
    """As it was first recorded."""


class CorrectionView(Struct, frozen=True, kw_only=True):
    """One correction or retraction: who said it, when, why and on which source."""

    event_id: UUID
    position: int
    type: str
    target: Target
    reason: str
    recorded_at: datetime
    recorded_by: str
    sources: Sequence[Source]
    effect: Effect


class ReasonCount(Struct, frozen=True):
    """How often a reason was given."""

    reason: str
    count: int


class CorrectionsAnswer(Struct, frozen=True, kw_only=True):
    """Corrections and retractions, newest first."""

    items: Sequence[CorrectionView]
    next: str | None
    total: int
    """How many there are on all pages."""
    reasons: Sequence[ReasonCount]
    """Of those on all pages, the most frequent first; at most 100."""
    at: date
    """The day by whose names labs are called and for which roles and presence are told."""
    known_at: KnownAt


async def corrections(
    connection: Connection,
    times: Times,
    *,
    type_: str | None,
    person: str | None,
    lab: str | None,
    recorded_by: str | None,
    from_on: date | None,
    to_on: date | None,
    before: int | None,
    limit: int,
) -> CorrectionsAnswer:
    """
    At most *limit* corrections and retractions, newest first, before a position.

    Raises:
        UnknownName, AmbiguousName: of *person* or *lab*.
    """
    filters = CorrectionFilters(
        type=type_,
        people=await _ids(connection, "person", person, times),
        labs=await _ids(connection, "lab", lab, times),
        recorded_by=recorded_by,
        recorded_from=_midnight(from_on),
        recorded_before=_midnight(to_on, days=1),
    )
    end = times.known_at.position + 1
    found = await read_corrections(
        connection,
        before=end if before is None else min(before, end),
        filters=filters,
        limit=limit + 1,
    )
    page = found[:limit]
    chains = await _chains(connection, page)
    labels = await event_labels(connection, [e for c in chains.values() for e in c], times)
    effects = await _effects(connection, page, chains, labels, times, shown_max=CHANGES_SHOWN_MAX)
    counted = await count_reasons(connection, before=end, filters=filters, limit=REASONS_MAX)
    return CorrectionsAnswer(
        items=[_view(e, chains[e.root], effects[e.position]) for e in page],
        next=str(page[-1].position) if len(found) > limit else None,
        total=counted.total,
        reasons=[ReasonCount(reason, count) for reason, count in counted.counts],
        at=times.at,
        known_at=times.known_at,
    )


async def event_with_effects(connection: Connection, event_id: UUID, times: Times) -> EventView:
    """
    One event as `event_by_id` tells it, and what it, or each that is about it, changed.

    Raises:
        UnknownEvent: there is none with this id by then.
    """
    view = await event_by_id(connection, event_id, times)
    every = [view, *view["corrections"]]
    told = [v for v in every if v["type"] in (_CORRECTION, _RETRACTION)]
    if not told:
        return view
    log_events = await read.read_by_positions(connection, [v["position"] for v in told])
    chains = await _chains(connection, log_events)
    labels = await event_labels(connection, [e for c in chains.values() for e in c], times)
    effects = await _effects(connection, log_events, chains, labels, times, shown_max=None)
    for one in told:
        one["effect"] = effects[one["position"]]
    return view


_CORRECTION, _RETRACTION = (str(t.__struct_config__.tag) for t in (Correction, Retraction))


async def _effects(
    connection: Connection,
    log_events: Sequence[RecordedEvent],
    chains: Mapping[int, Sequence[RecordedEvent]],
    labels: Labels,
    times: Times,
    *,
    shown_max: int | None,
) -> dict[int, Effect]:
    """What each of some log events changed, by position; *labels* name whom payloads name."""
    positions = [int(e.position) for e in log_events]
    linked = await read.read_linked(connection, await read_concerned_at(connection, positions))
    people = [s.id for s in linked if s.kind == "person"]
    labs = [s.id for s in linked if s.kind == "lab"]
    stints = await fetch_stint_changes(connection, positions, people=people, labs=labs)
    noticed = await fetch_finding_changes(connection, positions, people=people, labs=labs)
    shown = {position: stints[position][:shown_max] for position in positions}
    moved = await fetch_labels(
        connection,
        people={c.person for changes in shown.values() for c in changes},
        labs={c.lab for changes in stints.values() for c in changes},
        at=times.at,
        position=times.known_at.position,
    )
    finding_labels = await labels_of(
        connection, [f for n in noticed.values() for f in (*n.arising, *n.going)], times
    )

    def told() -> dict[int, Effect]:
        return {
            int(e.position): Effect(
                said=_payload_before(e, chains[e.root], labels),
                says=_payload_of(e, labels),
                stood=_stood(e, chains[e.root]),
                changes=[_stints_changed(c, moved, times.at) for c in shown[e.position]],
                changes_total=len(stints[e.position]),
                rosters=[_roster_changed(s, moved) for s in roster_spans(stints[e.position])],
                headcounts=[
                    _headcount_changed(c, moved) for c in headcount_changes(stints[e.position])
                ],
                findings=_findings_changed(noticed[e.position], finding_labels),
            )
            for e in log_events
        }

    # A merger of thousands takes seconds to tell, and others are to be answered meanwhile.
    is_much = sum(map(len, stints.values())) > CHANGES_AT_ONCE_MAX
    return await asyncio.to_thread(told) if is_much else told()


async def _chains(
    connection: Connection, log_events: Iterable[RecordedEvent]
) -> dict[int, list[RecordedEvent]]:
    """By the original's position it and every log event about it, in order."""
    chains: dict[int, list[RecordedEvent]] = {}
    roots = {e.root for e in log_events}
    for event in await read.read_chains(connection, roots):
        chains.setdefault(event.root, []).append(event)
    return chains


def _view(event: RecordedEvent, chain: Sequence[RecordedEvent], effect: Effect) -> CorrectionView:
    payload, original = event.payload, chain[0]
    assert isinstance(payload, Correction | Retraction), "only log events are asked for"
    assert event.recorded_at is not None, "what is in the log says when it was recorded"
    return CorrectionView(
        event_id=event.event_id,
        position=event.position,
        type=event.type,
        target=Target(original.event_id, original.position, original.type),
        reason=payload.reason,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
        sources=payload.event.sources if isinstance(payload, Correction) else (),
        effect=effect,
    )


def _payload_before(
    event: RecordedEvent, chain: Iterable[RecordedEvent], labels: Labels
) -> EventView | None:
    """What was said of the target until *event*."""
    holding = in_force(e for e in chain if e.position < event.position)
    return payload_view(holding[0].payload, labels) if holding else None


def _payload_of(event: RecordedEvent, labels: Labels) -> EventView | None:
    payload = event.payload
    return payload_view(payload.event, labels) if isinstance(payload, Correction) else None


def _stood(event: RecordedEvent, chain: Iterable[RecordedEvent]) -> Stood:
    replaced = [e for e in chain if e.position < event.position][-1]
    assert replaced.recorded_at is not None, "what is in the log says when it was recorded"
    assert event.recorded_at is not None, "what is in the log says when it was recorded"
    stood = event.recorded_at - replaced.recorded_at
    return Stood(replaced.recorded_at, event.recorded_at, stood.days, stood.total_seconds())


def _stints_changed(change: StintChange, labels: Labels, at: date) -> StintsChanged:
    # Of a same_as the very ids tell apart whose stays they were and whose they became.
    lab = labels.as_meant("lab", change.lab)
    return StintsChanged(
        person=labels.as_meant("person", change.person),
        lab=lab,
        before=[stint_view(stint, lab, at) for stint in change.before],
        after=[stint_view(stint, lab, at) for stint in change.after],
    )


def _roster_changed(span: RosterSpan, labels: Labels) -> RosterChanged:
    return RosterChanged(
        lab=labels.as_meant("lab", span.lab),
        from_=day_or_none(span.from_on),
        to=day_or_none(span.to_on),
    )


def _headcount_changed(change: HeadcountChange, labels: Labels) -> HeadcountChanged:
    return HeadcountChanged(
        lab=labels.as_meant("lab", change.lab),
        from_=day_or_none(change.from_on),
        to=day_or_none(change.to_on),
        certain=change.certain,
        presumed=change.presumed,
        possible=change.possible,
    )


def _findings_changed(change: FindingChange, labels: Labels) -> FindingsChanged:
    return FindingsChanged(
        [view_of(f, labels) for f in change.arising], [view_of(f, labels) for f in change.going]
    )


async def _ids(
    connection: Connection, kind: Kind, name: str | None, times: Times
) -> list[str] | None:
    """Every id that stands for whom *name* names."""
    if name is None:
        return None
    one = await resolve_path(connection, kind, name, times)
    position = times.known_at.position
    return await directories.fetch_ids_of(connection, kind, one, position=position)


def _midnight(on: date | None, *, days: int = 0) -> datetime | None:
    """The instant at which a day begins, in UTC, or one that is so many days later."""
    return None if on is None else datetime.combine(on + timedelta(days), time(), UTC)
