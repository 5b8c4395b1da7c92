"""What the fold notices and does not hide (SEMANTICS 5)."""

from typing import get_args

import pytest

from service.domain.events import Payload
from service.domain.findings import FINDING_KINDS, Finding, FindingKind
from service.domain.fold import fold
from tests.support.answers import findings, told
from tests.support.builders import (
    closure,
    correction,
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
    same_lab,
    same_person,
    sighting,
)

Told = tuple[str | None, tuple[str, ...], tuple[int, ...]]


def noticed(*payloads: Payload) -> list[tuple[str, Told]]:
    return [(f.kind, told(f)) for f in fold(log(*payloads)).findings]


def of_kind(kind: FindingKind, *payloads: Payload) -> list[Told]:
    return [told(f) for f in findings(log(*payloads), kind)]


def test_kinds_are_those_of_the_contract() -> None:
    assert set(FINDING_KINDS) == {
        "already_present", "unknown_start", "after_closure", "before_founding",
        "ended_twice", "possible_duplicate", "overlap", "cycle",
    }  # fmt: skip
    assert get_args(FindingKind) == FINDING_KINDS


def test_plain_history_is_not_noticed() -> None:
    assert (
        noticed(
            founding("x", on="2015", by=("bob",)),
            hire("ann", at="x", on="2020"),
            sighting("ann", at="x", on="2021"),
            departure("ann", at="x", on="2022"),
            hire("ann", at="x", on="2023"),
            merger("x", into="y", on="2024"),
        )
        == []
    )


def test_already_present() -> None:
    """The hire that opened the stint, and the one that opens nothing."""
    hires = hire("ann", at="x", on="2020"), hire("ann", at="x", on="2022")
    assert noticed(*hires) == [("already_present", ("ann", ("x",), (1, 2)))]
    assert noticed(*hires[::-1]) == [("already_present", ("ann", ("x",), (2, 1)))]


def test_already_present_names_the_stint_at_hand() -> None:
    assert of_kind(
        "already_present",
        hire("ann", at="x", on="2018"),
        departure("ann", at="x", on="2019-06-06"),
        hire("ann", at="x", on="2020"),
        sighting("ann", at="x", on="2021"),
        hire("ann", at="x", on="2022"),
    ) == [("ann", ("x",), (3, 5))]


def test_already_present_is_not_for_merged_in() -> None:
    at_both = hire("ann", at="x", on="2019"), hire("ann", at="y", on="2020")
    assert of_kind("already_present", *at_both, merger("y", into="x", on="2021")) == []


def test_already_present_is_for_a_hire_after_being_merged_in() -> None:
    merged = hire("ann", at="y", on="2019"), merger("y", into="x", on="2021")
    assert of_kind("already_present", *merged, hire("ann", at="x", on="2022")) == [
        ("ann", ("x",), (2, 3))
    ]


def test_already_present_is_for_a_founding() -> None:
    assert of_kind(
        "already_present", hire("ann", at="x", on="2014"), founding("x", on="2015", by=("ann",))
    ) == [("ann", ("x",), (1, 2))]


def test_unknown_start_of_someone_seen() -> None:
    for see in (sighting, role_change, leave, return_):
        assert noticed(see("ann", at="x", on="2020")) == [("unknown_start", ("ann", ("x",), (1,)))]


def test_unknown_start_of_a_departure() -> None:
    assert noticed(departure("ann", at="x", on="2020")) == [
        ("unknown_start", ("ann", ("x",), (1,)))
    ]


def test_unknown_start_names_the_event_that_revealed_it() -> None:
    seen = departure("ann", at="x", on="2022"), sighting("ann", at="x", on="2020")
    assert noticed(*seen) == [("unknown_start", ("ann", ("x",), (2,)))]


def test_unknown_start_of_each_stint() -> None:
    departures = departure("ann", at="x", on="2020"), departure("ann", at="x", on="2022")
    assert of_kind("unknown_start", *departures) == [("ann", ("x",), (1,)), ("ann", ("x",), (2,))]


def test_after_closure() -> None:
    """The event set aside, and the closure."""
    told_late = closure("x", on="2020"), hire("ann", at="x", on="2021")
    assert noticed(*told_late) == [("after_closure", ("ann", ("x",), (2, 1)))]


def test_after_closure_of_a_successor() -> None:
    """On the lab that closed, though another was named."""
    ended = merger("x", into="y", on="2019"), closure("y", on="2020")
    assert noticed(*ended, departure("ann", at="x", on="2021")) == [
        ("after_closure", ("ann", ("y",), (3, 2)))
    ]


def test_after_closure_is_for_each_founder() -> None:
    assert noticed(closure("x", on="2020"), founding("x", on="2021", by=("ann", "bob"))) == [
        ("after_closure", ("ann", ("x",), (2, 1))),
        ("after_closure", ("bob", ("x",), (2, 1))),
    ]


