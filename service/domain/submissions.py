"""
From what a client sent to a checked payload, or to every fault in it (SEMANTICS 6).

The payload structs say what is allowed; one walk over a value and the description of its
type finds all faults, each with its JSON pointer. msgspec alone would stop at the first.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import Struct, inspect

from service.domain import dates
from service.domain.events import (
    FACTS,
    PAYLOADS,
    TEXT_CHARACTERS_MAX,
    Correction,
    DifferentFrom,
    Entity,
    Founder,
    Kind,
    Payload,
    Profile,
    Ref,
    Reference,
    SameAs,
)
from service.domain.identity import SLUG_CHARACTERS_MAX, is_slug
from service.domain.refusals import BadDate, Fault

EVENTS_MAX = 10_000
"""Events in one array."""


class Submission(Struct, frozen=True, kw_only=True):
    """One event as submitted: checked in itself, not yet resolved."""

    payload: Payload
    event_id: UUID | None = None
    body_digest: bytes
    """Of the body as it was sent."""
    pointer: str = ""
    """Where it stands in the whole body."""


class Naming(Struct, frozen=True):
    """Whom a submitted event names, as far as that can be read whatever else is wrong with it."""

    references: Sequence[Reference]
    """With pointers into the whole body."""
    gives: Sequence[str] = ()
    """Names that it gives to the first of them."""


def check_payload(
    raw: object, pointer: str = "", *, types: Mapping[str, type[Any]] = PAYLOADS
) -> tuple[Payload | None, list[Fault]]:
    """
    The payload that *raw* says, or all its faults.

    Shapes: *raw* is decoded JSON; *types* are the types that may be recorded here.
    """
    if not isinstance(raw, dict):
        return None, [Fault(pointer, f"An event is an object, not {_kind_of(raw)}.")]
    type_ = raw.get("type")
    if not isinstance(type_, str) or type_ not in types:
        known = ", ".join(sorted(types))
        what = (
            f"{_shown(type_)} is no type of event" if "type" in raw else "An event needs a 'type'"
        )
        return None, [Fault(f"{pointer}/type", f"{what}; known types: {known}.", "unknown_type")]
    sound = _if_sound(raw, types[type_])
    return (sound, []) if sound is not None else _walked(raw, types[type_], pointer)


def _if_sound(raw: Mapping[str, Any], type_: type[Any]) -> Payload | None:
    """
    The payload that *raw* says, if it can be read at once and nothing is wrong with it.

    Most can, in a third of the time of the walk that finds faults.
    """
    if "target" in raw and not (isinstance(raw["target"], str) and uuid_or_none(raw["target"])):
        # What msgspec takes for a UUID is more than what we do.
        return None
    try:
        payload: Payload = msgspec.convert(raw, type_)
    except (msgspec.ValidationError, UnicodeEncodeError):
        # The second of half of a surrogate pair where only some words are allowed.
        return None
    is_sound = _SOUNDNESS[type_]
    return payload if is_sound(payload) and not _rules(payload, "") else None


def _walked(
    raw: Mapping[str, Any], type_: type[Any], pointer: str
) -> tuple[Payload | None, list[Fault]]:
    faults: list[Fault] = []
    rest = {key: value for key, value in raw.items() if key != "type"}
    value = _walk(rest, _INFO[type_], pointer, faults)
    if faults:
        return None, faults
    payload: Payload = msgspec.convert({**value, "type": raw["type"]}, type_)
    faults = _rules(payload, pointer)
    return (None, faults) if faults else (payload, [])


def named_in(raw: object, pointer: str = "") -> Naming:
    """
    Whom *raw* names, so that faults of names are told together with all others.

    Shapes: *raw* is decoded JSON, with faults or without.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return Naming(())
    if raw["type"] == "correction":
        return named_in(raw.get("event"), f"{pointer}/event")
    if raw["type"] not in FACTS:
        return Naming(())
    fields = FACTS[raw["type"]].__struct_fields__
    subject: Kind = "person" if raw.get("person") is not None else "lab"
    references = [
        Reference(f"{pointer}/{field}{place}", kind or subject, ref)
        for field, kind in _NAMING_FIELDS.items()
        if field in fields
        for place, value in _each(raw.get(field))
        if (ref := _readable_ref(value, raw)) is not None
    ]
    return Naming(references, _given_names(raw))


