"""What a correction changed, told afterwards from what is kept."""

from hypothesis import HealthCheck, given, note, settings

from service.app import CHANCE
from service.domain.effects import StintChange, stint_changes
from service.domain.events import RecordedEvent
from service.domain.findings import Finding
from service.domain.fold import fold
from service.domain.refusals import Refusal
from service.log.corrections import read_concerned_at
from service.log.read import read_linked
from service.postgres.pool import Connection
from service.read_models.findings import FindingChange, fetch_finding_changes
from service.read_models.stints import fetch_stint_changes
from service.recording.rehearsal import Rehearsal, rehearse
from tests.support.histories import Base, Model, Plan, carry_out, plans, read_log

EXAMPLES = settings().max_examples * 2 // 5
slow = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@slow
@given(plan=plans())
async def test_effect_is_the_difference_of_the_folds(base: Base, plan: Plan) -> None:
    """Of every event at every position, in a batch or alone; all asked for at once or one by one."""
    note(repr(plan))
    await base.empty()
    await carry_out(base, plan)
    events = await read_log(base.owner)
    async with base.pool.acquire() as connection:
        together = await _effects(connection, [int(e.position) for e in events])
        for event in events:
            alone = await _effects(connection, [int(event.position)])
            told = _difference(events, int(event.position))
            assert alone[event.position] == told, event
            assert together[event.position] == told, event


@slow
@given(plan=plans(16))
async def test_effect_is_what_a_rehearsal_had_told(base: Base, plan: Plan) -> None:
    """Of every write of one event: before it by the rehearsal, afterwards from what is kept."""
    note(repr(plan))
    await base.empty()
    model = Model()
    for command in (c for group in plan.groups for c in group):
        head = len(model.events)
        rehearsed: Rehearsal | None = None
        async with base.pool.acquire() as connection:
            try:
                rehearsed = await rehearse(connection, command, CHANCE)
            except Refusal:
                rehearsed = None
        await carry_out(base, Plan([[command]], is_concurrent=False), model)
        if len(model.events) != head + 1:
            continue
        assert rehearsed is not None, "what is recorded was not refused before"
        async with base.pool.acquire() as connection:
            changes, noticed = (await _effects(connection, [head + 1]))[head + 1]
        assert changes == rehearsed.changes
        assert noticed == (set(rehearsed.arising), set(rehearsed.going))


Told = tuple[list[StintChange], tuple[set[Finding], set[Finding]]]


async def _effects(connection: Connection, positions: list[int]) -> dict[int, Told]:
    linked = await read_linked(connection, await read_concerned_at(connection, positions))
    people = [s.id for s in linked if s.kind == "person"]
    labs = [s.id for s in linked if s.kind == "lab"]
    stints = await fetch_stint_changes(connection, positions, people=people, labs=labs)
    noticed = await fetch_finding_changes(connection, positions, people=people, labs=labs)
    return {p: (stints[p], _as_sets(noticed[p])) for p in positions}


def _as_sets(change: FindingChange) -> tuple[set[Finding], set[Finding]]:
    arising, going = set(change.arising), set(change.going)
    assert len(arising) + len(going) == len(change.arising) + len(change.going)
    return arising, going


def _difference(events: list[RecordedEvent], position: int) -> Told:
    before, after = fold(events[: position - 1]), fold(events[:position])
    return (
        stint_changes(before.stints, after.stints),
        (
            set(after.findings) - set(before.findings),
            set(before.findings) - set(after.findings),
        ),
    )
