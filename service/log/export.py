"""
Export and restore: the log as a file, and the file as the same log again.

An export is NDJSON: a first line that says which log it is, how many events follow and what
their chain comes to, then one event a line in position order with everything that its hash was
made of. Equal logs have equal exports, to the byte.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import msgspec
from msgspec import Struct

from service.domain.events import (
    Correction,
    Fact,
    Position,
    RecordedEvent,
    Retraction,
    from_canonical_json,
    to_canonical_json,
)
from service.domain.refusals import Refusal
from service.domain.subjects import concerns_of
from service.log import read
from service.log.append import Head, LogEntry, append, lock
from service.log.chain import GENESIS, event_hash, payload_hash
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "export.sql")
_READ_EXPORT = _SQL["read_export"]
_FIND_HASH = _SQL["find_hash"]
_TAKE_IDENTITY = _SQL["take_identity"]

RESTORED_AT_ONCE = 1000


class BrokenExport(Refusal):
    """A file that is not, to the byte, what a log exported."""

    code = "broken_export"

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} Nothing was restored; export the log again.")


class LogNotEmpty(Refusal):
    """A restore is for an empty log only."""

    code = "log_not_empty"

    def __init__(self, position: int) -> None:
        super().__init__(
            f"The log has {position} events already; restore into an empty data directory."
        )


class ExportHeader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of an export."""

    log_id: UUID
    events: int
    head_hash: str


class ExportedEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One event with everything that its hash was made of; hashes and salts in hex."""

    position: int
    event_id: UUID
    type: str
    recorded_at: datetime
    recorded_by: str
    payload: msgspec.Raw
    """Canonical JSON, as it was hashed."""
    salt: str
    payload_hash: str
    hash: str


_HEADER: msgspec.json.Decoder[ExportHeader] = msgspec.json.Decoder(ExportHeader)
_EVENT: msgspec.json.Decoder[ExportedEvent] = msgspec.json.Decoder(ExportedEvent)
_JSON = msgspec.json.Encoder()


async def export(connection: Connection) -> AsyncIterator[bytes]:
    """
    The export line by line, up to the head as of now; constant memory.

    Runs in a transaction of its own. The count in the first line shows a file that was cut off.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        head = await read.read_head(connection)
        identity = await read.read_identity(connection)
        header = ExportHeader(
            log_id=identity.log_id, events=head.position, head_hash=head.hash.hex()
        )
        yield _JSON.encode(header) + b"\n"
        async for row in connection.cursor(
            _READ_EXPORT, head.position, prefetch=read.PREFETCH_ROWS
        ):
            event = ExportedEvent(
                position=row["position"],
                event_id=row["event_id"],
                type=row["type"],
                recorded_at=row["recorded_at"],
                recorded_by=row["recorded_by"],
                payload=msgspec.Raw(row["payload"].encode()),
                salt=row["salt"].hex(),
                payload_hash=row["payload_hash"].hex(),
                hash=row["hash"].hex(),
            )
            yield _JSON.encode(event) + b"\n"