def digest(value: object) -> bytes:
    """SHA-256 of what was sent, whatever the order of its keys and its white space."""
    return sha256(_DIGESTED.encode(value)).digest()


def check_uuid(raw: object, pointer: str) -> tuple[UUID | None, list[Fault]]:
    """The UUID that *raw* writes, or the fault."""
    if isinstance(raw, str) and (found := uuid_or_none(raw)) is not None:
        return found, []
    return None, [Fault(pointer, f"{_shown(raw)} is no UUID.")]


def uuid_or_none(text: str) -> UUID | None:
    """The UUID that *text* writes in the usual form; Python's own reader takes many more."""
    return UUID(text) if _UUID.fullmatch(text) else None


def check_reason(raw: object, pointer: str = "/reason") -> tuple[str | None, list[Fault]]:
    """The reason that *raw* gives, or the fault."""
    if raw is None:
        return None, [Fault(pointer, "A 'reason' is needed: say why, for those who read it later.")]
    faults: list[Fault] = []
    if not isinstance(raw, str):
        return None, [Fault(pointer, f"A reason is a text, not {_kind_of(raw)}.")]
    _check_text(raw, pointer, faults)
    return (None, faults) if faults else (raw, [])


def _walk(value: Any, info: inspect.Type, pointer: str, faults: list[Fault]) -> Any:
    """*value* without absent fields; what is wrong with it is added to *faults*."""
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            return _walk_checked(value, inner, extra, pointer, faults)
        case inspect.StructType():
            return _walk_struct(value, info, pointer, faults)
        case inspect.VarTupleType():
            return _walk_array(value, info, pointer, faults)
        case inspect.UnionType(types=types):
            return _walk_union(value, types, pointer, faults)
        case inspect.LiteralType(values=values):
            if value not in values or not isinstance(value, str):
                allowed = ", ".join(map(str, values))
                faults.append(Fault(pointer, f"{_shown(value)} is none of: {allowed}."))
        case inspect.UUIDType():
            faults += check_uuid(value, pointer)[1]
        case inspect.StrType():
            _walk_checked(value, info, {"check": "text"}, pointer, faults)
        case _:
            raise AssertionError(f"no payload has a field of type {info}")
    return value


def _walk_checked(
    value: Any,
    info: inspect.Type,
    extra: Mapping[str, Any] | None,
    pointer: str,
    faults: list[Fault],
) -> Any:
    if not extra:
        return _walk(value, info, pointer, faults)
    if not isinstance(value, str):
        faults.append(Fault(pointer, f"A text is asked for, not {_kind_of(value)}."))
    else:
        _CHECKS[extra["check"]](value, pointer, faults)
    return value


def _walk_struct(value: Any, info: inspect.StructType, pointer: str, faults: list[Fault]) -> Any:
    if info.cls is Founder and (
        isinstance(value, str) or (isinstance(value, dict) and value.keys().isdisjoint(_FOUNDER))
    ):
        person = next(f.type for f in info.fields if f.name == "person")
        return {"person": _walk(value, person, pointer, faults)}
    if not isinstance(value, dict):
        faults.append(Fault(pointer, f"An object is asked for, not {_kind_of(value)}."))
        return value
    before = len(faults)
    fields = {field.encode_name: field for field in info.fields}
    for key in value:
        if key not in fields:
            allowed = ", ".join(sorted(fields))
            faults.append(
                Fault(
                    f"{pointer}/{escaped(str(key))}",
                    f"There is no field {_shown(key)} here; known fields: {allowed}.",
                    "unknown_field",
                )
            )
    clean = {}
    for name, field in fields.items():
        if value.get(name) is None:
            if field.required:
                faults.append(Fault(f"{pointer}/{name}", f"The field '{name}' is needed."))
        else:
            clean[name] = _walk(value[name], field.type, f"{pointer}/{name}", faults)
    if info.cls is Entity and not clean and len(faults) == before:
        faults.append(
            Fault(pointer, "An object needs a 'name', an 'id' or both, such as {\"name\": \"…\"}.")
        )
    return clean


