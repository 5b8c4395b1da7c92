"""The door to the fold: what a log means at a position."""

from service.domain.events import Position
from service.domain.fold import State, fold, fold_histories
from service.domain.labs import Labs
from tests.support.answers import roster
from tests.support.builders import (
    departure,
    different_people,
    founding,
    hire,
    lab_profile,
    log,
    merger,
    retraction,
    same_person,
)


def test_empty_log_means_nothing() -> None:
    assert fold([]) == State(Position(0), Labs(), {}, [], [])


def test_state_is_of_the_last_position() -> None:
    assert fold(log(hire("ann", at="x", on="2020"), retraction(1))).position == 2


def test_state_holds_everyone_and_everything_named() -> None:
    state = fold(
        log(
            founding("x", on="2015", by=("ann",)),
            different_people("bob", "cid"),
            merger("y", into="z", on="2020"),
            lab_profile("w"),
        )
    )
    assert state.people.keys() == {"ann", "bob", "cid"}
    assert state.labs.keys() == {"w", "x", "y", "z"}


def test_people_of_one_lab_do_not_touch_each_other() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        hire("bob", at="x", on="2020-02-02"),
        departure("ann", at="x", on="2020-03-03"),
    )
    assert roster(events, "x", "2020-02-02") == {"ann": "certain", "bob": "certain"}
    assert roster(events, "x", "2020-03-03") == {"bob": "presumed"}


def test_history_of_some_is_asked_alone() -> None:
    """People who are named beside them are left out, findings too."""
    events = log(
        founding("x", on="2015", by=("ann", "bob")),
        departure("bob", at="y", on="2016"),
        departure("ann", at="y", on="2016"),
        same_person("cid", into="dan"),
        same_person("dan", into="cid"),
    )
    labs = fold(events).labs
    stints, findings = fold_histories(events, labs, {"ann"})
    assert {s.person for s in stints} == {"ann"}
    assert [(f.kind, f.person) for f in findings] == [("unknown_start", "ann")]
    _, findings_of_all = fold_histories(events, labs)
    assert {f.person for f in findings_of_all} == {"ann", "bob", "dan"}
