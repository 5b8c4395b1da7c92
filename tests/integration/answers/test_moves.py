"""Moves, flows, headcounts and colleagues are those of the live fold, as known at any position."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answers.colleagues import colleagues_of
from service.answers.flows import flows_between
from service.answers.headcounts import headcounts_of
from service.answers.moves import Asked, MovesAnswer, moves_between
from service.answers.times import KnownAt, Period, Times
from service.domain.colleagues import together
from service.domain.events import RecordedEvent
from service.domain.fold import State, fold
from service.domain.moves import NO_EVENT, Move, MoveKind, falls_in, moves
from service.domain.publication import published_by
from service.domain.refusals import UnknownName
from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.read_models.stints import by_start
from tests.support import builders as b
from tests.support.answers import roster_of
from tests.support.histories import Base, record, submission, with_entities
from tests.support.publishing import record_history, sourced_histories
from tests.support.strategies import FIRST_DAY, LABS, PEOPLE, days

EXAMPLES = settings().max_examples * 2 // 5
ALL = 1000
FIRST, SECOND = UUID(int=1), UUID(int=2)


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=sourced_histories(14),
    period=st.lists(days, min_size=2, max_size=2).map(sorted),
    data=st.data(),
)
async def test_answers_are_those_of_the_live_fold(
    base: Base, events: list[RecordedEvent], period: list[date], data: st.DataObject
) -> None:
    """Whatever was known when, and published by when."""
    known = await record_history(base, events)
    position = data.draw(st.integers(0, len(known)))
    by = data.draw(st.one_of(st.none(), days))
    told = known[:position]
    state = fold(told if by is None else published_by(told, by).events)
    times = _times(period[1], position, len(known), by)
    from_on, to_on = data.draw(st.sampled_from([(None, None), period, (period[0], None)]))
    within = data.draw(st.sampled_from([0, 60, 3660]))
    kind: MoveKind | None = data.draw(st.sampled_from([None, None, "move", "departure", "arrival"]))
    async with base.pool.acquire() as connection:
        for from_lab in (None, *LABS):
            for to_lab in (None, *LABS):
                asked = Asked(
                    from_lab=from_lab,
                    to_lab=to_lab,
                    kind=kind,
                    from_on=from_on,
                    to_on=to_on,
                    within=within,
                )
                await _assert_moves(connection, times, asked, state)
        for lab in (None, *LABS):
            asked = Asked(lab=lab, from_on=period[0], to_on=period[1], within=within)
            await _assert_flows(connection, times, asked, state)
        for lab in LABS:
            await _assert_headcounts(connection, times, lab, state)
        for person in PEOPLE:
            asked = Asked(person=person, kind=kind, from_on=from_on, to_on=to_on, within=within)
            await _assert_moves(connection, times, asked, state)
            await _assert_colleagues(connection, times, person, state)


async def test_place_of_a_move_says_what_there_is_not(base: Base) -> None:
    """It stands in addresses that were cited: its form stays."""
    await record(base.pool, submission(with_entities(b.hire("ann", at="x", on="2020")), FIRST))
    await record(base.pool, submission(with_entities(b.hire("bob", at="x", on="2021")), SECOND))
    async with base.pool.acquire() as connection:
        times = _times(date(2022, 1, 1), 2, 2, None)
        first = await moves_between(connection, times, Asked(), after=None, limit=1)
        assert first.next == f"bob - {SECOND}"
        rest = await moves_between(connection, times, Asked(), after=first.next, limit=1)
    assert [item.person.id for item in rest.items] == ["ann"]


async def _assert_moves(connection: Connection, times: Times, asked: Asked, state: State) -> None:
    try:
        answer = await moves_between(connection, times, asked, after=None, limit=ALL)
    except UnknownName:
        return
    expected = {
        move.key: falls
        for move in _every_move(state, asked.within)
        if _is_asked(move, asked, state)
        and (dated := move.left if asked.dated_by == "left" else move.joined or move.left)
        and (falls := falls_in(dated, asked.from_on, asked.to_on))
    }
    has_period = asked.from_on is not None or asked.to_on is not None
    assert _keys(answer) == {key: falls if has_period else None for key, falls in expected.items()}
    assert answer.count.certain + answer.count.possible == len(answer.items)


async def _assert_flows(connection: Connection, times: Times, asked: Asked, state: State) -> None:
    """A flow is as many moves as there are, and its address asks for the same ones."""
    opened: dict[str, Asked] = {}

    def address(filters: Any) -> str:
        said = {
            {"from": "from_on", "to": "to_on"}.get(name, name): value
            for name, value in filters.items()
        }
        for name in ("from_on", "to_on"):
            said[name] = date.fromisoformat(said[name])
        opened[str(filters)] = Asked(**(said | {"within": int(said["within"])}))
        return str(filters)

    try:
        flows = await flows_between(
            connection, times, asked, after=None, limit=ALL, address=address
        )
    except UnknownName:
        return
    counted: Counter[tuple[str | None, str | None]] = Counter()
    for move in _every_move(state, asked.within):
        if not _is_asked(move, asked, state):
            continue
        dated = move.joined or move.left
        assert dated is not None
        if falls_in(dated, asked.from_on, asked.to_on) is not None:
            counted[_lab(move.departure), _lab(move.arrival)] += 1
    assert counted == {
        (f.from_lab and f.from_lab.id, f.to_lab and f.to_lab.id): f.count.certain + f.count.possible
        for f in flows.items
    }
    assert flows.count.certain == sum(f.count.certain for f in flows.items)
    for flow in flows.items:
        rows = await moves_between(connection, times, opened[flow.moves], after=None, limit=ALL)
        assert rows.count == flow.count


async def _assert_headcounts(connection: Connection, times: Times, lab: str, state: State) -> None:
    asked = [FIRST_DAY + timedelta(days=n) for n in range(-20, 700, 30)]
    try:
        answer = await headcounts_of(
            connection,
            lab,
            times,
            period=Period(asked[0], asked[-1]),
            step="month",
            days=asked,
            address=lambda lab, on: "",
        )
    except UnknownName:
        return
    for item in answer.items:
        there = Counter(roster_of(state, lab, item.on.isoformat()).values())
        count = item.headcount
        assert (count.certain, count.presumed, count.possible) == (
            there["certain"],
            there["presumed"],
            there["possible"],
        )


async def _assert_colleagues(
    connection: Connection, times: Times, person: str, state: State
) -> None:
    try:
        answer = await colleagues_of(connection, person, times, lab=None, after=None, limit=ALL)
    except UnknownName:
        return
    expected = {}
    for lab in LABS:
        there: dict[str, list[Stint]] = {}
        for stint in state.stints:
            if stint.lab == lab:
                there.setdefault(stint.person, []).append(stint)
        for met in together(there.pop(answer.person.id, []), there, times.at):
            expected[met.person, lab] = (met.certain, met.presumed, met.possible)
    assert expected == {
        (c.person.id, c.lab.id): (c.days.certain, c.days.presumed, c.days.possible)
        for c in answer.items
    }


def _every_move(state: State, within: int) -> Iterable[Move]:
    careers: dict[str, list[Stint]] = {}
    for stint in sorted(state.stints, key=by_start):
        careers.setdefault(stint.person, []).append(stint)
    for career in careers.values():
        yield from moves(career, state.labs, within=within)


def _is_asked(move: Move, asked: Asked, state: State) -> bool:
    left, joined = _lab(move.departure), _lab(move.arrival)
    from_lab, to_lab, lab = [
        None if one is None else state.labs[one].canonical_id
        for one in (asked.from_lab, asked.to_lab, asked.lab)
    ]
    people = {asked.person, *(() if asked.person is None else _canonical(asked.person, state))}
    return (
        from_lab in (None, left)
        and to_lab in (None, joined)
        and (lab is None or lab in (left, joined))
        and (asked.person is None or move.person in people)
        and asked.kind in (None, move.kind)
    )


def _canonical(person: str, state: State) -> tuple[str, ...]:
    return (state.people[person].canonical_id,) if person in state.people else ()


def _lab(stint: Stint | None) -> str | None:
    return None if stint is None else stint.lab


def _keys(answer: MovesAnswer) -> dict[tuple[str, UUID, UUID], str | None]:
    return {
        (
            item.person.id,
            item.left.event if item.left else NO_EVENT,
            item.joined.event if item.joined else NO_EVENT,
        ): item.in_period
        for item in answer.items
    }


def _times(at: date, position: int, head: int, by: date | None) -> Times:
    return Times(
        at=at, known_at=KnownAt(position, None), head=head, is_pinned=True, published_by=by
    )
