"""
Three ways, one answer (SEMANTICS 7): what the writer keeps, what a replay makes and what the
live fold says are the same at every position. This is the test that the house stands on.
"""

from unittest.mock import patch

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.app import CHANCE
from service.log import append
from service.read_models import rows
from service.read_models.replay import replay
from service.recording import writer
from tests.support.histories import (
    Base,
    Plan,
    assert_beliefs_are_whole,
    assert_rows_are_the_fold,
    carry_out,
    fetch_rows,
    plain,
    plans,
    read_log,
)

EXAMPLES = settings().max_examples * 3 // 5


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans(), many=st.sampled_from([1, writer.MANY_EVENTS]))
async def test_projection_replay_and_live_fold_agree_at_every_position(
    base: Base, plan: Plan, many: int
) -> None:
    """
    Whatever is recorded, alone, in batches, in groups or at once, and whatever is refused.

    The log holds what the model accepted; the rows that the writer kept are the live fold at
    every position; a replay makes the same rows, to the position. Groups are written in either
    of the two ways.
    """
    note(repr(plan))
    await base.empty()
    with (
        patch.object(writer, "MANY_EVENTS", many),
        patch.object(append, "COPIED_EVENTS_MIN", many),
        patch.object(rows, "COPIED_STINTS_MIN", many),
    ):
        model = await carry_out(base, plan)
    events = await read_log(base.owner)
    assert [plain(e) for e in events] == [plain(e) for e in model.events]

    kept = await fetch_rows(base.owner)
    assert_rows_are_the_fold(kept, events)
    assert_beliefs_are_whole(kept)

    done = await replay(base.pool, CHANCE.new_id(), now=CHANCE.now)
    assert (done.state, done.drift) == ("done", [])
    assert await fetch_rows(base.owner) == kept
