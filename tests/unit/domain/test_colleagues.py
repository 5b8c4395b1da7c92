"""Who was there together, for how many days."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.domain.colleagues import Together, together
from service.domain.dates import UNBOUNDED_LO
from service.domain.events import Fact, RecordedEvent
from service.domain.fold import fold
from service.domain.presence import STRENGTH
from service.domain.stints import Stint
from tests.support.answers import roster_of
from tests.support.builders import day, departure, hire, log, sighting
from tests.support.strategies import FIRST_DAY, LABS, PEOPLE, histories


def met(events: list[RecordedEvent], person: str, lab: str, until: str) -> list[Together]:
    there: dict[str, list[Stint]] = {}
    for stint in fold(events).stints:
        if stint.lab == lab:
            there.setdefault(stint.person, []).append(stint)
    return together(there.pop(person, []), there, day(until))


def told(*events: Fact, until: str = "2020-12-31") -> list[Together]:
    return met(log(*events), "ann", "x", until)


ANN = (hire("ann", at="x", on="2020-01-01"), departure("ann", at="x", on="2020-02-01"))


def test_days_are_counted_on_which_both_were_there() -> None:
    bob = (hire("bob", at="x", on="2020-01-11"), departure("bob", at="x", on="2021-01-01"))
    assert told(*ANN, *bob) == [Together("bob", 21, 0, 0, day("2020-01-11"), day("2020-01-31"))]


def test_who_came_on_the_day_of_a_departure_was_no_colleague() -> None:
    assert told(*ANN, hire("bob", at="x", on="2020-02-01")) == []
    assert told(*ANN, hire("bob", at="y", on="2020-01-01")) == []


def test_days_are_as_sure_as_the_weaker_presence_of_the_two() -> None:
    open_ = (hire("ann", at="x", on="2020-01-01"), sighting("ann", at="x", on="2020-01-10"))
    bob = (hire("bob", at="x", on="2020-01"), departure("bob", at="x", on="2020-03-01"))
    (found,) = told(*open_, *bob)
    assert (found.certain, found.presumed, found.possible) == (0, 30, 30)
    (found,) = told(*open_, *bob, until="2020-02-15")
    assert (found.presumed, found.last) == (16, day("2020-02-15"))


def test_nothing_bounds_the_days_of_unknown_starts() -> None:
    (found,) = told(
        sighting("ann", at="x", on="2020-01-01"), sighting("bob", at="x", on="2020-01-01")
    )
    assert (found.possible, found.first) == (None, UNBOUNDED_LO)


def test_longest_come_first() -> None:
    events = (
        hire("bob", at="x", on="2020-01-20"),
        departure("bob", at="x", on="2021-01-01"),
        hire("cid", at="x", on="2020-01-10"),
        departure("cid", at="x", on="2021-01-01"),
    )
    assert [each.person for each in told(*ANN, *events)] == ["cid", "bob"]


@given(events=histories(14), data=st.data())
def test_days_are_those_of_the_rosters(events: list[RecordedEvent], data: st.DataObject) -> None:
    """And the same from both sides."""
    state = fold(events)
    person = data.draw(st.sampled_from(PEOPLE))
    lab = state.labs[data.draw(st.sampled_from(LABS))].canonical_id
    until = FIRST_DAY + timedelta(days=40)
    found = {each.person: each for each in met(events, person, lab, until.isoformat())}
    rosters = [
        roster_of(state, lab, (FIRST_DAY + timedelta(days=n)).isoformat()) for n in range(-60, 41)
    ]
    for other in set(PEOPLE) - {person}:
        weaker = [
            max(roster[person], roster[other], key=STRENGTH.__getitem__)
            for roster in rosters
            if person in roster and other in roster
        ]
        if other not in found:
            assert not weaker
            continue
        days = found[other]
        if days.first >= FIRST_DAY - timedelta(days=60):
            assert [days.certain, days.presumed, days.possible] == [
                weaker.count(presence) for presence in ("certain", "presumed", "possible")
            ]
        back = {each.person: each for each in met(events, other, lab, until.isoformat())}
        assert back[person]._replace(person=other) == days
