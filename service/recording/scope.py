"""
Reading what a group of commands needs, however large it is: in one round trip.

Two things that few commands ask for cost some more: whether links would close a cycle, and
whether histories moved since a client read them.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.domain.directory import Directory
from service.domain.events import (
    Correction,
    Entity,
    Fact,
    Kind,
    Payload,
    PersonEvent,
    Position,
    Profile,
    RecordedEvent,
    Ref,
    Reference,
    Renaming,
    Retraction,
    fact_of,
    references,
)
from service.domain.refusals import AmbiguousName
from service.domain.subjects import Subject, concerns_of
from service.log import read
from service.log.append import next_recorded_at
from service.log.since import Reading, read_joined, read_since
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.beliefs import Beliefs
from service.read_models.catch_up import Concerned, Kept, fetch_kept, follow
from service.read_models.groups import Asked, read_group
from service.read_models.projector import Streams
from service.recording.admission import Scope, can_link, facts_of, moves_people
from service.recording.commands import Command
from service.recording.preconditions import judged_by

UNITS_IN_A_TURN = 20
"""So many histories are folded before whoever else waits for the event loop has a turn."""


async def read_scope(connection: Connection, commands: Sequence[Command], now: datetime) -> Scope:
    """
    What *commands* need to be admitted and projected, as of the head.

    For an append the caller holds the log's lock; a dry run reads from a snapshot.
    """
    payloads = [s.payload for command in commands for s in command.submissions]
    needed = await read_group(
        connection,
        list(_asked(payloads)),
        event_ids=_event_ids(commands),
        receipt_keys=[c.receipt_key for c in commands if c.receipt_key is not None],
    )
    scope = Scope(
        head=needed.head,
        recorded_at=next_recorded_at(needed.head, now),
        directory=needed.directory,
        known={event.event_id: event for event in needed.named},
        chains=_chains(needed.named),
        receipts=dict(needed.receipts),
        links=[],
        joined={},
        since={},
        kept=needed.kept,
        before=frozenset(needed.directory.subjects()),
        entries=[],
    )
    await _read_links(connection, payloads, scope)
    await _read_since(connection, commands, scope)
    return scope


class Reach(Struct, frozen=True):
    """Whom some entries reach, and what is kept about them before."""

    kept: Kept
    people: Collection[str]
    labs: Collection[str]


async def read_reach(connection: Connection, scope: Scope) -> Reach:
    """
    Whose beliefs the entries of *scope* can change.

    Asks the database only where a group reaches further than it says: to those who were ever
    named with labs that are otherwise, and to whom nobody expected.
    """
    concerned = concerned_by(scope)
    if not _is_covered(scope, concerned):
        new = [entry.event for entry in scope.entries]
        kept = await fetch_kept(connection, concerned, until=scope.head.position, new=new)
        return Reach(kept, kept.people, kept.labs)
    if not concerned.moves_people:
        return Reach(scope.kept, concerned.people, concerned.labs)
    carried = set(await read.read_people_of_labs(connection, scope.kept.labs))
    kept, others = scope.kept, carried - scope.kept.people
    if others:
        only = Concerned(people=others, labs=set(), moves_people=False)
        kept = kept.with_others(await fetch_kept(connection, only, until=scope.head.position))
    return Reach(kept, concerned.people | carried, concerned.labs)


async def project(scope: Scope, reach: Reach, after: Position) -> list[Beliefs]:
    """The beliefs that the entries of *scope* change, as of *after*, where it began."""
    new = [entry.event for entry in scope.entries]
    units: list[Beliefs] = []
    following = follow(reach.kept, reach.people, reach.labs, after=after, new=new)
    for number, unit in enumerate(following, 1):
        units.append(unit)
        if number % UNITS_IN_A_TURN == 0:
            await asyncio.sleep(0)
    return units


def concerned_by(scope: Scope) -> Concerned:
    """Whom the entries of *scope* concern, by what they say and take back."""
    people: set[str] = set()
    labs: set[str] = set()
    for entry in scope.entries:
        for subject, is_fact, _ in entry.concerns:
            if subject.kind == "person":
                people.add(subject.id)
            elif is_fact:
                labs.add(subject.id)
    # What is said of one person by itself moves nobody else.
    chains = [
        scope.chains[entry.event.root]
        for entry in scope.entries
        if entry.event.target_position is not None or entry.event.payload.is_lab_fact
    ]
    moves = any(
        moves_people(fact) and any(lab in scope.before for lab in _labs_of(fact))
        for chain in chains
        for fact in facts_of(chain)
    )
    return Concerned(people, labs, moves)


def _is_covered(scope: Scope, concerned: Concerned) -> bool:
    """
    Whether all that is kept about those *concerned* was read.

    Of those who are new nothing is kept that could have been.
    """
    kept, before = scope.kept, scope.before
    return all(
        one in kept.people or Subject("person", one) not in before for one in concerned.people
    ) and all(one in kept.labs or Subject("lab", one) not in before for one in concerned.labs)


def _asked(payloads: Iterable[Payload]) -> Iterable[Asked]:
    """Whom *payloads* name, and of which labs they may be facts; the same text mostly once."""
    asked: set[tuple[Kind, Ref]] = set()
    for payload in payloads:
        fact = payload.event if isinstance(payload, Correction) else payload
        if isinstance(fact, PersonEvent):
            # Most events are of this kind, and name whom others name.
            named: tuple[tuple[Kind, Ref], ...] = (("person", fact.person), ("lab", fact.lab))
            if asked.issuperset(named):
                continue
            asked.update(one for one in named if isinstance(one[1], str))
        for reference in references(fact):
            # An object can give its lab a name, which is a fact of it.
            yield Asked(reference, fact.is_lab_fact or isinstance(reference.ref, Entity))


def _event_ids(commands: Iterable[Command]) -> set[UUID]:
    """The ids of events that commands name: those to be recorded, and those to be amended."""
    ids = set()
    for command in commands:
        for submission in command.submissions:
            if submission.event_id is not None:
                ids.add(submission.event_id)
            if isinstance(submission.payload, Correction | Retraction):
                ids.add(submission.payload.target)
    return ids


def _chains(events: Iterable[RecordedEvent]) -> dict[Position, list[RecordedEvent]]:
    chains: dict[Position, list[RecordedEvent]] = {}
    for event in events:
        chains.setdefault(event.root, []).append(event)
    return chains


async def _read_links(connection: Connection, payloads: Sequence[Payload], scope: Scope) -> None:
    """What decides whether a merger or a same_as among *payloads* closes a cycle."""
    subjects: set[Subject] = set()
    for payload in payloads:
        said, logged = _said(payload), _logged(payload, scope)
        if any(can_link(fact) for fact in (*said, *logged)):
            subjects |= _meant(said, scope.directory) | _recorded(logged)
    if not subjects:
        return
    # A name that the group itself gives may be the one by which a later command links.
    subjects |= _named_anew((f for p in payloads for f in _said(p)), scope.directory)
    linked = await read.read_linked(connection, subjects)
    events = await read.read_streams(
        connection,
        people=[s.id for s in linked if s.kind == "person"],
        labs=[s.id for s in linked if s.kind == "lab"],
    )
    chains = Streams(events).chains()
    scope.links = sorted(
        (e for c in chains if any(can_link(f) for f in facts_of(c)) for e in c),
        key=lambda e: e.position,
    )


async def _read_since(connection: Connection, commands: Iterable[Command], scope: Scope) -> None:
    """What moved on since the clients of commands on condition had read."""
    readings: list[Reading] = []
    for command in commands:
        if command.expected_position is not None:
            facts = [f for s in command.submissions for f in _said(s.payload)]
            subjects = _meant(facts, scope.directory, judged_by) | _named_anew(
                facts, scope.directory
            )
            readings += [Reading(subject, command.expected_position) for subject in subjects]
    if not readings:
        return
    people = [r.subject for r in readings if r.subject.kind == "person"]
    scope.joined = await read_joined(connection, people)
    for lab in {r.subject for r in readings if r.subject.kind == "lab"}:
        ids = await directories.fetch_ids_of(
            connection, "lab", scope.directory.canonical(lab), position=scope.head.position
        )
        scope.joined[lab] = frozenset({lab, *(Subject("lab", one) for one in ids)})
    scope.since = await read_since(connection, readings, scope.joined)


def _said(payload: Payload) -> list[Fact]:
    """What a submission says of the world."""
    fact = fact_of(payload)
    return [] if fact is None else [fact]


def _logged(payload: Payload, scope: Scope) -> list[Fact]:
    """Of a log event: what was said before of its target, if that is recorded."""
    if not isinstance(payload, Correction | Retraction):
        return []
    target = scope.known.get(payload.target)
    return facts_of(scope.chains.get(target.position, [])) if target is not None else []


def _recorded(facts: Iterable[Fact]) -> set[Subject]:
    """Whom recorded facts name: by ids, which nobody need have asked for."""
    return {concern.subject for fact in facts for concern in concerns_of(fact)}


def _named_anew(facts: Iterable[Fact], directory: Directory) -> set[Subject]:
    """Who of those that are known gets a name by *facts*."""
    named: set[Subject] = set()
    for fact in facts:
        if isinstance(fact, Profile | Renaming):
            named |= _meant([fact], directory)
        for reference in references(fact):
            ref = reference.ref
            if isinstance(ref, Entity) and ref.id is not None:
                subject = Subject(reference.kind, ref.id)
                if not directory.knows(subject, [n for n in (ref.name, *ref.aliases) if n]):
                    named.add(subject)
            elif isinstance(ref, Entity) and ref.aliases:
                named |= _meant([fact], directory)
    return named


def _labs_of(fact: Fact) -> list[Subject]:
    """The labs that a recorded fact names: nobody was ever named with those that are new."""
    return [concern.subject for concern in concerns_of(fact) if concern.subject.kind == "lab"]


def _meant(
    facts: Iterable[Fact],
    directory: Directory,
    named: Callable[[Fact], Iterable[Reference]] = references,
) -> set[Subject]:
    """Whom the references of *facts* mean, as far as they are known."""
    meant = set()
    for reference in (r for fact in facts for r in named(fact)):
        ref = reference.ref
        for text in [ref] if isinstance(ref, str) else [ref.id, ref.name]:
            if text is not None:
                try:
                    found = directory.find(reference.kind, text)
                except AmbiguousName:
                    continue
                if found is not None:
                    meant.add(Subject(reference.kind, found))
    return meant
