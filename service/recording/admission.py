"""
Deciding what of a command may be recorded: pure, on what a scope has read.

A command is admitted whole or refused whole with every fault named; what a refused one had
already changed in the scope is taken back. A partial one loses its faulty submissions alone.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from service.domain.directory import Directory, named_by_profile
from service.domain.effective import effective_events
from service.domain.events import (
    Closure,
    Correction,
    DifferentFrom,
    Erased,
    Erasure,
    Fact,
    Founding,
    Merger,
    NewEvent,
    Payload,
    PersonEvent,
    Position,
    Profile,
    RecordedEvent,
    Ref,
    Renaming,
    Retraction,
    SameAs,
    fact_of,
    id_of,
    references,
    with_references,
)
from service.domain.findings import Finding
from service.domain.identity import canonical_ids
from service.domain.labs import fold_labs
from service.domain.refusals import (
    AlreadyErased,
    ClosesCycle,
    EventIdTaken,
    Fault,
    IdempotencyKeyTaken,
    Invalid,
    NotCorrectable,
    Refusal,
    SelfDifference,
    SelfMerger,
    Since,
    UnknownEvent,
    shown,
)
from service.domain.subjects import Subject, concerns_of
from service.domain.submissions import Submission
from service.log.append import Head, LogEntry, chained, head_after
from service.log.since import Reading
from service.read_models.catch_up import Kept
from service.recording.commands import Command
from service.recording.preconditions import Precondition


class Chance(Struct, frozen=True):
    """Where clock and chance come in, so that a test can set them."""

    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_salt: Callable[[], bytes]


class Scope(Struct, kw_only=True):
    """What a group of commands needs to know of the log, growing as they are admitted."""

    head: Head
    recorded_at: datetime
    directory: Directory
    known: dict[UUID, RecordedEvent]
    """Events that a command names by id: to repeat, correct or retract."""
    chains: dict[Position, list[RecordedEvent]]
    """For each original that a command is about, it and the log events about it."""
    receipts: dict[tuple[str, str], tuple[bytes, list[RecordedEvent]]]
    """By API key and idempotency key the request's digest and the events that it made."""
    links: list[RecordedEvent]
    """Every event of the families concerned that can map ids or end labs."""
    joined: dict[Subject, frozenset[Subject]]
    """Of those whom commands on condition are about, the ids that were ever one with theirs."""
    since: dict[Reading, Sequence[Since]]
    """What was recorded after such a command's client had read."""
    kept: Kept
    """Events and beliefs of those whom the commands may concern, as of the head at first."""
    before: frozenset[Subject]
    """Those whom the directory knew at first."""
    entries: list[LogEntry]
    """What is to be appended."""


class Admitted(Struct, frozen=True):
    """The events of an admitted command, in the order of its submissions."""

    events: Sequence[RecordedEvent]
    is_replayed: bool
    refused: Sequence[Fault] = ()
    """Of a partial command."""


def admit(command: Command, scope: Scope, chance: Chance) -> Admitted:
    """
    The events of *command*, appended to *scope* unless they were recorded before.

    Raises:
        IdempotencyKeyTaken: the key came with another request before.
        AlreadyErased: the key came before, and what was sent with it was erased since.
        HistoryMoved, BeyondHead: all is well but for the condition of the command.
        Refusal: the only fault, if it is about the request as a whole.
        Invalid: all the faults.
    """
    key = command.receipt_key
    if key is not None and key in scope.receipts:
        digest, events = scope.receipts[key]
        if not digest:
            raise AlreadyErased(f"What was sent with Idempotency-Key {shown(key[1])}")
        if digest != command.request_digest:
            raise IdempotencyKeyTaken(key[1])
        return Admitted(events, is_replayed=True)
    before = _Mark(scope)
    condition = _condition(command, scope)
    unmet: Refusal | None = None
    admitted: list[RecordedEvent] = []
    refusals: list[tuple[str, Refusal]] = []
    faults: list[Fault] = []
    for submission in command.submissions:
        names = scope.directory.mark()
        try:
            event = _admit_one(submission, command, scope, chance)
        except Refusal as refusal:
            faults += (
                refusal.faults if isinstance(refusal, Invalid) else [refusal.at(submission.pointer)]
            )
            refusals.append((submission.pointer, refusal))
            if command.is_partial:
                scope.directory.forget(names)
            continue
        admitted.append(event)
        if condition is not None and unmet is None and event.position > before.head.position:
            unmet = condition.refusal_of(event, scope.chains[event.root])
    if refusals and not command.is_partial:
        before.restore()
        _refuse(refusals, faults)
    if unmet is not None:
        # Conditions count only where the request would be granted without them (RFC 9110, 13.2.1).
        before.restore()
        raise unmet
    is_replayed = all(e.position <= before.head.position for e in admitted)
    if key is not None:
        scope.receipts[key] = (command.request_digest, admitted)
    return Admitted(admitted, is_replayed, faults)


