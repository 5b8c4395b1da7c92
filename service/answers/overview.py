"""All at a glance: the largest labs of a day, who came and went last, the last corrections."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from service.answers.glances import Glances
from service.answers.labs import Headcount, LabSummary, summary_of
from service.answers.moves import MoveView, labs_of, move_view
from service.answers.names import Labels
from service.answers.times import KnownAt, Times
from service.answers.views import View, view_of_all
from service.domain.events import Correction, RecordedEvent, Retraction
from service.domain.headcounts import Count
from service.domain.labs import LabFacts
from service.domain.moves import Move, in_order_by, moves
from service.domain.stints import Stint
from service.log import read
from service.log.corrections import CorrectionFilters, read_corrections
from service.postgres.pool import Connection
from service.read_models.current import Current

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
    """The latest first, dated by the day or before it."""
    at: date
    known_at: KnownAt


async def overview(
    connection: Connection,
    times: Times,
    glances: Glances,
    *,
    current: Current,
    limit: int,
    days: Sequence[date],
) -> Overview:
    """
    The *limit* largest labs, and who came and went there last.

    Shapes: *days* in order, at least one, the last of them that of the question: for which people
    are counted, and between the first of which and that day somebody came or went who is news.
    *current* is what the question is asked of.
    """
    assert days[-1] == times.at, "who is there is counted with the other days"
    view = await view_of_all(connection, times)
    largest = await glances.largest(
        connection, view, times, current=current, days=days, limit=limit
    )
    facts = await view.labs(largest)
    return Overview(
        labs=[_lab_glance(facts[lab], counts, times.at) for lab, counts in largest.items()],
        moves=await _newest_moves(view, days[0], times),
        at=times.at,
        known_at=times.known_at,
    )


def _lab_glance(facts: LabFacts, counts: Sequence[Count], at: date) -> LabGlance:
    told = [Headcount(*count) for count in counts]
    return LabGlance(lab=summary_of(facts, told[-1], at), counts=told)


async def _newest_moves(view: View, first: date, times: Times) -> list[MoveView]:
    """The moves of those who came or went last: no more careers are read than are shown."""
    newest = await view.newest(first, times.at, NEWEST)
    last_on = newest.last_on
    people = sorted(last_on, key=lambda one: (last_on[one], one), reverse=True)[:NEWEST]
    careers = await view.careers_of(people)
    # Before that day others may have moved, whose careers were not read.
    since = last_on[people[-1]] if len(people) == NEWEST else newest.since
    labs = await labs_of(view, careers)
    labels = Labels(await view.people(careers), labs, times.at)
    dated: list[tuple[date, Move, Sequence[Stint]]] = []
    for career in careers.values():
        for move in moves(career, labs):
            endpoint = move.joined or move.left
            on = None if endpoint is None else in_order_by(endpoint)
            if on is not None and since <= on <= times.at:
                dated.append((on, move, career))
    dated.sort(key=lambda each: (each[0], each[1].key), reverse=True)
    return [move_view(move, career, labels) for _, move, career in dated[:NEWEST]]


async def newest_corrections(connection: Connection, times: Times) -> list[CorrectionGlance]:
    """The newest first, whatever day is asked for."""
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
