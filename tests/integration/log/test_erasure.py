"""What is erased, what of it stays, and what the database refuses to erase, whoever asks."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from service.app import CHANCE, ROLE, make_current
from service.domain.events import Correction, Erased, Erasure, Fact, Hire, Retraction
from service.domain.refusals import AlreadyErased, Invalid, NotCorrectable, Refusal
from service.log.erasure import TOMBSTONE, erase
from service.log.export import BrokenExport, ErasedMeanwhile, export, read_export
from service.log.read import read_head
from service.log.restore import restore
from service.log.verify import verify
from service.read_models.stale import mark_stale
from service.recording.writer import commit
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.erasing import REASON, erase_events
from tests.support.histories import (
    Base,
    command,
    commit_group,
    read_log,
    record,
    submission,
)
from tests.support.postgres import utc

ONE, TWO, THREE, FOUR = (UUID(int=n) for n in range(1, 5))
HIRES: list[Fact] = [
    b.hire(b.entity(one, one.capitalize()), at=b.entity(lab, lab.upper()), on=on)
    for one, lab, on in (("ann", "x", "2020"), ("bob", "y", "2021"), ("cid", "x", "2022"))
]


@pytest.fixture
async def filled(base: Base) -> Base:
    """Ann is hired, corrected to Bob and retracted; Cid is hired. The first two came with keys."""
    ann, bob, cid = HIRES
    await record(base.pool, submission(ann, ONE), key="first")
    await record(
        base.pool,
        submission(Correction(target=ONE, reason="Bob.", event=bob), TWO),
        submission(Retraction(target=ONE, reason="Neither."), THREE),
        key="second",
    )
    await record(base.pool, submission(cid, FOUR), key="third")
    return base


STAYING = """
    SELECT position, event_id, type, recorded_at, recorded_by, target_position, payload_hash, hash
    FROM events WHERE position < 5 ORDER BY position
