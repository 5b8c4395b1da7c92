"""From events to stays: items, order, ends of labs, narrowing, unknown starts (SEMANTICS 4.1-4.6)."""

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.effective import effective_events
from service.domain.labs import Labs
from service.domain.stints import fold_stints
from tests.support.answers import findings, roster, stint_bounds, stints, told
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
    person_profile,
    retraction,
    return_,
    role_change,
    same_lab,
    same_person,
    sighting,
)

EVER, NEVER = UNBOUNDED_LO.isoformat(), UNBOUNDED_HI.isoformat()


def test_hire_opens_and_departure_closes() -> None:
    events = log(hire("ann", at="x", on="2020-01-10"), departure("ann", at="x", on="2021-03"))
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-10", "2020-01-10", "2021-03-01", "2021-03-31")
    ]
    (stint,) = stints(events, "ann", "x")
    assert stint.events == (event_id(1), event_id(2))


def test_ends_keep_the_text_as_written() -> None:
    events = log(hire("ann", at="x", on="2020~"), departure("ann", at="x", on="2023?"))
    (stint,) = stints(events, "ann", "x")
    assert stint.end is not None
    assert (stint.start.date_text, stint.end.date_text) == ("2020~", "2023?")


def test_order_of_recording_is_no_order_of_stays() -> None:
    events = log(departure("ann", at="x", on="2021-01-10"), hire("ann", at="x", on="2020-01-10"))
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-10", "2020-01-10", "2021-01-10", "2021-01-10")
    ]


def test_founding_is_an_entry_of_each_founder() -> None:
    events = log(founding("x", on="2015-06-01", by=("ann", "bob")))
    for founder in ("ann", "bob"):
        assert stint_bounds(events, founder, "x") == [("2015-06-01", "2015-06-01", None, None)]


def test_founder_under_two_names_founds_once() -> None:
    events = log(founding("x", on="2015", by=("ann", "annie")), same_person("annie", into="ann"))
    assert len(stints(events, "ann", "x")) == 1
    assert findings(events, "already_present") == []


def test_founding_without_founders_places_nobody() -> None:
    assert roster(log(founding("x", on="2015")), "x", "2016-01-01") == {}


def test_stays_at_labs_are_apart() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        hire("ann", at="y", on="2020-02-01"),
        departure("ann", at="x", on="2020-03-01"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-01-01", "2020-03-01", "2020-03-01")
    ]
    assert stint_bounds(events, "ann", "y") == [("2020-02-01", "2020-02-01", None, None)]


def test_someone_can_come_back() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2020-03-01"),
        hire("ann", at="x", on="2021-01-01"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-01-01", "2020-03-01", "2020-03-01"),
        ("2021-01-01", "2021-01-01", None, None),
    ]


def test_hire_of_someone_present_is_dropped() -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), hire("ann", at="x", on="2021-01-01"))
    assert stint_bounds(events, "ann", "x") == [("2020-01-01", "2020-01-01", None, None)]
    assert stints(events, "ann", "x")[0].events == (event_id(1),)