def test_before_founding() -> None:
    """An item whose hi is before the founding's lo; the item and the first founding."""
    foundings = founding("x", on="2016"), founding("x", on="2015-06")
    assert noticed(*foundings, hire("ann", at="x", on="2015-05")) == [
        ("before_founding", ("ann", ("x",), (3, 2)))
    ]
    assert noticed(*foundings, hire("ann", at="x", on="2015-06-01")) == []
    assert noticed(*foundings, hire("ann", at="x", on="2015")) == []


def test_before_founding_is_for_every_item() -> None:
    """Seen, gone or dropped."""
    assert of_kind(
        "before_founding",
        founding("x", on="2015"),
        departure("ann", at="x", on="2014"),
        hire("ann", at="x", on="2011"),
        sighting("ann", at="x", on="2012"),
        hire("ann", at="x", on="2013"),
    ) == [("ann", ("x",), (position, 1)) for position in (2, 3, 4, 5)]


def test_before_founding_is_not_for_merged_in() -> None:
    assert (
        of_kind(
            "before_founding",
            hire("ann", at="y", on="2010"),
            merger("y", into="x", on="2012"),
            founding("x", on="2015"),
        )
        == []
    )


def test_before_founding_is_of_bounds_as_recorded() -> None:
    """A vague departure that an exact closure narrows is not noticed for it."""
    assert (
        of_kind(
            "before_founding",
            closure("x", on="2014"),
            departure("ann", at="x", on="[..2016]"),
            founding("x", on="2015"),
        )
        == []
    )


def test_ended_twice() -> None:
    """Each end after the first, with the first."""
    ends = closure("x", on="2022"), merger("x", into="y", on="2020"), closure("x", on="2021")
    assert noticed(*ends) == [
        ("ended_twice", (None, ("x",), (2, 3))),
        ("ended_twice", (None, ("x",), (2, 1))),
    ]


def test_ended_twice_is_on_canonical_ids() -> None:
    ends = closure("x", on="2020"), closure("x2", on="2021")
    assert noticed(*ends) == []
    assert noticed(*ends, same_lab("x2", into="x")) == [("ended_twice", (None, ("x",), (1, 2)))]


def test_ended_twice_is_taken_back() -> None:
    assert noticed(closure("x", on="2020"), closure("x", on="2021"), retraction(2)) == []


@pytest.mark.parametrize(
    ("one", "other", "is_noticed"),
    [
        ("2020-01-01", "2020-01-01", True),
        ("2020-01-01", "2020-02-01", True),
        ("2020-02-01", "2020-01-01", True),
        ("2020-01-01", "2020-02-02", False),
        ("2020-02-02", "2020-01-01", False),
        ("2020-01", "2020-02", True),
        ("2020-01", "2020-01-01", True),
        ("2020", "2020-01-01", False),
        ("2020", "2020-12-31", False),
        ("[2020..]", "[2020..]", True),
        ("[..2020]", "[..2020]", True),
        ("[2020..]", "2020-01-01", False),
    ],
)
def test_possible_duplicate(one: str, other: str, is_noticed: bool) -> None:
    """Both bounds differ by at most 31 days."""
    events = sighting("ann", at="x", on=one), sighting("ann", at="x", on=other)
    assert of_kind("possible_duplicate", *events) == (
        [("ann", ("x",), (1, 2))] if is_noticed else []
    )


def test_possible_duplicate_is_of_one_type_person_and_lab() -> None:
    first = sighting("ann", at="x", on="2020")
    others = (
        role_change("ann", at="x", on="2020"),
        sighting("bob", at="x", on="2020"),
        sighting("ann", at="y", on="2020"),
    )
    for other in others:
        assert of_kind("possible_duplicate", first, other) == []


def test_possible_duplicate_is_on_canonical_ids() -> None:
    events = sighting("ann", at="x", on="2020"), sighting("annie", at="x2", on="2020")
    links = same_person("annie", into="ann"), same_lab("x2", into="x")
    assert of_kind("possible_duplicate", *events) == []
    assert of_kind("possible_duplicate", *events, *links) == [("ann", ("x",), (1, 2))]


def test_possible_duplicate_is_of_each_pair() -> None:
    days = ("2020-01-01", "2020-01-20", "2020-02-10")
    assert of_kind("possible_duplicate", *(departure("ann", at="x", on=on) for on in days)) == [
        ("ann", ("x",), (1, 2)),
        ("ann", ("x",), (2, 3)),
    ]


def test_possible_duplicate_is_of_effective_events() -> None:
    hires = hire("ann", at="x", on="2020"), hire("ann", at="x", on="2020")
    assert of_kind("possible_duplicate", *hires) == [("ann", ("x",), (1, 2))]
    assert of_kind("possible_duplicate", *hires, retraction(2)) == []
    assert (
        of_kind("possible_duplicate", *hires, correction(2, hire("ann", at="y", on="2020"))) == []
    )


def stay(lab: str, start: str, end: str) -> tuple[Payload, Payload]:
    return hire("ann", at=lab, on=start), departure("ann", at=lab, on=end)


def overlaps(*payloads: Payload) -> list[tuple[Told, int | None]]:
    return [(told(f), f.days) for f in findings(log(*payloads), "overlap")]


