"""Looking up keys: many at once, each as of after it was asked for."""

import asyncio
from typing import Any

import pytest

from service.app import CHANCE
from service.log import keys
from service.log.keys import KeyLookUp, Principal, create_key, key_hash, revoke_key
from tests.support.histories import Base

HASHES = [key_hash(f"secret-{n}") for n in range(3)]


@pytest.fixture
async def kept(base: Base) -> Base:
    await base.owner.execute("DELETE FROM api_keys")
    for n, hashed in enumerate(HASHES):
        await create_key(
            base.owner, name=f"key-{n}", hashed=hashed, role="writer", created_at=CHANCE.now()
        )
    return base


async def test_each_gets_its_own(kept: Base) -> None:
    look_up = KeyLookUp(kept.pool)
    found = await asyncio.gather(*map(look_up.find, [*HASHES, key_hash("unknown"), *HASHES]))
    names = [f"key-{n}" for n in range(3)]
    assert [p.name if p else None for p in found] == [*names, None, *names]


async def test_those_who_ask_meanwhile_share_one_statement(
    kept: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    is_sent = asyncio.Event()
    find = keys._find_keys

    async def counting(connection: Any, hashes: Any) -> dict[bytes, Principal]:
        sent.append(len(hashes))
        is_sent.set()
        return await find(connection, hashes)

    monkeypatch.setattr(keys, "_find_keys", counting)
    look_up = KeyLookUp(kept.pool)
    first = asyncio.create_task(look_up.find(HASHES[0]))
    await is_sent.wait()
    await asyncio.gather(first, *(look_up.find(HASHES[n % 3]) for n in range(60)))
    assert sent == [1, 3]


async def test_a_key_revoked_while_another_is_looked_up_is_not_found(
    kept: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks after a revocation is not answered by a statement from before it."""
    find = keys._find_keys

    async def revoking(connection: Any, hashes: Any) -> dict[bytes, Principal]:
        found = await find(connection, hashes)
        if not asked:
            await revoke_key(kept.owner, "key-0", CHANCE.now())
            asked.append(asyncio.create_task(look_up.find(HASHES[0])))
            await asyncio.sleep(0)
        return found

    asked: list[asyncio.Task[Principal | None]] = []
    monkeypatch.setattr(keys, "_find_keys", revoking)
    look_up = KeyLookUp(kept.pool)
    before = await look_up.find(HASHES[0])
    assert before is not None
    assert await asked[0] is None


async def test_a_fault_is_told_to_those_who_wait_and_to_nobody_later(
    kept: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(connection: Any, hashes: Any) -> dict[bytes, Principal]:
        raise OSError

    look_up = KeyLookUp(kept.pool)
    with monkeypatch.context() as patched:
        patched.setattr(keys, "_find_keys", failing)
        told = await asyncio.gather(*map(look_up.find, HASHES), return_exceptions=True)
    assert [type(fault) for fault in told] == [OSError] * 3
    assert await look_up.find(HASHES[0]) is not None


async def test_a_client_that_hangs_up_takes_nobodys_answer(kept: Base) -> None:
    look_up = KeyLookUp(kept.pool)
    gone = asyncio.create_task(look_up.find(HASHES[0]))
    other = asyncio.create_task(look_up.find(HASHES[0]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await other is not None