"""


async def test_erased_event_says_nothing_and_keeps_its_place(filled: Base) -> None:
    before = await filled.owner.fetch(STAYING)
    erasure = await erase_events(filled.pool, ONE, THREE)
    assert await filled.owner.fetch(STAYING) == before
    for position in (1, 3):
        row = await filled.owner.fetchrow("SELECT * FROM events WHERE position = $1", position)
        assert row is not None
        assert (row["payload"], row["salt"], row["request_id"]) == (TOMBSTONE, b"", "")
        assert (row["body_digest"], row["on_lo"], row["on_hi"]) == (None, None, None)
        assert row["erased_by"] == erasure.position == 5
    said = [event.payload for event in await read_log(filled.owner)]
    assert list(map(type, said)) == [Erased, Correction, Erased, Hire, Erasure]
    assert said[-1] == Erasure(events=(ONE, THREE), reason=REASON)
    assert (await verify(filled.pool)).problems == []


async def test_nothing_of_it_is_left_in_any_row_of_the_log(filled: Base) -> None:
    """Salts and digests would let somebody confirm a guess."""
    rows = "SELECT events::text FROM events WHERE position = 1"
    before = await filled.owner.fetchval(rows)
    salt = await filled.owner.fetchval("SELECT salt::text FROM events WHERE position = 1")
    assert salt in before
    await erase_events(filled.pool, ONE)
    for table in ("events", "event_subjects", "receipts"):
        for (row,) in await filled.owner.fetch(f"SELECT {table}::text FROM {table}"):
            assert "ann" not in row
            assert "Ann" not in row
            assert salt not in row
    digests = await filled.owner.fetch("SELECT length(request_digest) FROM receipts ORDER BY 1")
    assert [row[0] for row in digests] == [0, 32, 32]


async def test_whom_events_concern_follows_from_what_is_left(filled: Base) -> None:
    """Of what was erased nobody; of what is about it whom the rest of its chain names."""
    assert await _subjects(filled) == {
        1: {"ann", "x"},
        2: {"ann", "bob", "x", "y"},
        3: {"ann", "bob", "x", "y"},
        4: {"cid", "x"},
    }
    await erase_events(filled.pool, ONE)
    assert await _subjects(filled) == {2: {"bob", "y"}, 3: {"bob", "y"}, 4: {"cid", "x"}}
    assert (await verify(filled.pool)).problems == []
    await erase_events(filled.pool, TWO)
    assert await _subjects(filled) == {4: {"cid", "x"}}
    assert (await verify(filled.pool)).problems == []


async def test_correction_before_one_that_was_erased_is_what_was_said_before(base: Base) -> None:
    """The chain is what is left of it, also for whom its later links concern."""
    ann, bob, cid = HIRES
    await record(base.pool, submission(ann, ONE))
    for number, fact in ((2, bob), (3, cid), (4, ann)):
        amended = Correction(target=ONE, reason="No.", event=fact)
        await record(base.pool, submission(amended, UUID(int=number)))
    await erase_events(base.pool, THREE)
    assert (await _subjects(base))[4] == {"ann", "bob", "x", "y"}
    assert (await verify(base.pool)).problems == []


async def _subjects(base: Base) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for position, one in await base.owner.fetch("SELECT position, subject_id FROM event_subjects"):
        found.setdefault(position, set()).add(one)
    return found


async def test_what_is_no_event_that_can_be_erased_is_refused(filled: Base) -> None:
    """And nothing of it happens: neither the erasure nor a part of it."""
    gone = await erase_events(filled.pool, ONE)
    before = await _everything(filled)
    for ids in (
        (UUID(int=99),),
        (FOUR, UUID(int=99)),
        (ONE,),
        (FOUR, ONE),
        (FOUR, FOUR),
        (gone.event_id,),
    ):
        with pytest.raises(asyncpg.RestrictViolationError, match="none that can be erased"):
            await erase_events(filled.pool, *ids)
        assert await _everything(filled) == before


async def test_only_the_erasure_at_the_head_erases(filled: Base) -> None:
    """Not an event of another type, nor one that others follow, nor one that is yet to come."""
    ann, _, _ = HIRES
    for said in ([Erasure(events=(ONE,), reason=REASON), ann], [ann]):
        await commit_group(filled.pool, command(*said))
        head = (await read_head(filled.owner)).position
        before = await _everything(filled)
        for connection in (filled.owner, filled.pool):
            for position in (*range(1, head + 2), -1):
                with pytest.raises(asyncpg.RestrictViolationError, match="no erasure at the head"):
                    await connection.fetchval("SELECT public.erase($1)", position)
        assert await _everything(filled) == before


FORGED = """
    INSERT INTO events (position, event_id, type, recorded_at, recorded_by, request_id, payload,
        salt, payload_hash, hash)
    VALUES (9, gen_random_uuid(), 'erasure', now(), 'eve', '', $1, '', sha256(''), sha256(''))
"""


async def test_service_that_is_not_itself_any_more_leaves_its_trace(filled: Base) -> None:
    """Who has its role may erase, by an erasure on the log; one that is forged is found."""
    async with connected(filled.dsn, ROLE) as eve:
        await eve.execute(FORGED, f'{{"events":["{FOUR}"],"reason":"","type":"erasure"}}')
        assert await eve.fetchval("SELECT public.erase(9)") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await eve.execute("DELETE FROM events WHERE position = 9")
    assert 9 in [problem.position for problem in (await verify(filled.pool)).problems]


@pytest.mark.parametrize(
    "payload",
    ['{"events":"all"}', '{"events":{}}', '{"events":["all"]}', '{"events":[null]}', "[]", "no"],
)
async def test_erasure_that_cannot_be_read_erases_nothing(filled: Base, payload: str) -> None:
    async with connected(filled.dsn, ROLE) as eve:
        await eve.execute(FORGED, payload)
        before = await _everything(filled)
        with contextlib.suppress(asyncpg.PostgresError):
            assert await eve.fetchval("SELECT public.erase(9)") == 0
        assert await _everything(filled) == before


async def test_table_of_the_same_name_does_not_stand_for_the_log(filled: Base) -> None:
    """The service may make temporary ones, and could tell the function of an erasure by one."""
    async with connected(filled.dsn, ROLE) as eve:
        before = await _everything(filled)
        await eve.execute("CREATE TEMPORARY TABLE events (LIKE public.events)")
        await eve.execute(
            FORGED.replace("INTO events", "INTO pg_temp.events"), f'{{"events":["{FOUR}"]}}'
        )
        with pytest.raises(asyncpg.RestrictViolationError, match="no erasure at the head"):
            await eve.fetchval("SELECT public.erase(9)")
        assert await _everything(filled) == before


async def test_nobody_else_may_call_the_function(filled: Base) -> None:
    other = f"other_{uuid4().hex[:8]}"
    await filled.owner.execute(f"CREATE ROLE {other}")
    try:
        async with connected(filled.dsn, other) as somebody:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="function erase"):
                await somebody.fetchval("SELECT public.erase(1)")
    finally:
        await filled.owner.execute(f"DROP ROLE {other}")


TOMBSTONES = f"""
    UPDATE events SET payload = '{TOMBSTONE}', salt = '', request_id = '', body_digest = NULL,
        on_lo = NULL, on_hi = NULL, erased_by = 5