def test_ids_that_are_one_share_their_stays() -> None:
    events = log(
        hire("annie", at="x2", on="2020-01-01"),
        departure("ann", at="x", on="2021-01-01"),
        same_person("annie", into="ann"),
        same_lab("x2", into="x"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-01-01", "2021-01-01", "2021-01-01")
    ]
    assert stints(events, "annie", "x2") == []


def test_items_are_ordered_by_hi() -> None:
    """4.3: a hire of the year 2020 comes after a departure in June 2020, unless it must not."""
    events = log(
        hire("ann", at="x", on="2019"),
        departure("ann", at="x", on="2020-06-01"),
        hire("ann", at="x", on="2020"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2019-01-01", "2019-12-31", "2020-06-01", "2020-06-01"),
        ("2020-06-01", "2020-12-31", None, None),
    ]


def test_equal_hi_is_ordered_by_lo() -> None:
    """The wider hire opens; the narrower is dropped."""
    events = log(hire("ann", at="x", on="2020-12-31"), hire("ann", at="x", on="2020"))
    assert stints(events, "ann", "x")[0].events == (event_id(2),)


def test_equal_bounds_are_ordered_by_rank() -> None:
    """Founding, hire, seen, departure."""
    events = log(
        departure("ann", at="x", on="2020"),
        sighting("ann", at="x", on="2020"),
        hire("ann", at="x", on="2020"),
    )
    assert [s.events for s in stints(events, "ann", "x")] == [
        (event_id(3), event_id(2), event_id(1))
    ]
    founded = log(hire("ann", at="x", on="2020"), founding("x", on="2020", by=("ann",)))
    assert [s.events for s in stints(founded, "ann", "x")] == [(event_id(2),)]


def test_merged_in_comes_before_a_hire_and_after_a_founding() -> None:
    merged = hire("ann", at="y", on="2019"), merger("y", into="x", on="2020-05-05")
    hired = log(hire("ann", at="x", on="2020-05-05"), *merged)
    assert stints(hired, "ann", "x")[0].events == (event_id(2), event_id(3))
    founded = log(*merged, founding("x", on="2020-05-05", by=("ann",)))
    assert stints(founded, "ann", "x")[0].events == (event_id(3),)


def test_equal_ranks_are_ordered_by_position() -> None:
    events = log(hire("ann", at="x", on="2020"), hire("ann", at="x", on="2020"))
    assert stints(events, "ann", "x")[0].events == (event_id(1),)


def test_departure_waits_for_a_hire_that_can_have_been_before() -> None:
    """4.3, outside: the first enter item whose lo is no later than the departure's hi."""
    events = log(departure("ann", at="x", on="2020-06-15"), hire("ann", at="x", on="2020"))
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-06-15", "2020-06-15", "2020-06-15")
    ]


def test_departure_waits_on_the_very_day() -> None:
    vague = log(departure("ann", at="x", on="2020-06-15"), hire("ann", at="x", on="[2020-06-15..]"))
    assert len(stints(vague, "ann", "x")) == 1
    later = log(departure("ann", at="x", on="2020-06-15"), hire("ann", at="x", on="[2020-06-16..]"))
    assert len(stints(later, "ann", "x")) == 2


def test_hire_waits_for_a_departure_that_can_have_been_before() -> None:
    """4.3, inside: a second hire lets a vague departure go first."""
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2021"),
        hire("ann", at="x", on="2021-06-01"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-01-01", "2021-01-01", "2021-06-01"),
        ("2021-06-01", "2021-06-01", None, None),
    ]


def test_hire_waits_on_the_very_day() -> None:
    hired = hire("ann", at="x", on="2020-01-01"), hire("ann", at="x", on="2021-06-01")
    may = log(*hired, departure("ann", at="x", on="[2021-06-01..2021-07-01]"))
    assert len(stints(may, "ann", "x")) == 2
    late = log(*hired, departure("ann", at="x", on="[2021-06-02..2021-07-01]"))
    assert len(stints(late, "ann", "x")) == 1


def test_first_that_can_go_first_goes() -> None:
    """Of two vague hires the first in order is taken; the other one stays for later."""
    events = log(
        departure("ann", at="x", on="2020-06-15"),
        hire("ann", at="x", on="[2020-03-01..2021-12-31]"),
        hire("ann", at="x", on="[2020-01-01..2021-06-30]"),
    )
    first, second = stints(events, "ann", "x")
    assert first.events == (event_id(3), event_id(1))
    assert second.events == (event_id(2),)


def test_seen_item_lets_an_enter_item_go_first() -> None:
    events = log(sighting("ann", at="x", on="2020-06-15"), hire("ann", at="x", on="2020"))
    assert stint_bounds(events, "ann", "x") == [("2020-01-01", "2020-06-15", None, None)]


def test_seen_items_are_evidence() -> None:
    """Sighting, role change, leave and return alike."""
    for see in (sighting, role_change, leave, return_):
        events = log(hire("ann", at="x", on="2020-01-01"), see("ann", at="x", on="2021-05"))
        (stint,) = stints(events, "ann", "x")
        assert stint.last_evidence == day("2021-05-01")
        assert stint.events == (event_id(1), event_id(2))


def test_evidence_is_at_least_the_start() -> None:
    events = log(hire("ann", at="x", on="2020"), sighting("ann", at="x", on="2020"))
    assert stints(events, "ann", "x")[0].last_evidence == day("2020-12-31")


def test_evidence_is_the_narrowed_lo() -> None:
    """A vague sighting after an exact one is no earlier than it."""
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        sighting("ann", at="x", on="2021-05-05"),
        sighting("ann", at="x", on="2021"),
    )
    assert stints(events, "ann", "x")[0].last_evidence == day("2021-05-05")


