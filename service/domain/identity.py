"""Who is meant by a name: folding of names, slugs, same_as and what is known of a person."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from anyascii import anyascii
from msgspec import Struct

from service.domain.effective import Effective, in_force
from service.domain.events import (
    DifferentFrom,
    Entity,
    Kind,
    OutsideIds,
    Profile,
    RecordedEvent,
    SameAs,
    id_of,
    is_rumoured,
    named_in,
)
from service.domain.findings import Finding

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_CHARACTERS_MAX = 100


class PersonFacts(Struct, frozen=True, omit_defaults=True, gc=False):
    """What the log says of one id of a person."""

    id: str
    canonical_id: str
    name: str
    names: tuple[str, ...] = ()
    """Every name of this very id, the registered one included."""
    aliases: tuple[str, ...] = ()
    """The other names by which this person is known, those of ids mapped here included."""
    ids: OutsideIds | None = None
    different_from: tuple[str, ...] = ()
    """Ids that are not this person, as they were meant; of ids mapped here too."""


@lru_cache(maxsize=65536)
def fold_name(text: str) -> str:
    """
    The form in which names are compared: without case, accents and extra spaces.

    Marks are dropped where they are accents (combining classes 10 to 35 and from 200 on); the
    vowel signs and voicing marks of Indic scripts and of kana are letters and stay. A name of
    accents alone keeps them, since it is to be found again: only of blanks nothing is left.

    >>> fold_name("  Sébastien  BUBECK "), fold_name("Łukasz Kaiser"), fold_name("林俊旸")
    ('sebastien bubeck', 'lukasz kaiser', '林俊旸')
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    # The iota below shows its case only once it was taken apart from the rest.
    decomposed = unicodedata.normalize("NFKD", text.casefold()).casefold()
    bare = "".join(c for c in decomposed if not _is_accent(c))
    plain = "".join(anyascii(c) if _is_latin_or_punctuation(c) else c for c in bare)
    folded = " ".join(unicodedata.normalize("NFKC", plain).casefold().split())
    return folded or " ".join(unicodedata.normalize("NFKC", decomposed).split())


def slug_of(name: str, *, otherwise: str) -> str:
    """
    *name* transliterated into lower-case letters, digits and hyphens.

    >>> slug_of("林俊旸", otherwise="person"), slug_of("Character.AI", otherwise="lab")
    ('linjunyang', 'character-ai')
    """
    slug = _NOT_SLUG.sub("-", anyascii(name).lower()).strip("-")
    # Room is left for a number that makes it unique.
    return slug[: SLUG_CHARACTERS_MAX - 8].strip("-") or otherwise


def is_slug(text: str) -> bool:
    """Whether *text* can be an id."""
    return len(text) <= SLUG_CHARACTERS_MAX and bool(_SLUG.fullmatch(text))


def canonical_ids(
    effective: Iterable[Effective], kind: Kind
) -> tuple[dict[str, str], list[Finding]]:
    """
    The id that each mapped id stands for now, and the same_as events that were ignored.

    Shapes: *effective* in position order. Ids that stand for themselves are not in the map.
    Source: SEMANTICS 3.
    """
    into: dict[str, str] = {}
    ignored: list[tuple[str, UUID]] = []
    for event in effective:
        payload = event.payload
        if type(payload) is not SameAs:
            continue
        subject = payload.person if kind == "person" else payload.lab
        if subject is None:
            continue
        one, other = id_of(subject), id_of(payload.into)
        if leads_to(into, other, one):
            ignored.append((one, event.event_id))
        else:
            into[one] = other
    findings = []
    for one, event_id in ignored:
        canonical = _root(into, one)
        person, labs = (canonical, ()) if kind == "person" else (None, (canonical,))
        findings.append(Finding("cycle", person, labs, (event_id,)))
    return {one: _root(into, one) for one in into}, findings


def leads_to(into: Mapping[str, str], start: str, goal: str) -> bool:
    """Whether following *into* from *start* comes to *goal*; the map has no cycle but through it."""
    here: str | None = start
    while here is not None:
        if here == goal:
            return True
        here = into.get(here)
    return False


def fold_people(recorded: Sequence[RecordedEvent]) -> dict[str, PersonFacts]:
    """
    What is known of each person whom *recorded* names, by id.

    Shapes: all events that name the people concerned, in position order.
    """
    holding = in_force(recorded)
    known = known_names(recorded, holding, "person")
    effective = [e for e in holding if not is_rumoured(e.payload)]
    canonical, _ = canonical_ids(effective, "person")
    mapped = mapped_ids(canonical)
    apart = _told_apart(effective)
    people = {}
    for one, said in known.items():
        into = mapped.get(one, ())
        others = [other for own in (one, *into) for other in apart.get(own, ())]
        people[one] = PersonFacts(
            one,
            canonical.get(one, one),
            said.name,
            (said.name, *said.others),
            other_names(said, [known[m] for m in into]),
            said.ids,
            tuple(dict.fromkeys(others)),
        )
    return people


