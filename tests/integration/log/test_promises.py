"""What the database promises of the log, whoever asks it to break the promise."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from service.app import CHANCE, ROLE
from service.log.read import read_head, read_position_at
from service.recording.commands import Recorded
from service.recording.writer import commit
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import (
    Base,
    command,
    commit_group,
    read_log,
    record,
    until_it_waits,
    with_entities,
)
from tests.support.postgres import utc

HIRE = with_entities(b.hire("ann", at="x", on="2020"))
OTHER = with_entities(b.hire("bob", at="y", on="2021"))

# Of each table that only grows a column, and the key by which an insert could turn to an update.
TABLES = {
    "events": ("recorded_by", "position"),
    "event_subjects": ("subject_id", "kind, subject_id, position"),
    "receipts": ("api_key", "api_key, idempotency_key"),
}


@pytest.fixture
async def filled(base: Base) -> Base:
    """A log of two events, one of which came with a key."""
    await record(base.pool, HIRE, key="first")
    await record(base.pool, OTHER)
    return base


async def test_events_cannot_be_updated(filled: Base) -> None:
    """Not by the owner either, and not even no row of them."""
    for table, (column, _) in TABLES.items():
        await _assert_refused(filled, f"UPDATE {table} SET {column} = 'eve'")
        await _assert_refused(filled, f"UPDATE {table} SET {column} = 'eve' WHERE false")


async def test_events_cannot_be_deleted(filled: Base) -> None:
    for table in TABLES:
        await _assert_refused(filled, f"DELETE FROM {table}")
        await _assert_refused(filled, f"DELETE FROM {table} WHERE false")


async def test_events_cannot_be_truncated(filled: Base) -> None:
    for table in TABLES:
        await _assert_refused(filled, f"TRUNCATE {table}")
        await _assert_refused(filled, f"TRUNCATE {table} CASCADE")


async def test_events_cannot_be_updated_by_inserting(filled: Base) -> None:
    for table, (column, key) in TABLES.items():
        await _assert_refused(
            filled,
            f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE"
            f" SET {column} = 'eve'",
        )
        await _assert_refused(
            filled,
            f"MERGE INTO {table} AS t USING (SELECT 1) AS s ON true"
            f" WHEN MATCHED THEN UPDATE SET {column} = 'eve'",
        )


async def _assert_refused(filled: Base, statement: str) -> None:
    """The owner is stopped by the trigger, the service by what it was never granted."""
    before = await read_log(filled.owner)
    with pytest.raises(asyncpg.RestrictViolationError, match="the log is append-only"):
        await filled.owner.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await filled.pool.execute(statement)
    assert await read_log(filled.owner) == before


TAKING_THE_GUARD_AWAY = [
    "ALTER TABLE events DISABLE TRIGGER events_are_append_only",
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "DROP TRIGGER events_are_append_only ON events",
    "ALTER TRIGGER events_are_append_only ON events RENAME TO gone",
    """
    CREATE OR REPLACE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NULL; END'
    """,
    "DROP FUNCTION public.refuse_change() CASCADE",
    "DROP FUNCTION public.erase(bigint)",
    "ALTER FUNCTION public.erase(bigint) SECURITY INVOKER",
    "ALTER TABLE events DISABLE TRIGGER events_change_by_erasures_alone",
    "DROP TRIGGER event_subjects_change_by_erasures_alone ON event_subjects",
    "INSERT INTO events (position, erased_by) VALUES (90, 91)",
    "CREATE TRIGGER own BEFORE INSERT ON events EXECUTE FUNCTION refuse_change()",
    "CREATE RULE own AS ON INSERT TO events DO INSTEAD NOTHING",
    "ALTER TABLE events ADD COLUMN more text",
    "ALTER TABLE events DROP CONSTRAINT events_position_is_unique",
    "ALTER TABLE events OWNER TO timeline_service",
    "ALTER TABLE events RENAME TO gone",
    "DROP INDEX events_by_type",
    "DROP TABLE events",
    "DROP TABLE events CASCADE",
    "DROP SCHEMA public CASCADE",
    "CREATE TABLE public.events_2 (a int)",
    "UPDATE log_identity SET epoch = epoch + 1",
    "UPDATE alembic_version SET version_num = '0000'",
    "DELETE FROM api_keys",
    "DELETE FROM replays",
    "CREATE ROLE other SUPERUSER",
]


async def test_service_cannot_take_the_guard_away(filled: Base) -> None:
    """Its role owns the read models and nothing else."""
    for statement in TAKING_THE_GUARD_AWAY:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await filled.pool.execute(statement)


async def test_service_cannot_grant_itself_more(filled: Base) -> None:
    """Postgres merely warns of a grant that grants nothing."""
    await filled.pool.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON events TO {ROLE}")
    for privilege in ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"):
        assert not await filled.owner.fetchval(
            "SELECT has_table_privilege($1, 'events', $2)", ROLE, privilege
        )


async def test_service_acts_as_its_role(base: Base) -> None:
    assert await base.pool.fetchval("SELECT current_user") == ROLE
    assert not await base.owner.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = $1", ROLE)


async def test_service_acts_as_its_role_on_every_connection(base: Base) -> None:
    held = [await base.pool.acquire() for _ in range(4)]
    assert {await c.fetchval("SELECT current_user") for c in held} == {ROLE}
    for each in held:
        await base.pool.release(each)


GRANTED = {
    "alembic_version": {"SELECT"},
    "api_keys": {"SELECT", "INSERT"},
    "event_subjects": {"SELECT", "INSERT"},
    "events": {"SELECT"},
    "log_identity": {"SELECT"},
    "receipts": {"SELECT", "INSERT"},
    "replays": {"SELECT", "INSERT", "UPDATE"},
    "sessions": {"SELECT", "INSERT", "DELETE"},
    "similar_people": {"SELECT", "INSERT", "UPDATE", "DELETE"},
    "similar_people_state": {"SELECT", "UPDATE"},
}
"""All that the service's role may do outside of the read models, which are its own."""
GRANTED_COLUMNS = {
    "api_keys": {
        "revoked_at": {"UPDATE"},
        "expires_at": {"UPDATE"},
        "last_used_at": {"UPDATE"},
        "is_rotated": {"UPDATE"},
    },
    # All but that something was erased, which `erase` alone says.
    "events": {
        name: {"INSERT"}
        for name in (
            "position", "event_id", "type", "recorded_at", "recorded_by", "request_id",
            "target_position", "payload", "salt", "payload_hash", "hash", "body_digest",
            "on_lo", "on_hi",
        )
    },
}  # fmt: skip


