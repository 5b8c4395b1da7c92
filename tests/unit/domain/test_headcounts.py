"""Counts over time are those of the rosters, day by day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import RecordedEvent
from service.domain.fold import State, fold
from service.domain.headcounts import (
    NOBODY,
    Count,
    Step,
    changed,
    course,
    days_from,
    headcounts,
)
from service.domain.presence import standing_on
from service.domain.spans import presence_spans
from service.domain.stints import Stint
from tests.support.answers import roster_of
from tests.support.builders import day, departure, hire, log
from tests.support.strategies import FIRST_DAY, LABS, histories


def labs_of(state: State) -> list[str]:
    return [lab for lab in LABS if state.labs[lab].canonical_id == lab]


def by_person(stints: list[Stint], lab: str) -> dict[str, list[Stint]]:
    found: dict[str, list[Stint]] = {}
    for stint in stints:
        if stint.lab == lab:
            found.setdefault(stint.person, []).append(stint)
    return found


@given(events=histories(14), step=st.integers(1, 90), shift=st.integers(-500, 500))
def test_count_of_each_day_is_that_of_its_roster(
    events: list[RecordedEvent], step: int, shift: int
) -> None:
    state = fold(events)
    days = [FIRST_DAY + timedelta(days=shift + step * n) for n in range(12)]
    for lab in labs_of(state):
        counts = headcounts(by_person(state.stints, lab).values(), days)
        for on, count in zip(days, counts, strict=True):
            there = [*roster_of(state, lab, on.isoformat()).values()]
            assert count == tuple(there.count(p) for p in ("certain", "presumed", "possible"))


@given(events=histories(14), shift=st.integers(-500, 1200))
def test_presence_spans_hold_the_presence_of_each_day(
    events: list[RecordedEvent], shift: int
) -> None:
    on = FIRST_DAY + timedelta(days=shift)
    state = fold(events)
    for lab in LABS:
        for stints in by_person(state.stints, lab).values():
            held = [s.presence for s in presence_spans(stints) if s.first <= on < s.after]
            standing = standing_on(stints, on)
            assert held == ([] if standing is None else [standing.presence])


def test_nobody_is_counted_where_nobody_was() -> None:
    assert headcounts([], [day("2020-01-01")]) == [Count(0, 0, 0)]


def test_arrivals_and_departures_move_the_count() -> None:
    state = fold(
        log(
            hire("ann", at="x", on="2020-01-15"),
            departure("ann", at="x", on="2020-03-15"),
            hire("bob", at="x", on="2020-02"),
        )
    )
    days = list(days_from(day("2020-01-01"), day("2020-05-01"), "month"))
    assert headcounts(by_person(state.stints, "x").values(), days) == [
        (0, 0, 0),
        (1, 0, 1),
        (1, 1, 0),
        (0, 1, 0),
        (0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("first", "last", "step", "days"),
    [
        ("2024-02-28", "2024-03-01", "day", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("2024-01-01", "2024-01-16", "week", ["2024-01-01", "2024-01-08", "2024-01-15"]),
        ("2024-01-31", "2024-04-29", "month", ["2024-01-31", "2024-02-29", "2024-03-31"]),
        ("2023-11-30", "2024-06-01", "quarter", ["2023-11-30", "2024-02-29", "2024-05-30"]),
        ("2024-02-29", "2026-03-01", "year", ["2024-02-29", "2025-02-28", "2026-02-28"]),
        ("2024-01-01", "2024-01-01", "year", ["2024-01-01"]),
    ],
)
def test_steps_go_from_the_first_day_on(first: str, last: str, step: Step, days: list[str]) -> None:
    """The day of a month that one does not have is its last one, and comes back in the next."""
    assert list(days_from(day(first), day(last), step)) == [date.fromisoformat(on) for on in days]


@given(
    events=histories(14),
    asked=st.lists(st.integers(-500, 1200), min_size=1, max_size=6),
)
def test_course_of_a_lab_has_the_counts_of_each_day(
    events: list[RecordedEvent], asked: list[int]
) -> None:
    days = sorted(FIRST_DAY + timedelta(days=shift) for shift in asked)
    days = [date.min, *days, date.max]
    state = fold(events)
    for lab in LABS:
        people = by_person(state.stints, lab).values()
        counted = course(people)
        assert [counted.on(on) for on in days] == headcounts(people, days)


@given(before=histories(14), after=histories(14))
def test_course_with_others_is_as_if_those_alone_were_counted(
    before: list[RecordedEvent], after: list[RecordedEvent]
) -> None:
    """To the last turn of it, so that what goes along with a log does not grow with it."""
    earlier, later = fold(before), fold(after)
    for lab in LABS:
        gone, come = (by_person(state.stints, lab).values() for state in (earlier, later))
        assert changed(course(gone), gone=gone, come=come) == course(come)
        assert changed(course(gone), gone=gone, come=()) == NOBODY
