"""Drawings say what the answers say: places along time, strips of stays, bands, bars, ribbons."""

import doctest
from datetime import date, timedelta
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules

from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import Fact, RecordedEvent
from service.domain.fold import fold
from service.domain.presence import standing_on
from service.read_models.stints import by_start
from service.web import charts
from service.web.charts.balances import HALF, Period, balance
from service.web.charts.bands import Column, Count, bands, ceiling, steps
from service.web.charts.flows import Flow, flows
from service.web.charts.scales import TICKS_MAX, WIDTH, Window
from service.web.charts.strips import reach, strip
from tests.support.builders import departure, hire, log, recorded
from tests.support.strategies import FIRST_DAY, LABS, PEOPLE, histories

days = st.dates(date(1800, 1, 1), date(2199, 12, 31))
SHOWN = Window(FIRST_DAY - timedelta(days=450), FIRST_DAY + timedelta(days=1200))


class TestWindow:
    @given(ends=st.tuples(days, days).map(sorted))
    def test_is_marked_where_it_can_be_read(self, ends: list[date]) -> None:
        window = Window(*ends)
        ticks = window.ticks()
        assert len(ticks) <= TICKS_MAX
        assert all(0 <= tick.x <= WIDTH for tick in ticks)
        assert all(before.x < after.x for before, after in pairwise(ticks))
        # Less than a decade shown without a mark would leave the reader without a measure.
        assert ticks or window.last.year - window.first.year < TICKS_MAX

    def test_says_years_months_and_days(self) -> None:
        def labels(first: str, last: str) -> list[str]:
            ticks = Window(date.fromisoformat(first), date.fromisoformat(last)).ticks()
            return [tick.label for tick in ticks]

        assert labels("2017-03-04", "2024-08-01") == [str(year) for year in range(2018, 2025)]
        assert labels("1990-01-01", "2026-01-01")[:2] == ["1990", "1995"]
        assert labels("2024-11-20", "2025-03-01") == ["Dec 2024", "Jan 2025", "Feb", "Mar"]
        assert labels("2024-02-27", "2024-03-01") == ["27 Feb", "28 Feb", "29 Feb", "1 Mar"]

    @given(ends=st.tuples(days, days).map(sorted))
    def test_labels_that_a_narrow_drawing_keeps_are_apart_and_within(
        self, ends: list[date]
    ) -> None:
        ticks = Window(*ends).ticks()
        kept = [tick for tick in ticks if not tick.is_spare]
        assert bool(kept) == bool(ticks)
        begins = [tick.x - tick.width if tick.is_late else tick.x for tick in kept]
        ends_of = [first + tick.width for first, tick in zip(begins, kept, strict=True)]
        assert all(end <= WIDTH for end in ends_of)
        assert all(end < begin for end, begin in zip(ends_of, begins[1:], strict=False))

    def test_years_are_what_a_narrow_drawing_keeps(self) -> None:
        """January is not what is left out between one July and the next."""
        ticks = Window(date(2023, 5, 1), date(2026, 11, 22)).ticks()
        assert [tick.label for tick in ticks][:3] == ["Jul 2023", "Jan 2024", "Jul"]
        kept = [tick.label for tick in ticks if not tick.is_spare]
        assert kept == ["Jan 2024", "Jan 2025", "Jan 2026"]

    def test_ends_lie_at_its_ends(self) -> None:
        window = Window(date(2024, 1, 1), date(2024, 12, 31))
        assert window.x(date.min) == window.x(window.first) == 0
        assert window.x(date.max) == window.x(date(2025, 1, 1)) == WIDTH


