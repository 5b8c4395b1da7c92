"""
Export: the log as a file, from which the same log can be made again.

An export is NDJSON: a first line that says which log it is, how many events follow and what
their chain comes to, then one event a line in position order with everything that its hash was
made of. Equal logs have equal exports, to the byte. Of an event that was erased the hash of its
payload is left, and which erasure took it; that has to stand in the same file.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta, Struct

from service.domain.events import (
    Erased,
    Erasure,
    Payload,
    Position,
    from_canonical_json,
    is_canonical,
    type_of,
)
from service.domain.refusals import Refusal
from service.log import read
from service.log.append import Head
from service.log.chain import event_hash, header_hash, payload_hash
from service.postgres.pool import Pool
from service.postgres.statements import load_statements

_READ_EXPORT = load_statements("service.log", "export.sql")["read_export"]

ROWS_AT_ONCE = 1000
PIECE_BYTES = 64 * 1024


class BrokenExport(Refusal):
    """A file that is not, to the byte, what a log exported."""

    code = "broken_export"

    def __init__(self, reason: str, position: int = 0) -> None:
        super().__init__(
            f"{reason} Nothing was done with it; export the log again, or take another copy."
        )
        self.position = position
        """Where the file begins to be wrong; 0 is its first line."""


class ExportHeader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of an export."""

    log_id: UUID
    events: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    head_hash: str
    header_hash: str
    """Of the other three, so that a byte changed here shows as one in an event does."""