def _walk_array(value: Any, info: inspect.VarTupleType, pointer: str, faults: list[Fault]) -> Any:
    if not isinstance(value, list):
        faults.append(Fault(pointer, f"An array is asked for, not {_kind_of(value)}."))
        return value
    if info.min_length is not None and len(value) < info.min_length:
        faults.append(Fault(pointer, f"At least {info.min_length} is needed here."))
    if info.max_length is not None and len(value) > info.max_length:
        faults.append(
            Fault(pointer, f"{len(value)} entries are too many; the limit is {info.max_length}.")
        )
        return value
    return [_walk(v, info.item_type, f"{pointer}/{i}", faults) for i, v in enumerate(value)]


def _walk_union(
    value: Any, types: Sequence[inspect.Type], pointer: str, faults: list[Fault]
) -> Any:
    """The one member of a union that the shape of *value* can mean."""
    members = [t for t in types if not isinstance(t, inspect.NoneType)]
    structs = [t for t in members if isinstance(t, inspect.StructType)]
    if isinstance(value, dict) and structs and structs[0].tag is not None:
        return _walk_tagged(value, pointer, faults)
    if isinstance(value, dict) and structs:
        return _walk(value, structs[0], pointer, faults)
    others = [t for t in members if not isinstance(t, inspect.StructType)]
    if isinstance(value, str) and others:
        return _walk(value, others[0], pointer, faults)
    if structs and others:
        faults.append(Fault(pointer, f"A text or an object is asked for, not {_kind_of(value)}."))
        return value
    return _walk(value, members[0], pointer, faults)


def _walk_tagged(value: dict[str, Any], pointer: str, faults: list[Fault]) -> Any:
    """The payload inside a correction."""
    payload, found = check_payload(value, pointer, types=FACTS)
    faults += found
    return None if payload is None else msgspec.to_builtins(payload)


_IsSound = Callable[[Any], bool]


def _soundness(info: inspect.Type) -> _IsSound | None:
    """What a value of a type, once converted, is to be asked; None where nothing is left open."""
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            return _passing(_CHECKS[extra["check"]]) if extra else _soundness(inner)
        case inspect.StrType():
            return _passing(_check_text)
        case inspect.VarTupleType(item_type=item):
            is_sound = _soundness(item)
            return None if is_sound is None else lambda items: all(map(is_sound, items))
        case inspect.UnionType(types=types):
            return _soundness_of_one(types)
        case inspect.StructType():
            return _soundness_of_fields(info)
        case _:
            return None


def _passing(check: Callable[[str, str, list[Fault]], None]) -> _IsSound:
    def is_sound(text: str) -> bool:
        faults: list[Fault] = []
        check(text, "", faults)
        return not faults

    return is_sound


def _soundness_of_one(types: Iterable[inspect.Type]) -> _IsSound:
    """Of a union: by the type of the value, of which each member has its own."""
    by_type = {
        member.cls if isinstance(member, inspect.StructType) else str: _soundness(member)
        for member in types
        if not isinstance(member, inspect.NoneType)
    }

    def is_sound(value: Any) -> bool:
        own = by_type.get(type(value))
        return own is None or own(value)

    return is_sound


def _soundness_of_fields(info: inspect.StructType) -> _IsSound:
    found = [(field.name, _soundness(field.type)) for field in info.fields]
    fields = [(name, own) for name, own in found if own is not None]

    def is_sound(value: Any) -> bool:
        for name, own in fields:
            said = getattr(value, name)
            if said is not None and not own(said):
                return False
        return info.cls is not Entity or value.id is not None or value.name is not None

    return is_sound


def _each(value: Any) -> list[tuple[str, Any]]:
    """The one value of a field, or those of an array with their places in it."""
    if isinstance(value, list):
        return [(f"/{i}", v) for i, v in enumerate(value)]
    return [("", value)]


def _readable_ref(value: Any, raw: Mapping[str, Any]) -> Ref | None:
    """The reference that *value* makes, if nothing is wrong with its form."""
    if isinstance(value, dict) and "person" in value:
        value = value["person"]
    faults: list[Fault] = []
    walked = None if value is None else _walk(value, _REF, "", faults)
    if faults or walked is None:
        return None
    ref: Ref = msgspec.convert(walked, Ref)
    if isinstance(ref, Entity) and ref.name is None and raw["type"] == "profile":
        ref = msgspec.structs.replace(ref, name=next(iter(_given_names(raw)), None))
    return ref


