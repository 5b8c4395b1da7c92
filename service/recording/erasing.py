"""
Erasing: what is said again, the erasure on the log, and the read models, in one transaction.

Under the log's lock, beside the writer. Once it has committed no process answers with what is
gone: the read models hold it no more, and are others than before to whoever remembers them.
"""

from collections.abc import Sequence

from msgspec import Struct

from service.domain import erasure as plans
from service.domain.erasure import Chain, Erasing
from service.domain.events import Erasure, Fact, NewEvent, Position, RecordedEvent, fact_of
from service.domain.mentions import Mentions
from service.domain.refusals import AlreadyErased, EventIdTaken, IdempotencyKeyTaken, shown
from service.domain.subjects import concerns_of
from service.log import erasure as log_erasure
from service.log import read
from service.log.append import (
    Head,
    LogEntry,
    Receipt,
    append,
    chained,
    head_after,
    lock,
    next_recorded_at,
)
from service.log.corrections import Mention
from service.postgres.pool import Connection
from service.read_models.catch_up import Concerned, catch_up
from service.read_models.erasing import forget_people, make_anew
from service.read_models.replays import overtake
from service.read_models.rows import keep
from service.read_models.stale import mark_due
from service.read_models.switching import drop_before, hold_still
from service.recording.admission import Chance, moves_people
from service.recording.erasures import Asked, Found, find, is_about, is_known

MENTIONS_MAX = 1000


class Rehearsed(Struct, frozen=True):
    """What an erasure would do, as of a head."""

    people: tuple[str, ...]
    """All ids of the person."""
    erasing: Erasing
    mentions: Sequence[Mention]
    """Events that stay and mention in a text who would be gone."""
    head: Position


class Done(Struct, frozen=True):
    """An erasure on the log."""

    event: RecordedEvent
    erased: Sequence[Mention]
    restated: Sequence[RecordedEvent]
    mentions: Sequence[Mention] | None
    """None of one that is told again: the names are gone by which they were found."""
    is_replayed: bool


