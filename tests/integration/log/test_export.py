"""Export, restore, export: the same log to the byte; and what is not one is refused by position."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings

from service.app import ROLE, SEARCH_PATH, make_current
from service.domain.events import Correction, Entity, Payload, Retraction
from service.domain.refusals import Invalid
from service.log import restore as restoring
from service.log.append import Head
from service.log.chain import GENESIS, event_hash, header_hash, payload_hash
from service.log.export import (
    PIECE_BYTES,
    BrokenExport,
    LogChanged,
    export,
    in_pieces,
    read_export,
)
from service.log.read import read_head, read_identity
from service.log.restore import EPOCHS_BEGAN, LogNotEmpty, restore
from service.log.schema import migrate
from service.log.verify import verify
from service.postgres.pool import Connection, Pool, open_pool
from service.read_models.replay import fetch_state
from service.read_models.stale import mark_stale
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import (
    Base,
    Plan,
    carry_out,
    fetch_rows,
    plain,
    plans,
    read_log,
    record,
    submission,
    with_entities,
)
from tests.support.postgres import utc

EXAMPLES = settings().max_examples // 5
NOW = utc(2026, 11, 22)


async def exported(pool: Pool) -> list[bytes]:
    return [line async for line in export(pool)]


async def restored(connection: Connection, lines: Iterable[bytes], **how: Any) -> Head:
    header, events = read_export(lines)
    async with connection.transaction():
        return await restore(connection, events, header.log_id, now=NOW, **how)


@asynccontextmanager
async def pool_on(dsn: str) -> AsyncIterator[Pool]:
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
async def lines(base: Base) -> list[bytes]:
    """An export of three events: a hire, its correction and its retraction."""
    (hired,) = await record(base.pool, with_entities(b.hire("ann", at="x", on="2024-01-10")))
    corrected = b.hire("ann", at="x", on="2024-02")
    target = hired.event_id
    await record(base.pool, Correction(target=target, reason="a better source", event=corrected))
    await record(base.pool, Retraction(target=target, reason="„Нет“ 😀"))
    return await exported(base.pool)


async def test_first_line_says_which_log_and_how_much(base: Base, lines: list[bytes]) -> None:
    identity = await read_identity(base.owner)
    head = await read_head(base.owner)
    assert msgspec.json.decode(lines[0]) == {
        "log_id": str(identity.log_id),
        "events": 3,
        "head_hash": head.hash.hex(),
        "header_hash": sha256(identity.log_id.bytes + struct.pack(">q", 3) + head.hash).hexdigest(),
    }
    assert len(lines) == 4


async def test_empty_log_is_exported_and_restored(base: Base) -> None:
    lines = await exported(base.pool)
    assert len(lines) == 1
    assert await restored(base.owner, lines) == Head()
    assert await exported(base.pool) == lines


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans())
async def test_what_was_restored_is_the_same_log(base: Base, plan: Plan) -> None:
    """
    Export, restore, export is byte-equal, and every answer rests on the same rows.

    For any history that the service records; SEMANTICS 7.
    """
    note(repr(plan))
    await base.empty()
    await carry_out(base, plan)
    before = await exported(base.pool), await fetch_rows(base.owner), await read_log(base.owner)
    beside = [[tuple(row) for row in await base.owner.fetch(query)] for query in BESIDE]
    await base.empty()

    head = await restored(base.owner, before[0])
    async with base.owner.transaction():
        await mark_stale(base.owner)
    await make_current(base.pool)

    assert head == await read_head(base.owner)
    assert await exported(base.pool) == before[0]
    assert await fetch_rows(base.owner) == before[1]
    assert [plain(e) for e in await read_log(base.owner)] == [plain(e) for e in before[2]]
    assert beside == [[tuple(row) for row in await base.owner.fetch(query)] for query in BESIDE]
    assert (await verify(base.pool)).problems == []


BESIDE = (
    "SELECT position, target_position, on_lo, on_hi, type FROM events ORDER BY position",
    "SELECT * FROM event_subjects ORDER BY position, kind, subject_id",
)


@pytest.mark.parametrize("at_once", [1, 2])
async def test_correction_finds_its_event_however_much_is_restored_at_once(
    base: Base, lines: list[bytes], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "EVENTS_AT_ONCE", at_once)
    await base.empty()
    told: list[int] = []
    await restored(base.owner, lines, tell=told.append)
    assert told == [min(n, 3) for n in range(at_once, 3 + at_once, at_once)]
    assert await exported(base.pool) == lines
    assert (await verify(base.pool)).problems == []


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_export_does_not_depend_on_how_much_is_read_at_once(
    base: Base, lines: list[bytes], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.log.export.ROWS_AT_ONCE", at_once)
    assert await exported(base.pool) == lines


async def test_restore_takes_the_identity_and_an_epoch_of_its_own(
    lines: list[bytes], bare_database: str
) -> None:
    """Of two restores of one log, neither takes the other's cursors for its own."""
    await asyncio.to_thread(migrate, bare_database)
    async with connected(bare_database) as owner:
        await restored(owner, lines)
        identity = await read_identity(owner)
    assert str(identity.log_id) in lines[0].decode()
    assert identity.epoch == (NOW - EPOCHS_BEGAN).total_seconds()


