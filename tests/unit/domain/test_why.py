"""Why someone was at a lab: the steps of the fold, and what the answer rests on."""

from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import RecordedEvent
from service.domain.fold import fold
from service.domain.why import presence_in, why
from tests.support.answers import roster
from tests.support.builders import day, departure, event_id, founding, hire, log, merger, sighting
from tests.support.strategies import histories


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
    """And without one that is not decisive it stays (issue: why names exactly these)."""
    stints = fold(events).stints
    if not stints:
        return
    stint = data.draw(st.sampled_from(stints))
    at = data.draw(st.dates(day("1995-01-01"), day("2035-01-01")))
    told = why(events, stint.person, stint.lab, at)
    answer = None if told.presence == "absent" else told.presence
    for event in events:
        if event.target_position is not None:
            continue
        rest = [e for e in events if event.position not in (e.position, e.target_position)]
        other = presence_in(rest, stint.person, stint.lab, at)
        assert (other != answer) == (event.event_id in told.decisive)