async def rehearse(connection: Connection, asked: Asked, chance: Chance) -> Rehearsed:
    """
    What *asked* would erase as of now; nothing is recorded and nobody waits for it.

    Raises:
        Refusal: what the erasure would be refused for.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await hold_still(connection)
        head = (await read.read_head(connection)).position
        found = await find(connection, asked, head, chance)
        mentions = await _mentions(connection, found, after=0)
    return Rehearsed(tuple(sorted(found.draft.people)), found.erasing, mentions, head)


async def find_done(connection: Connection, asked: Asked) -> Done | None:
    """
    What was done when *asked* came before; None if it did not.

    Raises:
        IdempotencyKeyTaken: the key came with another request.
        EventIdTaken: the erasure of a copy has the id of what is none here.
        AlreadyErased: it came, and what was said again then was erased since.
    """
    if asked.again is not None:
        known = await read.read_by_ids(connection, [asked.again.event_id])
        if known and not isinstance(known[0].payload, Erasure):
            raise EventIdTaken(known[0].event_id, known[0].position)
        return await _done(connection, known[0]) if known else None
    if asked.idempotency_key is None:
        return None
    receipt = await read.read_receipt(connection, asked.receipts_of, asked.idempotency_key)
    if receipt is None:
        return None
    digest, positions = receipt
    if not digest:
        raise AlreadyErased(f"What was sent with Idempotency-Key {shown(asked.idempotency_key)}")
    (event,) = await read.read_by_positions(connection, [max(positions)])
    # The same name found again is somebody else's: the one of then is not found by it any more.
    if digest != asked.request_digest or (
        asked.person is not None and await is_known(connection, asked.person)
    ):
        raise IdempotencyKeyTaken(asked.idempotency_key)
    return await _done(connection, event)


async def erase(connection: Connection, asked: Asked, chance: Chance, rehearsed: Rehearsed) -> Done:
    """
    Erase what *asked* asks for; durable when this returns.

    *rehearsed* is what was found before, for its mentions: finding them takes the lock's time.

    Raises:
        Refusal: why nothing was erased.
    """
    async with connection.transaction():
        await log_erasure.bound_waits(connection)
        await lock(connection)
        done = await find_done(connection, asked)
        if done is not None:
            return done
        head = await read.read_head(connection)
        found = await find(connection, asked, head.position, chance)
        mentions = await _mentions(connection, found, after=rehearsed.head)
        entries = _entries(asked, found, head, chance)
        await append(connection, entries, _receipts(asked, entries))
        new = [entry.event for entry in entries]
        concerned = _concerned(found, new)
        if not found.draft.people:
            # Of a person nobody else's present rests on what goes; of an event anybody's may.
            units = await catch_up(
                connection, concerned, after=head.position, until=new[-1].position, new=()
            )
            await keep(connection, units)
        await log_erasure.erase(connection, new[-1].position)
        await forget_people(connection, found.erasing.gone)
        await make_anew(
            connection, people=concerned.people - found.erasing.gone, labs=concerned.labs
        )
        await overtake(connection, chance.now())
        await drop_before(connection)
        await mark_due(connection, chance.new_id())
        taken = await log_erasure.read_taken_by(connection, new[-1].position)
    gone = {event.event_id for event in taken}
    told = [m for m in (*rehearsed.mentions, *mentions) if m.event_id not in gone]
    return Done(new[-1], taken, new[:-1], told[:MENTIONS_MAX], is_replayed=False)


async def _mentions(connection: Connection, found: Found, *, after: int) -> list[Mention]:
    """Events that stay, recorded after a position, whose texts mention who is gone."""
    every = await log_erasure.read_mentions(
        connection, Mentions(found.names), after=after, limit=MENTIONS_MAX
    )
    return [mention for mention in every if mention.event_id not in found.draft.erased]


def _entries(asked: Asked, found: Found, head: Head, chance: Chance) -> list[LogEntry]:
    """What is said again, then the erasure, as they follow *head*."""
    chains = {plans.root_id(chain): chain for chain in found.chains}
    recorded_at = next_recorded_at(head, chance.now())
    ids = iter(found.ids)
    said = [
        NewEvent(next(ids, None) or chance.new_id(), payload) for payload in found.erasing.restated
    ]
    erased = tuple(event.event_id for event in found.erasing.erased)
    own_id = chance.new_id() if asked.again is None else asked.again.event_id
    entries: list[LogEntry] = []
    for new in (*said, NewEvent(own_id, Erasure(events=erased, reason=asked.reason))):
        about = chains[new.payload.target] if is_about(new.payload) else None
        entry = chained(
            head,
            new,
            target_position=None if about is None else about[0].root,
            recorded_at=recorded_at,
            recorded_by=asked.recorded_by,
            request_id=asked.request_id,
            salt=chance.new_salt(),
            body_digest=None,
            concerns=concerns_of(new.payload, () if about is None else _replaced(about)),
        )
        entries.append(entry)
        head = head_after(entry)
    return entries


def _replaced(chain: Chain) -> list[Fact]:
    """What was said before of the event that a chain is about: at first, and at last."""
    facts = [fact for event in chain if (fact := fact_of(event.payload)) is not None]
    return [*facts[:1], *facts[-1:]]


def _receipts(asked: Asked, entries: Sequence[LogEntry]) -> list[Receipt]:
    if asked.idempotency_key is None:
        return []
    return [
        Receipt(
            api_key=asked.receipts_of,
            idempotency_key=asked.idempotency_key,
            request_digest=asked.request_digest,
            positions=[entry.event.position for entry in entries],
        )
    ]


def _concerned(found: Found, new: Sequence[RecordedEvent]) -> Concerned:
    """Whom what goes, and what is said again, is about."""
    facts = [
        fact
        for event in (*(e for chain in found.chains for e in chain), *new)
        if (fact := fact_of(event.payload)) is not None
    ]
    concerns = [concern for fact in facts for concern in concerns_of(fact)]
    return Concerned(
        people={c.subject.id for c in concerns if c.subject.kind == "person"},
        labs={c.subject.id for c in concerns if c.is_fact},
        moves_people=any(map(moves_people, facts)),
    )


async def _done(connection: Connection, event: RecordedEvent) -> Done:
    """What became of an erasure that is on the log."""
    taken = await log_erasure.read_taken_by(connection, event.position)
    restated = await log_erasure.read_together_with(connection, event.position)
    return Done(event, taken, restated, None, is_replayed=True)
