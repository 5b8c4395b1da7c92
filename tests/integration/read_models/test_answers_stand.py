"""An answer for a fixed day and a fixed position never changes, whatever comes later."""

from collections.abc import Awaitable, Sequence
from datetime import date

import msgspec
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.answers.findings import findings
from service.answers.labs import lab_on, labs_on
from service.answers.people import people, person_on
from service.answers.times import KnownAt, Times
from service.answers.why import why_present
from service.app import CHANCE
from service.domain.refusals import Refusal
from service.log.read import read_head
from service.postgres.pool import Connection
from service.read_models.replay import replay
from tests.support.histories import Base, Model, Plan, carry_out, plans
from tests.support.strategies import LABS, PEOPLE, days

EXAMPLES = settings().max_examples // 5


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans(16), asked=st.lists(days, min_size=1, max_size=3))
async def test_answers_for_the_past_stand(base: Base, plan: Plan, asked: list[date]) -> None:
    """
    Of labs, people, findings and reasons, with and without a day of publication, to the byte:
    through appends, corrections and replays.

    They are asked for after every group as of its head, and all again at the end.
    """
    note(repr(plan))
    note(f"asked={asked}")
    await base.empty()
    model = Model()
    told: dict[int, bytes] = {}
    for group in plan.groups:
        await carry_out(base, Plan([group], plan.is_concurrent), model)
        async with base.pool.acquire() as connection:
            head = (await read_head(connection)).position
            told[head] = await _answers(connection, head, asked)
    await _assert_told(base, told, asked)
    assert (await replay(base.pool, CHANCE.new_id(), now=CHANCE.now)).state == "done"
    await _assert_told(base, told, asked)


async def _assert_told(base: Base, told: dict[int, bytes], asked: Sequence[date]) -> None:
    async with base.pool.acquire() as connection:
        for position, answer in told.items():
            assert await _answers(connection, position, asked) == answer, position


async def _answers(connection: Connection, position: int, asked: Sequence[date]) -> bytes:
    """Everything that can be asked as of a position, for these days."""
    answers: list[object] = []
    for at in asked:
        times = Times(at, KnownAt(position, None), position, is_pinned=True)
        answers.append(await labs_on(connection, times, q=None, after=None, limit=9))
        answers.append(await people(connection, times, q=None, after="", limit=9))
        answers.append(await people(connection, times, q="o", after="", limit=9))
        answers.append(
            await findings(
                connection,
                times,
                kind=None,
                person=None,
                lab=None,
                before=(2**63 - 1, ""),
                limit=1000,
            )
        )
        public = msgspec.structs.replace(times, published_by=at, resolved={})
        answers.append(await labs_on(connection, public, q=None, after=None, limit=9))
        for seen in (times, public):
            answers += [await _answer(lab_on(connection, lab, seen)) for lab in LABS]
            answers += [await _answer(person_on(connection, one, seen)) for one in PEOPLE]
            answers += [
                await _answer(why_present(connection, lab, one, seen))
                for lab in LABS
                for one in PEOPLE
            ]
    return msgspec.json.encode(answers)


async def _answer(asked: Awaitable[object]) -> object:
    """An answer, or in which words there is none."""
    try:
        return await asked
    except Refusal as refusal:
        return str(refusal)