def test_overlap_is_of_more_than_92_days() -> None:
    at_x = stay("x", "2020-01-01", "2020-12-31")
    assert overlaps(*at_x, *stay("y", "2020-03-01", "2020-06-01")) == []
    assert overlaps(*at_x, *stay("y", "2020-03-01", "2020-06-02")) == [
        (("ann", ("x", "y"), (1, 2, 3, 4)), 93)
    ]


def test_overlap_is_of_certain_days() -> None:
    """Presumed and possible days do not count."""
    at_x = stay("x", "2020-01-01", "2020-12-31")
    assert overlaps(*at_x, hire("ann", at="y", on="2020-03-01")) == []
    assert overlaps(*at_x, *stay("y", "2020-03", "2020-08")) == [
        (("ann", ("x", "y"), (1, 2, 3, 4)), 123)
    ]
    seen = hire("ann", at="y", on="2020-03-01"), sighting("ann", at="y", on="2020-06-01")
    assert overlaps(*at_x, *seen) == [(("ann", ("x", "y"), (1, 2, 3, 4)), 93)]


def test_overlap_is_in_all() -> None:
    """The days of several stints add up."""
    at_y = *stay("y", "2020-02-01", "2020-04-01"), *stay("y", "2020-06-01", "2020-08-01")
    assert overlaps(*stay("x", "2020-01-01", "2020-12-31"), *at_y) == [
        (("ann", ("x", "y"), (1, 2, 3, 4, 5, 6)), 121)
    ]


def test_overlap_counts_no_day_twice() -> None:
    """A departure told twice ends two stays, the second on the eve of the first one's end."""
    at_y = *stay("y", "2020-01-01", "2020-04-02"), departure("ann", at="y", on="2020-04-02")
    assert overlaps(*stay("x", "2020-01-01", "2020-12-31"), *at_y) == []


def test_overlap_is_per_pair_of_labs() -> None:
    """In alphabetical order, whatever the order of recording."""
    stays = [e for lab in "zyx" for e in stay(lab, "2020-01-01", "2021-01-01")]
    assert [f[0][1] for f in overlaps(*stays)] == [("x", "y"), ("x", "z"), ("y", "z")]


def test_overlap_names_a_successor_in_alphabetical_order_too() -> None:
    at_a = hire("ann", at="b", on="2019-01-01"), merger("b", into="a", on="2020-01-01")
    at_c = stay("c", "2020-01-01", "2020-12-31")
    found = overlaps(*at_a, sighting("ann", at="a", on="2020-11-11"), *at_c)
    assert [f[0][1] for f in found] == [("a", "c")]


def test_overlap_is_of_one_person() -> None:
    bob = hire("bob", at="y", on="2020-01-01"), departure("bob", at="y", on="2021-01-01")
    assert overlaps(*stay("x", "2020-01-01", "2021-01-01"), *bob) == []
    joined = same_person("bob", into="ann")
    assert len(overlaps(*stay("x", "2020-01-01", "2021-01-01"), *bob, joined)) == 1


def test_merger_is_no_overlap() -> None:
    assert (
        overlaps(
            hire("ann", at="y", on="2019-01-01"),
            merger("y", into="x", on="2020-01-01"),
            sighting("ann", at="x", on="2021-01-01"),
        )
        == []
    )


def test_cycle_of_people() -> None:
    """In a view that is cut; the log refuses them."""
    links = same_person("ann", into="bob"), same_person("bob", into="ann")
    assert noticed(*links) == [("cycle", ("bob", (), (2,)))]


def test_cycle_of_labs() -> None:
    links = same_lab("x", into="y"), same_lab("y", into="x")
    assert noticed(*links) == [("cycle", (None, ("y",), (2,)))]


def test_cycle_is_on_canonical_ids() -> None:
    """Whom the ignored link names may stand for another by an earlier one."""
    people = same_person("b", into="a"), same_person("a", into="z"), same_person("a", into="b")
    assert noticed(*people) == [("cycle", ("z", (), (3,)))]
    labs = same_lab("b", into="a"), same_lab("a", into="z"), same_lab("a", into="b")
    assert noticed(*labs) == [("cycle", (None, ("z",), (3,)))]


def test_cycle_of_mergers() -> None:
    links = merger("x", into="y", on="2020"), merger("y", into="x", on="2020")
    assert noticed(*links) == [("cycle", (None, ("y",), (2,)))]


def test_findings_are_as_known_at_a_position() -> None:
    events = log(departure("ann", at="x", on="2020"), hire("ann", at="x", on="2019"), retraction(2))
    kinds = [[f.kind for f in fold(events[:k]).findings] for k in range(4)]
    assert kinds == [[], ["unknown_start"], [], ["unknown_start"]]


def test_findings_leave_out_rumours() -> None:
    assert noticed(departure("ann", at="x", on="2020", certainty="rumoured")) == []


def test_finding_names_events_by_id() -> None:
    assert findings(log(departure("ann", at="x", on="2020")), "unknown_start") == [
        Finding("unknown_start", person="ann", labs=("x",), events=(event_id(1),))
    ]
