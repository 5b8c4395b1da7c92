"""Dates are counted in the periods in which they lie, and in each in which they may lie."""

from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, Bounds
from service.domain.headcounts import Step
from service.domain.moves import falls_in
from service.domain.periods import InPeriod, counts_in, firsts_of, step_for
from service.domain.stints import Endpoint

days = st.dates(date(1990, 1, 1), date(2030, 12, 31))
bounds = st.tuples(st.one_of(days, st.just(UNBOUNDED_LO)), st.one_of(days, st.just(UNBOUNDED_HI)))
steps = st.sampled_from([step for step in get_args(Step) if step != "day"])


@given(
    dates=st.lists(st.tuples(bounds.map(sorted).map(lambda b: Bounds(*b)), st.booleans())),
    ends=st.tuples(days, days).map(sorted),
    step=steps,
)
def test_each_date_is_counted_where_it_falls(
    dates: list[tuple[Bounds, bool]], ends: list[date], step: Step
) -> None:
    first, last = ends
    firsts = firsts_of(first, last, step)
    lasts = [on - timedelta(days=1) for on in firsts[1:]] + [last]
    for on, end, counts in zip(firsts, lasts, counts_in(dates, firsts, last), strict=True):
        falls = [(falls_in(Endpoint(*lo_hi), on, end), is_sure) for lo_hi, is_sure in dates]
        certain = sum(fell == "certain" and is_sure for fell, is_sure in falls)
        assert counts == InPeriod(certain, sum(f is not None for f, _ in falls) - certain)


@given(ends=st.tuples(days, days).map(sorted), step=steps)
def test_periods_are_those_of_the_calendar(ends: list[date], step: Step) -> None:
    first, last = ends
    firsts = firsts_of(first, last, step)
    assert firsts[0] == first
    assert firsts[-1] <= last
    assert all(before < after for before, after in pairwise(firsts))
    for on in firsts[1:]:
        begun = {
            "week": on.weekday() == 0,
            "month": on.day == 1,
            "quarter": on.day == 1 and on.month in (1, 4, 7, 10),
            "year": (on.month, on.day) == (1, 1),
        }
        assert begun[step]


@given(ends=st.tuples(days, days).map(sorted))
def test_there_are_as_many_periods_as_can_be_read(ends: list[date]) -> None:
    first, last = ends
    assert len(firsts_of(first, last, step_for(first, last))) <= 64


@pytest.mark.parametrize("step", get_args(Step))
def test_first_of_all_days_begins_every_period(step: Step) -> None:
    assert firsts_of(date.min, date.min, step) == [date.min]
