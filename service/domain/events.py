"""
The events of the log and their payloads (SEMANTICS 3).

A payload is what was said, with absent fields left out and no defaults written in. References
to people and labs are ids, or objects that say a name as well; what an object says is part of
the event, so that a replay needs nothing else.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, NewType, TypeGuard
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from service.domain import dates
from service.domain.versions import VERSIONS, Versions

Position = NewType("Position", int)
"""Place in the log, from 1, without gaps; 0 is before the first event."""

Kind = Literal["person", "lab"]

TEXT_CHARACTERS_MAX = 4096
SOURCES_MAX = 64

Text = Annotated[str, Meta(extra={"check": "text"})]
"""A text field: not blank, no NUL, at most TEXT_CHARACTERS_MAX characters."""
Edtf = Annotated[
    str,
    Meta(
        description="A date as its source gives it: EDTF, such as 2024-06-01, 2024-06, 2017~, "
        "2024? or [2024-03..2024-05].",
        examples=["2024-06-01", "2017~", "[2026-06-19..]"],
        extra={"check": "edtf"},
    ),
]
Slug = Annotated[
    str,
    Meta(
        description="Lower-case letters, digits and single hyphens.",
        extra={"check": "slug"},
    ),
]
WebAddress = Annotated[
    str, Meta(description="An http or https address.", extra={"check": "web_address"})
]

Basis = Literal["effective", "announced", "reported", "inferred"]
Certainty = Literal["confirmed", "reported", "rumoured"]
Relation = Literal[
    "employee", "founder", "advisor", "board", "visiting", "contractor", "student", "faculty"
]
DEFAULT_RELATION: Relation = "employee"


class _Fields(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """
    Strict and immutable; absent fields stay absent when written.

    None of them is ever in a cycle, for which the collector would look at each again and again.
    """


class Entity(_Fields, frozen=True, kw_only=True):
    """Someone or something by name, to be matched or added."""

    id: Slug | None = None
    name: Text | None = None
    aliases: tuple[Text, ...] = ()


Ref = str | Entity
"""An id or a known name; or an object, which can add someone or something new."""


class Source(_Fields, frozen=True, kw_only=True):
    """Where a fact was published."""

    url: WebAddress
    title: Text | None = None
    publisher: Text | None = None
    published: Edtf | None = None


class Alternative(_Fields, frozen=True, kw_only=True):
    """Another date that other sources give for the same fact; shown, never folded."""

    date: Edtf
    sources: Annotated[tuple[Source, ...], Meta(max_length=SOURCES_MAX)] = ()


class OutsideIds(_Fields, frozen=True, kw_only=True):
    """Ids of the same person or lab in other registers."""

    wikidata: Text | None = None
    orcid: Text | None = None
    openalex: Text | None = None
    homepage: WebAddress | None = None


class _Event(_Fields, tag_field="type", frozen=True, kw_only=True):
    basis: Basis | None = None
    """What kind of date it is; null where the source does not say."""
    certainty: Certainty | None = None
    """Null reads as `reported`; `rumoured` stays out of the fold."""
    note: Text | None = None
    sources: Annotated[tuple[Source, ...], Meta(max_length=SOURCES_MAX)] = ()
    alternatives: Annotated[tuple[Alternative, ...], Meta(max_length=SOURCES_MAX)] = ()

    # Flags of the classes are asked for at each event: `isinstance` costs five times as much where
    # the answer is no, or a subclass.
    is_fact: ClassVar[bool] = True
    """Whether it says something of the world by itself."""
    is_of_person: ClassVar[bool] = False
    """Whether it places one person at one lab."""
    says_post: ClassVar[bool] = False
    """Whether it says which post that person had."""
    is_log_event: ClassVar[bool] = False
    """Whether it is about another event."""
    is_lab_fact: ClassVar[bool] = False
    """Whether the state of a lab follows from it."""
    is_link: ClassVar[bool] = False
    """Whether it joins the histories of two ids."""


class _Dated(_Event, frozen=True, kw_only=True):
    date: Edtf


class PersonEvent(_Dated, frozen=True, kw_only=True):
    """What places one person at one lab."""

    person: Ref
    lab: Ref
    is_of_person = True


class PostEvent(PersonEvent, frozen=True, kw_only=True):
    """What says also which post someone had."""

    role: Text | None = None
    team: Text | None = None
    location: Text | None = None
    relation: Relation | None = None
    says_post = True


class Founder(_Fields, frozen=True, kw_only=True):
    """One who founded a lab, with the role if it is known."""

    person: Ref
    role: Text | None = None


class Founding(_Dated, tag="founding", frozen=True, kw_only=True):
    lab: Ref
    founders: tuple[Founder, ...] = ()
    parent: Ref | None = None
    """Whose it is at first; free text, and a link where it resolves."""
    location: Text | None = None
    is_lab_fact = True


class Hire(PostEvent, tag="hire", frozen=True, kw_only=True):
    via: Text | None = None
    """How it came about, such as `licence-and-hire deal`."""


class Departure(PostEvent, tag="departure", frozen=True, kw_only=True):
    """Role, team, location and relation as held when leaving."""

    cause: Text | None = None


class Sighting(PostEvent, tag="sighting", frozen=True, kw_only=True):
    """Known to be there on that date; most sources say no more."""


class RoleChange(PostEvent, tag="role_change", frozen=True, kw_only=True):
    pass


class Leave(PersonEvent, tag="leave", frozen=True, kw_only=True):
    pass


class Return(PersonEvent, tag="return", frozen=True, kw_only=True):
    pass


class Renaming(_Dated, tag="renaming", frozen=True, kw_only=True):
    lab: Ref
    name: Text
    is_lab_fact = True


class Ownership(_Dated, tag="ownership", frozen=True, kw_only=True):
    lab: Ref
    parent: Ref
    """Whose it is from then on; free text, and a link where it resolves."""
    is_lab_fact = True


class Merger(_Dated, tag="merger", frozen=True, kw_only=True):
    absorbed: Annotated[tuple[Ref, ...], Meta(min_length=1)]
    lab: Ref
    is_lab_fact = True
    is_link = True


class Closure(_Dated, tag="closure", frozen=True, kw_only=True):
    lab: Ref
    is_lab_fact = True


class _Register(_Event, frozen=True, kw_only=True):
    person: Ref | None = None
    lab: Ref | None = None
    """Exactly one of person and lab."""


class Profile(_Register, tag="profile", frozen=True, kw_only=True):
    name: Text | None = None
    aliases: tuple[Text, ...] = ()
    ids: OutsideIds | None = None
    kind: Text | None = None
    """Labs only, as are parent and country."""
    parent: Ref | None = None
    country: Text | None = None
    is_lab_fact = True


class SameAs(_Register, tag="same_as", frozen=True, kw_only=True):
    into: Ref
    is_lab_fact = True
    is_link = True


class DifferentFrom(_Register, tag="different_from", frozen=True, kw_only=True):
    other: Ref


World = (
    Founding
    | Hire
    | Departure
    | Sighting
    | RoleChange
    | Leave
    | Return
    | Renaming
    | Ownership
    | Merger
    | Closure
)
Register = Profile | SameAs | DifferentFrom
Fact = World | Register
PersonFact = Hire | Departure | Sighting | RoleChange | Leave | Return


class _LogEvent(_Fields, tag_field="type", frozen=True, kw_only=True):
    target: UUID
    """Id of the event that it is about; always an original event."""
    reason: Text
    is_fact: ClassVar[bool] = False
    is_of_person: ClassVar[bool] = False
    is_log_event: ClassVar[bool] = True
    is_lab_fact: ClassVar[bool] = False
    is_link: ClassVar[bool] = False


class Correction(_LogEvent, tag="correction", frozen=True, kw_only=True):
    event: Fact
    """The whole new payload, which inherits nothing and may be of another type."""


class Retraction(_LogEvent, tag="retraction", frozen=True, kw_only=True):
    pass


class _Silent(_Fields, tag_field="type", frozen=True, kw_only=True):
    """What says nothing of any person or lab; the log alone writes it, no client sends it."""

    is_fact: ClassVar[bool] = False
    is_of_person: ClassVar[bool] = False
    is_log_event: ClassVar[bool] = False
    is_lab_fact: ClassVar[bool] = False
    is_link: ClassVar[bool] = False


class Erasure(_Silent, tag="erasure", frozen=True, kw_only=True):
    """That what some events said is gone, and why."""

    events: Annotated[tuple[UUID, ...], Meta(min_length=1)]
    """Ids of the events, each before it in the log and no erasure itself."""
    reason: Text


class Erased(_Silent, tag="erased", frozen=True, kw_only=True):
    """The tombstone: what is left in the place of a payload that was erased."""


LogEvent = Correction | Retraction
Silent = Erasure | Erased
Payload = Fact | LogEvent | Silent

FACTS: dict[str, type[Any]] = {
    str(t.__struct_config__.tag): t
    for t in (
        Founding, Hire, Departure, Sighting, RoleChange, Leave, Return, Renaming, Ownership,
        Merger, Closure, Profile, SameAs, DifferentFrom,
    )
}  # fmt: skip
PAYLOADS: dict[str, type[Any]] = {**FACTS, "correction": Correction, "retraction": Retraction}
"""What a client may send."""
ERASURE, ERASED = (str(t.__struct_config__.tag) for t in (Erasure, Erased))


class NewEvent(Struct, frozen=True, gc=False):
    """An event that is not in the log yet: resolved, checked, with its id."""

    event_id: UUID
    payload: Payload


class RecordedEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event as the log has it."""

    position: Position
    event_id: UUID
    payload: Payload
    target_position: Position | None = None
    """Position of the event that a correction or retraction is about, an erased one too."""
    recorded_at: datetime | None = None
    recorded_by: str = ""
    hash: bytes = b""
    body_digest: bytes | None = None
    """Of the body as it was sent, by which a repeat is known."""

    @property
    def type(self) -> str:
        return type_of(self.payload)

    @property
    def root(self) -> Position:
        """The position of the original that it is, or is about."""
        return self.position if self.target_position is None else self.target_position


