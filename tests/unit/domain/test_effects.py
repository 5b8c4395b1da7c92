"""What a change of stints does to headcounts."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from service.domain.effects import headcount_changes, roster_changes, stint_changes
from service.domain.events import RecordedEvent
from service.domain.fold import fold
from service.domain.presence import standing_on
from service.domain.stints import Stint
from tests.support.builders import correction, departure, hire, log
from tests.support.strategies import histories


def changed(before: list[Stint], after: list[Stint]) -> list[tuple[str, str]]:
    return [(c.person, c.lab) for c in stint_changes(before, after)]


def test_only_those_whose_stints_differ_are_told() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        hire("bob", at="x", on="2020-01-01"),
        correction(1, hire("ann", at="y", on="2020-01-01")),
    )
    assert changed(fold(events[:2]).stints, fold(events).stints) == [("ann", "x"), ("ann", "y")]


def test_in_whatever_order_stints_come_they_are_the_same() -> None:
    """Two that begin alike are nobody's change."""
    stints = fold(
        log(
            departure("bob", at="x", on="2020-01-01"),
            departure("bob", at="x", on="[..2020-01-01]"),
        )
    ).stints
    assert len({(s.start.lo, s.start.hi) for s in stints}) == 1 < len(stints)
    assert changed(stints, stints[::-1]) == []


def test_a_span_says_by_how_much_counts_move_and_when() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-10"),
        departure("ann", at="x", on="2020-03-01"),
        correction(2, departure("ann", at="x", on="2020-02-01")),
    )
    spans = headcount_changes(stint_changes(fold(events[:2]).stints, fold(events).stints))
    assert [(s.from_on, s.to_on, s.certain, s.presumed, s.possible) for s in spans] == [
        (date(2020, 2, 1), date(2020, 2, 29), -1, 0, 0)
    ]


def test_those_who_take_each_others_place_move_no_count() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-10"),
        correction(1, hire("bob", at="x", on="2020-01-10")),
    )
    changes = stint_changes(fold(events[:1]).stints, fold(events).stints)
    assert headcount_changes(changes) == []
    assert [(s.person, s.before, s.after) for s in roster_changes(changes)] == [
        ("ann", "certain", None),
        ("ann", "presumed", None),
        ("bob", None, "certain"),
        ("bob", None, "presumed"),
    ]


@given(histories(), st.data())
def test_spans_add_up_to_the_headcount_of_every_day(
    events: list[RecordedEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    before, after = fold(events[:cut]).stints, fold(events).stints
    spans = headcount_changes(stint_changes(before, after))
    at = data.draw(st.dates(date(1995, 1, 1), date(2035, 1, 1)))
    for lab in {s.lab for s in (*before, *after)}:
        moved = [
            new - old
            for old, new in zip(counts(before, lab, at), counts(after, lab, at), strict=True)
        ]
        told = [
            (s.certain, s.presumed, s.possible)
            for s in spans
            if s.lab == lab and s.from_on <= at <= s.to_on
        ]
        assert (told or [(0, 0, 0)]) == [tuple(moved)]


def counts(stints: list[Stint], lab: str, at: date) -> list[int]:
    people: dict[str, list[Stint]] = {}
    for stint in stints:
        if stint.lab == lab:
            people.setdefault(stint.person, []).append(stint)
    found = [standing_on(theirs, at) for theirs in people.values()]
    told = [s.presence for s in found if s is not None]
    return [told.count("certain"), told.count("presumed"), told.count("possible")]
