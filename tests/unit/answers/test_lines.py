"""Packed lines are the members of every day, and their parts hold what holds."""

from bisect import bisect_right
from datetime import date, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from service.answers.labs import headcount_of, member_of, standings_on
from service.answers.lines import PARTS_MAX, Lines, Rendering, _divided
from service.answers.names import Named, order_of
from service.domain.events import RecordedEvent
from service.domain.fold import State, fold
from service.domain.stints import Stint
from service.read_models.beliefs import BELIEVED
from service.read_models.stints import by_start
from tests.support.strategies import FIRST_DAY, LABS, PEOPLE, histories

NEAR = [date.min, *(FIRST_DAY + timedelta(days=n) for n in range(-450, 1200, 7)), date(2199, 1, 1)]


@given(events=histories(14))
def test_lines_are_the_members_of_each_day(events: list[RecordedEvent]) -> None:
    """As known at first and since: the second half of the events moved some people."""
    states = [fold(events[: len(events) // 2]), fold(events)]
    for lab in LABS:
        stints = [_stints(state, lab) for state in states]
        rendering = Rendering(since=1)
        for person in PEOPLE:
            for believed, (known_from, known_to) in zip(
                stints, ((1, 5), (5, BELIEVED)), strict=True
            ):
                rendering.add(_named(person), known_from, known_to, believed.get(person, []))
        lines = rendering.lines()
        for position, believed in zip((3, 5), stints, strict=True):
            for day in NEAR:
                _assert_shown(lines, believed, day, position)


@given(
    lines=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 60)), max_size=200),
    day=st.integers(-5, 160),
)
def test_what_holds_on_a_day_is_near_it(lines: list[tuple[int, int]], day: int) -> None:
    first, after = [line[0] for line in lines], [sum(line) for line in lines]
    parts, near = _divided(first, after)
    assert len(parts) == len(near) <= PARTS_MAX
    part = bisect_right(parts, day) - 1
    found = near[part].tolist() if part >= 0 else []
    assert found == sorted(found)
    holding = [n for n in range(len(lines)) if first[n] <= day < after[n]]
    assert [n for n in found if n in holding] == holding


def _assert_shown(lines: Lines, believed: dict[str, list[Stint]], day: date, position: int) -> None:
    standings = standings_on(believed, day)
    members = [member_of(_named(person), standing) for person, standing in standings.items()]
    members.sort(key=lambda member: order_of(member.person))
    headcount, pieces = lines.on(day.toordinal(), position, presence=None, relation=None)
    assert headcount == headcount_of(standings.values())
    assert b"[" + b"".join(pieces)[1:] + b"]" == msgspec.json.encode(members)


def _stints(state: State, lab: str) -> dict[str, list[Stint]]:
    found: dict[str, list[Stint]] = {}
    for stint in sorted(state.stints, key=by_start):
        if stint.lab == lab:
            found.setdefault(stint.person, []).append(stint)
    return found


def _named(person: str) -> Named:
    """By turns before and after the others, so that the order is not that of ids."""
    return Named(person, f"{len(person) % 2}{person[::-1]}")
