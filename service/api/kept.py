"""Answers of the API as they are kept and sent, and what tells one question from another."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from service.answers.kept import Kept, Standing

WEIGHT_MAX = 24 * 1024 * 1024
"""Bytes that all of them may take together."""
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


KeptAnswers: TypeAlias = Kept[Question, KeptAnswer]


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


def question_of(scope: Mapping[str, Any]) -> Question:
    """What tells one question from another, whoever asks."""
    return (
        scope.get("raw_path") or scope["path"].encode(),
        scope["query_string"],
        tuple(pair for pair in scope["headers"] if pair[0] in _ASKING_HEADERS),
    )