def _told_apart(effective: Iterable[Effective]) -> dict[str, list[str]]:
    """For each id those that somebody said are not the same person, whichever was named first."""
    apart: dict[str, list[str]] = {}
    for event in effective:
        payload = event.payload
        if type(payload) is DifferentFrom and payload.person is not None:
            one, other = id_of(payload.person), id_of(payload.other)
            apart.setdefault(one, []).append(other)
            apart.setdefault(other, []).append(one)
    return apart


class KnownNames(Struct, gc=False):
    """The names of one id: the registered one and every other that it ever had."""

    created_name: str
    name: str
    others: tuple[str, ...] = ()
    ids: OutsideIds | None = None


def known_names(
    recorded: Iterable[RecordedEvent], holding: Iterable[Effective], kind: Kind
) -> dict[str, KnownNames]:
    """
    The names of each id that *recorded* names, profiles included; *holding* are those in force.

    The name of a creation holds for ever, since later events refer to the id that it made;
    other names hold as long as their event is in force.
    """
    known: dict[str, KnownNames] = {}
    nameless: set[str] = set()
    for event in recorded:
        for ref in named_in(event.payload, kind):
            one = id_of(ref)
            if one not in known or (one in nameless and says_name(ref)):
                known[one] = created_names(ref)
                # What created it was erased: the next object with a name stands for that.
                (nameless.discard if says_name(ref) else nameless.add)(one)
    for effective in holding:
        payload = effective.payload
        for ref in named_in(payload, kind):
            if not isinstance(ref, str):
                known[id_of(ref)].others += (ref.name or "", *ref.aliases)
        if type(payload) is Profile and not is_rumoured(payload):
            _apply_profile(known, payload, kind)
    for said in known.values():
        names = dict.fromkeys((said.created_name, *said.others))
        said.others = tuple([name for name in names if name and name != said.name])
    return known


def _apply_profile(known: dict[str, KnownNames], profile: Profile, kind: Kind) -> None:
    subject = profile.person if kind == "person" else profile.lab
    if subject is None:
        return
    one = known[id_of(subject)]
    one.others += (one.name, *profile.aliases)
    one.name = profile.name or one.name
    if profile.ids is not None:
        one.ids = merged_ids(one.ids, profile.ids)


def merged_ids(old: OutsideIds | None, new: OutsideIds) -> OutsideIds:
    """*new* over *old*: an id that a later profile does not give stays."""
    if old is None:
        return new
    return OutsideIds(
        **{f: getattr(new, f) or getattr(old, f) for f in OutsideIds.__struct_fields__}
    )


def other_names(known: KnownNames, mapped: Collection[KnownNames]) -> tuple[str, ...]:
    """Every name of an id but the registered one, those of the ids mapped into it included."""
    if not mapped:
        return known.others
    names = dict.fromkeys(known.others)
    for other in mapped:
        names.update(dict.fromkeys((other.name, *other.others)))
    names.pop(known.name, None)
    return tuple(names)


def mapped_ids(canonical: Mapping[str, str]) -> dict[str, list[str]]:
    """The ids that stand for each canonical id."""
    mapped: dict[str, list[str]] = {}
    for one, into in canonical.items():
        mapped.setdefault(into, []).append(one)
    return mapped


def says_name(ref: str | Entity) -> bool:
    """Whether a reference says what it is called, beside who is meant."""
    return not isinstance(ref, str) and ref.name is not None


def created_names(ref: str | Entity) -> KnownNames:
    """What an id is called by the reference that created it."""
    if isinstance(ref, str):
        return KnownNames(ref, ref)
    name = ref.name or id_of(ref)
    return KnownNames(name, name, ref.aliases)


def _root(into: Mapping[str, str], one: str) -> str:
    while one in into:
        one = into[one]
    return one


def _is_accent(character: str) -> bool:
    combining = unicodedata.combining(character)
    return 10 <= combining <= 35 or combining >= 200


def _is_latin_or_punctuation(character: str) -> bool:
    if character.isascii():
        return False
    if unicodedata.category(character) in ("Pd", "Pi", "Pf", "Zs"):
        return True
    return unicodedata.name(character, "").startswith("LATIN ")