"""
CHANGES = [
    f"{TOMBSTONES} WHERE position = 4",
    f"{TOMBSTONES}, type = 'leave' WHERE position = 1",
    f"{TOMBSTONES}, hash = sha256('') WHERE position = 1",
    f"{TOMBSTONES}, payload_hash = sha256('') WHERE position = 1",
    f"{TOMBSTONES}, recorded_by = 'eve' WHERE position = 1",
    f"{TOMBSTONES}, recorded_at = now() WHERE position = 1",
    f"{TOMBSTONES}, event_id = gen_random_uuid() WHERE position = 1",
    f"{TOMBSTONES}, position = 0 WHERE position = 1",
    f"{TOMBSTONES}, target_position = 0 WHERE position = 1",
    TOMBSTONES.replace("erased_by = 5", "erased_by = 6") + "WHERE position = 1",
    TOMBSTONES.replace("on_lo = NULL, ", "") + "WHERE position = 1",
    TOMBSTONES.replace("salt = ''", "salt = '1'") + "WHERE position = 1",
    TOMBSTONES.replace(TOMBSTONE, "{}") + "WHERE position = 1",
    "UPDATE events SET recorded_by = 'eve' WHERE position = 1",
    "DELETE FROM events WHERE position = 1",
    "TRUNCATE events CASCADE",
    "UPDATE event_subjects SET subject_id = 'eve'",
    "DELETE FROM event_subjects WHERE position = 1",
    "DELETE FROM event_subjects WHERE position = 4",
    "TRUNCATE event_subjects",
    "UPDATE receipts SET request_digest = ''",
    "UPDATE receipts SET request_digest = sha256('')",
    "DELETE FROM receipts",
    "TRUNCATE receipts",
]


@pytest.mark.parametrize("by_hand", [False, True], ids=["plain", "setting"])
async def test_nothing_else_changes_the_log(filled: Base, by_hand: bool) -> None:
    """
    The erasure of ONE is at the head, and nobody has carried it out yet.

    Who sets by hand what the function sets comes past the first guard, and not past the second;
    the service has no right to change anything, whatever it sets.
    """
    await commit_group(filled.pool, command(Erasure(events=(ONE,), reason=REASON)))
    before = await _everything(filled)
    for statement in CHANGES:
        for role, refusal in (
            (None, asyncpg.RestrictViolationError),
            (ROLE, asyncpg.InsufficientPrivilegeError),
        ):
            async with connected(filled.dsn, role) as connection:
                if by_hand:
                    await connection.execute("SET timeline.erasure = '5'")
                with pytest.raises(refusal):
                    await connection.execute(statement)
    assert await _everything(filled) == before


async def test_guard_is_whole_again_once_it_was_let_by(filled: Base) -> None:
    """In the same transaction, too."""
    asked = command(Erasure(events=(ONE,), reason=REASON))
    async with filled.owner.transaction():
        await commit(filled.owner, [asked], CHANCE)
        assert await erase(filled.owner, (await read_head(filled.owner)).position) == 1
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only: UPDATE on events"):
            async with filled.owner.transaction():
                await filled.owner.execute("UPDATE events SET salt = '' WHERE false")
    assert (await verify(filled.pool)).problems == []


async def test_second_guard_lets_by_what_the_function_does(filled: Base) -> None:
    """Else it would refuse all of the above for some other reason."""
    await commit_group(filled.pool, command(Erasure(events=(ONE,), reason=REASON)))
    await filled.owner.execute("SET timeline.erasure = '5'")
    assert await filled.owner.execute(f"{TOMBSTONES} WHERE position = 1") == "UPDATE 1"


WITHOUT = "It was erased without an erasure on record."
LEFT = "It was erased, and something is left of what it said."
HASH = "Its hash does not follow from the event before it and from its own data."
PAYLOAD = "Its payload is not the one that was recorded."
NOT_ERASED = f"It names event '{ONE}', which it did not erase."
TAMPERED: dict[str, tuple[str, list[tuple[int, str]]]] = {
    "a payload in place of the tombstone": (
        "UPDATE events SET payload = '{}' WHERE position = 1",
        [(1, LEFT)],
    ),
    "a salt": ("UPDATE events SET salt = '1' WHERE position = 1", [(1, LEFT)]),
    "a digest": ("UPDATE events SET body_digest = '1' WHERE position = 1", [(1, LEFT)]),
    "another hash of the payload": (
        "UPDATE events SET payload_hash = sha256('') WHERE position = 1",
        [(1, HASH)],
    ),
    "another hash": (
        "UPDATE events SET hash = sha256('') WHERE position = 1",
        [(1, HASH), (2, HASH)],
    ),
    "another author": ("UPDATE events SET recorded_by = 'eve' WHERE position = 1", [(1, HASH)]),
    "another type": ("UPDATE events SET type = 'leave' WHERE position = 1", [(1, HASH)]),
    "erased by none that erases": (
        "UPDATE events SET erased_by = 4 WHERE position = 1",
        [(1, WITHOUT), (5, NOT_ERASED)],
    ),
    "erased by none that is there": (
        "UPDATE events SET erased_by = 9 WHERE position = 1",
        [(1, WITHOUT), (5, NOT_ERASED)],
    ),
    "erased by one that names others": (f"{TOMBSTONES} WHERE position = 4", [(4, WITHOUT)]),
    "a tombstone that nothing erased": (
        "UPDATE events SET erased_by = NULL WHERE position = 1",
        [(1, PAYLOAD), (5, NOT_ERASED)],
    ),
    "an erasure of others": (
        "UPDATE events SET payload = replace(payload, '0001', '0004') WHERE position = 5",
        [(1, WITHOUT), (5, PAYLOAD)],
    ),
    "an erased event that is gone": (
        "DELETE FROM events WHERE position = 1",
        [
            (1, "Position 1 is missing before position 2."),
            (2, HASH),
            (2, "It is about an event that is not before it."),
            (3, "It is about an event that is not before it."),
            (5, NOT_ERASED),
        ],
    ),
    "somebody whom it named": (
        "INSERT INTO event_subjects VALUES ('person', 'ann', 1, false, false)",
        [(1, "It is kept as being about the person 'ann', whom its payload does not name.")],
    ),
    "days": (
        "UPDATE events SET on_lo = '2020-01-01' WHERE position = 1",
        [(1, "The days that are kept of it are not those of its date.")],
    ),
    "a target": (
        "UPDATE events SET target_position = 0 WHERE position = 1",
        [(1, "It is kept as being about position 0; its payload is about position None.")],
    ),
}


async def test_verifying_finds_what_was_changed_about_an_erasure(filled: Base) -> None:
    """Past every trigger; the position is named."""
    await erase_events(filled.pool, ONE)
    await filled.owner.execute("SET session_replication_role = replica")
    await filled.owner.execute("CREATE TEMPORARY TABLE kept AS TABLE events")
    await filled.owner.execute("CREATE TEMPORARY TABLE kept_subjects AS TABLE event_subjects")
    for tampered, (statement, problems) in TAMPERED.items():
        await filled.owner.execute(statement)
        found = await verify(filled.pool)
        assert [(p.position, p.message) for p in found.problems] == problems, tampered
        await filled.owner.execute(
            "DELETE FROM events; INSERT INTO events TABLE kept;"
            "DELETE FROM event_subjects; INSERT INTO event_subjects TABLE kept_subjects"
        )
        assert (await verify(filled.pool)).problems == []


@pytest.mark.parametrize("at_once", [1, 2, 3, 5])
async def test_verifying_finds_erasures_however_much_is_read_at_once(
    filled: Base, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.log.verify.EVENTS_AT_ONCE", at_once)
    await erase_events(filled.pool, ONE, THREE)
    assert (await verify(filled.pool)).problems == []
    # Of the last ones alone, too: what they erased is before them.
    assert (await verify(filled.pool, last=1)).problems == []


async def test_export_lacks_what_was_erased_and_says_by_what(filled: Base) -> None:
    before = await exported(filled)
    await erase_events(filled.pool, ONE, TWO)
    lines = await exported(filled)
    erased = msgspec.json.decode(lines[1])
    assert (erased["payload"], erased["salt"], erased["erased_by"]) == (None, "", 5)
    for field in ("position", "event_id", "type", "recorded_at", "payload_hash", "hash"):
        assert erased[field] == msgspec.json.decode(before[1])[field]
    assert lines[3:5] == before[3:5], "what was not erased is exported as before"
    assert msgspec.json.decode(lines[5])["payload"]["events"] == [str(ONE), str(TWO)]


@pytest.mark.parametrize("at_once", [1, 2, 100])
async def test_log_is_restored_with_what_was_erased_from_it(
    filled: Base, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Export, restore, export is byte-equal; the chain holds, and so does each erasure."""
    monkeypatch.setattr("service.log.restore.EVENTS_AT_ONCE", at_once)
    await erase_events(filled.pool, ONE)
    await erase_events(filled.pool, THREE)
    lines, subjects = await exported(filled), await _subjects(filled)
    said = [event.payload for event in await read_log(filled.owner)]
    await restored(filled, lines)
    assert await exported(filled) == lines
    assert [event.payload for event in await read_log(filled.owner)] == said
    assert await _subjects(filled) == subjects
    assert (await verify(filled.pool)).problems == []
    with pytest.raises(Invalid, match="was erased"):
        await record(filled.pool, submission(HIRES[0], ONE))


