"""Looking up keys: many at once, each as of after it was asked for."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.app import CHANCE
from service.log import keys
from service.log.keys import (
    NOTED_FOR,
    ApiKey,
    KeyLookUp,
    Principal,
    create_key,
    key_hash,
    list_keys,
    revoke_key,
    rotate_key,
)
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
    look_up = KeyLookUp(kept.pool, CHANCE.now)
    found = await asyncio.gather(*map(look_up.find, [*HASHES, key_hash("unknown"), *HASHES]))
    names = [f"key-{n}" for n in range(3)]
    assert [p.name if p else None for p in found] == [*names, None, *names]


async def test_those_who_ask_meanwhile_share_one_statement(
    kept: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    is_sent = asyncio.Event()
    find = keys._find_keys

    async def counting(connection: Any, hashes: Any, now: Any) -> dict[bytes, Principal]:
        sent.append(len(hashes))
        is_sent.set()
        return await find(connection, hashes, now)

    monkeypatch.setattr(keys, "_find_keys", counting)
    look_up = KeyLookUp(kept.pool, CHANCE.now)
    first = asyncio.create_task(look_up.find(HASHES[0]))
    await is_sent.wait()
    await asyncio.gather(first, *(look_up.find(HASHES[n % 3]) for n in range(60)))
    assert sent == [1, 3]


async def test_a_key_revoked_while_another_is_looked_up_is_not_found(
    kept: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks after a revocation is not answered by a statement from before it."""
    find = keys._find_keys

    async def revoking(connection: Any, hashes: Any, now: Any) -> dict[bytes, Principal]:
        found = await find(connection, hashes, now)
        if not asked:
            await revoke_key(kept.owner, "key-0", CHANCE.now())
            asked.append(asyncio.create_task(look_up.find(HASHES[0])))
            await asyncio.sleep(0)
        return found

    asked: list[asyncio.Task[Principal | None]] = []
    monkeypatch.setattr(keys, "_find_keys", revoking)
    look_up = KeyLookUp(kept.pool, CHANCE.now)
    before = await look_up.find(HASHES[0])
    assert before is not None
    assert await asked[0] is None


