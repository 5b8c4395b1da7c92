"""What was recorded once is not recorded again: by event id and by idempotency key."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from service.app import CHANCE, ROLE
from service.domain.events import Entity, Retraction
from service.domain.refusals import EventIdTaken, IdempotencyKeyTaken, Invalid, UnknownName
from service.recording.commands import Command, Recorded
from service.recording.writer import commit
from tests.support import builders as b
from tests.support.catalogue import connected
from tests.support.histories import (
    Base,
    command,
    commit_group,
    read_log,
    record,
    submission,
    until_it_waits,
    with_entities,
)

ANN = with_entities(b.hire("ann", at="x", on="2020"))
BEN = with_entities(b.hire("ben", at="x", on="2021"))
NOBODY = b.hire("nobody", at="x", on="2020")
TAKEN = (EventIdTaken.code, "/event_id")
ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))


async def answered(base: Base, *commands: Command) -> list[tuple[list[int], bool]]:
    """The positions of each answer and whether all of it was recorded before."""
    answers = await commit_group(base.pool, *commands)
    found: list[tuple[list[int], bool]] = []
    for answer in answers:
        assert isinstance(answer, Recorded), answer
        found.append(([int(o.event.position) for o in answer.outcomes], answer.is_replayed))
    return found


async def positions(base: Base) -> list[int]:
    return [e.position for e in await read_log(base.owner)]


class TestEventId:
    async def test_same_body_gets_the_first_answer_again(self, base: Base) -> None:
        (first,) = await record(base.pool, submission(ANN, ONE))
        (again,) = await record(base.pool, submission(ANN, ONE), by="another")
        assert again == first
        assert await answered(base, command(submission(ANN, ONE))) == [([1], True)]
        assert await positions(base) == [1]

    async def test_another_body_is_refused(self, base: Base) -> None:
        await record(base.pool, submission(ANN, ONE))
        with pytest.raises(Invalid, match="position 1") as refused:
            await record(base.pool, submission(BEN, ONE))
        assert [(f.code, f.pointer) for f in refused.value.faults] == [TAKEN]
        assert await positions(base) == [1]

    async def test_is_told_apart_by_the_body_and_not_by_what_it_came_to(self, base: Base) -> None:
        """A name that was new made an id; the repeat finds it, and is the same body still."""
        new = b.hire(Entity(name="Ann Lee"), at=Entity(name="Lab X"), on="2020")
        (first,) = await record(base.pool, submission(new, ONE))
        (again,) = await record(base.pool, submission(new, ONE))
        assert again == first
        with pytest.raises(Invalid, match="another body"):
            await record(base.pool, submission(b.hire("ann-lee", at="lab-x", on="2020"), ONE))

    async def test_of_a_corrected_event_still_answers(self, base: Base) -> None:
        (first,) = await record(base.pool, submission(ANN, ONE))
        await record(base.pool, Retraction(target=ONE, reason="No."))
        assert await record(base.pool, submission(ANN, ONE)) == [first]

    async def test_of_a_log_event_answers_as_well(self, base: Base) -> None:
        await record(base.pool, submission(ANN, ONE))
        retraction = submission(Retraction(target=ONE, reason="No."), TWO)
        assert await record(base.pool, retraction) == await record(base.pool, retraction)
        assert await positions(base) == [1, 2]

    async def test_twice_in_one_array_is_one_event(self, base: Base) -> None:
        twice = command(submission(ANN, ONE), submission(ANN, ONE))
        assert await answered(base, twice) == [([1, 1], False)]
        with pytest.raises(Invalid) as refused:
            await record(base.pool, submission(ANN, TWO, "/0"), submission(BEN, TWO, "/1"))
        assert [f.pointer for f in refused.value.faults] == ["/1/event_id"]
        assert await positions(base) == [1]

    async def test_twice_in_one_group_is_one_event(self, base: Base) -> None:
        once = command(submission(ANN, ONE))
        answers = await answered(base, once, once)
        assert [positions for positions, _ in answers] == [[1], [1]]
        assert await positions(base) == [1]

    async def test_mixed_array_answers_in_its_own_order(self, base: Base) -> None:
        """What is known with its old position, what is new with a new one."""
        await record(base.pool, submission(ANN, ONE))
        mixed = command(submission(BEN, TWO), submission(ANN, ONE), submission(ANN, THREE))
        assert await answered(base, mixed) == [([2, 1, 3], False)]
        assert await answered(base, mixed) == [([2, 1, 3], True)]
        assert await positions(base) == [1, 2, 3]

    async def test_of_a_refused_command_is_free(self, base: Base) -> None:
        refused = command(submission(ANN, ONE), submission(NOBODY, TWO))
        answers = await commit_group(base.pool, refused, command(submission(BEN, ONE)))
        assert isinstance(answers[0], Invalid)
        assert isinstance(answers[1], Recorded)
        assert [e.payload for e in await read_log(base.owner)] == [BEN]


class TestIdempotencyKey:
    async def test_same_request_gets_the_first_answer_again(self, base: Base) -> None:
        first = await record(base.pool, ANN, BEN, key="k")
        assert await record(base.pool, ANN, BEN, key="k") == first
        assert await answered(base, command(ANN, BEN, key="k")) == [([1, 2], True)]
        assert await positions(base) == [1, 2]

    async def test_another_request_is_refused(self, base: Base) -> None:
        await record(base.pool, ANN, key="k")
        with pytest.raises(IdempotencyKeyTaken, match="'k'"):
            await record(base.pool, BEN, key="k")
        assert await positions(base) == [1]

    async def test_two_in_one_group_share_one_answer(self, base: Base) -> None:
        answers = await answered(base, *(command(ANN, key="k") for _ in range(3)))
        assert answers == [([1], False), ([1], True), ([1], True)]
        assert await positions(base) == [1]
        assert await _receipts(base) == [("tester", "k", [1])]

    async def test_two_requests_in_one_group_cannot_share_it(self, base: Base) -> None:
        answers = await commit_group(base.pool, command(ANN, key="k"), command(BEN, key="k"))
        assert isinstance(answers[0], Recorded)
        assert isinstance(answers[1], IdempotencyKeyTaken)
        assert await positions(base) == [1]

    async def test_belongs_to_one_api_key(self, base: Base) -> None:
        await record(base.pool, ANN, key="k", by="one")
        await record(base.pool, BEN, key="k", by="other")
        assert await answered(base, command(ANN, key="k", by="one")) == [([1], True)]
        assert await positions(base) == [1, 2]
        assert await _receipts(base) == [("one", "k", [1]), ("other", "k", [2])]

    async def test_of_a_refused_request_is_free(self, base: Base) -> None:
        with pytest.raises(Invalid):
            await record(base.pool, NOBODY, key="k")
        answers = await commit_group(base.pool, command(NOBODY, key="k"), command(ANN, key="k"))
        assert isinstance(answers[0], Invalid)
        assert isinstance(answers[1], Recorded)
        assert await _receipts(base) == [("tester", "k", [1])]

    async def test_keeps_the_positions_of_what_was_known(self, base: Base) -> None:
        await record(base.pool, submission(ANN, ONE))
        await record(base.pool, BEN)
        mixed = command(submission(ANN, ONE), BEN, key="k")
        assert await answered(base, mixed) == [([1, 3], False)]
        assert await answered(base, mixed) == [([1, 3], True)]

    async def test_of_what_was_all_known_is_kept_too(self, base: Base) -> None:
        await record(base.pool, submission(ANN, ONE))
        known = command(submission(ANN, ONE), key="k")
        assert await answered(base, known) == [([1], True)]
        with pytest.raises(IdempotencyKeyTaken):
            await record(base.pool, BEN, key="k")

    async def test_two_processes_share_one_answer(self, base: Base) -> None:
        """The second waits for the first and then finds its receipt."""
        async with connected(base.dsn, ROLE) as one, connected(base.dsn, ROLE) as other:
            transaction = one.transaction()
            await transaction.start()
            (first,) = await commit(one, [command(ANN, key="k")], CHANCE)
            waiting = asyncio.create_task(_commit(other, [command(ANN, key="k")]))
            await until_it_waits(base, waiting)
            await transaction.commit()
            (second,) = await waiting
        assert isinstance(first, Recorded)
        assert isinstance(second, Recorded)
        assert second.is_replayed
        assert [o.event for o in second.outcomes] == [o.event for o in first.outcomes]
        assert await positions(base) == [1]


async def test_without_id_and_key_the_same_is_recorded_twice(base: Base) -> None:
    """That sources say the same twice is a finding, no repeat."""
    await commit_group(base.pool, command(ANN), command(ANN))
    assert await positions(base) == [1, 2]


async def test_unknown_name_alone_is_told_with_its_place(base: Base) -> None:
    with pytest.raises(Invalid) as refused:
        await record(base.pool, NOBODY)
    assert [(f.pointer, f.code) for f in refused.value.faults] == [
        ("/person", UnknownName.code),
        ("/lab", UnknownName.code),
    ]


async def _receipts(base: Base) -> list[tuple[str, str, list[int]]]:
    rows = await base.owner.fetch(
        "SELECT api_key, idempotency_key, positions FROM receipts ORDER BY 1, 2"
    )
    return [tuple(row) for row in rows]


async def _commit(connection: Any, commands: Sequence[Command]) -> Any:
    async with connection.transaction():
        return await commit(connection, commands, CHANCE)