class ExportedEvent(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One event with everything that its hash was made of; hashes and salts in hex."""

    position: int
    event_id: UUID
    type: str
    recorded_at: Annotated[datetime, Meta(tz=True)]
    recorded_by: str
    payload: msgspec.Raw
    """Canonical JSON, as it was hashed; null where it was erased, and the salt is blank."""
    salt: str
    payload_hash: str
    hash: str
    erased_by: int | None = None
    """Position of the erasure that took the payload."""


class CheckedEvent(Struct, frozen=True):
    """A line of an export that is what a log exported, and what it says."""

    event: ExportedEvent
    payload: Payload


_HEADER: msgspec.json.Decoder[ExportHeader] = msgspec.json.Decoder(ExportHeader)
_EVENT: msgspec.json.Decoder[ExportedEvent] = msgspec.json.Decoder(ExportedEvent)
_JSON = msgspec.json.Encoder()
_GONE = b"null"
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


async def read_header(pool: Pool) -> ExportHeader:
    """The first line of an export of the log as of now."""
    async with pool.acquire() as connection:
        head = await read.read_head(connection)
        identity = await read.read_identity(connection)
    return ExportHeader(
        log_id=identity.log_id,
        events=head.position,
        head_hash=head.hash.hex(),
        header_hash=header_hash(identity.log_id, head.position, head.hash).hex(),
    )


async def export(pool: Pool, header: ExportHeader | None = None) -> AsyncGenerator[bytes, None]:
    """
    The export line by line, up to the head as of now or as *header* says; constant memory.

    What is recorded changes by erasures alone, so no snapshot is held: a reader as slow as it
    likes keeps no connection. The count in the first line shows a file that was cut off.

    Raises:
        LogChanged: an event is not where it was; the log is broken.
        ErasedMeanwhile: what was to come was erased after the first line was written.
    """
    header = header or await read_header(pool)
    yield _JSON.encode(header) + b"\n"
    after = 0
    while after < header.events:
        async with pool.acquire() as connection:
            rows = await connection.fetch(_READ_EXPORT, after, header.events, ROWS_AT_ONCE)
        for row in rows:
            if (row["erased_by"] or 0) > header.events:
                raise ErasedMeanwhile(row["position"])
            yield _line(row)
        if not rows or rows[-1]["position"] != after + len(rows):
            raise LogChanged(after)
        after += len(rows)


async def in_pieces(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """*lines* put together, so that each step is worth its costs."""
    kept: list[bytes] = []
    size = 0
    async for line in lines:
        kept.append(line)
        size += len(line)
        if size >= PIECE_BYTES:
            yield b"".join(kept)
            kept, size = [], 0
    if kept:
        yield b"".join(kept)


class LogChanged(Exception):
    """Positions are missing of what was recorded: a fault that verifying names."""

    def __init__(self, after: int) -> None:
        super().__init__(
            f"The log has a gap after position {after}; verify it: 'timeline verify' says where."
        )


class ErasedMeanwhile(Exception):
    """The file would lack the erasure of what it lacks: a new export has both."""

    def __init__(self, position: int) -> None:
        super().__init__(
            f"Position {position} was erased while the log was exported; export it again."
        )


def read_export(lines: Iterable[bytes]) -> tuple[ExportHeader, Iterator[CheckedEvent]]:
    """
    The first line, and the events, each checked against the chain as it is taken.

    Raises:
        BrokenExport: at the first line that is not what a log exported; also when the events
            end before or after the count that the first line gives.
    """
    numbered = iter(lines)
    try:
        line = next(numbered)
        header = _HEADER.decode(line)
        hashed = header_hash(header.log_id, header.events, bytes.fromhex(header.head_hash))
    except (StopIteration, ValueError, *_UNREADABLE) as exc:
        raise BrokenExport("The first line does not say which log this is.") from exc
    if _JSON.encode(header) + b"\n" != line or hashed.hex() != header.header_hash:
        raise BrokenExport("The first line is not what was exported.")
    return header, _checked(header, numbered)


def _line(row: asyncpg.Record) -> bytes:
    event = ExportedEvent(
        position=row["position"],
        event_id=row["event_id"],
        type=row["type"],
        recorded_at=row["recorded_at"],
        recorded_by=row["recorded_by"],
        payload=msgspec.Raw(row["payload"].encode() if row["erased_by"] is None else _GONE),
        salt=row["salt"].hex(),
        payload_hash=row["payload_hash"].hex(),
        hash=row["hash"].hex(),
        erased_by=row["erased_by"],
    )
    return _JSON.encode(event) + b"\n"


def _checked(header: ExportHeader, lines: Iterator[bytes]) -> Iterator[CheckedEvent]:
    head = Head()
    gone: dict[int, set[UUID]] = {}
    for line in lines:
        expected = head.position + 1
        if expected > header.events:
            raise BrokenExport(
                f"The file goes on at position {expected}; its first line says "
                f"{header.events} events.",
                expected,
            )
        try:
            event = _EVENT.decode(line)
        except _UNREADABLE as exc:
            raise BrokenExport(f"Position {expected} cannot be read: {exc}.", expected) from exc
        if _JSON.encode(event) + b"\n" != line or event.recorded_at.utcoffset() != timedelta():
            raise BrokenExport(f"Position {expected} is not written as it was exported.", expected)
        payload, head = _follow(head, event)
        if event.erased_by is not None:
            if not expected < event.erased_by <= header.events:
                raise BrokenExport(
                    f"Position {expected} is told as erased by position {event.erased_by}, which "
                    "is none after it in this file.",
                    expected,
                )
            gone.setdefault(event.erased_by, set()).add(event.event_id)
        named = payload.events if isinstance(payload, Erasure) else ()
        if gone.pop(expected, set()) != set(named):
            raise BrokenExport(
                f"Position {expected} does not erase what is told as erased by it.", expected
            )
        yield CheckedEvent(event, payload)
    if head.position != header.events:
        raise BrokenExport(
            f"The file ends after position {head.position}; its first line says "
            f"{header.events} events.",
            head.position + 1,
        )
    if head.hash.hex() != header.head_hash:
        raise BrokenExport("The first line names another head than the events come to.")


def _follow(head: Head, event: ExportedEvent) -> tuple[Payload, Head]:
    """What *event* says and the head after it, if it is what followed *head* when exported."""
    expected = Position(head.position + 1)
    if event.position != expected:
        raise BrokenExport(
            f"Position {expected} is missing: position {event.position} stands in its place.",
            expected,
        )
    if head.recorded_at is not None and event.recorded_at < head.recorded_at:
        raise BrokenExport(f"Position {expected} was recorded before the one before it.", expected)
    kept = bytes(event.payload)
    is_erased = event.erased_by is not None
    try:
        salt = bytes.fromhex(event.salt)
        hashed = bytes.fromhex(event.payload_hash) if is_erased else payload_hash(salt, kept)
        payload = Erased() if is_erased else from_canonical_json(kept)
    except (ValueError, *_UNREADABLE) as exc:
        raise BrokenExport(f"Position {expected} cannot be read: {exc}.", expected) from exc
    except Refusal as exc:
        raise BrokenExport(f"Position {expected} cannot be read. {exc.message}", expected) from exc
    chained = event_hash(
        head.hash,
        position=event.position,
        event_id=event.event_id,
        type_=event.type,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
        payload_hash=hashed,
    )
    if hashed.hex() != event.payload_hash or chained.hex() != event.hash:
        raise BrokenExport(
            f"Position {expected} is not what was exported: its hash differs.", expected
        )
    if (
        (kept, salt) != (_GONE, b"")
        if is_erased
        else (
            type_of(payload) != event.type
            or isinstance(payload, Erased)
            or not is_canonical(kept, payload)
        )
    ):
        raise BrokenExport(f"Position {expected} is not as a log writes it.", expected)
    return payload, Head(expected, chained, event.recorded_at.astimezone(UTC))
