"""The chain in the database, made again from its rows; and what verifying finds."""

import json
import struct
from datetime import timedelta
from hashlib import sha256

import pytest

from service.domain.events import Correction, Retraction
from service.log.append import Head
from service.log.verify import Verified, find_hash, verify
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
    assert (await _verified(filled)).head.hash == previous


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
    assert (found.events, found.problems) == (6, [])
    assert found.head.position == 6


async def test_empty_log_is_untouched(base: Base) -> None:
    found = await _verified(base)
    assert (found.events, found.problems) == (0, [])
    assert found.head == Head()


TARGET = "It is about an event that is not before it."
UNREADABLE = "Its payload cannot be read."
STRAY = "Somebody is kept as named by it, and there is no such event."
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
        [(3, HASH), (3, UNREADABLE)],
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
        [(4, MISSING.format(4, 5)), (5, HASH)],
    ),
    "the first row removed": (
        "DELETE FROM events WHERE position = 1",
        [(1, MISSING.format(1, 2)), (2, HASH), (3, TARGET), (4, TARGET)],
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
        [(5, HASH), (6, STRAY)],
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


KEPT = "It is kept as being about "
DERIVED: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "a correction of another event": (
        "UPDATE events SET target_position = 2 WHERE position = 4",
        [(4, KEPT + "position 2; its payload is about position 1.")],
    ),
    "a correction of none": (
        "UPDATE events SET target_position = NULL WHERE position = 4",
        [(4, KEPT + "position None; its payload is about position 1.")],
    ),
    "a fact about another": (
        "UPDATE events SET target_position = 1 WHERE position = 5",
        [(5, KEPT + "position 1; its payload is about position None.")],
    ),
    "somebody left out": (
        "DELETE FROM event_subjects WHERE kind = 'person' AND position = 2",
        [(2, "It is not kept as being about the person 'ben', whom its payload names.")],
    ),
    "somebody of what was replaced left out": (
        "DELETE FROM event_subjects WHERE kind = 'person' AND position = 3",
        [(3, "It is not kept as being about the person 'ann', whom its payload names.")],
    ),
    "somebody put in": (
        "INSERT INTO event_subjects VALUES ('lab', 'y', 2, false, false)",
        [(2, KEPT + "the lab 'y', whom its payload does not name.")],
    ),
    "somebody in place of another": (
        "UPDATE event_subjects SET subject_id = 'ban' WHERE kind = 'person' AND position = 2",
        [
            (2, KEPT + "the person 'ban', whom its payload does not name."),
            (2, "It is not kept as being about the person 'ben', whom its payload names."),
        ],
    ),
    "no fact any more": (
        "UPDATE event_subjects SET is_fact = false WHERE position = 5",
        [(5, KEPT + "the lab 'x' in another way than its payload says.")],
    ),
    "a link that is none": (
        "UPDATE event_subjects SET is_link = true WHERE kind = 'lab' AND position = 5",
        [(5, KEPT + "the lab 'x' in another way than its payload says.")],
    ),
    "another first day": (
        "UPDATE events SET on_lo = on_lo - 1 WHERE position = 4",
        [(4, "The days that are kept of it are not those of its date.")],
    ),
    "no last day": (
        "UPDATE events SET on_hi = NULL WHERE position = 6",
        [(6, "The days that are kept of it are not those of its date.")],
    ),
    "a truncated tail whose traces are left": (
        "DELETE FROM events WHERE position > 4",
        [(5, STRAY), (6, STRAY)],
    ),
}
"""What no hash covers, since it follows from the payloads."""


async def test_verifying_finds_what_was_changed_beside_the_payloads(filled: Base) -> None:
    """Else events could be hidden from whoever looks for them, with every hash in place."""
    await filled.owner.execute("SET session_replication_role = replica")
    await filled.owner.execute("CREATE TEMPORARY TABLE kept AS TABLE events")
    await filled.owner.execute("CREATE TEMPORARY TABLE kept_subjects AS TABLE event_subjects")
    for tampered, (statement, problems) in DERIVED.items():
        await filled.owner.execute(statement)
        found = await _verified(filled)
        assert [(p.position, p.message) for p in found.problems] == problems, tampered
        await filled.owner.execute(
            "DELETE FROM events; INSERT INTO events TABLE kept;"
            "DELETE FROM event_subjects; INSERT INTO event_subjects TABLE kept_subjects"
        )
        assert (await _verified(filled)).problems == []


async def test_unreadable_target_is_no_fault_of_the_verification(
    filled: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was read long before the corrections of it."""
    await filled.owner.execute("SET session_replication_role = replica")
    for payload in ("{}", "no JSON", '{"@version":9,"type":"hire"}', "[" * 5000):
        await filled.owner.execute("UPDATE events SET payload = $1 WHERE position = 1", payload)
        for at_once in (1, 100):
            monkeypatch.setattr("service.log.verify.EVENTS_AT_ONCE", at_once)
            positions = [problem.position for problem in (await _verified(filled)).problems]
            assert positions == [1, 1, 3, 4]


async def test_log_with_a_truncated_tail_never_came_by_its_head(filled: Base) -> None:
    """Nothing in the log itself shows it; a remembered head does."""
    heads = [row["hash"] for row in await filled.owner.fetch(HASHES)]
    await filled.owner.execute("SET session_replication_role = replica")
    await filled.owner.execute(
        "DELETE FROM events WHERE position = 6; DELETE FROM event_subjects WHERE position = 6"
    )
    assert (await _verified(filled)).problems == []
    found = [await find_hash(filled.owner, hashed) for hashed in (bytes(32), *heads)]
    assert found == [0, 1, 2, 3, 4, 5, None]


HASHES = "SELECT hash FROM events ORDER BY position"


@pytest.mark.parametrize("at_once", [1, 2, 5, 6, 7])
async def test_verifying_does_not_depend_on_how_much_is_read_at_once(
    filled: Base, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction is checked against what came before it, read along with it or earlier."""
    monkeypatch.setattr("service.log.verify.EVENTS_AT_ONCE", at_once)
    told: list[tuple[int, int]] = []
    found = await verify(filled.pool, lambda done, total: told.append((done, total)))
    assert (found.events, found.problems) == (6, [])
    assert told == [(min(n, 6), 6) for n in range(at_once, 6 + at_once, at_once)]


async def test_verifying_finds_what_was_changed(filled: Base) -> None:
    """Behind the log's back, past its triggers; the position is named."""
    await filled.owner.execute("SET session_replication_role = replica")
    await filled.owner.execute("CREATE TEMPORARY TABLE kept AS TABLE events")
    for tampered, (statement, problems) in TAMPERED.items():
        await filled.owner.execute(statement)
        found = await _verified(filled)
        assert [(p.position, p.message) for p in found.problems] == problems, tampered
        await filled.owner.execute("DELETE FROM events; INSERT INTO events TABLE kept")
        assert (await _verified(filled)).problems == []


async def test_verifying_stops_at_a_log_that_is_broken_throughout(base: Base) -> None:
    hires = [b.hire(b.entity("ann", "Ann"), at=b.entity("x", "X"), on="2020") for _ in range(60)]
    await record(base.pool, *hires)
    await base.owner.execute("SET session_replication_role = replica")
    await base.owner.execute("UPDATE events SET salt = '\\x00'")
    found = await _verified(base)
    assert [p.position for p in found.problems] == list(range(1, 21))


async def _verified(base: Base) -> Verified:
    return await verify(base.pool)