async def test_epoch_rises_even_when_the_clock_went_back(base: Base, lines: list[bytes]) -> None:
    before = await read_identity(base.owner)
    await base.empty()
    header, events = read_export(lines)
    async with base.owner.transaction():
        await restore(base.owner, events, header.log_id, now=EPOCHS_BEGAN - timedelta(days=1))
    assert (await read_identity(base.owner)).epoch == before.epoch + 1


async def test_repeats_are_known_in_a_restored_log(base: Base) -> None:
    """A file that was loaded before is loaded again without anything coming of it."""
    said: list[Payload] = [
        b.founding(Entity(name="Lab X"), on="2019", by=(Entity(name="Ann Lee"),), parent="Corp"),
        b.hire("Ann Lee", at="Lab X", on="2020", sources=(b.source("2020"),)),
        b.person_profile("Ann Lee", aliases=("Annie",)),
    ]
    ids = [UUID(int=n) for n in range(1, 5)]
    sent = [submission(payload, id_) for payload, id_ in zip(said, ids, strict=False)]
    await record(base.pool, *sent)
    correction = Correction(
        target=ids[1], reason="No.", event=b.hire("Annie", at="lab x", on="2018")
    )
    await record(base.pool, submission(correction, ids[3]))
    lines = await exported(base.pool)
    await base.empty()
    await restored(base.owner, lines)
    async with base.owner.transaction():
        await mark_stale(base.owner)
    await make_current(base.pool)

    again = await record(base.pool, *sent, submission(correction, ids[3]))
    assert [event.position for event in again] == [1, 2, 3, 4]
    for other in (
        submission(b.hire("Ann Lee", at="Lab X", on="2021"), ids[1]),
        submission(b.hire("Nobody", at="Lab X", on="2020", sources=(b.source("2020"),)), ids[1]),
        submission(b.sighting("Ann Lee", at="Lab X", on="2020"), ids[1]),
    ):
        with pytest.raises(Invalid, match="position 2"):
            await record(base.pool, other)
    assert await exported(base.pool) == lines


async def test_log_that_is_not_empty_stays_as_it_is(base: Base, lines: list[bytes]) -> None:
    identity = await read_identity(base.owner)
    with pytest.raises(LogNotEmpty, match="3 events already"):
        await restored(base.owner, lines)
    assert await exported(base.pool) == lines
    assert await read_identity(base.owner) == identity


async def test_what_is_stale_is_replayed_before_it_answers(base: Base, lines: list[bytes]) -> None:
    """A process that ends between the restore and the replay leaves nothing that looks whole."""
    await base.empty()
    await restored(base.owner, lines)
    await mark_stale(base.owner)
    async with base.pool.acquire() as connection:
        assert not (await fetch_state(connection)).is_current
    await make_current(base.pool)
    async with base.pool.acquire() as connection:
        assert (await fetch_state(connection)).is_current


