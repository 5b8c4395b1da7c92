"""Corrections and retractions, and what they leave (SEMANTICS 3)."""

from collections.abc import Sequence

from service.domain.effective import Effective, effective_events, in_force
from service.domain.events import Fact, Position, RecordedEvent
from tests.support.builders import (
    closure,
    correction,
    event_id,
    hire,
    log,
    recorded,
    retraction,
    same_person,
    sighting,
)

ANN = hire("ann", at="x", on="2020", role="engineer", certainty="confirmed")
BOB = hire("bob", at="x", on="2021")


def told(events: Sequence[RecordedEvent]) -> dict[int, Fact]:
    return {e.position: e.payload for e in effective_events(events)}


def test_events_without_corrections_are_effective() -> None:
    assert effective_events(log(ANN, BOB)) == [
        Effective(Position(1), event_id(1), ANN, revision=Position(1)),
        Effective(Position(2), event_id(2), BOB, revision=Position(2)),
    ]


def test_correction_replaces_the_payload() -> None:
    """The original keeps its position and id; the correction is the revision."""
    moved = hire("ann", at="y", on="2020")
    assert effective_events(log(ANN, BOB, correction(1, moved)))[0] == Effective(
        Position(1), event_id(1), moved, revision=Position(3)
    )


def test_correction_inherits_nothing() -> None:
    bare = hire("ann", at="x", on="2020")
    assert told(log(ANN, correction(1, bare))) == {1: bare}
    assert bare.role is None
    assert bare.certainty is None


def test_correction_may_change_the_type() -> None:
    seen = sighting("ann", at="x", on="2020")
    assert told(log(ANN, BOB, correction(1, seen))) == {1: seen, 2: BOB}


def test_retraction_voids_its_target() -> None:
    assert told(log(ANN, BOB, retraction(1))) == {2: BOB}


def test_retracting_twice_is_retracting() -> None:
    assert told(log(ANN, retraction(1), retraction(1))) == {}


def test_later_correction_brings_back() -> None:
    assert told(log(ANN, retraction(1), correction(1, BOB))) == {1: BOB}


def test_last_word_holds() -> None:
    third = hire("cid", at="x", on="2020")
    assert told(log(ANN, correction(1, BOB), correction(1, third))) == {1: third}
    assert told(log(ANN, correction(1, BOB), retraction(1))) == {}


def test_last_word_is_by_position_not_by_order_of_reading() -> None:
    events = log(ANN, correction(1, BOB), retraction(1), correction(1, closure("x", on="2022")))
    assert effective_events(events[::-1]) == effective_events(events)
    assert told(events[::-1]) == {1: closure("x", on="2022")}


def test_earlier_position_sees_no_later_correction() -> None:
    events = log(ANN, correction(1, BOB))
    assert told(events[:1]) == {1: ANN}


def test_correction_stands_for_an_original_that_is_not_read() -> None:
    """Readings by subject leave out originals that no longer concern it."""
    read = [recorded(5, BOB), recorded(7, correction(3, ANN))]
    assert [(e.position, e.payload) for e in effective_events(read)] == [(3, ANN), (5, BOB)]


def test_register_events_are_corrected_alike() -> None:
    mapped = same_person("ann", into="anna")
    assert told(log(mapped, retraction(1))) == {}
    assert told(log(mapped, correction(1, ANN))) == {1: ANN}


def test_rumour_stays_out_of_the_fold() -> None:
    rumour = hire("ann", at="x", on="2020", certainty="rumoured")
    assert told(log(rumour)) == {}
    assert [e.payload for e in in_force(log(rumour))] == [rumour]


def test_correction_can_raise_a_rumour() -> None:
    rumour = hire("ann", at="x", on="2020", certainty="rumoured")
    assert told(log(rumour, correction(1, ANN))) == {1: ANN}


def test_correction_can_lower_to_a_rumour() -> None:
    rumour = hire("ann", at="x", on="2020", certainty="rumoured")
    assert told(log(ANN, correction(1, rumour))) == {}


def test_void_event_is_not_in_force() -> None:
    assert in_force(log(ANN, retraction(1))) == []


def test_effective_events_are_by_position() -> None:
    events = log(ANN, BOB, ANN, correction(2, ANN))
    assert [e.position for e in effective_events(events[::-1])] == [1, 2, 3]