class Reference(Struct, frozen=True):
    """One place in a payload that names a person or a lab."""

    pointer: str
    kind: Kind
    ref: Ref
    free_text: bool = False
    """Whether text that nobody is called may stand here."""


def type_of(payload: Payload) -> str:
    """The slug of the payload's type."""
    return str(payload.__struct_config__.tag)


def to_canonical_json(payload: Struct, versions: Versions = VERSIONS) -> bytes:
    """
    The payload as it is hashed and kept: sorted keys, no spaces, absent fields left out.

    Its version stands first. Source: DESIGN, The log.
    """
    return versions.marked(_CANONICAL.encode(payload))


def from_canonical_json(text: str | bytes, versions: Versions = VERSIONS) -> Payload:
    """
    The payload that *text* keeps, in whatever version it was written.

    Raises:
        LaterVersion: a later edition of the service wrote it.
        msgspec.DecodeError: it is no payload.
    """
    current = versions.unmarked(text)
    if current is not None:
        return _DECODER.decode(current)
    payload: Payload = msgspec.convert(versions.upcast(text), type=_PAYLOAD)
    return payload


def is_canonical(kept: bytes, payload: Payload, versions: Versions = VERSIONS) -> bool:
    """
    Whether *kept*, which says *payload*, is written in the one way in which a log writes it.

    One of an older version is written by rules that are gone; of these the order of keys and
    the spaces are left to look at.
    """
    current = versions.unmarked(kept)
    if current is not None:
        return current == _CANONICAL.encode(payload)
    return kept == _CANONICAL.encode(msgspec.json.decode(kept))


