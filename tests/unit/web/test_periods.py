"""Periods and counts as pages draw them."""

from datetime import date
from typing import Any, get_args
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from service.answers.flows import Flow
from service.answers.lab_steps import LabStepView, StepKind
from service.answers.movements import Tallies, Tally
from service.answers.moves import Sure
from service.answers.names import Named
from service.answers.times import Period
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.periods import firsts_of, step_for
from service.web.charts.lines import line_of
from service.web.charts.scales import TICKS_MAX, WIDTH
from service.web.pages.moves import MATRIX_LABS_MAX, matrix
from service.web.periods import balance_of, year_up_to

days = st.dates(date(1990, 1, 1), date(2030, 12, 31))


@given(ends=st.tuples(days, days).map(sorted))
def test_marks_stand_where_bars_begin(ends: list[date]) -> None:
    first, last = ends
    step = step_for(first, last)
    firsts = firsts_of(first, last, step)
    drawn, ticks = balance_of(
        Tallies(step, [Tally(from_on=on, to_on=on, joined=Sure(1), left=Sure()) for on in firsts])
    )
    assert len(ticks) <= TICKS_MAX
    room = WIDTH / len(firsts)
    begins = {round(room * n, 2): on for n, on in enumerate(firsts)}
    assert len(drawn.joined) == len(firsts)
    assert all(str(begins[t.x].year) in t.label or f"{begins[t.x]:%b}" in t.label for t in ticks)
    years = [begins[tick.x].year for tick in ticks]
    # Whoever looks finds out of which years the bars are, whatever months have a mark.
    assert all(str(year) in ticks[years.index(year)].label for year in years)


def test_period_is_the_year_up_to_the_day() -> None:
    at = date(2024, 6, 1)
    assert year_up_to(Period(None, None), at) == Period(date(2023, 6, 2), at)
    asked = Period(date(2020, 1, 1), date(2020, 2, 1))
    assert year_up_to(asked, at) == asked
    assert year_up_to(Period(None, None), date(1800, 3, 1)).from_on == date(1800, 1, 1)


labs = st.integers(0, 20).map(lambda n: Named(f"l{n}", f"Lab {n}"))
flows = st.dictionaries(
    st.tuples(st.one_of(st.none(), labs), st.one_of(st.none(), labs)),
    st.builds(Sure, st.integers(0, 5), st.integers(1, 5)),
    max_size=80,
)


@given(counts=flows)
def test_matrix_has_every_flow_or_says_how_many_it_has_not(counts: dict[Any, Sure]) -> None:
    every = [
        Flow(from_lab=a, to_lab=b, count=count, moves=f"{a} {b}")
        for (a, b), count in counts.items()
    ]
    drawn = matrix(every)
    assert len(drawn.rows) <= MATRIX_LABS_MAX
    assert len(drawn.to_labs) <= MATRIX_LABS_MAX
    cells = 0
    for from_lab, row in drawn.rows:
        assert any(row)
        for to_lab, flow in zip(drawn.to_labs, row, strict=True):
            assert (flow and flow.count) == counts.get((from_lab, to_lab))
            cells += flow is not None
    assert cells + drawn.left_out == sum(None not in pair for pair in counts)


@given(
    lo=st.one_of(days, st.just(UNBOUNDED_LO)),
    hi=st.one_of(days, st.just(UNBOUNDED_HI)),
    at=days,
)
def test_line_lies_within_its_drawing(lo: date, hi: date, at: date) -> None:
    kinds: tuple[StepKind, ...] = get_args(StepKind)
    steps = [
        LabStepView(kind=kind, date_text="2020", lo=min(lo, hi), hi=max(lo, hi), event=UUID(int=1))
        for kind in kinds
    ]
    drawn = line_of(steps, at, max(at, date(2026, 1, 1)))
    assert [mark.step for mark in drawn.marks] == steps
    assert 0 <= drawn.rule <= WIDTH
    for mark in drawn.marks:
        assert 0 <= mark.x <= mark.x + mark.width <= WIDTH + 0.01
    assert line_of([], at, at).marks == []