async def test_erasures_apply_to_the_log_of_an_older_export(filled: Base) -> None:
    """They name events by their ids, which are the same in either."""
    lines = await exported(filled)
    erasure = (await erase_events(filled.pool, ONE, TWO)).payload
    assert isinstance(erasure, Erasure)
    await restored(filled, lines)
    assert isinstance((await read_log(filled.owner))[0].payload, Hire)
    await erase_events(filled.pool, *erasure.events, reason=erasure.reason)
    assert isinstance((await read_log(filled.owner))[0].payload, Erased)
    assert (await verify(filled.pool)).problems == []


def _replaced(line: bytes, **said: object) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(line) | said) + b"\n"


async def test_file_that_says_otherwise_what_was_erased_is_refused(filled: Base) -> None:
    """No hash covers it: what is told as erased has to be what an erasure in the file names."""
    before = await exported(filled)
    await erase_events(filled.pool, ONE)
    head, one, two, three, four, erasure = await exported(filled)
    gone = {"payload": None, "salt": ""}
    without = {k: v for k, v in msgspec.json.decode(one).items() if k != "erased_by"}
    files: dict[str, tuple[int, list[bytes]]] = {
        "is none after it": (1, [head, _replaced(one, erased_by=6)]),
        "is none after it in": (1, [head, _replaced(one, erased_by=1)]),
        "Position 1 is told as erased by position -1": (1, [head, _replaced(one, erased_by=-1)]),
        "Position 4 does not erase": (4, [head, _replaced(one, erased_by=4), two, three, four]),
        "does not erase what is told": (
            5,
            [head, one, two, three, _replaced(four, **gone, erased_by=5), erasure],
        ),
        "Position 5 does not erase what": (5, [head, before[1], two, three, four, erasure]),
        "Position 1 is not as a log writes": (1, [head, _replaced(one, salt="00")]),
        "Position 1 is not as a log writes it": (1, [head, _replaced(one, payload={})]),
        "Position 1 cannot be read": (1, [head, msgspec.json.encode(without) + b"\n"]),
        "its hash differs": (1, [head, _replaced(one, payload_hash="00" * 32)]),
        "not written as it was exported": (1, [head, _replaced(before[1], erased_by=None)]),
    }
    await filled.empty()
    for told, (position, lines) in files.items():
        with pytest.raises(BrokenExport, match=told) as refusal:
            await restored(filled, lines)
        assert refusal.value.position == position, told
        assert (await read_head(filled.owner)).position == 0


