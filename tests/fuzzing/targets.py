"""What holds of any bytes that come in as a date, a name or a payload: refused, or read back."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from service.api.bodies import decode_json
from service.domain.dates import bounds, in_words
from service.domain.events import from_canonical_json, is_canonical, to_canonical_json
from service.domain.identity import fold_name, is_slug, slug_of
from service.domain.refusals import BadDate, Malformed
from service.recording.submitting import submission_of

EVENT = (
    '{"type":"%s","person":{"name":"A"},"lab":"b","date":"2020~","sources":[{"url":"https://c.d"}]}'
)


class Target(NamedTuple):
    """A law that any bytes keep, and some from which others are made."""

    law: Callable[[bytes], None]
    seeds: Sequence[bytes]


def a_date(given: bytes) -> None:
    """Refused by its own refusal, or of two days in order, and said in words."""
    text = _text(given)
    try:
        lo, hi = bounds(text)
    except BadDate as refusal:
        _assert_told(refusal.message)
        return
    assert lo <= hi
    assert text.isascii()
    assert in_words(text)


def a_name(given: bytes) -> None:
    """Comparable unless it is blank, alike however it is spaced, and of a slug that is one."""
    text = _text(given)
    folded = fold_name(text)
    assert bool(folded) == bool(text.strip())
    assert fold_name(folded) == folded
    assert fold_name(f"  {text}\t") == folded
    assert is_slug(slug_of(text, otherwise="person"))


def a_payload(given: bytes) -> None:
    """Refused with every fault named, or kept in the one way in which it reads back the same."""
    try:
        raw = decode_json(given)
    except Malformed as refusal:
        _assert_told(refusal.message)
        return
    submissions, faults = submission_of(raw, "")
    assert bool(submissions) != bool(faults)
    for fault in faults:
        _assert_told(fault.message)
    for submission in submissions:
        kept = to_canonical_json(submission.payload)
        assert from_canonical_json(kept) == submission.payload
        assert is_canonical(kept, submission.payload)


def _assert_told(message: str) -> None:
    assert message.endswith("."), message


def _text(given: bytes) -> str:
    """As it comes out of JSON: no half of a surrogate pair."""
    return given.decode("utf-8", errors="replace")


TARGETS: Mapping[str, Target] = {
    "dates": Target(a_date, [b"2024-02-29", b"2017-05~", b"[2024-03..2024-05]", b"[..2012]"]),
    "names": Target(
        a_name,
        ["Łukasz Kaiser".encode(), "林俊旸".encode(), b"\xcc\x81", b"\xcd\xba\x1f", b" A. B-c "],
    ),
    "payloads": Target(
        a_payload,
        [
            *((EVENT % type_).encode() for type_ in ("hire", "leave", "founding")),
            b'{"type":"merger","absorbed":["a"],"lab":{"id":"b"},"date":"2020"}',
            b'{"type":"profile","person":"a","ids":{"homepage":"https://a.b"},"aliases":["c"]}',
            b'{"type":"retraction","target":"c0a5b1b6-6a0f-4a35-8f0b-3a2f6d1f9e27","reason":"r"}',
        ],
    ),
}
