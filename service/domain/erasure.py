"""
What an erasure takes away, and what is said again first.

Pure. Of an erased event the log keeps the place and the hashes. What others would lose with its
payload is said again before: a founding without one of its founders, what was said last of an
event where something older would come back, and the names of those who stay.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeGuard
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from service.domain.effective import Effective, in_force
from service.domain.events import (
    Correction,
    Entity,
    Erased,
    Erasure,
    Fact,
    Founding,
    Kind,
    LogEvent,
    Payload,
    PersonEvent,
    Position,
    Profile,
    RecordedEvent,
    Ref,
    Retraction,
    fact_of,
    id_of,
    named_in,
)
from service.domain.identity import KnownNames, known_names
from service.domain.mentions import Mentions, without_mentions
from service.domain.refusals import AlreadyErased, Fault, Invalid, Refusal
from service.domain.subjects import Subject

REASON = "Said again without what was erased."
"""Of a correction or retraction in the place of one that may not stay."""

Chain = Sequence[RecordedEvent]
"""An original event and all that was said about it, in position order."""


class NotErasable(Refusal):
    """An erasure, which is the trace of what was erased."""

    code = "not_erasable"

    def __init__(self, event_id: object) -> None:
        super().__init__(
            f"Event '{event_id}' is an erasure, which holds nothing of what it erased and stays; "
            "name the event that is to be erased."
        )


class NothingLeft(Refusal):
    """An erasure of elsewhere that names nothing that this log holds."""

    code = "nothing_left"

    def __init__(self) -> None:
        super().__init__(
            "This log holds none of the events that the erasure names, or what they said was "
            "erased before; there is nothing to do."
        )


class Draft(Struct, frozen=True):
    """What goes, and what is said again of the same events."""

    erased: frozenset[UUID]
    restated: tuple[Payload, ...] = ()
    people: frozenset[str] = frozenset()
    """Ids of the person who is erased; empty where single events are."""
    is_again: bool = False
    """Whether all that is to be said again was said elsewhere: names of others, too."""


class Erasing(Struct, frozen=True):
    """All that an erasure comes to."""

    erased: tuple[RecordedEvent, ...]
    """Whose payloads go, by position."""
    restated: tuple[Payload, ...]
    """What is recorded before, in this order."""
    gone: frozenset[str]
    """Ids of people whom nothing names afterwards."""


def names_of(people: Collection[str], recorded: Iterable[RecordedEvent]) -> list[str]:
    """Every name that *recorded* ever said of these ids, and the ids."""
    names = dict.fromkeys(people)
    for event in recorded:
        fact = fact_of(event.payload)
        for ref in named_in(event.payload, "person"):
            if isinstance(ref, Entity) and id_of(ref) in people:
                names |= dict.fromkeys((ref.name or "", *ref.aliases))
        if isinstance(fact, Profile) and fact.person is not None and id_of(fact.person) in people:
            names |= dict.fromkeys((fact.name or "", *fact.aliases))
    return [name for name in names if name]


def of_person(people: Collection[str], chains: Iterable[Chain]) -> Draft:
    """
    All that names one of *people*, in whichever revision, goes.

    Shapes: *people* are all ids that a same_as ever joined; *chains* are whole, and every one
    that ever named one of them.
    """
    every = [list(chain) for chain in chains]
    mentions = Mentions(names_of(people, (event for chain in every for event in chain)))
    erased: set[UUID] = set()
    restated: list[Payload] = []
    for chain in every:
        gone = _about(people, chain, mentions)
        erased |= gone
        holding = in_force(chain)
        wanted = _without(holding[0].payload, people, mentions) if holding else None
        restated += _settled(chain, gone, wanted)
    return Draft(frozenset(erased), tuple(restated), frozenset(people))


def of_event(event_id: UUID, chain: Chain, given: Fact | None) -> Draft:
    """
    The payload of one event goes, and nothing older comes back for it.

    Shapes: *given* is what holds from then on in its place, with ids; nothing does without it.

    Raises:
        AlreadyErased: it went before.
        NotErasable: it is an erasure.
        Invalid: *given*, where it is not what the event said that held.
    """
    _refuse_gone(next(event for event in chain if event.event_id == event_id))
    holding = _holding(chain)
    gone = frozenset({event_id})
    is_last_word = has_last_word(event_id, chain)
    if given is not None and not is_last_word:
        raise Invalid([Fault("/event", _NOTHING_HELD.format(event_id))])
    wanted = given if is_last_word or holding is None else holding.payload
    return Draft(gone, tuple(_settled(chain, gone, wanted) or _taken_back(chain, wanted)))


def of_events(
    event_ids: Collection[UUID], chains: Collection[Chain], restated: Sequence[Payload] = ()
) -> Draft:
    """
    These payloads go, as an erasure of elsewhere had it; *restated* is what was said then.

    Shapes: *chains* are whole, and every one that holds one of the events. What was said of an
    event that is in none of them is left out; so are events that are gone here, too.
    """
    event_ids = {
        event.event_id
        for chain in chains
        for event in chain
        if event.event_id in event_ids and not isinstance(event.payload, Erased | Erasure)
    }
    by_id = {event.event_id: chain for chain in chains for event in chain}
    said = [one for one in restated if not _is_log_event(one) or one.target in by_id]
    settled = {one.target for one in said if _is_log_event(one)}
    again: list[Payload] = list(said)
    for chain in {id(chain): chain for chain in by_id.values()}.values():
        if root_id(chain) in settled:
            continue
        holding = _holding(chain)
        gone = frozenset(event.event_id for event in chain) & frozenset(event_ids)
        is_left = holding is not None and not _is_of(holding, chain, gone)
        wanted = holding.payload if holding is not None and is_left else None
        again += _settled(chain, gone, wanted) or _taken_back(chain, wanted)
    return Draft(frozenset(event_ids), tuple(again), is_again=True)


def has_last_word(event_id: UUID, chain: Chain) -> bool:
    """Whether what holds of the original of *chain* is what this event said."""
    holding = _holding(chain)
    return holding is not None and _is_of(holding, chain, {event_id})


def others_named(draft: Draft, events: Iterable[RecordedEvent]) -> set[Subject]:
    """Those who stay, as far as an erased one of *events* names them."""
    kinds: tuple[Kind, ...] = ("person", "lab")
    return {
        Subject(kind, id_of(ref))
        for event in events
        if event.event_id in draft.erased
        for kind in kinds
        for ref in named_in(event.payload, kind)
    } - {Subject("person", one) for one in draft.people}


def completed(draft: Draft, events: Iterable[RecordedEvent]) -> Erasing:
    """
    *draft* with the names that only the erased said of those who stay.

    Shapes: *events*, by whichever order, are the chains concerned, the facts of the labs and all
    events of the people whom an erased event names.
    """
    ordered = sorted({e.position: e for e in events}.values(), key=lambda e: e.position)
    erased = [event for event in ordered if event.event_id in draft.erased]
    stays = [event for event in ordered if event.event_id not in draft.erased]
    after = [*stays, *_as_recorded(draft.restated, ordered)]
    names = () if draft.is_again else _named_again(draft, erased, ordered, after)
    restated = (*draft.restated, *names)
    named = {id_of(ref) for e in erased for ref in named_in(e.payload, "person")}
    left = {id_of(ref) for e in stays for ref in named_in(e.payload, "person")}
    left |= {id_of(ref) for payload in restated for ref in named_in(payload, "person")}
    assert draft.people.isdisjoint(left), "nothing that stays names who is erased"
    return Erasing(tuple(erased), restated, frozenset((named | draft.people) - left))


def root_id(chain: Chain) -> UUID:
    """The id of the original of *chain*."""
    first = chain[0]
    return first.payload.target if _is_log_event(first.payload) else first.event_id


def _about(people: Collection[str], chain: Chain, mentions: Mentions) -> set[UUID]:
    """The events of *chain* that are about *people*, or tell of them."""
    about = set()
    is_theirs = False
    for event in chain:
        if isinstance(event.payload, Erased):
            continue
        fact = fact_of(event.payload)
        if fact is not None:
            is_theirs = any(id_of(ref) in people for ref in named_in(fact, "person"))
        # Why something about them was retracted is about them too.
        if is_theirs or mentions.in_payload(event.payload):
            about.add(event.event_id)
    return about


def _without(fact: Fact, people: Collection[str], mentions: Mentions) -> Fact | None:
    """What *fact* says of everybody else; None if that is nothing."""
    if isinstance(fact, Founding):
        others = tuple(f for f in fact.founders if id_of(f.person) not in people)
        return without_mentions(replace(fact, founders=others), mentions)
    if any(id_of(ref) in people for ref in named_in(fact, "person")):
        return None
    return without_mentions(fact, mentions)


def _settled(chain: Chain, gone: Collection[UUID], wanted: Fact | None) -> list[LogEvent]:
    """What is to be said of a chain without *gone*, so that *wanted* is what holds."""
    left = _holding([event for event in chain if event.event_id not in gone])
    if (left.payload if left is not None else None) == wanted:
        return []
    target = root_id(chain)
    if wanted is None:
        return [Retraction(target=target, reason=REASON)]
    return [Correction(target=target, reason=REASON, event=wanted)]


def _taken_back(chain: Chain, wanted: Fact | None) -> list[LogEvent]:
    """What tells all who rest on it that a lab event holds no more, where it does not any more."""
    held = _holding(chain)
    if held is None or wanted is not None or isinstance(held.payload, PersonEvent):
        return []
    return [Retraction(target=root_id(chain), reason=REASON)]


def _refuse_gone(event: RecordedEvent) -> None:
    """
    Raises:
        AlreadyErased, NotErasable: see `of_event`.
    """
    if isinstance(event.payload, Erased):
        raise AlreadyErased(f"Event '{event.event_id}'")
    if isinstance(event.payload, Erasure):
        raise NotErasable(event.event_id)


def _holding(chain: Chain) -> Effective | None:
    return next(iter(in_force(chain)), None)


def _is_of(holding: Effective, chain: Chain, events: Collection[UUID]) -> bool:
    return any(e.position == holding.revision and e.event_id in events for e in chain)


def _is_log_event(payload: Payload) -> TypeGuard[LogEvent]:
    return isinstance(payload, Correction | Retraction)


def _as_recorded(payloads: Iterable[Payload], ordered: Chain) -> list[RecordedEvent]:
    """*payloads* as events that follow *ordered*."""
    positions = {event.event_id: event.root for event in ordered}
    head = ordered[-1].position if ordered else Position(0)
    return [
        RecordedEvent(
            position=Position(head + number),
            event_id=UUID(int=number),
            payload=payload,
            target_position=positions[payload.target] if _is_log_event(payload) else None,
        )
        for number, payload in enumerate(payloads, 1)
    ]


def _named_again(draft: Draft, erased: Chain, before: Chain, after: Chain) -> Iterator[Payload]:
    """
    Profiles that say the names of those who stay.

    Of a person who is erased nobody else loses a name. An event that is erased by itself goes with
    what it says, but leaves nobody without any name.
    """
    others = others_named(draft, erased)
    kinds: tuple[Kind, ...] = ("lab", "person")
    for kind in kinds:
        known = known_names(before, in_force(before), kind)
        left = known_names(after, in_force(after), kind)
        for one in sorted(subject.id for subject in others if subject.kind == kind):
            if kind == "person" and one not in left and not draft.people:
                # Nobody speaks of them any more.
                continue
            said = _lost(known[one], left.get(one), one, every=bool(draft.people))
            if said is not None:
                ref, name = said
                yield Profile(**{kind: ref}, name=name)  # type: ignore[arg-type]  # by its field


def _lost(
    before: KnownNames, after: KnownNames | None, one: str, *, every: bool
) -> tuple[Ref, str | None] | None:
    """
    An id with the names that are not said any more, and the registered name where it is another.

    Shapes: with *every* all of them; else one name, if none is left.
    """
    kept = (one,) if after is None else (one, after.created_name, after.name, *after.others)
    said = (before.created_name, before.name, *before.others)
    lost = dict.fromkeys(name for name in said if name not in kept)
    is_nameless = all(name == one for name in kept)
    if not every:
        return (Entity(id=one, name=next(iter(lost))), None) if lost and is_nameless else None
    created = before.created_name if before.created_name in lost else None
    now = (created or one) if after is None or is_nameless else after.name
    name = None if now == before.name else before.name
    if not lost:
        return None if name is None else (one, name)
    return Entity(id=one, name=created, aliases=tuple(n for n in lost if n != created)), name


_NOTHING_HELD = (
    "Event '{}' says nothing that holds, so that nothing is to be said in its place; leave 'event' "
    "out."
)