async def test_what_no_log_exported_is_named_by_position(base: Base, lines: list[bytes]) -> None:
    """And nothing of it is restored."""
    head, one, two, three = lines
    hashed = bytes.fromhex(msgspec.json.decode(head)["head_hash"])
    broken: dict[str, Sequence[bytes]] = {
        "Position 2 is not what was exported": [
            head,
            one,
            two.replace(b"better", b"bitter"),
            three,
        ],
        "Position 2 is missing: position 3": [head, one, three],
        "Position 1 is missing: position 2": [head, two, one, three],
        "Position 2 is missing: position 3 ": [head, one, three, two],
        "Position 3 cannot be read": [head, one, two, three[:-20]],
        "Position 3 is not written as it was": [head, one, two, three[:-1]],
        "ends after position 2": [head, one, two],
        "ends after position 0": [head],
        "Position 1 is not written as it was": [head, one.replace(b",", b", ", 1), two, three],
        "Position 2 cannot be read": [head, one, b"\n", two, three],
        "goes on at position 4": [*lines, three],
        "goes on at position 3": [_header(2, hashed), one, two, three],
        "The first line does not say": [b"{}\n", one, two, three],
        "The first line does not say which": lines[1:],
        "The first line does not say which log": [],
        "The first line is not what": [head.replace(b",", b", "), one, two, three],
        "The first line is not what was": [head.replace(b":3", b":4"), one, two, three],
        "another head": [_header(3, bytes(32)), one, two, three],
    }
    await base.empty()
    for told, file in broken.items():
        with pytest.raises(BrokenExport, match=told) as refusal:
            await restored(base.owner, file)
        number = re.search(r"osition (\d)", told)
        if number and "ends after" not in told:
            assert refusal.value.position == int(number[1])
        assert (await read_head(base.owner)).position == 0
        assert await base.owner.fetchval("SELECT count(*) FROM event_subjects") == 0


def test_every_changed_byte_is_named_by_its_line() -> None:
    """Whichever it is, and however it is changed: what holds the file together is in it."""
    lines = forged(CLOSURE, CLOSURE, RETRACTION.format(b.event_id(1)))
    assert len(list(read_export(lines)[1])) == 3
    for number, line in enumerate(lines):
        for at in range(len(line)):
            changed = line[:at] + bytes([line[at] ^ (1 << at % 7)]) + line[at + 1 :]
            file = b"".join([*lines[:number], changed, *lines[number + 1 :]])
            with pytest.raises(BrokenExport) as refusal:
                list(read_export(file.splitlines(keepends=True))[1])
            assert refusal.value.position == number, (number, at)


def forged(*payloads: str, **said: Any) -> list[bytes]:
    """An export that somebody made, with every hash in place; *said* is of the last event."""
    previous, lines = GENESIS, []
    for position, payload in enumerate(payloads, 1):
        event: dict[str, Any] = {
            "event_id": b.event_id(position),
            "type": re.findall(r'"type":"(\w+)"', payload)[-1:][0] if "type" in payload else "hire",
            "recorded_at": NOW,
            "recorded_by": "forger",
        } | (said if position == len(payloads) else {})
        hashed = payload_hash(b"salt", payload.encode())
        previous = event_hash(
            previous,
            position=position,
            event_id=event["event_id"],
            type_=event["type"],
            recorded_at=event["recorded_at"],
            recorded_by=event["recorded_by"],
            payload_hash=hashed,
        )
        line = {
            "position": position,
            **event,
            "payload": msgspec.Raw(payload.encode()),
            "salt": b"salt".hex(),
            "payload_hash": hashed.hex(),
            "hash": previous.hex(),
        }
        lines.append(msgspec.json.encode(line) + b"\n")
    return [_header(len(lines), previous), *lines]


def _header(events: int, head_hash: bytes) -> bytes:
    said = {
        "log_id": UUID(int=7),
        "events": events,
        "head_hash": head_hash.hex(),
        "header_hash": header_hash(UUID(int=7), events, head_hash).hex(),
    }
    return msgspec.json.encode(said) + b"\n"


