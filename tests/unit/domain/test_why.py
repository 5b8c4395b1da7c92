"""Why someone was at a lab: the steps of the fold, and what the answer rests on."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import RecordedEvent
from service.domain.fold import fold
from service.domain.why import why
from tests.support.answers import roster, roster_of
from tests.support.builders import (
    closure,
    correction,
    day,
    departure,
    event_id,
    founding,
    hire,
    leave,
    log,
    merger,
    retraction,
    return_,
    role_change,
    sighting,
)
from tests.support.strategies import days, histories


def test_steps_stand_in_the_order_of_the_fold_with_their_bounds() -> None:
    events = log(
        departure("ann", at="x", on="2020"),
        sighting("ann", at="x", on="2020-06-10"),
        hire("ann", at="x", on="2019-03"),
    )
    told = why(events, "ann", "x", day("2019-06-01"))
    assert [(s.event_id.int, s.effect) for s in told.steps] == [
        (3, "opened"),
        (2, "evidence"),
        (1, "closed"),
    ]
    exit_ = told.steps[-1]
    assert exit_.recorded.lo == day("2020-01-01")
    assert exit_.narrowed.lo == day("2020-06-10")
    assert told.presence == "certain"
    assert set(told.decisive) == {event_id(3)}, "the others only corroborate"


def test_a_merger_brings_along_the_steps_of_the_absorbed_lab() -> None:
    events = log(
        hire("ann", at="brain", on="2018"),
        merger("brain", into="deepmind", on="2023-04-20"),
    )
    told = why(events, "ann", "deepmind", day("2023-04-20"))
    assert [(s.lab, s.type) for s in told.steps] == [
        ("brain", "hire"),
        ("brain", "lab_end"),
        ("deepmind", "merged_in"),
    ]
    assert set(told.decisive) == {event_id(1), event_id(2)}


def test_evidence_that_changes_nothing_is_not_decisive() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        sighting("ann", at="x", on="2020-02-01"),
        departure("ann", at="x", on="2021-01-01"),
        hire("bob", at="x", on="2020-01-01"),
    )
    told = why(events, "ann", "x", day("2020-01-15"))
    assert set(told.decisive) == {event_id(1)}


def test_absence_tells_the_last_stint_before_the_day() -> None:
    events = log(
        founding("x", on="2019"),
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2021-01-01"),
    )
    told = why(events, "ann", "x", day("2022-01-01"))
    assert told.presence == "absent"
    assert told.stint is not None
    assert told.stint.end is not None
    assert told.stint.end.date_text == "2021-01-01"
    assert why(events, "ann", "y", day("2022-01-01")).stint is None


@given(histories(), st.data())
def test_the_answer_explained_is_the_answer_given(
    events: list[RecordedEvent], data: st.DataObject
) -> None:
    state = fold(events)
    people = sorted({s.person for s in state.stints})
    if not people:
        return
    person = data.draw(st.sampled_from(people))
    lab = data.draw(st.sampled_from(sorted({s.lab for s in state.stints})))
    at = data.draw(st.dates(day("1995-01-01"), day("2035-01-01")))
    expected = roster(events, lab, at.isoformat()).get(person, "absent")
    told = why(events, person, lab, at)
    assert told.presence == expected


@given(histories(), st.data())
def test_without_a_decisive_event_the_answer_is_another(
    events: list[RecordedEvent], data: st.DataObject
) -> None:
    """
    And without one that is not decisive it stays (why names exactly these).

    Events are taken out of the whole history, with all that was said about them, and the rest is
    folded as if they had never been.
    """
    state = fold(events)
    if not state.people or not state.labs:
        return
    person = state.people[data.draw(st.sampled_from(sorted(state.people)))].canonical_id
    lab = state.labs[data.draw(st.sampled_from(sorted(state.labs)))].canonical_id
    at = data.draw(days)
    told = why(events, person, lab, at)
    answer = _presence(events, person, lab, at)
    assert told.presence == answer
    for event in events:
        rest = [e for e in events if event.position not in (e.position, e.target_position)]
        is_another = _presence(rest, person, lab, at) != answer
        assert is_another == (event.event_id in told.decisive), event
    assert not set(told.corroborating) & set(told.decisive)
    assert {e.event_id for e in events} >= {*told.corroborating, *told.decisive}


def _presence(events: list[RecordedEvent], person: str, lab: str, at: date) -> str:
    """The presence in the fold of a whole history, of whom an id stands for in it."""
    state = fold(events)
    one = state.people[person].canonical_id if person in state.people else person
    return roster_of(state, lab, at.isoformat()).get(one, "absent")


def test_a_retraction_decides_and_so_does_a_correction() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        correction(1, hire("ann", at="x", on="2021-01-01")),
        hire("bob", at="x", on="2020-01-01"),
        retraction(3),
    )
    assert set(why(events, "ann", "x", day("2020-06-01")).decisive) == {event_id(2)}
    assert set(why(events, "ann", "x", day("2021-06-01")).decisive) == {event_id(1)}
    gone = why(events, "bob", "x", day("2020-06-01"))
    assert [(p.event_id, p.why) for p in gone.passed_over] == [(event_id(3), "retracted")]
    assert set(gone.decisive) == {event_id(4)}


def test_role_and_leave_are_given_by_their_events() -> None:
    events = log(
        hire("ann", at="brain", on="2018", role="engineer"),
        role_change("ann", at="brain", on="2019", role="lead"),
        merger("brain", into="x", on="2020-01-01"),
        leave("ann", at="x", on="2021"),
        return_("ann", at="x", on="2022"),
        departure("ann", at="x", on="2024-01-01", role="head"),
    )
    then = why(events, "ann", "x", day("2021-06-01"))
    assert (then.role_event, then.leave_event) == (event_id(2), event_id(4))
    later = why(events, "ann", "x", day("2023-06-01"))
    assert (later.role_event, later.leave_event) == (event_id(2), event_id(5))
    assert why(events, "ann", "brain", day("2018-12-31")).role_event == event_id(1)
    assert why(events, "ann", "x", day("2025-01-01")).role_event is None


def test_what_is_set_aside_stands_among_the_steps() -> None:
    events = log(closure("x", on="2019"), hire("ann", at="x", on="2020-02"))
    (step,) = why(events, "ann", "x", day("2021-01-01")).steps
    assert (step.event_id, step.effect, step.lab) == (event_id(2), "set_aside", "x")


def test_a_dropped_event_stands_where_it_was_taken() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        hire("ann", at="x", on="2020-06-01"),
        departure("ann", at="x", on="2021-01-01"),
    )
    told = why(events, "ann", "x", day("2020-08-01"))
    assert [s.effect for s in told.steps] == ["opened", "dropped", "closed"]
    assert told.corroborating == [event_id(1)], "the second would have opened the stay as well"