async def test_a_fault_is_told_to_those_who_wait_and_to_nobody_later(
    kept: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(connection: Any, hashes: Any, now: Any) -> dict[bytes, Principal]:
        raise OSError

    look_up = KeyLookUp(kept.pool, CHANCE.now)
    with monkeypatch.context() as patched:
        patched.setattr(keys, "_find_keys", failing)
        told = await asyncio.gather(*map(look_up.find, HASHES), return_exceptions=True)
    assert [type(fault) for fault in told] == [OSError] * 3
    assert await look_up.find(HASHES[0]) is not None


async def test_a_client_that_hangs_up_takes_nobodys_answer(kept: Base) -> None:
    look_up = KeyLookUp(kept.pool, CHANCE.now)
    gone = asyncio.create_task(look_up.find(HASHES[0]))
    other = asyncio.create_task(look_up.find(HASHES[0]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await other is not None


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NEW = key_hash("new")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def _create(kept: Base, name: str, expires_at: datetime | None = None) -> bytes:
    hashed = key_hash(name)
    await create_key(
        kept.owner, name=name, hashed=hashed, role="writer", created_at=NOON, expires_at=expires_at
    )
    return hashed


async def _rotate(kept: Base, name: str, overlap: timedelta, hashed: bytes = NEW) -> ApiKey | None:
    return await rotate_key(kept.owner, name=name, hashed=hashed, now=NOON, overlap=overlap)


async def _listed(kept: Base, name: str) -> list[ApiKey]:
    return [key for key in await list_keys(kept.owner) if key.name == name]


async def test_key_is_good_until_it_expires(kept: Base, clock: Clock) -> None:
    hashed = await _create(kept, "guest", NOON + timedelta(hours=1))
    look_up = KeyLookUp(kept.pool, clock)
    clock.at = NOON + timedelta(hours=1, microseconds=-1)
    assert await look_up.find(hashed) == Principal("guest", "writer")
    clock.at = NOON + timedelta(hours=1)
    assert await look_up.find(hashed) is None


async def test_rotated_key_is_good_for_the_overlap(kept: Base, clock: Clock) -> None:
    hashed = await _create(kept, "guest")
    await _rotate(kept, "guest", timedelta(hours=1))
    look_up = KeyLookUp(kept.pool, clock)
    clock.at = NOON + timedelta(minutes=59)
    # Both are one client's: what it sent with one it may send again with the other.
    assert await look_up.find(hashed) == await look_up.find(NEW) == Principal("guest", "writer")
    clock.at = NOON + timedelta(hours=1)
    assert await look_up.find(hashed) is None
    assert await look_up.find(NEW) is not None


async def test_rotation_without_an_overlap_holds_whatever_the_clock_says(
    kept: Base, clock: Clock
) -> None:
    """Another machine whose clock is behind refuses the key as well."""
    hashed = await _create(kept, "guest")
    await _rotate(kept, "guest", timedelta())
    clock.at = NOON - timedelta(hours=1)
    look_up = KeyLookUp(kept.pool, clock)
    assert await look_up.find(hashed) is None
    assert await look_up.find(NEW) is not None


async def test_revocation_takes_those_whose_place_a_key_took(kept: Base, clock: Clock) -> None:
    hashed = await _create(kept, "guest")
    await _rotate(kept, "guest", timedelta(days=7))
    assert await revoke_key(kept.owner, "guest", NOON)
    look_up = KeyLookUp(kept.pool, clock)
    assert await look_up.find(hashed) is None
    assert await look_up.find(NEW) is None
    assert not await revoke_key(kept.owner, "guest", NOON)
    again = await _create(kept, "guest again")
    await kept.owner.execute("UPDATE api_keys SET name = 'guest' WHERE name = 'guest again'")
    # Of two keys with one name that were revoked, one took the other's place: one client before.
    assert await look_up.find(again) == Principal("guest", "writer", revoked_before=1)


async def test_rotation_keeps_the_end_unless_told(kept: Base) -> None:
    end, later = NOON + timedelta(days=1), NOON + timedelta(days=9)
    await _create(kept, "guest", end)
    made = await _rotate(kept, "guest", timedelta(days=7))
    assert made is not None
    assert made.expires_at == end
    made = await rotate_key(
        kept.owner,
        name="guest",
        hashed=key_hash("newer"),
        now=NOON,
        overlap=timedelta(hours=1),
        expires_at=later,
    )
    assert made is not None
    assert made.expires_at == later
    # The overlap lets no key live longer than it would have.
    ends = [key.expires_at for key in await _listed(kept, "guest")]
    assert sorted(e for e in ends if e) == [NOON + timedelta(hours=1), end, later]


async def test_expired_key_is_not_rotated(kept: Base) -> None:
    await _create(kept, "guest", NOON)
    assert await _rotate(kept, "guest", timedelta()) is None
    assert await _rotate(kept, "nobody", timedelta()) is None
    assert len(await _listed(kept, "guest")) == 1


async def test_rotations_at_once_come_one_after_the_other(kept: Base) -> None:
    await _create(kept, "guest")
    hashes = [key_hash(f"rotated-{n}") for n in range(4)]

    async def rotate(hashed: bytes) -> ApiKey | None:
        async with kept.pool.acquire() as connection:
            return await rotate_key(
                connection, name="guest", hashed=hashed, now=NOON, overlap=timedelta()
            )

    assert None not in await asyncio.gather(*map(rotate, hashes))
    look_up = KeyLookUp(kept.pool, lambda: NOON)
    good = [hashed for hashed in hashes if await look_up.find(hashed) is not None]
    assert len(good) == 1


async def test_last_use_is_known_to_the_minute(kept: Base, clock: Clock) -> None:
    hashed = await _create(kept, "guest")
    look_up = KeyLookUp(kept.pool, clock)

    async def last_used() -> datetime | None:
        await look_up.find(hashed)
        # What is noted is noted after the answer: it has been once the next one is looked up.
        await look_up.find(HASHES[0])
        (key,) = await _listed(kept, "guest")
        return key.last_used_at

    assert await last_used() == NOON
    clock.at = NOON + NOTED_FOR / 2
    assert await last_used() == NOON
    clock.at = NOON + NOTED_FOR
    assert await last_used() == NOON + NOTED_FOR
    clock.at = NOON - timedelta(hours=1)
    assert await last_used() == NOON + NOTED_FOR, "a clock that was set back takes nothing back"


async def test_use_that_cannot_be_noted_holds_up_nobody(kept: Base, clock: Clock) -> None:
    hashed = await _create(kept, "guest")
    look_up = KeyLookUp(kept.pool, clock)
    async with kept.owner.transaction():
        await kept.owner.execute("UPDATE api_keys SET role = 'reader' WHERE name = 'guest'")
        async with asyncio.timeout(5):
            assert await look_up.find(hashed) is not None
            assert await look_up.find(hashed) is not None
    await kept.owner.execute("REVOKE UPDATE (last_used_at) ON api_keys FROM timeline_service")
    try:
        clock.at += NOTED_FOR
        assert await look_up.find(hashed) is not None
        assert await look_up.find(hashed) is not None
    finally:
        await kept.owner.execute("GRANT UPDATE (last_used_at) ON api_keys TO timeline_service")