def test_departure_is_evidence_from_its_first_day() -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), departure("ann", at="x", on="2021-05"))
    assert stints(events, "ann", "x")[0].last_evidence == day("2021-05-01")


def test_neighbours_narrow_each_other() -> None:
    """4.5: each lo at least the one before it, each hi at most the one after it."""
    events = log(
        hire("ann", at="x", on="2020"),
        sighting("ann", at="x", on="2020-06-15"),
        departure("ann", at="x", on="2020"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-06-15", "2020-06-15", "2020-12-31")
    ]


def test_narrowing_goes_through_several_items() -> None:
    """Whichever stay they belong to."""
    events = log(
        hire("ann", at="x", on="[2019-03-01..]"),
        departure("ann", at="x", on="[2019..2021]"),
        hire("ann", at="x", on="[..2021]"),
        departure("ann", at="x", on="2021-04-04"),
    )
    assert stint_bounds(events, "ann", "x") == [
        (EVER, "2021-04-04", "2021-04-04", "2021-04-04"),
        ("2021-04-04", "2021-12-31", "2021-04-04", "2021-12-31"),
    ]


def test_sighting_narrows_the_stays_around_it() -> None:
    events = log(
        hire("ann", at="x", on="2019-01-01"),
        departure("ann", at="x", on="2020"),
        hire("ann", at="x", on="2020"),
        sighting("ann", at="x", on="2020-09-09"),
        departure("ann", at="x", on="2022-01-01"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2019-01-01", "2019-01-01", "2020-09-09", "2020-12-31"),
        ("2020-09-09", "2020-12-31", "2022-01-01", "2022-01-01"),
    ]


def test_unknown_start_of_someone_seen() -> None:
    """4.6: no later than the sighting; unbounded if nothing else is known."""
    events = log(sighting("ann", at="x", on="2020-05"))
    (stint,) = stints(events, "ann", "x")
    assert stint_bounds(events, "ann", "x") == [(EVER, "2020-05-31", None, None)]
    assert stint.start.date_text is None
    assert stint.last_evidence == day("2020-05-31")


def test_unknown_start_of_a_departure() -> None:
    """The day before the departure's hi: someone who left was there at least a day."""
    events = log(departure("ann", at="x", on="2020-05"))
    assert stint_bounds(events, "ann", "x") == [(EVER, "2020-05-30", "2020-05-01", "2020-05-31")]


def test_unknown_start_of_an_unbounded_departure() -> None:
    events = log(departure("ann", at="x", on="[2020..]"))
    assert stint_bounds(events, "ann", "x") == [(EVER, NEVER, "2020-01-01", NEVER)]


def test_unknown_start_is_not_before_the_founding() -> None:
    """The first founding that names the lab, whoever founded it."""
    events = log(
        sighting("ann", at="x", on="2020-05-05"),
        founding("x", on="2016"),
        founding("x", on="2015~", by=("bob",)),
    )
    assert stint_bounds(events, "ann", "x") == [("2014-01-01", "2020-05-05", None, None)]


def test_unknown_start_is_not_before_the_previous_exit() -> None:
    events = log(
        founding("x", on="2015"),
        hire("ann", at="x", on="2016-01-01"),
        departure("ann", at="x", on="2018"),
        sighting("ann", at="x", on="2020-05-05"),
    )
    assert stint_bounds(events, "ann", "x")[1] == ("2018-01-01", "2020-05-05", None, None)


def test_previous_exit_is_narrowed() -> None:
    events = log(
        hire("ann", at="x", on="2018-06-06"),
        departure("ann", at="x", on="2018"),
        sighting("ann", at="x", on="2020-05-05"),
    )
    assert stint_bounds(events, "ann", "x")[1][0] == "2018-06-06"


def test_unknown_start_is_in_order() -> None:
    """Its lo is never later than its hi, though the lab is said to be founded later."""
    events = log(founding("x", on="2022"), sighting("ann", at="x", on="2020-05-05"))
    assert stint_bounds(events, "ann", "x") == [("2020-05-05", "2020-05-05", None, None)]


def test_departure_told_twice_ends_two_stays() -> None:
    """The second of them, of which nothing else is known, lasts a day."""
    events = log(
        hire("ann", at="x", on="2019-01-01"),
        departure("ann", at="x", on="2020-05-05"),
        departure("ann", at="x", on="2020-05-05"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2019-01-01", "2019-01-01", "2020-05-05", "2020-05-05"),
        ("2020-05-04", "2020-05-04", "2020-05-05", "2020-05-05"),
    ]


def test_unknown_start_is_narrowed_by_what_follows() -> None:
    """Its hi is that of the narrowed sighting, which a later departure bounds."""
    events = log(sighting("ann", at="x", on="2020"), departure("ann", at="x", on="2020-03-03"))
    assert stint_bounds(events, "ann", "x")[0][:2] == (EVER, "2020-03-02")


def test_closure_ends_an_open_stay() -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), closure("x", on="2021-05"))
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-01-01", "2021-05-01", "2021-05-31")
    ]
    assert stints(events, "ann", "x")[0].events == (event_id(1), event_id(2))


