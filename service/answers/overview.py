"""All at a glance: the largest labs of a day, who came and went there last, the last corrections."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from service.answers.labs import Headcount, LabSummary, summary_of
from service.answers.moves import MoveView, labs_of, move_view
from service.answers.names import Labels
from service.answers.times import KnownAt, Times
from service.answers.views import View, view_of_all
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.events import Correction, RecordedEvent, Retraction
from service.domain.headcounts import headcounts
from service.domain.moves import Move, moves
from service.domain.stints import Endpoint, Stint
from service.log import read
from service.log.corrections import CorrectionFilters, read_corrections
from service.postgres.pool import Connection

NEWEST = 8
"""Moves, and corrections, that are told."""


class LabGlance(Struct, frozen=True, kw_only=True):
    """A lab on the day, and its headcounts over time."""

    lab: LabSummary
    counts: Sequence[Headcount]
    """Of the days that were asked for."""


class CorrectionGlance(Struct, frozen=True, kw_only=True):
    """A correction or retraction, without what it changed."""

    event_id: UUID
    position: int
    type: str
    target: UUID
    target_type: str
    """As it was first recorded."""
    reason: str
    recorded_at: datetime
    recorded_by: str


class Overview(Struct, frozen=True, kw_only=True):
    """What is shown of everything at once."""

    labs: Sequence[LabGlance]
    """The largest first, by everyone who can have been there."""
    moves: Sequence[MoveView]
    """At these labs, the latest first, dated by the day or before it."""
    corrections: Sequence[CorrectionGlance]
    """The newest first."""
    at: date
    known_at: KnownAt


async def overview(
    connection: Connection, times: Times, *, limit: int, days: Sequence[date]
) -> Overview:
    """
    The *limit* largest labs and the news.

    Shapes: *days* in order, at least one, up to the day asked for: for which people are counted,
    and between the first of which and that day somebody came or went who is news.
    """
    view = await view_of_all(connection, times)
    largest = await view.largest_labs(times.at, limit)
    facts = await view.labs(largest)
    stints = await view.stints_of_labs_between(largest, days[0], times.at)

    def glances() -> list[LabGlance]:
        return [
            LabGlance(
                lab=summary_of(facts[lab], stints.get(lab, {}), times.at),
                counts=[
                    Headcount(*count) for count in headcounts(stints.get(lab, {}).values(), days)
                ],
            )
            for lab in largest
        ]

    return Overview(
        labs=await asyncio.to_thread(glances),
        moves=await _newest_moves(view, stints.values(), days[0], times),
        corrections=await _newest_corrections(connection, times),
        at=times.at,
        known_at=times.known_at,
    )


async def _newest_moves(
    view: View, stints: Iterable[Mapping[str, Sequence[Stint]]], first: date, times: Times
) -> list[MoveView]:
    """The moves of those who came or went last: no more careers are read than are shown."""
    last_day: dict[str, date] = {}
    for people in stints:
        for person, theirs in people.items():
            turns = [on for s in theirs for on in _turns(s) if first <= on <= times.at]
            if turns:
                last_day[person] = max(last_day.get(person, UNBOUNDED_LO), *turns)
    newest = sorted(last_day, key=lambda one: (last_day[one], one), reverse=True)[:NEWEST]
    careers = {person: await view.stints_of_person(person) for person in newest}
    if len(newest) == NEWEST:
        # Before that day others may have moved, whose careers were not read.
        first = last_day[newest[-1]]
    labs = await labs_of(view, careers)
    labels = Labels(await view.people(careers), labs, times.at)
    dated: list[tuple[date, Move, Sequence[Stint]]] = []
    for career in careers.values():
        for move in moves(career, labs):
            endpoint = move.joined or move.left
            on = None if endpoint is None else _day(endpoint)
            if on is not None and first <= on <= times.at:
                dated.append((on, move, career))
    dated.sort(key=lambda each: (each[0], each[1].key), reverse=True)
    return [move_view(move, career, labels) for _, move, career in dated[:NEWEST]]


def _turns(stint: Stint) -> list[date]:
    """The last days on which someone can have come or gone."""
    ends = [stint.start] if stint.end is None else [stint.start, stint.end]
    return [on for on in map(_day, ends) if on is not None]


def _day(endpoint: Endpoint) -> date | None:
    """The day by which a date is in order; None of one that names no day at all."""
    if endpoint.date_text is None:
        return None
    return endpoint.lo if endpoint.hi == UNBOUNDED_HI else endpoint.hi


async def _newest_corrections(connection: Connection, times: Times) -> list[CorrectionGlance]:
    found = await read_corrections(
        connection,
        before=times.known_at.position + 1,
        filters=CorrectionFilters(),
        limit=NEWEST,
    )
    originals = await read.read_by_positions(connection, list({e.root for e in found}))
    first = {int(e.position): e for e in originals}
    return [_glance(event, first[int(event.root)]) for event in found if event.root in first]


def _glance(event: RecordedEvent, original: RecordedEvent) -> CorrectionGlance:
    payload = event.payload
    assert isinstance(payload, Correction | Retraction), "only log events are asked for"
    assert event.recorded_at is not None, "what is in the log says when it was recorded"
    return CorrectionGlance(
        event_id=event.event_id,
        position=event.position,
        type=event.type,
        target=original.event_id,
        target_type=original.type,
        reason=payload.reason,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
    )
