"""
Erasing on random histories: at once what is kept says no more than the log does, and a replay
makes the rest of it what the fold of the log is.
"""

from collections.abc import Sequence
from uuid import UUID

from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from service.app import CHANCE
from service.domain.events import Erased, RecordedEvent
from service.domain.fold import fold
from service.domain.refusals import Refusal
from service.log.verify import verify
from service.read_models.replay import fetch_state, make_current, replay
from service.recording.erasures import Asked
from service.recording.writer import Writer
from tests.support import strategies
from tests.support.histories import (
    Base,
    Plan,
    Rows,
    assert_beliefs_are_whole,
    believed,
    carry_out,
    fetch_rows,
    plans,
    read_log,
    rows_of,
)

EXAMPLES = settings().max_examples // 4

_given = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def asked(person: str | None = None, event_id: UUID | None = None) -> Asked:
    return Asked(
        reason="asked for",
        person=person,
        event_id=event_id,
        recorded_by="admin",
        request_id="r",
        receipts_of="admin",
    )


@_given
@given(plan=plans(), more=plans(8), one=strategies.people)
async def test_after_a_person_is_erased_the_present_is_the_fold_and_a_replay_the_past(
    base: Base, plan: Plan, more: Plan, one: str
) -> None:
    note(repr(plan))
    await base.empty()
    await carry_out(base, plan)
    writer = Writer(base.pool, CHANCE)
    try:
        done = await writer.erase(asked(person=one))
    except Refusal:
        event("nobody of the name")
        return
    await assert_is_erased(base, [e.event_id for e in done.erased])
    kept = await fetch_rows(base.owner)
    assert not [row for rows in kept.values() for row in rows if f'"{one}"' in row["content"]]
    # What is recorded from then on goes on from what was left.
    await carry_out_more(base, more)
    await assert_replays(base)


@_given
@given(plan=plans(), pick=st.integers(0, 40))
async def test_after_an_event_is_erased_the_present_is_the_fold_and_a_replay_the_past(
    base: Base, plan: Plan, pick: int
) -> None:
    note(repr(plan))
    await base.empty()
    await carry_out(base, plan)
    events = await read_log(base.owner)
    if not events:
        return
    erased = events[pick % len(events)]
    note(f"erased: {erased.position}")
    writer = Writer(base.pool, CHANCE)
    try:
        await writer.erase(asked(event_id=erased.event_id))
    except Refusal as refusal:
        assert refusal.code == "closes_cycle"  # noqa: PT017 (it is refused or erased)
        return
    await assert_is_erased(base, [erased.event_id])
    await assert_replays(base)


async def assert_is_erased(base: Base, ids: Sequence[object]) -> None:
    """The log verifies, and what is believed at its head is what it says."""
    events = await read_log(base.owner)
    assert {e.event_id for e in events if isinstance(e.payload, Erased)} == set(ids)
    checked = await verify(base.pool)
    async with base.pool.acquire() as connection:
        assert (await fetch_state(connection)).is_due
    assert checked.problems == []
    assert_present_is_the_fold(await fetch_rows(base.owner), events)


def assert_present_is_the_fold(rows: Rows, events: Sequence[RecordedEvent]) -> None:
    now, meant = believed(rows, len(events)), rows_of(fold(events))
    for model, said in meant.items():
        assert now[model] == said, model


async def assert_replays(base: Base) -> None:
    """What an erasure left due is made, and says at the head what was said before."""
    before = await fetch_rows(base.owner)
    await make_current(base.pool, now=CHANCE.now, new_id=CHANCE.new_id)
    events, rows = await read_log(base.owner), await fetch_rows(base.owner)
    assert_present_is_the_fold(rows, events)
    assert_beliefs_are_whole(rows)
    assert believed(before, len(events)) == believed(rows, len(events))
    done = await replay(base.pool, CHANCE.new_id(), now=CHANCE.now, is_check=True)
    assert (done.state, done.drift) == ("done", [])


async def carry_out_more(base: Base, plan: Plan) -> None:
    """Record what of *plan* is accepted."""
    writer = Writer(base.pool, CHANCE)
    writer.start()
    try:
        for group in plan.groups:
            for each in group:
                try:
                    await writer.record(each)
                except Refusal:
                    event("refused")
    finally:
        await writer.stop()
