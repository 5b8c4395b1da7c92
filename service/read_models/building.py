"""
Building: what was believed up to a position, worked out part by part and copied into new tables.

The log is read in the order of people instead of positions, so that the events of one person are
folded together and at once, and memory is that of a part however long the log is. Who reads,
folds and writes, and in which process, is the crew's affair (`crews`).
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.domain.events import (
    Position,
    RecordedEvent,
    from_canonical_json,
    id_of,
    is_of_person,
)
from service.domain.labs import Labs
from service.postgres.pool import PATIENCE_SECONDS, Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import MODELS, Beliefs, Model
from service.read_models.projector import (
    LabChange,
    Streams,
    named_labs,
    project_labs,
    project_people,
)
from service.read_models.replays import hold_next

_SQL = load_statements("service.read_models", "building.sql")
_FIND_CUT = _SQL["find_cut"]
_READ_PART = _SQL["read_part"]
_READ_JOINED = _SQL["read_joined"]
_READ_LINKS = _SQL["read_links"]
_READ_FACTS = _SQL["read_facts"]

EVENTS_IN_A_PART = 3000
"""Enough that a round trip does not count, few enough that a part is small in memory."""
EVENTS_IN_A_TURN = 40
"""So many are folded before whoever else waits for the event loop has a turn."""

_AFTER_ALL = "\U0010ffff"
"""Sorts after every id. Of a bound that may be missing one plan for all parts can make no use."""

_COLUMNS: dict[Model, tuple[str, ...]] = {
    "stints": ("person_id", "lab_id", "start_lo", "end_hi"),
    "findings": ("kind", "person_id", "lab_ids"),
    "people": ("person_id", "canonical_id"),
    "labs": ("lab_id", "canonical_id", "successor_id"),
    "names": ("kind", "folded", "subject_id", "canonical_id"),
}

Records = dict[Model, list[tuple[Any, ...]]]
"""Of each read model the rows to copy in."""


class Part(Struct, frozen=True):
    """The people with after < id ≤ to, and whoever was ever joined with them."""

    after: str
    to: str | None


class Folded(NamedTuple):
    """What came of some events, and which these were."""

    records: Records
    positions: list[int]


class Surroundings(NamedTuple):
    """What the fold of every person looks at beside the person's own events."""

    family_of: Mapping[str, int]
    """By lab the number of its family."""
    changes: Sequence[Sequence[LabChange]]
    """Of each family those that move people, in position order."""
    joined: Mapping[str, tuple[str, ...]]
    """Of each id that was ever joined with others all of them, in order."""


async def next_part(connection: Connection, last: Part | None) -> Part | None:
    """The part after *last*; None after the last one. As many events as a part has, about."""
    after = "" if last is None else last.to
    if after is None:
        return None
    return Part(after, await connection.fetchval(_FIND_CUT, after, EVENTS_IN_A_PART))


async def survey(connection: Connection, until: Position) -> tuple[Surroundings, Folded]:
    """Fold the labs: what every person is folded in, and the labs' own rows."""
    rows = await connection.fetch(_READ_FACTS, until, timeout=PATIENCE_SECONDS)
    events = [_event(*row) for row in rows]
    streams = Streams(events)
    records = _no_records()
    family_of: dict[str, int] = {}
    changes = []
    named = {lab for event in events for lab in named_labs([event])}
    for number, family in enumerate(streams.groups("lab", named)):
        beliefs = Beliefs()
        facts = streams.facts_of(family)
        every = project_labs(family, facts, after=Position(0), beliefs=beliefs)
        changes.append([change for change in every if change.moves_people])
        family_of.update(dict.fromkeys(family, number))
        _add(records, beliefs)
        await asyncio.sleep(0)
    links = await connection.fetch(_READ_LINKS, until, timeout=PATIENCE_SECONDS)
    joined = _joined(row["ids"] for row in links)
    return (
        Surroundings(family_of, changes, joined),
        Folded(records, [event.position for event in events]),
    )


async def read_part(
    connection: Connection, part: Part, until: Position, around: Surroundings
) -> list[asyncpg.Record]:
    """
    The rows of *part*, by person and position.

    Of people who were joined those count whose first id is in the part, and with all their ids.
    """
    to = _AFTER_ALL if part.to is None else part.to
    rows = await connection.fetch(_READ_PART, part.after, to, until, timeout=PATIENCE_SECONDS)
    if not around.joined:
        return rows
    others = {row["subject_id"] for row in rows if row["subject_id"] in around.joined}
    if not others:
        return rows
    theirs = sorted({one for id_ in others if (own := around.joined[id_])[0] == id_ for one in own})
    alone = [row for row in rows if row["subject_id"] not in others]
    return alone + await connection.fetch(_READ_JOINED, theirs, until, timeout=PATIENCE_SECONDS)


