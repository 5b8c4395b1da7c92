"""
What is asked to be erased, and what that comes to in this log as it stands.

A person by all their ids, one event, or what an erasure of another copy of the log named; read
from the log, planned by the domain, and nothing written.
"""

from collections.abc import Iterable, Sequence
from typing import TypeGuard
from uuid import UUID

from msgspec import Struct

from service.domain import erasure as plans
from service.domain.erasure import Chain, Draft, Erasing
from service.domain.events import (
    Correction,
    Fact,
    LogEvent,
    NewEvent,
    Payload,
    Position,
    RecordedEvent,
    Retraction,
    fact_of,
)
from service.domain.mentions import Mentions
from service.domain.refusals import Fault, Invalid, Refusal, UnknownEvent, UnknownName
from service.domain.subjects import Subject
from service.domain.submissions import Submission
from service.log import read
from service.postgres.pool import Connection
from service.read_models.directory import fetch_directory
from service.recording.admission import Chance, admit
from service.recording.commands import Command
from service.recording.scope import read_scope


class Again(Struct, frozen=True, kw_only=True):
    """An erasure of another copy of the log, to be applied to this one."""

    event_id: UUID
    """Of the erasure, by which it is known here too."""
    events: tuple[UUID, ...]
    restated: tuple[NewEvent, ...] = ()
    """What was said again there, with ids for names."""


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be erased: a person, one event, or what an erasure elsewhere named."""

    reason: str
    person: str | None = None
    """An id or a name."""
    event_id: UUID | None = None
    instead: Fact | None = None
    """Of one event: what holds in its place from then on, names as they were sent."""
    again: Again | None = None
    recorded_by: str
    request_id: str
    receipts_of: str
    idempotency_key: str | None = None
    request_digest: bytes = b""
    """Without the person: nobody is to be found by trying names."""


class Found(Struct, frozen=True):
    """What is to be done, and the events from which that follows."""

    draft: Draft
    erasing: Erasing
    chains: Sequence[Chain]
    names: Sequence[str]
    """Of who is gone."""
    ids: Sequence[UUID] = ()
    """Of what is said again, where it has ids already."""


async def find(connection: Connection, asked: Asked, head: Position, chance: Chance) -> Found:
    """
    What is to be erased and said again for *asked*, by the names known at *head*.

    Raises:
        Refusal: there is nothing of the kind, or it cannot be erased.
    """
    ids: list[UUID] = []
    chains: Sequence[Chain]
    if asked.person is not None:
        person = await _known_person(connection, asked.person, head)
        linked = await read.read_linked(connection, [Subject("person", person)])
        people = {subject.id for subject in linked}
        about = await read.read_streams(connection, people=people)
        chains = await _chains(connection, {event.root for event in about})
        draft = plans.of_person(people, chains)
    elif asked.event_id is not None:
        known = await read.read_by_ids(connection, [asked.event_id])
        if not known:
            raise UnknownEvent(asked.event_id)
        chains = await _chains(connection, {known[0].root})
        instead = await _instead(connection, asked, chains[0], chance)
        draft = plans.of_event(asked.event_id, chains[0], instead)
    else:
        assert asked.again is not None, "something is asked for"
        draft, chains, ids = await _again(connection, asked.again)
    own_events = [event for chain in chains for event in chain]
    others = plans.others_named(draft, own_events)
    streams = await read.read_streams(
        connection,
        people=[subject.id for subject in others if subject.kind == "person"],
        labs=[subject.id for subject in others if subject.kind == "lab"],
    )
    # An event of a stream may be about one that is in none of them.
    rest = await _chains(connection, {event.root for event in streams})
    erasing = plans.completed(draft, [*own_events, *(e for chain in rest for e in chain)])
    names = plans.names_of(erasing.gone, own_events)
    if Mentions(names).in_text(asked.reason):
        raise Invalid([Fault("/reason", _REASON_NAMES)])
    return Found(draft, erasing, chains, names, ids)


async def _again(connection: Connection, again: Again) -> tuple[Draft, Sequence[Chain], list[UUID]]:
    """
    Raises:
        NothingLeft: this log holds none of the events, or all of them are erased.
    """
    targets = [e.payload.target for e in again.restated if is_about(e.payload)]
    ids = [e.event_id for e in again.restated]
    known = await read.read_by_ids(connection, [*again.events, *targets, *ids])
    chains = await _chains(connection, {event.root for event in known})
    here = {e.event_id for chain in chains for e in chain}
    restated = [e for e in again.restated if e.event_id not in here]
    draft = plans.of_events(again.events, chains, [e.payload for e in restated])
    if not draft.erased:
        raise plans.NothingLeft
    kept = [e for e in restated if not is_about(e.payload) or e.payload.target in here]
    return draft, chains, [e.event_id for e in kept]


async def _chains(connection: Connection, roots: Iterable[Position]) -> list[list[RecordedEvent]]:
    chains: dict[Position, list[RecordedEvent]] = {}
    for event in await read.read_chains(connection, roots):
        chains.setdefault(event.root, []).append(event)
    return list(chains.values())


async def _known_person(connection: Connection, text: str, head: Position) -> str:
    """
    Raises:
        Invalid: nobody or several are called so.
    """
    directory = await fetch_directory(connection, [("person", text)], position=head)
    try:
        found = directory.find("person", text)
        if found is None:
            raise UnknownName("person", text)
    except Refusal as refusal:
        raise Invalid([refusal.at("/person")]) from refusal
    return found


async def is_known(connection: Connection, text: str) -> bool:
    """Whether somebody, or several, are called so now."""
    head = (await read.read_head(connection)).position
    try:
        await _known_person(connection, text, head)
    except Invalid as refusal:
        return refusal.faults[0].code != UnknownName.code
    return True


async def _instead(
    connection: Connection, asked: Asked, chain: Chain, chance: Chance
) -> Fact | None:
    """
    What is to hold in the place of an event, with ids for names.

    What a retraction would be refused for is found here, too: that the event says nothing any
    more can uncover what would close a cycle.

    Raises:
        Refusal: what is said instead cannot be recorded.
    """
    target = plans.root_id(chain)
    said: LogEvent = Retraction(target=target, reason=asked.reason)
    if asked.instead is not None:
        said = Correction(target=target, reason=asked.reason, event=asked.instead)
    elif asked.event_id is None or not plans.has_last_word(asked.event_id, chain):
        return None
    command = Command(
        submissions=[Submission(payload=said, body_digest=b"")],
        recorded_by=asked.recorded_by,
        request_id=asked.request_id,
    )
    scope = await read_scope(connection, [command], chance.now())
    (event,) = admit(command, scope, chance).events
    return None if asked.instead is None else fact_of(event.payload)


def is_about(payload: Payload) -> TypeGuard[LogEvent]:
    """Whether it is about another event."""
    return isinstance(payload, Correction | Retraction)


_REASON_NAMES = (
    "The reason says a name of who is erased, and it stays on the log for everybody to read; give "
    "one without the name."
)