def test_closure_leaves_an_ended_stay_alone() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2020-03-03"),
        closure("x", on="2021-05"),
    )
    assert stint_bounds(events, "ann", "x")[0][2:] == ("2020-03-03", "2020-03-03")


def test_no_bound_lies_beyond_the_end_of_the_lab() -> None:
    events = log(
        hire("ann", at="x", on="2020"),
        departure("ann", at="x", on="[2020..]"),
        closure("x", on="2020-05"),
    )
    assert stint_bounds(events, "ann", "x") == [
        ("2020-01-01", "2020-05-31", "2020-01-01", "2020-05-31")
    ]


def test_end_of_the_lab_is_narrowed_by_the_stay() -> None:
    events = log(hire("ann", at="x", on="2020-05-05"), closure("x", on="2020"))
    assert stint_bounds(events, "ann", "x")[0][2:] == ("2020-05-05", "2020-12-31")


def test_event_after_a_closure_is_set_aside() -> None:
    events = log(closure("x", on="2020-05"), hire("ann", at="x", on="2020-06-01"))
    assert stints(events, "ann", "x") == []
    assert told(findings(events, "after_closure")[0]) == ("ann", ("x",), (2, 1))


def test_event_within_the_bounds_of_a_closure_counts() -> None:
    events = log(closure("x", on="2020-05"), hire("ann", at="x", on="2020-05-31"))
    assert stint_bounds(events, "ann", "x") == [
        ("2020-05-31", "2020-05-31", "2020-05-31", "2020-05-31")
    ]


