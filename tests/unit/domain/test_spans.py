"""Spans of days are the standings of every day, and no two that meet are one."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given

from service.domain.events import RecordedEvent
from service.domain.fold import fold
from service.domain.presence import presence_on, standing_on
from service.domain.spans import presence_spans, spans
from service.read_models.stints import by_start
from tests.support.strategies import FIRST_DAY, LABS, PEOPLE, histories

NEAR = [date.min, *(FIRST_DAY + timedelta(days=n) for n in range(-450, 1200)), date(2199, 12, 31)]


@given(events=histories(14))
def test_each_day_stands_in_its_span(events: list[RecordedEvent]) -> None:
    assert spans([]) == []
    state = fold(events)
    for person in PEOPLE:
        for lab in LABS:
            own = sorted(
                (s for s in state.stints if (s.person, s.lab) == (person, lab)), key=by_start
            )
            found = spans(own)
            for before, after in pairwise(found):
                assert before.after <= after.first
                assert before.after < after.first or before.standing != after.standing
            for day in NEAR:
                held = [span.standing for span in found if span.first <= day < span.after]
                assert held == ([standing] if (standing := standing_on(own, day)) else [])


@given(events=histories(14))
def test_presence_of_one_stint_is_that_of_each_day(events: list[RecordedEvent]) -> None:
    for stint in fold(events).stints:
        found = presence_spans([stint])
        assert all(span.first < span.after for span in found)
        assert all(before.after <= after.first for before, after in pairwise(found))
        for day in NEAR:
            held = [span.presence for span in found if span.first <= day < span.after]
            assert held == ([presence] if (presence := presence_on(stint, day)) else [])
