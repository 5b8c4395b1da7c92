"""One round trip for all who wait: never one that was sent before somebody came."""

import asyncio
from collections.abc import Set as AbstractSet

import pytest

from service.postgres.sharing import Shared


class Database:
    """Answers with how many questions were sent, each when it is let go."""

    def __init__(self) -> None:
        self.sent: list[AbstractSet[int]] = []
        self.gates: list[asyncio.Event] = []
        self.fault: Exception | None = None

    async def question(self, asked: AbstractSet[int]) -> int:
        self.sent.append(asked)
        number = len(self.sent)
        self.gates.append(asyncio.Event())
        await self.gates[-1].wait()
        if self.fault is not None:
            raise self.fault
        return number


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_come_together_share_one_question() -> None:
    database = Database()
    shared: Shared[int, int] = Shared(database.question)
    asking = [asyncio.create_task(shared.ask(n)) for n in (1, 2, 2)]
    await _settle()
    database.gates[0].set()
    assert await asyncio.gather(*asking) == [1, 1, 1]
    assert database.sent == [{1, 2}]


async def test_who_comes_while_one_is_under_way_waits_for_the_next() -> None:
    database = Database()
    shared: Shared[int, int] = Shared(database.question)
    first = asyncio.create_task(shared.ask(1))
    await _settle()
    late = [asyncio.create_task(shared.ask(n)) for n in (7, 8)]
    await _settle()
    database.gates[0].set()
    assert await first == 1
    await _settle()
    assert database.sent == [{1}, {7, 8}]
    assert not any(one.done() for one in late)
    database.gates[1].set()
    assert await asyncio.gather(*late) == [2, 2]


async def test_a_fault_is_told_to_those_who_waited_and_to_no_one_else() -> None:
    database = Database()
    database.fault = OSError("gone")
    shared: Shared[int, int] = Shared(database.question)
    asking = [asyncio.create_task(shared.ask()) for _ in range(2)]
    await _settle()
    database.gates[0].set()
    for one in asking:
        with pytest.raises(OSError, match="gone"):
            await one
    database.fault = None
    again = asyncio.create_task(shared.ask())
    await _settle()
    database.gates[1].set()
    assert await again == 2


async def test_one_who_gives_up_leaves_the_others_their_answer() -> None:
    database = Database()
    shared: Shared[int, int] = Shared(database.question)
    hasty, patient = (asyncio.create_task(shared.ask()) for _ in range(2))
    await _settle()
    hasty.cancel()
    await _settle()
    database.gates[0].set()
    assert await patient == 1
    assert hasty.cancelled()
