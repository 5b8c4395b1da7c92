"""What was erased says nothing: in any place, in any order, of anybody."""

import json
from datetime import date

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.effective import in_force
from service.domain.events import (
    PAYLOADS,
    Erased,
    Erasure,
    Payload,
    RecordedEvent,
    days_of,
    fact_of,
    from_canonical_json,
    is_canonical,
    named_in,
    published_on,
    references,
    to_canonical_json,
    type_of,
    with_references,
)
from service.domain.fold import fold
from service.domain.subjects import concerns_of
from service.domain.submissions import check_payload
from service.domain.why import why
from tests.support.builders import (
    correction,
    departure,
    erased,
    erasure,
    founding,
    hire,
    log,
    merger,
    retraction,
    same_person,
)
from tests.support.strategies import histories_with_erasures

SILENT: list[Payload] = [erasure(1, 2), Erased()]
each_silent = pytest.mark.parametrize("payload", SILENT, ids=type_of)
HIRED = log(
    hire("ann", at="x", on="2020"),
    correction(1, hire("ann", at="x", on="2021")),
    retraction(1),
)


@each_silent
def test_payload_is_kept_and_read_again(payload: Payload) -> None:
    kept = to_canonical_json(payload)
    assert from_canonical_json(kept) == from_canonical_json(kept.decode()) == payload
    assert is_canonical(kept, payload)


def test_tombstone_is_what_the_database_writes() -> None:
    """One text for all: nothing in it tells one from another."""
    assert to_canonical_json(Erased()) == b'{"@version":1,"type":"erased"}'
    with pytest.raises(msgspec.ValidationError):
        from_canonical_json('{"type":"erased","person":"ann"}')


def test_erasure_names_what_it_took() -> None:
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        from_canonical_json('{"events":[],"reason":"r","type":"erasure"}')


@each_silent
def test_payload_says_nothing_of_anybody(payload: Payload) -> None:
    assert fact_of(payload) is None
    assert references(payload) == []
    assert named_in(payload, "person") == named_in(payload, "lab") == []
    assert with_references(payload, []) == payload
    assert concerns_of(payload) == []
    assert days_of(payload) is None
    assert published_on(payload) is None
    assert (payload.is_log_event, payload.is_lab_fact, payload.is_link) == (False, False, False)


@each_silent
def test_payload_cannot_be_submitted(payload: Payload) -> None:
    said = json.loads(msgspec.json.encode(payload))
    for raw, pointer in ((said, "/type"), ({**correction_of(said)}, "/event/type")):
        accepted, faults = check_payload(raw)
        assert accepted is None
        assert [(fault.pointer, fault.code) for fault in faults] == [(pointer, "unknown_type")]
    assert type_of(payload) not in PAYLOADS


def correction_of(said: object) -> dict[str, object]:
    target = "00000000-0000-4000-8000-000000000001"
    return {"type": "correction", "target": target, "reason": "r", "event": said}


@given(histories_with_erasures())
@example([erased(HIRED[0]), *HIRED[1:]])
@example([HIRED[0], erased(HIRED[1]), HIRED[2]])
@example([*HIRED[:2], erased(HIRED[2])])
@example([*map(erased, HIRED)])
@example(
    [
        erased(event) if event.position in (2, 5) else event
        for event in log(
            founding("x", on="2018", by=("ann", "bob")),
            merger("x", into="y", on="2020"),
            same_person("bob", into="ann"),
            departure("bob", at="y", on="2021"),
            retraction(3),
            correction(2, merger("y", into="z", on="2022")),
        )
    ]
)
def test_what_was_erased_is_as_if_it_had_never_been_said(events: list[RecordedEvent]) -> None:
    said = [event for event in events if not isinstance(event.payload, Erased | Erasure)]
    state, without = fold(events), fold(said)
    assert (state.people, state.stints, state.labs) == (
        without.people, without.stints, without.labs,
    )  # fmt: skip
    assert state.findings == without.findings
    assert in_force(events) == in_force(said)


@given(histories_with_erasures(), st.data())
def test_reasons_are_told_of_what_is_left(events: list[RecordedEvent], data: st.DataObject) -> None:
    """They are the same whether or not the traces of what was erased are among the events."""
    state = fold(events)
    if not state.people or not state.labs:
        return
    person = data.draw(st.sampled_from(sorted({p.canonical_id for p in state.people.values()})))
    lab = data.draw(st.sampled_from(sorted({one.canonical_id for one in state.labs.values()})))
    at = data.draw(st.dates(date(2018, 1, 1), date(2024, 1, 1)))
    said = [event for event in events if not isinstance(event.payload, Erased | Erasure)]
    assert why(events, person, lab, at) == why(said, person, lab, at)


def test_original_that_was_said_again_holds_by_its_correction() -> None:
    (holding,) = in_force([erased(HIRED[0]), HIRED[1]])
    assert (holding.position, holding.revision) == (1, 2)
    assert holding.event_id == HIRED[0].event_id


@pytest.mark.parametrize("is_traced", [True, False], ids=["traced", "without a trace"])
def test_original_that_was_said_again_decides_by_its_correction(*, is_traced: bool) -> None:
    """It is what the step tells of, so it does not merely bear out its own correction."""
    corrected = HIRED[1]
    events = [erased(HIRED[0]), corrected] if is_traced else [corrected]
    told = why(events, "ann", "x", date(2022, 1, 1))
    assert [step.event_id for step in told.steps] == [HIRED[0].event_id]
    assert told.decisive == [HIRED[0].event_id, corrected.event_id]
    assert told.corroborating == []


def test_retraction_that_was_erased_takes_nothing_back() -> None:
    """Whoever erases one sees to it that it is said again before."""
    (holding,) = in_force([*HIRED[:2], erased(HIRED[2])])
    assert holding.revision == 2