async def test_export_breaks_off_where_something_was_erased_meanwhile(filled: Base) -> None:
    """It would lack what the file has no erasure of; what was written before is not taken back."""
    going = export(filled.pool)
    await anext(going)
    await erase_events(filled.pool, FOUR)
    assert [msgspec.json.decode(await anext(going))["position"] for _ in range(3)] == [1, 2, 3]
    with pytest.raises(ErasedMeanwhile, match="Position 4 was erased while"):
        await anext(going)


async def exported(base: Base) -> list[bytes]:
    return [line async for line in export(base.pool)]


async def restored(base: Base, lines: Iterable[bytes]) -> None:
    await base.empty()
    header, events = read_export(lines)
    async with base.owner.transaction():
        await restore(base.owner, events, header.log_id, now=utc(2026, 11, 22))
        await mark_stale(base.owner)
    await make_current(base.pool)


GONE: dict[str, tuple[Any, type[Refusal]]] = {
    "a correction": (Correction(target=ONE, reason="No.", event=HIRES[0]), AlreadyErased),
    "a retraction": (Retraction(target=ONE, reason="No."), AlreadyErased),
    "a correction of a correction": (Retraction(target=TWO, reason="No."), AlreadyErased),
    "the same again": (submission(HIRES[0], ONE), Invalid),
    "another under its id": (submission(HIRES[2], ONE), Invalid),
    "the same retraction again": (
        submission(Retraction(target=ONE, reason="Neither."), THREE),
        Invalid,
    ),
}