def test_merger_carries_an_open_stay_on() -> None:
    """4.4: with the merger's bounds, at the absorbed lab and at the successor."""
    events = log(hire("ann", at="y", on="2020-01-01"), merger("y", into="x", on="2021-05"))
    assert stint_bounds(events, "ann", "y")[0][2:] == ("2021-05-01", "2021-05-31")
    assert stint_bounds(events, "ann", "x") == [("2021-05-01", "2021-05-31", None, None)]
    assert stints(events, "ann", "x")[0].start.date_text == "2021-05"
    assert stints(events, "ann", "x")[0].events == (event_id(1), event_id(2))


def test_merger_is_merged_in_as_recorded() -> None:
    """Narrowed at the absorbed lab, and not at the successor."""
    events = log(hire("ann", at="y", on="2021-05-20"), merger("y", into="x", on="2021-05"))
    assert stint_bounds(events, "ann", "y")[0][2:] == ("2021-05-20", "2021-05-31")
    assert stint_bounds(events, "ann", "x")[0][:2] == ("2021-05-01", "2021-05-31")


def test_merger_leaves_out_who_had_left() -> None:
    events = log(
        hire("ann", at="y", on="2020-01-01"),
        departure("ann", at="y", on="2020-02-02"),
        merger("y", into="x", on="2021-05"),
    )
    assert stints(events, "ann", "x") == []


def test_merger_of_someone_seen_only_carries_them_on() -> None:
    events = log(sighting("ann", at="y", on="2020-01-01"), merger("y", into="x", on="2021-05-05"))
    assert stint_bounds(events, "ann", "x") == [("2021-05-05", "2021-05-05", None, None)]


def test_merger_of_someone_there_already_is_no_finding() -> None:
    events = log(
        hire("ann", at="x", on="2019-01-01"),
        hire("ann", at="y", on="2020-01-01"),
        merger("y", into="x", on="2021-05-05"),
    )
    assert stint_bounds(events, "ann", "x") == [("2019-01-01", "2019-01-01", None, None)]
    assert findings(events, "already_present") == []


def test_two_absorbed_labs_carry_someone_on_once() -> None:
    events = log(
        hire("ann", at="y", on="2019-01-01"),
        hire("ann", at="z", on="2020-01-01"),
        merger("y", "z", into="x", on="2021-05-05"),
    )
    assert len(stints(events, "ann", "x")) == 1
    assert stints(events, "ann", "x")[0].events == (event_id(1), event_id(3))


def test_mergers_of_equal_bounds_are_ordered_by_position() -> None:
    """Not by the names of the absorbed labs."""
    for first, second in (("y", "z"), ("z", "y")):
        events = log(
            hire("ann", at="y", on="2019-01-01"),
            hire("ann", at="z", on="2019-01-01"),
            merger(first, into="x", on="2021-05-05"),
            merger(second, into="x", on="2021-05-05"),
        )
        opened = event_id(1) if first == "y" else event_id(2)
        assert stints(events, "ann", "x")[0].events == (opened, event_id(3))


def test_chain_of_mergers_carries_on_to_the_last() -> None:
    """Absorbed labs are worked on before their successors, whatever they are called."""
    for first, second, third in (("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")):
        events = log(
            merger(second, into=third, on="2022-01-01"),
            merger(first, into=second, on="2021-01-01"),
            hire("ann", at=first, on="2020-01-01"),
            hire("bob", at=second, on="2020-01-01"),
            sighting("ann", at=third, on="2023-01-01"),
        )
        assert stint_bounds(events, "ann", second) == [
            ("2021-01-01", "2021-01-01", "2022-01-01", "2022-01-01")
        ]
        assert stint_bounds(events, "ann", third) == [("2022-01-01", "2022-01-01", None, None)]
        assert roster(events, third, "2022-01-01") == {"ann": "certain", "bob": "certain"}
        assert findings(events, "unknown_start") == []


