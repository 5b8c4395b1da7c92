"""Export, restore, export: the same log to the byte; and what is not one is refused by position."""

import asyncio

import asyncpg
import httpx
import pytest

from service.api.operations import Machinery
from service.log.export import BrokenExport, LogNotEmpty, export, find_hash, read_export, restore
from service.log.read import read_head
from service.log.schema import migrate
from service.postgres.pool import Pool

HIRE = {
    "type": "hire",
    "person": {"name": "Ada Lovelace"},
    "lab": {"name": "Analytical Engines"},
    "date": "2024-01-10",
}


async def exported(pool: Pool) -> list[bytes]:
    async with pool.acquire() as connection:
        return [line async for line in export(connection)]


@pytest.fixture
async def lines(client: httpx.AsyncClient, made: Machinery) -> list[bytes]:
    """An export of three events: a hire, its correction and its retraction."""
    recorded = (await client.post("/v1/events", json=HIRE)).json()
    path = f"/v1/events/{recorded['event_id']}"
    corrected = {**HIRE, "date": "2024-02", "reason": "a better source"}
    assert (await client.put(f"{path}/correction", json=corrected)).status_code == 201
    assert (await client.put(f"{path}/retraction", json={"reason": "wrong"})).status_code == 201
    return await exported(made.pool)


async def test_what_was_restored_exports_the_same(lines: list[bytes], bare_database: str) -> None:
    await asyncio.to_thread(migrate, bare_database)
    header, events = read_export(lines)
    connection = await asyncpg.connect(bare_database)
    try:
        async with connection.transaction():
            head = await restore(connection, events, header.log_id)
        assert head == await read_head(connection)
        assert [line async for line in export(connection)] == lines
        assert await find_hash(connection, head.hash) == 3
        assert await find_hash(connection, bytes(32)) == 0
        assert await find_hash(connection, b"\1" * 32) is None
        again = read_export(lines)[1]
        with pytest.raises(LogNotEmpty):
            async with connection.transaction():
                await restore(connection, again, header.log_id)
    finally:
        await connection.close()


async def test_what_no_log_exported_is_named_by_position(lines: list[bytes]) -> None:
    changed = lines[2].replace(b"better", b"bitter")
    broken = {
        "Position 2 is not what was exported": [*lines[:2], changed, lines[3]],
        "Position 2 is missing": [*lines[:2], lines[3]],
        "Position 1 is missing": [lines[0], lines[2], lines[1], lines[3]],
        "Position 3 cannot be read": [*lines[:3], lines[3][:-20]],
        "ends after position 2": lines[:3],
        "Position 1 is not written as it was": [lines[0], lines[1].replace(b",", b", ", 1)],
        "first line": [b"{}", *lines[1:]],
    }
    for told, file in broken.items():
        with pytest.raises(BrokenExport, match=told):
            list(read_export(file)[1])