_CANONICAL = msgspec.json.Encoder(order="sorted")
_DECODER: msgspec.json.Decoder[Payload] = msgspec.json.Decoder(Payload)
_PAYLOAD: Any = Payload


def references(payload: Payload) -> list[Reference]:
    """Every person and lab that *payload* names, in a fixed order."""
    if is_of_person(payload):
        # Most events are of this kind.
        return [
            Reference("/person", "person", payload.person),
            Reference("/lab", "lab", payload.lab),
        ]
    return list(_references(payload))


def named_in(payload: Payload, kind: Kind) -> list[Ref]:
    """The people or the labs that *payload* names, in a fixed order; free text names nobody."""
    if is_of_person(payload):
        # Most events are of this kind.
        return [payload.person if kind == "person" else payload.lab]
    return [
        one.ref
        for one in _references(payload)
        if one.kind == kind and not (one.free_text and isinstance(one.ref, str))
    ]


def _references(payload: Payload) -> Iterator[Reference]:
    match payload:
        case Correction(event=event):
            for found in _references(event):
                yield Reference("/event" + found.pointer, found.kind, found.ref, found.free_text)
        case Retraction() | Erasure() | Erased():
            return
        case Founding(lab=lab, founders=founders, parent=parent):
            yield Reference("/lab", "lab", lab)
            for i, founder in enumerate(founders):
                yield Reference(f"/founders/{i}", "person", founder.person)
            if parent is not None:
                yield Reference("/parent", "lab", parent, free_text=True)
        case Merger(absorbed=absorbed, lab=lab):
            for i, each in enumerate(absorbed):
                yield Reference(f"/absorbed/{i}", "lab", each)
            yield Reference("/lab", "lab", lab)
        case Ownership(lab=lab, parent=parent):
            yield Reference("/lab", "lab", lab)
            yield Reference("/parent", "lab", parent, free_text=True)
        case Renaming(lab=lab) | Closure(lab=lab):
            yield Reference("/lab", "lab", lab)
        case Profile() | SameAs() | DifferentFrom():
            yield from _register_references(payload)
        case _:
            yield Reference("/person", "person", payload.person)
            yield Reference("/lab", "lab", payload.lab)