def _given_names(raw: Mapping[str, Any]) -> list[str]:
    """The names that a profile or a renaming gives."""
    if raw["type"] not in ("profile", "renaming"):
        return []
    aliases = raw.get("aliases")
    given = [raw.get("name"), *(aliases if isinstance(aliases, list) else [])]
    return [name for name in given if isinstance(name, str)]


def _rules(payload: Payload, pointer: str) -> list[Fault]:
    """What the types cannot say."""
    if isinstance(payload, Correction):
        return _rules(payload.event, f"{pointer}/event")
    if not isinstance(payload, Profile | SameAs | DifferentFrom):
        return []
    if (payload.person is None) == (payload.lab is None):
        return [Fault(pointer, "Exactly one of 'person' and 'lab' is needed.")]
    if isinstance(payload, Profile) and payload.person is not None:
        return [
            Fault(f"{pointer}/{field}", f"A person's profile has no field '{field}'.")
            for field in ("kind", "parent", "country")
            if getattr(payload, field) is not None
        ]
    return []


def _check_text(text: str, pointer: str, faults: list[Fault]) -> None:
    if len(text) > TEXT_CHARACTERS_MAX:
        faults.append(
            Fault(
                pointer,
                f"A text of {len(text)} characters is too long; the limit is "
                f"{TEXT_CHARACTERS_MAX}.",
            )
        )
    elif _NO_TEXT.search(text) is None:
        if not text.strip():
            faults.append(Fault(pointer, "A text cannot be blank; leave the field out instead."))
    elif "\0" in text:
        faults.append(Fault(pointer, "A text cannot hold the character NUL (U+0000)."))
    else:
        faults.append(Fault(pointer, "A text cannot hold half of a surrogate pair."))


def _check_edtf(text: str, pointer: str, faults: list[Fault]) -> None:
    try:
        dates.bounds(text)
    except BadDate as refusal:
        faults.append(refusal.at(pointer))


def _check_slug(text: str, pointer: str, faults: list[Fault]) -> None:
    if not is_slug(text):
        faults.append(
            Fault(
                pointer,
                f"{_shown(text)} cannot be an id: lower-case letters, digits and single hyphens, "
                f"at most {SLUG_CHARACTERS_MAX}.",
            )
        )


def _check_web_address(text: str, pointer: str, faults: list[Fault]) -> None:
    if len(text) <= TEXT_CHARACTERS_MAX and _PLAIN_ADDRESS.fullmatch(text):
        # Most are, and taking one apart costs ten times as much.
        return
    before = len(faults)
    _check_text(text, pointer, faults)
    if len(faults) > before:
        return
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web = False
    # Of what is printable only the plain space is white.
    if not is_web or " " in text or not text.isprintable():
        faults.append(
            Fault(pointer, f"{_shown(text)} is no web address; it begins with http:// or https://.")
        )


def _infos(types: Iterable[type[Any]]) -> dict[type[Any], inspect.Type]:
    return {t: inspect.type_info(t) for t in types}


def escaped(key: str) -> str:
    """*key* as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return f"'{printable}'" if len(printable) <= 80 else f"'{printable[:77]}…'"


def _kind_of(value: object) -> str:
    """What a decoded JSON value is, as a person would say."""
    kinds = {dict: "an object", list: "an array", str: "a text", bool: "a truth value"}
    if value is None:
        return "null"
    return kinds.get(type(value), "a number")


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REF = inspect.type_info(Ref)
_NAMING_FIELDS: dict[str, Kind | None] = {
    "person": "person",
    "absorbed": "lab",
    "lab": "lab",
    "founders": "person",
    "into": None,
    "other": None,
}
"""By field whom it names, in the order of `references`; None is of the event's own kind."""
_DIGESTED = msgspec.json.Encoder(order="deterministic")
_FOUNDER = {"person", "role"}
_CHECKS = {
    "text": _check_text,
    "edtf": _check_edtf,
    "slug": _check_slug,
    "web_address": _check_web_address,
}
_PLAIN_ADDRESS = re.compile(r"https?://[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*(/[!-~]*)?")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_INFO = _infos(PAYLOADS.values())
_SOUNDNESS = {type_: _soundness(info) or bool for type_, info in _INFO.items()}
