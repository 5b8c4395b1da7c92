"""Events in words, with where the people and labs in them are looked at."""

from collections.abc import Mapping, Sequence
from datetime import date
from string import Formatter
from typing import Any, NamedTuple

from service.answers.names import Named
from service.domain.dates import day_in_words, in_words, when_in_words
from service.web.addresses import lab_address, person_address

View = Mapping[str, Any]
"""A payload as it reads."""


class Part(NamedTuple):
    """A piece of what is said."""

    text: str
    address: str | None = None
    """Where whom it names is looked at."""


class Row(NamedTuple):
    """One field of an event, as it was said and as it is said now."""

    label: str
    said: Sequence[Part]
    """Nothing where the field was left out, as is the next."""
    says: Sequence[Part]

    @property
    def is_changed(self) -> bool:
        """Whether the two differ."""
        return self.said != self.says


LABELS = {
    "type": "Type",
    "person": "Person",
    "lab": "Lab",
    "absorbed": "Absorbed labs",
    "into": "Is the same as",
    "other": "Is not",
    "date": "Date",
    "name": "Name",
    "founders": "Founders",
    "parent": "Parent",
    "role": "Role",
    "team": "Team",
    "location": "Location",
    "relation": "Relation",
    "via": "Came about by",
    "cause": "Cause",
    "aliases": "Also called",
    "ids": "Ids elsewhere",
    "kind": "Kind",
    "country": "Country",
    "basis": "Kind of date",
    "certainty": "Certainty",
    "note": "Note",
    "alternatives": "Other dates",
    "sources": "Sources",
}
"""What the fields of events are called, in the order in which they are shown."""

_SENTENCES = {
    "founding": "{lab} was founded{by}",
    "hire": "{person} joined {lab}{as_role}",
    "departure": "{person} left {lab}",
    "sighting": "{person} was at {lab}{as_role}",
    "role_change": "{person} took another role at {lab}{as_role}",
    "leave": "{person} went on leave from {lab}",
    "return": "{person} came back from leave to {lab}",
    "renaming": "{lab} was renamed “{name}”",
    "ownership": "{lab} came to belong to {parent}",
    "merger": "{absorbed} became part of {lab}",
    "closure": "{lab} closed",
    "profile": "The profile of {subject} was set",
    "same_as": "{subject} is the same as {into}",
    "different_from": "{subject} is not {other}",
    "correction": "An event was corrected",
    "retraction": "An event was retracted",
    "erasure": "Events were erased",
    "erased": "What this event said was erased",
}


def type_in_words(type_: str) -> str:
    """
    A type of event.

    >>> type_in_words("role_change")
    'role change'
    """
    return type_.replace("_", " ")


def sentence(view: View) -> list[Part]:
    """What an event says, without the full stop."""
    said: list[Part] = []
    for text, field, _, _ in Formatter().parse(_SENTENCES.get(view["type"], "An event")):
        said.append(Part(text))
        if field is not None:
            said += _SPECIAL[field](view) if field in _SPECIAL else _parts(view, field)
    if view.get("date"):
        said.append(Part(f" {when_in_words(view['date'])}"))
    return said


def plain(parts: Sequence[Part]) -> str:
    """The same without addresses."""
    return "".join(part.text for part in parts)


def rows(said: View | None, says: View | None) -> list[Row]:
    """Every field that either of two payloads has; sources stand apart."""
    return [
        Row(label, _parts(said or {}, field), _parts(says or {}, field))
        for field, label in LABELS.items()
        if field != "sources" and (field in (said or {}) or field in (says or {}))
    ]


def changed_rows(said: View | None, says: View | None) -> list[Row]:
    """The fields in which two payloads differ; every one where there is but one payload."""
    return [row for row in rows(said, says) if row.is_changed]


def days_in_words(first: date | None, last: date | None) -> str:
    """
    Days from one to another, both included; None is unbounded.

    >>> days_in_words(date(2024, 6, 1), None), days_in_words(None, None)
    ('from 1 June 2024 on', 'on every day')
    """
    if first is None:
        return "on every day" if last is None else f"until {day_in_words(last)}"
    if last is None:
        return f"from {day_in_words(first)} on"
    if first == last:
        return f"on {day_in_words(first)}"
    return f"from {day_in_words(first)} to {day_in_words(last)}"


def lasting(seconds: float) -> str:
    """
    How long something stood, in the greatest unit of which it is one at least.

    >>> lasting(3), lasting(7200), lasting(86400 * 3.5)
    ('3 seconds', '2 hours', '3 days')
    """
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return _counted(int(seconds // length), unit)
    return _counted(int(seconds), "second")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"


def _parts(view: View, field: str) -> list[Part]:
    """What a field says; nothing where it is left out."""
    value = view.get(field)
    if value is None:
        return []
    if field == "date":
        return [Part(in_words(value))]
    if field == "ids":
        return _listed([[Part(f"{where} {one}")] for where, one in value.items()])
    if field == "alternatives":
        return _listed([[Part(in_words(one["date"]))] for one in value])
    if field == "type":
        return [Part(type_in_words(value))]
    if isinstance(value, list | tuple):
        return _listed([_one(view, field, each) for each in value])
    return _one(view, field, value)


def _one(view: View, field: str, value: Any) -> list[Part]:
    if isinstance(value, Named):
        return [Part(value.name, _address(view, field, value))]
    if isinstance(value, Mapping) and "person" in value:
        return [
            *_one(view, "founders", value["person"]),
            *([Part(f" ({value['role']})")] if value.get("role") else []),
        ]
    return [Part(str(value))]


def _address(view: View, field: str, named: Named) -> str:
    is_person = field in ("person", "founders") or (
        field in ("into", "other") and view.get("person") is not None
    )
    return person_address(named.id) if is_person else lab_address(named.id)


def _listed(every: Sequence[Sequence[Part]]) -> list[Part]:
    said: list[Part] = []
    for i, parts in enumerate(every):
        said += [Part(", "), *parts] if i else parts
    return said


def _role(view: View) -> list[Part]:
    return [Part(f" as {view['role']}")] if view.get("role") else []


def _by(view: View) -> list[Part]:
    founders = _parts(view, "founders")
    return [Part(" by "), *founders] if founders else []


def _subject(view: View) -> list[Part]:
    return _parts(view, "person" if view.get("person") is not None else "lab")


_SPECIAL = {"as_role": _role, "by": _by, "subject": _subject}