@pytest.mark.parametrize(("said", "refusal"), GONE.values(), ids=GONE)
async def test_what_was_erased_is_neither_amended_nor_recorded_again(
    filled: Base, said: Any, refusal: type[Refusal]
) -> None:
    await erase_events(filled.pool, ONE, TWO, THREE)
    with pytest.raises(refusal, match="was erased") as told:
        await record(filled.pool, said)
    if isinstance(told.value, Invalid):
        assert [fault.code for fault in told.value.faults] == ["erased"]
    assert (await read_head(filled.owner)).position == 5


async def test_request_of_which_something_was_erased_is_not_carried_out_again(
    filled: Base,
) -> None:
    """Its digest is gone; whether it is the same cannot be told, and it must not be made twice."""
    await erase_events(filled.pool, THREE)
    for said in (Retraction(target=ONE, reason="Neither."), HIRES[2]):
        with pytest.raises(AlreadyErased, match="Idempotency-Key 'second'"):
            await record(filled.pool, said, key="second")
    assert (await record(filled.pool, submission(HIRES[2], FOUR), key="third"))[0].position == 4


async def test_event_that_was_said_again_can_still_be_corrected(filled: Base) -> None:
    """Else nobody could ever mend what holds; its first form stays gone."""
    await erase_events(filled.pool, ONE)
    (amended,) = await record(filled.pool, Correction(target=ONE, reason="Better.", event=HIRES[2]))
    assert amended.target_position == 1
    assert (await _subjects(filled))[amended.position] == {"bob", "cid", "x", "y"}
    assert (await verify(filled.pool)).problems == []


async def test_erasure_is_not_corrected(filled: Base) -> None:
    erasure = await erase_events(filled.pool, ONE)
    with pytest.raises(NotCorrectable, match="is an erasure"):
        await record(filled.pool, Retraction(target=erasure.event_id, reason="No."))


async def _everything(base: Base) -> Sequence[str]:
    return [
        row[0]
        for table in ("events", "event_subjects", "receipts")
        for row in await base.owner.fetch(f"SELECT {table}::text FROM {table} ORDER BY 1")
    ]