async def fold_part(rows: Iterable[asyncpg.Record], around: Surroundings) -> Folded:
    """The rows of the read models that *rows* of the log come to."""
    records = _no_records()
    events: dict[int, RecordedEvent] = {}
    in_this_turn = 0
    for component, stream in _streams(rows, events, around.joined):
        beliefs = Beliefs()
        project_people(
            component,
            stream,
            after=Position(0),
            labs=Labs(),
            changes=_changes(stream, around),
            beliefs=beliefs,
        )
        _add(records, beliefs)
        in_this_turn += len(stream)
        if in_this_turn >= EVENTS_IN_A_TURN:
            in_this_turn = 0
            await asyncio.sleep(0)
    return Folded(records, list(events))


async def write(connection: Connection, replay_id: UUID, records: Records) -> None:
    """
    Copy *records* into the new tables.

    Raises:
        Superseded: they are no longer those of *replay_id*.
    """
    async with connection.transaction():
        await hold_next(connection, replay_id)
        for model, rows in records.items():
            if rows:
                await connection.copy_records_to_table(
                    model,
                    schema_name="read_models_next",
                    records=rows,
                    columns=("known_from", "known_to", "content", *_COLUMNS[model]),
                    timeout=PATIENCE_SECONDS,
                )


def _streams(
    rows: Iterable[asyncpg.Record],
    events: dict[int, RecordedEvent],
    joined: Mapping[str, tuple[str, ...]],
) -> Iterator[tuple[frozenset[str], list[RecordedEvent]]]:
    """Who may be one with their events in position order, each decoded once."""
    together: dict[tuple[str, ...], dict[int, RecordedEvent]] = {}
    for id_, own in groupby(rows, _SUBJECT_ID):
        stream = []
        for _, position, event_id, target_position, payload in own:
            event = events.get(position)
            if event is None:
                event = events[position] = _event(position, event_id, target_position, payload)
            stream.append(event)
        if id_ in joined:
            together.setdefault(joined[id_], {}).update((e.position, e) for e in stream)
        else:
            yield frozenset((id_,)), stream
    for ids, by_position in together.items():
        yield frozenset(ids), sorted(by_position.values(), key=_POSITION)


def _changes(stream: Sequence[RecordedEvent], around: Surroundings) -> list[LabChange]:
    """What moves people at the labs that *stream* names, in position order."""
    family_of = around.family_of
    families = {family_of[lab] for lab in _named(stream) if lab in family_of}
    changes: list[LabChange] = []
    for one in families:
        # Each tells the whole family: what was before the first event is in the last one before.
        own = around.changes[one]
        changes += own[bisect_right(own, stream[0].position, key=_POSITION) - 1 :]
    if len(families) > 1:
        changes.sort(key=_POSITION)
    return changes


def _named(stream: Iterable[RecordedEvent]) -> set[str]:
    """As `named_labs`; most events name one lab, in one place."""
    named, rest = set(), []
    for event in stream:
        payload = event.payload
        if is_of_person(payload):
            named.add(id_of(payload.lab))
        else:
            rest.append(event)
    return named | named_labs(rest) if rest else named


def _joined(links: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Of each id in *links* all that it leads to, in order; of those that lead to another."""
    sets: dict[str, set[str]] = {}
    for ids in links:
        merged = set(ids).union(*(sets.get(one, ()) for one in ids))
        for one in merged:
            sets[one] = merged
    ordered: dict[int, tuple[str, ...]] = {}
    for own in sets.values():
        if id(own) not in ordered:
            ordered[id(own)] = tuple(sorted(own))
    return {one: ordered[id(own)] for one, own in sets.items() if len(own) > 1}


def _event(
    position: Position, event_id: UUID, target_position: Position | None, payload: str
) -> RecordedEvent:
    """As far as the fold looks at it."""
    return RecordedEvent(
        position=position,
        event_id=event_id,
        payload=from_canonical_json(payload),
        target_position=target_position,
    )


def _no_records() -> Records:
    return {model: [] for model in MODELS}


def _add(records: Records, beliefs: Beliefs) -> None:
    for row, belief in beliefs.added():
        records[row.model].append(
            (belief.known_from, belief.known_to, row.content, *belief.columns)
        )


_POSITION = attrgetter("position")
_SUBJECT_ID = itemgetter("subject_id")