class TestStrip:
    @given(events=histories(14))
    def test_is_drawn_as_each_day_stands(self, events: list[RecordedEvent]) -> None:
        state = fold(events)
        for person in PEOPLE:
            for lab in LABS:
                own = sorted(
                    (s for s in state.stints if (s.person, s.lab) == (person, lab)), key=by_start
                )
                pieces = strip(own, SHOWN)
                for before, after in pairwise(pieces):
                    assert before.x + before.width <= after.x + 0.02
                day = SHOWN.first
                while day <= SHOWN.last:
                    held = [p for p in pieces if p.first <= day < p.after]
                    standing = standing_on(own, day)
                    marks = {"beginning", "ending", "possible"}
                    if standing is None:
                        assert held == []
                    else:
                        (piece,) = held
                        sure = standing.presence != "possible"
                        assert piece.mark == standing.presence if sure else piece.mark in marks
                        assert piece.on_leave == standing.on_leave
                    day += timedelta(days=13)

    @given(events=histories(14))
    def test_begins_before_what_is_sure_and_ends_after_it(
        self, events: list[RecordedEvent]
    ) -> None:
        state = fold(events)
        sure = {"certain", "presumed"}
        for one in state.stints:
            pieces = strip([one], SHOWN)
            for before, after in pairwise(pieces):
                assert before.mark != "beginning" or after.mark in {*sure, "beginning"}
                assert after.mark != "ending" or before.mark in {*sure, "ending"}
            if not sure & {p.mark for p in pieces} and SHOWN.first < one.start.lo:
                assert {p.mark for p in pieces} <= {"possible", "beginning", "ending"}

    def test_tells_what_comes_before_what_is_sure_from_what_comes_after(self) -> None:
        def marks(*said: Fact) -> list[str]:
            return [piece.mark for piece in strip(fold(log(*said)).stints, SHOWN)]

        came, went = hire("ann", at="x", on="2020-05~"), departure("ann", at="x", on="2021-05~")
        assert marks(came, went) == ["beginning", "certain", "ending"]
        assert marks(came) == ["beginning", "certain", "presumed"]
        # Nothing is sure of who came and went in the same weeks.
        assert marks(came, departure("ann", at="x", on="2020-05~")) == ["possible"]

    def test_shows_from_the_first_day_that_can_be(self) -> None:
        today = date(2026, 1, 1)
        assert reach([], today, date(1950, 1, 1)) == Window(today, today)
        vague = fold([recorded(1, hire("ann", at="x", on="[..2012]"))]).stints
        dated = fold([recorded(1, hire("ann", at="x", on="2017~"))]).stints
        assert reach(vague, today, date(1950, 1, 1)).first == date(2012, 12, 31)
        assert reach([*vague, *dated], today, date(2013, 1, 1)).first == date(2016, 1, 1)


class TestBands:
    @given(
        counts=st.lists(
            st.builds(
                Count,
                days,
                st.integers(0, 5000),
                st.integers(0, 5000),
                st.integers(0, 5000),
            ),
            max_size=20,
        )
    )
    def test_stand_on_each_other(self, counts: list[Count]) -> None:
        counts = sorted(counts)
        drawn = bands(counts, Window(date(1800, 1, 1), date(2199, 12, 31)))
        assert bool(drawn.certain) == bool(counts)
        assert drawn.grid[0][1] == 0
        assert drawn.grid[0][0] == 100
        assert drawn.grid[-1][0] == 0
        assert drawn.grid[-1][1] >= max((sum(c[1:]) for c in counts), default=0)

    def test_go_in_steps(self) -> None:
        window = Window(date(2024, 1, 1), date(2024, 1, 10))
        drawn = bands([Count(window.first, 1, 0, 1), Count(date(2024, 1, 6), 2, 0, 0)], window)
        assert drawn.certain == "M0 50V50H50V0H100V100H50V100H0Z"
        assert drawn.possible == [Column(0, 50, 0, 50)]
        same = [Count(window.first, 1, 0, 1), Count(date(2024, 1, 6), 1, 0, 1)]
        assert bands(same, window).possible == [Column(0, 100, 0, 50)]

    @given(count=st.integers(0, 10**9))
    def test_count_in_round_numbers(self, count: int) -> None:
        top = ceiling(count)
        assert count <= top <= max(1, 2.5 * count)
        found = steps(top)
        assert (found[0], found[-1]) == (0, top)
        assert len({b - a for a, b in pairwise(found)}) == 1


@given(
    periods=st.lists(
        st.builds(
            Period, st.just("2024"), st.integers(0, 900), st.integers(0, 900), st.integers(0, 9)
        ),
        max_size=30,
    )
)
def test_bars_are_weighed_on_one_scale(periods: list[Period]) -> None:
    drawn = balance(periods)
    for period, up, down in zip(periods, drawn.joined, drawn.left, strict=True):
        assert abs(up.height - HALF * period.joined / drawn.top) <= 0.01
        assert abs(down.height - HALF * period.left / drawn.top) <= 0.01
        assert up.y + up.height == HALF == down.y
        assert up.possible_y >= -0.02
        assert down.possible_y + down.possible_height <= 2 * HALF + 0.02


def test_few_people_fill_no_half_of_a_balance() -> None:
    drawn = balance([Period("", joined=0, left=1, joined_possibly=1)])
    assert drawn.top == 5
    assert drawn.joined[0].possible_height == drawn.left[0].height == HALF / 5


def test_ribbons_are_as_thick_as_what_flows() -> None:
    drawn = flows([Flow("a", "A", 10, "10"), Flow("b", "B", 5, "2–5")], [Flow("c", "C", 1, "1")])
    assert [r.thickness for r in drawn.arriving] == [18.0, 9.0]
    assert drawn.leaving[0].thickness == 1.8
    assert drawn.height == 48.0
    assert drawn.leaving[0].path.startswith(f"M0 {24:g}C")
    assert flows([], []).height > 0


def test_examples_hold() -> None:
    for module in iter_modules(charts.__path__):
        assert doctest.testmod(import_module(f"{charts.__name__}.{module.name}")).failed == 0