def read_export(lines: Iterable[bytes]) -> tuple[ExportHeader, Iterator[ExportedEvent]]:
    """
    The first line, and the events, each checked against the chain as it is taken.

    Raises:
        BrokenExport: at the first line that is not what a log exported; also when the events
            end before or after the count that the first line gives.
    """
    numbered = iter(lines)
    try:
        header = _HEADER.decode(next(numbered))
    except (StopIteration, msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise BrokenExport("The first line does not say which log this is.") from exc
    return header, _checked(header, numbered)


async def restore(connection: Connection, events: Iterator[ExportedEvent], log_id: UUID) -> Head:
    """
    Make the exported log this one: same positions, times and hashes.

    In the caller's transaction, as the database's owner; the read models are to be replayed
    afterwards. Only for an empty log.

    Raises:
        LogNotEmpty: see there.
        BrokenExport: see `read_export`.
    """
    await lock(connection)
    head = await read.read_head(connection)
    if head.position > 0:
        raise LogNotEmpty(head.position)
    chains: dict[UUID, _Chain] = {}
    while some := list(islice(events, RESTORED_AT_ONCE)):
        for entries in _by_instant(_entry(event, chains) for event in some):
            await append(connection, entries)
            head = Head(
                entries[-1].event.position,
                entries[-1].event.hash,
                entries[-1].event.recorded_at,
            )
    await connection.execute(_TAKE_IDENTITY, log_id, 1)
    return head


async def find_hash(connection: Connection, hashed: bytes) -> int | None:
    """The position whose hash this is: a log that has it only grew since."""
    if hashed == GENESIS:
        return 0
    found: int | None = await connection.fetchval(_FIND_HASH, hashed)
    return found


def _checked(header: ExportHeader, lines: Iterator[bytes]) -> Iterator[ExportedEvent]:
    head = Head()
    for line in lines:
        expected = head.position + 1
        try:
            event = _EVENT.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise BrokenExport(f"Position {expected} cannot be read: {exc}.") from exc
        if _JSON.encode(event) + b"\n" != line:
            raise BrokenExport(f"Position {expected} is not written as it was exported.")
        head = _follow(head, event)
        yield event
    if head.position != header.events:
        raise BrokenExport(
            f"The file ends after position {head.position}; its first line says "
            f"{header.events} events."
        )
    if head.hash.hex() != header.head_hash:
        raise BrokenExport("The first line names another head than the events come to.")


def _follow(head: Head, event: ExportedEvent) -> Head:
    """The head after *event*, if it is what followed *head* when it was exported."""
    expected = head.position + 1
    if event.position != expected:
        raise BrokenExport(f"Position {expected} is missing: position {event.position} follows.")
    if head.recorded_at is not None and event.recorded_at < head.recorded_at:
        raise BrokenExport(f"Position {expected} was recorded before the one before it.")
    payload = bytes(event.payload)
    try:
        hashed = payload_hash(bytes.fromhex(event.salt), payload)
        canonical = to_canonical_json(from_canonical_json(payload))
    except (ValueError, msgspec.MsgspecError) as exc:
        raise BrokenExport(f"Position {expected} cannot be read: {exc}.") from exc
    chained = event_hash(
        head.hash,
        position=event.position,
        event_id=event.event_id,
        type_=event.type,
        recorded_at=event.recorded_at,
        recorded_by=event.recorded_by,
        payload_hash=hashed,
    )
    if canonical != payload or hashed.hex() != event.payload_hash or chained.hex() != event.hash:
        raise BrokenExport(f"Position {expected} is not what was exported: its hash differs.")
    return Head(Position(event.position), chained, event.recorded_at.astimezone(UTC))


class _Chain(Struct):
    """An original event and what is said of it now."""

    position: Position
    original: Fact
    last: Fact


def _entry(event: ExportedEvent, chains: dict[UUID, _Chain]) -> LogEntry:
    payload = bytes(event.payload)
    said = from_canonical_json(payload)
    position = Position(event.position)
    chain: _Chain | None = None
    replaced: list[Fact] = []
    if isinstance(said, Correction | Retraction):
        chain = chains.get(said.target)
        if chain is None:
            raise BrokenExport(f"Position {position} is about no event before it.")
        replaced = [chain.original, chain.last]
        if isinstance(said, Correction):
            chain.last = said.event
    else:
        chains[event.event_id] = _Chain(position, said, said)
    return LogEntry(
        event=RecordedEvent(
            position=position,
            event_id=event.event_id,
            payload=said,
            target_position=chain.position if chain is not None else None,
            recorded_at=event.recorded_at,
            recorded_by=event.recorded_by,
            hash=bytes.fromhex(event.hash),
        ),
        # Neither is covered by the hash, so neither is exported.
        request_id="",
        payload=payload,
        salt=bytes.fromhex(event.salt),
        payload_hash=bytes.fromhex(event.payload_hash),
        concerns=concerns_of(said, replaced),
    )


def _by_instant(entries: Iterable[LogEntry]) -> Iterator[list[LogEntry]]:
    """Runs of entries that were recorded at one instant, as `append` takes them."""
    run: list[LogEntry] = []
    for entry in entries:
        if run and run[0].event.recorded_at != entry.event.recorded_at:
            yield run
            run = []
        run.append(entry)
    if run:
        yield run