async def test_service_may_do_what_it_must_and_no_more(filled: Base) -> None:
    """As the catalogue has it: a grant more or less is one that somebody wrote here, too."""
    tables: dict[str, set[str]] = {}
    columns: dict[str, dict[str, set[str]]] = {}
    for name, column, privilege in await filled.owner.fetch(_PRIVILEGES, ROLE):
        if column is None:
            tables.setdefault(name, set()).add(privilege)
        elif privilege not in tables.get(name, set()):
            columns.setdefault(name, {}).setdefault(column, set()).add(privilege)
    assert tables == GRANTED
    assert columns == GRANTED_COLUMNS


async def test_service_role_is_nothing_but_itself(filled: Base) -> None:
    role = await filled.owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", ROLE)
    assert role is not None
    powers = ("super", "createrole", "createdb", "replication", "bypassrls", "canlogin")
    assert [power for power in powers if role[f"rol{power}"]] == []
    memberships = "SELECT count(*) FROM pg_auth_members WHERE member = $1"
    assert await filled.owner.fetchval(memberships, role["oid"]) == 0
    # What it owns, it may do with as it likes.
    owned = await filled.owner.fetch(
        "SELECT DISTINCT n.nspname FROM pg_class AS c JOIN pg_namespace AS n"
        " ON n.oid = c.relnamespace WHERE c.relowner = $1 AND n.nspname NOT LIKE 'pg_%'",
        role["oid"],
    )
    assert {row[0] for row in owned} == {"read_models"}
    assert not await filled.owner.fetchval(
        "SELECT has_schema_privilege($1, 'public', 'CREATE')", ROLE
    )
    # The one thing that it has done in the owner's name, and that nobody else may have done.
    definers = await filled.owner.fetch(
        "SELECT oid::regprocedure::text AS name, proacl::text, proconfig FROM pg_proc"
        " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )
    owner = await filled.owner.fetchval("SELECT current_user")
    assert [tuple(row) for row in definers] == [
        (
            "erase(bigint)",
            f"{{{owner}=X/{owner},{ROLE}=X/{owner}}}",
            # Else a temporary table could stand for the log.
            ["search_path=pg_catalog, pg_temp"],
        )
    ]


async def test_service_cannot_make_a_key_another(filled: Base) -> None:
    """Not what it is recognised by, nor what it may do, nor whose it is."""
    for column, value in (("key_hash", "''"), ("role", "'admin'"), ("name", "'eve'")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await filled.pool.execute(f"UPDATE api_keys SET {column} = {value}")


_PRIVILEGES = """
    SELECT c.relname, NULL::name AS column_name, p.privilege
    FROM pg_class AS c
    CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[])
        AS p (privilege)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND has_table_privilege($1, c.oid, p.privilege)
    UNION ALL
    SELECT c.relname, a.attname, p.privilege
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS p (privilege)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND has_column_privilege($1, c.oid, a.attnum, p.privilege)
    ORDER BY 1, 2 NULLS FIRST
"""

NEVER_WRITTEN = [
    ("position", "0", "events_position_is_positive"),
    ("position", "1", "events_position_is_unique"),
    ("event_id", "(SELECT event_id FROM events WHERE position = 1)", "events_id_is_unique"),
    ("target_position", "90", "events_target_is_earlier"),
    ("target_position", "91", "events_target_is_earlier"),
    ("hash", "'\\x00'", "events_hashes_are_sha256"),
    ("payload_hash", "sha256('') || sha256('')", "events_hashes_are_sha256"),
]


async def test_table_refuses_what_the_service_never_writes(filled: Base) -> None:
    for column, value, constraint in NEVER_WRITTEN:
        row = {**_A_ROW, column: value}
        statement = f"INSERT INTO events ({', '.join(row)}) VALUES ({', '.join(row.values())})"
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await filled.pool.execute(statement)
        assert refused.value.constraint_name == constraint


_A_ROW = {
    "position": "90",
    "event_id": "gen_random_uuid()",
    "type": "'hire'",
    "recorded_at": "now()",
    "recorded_by": "''",
    "request_id": "''",
    "target_position": "NULL",
    "payload": "'{}'",
    "salt": "''",
    "payload_hash": "sha256('')",
    "hash": "sha256('')",
}


async def test_position_has_no_gaps_after_rollback(base: Base) -> None:
    await record(base.pool, HIRE)
    for _ in range(3):
        async with base.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await commit(connection, [command(OTHER), command(OTHER)], CHANCE)
            await transaction.rollback()
    await record(base.pool, OTHER)
    assert [e.position for e in await read_log(base.owner)] == [1, 2]


async def test_position_has_no_gaps_after_refusals(base: Base) -> None:
    unknown = b.hire("nobody", at="x", on="2020")
    await commit_group(
        base.pool, command(HIRE), command(OTHER, unknown), command(unknown), command(OTHER)
    )
    await commit_group(base.pool, command(unknown))
    await record(base.pool, HIRE)
    assert [e.position for e in await read_log(base.owner)] == [1, 2, 3]


async def test_recorded_at_never_decreases(base: Base) -> None:
    """A clock that was set back gives the next instant that is strictly later than the head's."""
    clock = [
        utc(2030, 5, 5, 12),
        utc(2030, 5, 5, 11),
        utc(1999, 1, 1),
        utc(2030, 5, 5, 12),
        utc(2030, 5, 5, 12, 0, 0, 2),
        utc(2030, 5, 5, 13),
    ]
    chance = replace(CHANCE, now=iter(clock).__next__)
    for _ in clock:
        await commit_group(base.pool, command(HIRE), chance=chance)
    noon, tick = clock[0], timedelta(microseconds=1)
    assert [e.recorded_at for e in await read_log(base.owner)] == [
        noon,
        noon + tick,
        noon + 2 * tick,
        noon + 3 * tick,
        noon + 4 * tick,
        clock[-1],
    ]


async def test_events_of_one_commit_share_their_instant(base: Base) -> None:
    await commit_group(base.pool, command(HIRE, OTHER), command(HIRE))
    assert len({e.recorded_at for e in await read_log(base.owner)}) == 1


async def test_instant_means_the_greatest_position_recorded_by_then(base: Base) -> None:
    """
    Of one that was once answered for the answer never changes: later events are strictly later.
    """
    noon, tick = utc(2030, 1, 1, 12), timedelta(microseconds=1)
    chance = replace(CHANCE, now=lambda: noon)

    async def position_at(instant: datetime) -> int:
        async with base.pool.acquire() as connection:
            return await read_position_at(connection, instant)

    assert await position_at(noon) == 0
    await commit_group(base.pool, command(HIRE, OTHER), chance=chance)
    for _ in range(2):
        assert await position_at(noon - tick) == 0
        assert await position_at(noon) == 2
        await commit_group(base.pool, command(HIRE), chance=chance)
    assert await position_at(noon + tick) == 3
    assert await position_at(utc(2199, 1, 1)) == 4


class TestTwoConnections:
    """Both append: one goes first and the other waits for it, however it ends."""

    async def test_commit_order_is_the_order_of_positions(self, base: Base) -> None:
        """
        The second sees the first's head, time and names, though it began before that commit.
        """
        async with connected(base.dsn, ROLE) as one, connected(base.dsn, ROLE) as other:
            first = one.transaction()
            await first.start()
            await commit(one, [command(HIRE)], CHANCE)
            second = asyncio.create_task(_commit_alone(other, command(HIRE)))
            await until_it_waits(base, second)
            assert await read_log(base.owner) == []
            await first.commit()
            (answer,) = await second
        assert isinstance(answer, Recorded)
        events = await read_log(base.owner)
        assert [e.position for e in events] == [1, 2]
        assert answer.outcomes[0].event == events[1]
        assert events[1].payload == b.hire("ann", at="x", on="2020")
        assert _instant(events[1].recorded_at) > _instant(events[0].recorded_at)

    async def test_nothing_is_left_of_one_that_rolls_back(self, base: Base) -> None:
        """Neither a hole nor a name: the second is the first."""
        async with connected(base.dsn, ROLE) as one, connected(base.dsn, ROLE) as other:
            first = one.transaction()
            await first.start()
            await commit(one, [command(HIRE, OTHER)], CHANCE)
            second = asyncio.create_task(_commit_alone(other, command(HIRE)))
            await until_it_waits(base, second)
            await first.rollback()
            await second
        events = await read_log(base.owner)
        assert [(e.position, e.payload) for e in events] == [(1, HIRE)]

    async def test_one_whose_connection_breaks_holds_nobody_up(self, base: Base) -> None:
        async with connected(base.dsn, ROLE) as one, connected(base.dsn, ROLE) as other:
            await one.transaction().start()
            await commit(one, [command(HIRE)], CHANCE)
            second = asyncio.create_task(_commit_alone(other, command(OTHER)))
            await until_it_waits(base, second)
            one.terminate()
            await second
        assert [(e.position, e.payload) for e in await read_log(base.owner)] == [(1, OTHER)]

    async def test_clock_is_read_after_the_lock(self, base: Base) -> None:
        """Else one who waited long would bear an instant from before the other's commit."""
        asked: list[datetime] = []

        def now() -> datetime:
            asked.append(CHANCE.now())
            return asked[-1]

        async with connected(base.dsn, ROLE) as one, connected(base.dsn, ROLE) as other:
            first = one.transaction()
            await first.start()
            await commit(one, [command(HIRE)], CHANCE)
            second = asyncio.create_task(
                _commit_alone(other, command(OTHER), replace(CHANCE, now=now))
            )
            await until_it_waits(base, second)
            assert asked == []
            await first.commit()
            await second
        assert (await read_log(base.owner))[1].recorded_at == asked[0]

    async def test_readers_wait_for_nobody(self, base: Base) -> None:
        async with connected(base.dsn, ROLE) as one:
            first = one.transaction()
            await first.start()
            await commit(one, [command(HIRE)], CHANCE)
            async with asyncio.timeout(5), base.pool.acquire() as connection:
                assert (await read_head(connection)).position == 0
            await first.commit()
            async with base.pool.acquire() as connection:
                assert (await read_head(connection)).position == 1


async def test_many_writers_leave_no_hole(base: Base) -> None:
    """Of many transactions at once, of which a third is taken back."""

    async def append(number: int) -> None:
        async with base.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await commit(connection, [command(HIRE), command(OTHER)], CHANCE)
            await (transaction.rollback() if number % 3 == 0 else transaction.commit())

    await asyncio.gather(*map(append, range(24)))
    events = await read_log(base.owner)
    assert [e.position for e in events] == list(range(1, 33))
    instants = [_instant(e.recorded_at) for e in events]
    assert instants == sorted(instants)
    assert len(set(instants)) == 16


async def _commit_alone(connection: Any, asked: Any, chance: Any = CHANCE) -> Any:
    async with connection.transaction():
        return await commit(connection, [asked], chance)


def _instant(recorded_at: datetime | None) -> datetime:
    assert recorded_at is not None
    return recorded_at