def test_departure_that_names_the_absorbed_lab_is_from_its_successor() -> None:
    """4.1: its lo is later than the merger's hi."""
    events = log(
        hire("ann", at="y", on="2020-01-01"),
        merger("y", into="x", on="2021-05"),
        departure("ann", at="y", on="2021-06-01"),
    )
    assert stint_bounds(events, "ann", "x")[0][2:] == ("2021-06-01", "2021-06-01")
    within = log(
        *(e.payload for e in events), correction(3, departure("ann", at="y", on="2021-05"))
    )
    assert stint_bounds(within, "ann", "y")[0][2:] == ("2021-05-01", "2021-05-31")
    assert stints(within, "ann", "x") == []


def test_founding_after_a_merger_is_an_entry_at_the_successor() -> None:
    events = log(merger("y", into="x", on="2021"), founding("y", on="2022-02-02", by=("ann",)))
    assert stint_bounds(events, "ann", "x") == [("2022-02-02", "2022-02-02", None, None)]
    assert stints(events, "ann", "y") == []


def test_merged_in_is_read_like_any_other_item() -> None:
    """A successor that had been absorbed before passes everyone on."""
    events = log(
        hire("ann", at="a", on="2019-01-01"),
        merger("a", into="b", on="2022-01-01"),
        merger("b", into="c", on="2021-01-01"),
    )
    assert stints(events, "ann", "b") == []
    assert stint_bounds(events, "ann", "c") == [("2022-01-01", "2022-01-01", None, None)]


def test_merged_in_after_a_closure_is_set_aside() -> None:
    events = log(
        hire("ann", at="a", on="2019-01-01"),
        merger("a", into="b", on="2022-01-01"),
        closure("b", on="2021-01-01"),
    )
    assert stints(events, "ann", "b") == []
    assert told(findings(events, "after_closure")[0]) == ("ann", ("b",), (2, 3))


def test_merger_into_itself_by_same_as_moves_nobody() -> None:
    events = log(
        hire("ann", at="x2", on="2019-01-01"),
        merger("x2", into="x", on="2020-01-01"),
        same_lab("x2", into="x"),
    )
    assert stint_bounds(events, "ann", "x") == [("2019-01-01", "2019-01-01", None, None)]


def test_merger_taken_back_carries_nobody() -> None:
    events = log(
        hire("ann", at="y", on="2020-01-01"), merger("y", into="x", on="2021-05"), retraction(2)
    )
    assert stint_bounds(events, "ann", "y") == [("2020-01-01", "2020-01-01", None, None)]
    assert stints(events, "ann", "x") == []


def test_return_to_the_successor_after_leaving_the_absorbed_lab() -> None:
    events = log(
        hire("ann", at="y", on="2019-01-01"),
        departure("ann", at="y", on="2020-01-01"),
        merger("y", into="x", on="2021-01-01"),
        hire("ann", at="y", on="2022-01-01"),
    )
    assert stint_bounds(events, "ann", "x") == [("2022-01-01", "2022-01-01", None, None)]


def test_corrected_type_keeps_the_place_of_its_original() -> None:
    """4.3: the position for every tie is the original's."""
    events = log(
        closure("z", on="2020"),
        hire("ann", at="x", on="2020"),
        correction(1, hire("ann", at="x", on="2020")),
    )
    assert stints(events, "ann", "x")[0].events == (event_id(1),)


def test_register_events_place_nobody() -> None:
    own = effective_events(log(person_profile("ann"), hire("ann", at="x", on="2020-01-10")))
    placed, noticed = fold_stints("ann", {"ann"}, own, Labs())
    assert [stint.events for stint in placed] == [(event_id(2),)]
    assert noticed == []


def test_equal_items_are_ordered_by_position_however_they_are_read() -> None:
    own = effective_events(log(hire("ann", at="x", on="2020"), hire("ann", at="x", on="2020")))
    for order in (own, own[::-1]):
        (stint,), _ = fold_stints("ann", {"ann"}, order, Labs())
        assert stint.events == (event_id(1),)
