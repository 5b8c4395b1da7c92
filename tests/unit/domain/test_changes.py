"""What differs between two rosters, and on which days a change of stints shows."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from service.domain.changes import Comparison, carried_to, compare, roster_spans
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.effects import headcount_changes, stint_changes
from service.domain.events import RecordedEvent
from service.domain.fold import State, fold
from service.domain.presence import Standing, standing_on
from tests.support.answers import roster_of
from tests.support.builders import (
    correction,
    day,
    departure,
    hire,
    leave,
    log,
    merger,
    retraction,
    role_change,
    same_person,
    sighting,
)
from tests.support.strategies import LABS, PEOPLE, histories


def standings(state: State, lab: str, on: str) -> dict[str, Standing]:
    found = {
        person: standing_on(
            [s for s in state.stints if (s.person, s.lab) == (person, lab)], day(on)
        )
        for person in PEOPLE
    }
    return {person: standing for person, standing in found.items() if standing is not None}


def compared(events: Sequence[RecordedEvent], lab: str, first: str, last: str) -> Comparison:
    state = fold(events)
    facts = state.labs[lab]
    successor = carried_to(facts, state.labs)
    there = standings(state, successor, last) if successor else {}
    return compare(
        standings(state, lab, first), standings(state, lab, last), facts, state.labs, there
    )


def told(comparison: Comparison) -> dict[str, list[str]]:
    return {
        name: [one.person for one in getattr(comparison, name)]
        for name in comparison.__struct_fields__
        if getattr(comparison, name)
    }


def test_one_joins_and_one_leaves() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        hire("bob", at="x", on="2021-01-01"),
        departure("ann", at="x", on="2021-06-01"),
    )
    assert told(compared(events, "x", "2020-06-01", "2022-01-01")) == {
        "joined": ["bob"],
        "left": ["ann"],
    }


def test_nothing_differs_between_a_day_and_itself() -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), leave("ann", at="x", on="2020-03"))
    assert told(compared(events, "x", "2020-06-01", "2020-06-01")) == {}


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (role_change("ann", at="x", on="2021-01-01", role="lead"), ("presence", "role")),
        (role_change("ann", at="x", on="2021-01-01", team="red"), ("presence", "team")),
        (role_change("ann", at="x", on="2021-01-01", location="Oslo"), ("presence", "location")),
        (role_change("ann", at="x", on="2021-01-01", relation="advisor"), ("presence", "relation")),
        (leave("ann", at="x", on="2021-01-01"), ("presence", "on_leave")),
        (sighting("ann", at="x", on="2021-01-01"), ("presence",)),
    ],
    ids=lambda value: getattr(value, "note", None) or type(value).__name__,
)
def test_what_changes_is_named(event: object, fields: tuple[str, ...]) -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), event)  # type: ignore[arg-type]  # each is an event
    (one,) = compared(events, "x", "2020-01-01", "2022-01-01").changed
    # The day after the last evidence it is only presumed that she is still there.
    assert one.fields == fields


def test_who_left_and_came_back_is_on_another_stay() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2020-03-01"),
        hire("ann", at="x", on="2021-01-01"),
        departure("ann", at="x", on="2022-01-01"),
    )
    (one,) = compared(events, "x", "2020-02-01", "2021-02-01").changed
    assert one.fields == ("since", "until", "last_evidence")


def test_who_is_carried_along_has_not_moved() -> None:
    """On the rosters of both labs, also of one carried twice and of one who then left."""
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        hire("bob", at="x", on="2020-01-01"),
        merger("x", into="y", on="2021-01-01"),
        departure("bob", at="y", on="2021-06-01"),
        merger("y", into="z", on="2022-01-01"),
    )
    carried = {
        lab: [
            (c.person, c.from_lab, c.to_lab)
            for c in compared(events, lab, "2020-06-01", "2023-01-01").carried
        ]
        for lab in LABS
    }
    assert carried == {
        "x": [("ann", "x", "y"), ("bob", "x", "y")],
        "y": [],
        "z": [("ann", "y", "z")],
    }
    assert told(compared(events, "y", "2020-06-01", "2021-03-01")) == {"carried": ["ann", "bob"]}
    assert told(compared(events, "y", "2021-03-01", "2021-08-01")) == {"left": ["bob"]}


def test_who_is_carried_into_what_a_successor_became_has_not_moved() -> None:
    """A merger into a lab that was absorbed by then is one into the lab that absorbed it."""
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        merger("y", into="z", on="2020-06-01"),
        merger("x", into="y", on="2021-01-01"),
    )
    for lab in ("x", "z"):
        found = compared(events, lab, "2020-03-01", "2022-01-01")
        assert told(found) == {"carried": ["ann"]}, lab
        assert [(c.from_lab, c.to_lab) for c in found.carried] == [("x", "z")]


def test_who_moved_before_the_merger_moved() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2020-06-01"),
        hire("ann", at="y", on="2020-06-01"),
        merger("x", into="y", on="2021-01-01"),
    )
    assert told(compared(events, "y", "2020-02-01", "2022-01-01")) == {"joined": ["ann"]}
    assert told(compared(events, "x", "2020-02-01", "2022-01-01")) == {"left": ["ann"]}


@given(events=histories(), first=..., last=...)
def test_lists_make_up_the_difference(events: list[RecordedEvent], first: bool, last: bool) -> None:
    """Whoever is on one roster alone is in one list, and the counts come out."""
    on = ["2020-01-20" if first else "2020-06-01", "2020-01-25" if last else "2021-06-01"]
    state = fold(events)
    for lab in LABS:
        if state.labs[lab].canonical_id != lab:
            continue
        before, after = (roster_of(state, lab, day_) for day_ in on)
        found = compared(events, lab, *on)
        came = {c.person for c in (*found.joined, *found.carried) if c.before is None}
        went = {c.person for c in (*found.left, *found.carried) if c.after is None}
        assert came == after.keys() - before.keys()
        assert went == before.keys() - after.keys()
        assert {c.person for c in found.changed} <= before.keys() & after.keys()


def test_roster_is_another_where_a_line_is() -> None:
    """Role and leave count too, which move no headcount."""
    events = log(
        hire("ann", at="x", on="2020-01-01", role="engineer"),
        departure("ann", at="x", on="2021-01-01"),
        correction(1, hire("ann", at="x", on="2020-01-01", role="lead")),
    )
    changes = stint_changes(fold(events[:2]).stints, fold(events).stints)
    assert headcount_changes(changes) == []
    assert [(s.lab, s.from_on, s.to_on) for s in roster_spans(changes)] == [
        ("x", day("2020-01-01"), day("2020-12-31"))
    ]


def test_roster_span_is_unbounded_where_the_stay_is() -> None:
    events = log(sighting("ann", at="x", on="2020-01-01"), retraction(1))
    changes = stint_changes(fold(events[:1]).stints, fold(events).stints)
    assert [(s.from_on, s.to_on) for s in roster_spans(changes)] == [(UNBOUNDED_LO, UNBOUNDED_HI)]


def test_roster_spans_of_several_people_are_joined() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2020-02-01"),
        hire("bob", at="x", on="2020-02-01"),
        departure("bob", at="x", on="2020-03-01"),
        same_person("cid", into="bob"),
    )
    changes = stint_changes([], fold(events).stints)
    assert [(s.lab, s.from_on, s.to_on) for s in roster_spans(changes)] == [
        ("x", day("2020-01-01"), day("2020-02-29"))
    ]


@given(events=histories())
def test_roster_is_the_same_on_every_other_day(events: list[RecordedEvent]) -> None:
    """A day is in a span if and only if presence, post or leave of someone differ on it."""
    before, after = fold(events[:-1]), fold(events)
    changes = stint_changes(before.stints, after.stints)
    spans = roster_spans(changes)
    for lab in LABS:
        for on in (
            "2019-06-01",
            "2020-01-05",
            "2020-01-20",
            "2020-02-05",
            "2021-03-01",
            "2025-01-01",
        ):
            lines = [
                {p: (s.presence, s.post, s.on_leave) for p, s in standings(state, lab, on).items()}
                for state in (before, after)
            ]
            is_in = any(s.lab == lab and s.from_on <= day(on) <= s.to_on for s in spans)
            assert is_in == (lines[0] != lines[1]), (lab, on)
