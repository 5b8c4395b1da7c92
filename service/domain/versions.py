"""
Versions of payloads: how one that was written years ago is read today.

A payload is kept, hashed and exported as it was written, for ever. It begins with the version of
the forms that it was written in; older ones are brought forward, one version at a time, by small
pure functions from plain JSON to plain JSON, before anything is made of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from service.domain.refusals import Refusal

KEY = "@version"
"""Sorts before every letter, so that it stands first in canonical JSON."""
FIRST = 1
"""What a payload without the key is: logs were written before there was one."""
_ANY_MARK_TEXT = f'{{"{KEY}"'
_ANY_MARK = _ANY_MARK_TEXT.encode()

Raw = dict[str, Any]
Upcaster = Callable[[Raw], Raw]
"""From a payload of one type and version to the same payload in the next version."""


class LaterVersion(Refusal):
    """A payload in a form that this edition of the service does not know."""

    code = "later_version"

    def __init__(self, version: int, current: int) -> None:
        super().__init__(
            f"A payload is of version {version}, and this edition of the service reads versions "
            f"up to {current}: a later edition wrote it; use that one or a newer."
        )


class Versions:
    """
    The version that is written now, and the way to it from each before.

    Shapes: *upcasters* by the type and the version that they begin from. One number counts for
    the forms of all types, so that the version of a correction covers the event in it; a type
    that did not change with a version has no upcaster there. An upcaster keeps the type, by
    which the log has indexed and hashed the event.
    """

    def __init__(self, current: int, upcasters: Mapping[tuple[str, int], Upcaster]) -> None:
        self.current = current
        self._upcasters = upcasters
        self._is_first = current == FIRST
        self._mark_text = f'{{"{KEY}":{current},'
        self._mark = self._mark_text.encode()

    def marked(self, payload: bytes) -> bytes:
        """The JSON object *payload*, which has fields and sorted keys, with its version first."""
        return self._mark + payload[1:]

    def unmarked(self, kept: str | bytes) -> str | bytes | None:
        """*kept* without its version, if that is the current one; None of any other."""
        # Every event that is read comes by here: no copy is made that is not needed.
        if isinstance(kept, str):
            if kept.startswith(self._mark_text):
                return "{" + kept[len(self._mark) :]
            return kept if self._is_first and not kept.startswith(_ANY_MARK_TEXT) else None
        if kept.startswith(self._mark):
            return b"{" + kept[len(self._mark) :]
        return kept if self._is_first and not kept.startswith(_ANY_MARK) else None

    def upcast(self, kept: str | bytes) -> Raw:
        """
        What *kept* says, in the current version.

        Raises:
            LaterVersion: a later edition of the service wrote it.
            msgspec.DecodeError: it is no JSON object, or its version is none.
        """
        raw: Raw = msgspec.json.decode(kept)
        if not isinstance(raw, dict):
            raise msgspec.ValidationError("A payload is a JSON object")
        version = raw.pop(KEY, FIRST)
        if type(version) is not int or version < FIRST:
            raise msgspec.ValidationError(f"The payload's version is {version!r}")
        if version > self.current:
            raise LaterVersion(version, self.current)
        for each in range(version, self.current):
            raw = self._next(raw, each)
        return raw

    def _next(self, raw: Raw, version: int) -> Raw:
        if isinstance(raw.get("event"), dict):
            raw = {**raw, "event": self._next(raw["event"], version)}
        upcaster = self._upcasters.get((str(raw.get("type")), version))
        if upcaster is None:
            return raw
        after = upcaster(raw)
        assert after.get("type") == raw["type"], "an upcaster keeps the type"
        return after


VERSIONS = Versions(current=1, upcasters={})
"""
What this edition writes and reads.

With a change of what a payload may say: raise the version, add an upcaster for each type that
changed, and store a sample of every type in the new version (tests/unit/domain/samples).
"""