def _register_references(payload: Register) -> Iterator[Reference]:
    kind: Kind = "person" if payload.person is not None else "lab"
    subject = payload.person if payload.person is not None else payload.lab
    if subject is not None:
        yield Reference(f"/{kind}", kind, subject)
    match payload:
        case SameAs(into=into):
            yield Reference("/into", kind, into)
        case DifferentFrom(other=other):
            yield Reference("/other", kind, other)
        case Profile(parent=parent) if parent is not None:
            yield Reference("/parent", "lab", parent, free_text=True)
        case _:
            pass


def with_references(payload: Payload, resolved: Iterable[Ref]) -> Payload:
    """*payload* with its references replaced, in the order in which `references` gives them."""
    rest = iter(resolved)
    replaced = _with_references(payload, rest)
    assert next(rest, None) is None, "every resolved reference has its place"
    return replaced


def _with_references(payload: Payload, rest: Iterator[Ref]) -> Payload:
    replace = msgspec.structs.replace
    match payload:
        case Correction(event=event):
            return replace(payload, event=_with_references(event, rest))
        case Retraction() | Erasure() | Erased():
            return payload
        case Founding(founders=founders, parent=parent):
            return replace(
                payload,
                lab=next(rest),
                founders=tuple(replace(f, person=next(rest)) for f in founders),
                parent=None if parent is None else next(rest),
            )
        case Merger(absorbed=absorbed):
            return replace(payload, absorbed=tuple(next(rest) for _ in absorbed), lab=next(rest))
        case Ownership():
            return replace(payload, lab=next(rest), parent=next(rest))
        case Renaming() | Closure():
            return replace(payload, lab=next(rest))
        case Profile() | SameAs() | DifferentFrom():
            return _register_with_references(payload, rest)
        case _:
            return replace(payload, person=next(rest), lab=next(rest))


def _register_with_references(payload: Register, rest: Iterator[Ref]) -> Register:
    changes: dict[str, Ref] = {}
    if payload.person is not None:
        changes["person"] = next(rest)
    elif payload.lab is not None:
        changes["lab"] = next(rest)
    match payload:
        case SameAs():
            changes["into"] = next(rest)
        case DifferentFrom():
            changes["other"] = next(rest)
        case Profile(parent=parent) if parent is not None:
            changes["parent"] = next(rest)
        case _:
            pass
    return msgspec.structs.replace(payload, **changes)


def id_of(ref: Ref) -> str:
    """The id of a resolved reference."""
    if isinstance(ref, str):
        return ref
    assert ref.id is not None, "a reference in the log has its id"
    return ref.id


def founder_ids(payload: Founding) -> list[str]:
    """Ids of the founders as recorded."""
    return [id_of(f.person) for f in payload.founders]


def fact_of(payload: Payload) -> Fact | None:
    """What *payload* says of the world, by itself or in the place of another; None of the rest."""
    if is_fact(payload):
        return payload
    return payload.event if isinstance(payload, Correction) else None


def is_fact(payload: Payload) -> TypeGuard[Fact]:
    """Whether *payload* says something of the world by itself."""
    return payload.is_fact


def is_of_person(payload: Payload) -> TypeGuard[PersonFact]:
    """Whether *payload* places one person at one lab, as most do."""
    return payload.is_of_person


def says_post(payload: PersonFact | Founding) -> TypeGuard[PostEvent]:
    """Whether *payload* says which post one person had."""
    return payload.says_post


def is_rumoured(payload: Fact) -> bool:
    """Whether it stays on timelines only."""
    return payload.certainty == "rumoured"


def bounds_of(payload: World) -> dates.Bounds:
    """The days that the event's date can mean."""
    return dates.bounds(payload.date)


def days_of(payload: Payload) -> dates.Bounds | None:
    """The days that the date of any payload can mean; None of one without a date."""
    fact = fact_of(payload)
    return bounds_of(fact) if isinstance(fact, World) else None


def published_on(payload: Payload) -> date | None:
    """The earliest day on which a source of the event was published; None without one."""
    fact = fact_of(payload)
    if fact is None:
        return None
    days = [dates.bounds(s.published).lo for s in fact.sources if s.published is not None]
    return min(days, default=None)
