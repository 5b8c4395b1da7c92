"""The ledger of a person has each event that the log gives for them, once."""

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answers.events import events as events_of
from service.answers.ledgers import ledger_of
from service.answers.times import KnownAt, Times
from service.domain.effective import effective_events
from service.domain.events import RecordedEvent
from service.domain.publication import published_by
from service.domain.refusals import UnknownName
from tests.support.histories import Base
from tests.support.publishing import record_history, sourced_histories
from tests.support.strategies import PEOPLE, days

LIMIT = 1000


@settings(
    max_examples=settings().max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=sourced_histories(), at=days, by=st.one_of(st.none(), days), data=st.data())
async def test_ledger_has_what_the_log_says_of_someone(
    base: Base, events: list[RecordedEvent], at: date, by: date | None, data: st.DataObject
) -> None:
    known = await record_history(base, events)
    position = data.draw(st.integers(0, len(known)))
    person = data.draw(st.sampled_from(PEOPLE))
    public = known[:position] if by is None else published_by(known[:position], by).events
    counting = {e.event_id: e.payload for e in effective_events(public)}
    originals = {e.position: e.event_id for e in known}
    times = Times(at, KnownAt(position, None), len(known), True, published_by=by)
    async with base.pool.acquire() as connection:
        try:
            told = await ledger_of(connection, person, times)
            listed = await events_of(
                connection,
                Times(at, KnownAt(position, None), len(known), True),
                type_=None,
                person=person,
                lab=None,
                from_on=None,
                to_on=None,
                after=0,
                limit=LIMIT,
            )
        except UnknownName:
            return
    ids = [entry.event["event_id"] for entry in told.entries]
    assert len(ids) == len(set(ids))
    by_id = {e.event_id: e for e in known}
    roots = {originals[by_id[one["event_id"]].root] for one in listed.items}
    if by is None:
        assert set(ids) == roots
    for entry in told.entries:
        counts = entry.event["event_id"] in counting
        assert counts == (entry.status in ("in_force", "corrected"))
        assert (entry.current is None) == (entry.status in ("retracted", "erased"))
        assert all(word["position"] <= position for word in entry.words)
