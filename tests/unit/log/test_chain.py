"""The hash chain, made again from DESIGN's words, and held to bytes that were written down once."""

import struct
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import to_canonical_json
from service.log.chain import GENESIS, event_hash, microseconds, payload_hash
from tests.support import builders as b
from tests.support.postgres import utc

KNOWN: dict[str, Any] = {
    "position": 712,
    "event_id": UUID("4f1c0a66-0000-4000-8000-00000000beef"),
    "type_": "hire",
    "recorded_at": utc(2026, 11, 1, 9, 30, 15, 123456),
    "recorded_by": "Žofie",
    "payload_hash": bytes(range(32)),
}


def by_the_words_of_the_design(
    previous: bytes,
    position: int,
    event_id: UUID,
    type_: str,
    recorded_at: datetime,
    recorded_by: str,
    payload_hash: bytes,
) -> bytes:
    """DESIGN, The log: previous, position, id, type, time, by whom, payload; texts length first."""
    epoch = datetime(1970, 1, 1, tzinfo=recorded_at.tzinfo)
    micros = (recorded_at - epoch) // timedelta(microseconds=1)
    kind, by = type_.encode(), recorded_by.encode()
    return sha256(
        struct.pack(
            f">32sq16sI{len(kind)}sqI{len(by)}s32s",
            previous,
            position,
            event_id.bytes,
            len(kind),
            kind,
            micros,
            len(by),
            by,
            payload_hash,
        )
    ).digest()


@given(
    previous=st.binary(min_size=32, max_size=32),
    position=st.integers(1, 2**63 - 1),
    event_id=st.uuids(),
    type_=st.text(max_size=20),
    recorded_at=st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)),
    recorded_by=st.text(max_size=20),
    hashed=st.binary(min_size=32, max_size=32),
)
def test_event_hash_is_what_the_design_says(
    previous: bytes,
    position: int,
    event_id: UUID,
    type_: str,
    recorded_at: datetime,
    recorded_by: str,
    hashed: bytes,
) -> None:
    at = recorded_at.replace(tzinfo=utc(2000, 1, 1).tzinfo)
    assert event_hash(
        previous,
        position=position,
        event_id=event_id,
        type_=type_,
        recorded_at=at,
        recorded_by=recorded_by,
        payload_hash=hashed,
    ) == by_the_words_of_the_design(previous, position, event_id, type_, at, recorded_by, hashed)


def test_event_hash_never_changes() -> None:
    """Else no log that was ever exported would verify."""
    assert event_hash(GENESIS, **KNOWN).hex() == (
        "97e9679ceff3c7f14beb9368f8cc4280252b24b41e8b1e05ec765483e5fe69ec"
    )


def test_first_event_follows_on_zeros() -> None:
    assert bytes.fromhex("00" * 32) == GENESIS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", 713),
        ("event_id", UUID("4f1c0a66-0000-4000-8000-00000000bee0")),
        ("type_", "hired"),
        ("recorded_at", utc(2026, 11, 1, 9, 30, 15, 123457)),
        ("recorded_by", "Zofie"),
        ("payload_hash", bytes(32)),
    ],
)
def test_event_hash_changes_with_each_field(field: str, value: object) -> None:
    assert event_hash(GENESIS, **{**KNOWN, field: value}) != event_hash(GENESIS, **KNOWN)


def test_event_hash_changes_with_the_one_before() -> None:
    assert event_hash(bytes(range(32)), **KNOWN) != event_hash(GENESIS, **KNOWN)


def test_texts_do_not_run_into_each_other() -> None:
    """Without their lengths a part of one text could be taken for a part of the next field."""
    one, other = ({**KNOWN, "type_": t} for t in ("hire", "hire\0"))
    assert event_hash(GENESIS, **one) != event_hash(GENESIS, **other)


def test_time_is_hashed_as_an_instant() -> None:
    """Whatever the zone in which it is written."""
    there = KNOWN["recorded_at"].astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert event_hash(GENESIS, **{**KNOWN, "recorded_at": there}) == event_hash(GENESIS, **KNOWN)


@given(st.integers(-(2**51), 2**52))
def test_microseconds_are_exact(micros: int) -> None:
    """No floating point loses one."""
    assert microseconds(utc(1970, 1, 1) + timedelta(microseconds=micros)) == micros


def test_payload_hash_is_of_salt_and_payload() -> None:
    assert payload_hash(b"salt", b'{"a":1}') == sha256(b'salt{"a":1}').digest()


def test_equal_payloads_do_not_show() -> None:
    assert payload_hash(b"one", b"{}") != payload_hash(b"two", b"{}")


def test_payload_is_written_in_one_way_only() -> None:
    """Sorted keys, no spaces, absent fields left out, UTF-8 as it is."""
    hire = b.hire(b.entity("zofie", "Žofie"), at="x", on="2024~", sources=(b.source(),))
    assert to_canonical_json(hire).decode() == (
        '{"@version":1,"date":"2024~","lab":"x","person":{"id":"zofie","name":"Žofie"},'
        '"sources":[{"url":"https://example.org/news"}],"type":"hire"}'
    )