def _condition(command: Command, scope: Scope) -> Precondition | None:
    if command.expected_position is None:
        return None
    return Precondition(
        command.expected_position,
        scope.head.position,
        entries=scope.entries,
        since=scope.since,
        joined=scope.joined,
    )


class _Mark:
    """A point to which a scope can be taken back."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.head = scope.head
        self._entries = len(scope.entries)
        self._links = len(scope.links)
        self._directory = scope.directory.mark()

    def restore(self) -> None:
        scope = self._scope
        for entry in reversed(scope.entries[self._entries :]):
            scope.known.pop(entry.event.event_id)
            scope.chains[entry.event.root].pop()
        del scope.entries[self._entries :]
        del scope.links[self._links :]
        scope.head = self.head
        scope.directory.forget(self._directory)


def _refuse(refusals: Sequence[tuple[str, Refusal]], faults: Sequence[Fault]) -> None:
    """One refusal of the whole request stands alone; faults of a body are gathered."""
    first = refusals[0][1]
    if len(refusals) == 1 and refusals[0][0] == "" and not isinstance(first, Invalid):
        raise first
    raise Invalid(faults)


def _admit_one(
    submission: Submission, command: Command, scope: Scope, chance: Chance
) -> RecordedEvent:
    if submission.event_id is not None and submission.event_id in scope.known:
        known = scope.known[submission.event_id]
        if isinstance(known.payload, Erased):
            gone = AlreadyErased(f"Event '{known.event_id}'")
            raise Invalid([gone.at(f"{submission.pointer}/event_id")])
        if not _is_repeat(submission, known, scope):
            taken = EventIdTaken(known.event_id, known.position)
            raise Invalid([taken.at(f"{submission.pointer}/event_id")])
        return known
    replaced, target_position = _replaced(submission.payload, scope)
    payload = _resolved(submission, scope.directory)
    # Most events are of this kind, and can do nothing of what is looked for in the others.
    is_plain = isinstance(payload, PersonEvent)
    if not is_plain:
        _refuse_self_merger(payload, submission.pointer)
        _refuse_self_difference(payload, submission.pointer)
    entry = chained(
        scope.head,
        NewEvent(submission.event_id or chance.new_id(), payload),
        target_position=target_position,
        recorded_at=scope.recorded_at,
        recorded_by=command.recorded_by,
        request_id=command.request_id,
        salt=chance.new_salt(),
        body_digest=submission.body_digest,
        concerns=concerns_of(payload, replaced),
    )
    links = not is_plain and any(map(can_link, [*replaced, *facts_of([entry.event])]))
    if links:
        _refuse_cycle(entry, scope)
    scope.entries.append(entry)
    scope.head = head_after(entry)
    scope.known[entry.event.event_id] = entry.event
    scope.chains.setdefault(entry.event.root, []).append(entry.event)
    if links:
        scope.links.append(entry.event)
    if not is_plain:
        _learn_names(payload, scope.directory)
    return entry.event


def _is_repeat(submission: Submission, known: RecordedEvent, scope: Scope) -> bool:
    """
    Whether *submission* was recorded as *known*.

    Of an event of a restored log no digest of the body is left; there it is one that comes to
    the same payload, whatever names it says of people and labs.
    """
    if known.body_digest is not None:
        return known.body_digest == submission.body_digest
    try:
        resolved = _resolved(submission, scope.directory)
    except Refusal:
        return False
    return _with_ids(resolved) == _with_ids(known.payload)


def _with_ids(payload: Payload) -> Payload:
    """*payload* with people and labs as ids alone."""
    ids = [r.ref if isinstance(r.ref, str) else id_of(r.ref) for r in references(payload)]
    return with_references(payload, ids)


def _replaced(payload: Payload, scope: Scope) -> tuple[list[Fact], Position | None]:
    """
    Of a correction or retraction: the payloads that it concerns and the target's position.

    Raises:
        UnknownEvent: there is no such target.
        NotCorrectable: the target is itself about other events.
        AlreadyErased: nothing is left of what was ever said of the target.
    """
    if not payload.is_log_event:
        return [], None
    assert isinstance(payload, Correction | Retraction), "no other event is about another"
    target = scope.known.get(payload.target)
    if target is None:
        raise UnknownEvent(payload.target)
    if isinstance(target.payload, Correction | Retraction):
        raise NotCorrectable(target.event_id, target.type, target.payload.target)
    if isinstance(target.payload, Erasure):
        raise NotCorrectable(target.event_id, target.type)
    given = [
        e.payload.event
        for e in scope.chains.get(target.position, ())
        if isinstance(e.payload, Correction)
    ]
    if not isinstance(target.payload, Erased):
        return [target.payload, *given[-1:]], target.position
    if not given:
        raise AlreadyErased(f"Event '{target.event_id}'")
    # What was erased and said again without what had to go can be amended as before.
    return given[-1:], target.position


def _resolved(submission: Submission, directory: Directory) -> Payload:
    """
    The payload with ids in place of names.

    Raises:
        Refusal: the one reference at fault, if it is all that was submitted.
        Invalid: the references at fault, with their pointers.
    """
    payload = submission.payload
    if isinstance(payload, Profile):
        payload = named_by_profile(payload)
    resolved: list[Ref] = []
    faults: list[Fault] = []
    named = references(payload)
    for reference in named:
        try:
            resolved.append(directory.resolve(reference))
        except Refusal as refusal:
            faults.append(refusal.at(submission.pointer + reference.pointer))
    if faults:
        raise Invalid(faults)
    if all(new is old.ref for new, old in zip(resolved, named, strict=True)):
        return payload
    return with_references(payload, resolved)


def _refuse_self_merger(payload: Payload, pointer: str) -> None:
    """By the ids that were meant: one that is mapped into the successor is merely no end."""
    fact = payload.event if isinstance(payload, Correction) else payload
    within = "/event" if isinstance(payload, Correction) else ""
    if isinstance(fact, Merger):
        into = id_of(fact.lab)
        faults = [
            SelfMerger(into).at(f"{pointer}{within}/absorbed/{i}")
            for i, absorbed in enumerate(fact.absorbed)
            if id_of(absorbed) == into
        ]
        if faults:
            raise Invalid(faults)


def _refuse_self_difference(payload: Payload, pointer: str) -> None:
    """By the ids that were meant: of two that are one by now it says that they should not be."""
    fact = payload.event if isinstance(payload, Correction) else payload
    if isinstance(fact, DifferentFrom):
        subject = fact.person if fact.person is not None else fact.lab
        if subject is not None and id_of(subject) == id_of(fact.other):
            raise Invalid([SelfDifference(id_of(fact.other)).at(f"{pointer}/other")])


def _refuse_cycle(entry: LogEntry, scope: Scope) -> None:
    """
    Refuse an event after which the log would hold a cycle (SEMANTICS 6).

    A retraction is looked at as well: what it uncovers can close one.
    """
    after = _cycles([*scope.links, entry.event])
    if after:
        finding = after[0]
        raise ClosesCycle([finding.person] if finding.person else list(finding.labs))


def _cycles(links: Sequence[RecordedEvent]) -> list[Finding]:
    people = canonical_ids(effective_events(links), "person")[1]
    _, labs = fold_labs(links)
    return [f for f in (*people, *labs) if f.kind == "cycle"]


def can_link(fact: Fact) -> bool:
    """Whether it can map ids or end labs, on which cycles depend."""
    return fact.is_link or type(fact) is Closure


def _learn_names(payload: Payload, directory: Directory) -> None:
    """Let later events of the same group use the names that this one gives."""
    fact = payload.event if isinstance(payload, Correction) else payload
    match fact:
        case Profile(person=person, lab=lab, name=name, aliases=aliases):
            named = ([name] if name else []) + list(aliases)
            if person is not None:
                directory.learn_names(Subject("person", id_of(person)), named)
            elif lab is not None:
                directory.learn_names(Subject("lab", id_of(lab)), named)
        case Renaming(lab=lab, name=name):
            directory.learn_names(Subject("lab", id_of(lab)), [name])
        case _:
            pass


def moves_people(fact: Fact) -> bool:
    """Whether stints can follow from what it says of labs."""
    return isinstance(fact, Founding | Merger | Closure) or (
        isinstance(fact, SameAs) and fact.lab is not None
    )


def facts_of(chain: Sequence[RecordedEvent]) -> list[Fact]:
    """Every payload that an event and those about it ever gave."""
    facts: list[Fact] = []
    for event in chain:
        fact = fact_of(event.payload)
        if fact is not None:
            facts.append(fact)
    return facts
