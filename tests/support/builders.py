"""
Logs in a few words: `log(hire("ann", at="x", on="2019-03"), retraction(1))`.

People and labs are ids, or objects that say a name as well. `log` numbers the events from 1
and gives each the id that `event_id` derives from its position.
"""

from datetime import date
from typing import Any
from uuid import UUID

from msgspec import structs

from service.domain.events import (
    Alternative,
    Closure,
    Correction,
    Departure,
    DifferentFrom,
    Entity,
    Erased,
    Erasure,
    Fact,
    Founder,
    Founding,
    Hire,
    Leave,
    Merger,
    Ownership,
    Payload,
    Position,
    Profile,
    RecordedEvent,
    Ref,
    Renaming,
    Retraction,
    Return,
    RoleChange,
    SameAs,
    Sighting,
    Source,
)


def log(*payloads: Payload) -> list[RecordedEvent]:
    """A whole log of *payloads*, in the order in which they were recorded."""
    return [recorded(position, payload) for position, payload in enumerate(payloads, 1)]


def recorded(position: int, payload: Payload) -> RecordedEvent:
    """One event as the log has it."""
    target: Position | None = None
    if isinstance(payload, Correction | Retraction):
        target = Position(payload.target.int)
    return RecordedEvent(
        position=Position(position),
        event_id=event_id(position),
        payload=payload,
        target_position=target,
    )


def event_id(position: int) -> UUID:
    return UUID(int=position)


def day(text: str) -> date:
    return date.fromisoformat(text)


def entity(id: str, name: str | None = None, *aliases: str) -> Entity:
    return Entity(id=id, name=name, aliases=aliases)


def hire(person: Ref, *, at: Ref, on: str, **said: Any) -> Hire:
    return Hire(person=person, lab=at, date=on, **said)


def departure(person: Ref, *, at: Ref, on: str, **said: Any) -> Departure:
    return Departure(person=person, lab=at, date=on, **said)


def sighting(person: Ref, *, at: Ref, on: str, **said: Any) -> Sighting:
    return Sighting(person=person, lab=at, date=on, **said)


def role_change(person: Ref, *, at: Ref, on: str, **said: Any) -> RoleChange:
    return RoleChange(person=person, lab=at, date=on, **said)


def leave(person: Ref, *, at: Ref, on: str, **said: Any) -> Leave:
    return Leave(person=person, lab=at, date=on, **said)


def return_(person: Ref, *, at: Ref, on: str, **said: Any) -> Return:
    return Return(person=person, lab=at, date=on, **said)


def founding(lab: Ref, *, on: str, by: tuple[Ref | Founder, ...] = (), **said: Any) -> Founding:
    founders = tuple(f if isinstance(f, Founder) else Founder(person=f) for f in by)
    return Founding(lab=lab, date=on, founders=founders, **said)


def renaming(lab: Ref, *, to: str, on: str, **said: Any) -> Renaming:
    return Renaming(lab=lab, name=to, date=on, **said)


def ownership(lab: Ref, *, parent: Ref, on: str, **said: Any) -> Ownership:
    return Ownership(lab=lab, parent=parent, date=on, **said)


def merger(*absorbed: Ref, into: Ref, on: str, **said: Any) -> Merger:
    return Merger(absorbed=absorbed, lab=into, date=on, **said)


def closure(lab: Ref, *, on: str, **said: Any) -> Closure:
    return Closure(lab=lab, date=on, **said)


def person_profile(person: Ref, **said: Any) -> Profile:
    return Profile(person=person, **said)


def lab_profile(lab: Ref, **said: Any) -> Profile:
    return Profile(lab=lab, **said)


def same_person(person: Ref, into: Ref, **said: Any) -> SameAs:
    return SameAs(person=person, into=into, **said)


def same_lab(lab: Ref, into: Ref, **said: Any) -> SameAs:
    return SameAs(lab=lab, into=into, **said)


def different_people(person: Ref, other: Ref, **said: Any) -> DifferentFrom:
    return DifferentFrom(person=person, other=other, **said)


def different_labs(lab: Ref, other: Ref, **said: Any) -> DifferentFrom:
    return DifferentFrom(lab=lab, other=other, **said)


def source(published: str | None = None, url: str = "https://example.org/news") -> Source:
    return Source(url=url, published=published)


def alternative(on: str, *sources: Source) -> Alternative:
    return Alternative(date=on, sources=sources)


def correction(position: int, event: Fact, *, reason: str = "misread") -> Correction:
    """The event at *position* becomes *event*."""
    return Correction(target=event_id(position), reason=reason, event=event)


def retraction(position: int, *, reason: str = "made up") -> Retraction:
    """The event at *position* becomes void."""
    return Retraction(target=event_id(position), reason=reason)


def erasure(*positions: int, reason: str = "asked for") -> Erasure:
    """What the events at *positions* said is gone."""
    return Erasure(events=tuple(map(event_id, positions)), reason=reason)


def erased(event: RecordedEvent) -> RecordedEvent:
    """*event* as the log has it once it was erased."""
    return structs.replace(event, payload=Erased())
