"""The hash chain that makes a change behind the log's back show, even after an erasure."""

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

GENESIS = bytes(32)
"""What stands for the hash before the first event."""


def payload_hash(salt: bytes, payload: bytes) -> bytes:
    """
    SHA-256 of the salt and the canonical payload.

    The salt is erased with its payload: without it an erased move could be confirmed by
    guessing.
    """
    return sha256(salt + payload).digest()


def event_hash(
    previous: bytes,
    *,
    position: int,
    event_id: UUID,
    type_: str,
    recorded_at: datetime,
    recorded_by: str,
    payload_hash: bytes,
) -> bytes:
    """
    SHA-256 of the previous hash and of everything that the log says of an event.

    Shapes: position and microseconds since 1970 (UTC) are signed 64-bit big-endian; texts are
    UTF-8 behind their length in bytes as unsigned 32-bit big-endian. Source: DESIGN, The log.
    """
    return sha256(
        b"".join(
            (
                previous,
                position.to_bytes(8, "big", signed=True),
                event_id.bytes,
                _with_length(type_),
                microseconds(recorded_at).to_bytes(8, "big", signed=True),
                _with_length(recorded_by),
                payload_hash,
            )
        )
    ).digest()


def header_hash(log_id: UUID, events: int, head_hash: bytes) -> bytes:
    """
    SHA-256 of what an export says of its log, which no event's hash covers.

    Shapes: the number of events is signed 64-bit big-endian.
    """
    return sha256(log_id.bytes + events.to_bytes(8, "big", signed=True) + head_hash).digest()


@lru_cache(maxsize=1)
def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00Z. Events that were recorded together share it."""
    seconds = int(instant.replace(microsecond=0).timestamp())
    return seconds * 1_000_000 + instant.microsecond


def _with_length(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded
