"""The chain in the database, made again from its rows; and what verifying finds."""

import json
import struct
from datetime import timedelta
from hashlib import sha256

import pytest

from service.answers.log import VerificationAnswer, verify
from service.domain.events import Correction, Retraction
from tests.support import builders as b
from tests.support.histories import Base, command, commit_group, read_log, record, with_entities
from tests.support.postgres import utc

PAYLOAD = "Its payload is not the one that was recorded."
HASH = "Its hash does not follow from the event before it and from its own data."
EARLIER = "It was recorded before the event at the position before it."


@pytest.fixture
async def filled(base: Base) -> Base:
    """A log of six events in four commits by two."""
    await record(base.pool, with_entities(b.hire("ann", at="x", on="2020")), by="Žofie")
    await record(base.pool, with_entities(b.hire("ben", at="x", on="2021~")))
    (first, _) = await read_log(base.owner)
    await commit_group(
        base.pool,
        command(
            Retraction(target=first.event_id, reason="„Нет“ 😀"),
            Correction(
                target=first.event_id,
                reason="Found.",
                event=b.hire(b.entity("ann", "Ann"), at="x", on="2020-01", sources=(b.source(),)),
            ),
        ),
        command(b.closure("x", on="2024?")),
    )
    await record(base.pool, b.sighting("ben", at="x", on="2022"))
    return base


async def test_chain_is_what_the_design_says(filled: Base) -> None:
    """
    Each hash from the one before, from 32 zeros on, by the bytes of DESIGN and nothing else.
    """
    rows = await filled.owner.fetch("SELECT * FROM events ORDER BY position")
    assert len(rows) == 6
    previous = bytes(32)
    for position, row in enumerate(rows, 1):
        assert row["payload_hash"] == sha256(row["salt"] + row["payload"].encode()).digest()
        micros = (row["recorded_at"] - utc(1970, 1, 1)) // timedelta(microseconds=1)
        kind, by = row["type"].encode(), row["recorded_by"].encode()
        assert (
            row["hash"]
            == sha256(
                previous
                + struct.pack(">q", position)
                + row["event_id"].bytes
                + struct.pack(">I", len(kind))
                + kind
                + struct.pack(">q", micros)
                + struct.pack(">I", len(by))
                + by
                + row["payload_hash"]
            ).digest()
        )
        previous = row["hash"]
    assert (await _verified(filled)).head.hash == previous.hex()


async def test_payloads_are_kept_as_they_were_hashed(filled: Base) -> None:
    for row in await filled.owner.fetch("SELECT type, payload FROM events"):
        said = json.loads(row["payload"])
        assert said["type"] == row["type"]
        assert row["payload"] == json.dumps(
            said, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )


async def test_each_event_has_a_salt_of_its_own(filled: Base) -> None:
    salts = [row["salt"] for row in await filled.owner.fetch("SELECT salt FROM events")]
    assert {len(salt) for salt in salts} == {16}
    assert len(set(salts)) == len(salts)


async def test_untouched_log_is_found_to_be_so(filled: Base) -> None:
    found = await _verified(filled)
    assert (found.state, found.events, found.problems) == ("ok", 6, [])
    assert found.head.position == 6


async def test_empty_log_is_untouched(base: Base) -> None:
    found = await _verified(base)
    assert (found.state, found.events, found.head.position) == ("ok", 0, 0)
    assert found.head.hash == "00" * 32


MISSING = "Position {} is missing before position {}."
TAMPERED: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "a changed payload": (
        "UPDATE events SET payload = replace(payload, '2021~', '2020~') WHERE position = 2",
        [(2, PAYLOAD)],
    ),
    "a payload written otherwise": (
        "UPDATE events SET payload = payload || ' ' WHERE position = 2",
        [(2, PAYLOAD)],
    ),
    "another salt": (
        "UPDATE events SET salt = '\\x00' WHERE position = 6",
        [(6, PAYLOAD)],
    ),
    "a payload with a hash that fits": (
        "UPDATE events SET payload = '{}', payload_hash = sha256(salt || '{}') WHERE position = 3",
        [(3, HASH)],
    ),
    "a changed time": (
        "UPDATE events SET recorded_at = recorded_at + '1 microsecond' WHERE position = 6",
        [(6, HASH)],
    ),
    "an earlier time": (
        "UPDATE events SET recorded_at = '2001-01-01T00:00Z' WHERE position = 6",
        [(6, EARLIER), (6, HASH)],
    ),
    "another author": (
        "UPDATE events SET recorded_by = 'Zofie' WHERE position = 1",
        [(1, HASH)],
    ),
    "another type": ("UPDATE events SET type = 'return' WHERE position = 6", [(6, HASH)]),
    "another id": (
        "UPDATE events SET event_id = gen_random_uuid() WHERE position = 6",
        [(6, HASH)],
    ),
    # What is wrong with a hash shows at its event and at the one that follows from it.
    "a changed hash": (
        "UPDATE events SET hash = sha256('') WHERE position = 3",
        [(3, HASH), (4, HASH)],
    ),
    "a changed hash at the head": (
        "UPDATE events SET hash = sha256('') WHERE position = 6",
        [(6, HASH)],
    ),
    "a removed row": (
        "DELETE FROM events WHERE position = 4",
        [(5, MISSING.format(4, 5)), (5, HASH)],
    ),
    "the first row removed": (
        "DELETE FROM events WHERE position = 1",
        [(2, MISSING.format(1, 2)), (2, HASH)],
    ),
    "a swapped pair": (
        """
        UPDATE events SET position = 90 WHERE position = 4;
        UPDATE events SET position = 4 WHERE position = 5;
        UPDATE events SET position = 5 WHERE position = 90
        """,
        [(4, HASH), (5, HASH), (6, HASH)],
    ),
    "a removed row closed up": (
        "DELETE FROM events WHERE position = 5;UPDATE events SET position = 5 WHERE position = 6",
        [(5, HASH)],
    ),
    "an added row": (
        """
        INSERT INTO events
        SELECT 7, gen_random_uuid(), type, recorded_at, recorded_by, request_id,
            target_position, payload, salt, payload_hash, hash
        FROM events WHERE position = 6
        """,
        [(7, HASH)],
    ),
}


async def test_verifying_finds_what_was_changed(filled: Base) -> None:
    """Behind the log's back, past its triggers; the position is named."""
    await filled.owner.execute("SET session_replication_role = replica")
    await filled.owner.execute("CREATE TEMPORARY TABLE kept AS TABLE events")
    for tampered, (statement, problems) in TAMPERED.items():
        await filled.owner.execute(statement)
        found = await _verified(filled)
        assert found.state == "broken", tampered
        assert [(p.position, p.message) for p in found.problems] == problems, tampered
        await filled.owner.execute("DELETE FROM events; INSERT INTO events TABLE kept")
        assert (await _verified(filled)).state == "ok"


async def test_verifying_stops_at_a_log_that_is_broken_throughout(base: Base) -> None:
    hires = [b.hire(b.entity("ann", "Ann"), at=b.entity("x", "X"), on="2020") for _ in range(60)]
    await record(base.pool, *hires)
    await base.owner.execute("SET session_replication_role = replica")
    await base.owner.execute("UPDATE events SET salt = '\\x00'")
    found = await _verified(base)
    assert [p.position for p in found.problems] == list(range(1, 21))


async def _verified(base: Base) -> VerificationAnswer:
    async with base.pool.acquire() as connection:
        return await verify(connection)
