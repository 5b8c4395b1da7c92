"""What is shown of everything at once is that of the live fold, however much of it was kept."""

from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answers.glances import Glances
from service.answers.labs import Headcount
from service.answers.overview import Overview, overview
from service.answers.times import KnownAt, Times
from service.domain.events import RecordedEvent
from service.domain.fold import State, fold
from service.domain.headcounts import headcounts
from service.domain.moves import in_order_by, moves, turns
from service.domain.stints import Stint
from service.read_models.moves import fetch_newest
from service.read_models.stints import by_start
from tests.support import builders as b
from tests.support.histories import Base, read_log, record, submission, with_entities
from tests.support.publishing import record_history
from tests.support.strategies import days, histories

EXAMPLES = settings().max_examples * 2 // 5
SHOWN = 2
ON_DATABASE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=EXAMPLES, suppress_health_check=ON_DATABASE)
@given(events=histories(14), last=days, data=st.data())
async def test_overview_is_that_of_the_live_fold_as_the_log_grows(
    base: Base, events: list[RecordedEvent], last: date, data: st.DataObject
) -> None:
    """What was counted before stands for those whom no event moved since, and for nobody else."""
    asked = [last - timedelta(days=90 * n) for n in (4, 3, 2, 1, 0)]
    kept = Glances()
    await base.empty()
    for event in events:
        payload = with_entities(event.payload)
        await record(base.pool, submission(payload, b.event_id(event.position)))
        if data.draw(st.booleans()):
            continue
        known = await read_log(base.owner)
        told = await _overview(base, kept, asked, len(known))
        assert told == await _overview(base, Glances(), asked, len(known))
        _assert_is_of(told, fold(known), asked)


async def _overview(base: Base, glances: Glances, asked: list[date], head: int) -> Overview:
    times = Times(at=asked[-1], known_at=KnownAt(head, None), head=head, is_pinned=False)
    async with base.pool.acquire() as connection:
        return await overview(connection, times, glances, made=1, limit=SHOWN, days=asked)


def _assert_is_of(told: Overview, state: State, asked: list[date]) -> None:
    there: dict[str, dict[str, list[Stint]]] = {}
    careers: dict[str, list[Stint]] = {}
    for stint in sorted(state.stints, key=by_start):
        there.setdefault(stint.lab, {}).setdefault(stint.person, []).append(stint)
        careers.setdefault(stint.person, []).append(stint)
    counts = {lab: headcounts(people.values(), asked) for lab, people in there.items()}
    largest = sorted(counts, key=lambda lab: (-sum(counts[lab][-1]), lab))
    assert [(one.lab.id, [_sizes(c) for c in one.counts]) for one in told.labs] == [
        (lab, [tuple(count) for count in counts[lab]])
        for lab in largest[:SHOWN]
        if sum(counts[lab][-1])
    ]
    assert all(one.lab.headcount == one.counts[-1] for one in told.labs)
    dated = [
        (on, move.key)
        for career in careers.values()
        for move in moves(career, state.labs)
        if (dated_by := move.joined or move.left) and (on := in_order_by(dated_by))
    ]
    newest = sorted((each for each in dated if asked[0] <= each[0] <= asked[-1]), reverse=True)
    assert [
        (
            move.person.id,
            str(move.left.event) if move.left else "",
            str(move.joined.event) if move.joined else "",
        )
        for move in told.moves
    ] == [key for _, key in newest[:8]]


def _sizes(count: Headcount) -> tuple[int, int, int]:
    return (count.certain, count.presumed, count.possible)


@settings(max_examples=EXAMPLES, suppress_health_check=ON_DATABASE)
@given(events=histories(14), period=st.tuples(days, days), data=st.data())
async def test_newest_are_those_who_came_or_went_last(
    base: Base, events: list[RecordedEvent], period: tuple[date, date], data: st.DataObject
) -> None:
    """However few are read: all after the day since which they are everybody, as known any time."""
    known = await record_history(base, events)
    position = data.draw(st.integers(0, len(known)))
    first, last = min(period), max(period)
    truth: dict[str, date] = {}
    for stint in fold(known[:position]).stints:
        for on in turns(stint):
            if first <= on <= last:
                truth[stint.person] = max(truth.get(stint.person, on), on)
    async with base.pool.acquire() as connection:
        newest = await fetch_newest(
            connection,
            first=first,
            last=last,
            position=position,
            limit=data.draw(st.integers(1, 6)),
        )
    assert newest.last_on.items() <= truth.items()
    assert {one: on for one, on in truth.items() if on > newest.since}.items() <= (
        newest.last_on.items()
    )
    assert bool(newest.last_on) == bool(truth)