CLOSURE = '{"@version":1,"date":"2022","lab":"x","type":"closure"}'
RETRACTION = '{{"@version":1,"reason":"r","target":"{}","type":"retraction"}}'
FORGED: dict[str, list[bytes]] = {
    "about no event before it": forged(CLOSURE, RETRACTION.format(b.event_id(9))),
    "about no event before it.": forged(
        CLOSURE, RETRACTION.format(b.event_id(1)), RETRACTION.format(b.event_id(2))
    ),
    "cannot be read: 'soon' is no date": forged(CLOSURE.replace("2022", "soon")),
    "'late' is no date": forged(
        '{"date":"2022","lab":"x","sources":[{"published":"late","url":"http://x.org"}],'
        '"type":"closure"}'
    ),
    "not as a log writes it": forged('{"lab":"x","date":"2022","type":"closure"}'),
    "is not as a log writes it": forged(CLOSURE, CLOSURE, type="renaming"),
    "a later edition wrote it": forged(CLOSURE.replace(":1", ":2")),
    "version is 0": forged(CLOSURE.replace(":1", ":0")),
    "has its id": forged('{"date":"2022","lab":{"name":"X"},"type":"closure"}'),
    "none that a log holds": forged(CLOSURE, CLOSURE, event_id=b.event_id(1)),
    "none that a log holds: ": forged(CLOSURE, recorded_by="a\0b"),
    "recorded before the one before it": forged(
        CLOSURE, CLOSURE, recorded_at=NOW - timedelta(seconds=1)
    ),
    "not written as it was exported": forged(
        CLOSURE, recorded_at=NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    ),
    "cannot be read: ": forged('{"a":' + "[" * 5000 + "]" * 5000 + ',"type":"closure"}'),
}


@pytest.mark.parametrize("told", FORGED)
async def test_forged_export_is_refused_where_no_log_could_be_so(base: Base, told: str) -> None:
    """A chain can be made of anything; what is no log is refused with the position all the same."""
    with pytest.raises(BrokenExport, match=told) as refusal:
        await restored(base.owner, FORGED[told])
    assert refusal.value.position in (len(FORGED[told]) - 1, 1)
    assert "osition" in refusal.value.message
    assert (await read_head(base.owner)).position == 0


async def test_log_of_before_there_were_versions_is_restored_as_it_is(base: Base) -> None:
    before = '{"date":"2022","lab":"x","type":"closure"}'
    said: list[Payload] = [b.closure("x", on="2022"), b.closure("x", on="2022")]
    lines = forged(before, CLOSURE)
    await restored(base.owner, lines)
    assert [e.payload for e in await read_log(base.owner)] == said
    assert (await exported(base.pool))[1:] == lines[1:]


@pytest.mark.parametrize("gone", [1, 2, 3])
async def test_export_of_a_log_with_a_gap_breaks_off(
    base: Base, lines: list[bytes], gone: int
) -> None:
    """A reader has to see that this is not the whole of it."""
    header, _ = read_export(lines)
    await base.owner.execute("SET session_replication_role = replica")
    await base.owner.execute("DELETE FROM events WHERE position = $1", gone)
    with pytest.raises(LogChanged, match="after position"):
        _ = [line async for line in export(base.pool, header)]


async def test_pieces_are_the_lines_together() -> None:
    async def of(lines: Sequence[bytes]) -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    many = [b"x" * 1000 + b"\n"] * 200
    pieces = [piece async for piece in in_pieces(of(many))]
    assert b"".join(pieces) == b"".join(many)
    assert all(PIECE_BYTES <= len(piece) < PIECE_BYTES + 1001 for piece in pieces[:-1])
    assert [piece async for piece in in_pieces(of([]))] == []


async def test_slow_reader_of_an_export_holds_no_connection(base: Base, lines: list[bytes]) -> None:
    """Else ten of them would stop the service."""
    going = [export(base.pool) for _ in range(base.pool.get_max_size() + 1)]
    for one in going:
        assert await anext(one) == lines[0]
        assert await anext(one) == lines[1]
    await record(base.pool, b.sighting("ann", at="x", on="2022"))
    for one in going:
        assert [line async for line in one] == lines[2:], "what comes later is not in it"
