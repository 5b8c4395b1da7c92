"""Whole answers that are kept: the same question is answered alike while the head stands."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from msgspec import Struct

from service.log.append import Head
from service.read_models.current import Made

WEIGHT_MAX = 24 * 1024 * 1024
"""Bytes that all of them may take together."""
ASKED_ONCE_MAX = 10_000
"""Questions of which it is known that they were asked before."""
_ENTRY_WEIGHT = 2_500
"""Bytes, about, of an answer beside its body: its headers, its question, its place."""
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""Of every answer, but that a page has a policy of its own for its content."""
_ASKING_HEADERS = (b"accept-datetime", b"if-none-match")
"""Those that make it another question."""

Question = tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]]
"""Path and query as they were sent, and headers that matter."""


class Standing(NamedTuple):
    """While these are the same, so is every answer that follows from the log."""

    head: Head
    made: Made
    today: date


class Answered(Struct, frozen=True):
    """What a read comes to, before anything is sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    media_type: str
    stands_while: Standing
    is_lasting: bool
    """Whether it stands while that does; else it shows what is no part of the log, too."""


class KeptAnswer(NamedTuple):
    """An answer as it is sent, but for the id of its request."""

    route: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    stands_while: Standing


def to_send(route: str, answered: Answered) -> KeptAnswer:
    """*answered* as it is sent; a 304 says nothing of a body that it does not have."""
    headers = [
        (name.lower().encode(), value.encode("latin-1")) for name, value in answered.headers.items()
    ]
    if answered.status != 304:
        headers.append((b"content-type", answered.media_type.encode()))
        headers.append((b"content-length", str(len(answered.body)).encode()))
    return KeptAnswer(
        route,
        answered.status,
        (*headers, *SECURITY_HEADERS),
        answered.body,
        answered.stands_while,
    )


class Kept:
    """The answers that one process keeps, bounded by their bytes."""

    def __init__(self, weight_max: int = WEIGHT_MAX) -> None:
        self._weight_max = weight_max
        self._weight = 0
        self._answers: OrderedDict[Question, KeptAnswer] = OrderedDict()
        """The least recently asked first."""
        self._asked_once: OrderedDict[int, None] = OrderedDict()
        """Digests of questions: that two have the same one only lets an answer be kept earlier."""

    @property
    def weight(self) -> int:
        """Bytes that all of them take together, about."""
        return self._weight

    def find(self, scope: Mapping[str, Any]) -> KeptAnswer | None:
        """What was last answered to the same question, which need not stand any more."""
        question = question_of(scope)
        answer = self._answers.get(question)
        if answer is not None:
            self._answers.move_to_end(question)
        return answer

    def keep(self, scope: Mapping[str, Any], kept: KeptAnswer) -> None:
        """
        Keep the answer to a question that was asked before; the longest unasked ones go for it.

        Most are asked once: keeping those would push out what is asked again, and would have every
        answer written to memory that no cache of the processor holds.
        """
        question = question_of(scope)
        before = self._answers.pop(question, None)
        if before is not None:
            self._weight -= _weight(before)
        elif not self._was_asked(hash(question)):
            return
        if _weight(kept) > self._weight_max // 4:
            return
        self._answers[question] = kept
        self._weight += _weight(kept)
        while self._weight > self._weight_max:
            _, oldest = self._answers.popitem(last=False)
            self._weight -= _weight(oldest)

    def _was_asked(self, digest: int) -> bool:
        if digest in self._asked_once:
            del self._asked_once[digest]
            return True
        self._asked_once[digest] = None
        if len(self._asked_once) > ASKED_ONCE_MAX:
            self._asked_once.popitem(last=False)
        return False


def question_of(scope: Mapping[str, Any]) -> Question:
    """What tells one question from another, whoever asks."""
    return (
        scope.get("raw_path") or scope["path"].encode(),
        scope["query_string"],
        tuple(pair for pair in scope["headers"] if pair[0] in _ASKING_HEADERS),
    )


def _weight(answer: KeptAnswer) -> int:
    return len(answer.body) + _ENTRY_WEIGHT
