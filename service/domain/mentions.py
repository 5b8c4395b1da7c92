"""
Whether free texts mention somebody, and events without the texts that do.

Names that stand in the place of a reference are none: those say whom an event is about.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from service.domain.events import Entity, Fact, Payload
from service.domain.identity import fold_name

_NO_TEXTS = frozenset(
    {
        "person", "lab", "into", "other", "absorbed", "target", "events", "type", "date",
        "published", "basis", "certainty", "relation",
    }
)  # fmt: skip
"""Fields that hold references, dates and words of a fixed choice."""
_WORD = re.compile(r"[^\W_]+")
_LETTERS_MIN = 2
"""A single letter of a script with many words is no name: it would be found everywhere."""

Said = TypeVar("Said")


class Mentions:
    """
    Whether a text mentions somebody by one of *names*, which may be ids too.

    Without regard to case, accents and signs, and as whole words where the script has words.

    >>> Mentions(["Ada Lovelace"]).in_text("See https://example.org/ada-lovelace.")
    True
    >>> Mentions(["Ada"]).in_text("Adamant.")
    False
    """

    def __init__(self, names: Iterable[str]) -> None:
        every = list(names)
        self._phrases = _phrases(map(fold_name, every))
        self.phrases_as_written = _phrases([*map(fold_name, every), *map(str.casefold, every)])
        """Words with spaces between, for those who search where names are not folded."""

    def in_text(self, text: str) -> bool:
        words = _in_words(text)
        return any(
            f" {phrase} " in f" {words} " if phrase.isascii() else phrase in words
            for phrase in self._phrases
        )

    def in_payload(self, payload: Payload) -> bool:
        """Whether a text of an event does, its reason, its note and its sources included."""
        return any(map(self.in_text, texts_of(payload)))


def texts_of(payload: Payload) -> Iterator[str]:
    """Every free text of an event, names that it gives in a profile or a renaming included."""
    return _texts(msgspec.to_builtins(payload))


def without_mentions(fact: Fact, mentions: Mentions) -> Fact:
    """*fact* without the texts that mention somebody, as far as it can be without them."""
    changes = _changes(fact, mentions)
    needed = {field.name for field in msgspec.structs.fields(fact) if field.required}
    changes = {name: value for name, value in changes.items() if name not in needed}
    return msgspec.structs.replace(fact, **changes) if changes else fact


def _texts(built: Any) -> Iterator[str]:
    if isinstance(built, str):
        yield built
    elif isinstance(built, dict):
        for field, value in built.items():
            if field not in _NO_TEXTS:
                yield from _texts(value)
    elif isinstance(built, list | tuple):
        for value in built:
            yield from _texts(value)


def _changes(said: Struct, mentions: Mentions) -> dict[str, Any]:
    """The fields of *said* that are otherwise without them."""
    changes = {}
    for name in said.__struct_fields__:
        if name not in _NO_TEXTS:
            value = getattr(said, name)
            clean = _clean(value, mentions)
            if clean != value:
                changes[name] = clean
    return changes


def _without(part: Struct, mentions: Mentions) -> Struct | None:
    """A part of an event without them; None where it says nothing then, as a source."""
    changes = _changes(part, mentions)
    if any(f.required and changes.get(f.name, f) is None for f in msgspec.structs.fields(part)):
        return None
    return msgspec.structs.replace(part, **changes) if changes else part


def _clean(value: Any, mentions: Mentions) -> Any:
    if isinstance(value, str):
        return None if mentions.in_text(value) else value
    if isinstance(value, tuple):
        every = [_clean(one, mentions) for one in value]
        return tuple(one for one in every if one is not None)
    if isinstance(value, Struct) and not isinstance(value, Entity):
        return _without(value, mentions)
    return value


def _phrases(names: Iterable[str]) -> list[str]:
    found = dict.fromkeys(" ".join(_WORD.findall(name)) for name in names)
    return [p for p in found if len(p) >= _LETTERS_MIN or (p and not p.isascii())]


def _in_words(text: str) -> str:
    """Its words, folded, with a space between."""
    # Past the memory for names: notes are long, and most are looked at once.
    return " ".join(_WORD.findall(fold_name.__wrapped__(text)))
