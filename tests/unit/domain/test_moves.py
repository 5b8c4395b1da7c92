"""Who moved: worked cases, and laws over every reading of vague dates."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from service.domain import moves as domain
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.events import Fact, Payload, RecordedEvent
from service.domain.fold import State, fold
from service.domain.headcounts import headcounts
from service.domain.moves import BEFORE_DAYS, Move, elsewhere, falls_in, moves
from service.domain.stints import Endpoint, Stint
from service.read_models.stints import by_start
from tests.support.builders import (
    closure,
    correction,
    day,
    departure,
    founding,
    hire,
    leave,
    log,
    merger,
    retraction,
    return_,
    same_person,
    sighting,
)
from tests.support.strategies import FIRST_DAY, PEOPLE, histories

Told = list[tuple[str | None, str | None, str | None]]


def moves_of(
    state: State, person: str = "ann", within: int = 365
) -> tuple[list[Move], list[Stint]]:
    stints = sorted((s for s in state.stints if s.person == person), key=by_start)
    return moves(stints, state.labs, within=within), stints


def told(*events: Payload, within: int = 365, person: str = "ann") -> Told:
    """From where, to where, and how sure it is that one followed the other; by the departures."""
    found, _ = moves_of(fold(log(*events)), person, within)
    return [
        (
            m.departure.lab if m.departure else None,
            m.arrival.lab if m.arrival else None,
            m.is_next,
        )
        for m in found
    ]


FROM_X = (hire("ann", at="x", on="2019-01-01"), departure("ann", at="x", on="2020-01-01"))


def test_departure_is_joined_with_the_next_arrival() -> None:
    assert told(*FROM_X, hire("ann", at="y", on="2020-03-01")) == [
        ("x", "y", "certain"),
        (None, "x", None),
    ]


@pytest.mark.parametrize(
    ("joined", "within", "is_joined"),
    [
        ("2020-12-31", 365, True),
        ("2021-01-01", 365, False),
        ("2021-01-01", 366, True),
        ("2020-01-01", 0, True),
        ("2020-01-02", 0, False),
        ("2019-10-01", 365, True),
        ("2019-09-30", 365, False),
    ],
)
def test_window_bounds_what_follows(joined: str, within: int, *, is_joined: bool) -> None:
    """Up to so many days after the departure, and up to 92 before it."""
    assert BEFORE_DAYS == 92
    found = told(*FROM_X, hire("ann", at="y", on=joined), within=within)
    assert (("x", "y", "certain") in found) == is_joined
    if not is_joined:
        assert {("x", None, None), (None, "y", None)} <= {*found}


def test_who_is_carried_by_a_merger_has_not_moved() -> None:
    """From the first lab to the last they came and left once, however many mergers there were."""
    events = (
        hire("ann", at="x", on="2019-01-01"),
        merger("x", into="y", on="2020-01-01"),
        merger("y", into="z", on="2021-01-01"),
    )
    assert told(*events) == [(None, "x", None)]
    left = (departure("ann", at="z", on="2022-01-01"), hire("ann", at="w", on="2022-02-01"))
    assert told(*events, *left) == [("z", "w", "certain"), (None, "x", None)]


def test_who_was_at_both_labs_of_a_merger_has_not_moved() -> None:
    events = (
        hire("ann", at="x", on="2019-01-01"),
        hire("ann", at="y", on="2019-06-01"),
        merger("x", "y", into="z", on="2020-01-01"),
    )
    assert told(*events) == [(None, "x", None), (None, "y", None)]
    assert told(events[0], events[1], merger("x", into="y", on="2020-01-01")) == [
        (None, "x", None),
        (None, "y", None),
    ]


def test_own_arrival_before_a_merger_is_none_that_follows() -> None:
    """Also of a stay so short that its own beginning is within reach."""
    assert told(
        hire("ann", at="x", on="2020-01-01"),
        merger("x", into="y", on="2020-01-15"),
        departure("ann", at="y", on="2020-02-01"),
    ) == [("y", None, None), (None, "x", None)]


def test_who_left_with_a_lab_that_closed_left_it() -> None:
    events = (
        hire("ann", at="x", on="2019-01-01"),
        closure("x", on="2020-01-01"),
        hire("ann", at="y", on="2020-02-01"),
    )
    found, _ = moves_of(fold(log(*events)))
    assert (found[0].departure, found[0].arrival) != (None, None)
    assert found[0].departure is not None
    assert str(found[0].departure.events[-1]).endswith("2"), "the closure is what it rests on"


def test_who_is_carried_past_a_closure_left_with_the_lab() -> None:
    """There is nowhere to have come along to."""
    assert told(
        closure("y", on="2019-06-01"),
        hire("ann", at="x", on="2019-01-01"),
        merger("x", into="y", on="2020-01-01"),
        hire("ann", at="z", on="2020-02-01"),
    ) == [("x", "z", "certain"), (None, "x", None)]


def test_return_to_the_same_lab_is_a_move() -> None:
    assert ("x", "x", "certain") in told(*FROM_X, hire("ann", at="x", on="2020-06-01"))


def test_leave_is_no_departure() -> None:
    assert told(
        hire("ann", at="x", on="2019-01-01"),
        leave("ann", at="x", on="2019-06-01"),
        return_("ann", at="x", on="2019-09-01"),
    ) == [(None, "x", None)]


def test_second_post_is_no_move_until_one_ends() -> None:
    """Nor then, if it had begun long before: they just stay on there."""
    board = hire("ann", at="y", on="2018-01-01", relation="board")
    assert told(FROM_X[0], board) == [(None, "y", None), (None, "x", None)]
    found, stints = moves_of(fold(log(board, *FROM_X)))
    (left,) = (move for move in found if move.departure is not None)
    assert left.arrival is None
    assert elsewhere(left, stints) == [("y", "presumed")]
    found, stints = moves_of(fold(log(board, *FROM_X, hire("ann", at="z", on="2020-02-01"))))
    assert [(m.departure.lab, m.arrival.lab) for m in found if m.departure and m.arrival] == [
        ("x", "z")
    ]


def test_guest_who_then_left_the_home_lab_moved_from_home() -> None:
    events = (
        hire("ann", at="home", on="2015-01-01"),
        hire("ann", at="guest", on="2019-01-01", relation="visiting"),
        departure("ann", at="guest", on="2019-12-01"),
        departure("ann", at="home", on="2020-02-01"),
        hire("ann", at="new", on="2020-03-01"),
    )
    assert told(*events)[:2] == [("home", "new", "certain"), ("guest", None, None)]


def test_who_left_two_labs_on_one_day_moved_from_both() -> None:
    events = (
        *FROM_X,
        hire("ann", at="u", on="2015", relation="faculty"),
        departure("ann", at="u", on="2020-01-01"),
        hire("ann", at="y", on="2020-01-02"),
    )
    assert [row for row in told(*events) if row[0]] == [
        ("u", "y", "certain"),
        ("x", "y", "certain"),
    ]


def test_nearest_arrival_is_the_next_one() -> None:
    """A guest stay that was over by then is none, whenever it began."""
    events = (
        *FROM_X,
        hire("ann", at="before", on="2019-12-20"),
        hire("ann", at="over", on="2019-12-25"),
        departure("ann", at="over", on="2019-12-31"),
        hire("ann", at="later", on="2020-02-01"),
    )
    assert ("x", "before", "certain") in told(*events)
    assert (None, "later", None) in told(*events)


def test_vague_dates_leave_it_possible_with_a_gap_in_bounds() -> None:
    events = (
        hire("ann", at="x", on="2018"),
        departure("ann", at="x", on="2020-06"),
        hire("ann", at="y", on="2020"),
    )
    found, _ = moves_of(fold(log(*events)))
    (move,) = (m for m in found if m.kind == "move")
    assert move.is_next == "possible", "it can have begun more than 92 days before"
    assert move.gap is not None
    assert move.gap == ((day("2020-01-01") - day("2020-06-30")).days, 213)
    (sure,) = (
        m
        for m in moves_of(fold(log(*events[:2], hire("ann", at="y", on="2020-07"))))[0]
        if m.kind == "move"
    )
    assert (sure.is_next, sure.gap) == ("certain", (1, 60))


def test_start_that_nobody_disclosed_follows_possibly() -> None:
    """Until something says that it was within reach."""
    announced = (*FROM_X, hire("ann", at="y", on="[2020-01-01..]"))
    assert ("x", "y", "possible") in told(*announced)
    seen = (*announced, sighting("ann", at="y", on="2020-06-01"))
    assert ("x", "y", "certain") in told(*seen)


def test_unknown_start_is_an_arrival_of_unknown_date() -> None:
    found, _ = moves_of(fold(log(*FROM_X, sighting("ann", at="y", on="2021-06-01"))))
    (move,) = (m for m in found if m.kind == "move")
    assert move.is_next == "possible"
    assert move.joined is not None
    assert (move.joined.date_text, move.joined.lo) == (None, UNBOUNDED_LO)


def test_corrected_departure_moves_the_move() -> None:
    events = (*FROM_X, hire("ann", at="y", on="2020-03-01"))
    late = correction(2, departure("ann", at="x", on="2020-07-01"))
    assert ("x", "y", "certain") in told(*events)
    assert ("x", None, None) in told(*events, late)
    assert told(*events, retraction(2)) == [(None, "x", None), (None, "y", None)]


def test_two_ids_of_one_person_make_one_move() -> None:
    events = (*FROM_X, hire("a-nn", at="y", on="2020-03-01"), same_person("a-nn", into="ann"))
    assert ("x", "y", "certain") in told(*events)


def test_founder_moves_to_what_they_found() -> None:
    assert ("x", "y", "certain") in told(*FROM_X, founding("y", on="2019-12-20", by=("ann",)))


@pytest.mark.parametrize(
    ("lo", "hi", "falls"),
    [
        ("2020-01-01", "2020-12-31", "certain"),
        ("2020-03-01", "2020-03-01", "certain"),
        ("2019-12-31", "2020-01-01", "possible"),
        ("2020-12-31", "2021-01-01", "possible"),
        ("2019-01-01", "2022-01-01", "possible"),
        ("2019-01-01", "2019-12-31", None),
        ("2021-01-01", "2021-01-01", None),
    ],
)
def test_date_falls_in_a_period_certainly_or_possibly(lo: str, hi: str, falls: str | None) -> None:
    first, last = day("2020-01-01"), day("2020-12-31")
    assert falls_in(Endpoint(day(lo), day(hi)), first, last) == falls
    assert falls_in(Endpoint(day(lo), day(hi)), None, None) == "certain"


class Reading(NamedTuple):
    """One day for each end of each stint, of those that its bounds allow."""

    starts: dict[int, date]
    ends: dict[int, date]


NEAR_LO, NEAR_HI = date(2015, 1, 1), date(2026, 1, 1)


@st.composite
def readings(draw: st.DrawFn, stints: Sequence[Stint]) -> list[Stint]:
    """The stints with a day chosen for each date: the same one where mergers join two of them."""
    chosen: dict[tuple[date, date, str | None], date] = {}

    def exact(endpoint: Endpoint) -> Endpoint:
        lo = max(endpoint.lo, min(NEAR_LO, endpoint.hi))
        hi = min(endpoint.hi, max(NEAR_HI, endpoint.lo))
        key = (endpoint.lo, endpoint.hi, endpoint.date_text)
        if key not in chosen:
            chosen[key] = draw(st.integers(0, (hi - lo).days).map(lambda n: lo + timedelta(days=n)))
        return replace(endpoint, lo=chosen[key], hi=chosen[key])

    return [
        replace(s, start=exact(s.start), end=None if s.end is None else exact(s.end))
        for s in stints
    ]


@st.composite
def careers(draw: st.DrawFn, *, is_exact: bool = False) -> list[RecordedEvent]:
    """Someone at up to five labs within two years; vague dates and a merger only if not exact."""
    events: list[Fact] = []
    for lab in draw(st.lists(st.sampled_from("vwxyz"), min_size=2, max_size=5, unique=True)):
        first = FIRST_DAY + timedelta(days=draw(st.integers(0, 500)))
        events.append(hire("ann", at=lab, on=draw(written(first, is_exact=is_exact))))
        if draw(st.integers(0, 3)):
            last = first + timedelta(days=draw(st.integers(0, 300)))
            events.append(departure("ann", at=lab, on=draw(written(last, is_exact=is_exact))))
    if not is_exact and draw(st.integers(0, 3)) == 0:
        events.append(merger("x", into="y", on=draw(written(FIRST_DAY + timedelta(days=250)))))
    return log(*events)


def written(on: date, *, is_exact: bool = False) -> st.SearchStrategy[str]:
    day_ = on.isoformat()
    if is_exact:
        return st.just(day_)
    return st.sampled_from([day_, day_, day_, f"{day_}~", day_[:7], f"{day_[:7]}~", day_[:4]])


logs = st.one_of(careers(), careers(), careers(), histories(14))


@given(events=logs, within=st.sampled_from([0, 30, 365]), data=st.data())
def test_certain_move_is_one_in_every_reading_of_the_dates(
    events: list[RecordedEvent], within: int, data: st.DataObject
) -> None:
    state = fold(events)
    for person in PEOPLE:
        found, stints = moves_of(state, person, within)
        sure = {m.key for m in found if m.is_next == "certain"}
        for _ in range(4 if sure else 0):
            read = data.draw(readings(stints))
            there = {m.key for m in moves(read, state.labs, within=within) if m.kind == "move"}
            assert sure <= there


@given(events=careers(is_exact=True), within=st.sampled_from([0, 365]), shift=st.integers(0, 700))
def test_who_came_and_who_left_make_up_the_difference(
    events: list[RecordedEvent], within: int, shift: int
) -> None:
    """Of exact dates: the headcount before, with arrivals and without departures, is that after."""
    state = fold(events)
    first, last = FIRST_DAY, FIRST_DAY + timedelta(days=shift)
    found, stints = moves_of(state, "ann", within)
    for lab in "vwxyz":
        own = [[s for s in stints if s.lab == lab]]
        before, after = (sum(count) for count in headcounts(own, [first, last]))
        came = {
            m.arrival.events[0]
            for m in found
            if m.arrival and m.arrival.lab == lab and first < m.arrival.start.lo <= last
        }
        gone = [
            m
            for m in found
            if m.departure and m.departure.lab == lab and m.left and first < m.left.lo <= last
        ]
        assert before + len(came) - len(gone) == after


@given(events=logs, within=st.sampled_from([0, 30, 365, 3660]))
def test_each_departure_and_each_arrival_is_told(events: list[RecordedEvent], within: int) -> None:
    """Departures once; arrivals by themselves only if no departure led to them."""
    state = fold(events)
    for person in PEOPLE:
        found, stints = moves_of(state, person, within)
        left = [m.departure for m in found if m.departure is not None]
        assert len({id(stint) for stint in left}) == len(left)
        carried = {
            end.event_id
            for lab in state.labs.values()
            if (end := lab.end) is not None and end.successor is not None
        }
        assert {s.events for s in left} >= {
            s.events for s in stints if s.end is not None and s.events[-1] not in carried
        }
        alone = {id(m.arrival) for m in found if m.kind == "arrival"}
        led_to = {id(m.arrival) for m in found if m.kind == "move"}
        assert not alone & led_to
        assert len({m.key for m in found}) == len(found)
        for move in found:
            if move.kind != "move":
                assert move.is_next is None
                continue
            assert move.left is not None
            assert move.joined is not None
            assert move.gap is not None
            assert move.gap.lo <= within
            assert move.gap.hi >= -BEFORE_DAYS
            if move.is_next == "certain":
                assert move.left.hi <= move.joined.lo or move.gap.lo < 0


def test_work_grows_with_the_pairs_of_departures_and_arrivals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However often someone came and went within reach: not with every third one for each pair."""
    asked = 0
    gap_of = domain._gap

    def counted(end: Endpoint, start: Endpoint) -> domain.Gap:
        nonlocal asked
        asked += 1
        return gap_of(end, start)

    monkeypatch.setattr(domain, "_gap", counted)
    for stays in (10, 40):
        asked = 0
        found, _ = moves_of(fold(log(*_coming_and_going(stays))), within=3660)
        assert len(found) == stays + 1
        assert asked <= 5 * stays**2


def _coming_and_going(stays: int) -> list[Fact]:
    first = [FIRST_DAY + timedelta(days=20 * n) for n in range(stays)]
    return [
        event
        for on in first
        for event in (
            hire("ann", at="x", on=on.isoformat()),
            departure("ann", at="x", on=(on + timedelta(days=10)).isoformat()),
        )
    ]


def test_unbounded_dates_are_compared_without_a_fault() -> None:
    found, stints = moves_of(
        fold(log(departure("ann", at="x", on="[..2012]"), hire("ann", at="y", on="[2012..]")))
    )
    (move,) = (m for m in found if m.kind == "move")
    assert move.is_next == "possible"
    assert move.joined is not None
    assert move.joined.hi == UNBOUNDED_HI
    assert elsewhere(move, stints) == []
