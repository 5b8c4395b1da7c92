"""Presence, role and leave of a stint on a day (SEMANTICS 4)."""

import pytest

from service.domain.events import Founder
from service.domain.fold import fold
from service.domain.presence import (
    certain_span,
    certain_spans,
    overlap_days,
    presence_on,
    standing_on,
)
from service.domain.stints import NO_POST, Endpoint, Post, Stint
from tests.support.answers import on_leave, post, presence, roster, roster_of, standing, stints
from tests.support.builders import (
    closure,
    day,
    departure,
    entity,
    founding,
    hire,
    leave,
    log,
    merger,
    retraction,
    return_,
    role_change,
    same_person,
    sighting,
)


def between(start: str, end: str | None, *, evidence: str | None = None, lab: str = "x") -> Stint:
    """A stint with ends as `lo..hi`."""
    return Stint(
        person="ann",
        lab=lab,
        start=endpoint(start),
        last_evidence=day(evidence) if evidence else endpoint(start).hi,
        end=endpoint(end) if end else None,
    )


def endpoint(text: str) -> Endpoint:
    lo, hi = text.split("..")
    return Endpoint(day(lo), day(hi), text)


ENDED = between("2020-01-10..2020-01-20", "2021-03-01..2021-03-31")
OPEN = between("2020-01-10..2020-01-20", None, evidence="2020-06-06")


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2020-01-09", None),
        ("2020-01-10", "possible"),
        ("2020-01-19", "possible"),
        ("2020-01-20", "certain"),
        ("2021-02-28", "certain"),
        ("2021-03-01", "possible"),
        ("2021-03-30", "possible"),
        ("2021-03-31", None),
    ],
)
def test_presence_of_an_ended_stint(on: str, expected: str | None) -> None:
    assert presence_on(ENDED, day(on)) == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("2020-01-09", None),
        ("2020-01-10", "possible"),
        ("2020-01-19", "possible"),
        ("2020-01-20", "certain"),
        ("2020-06-06", "certain"),
        ("2020-06-07", "presumed"),
        ("2199-12-31", "presumed"),
    ],
)
def test_presence_of_an_open_stint(on: str, expected: str | None) -> None:
    assert presence_on(OPEN, day(on)) == expected


def test_stint_whose_ends_overlap_is_never_certain() -> None:
    vague = between("2020-01-01..2020-12-31", "2020-06-01..2021-06-30")
    assert presence_on(vague, day("2020-05-31")) == "possible"
    assert presence_on(vague, day("2020-12-31")) == "possible"
    assert presence_on(vague, day("2021-06-29")) == "possible"
    assert presence_on(vague, day("2021-06-30")) is None


def test_stint_is_half_open() -> None:
    events = log(hire("ann", at="x", on="2020-01-10"), departure("ann", at="x", on="2021-01-10"))
    assert roster(events, "x", "2020-01-09") == {}
    assert roster(events, "x", "2020-01-10") == {"ann": "certain"}
    assert roster(events, "x", "2021-01-09") == {"ann": "certain"}
    assert roster(events, "x", "2021-01-10") == {}


def test_someone_of_whom_nothing_is_told_since_is_presumed() -> None:
    events = log(hire("ann", at="x", on="2020-01-10"), sighting("ann", at="x", on="2021-02"))
    assert roster(events, "x", "2021-02-01") == {"ann": "certain"}
    assert roster(events, "x", "2021-02-02") == {"ann": "presumed"}


def test_someone_never_bounded_is_possible_ever_after() -> None:
    """A hire some day from 2012 on is certain on no day."""
    events = log(hire("ann", at="x", on="[2012..]"))
    assert presence(events, "ann", "x", "2011-12-31") is None
    assert presence(events, "ann", "x", "2199-12-31") == "possible"


def test_someone_who_left_is_possible_ever_before() -> None:
    events = log(departure("ann", at="x", on="2020-05-05"))
    assert presence(events, "ann", "x", "1800-01-01") == "possible"
    assert presence(events, "ann", "x", "2020-05-04") == "certain"
    assert presence(events, "ann", "x", "2020-05-05") is None


def test_rumour_places_nobody() -> None:
    assert (
        roster(log(hire("ann", at="x", on="2020", certainty="rumoured")), "x", "2021-01-01") == {}
    )


def test_answer_is_as_known_at_a_position() -> None:
    events = log(hire("ann", at="x", on="2020-01-10"), retraction(1))
    assert roster(events[:1], "x", "2020-01-10") == {"ann": "certain"}
    assert roster(events, "x", "2020-01-10") == {}


def test_strongest_presence_counts() -> None:
    """Certain before presumed before possible, whichever stint is later."""
    certain = between("2020-01-01..2020-01-01", "2020-12-01..2020-12-01")
    presumed = between("2019-01-01..2019-01-01", None)
    possible = between("2020-01-01..2021-01-01", "2021-06-01..2021-06-01")
    on = day("2020-06-06")
    for stints_by_start in ([certain, presumed, possible], [possible, presumed, certain]):
        found = standing_on(stints_by_start, on)
        assert found is not None
        assert (found.presence, found.stint) == ("certain", certain)
    found = standing_on([presumed, possible], on)
    assert found is not None
    assert (found.presence, found.stint) == ("presumed", presumed)
    assert standing_on([possible, presumed], on) == found


def test_latest_of_equally_strong_stints_counts() -> None:
    one = between("2020-01-01..2020-12-31", "2021-01-01..2021-12-31")
    other = between("2020-02-01..2020-12-31", "2021-01-01..2021-12-31")
    found = standing_on([one, other], day("2020-06-06"))
    assert found is not None
    assert found.stint == other


def test_nobody_stands_where_no_stint_is() -> None:
    assert standing_on([], day("2020-06-06")) is None
    assert standing_on([ENDED], day("2022-06-06")) is None


def test_post_is_that_of_the_hire() -> None:
    events = log(hire("ann", at="x", on="2020-01", role="engineer", team="red", location="Paris"))
    expected = Post(role="engineer", team="red", location="Paris", relation="employee")
    assert post(events, "ann", "x", "2020-01-01") == expected


def test_relation_is_employee_unless_said() -> None:
    assert post(log(hire("ann", at="x", on="2020")), "ann", "x", "2021-01-01") == Post(
        relation="employee"
    )
    advisor = log(hire("ann", at="x", on="2020", relation="advisor"))
    assert post(advisor, "ann", "x", "2021-01-01").relation == "advisor"


def test_role_change_holds_from_the_first_day_it_can_mean() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01", role="engineer", team="red"),
        role_change("ann", at="x", on="2021-05", role="lead"),
    )
    assert post(events, "ann", "x", "2021-04-30").role == "engineer"
    assert post(events, "ann", "x", "2021-05-01").role == "lead"
    assert post(events, "ann", "x", "2021-05-01").team == "red"


def test_sighting_says_a_role_too() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01", role="engineer"),
        sighting("ann", at="x", on="2021", role="lead"),
        sighting("ann", at="x", on="2022"),
    )
    assert post(events, "ann", "x", "2022-06-06").role == "lead"


def test_role_is_of_the_day_as_recorded() -> None:
    """A role change that narrowing moves holds from the lo it was recorded with."""
    events = log(
        hire("ann", at="x", on="2020"),
        sighting("ann", at="x", on="2020-06-06"),
        role_change("ann", at="x", on="2020", role="lead"),
    )
    assert post(events, "ann", "x", "2020-01-01").role == "lead"


def test_last_role_by_a_day_holds() -> None:
    """By lo, hi and position of the role changes as recorded."""

    def last(*dates: str) -> str | None:
        roles = (
            role_change("ann", at="x", on=on, role=f"role {i}") for i, on in enumerate(dates, 1)
        )
        return post(
            log(hire("ann", at="x", on="2019-01-01"), *roles), "ann", "x", "2023-01-01"
        ).role

    assert last("2022", "2021") == "role 1"
    assert last("2021", "2021-01") == "role 1"
    assert last("2021-03~", "2021") == "role 1"
    assert last("2021", "2021") == "role 2"


def test_role_of_another_stint_does_not_count() -> None:
    events = log(
        hire("ann", at="x", on="2019-01-01"),
        role_change("ann", at="x", on="2019-06-06", role="lead"),
        departure("ann", at="x", on="2020-01-01"),
        hire("ann", at="x", on="2021-01-01"),
    )
    assert post(events, "ann", "x", "2021-01-01") == Post(relation="employee")


def test_departure_fills_in_what_nothing_else_gives() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01", team="red"),
        role_change("ann", at="x", on="2020-06-06", location="Paris"),
        departure(
            "ann", at="x", on="2021-01-01",
            role="lead", team="blue", location="Rome", relation="advisor",
        ),
    )  # fmt: skip
    assert post(events, "ann", "x", "2020-07-07") == Post("lead", "red", "Paris", "advisor")


def test_departure_fills_in_nothing_that_is_given_later() -> None:
    """What a step gives on any day, the departure gives on none, not even before that day."""
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        role_change("ann", at="x", on="2020-06-06", role="lead", relation="visiting"),
        departure("ann", at="x", on="2021-01-01", role="chief", relation="advisor"),
    )
    assert post(events, "ann", "x", "2020-02-02") == Post(relation="employee")


def test_departure_alone_says_what_was_held() -> None:
    events = log(departure("ann", at="x", on="2021-01-01", role="lead"))
    assert post(events, "ann", "x", "2020-12-31") == Post("lead", relation="employee")


def test_seen_item_that_opened_the_stint_says_a_role() -> None:
    events = log(sighting("ann", at="x", on="2020", role="lead"))
    assert post(events, "ann", "x", "2020-06-06").role == "lead"
    assert post(events, "ann", "x", "2019-06-06").role is None


def test_leave_says_no_role() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01", role="lead"), leave("ann", at="x", on="2020-06-06")
    )
    assert post(events, "ann", "x", "2020-06-06").role == "lead"


def test_founder_is_one_unless_said() -> None:
    events = log(
        founding(
            "x",
            on="2015",
            by=(Founder(person=entity("ann", "Ann"), role="CEO"), "bob"),
            location="Paris",
        )
    )
    assert post(events, "ann", "x", "2016-01-01") == Post("CEO", None, "Paris", "founder")
    assert post(events, "bob", "x", "2016-01-01") == Post("Founder", None, "Paris", "founder")


def test_founder_under_two_names_has_the_first_role_that_is_given() -> None:
    by = ("ann", Founder(person="annie", role="CEO"), Founder(person="ann", role="CTO"))
    events = log(founding("x", on="2015", by=by), same_person("annie", into="ann"))
    assert post(events, "ann", "x", "2016-01-01").role == "CEO"


def test_founder_can_change_role_and_relation() -> None:
    events = log(
        founding("x", on="2015", by=("ann",)),
        role_change("ann", at="x", on="2018", role="Advisor", relation="advisor"),
        departure("ann", at="x", on="2020", role="Chief", relation="board"),
    )
    assert post(events, "ann", "x", "2016-01-01") == Post("Founder", relation="founder")
    assert post(events, "ann", "x", "2018-01-01") == Post("Advisor", relation="advisor")


def test_founding_that_was_dropped_makes_no_founder() -> None:
    events = log(hire("ann", at="x", on="2014"), founding("x", on="2015", by=("ann",)))
    assert post(events, "ann", "x", "2016-01-01") == Post(relation="employee")


def test_stint_merged_in_begins_with_what_the_absorbed_last_had() -> None:
    events = log(
        hire("ann", at="y", on="2019-01-01", role="engineer", team="red", relation="visiting"),
        role_change("ann", at="y", on="2020", role="lead"),
        sighting("ann", at="y", on="2019-06-06", role="senior", location="Paris"),
        merger("y", into="x", on="2021-01-01"),
        role_change("ann", at="x", on="2022-01-01", role="chief"),
    )
    assert post(events, "ann", "x", "2021-01-01") == Post("lead", "red", "Paris", "visiting")
    assert post(events, "ann", "x", "2022-01-01") == Post("chief", "red", "Paris", "visiting")


def test_stint_merged_in_begins_with_the_last_by_lo() -> None:
    """The order of the absorbed stint's steps is theirs as recorded: lo before hi."""
    events = log(
        hire("ann", at="y", on="2019-01-01"),
        sighting("ann", at="y", on="2020-06", role="lead"),
        role_change("ann", at="y", on="2020", role="engineer"),
        merger("y", into="x", on="2021-01-01"),
    )
    assert post(events, "ann", "x", "2021-01-01").role == "lead"
    assert post(events, "ann", "y", "2020-12-31").role == "lead"


def test_stint_merged_in_goes_on_from_the_last_one() -> None:
    events = log(
        hire("ann", at="y", on="2018-01-01", role="engineer", team="red"),
        departure("ann", at="y", on="2019-01-01", location="Rome"),
        hire("ann", at="y", on="2020-01-01", role="lead"),
        merger("y", into="x", on="2021-01-01"),
    )
    assert post(events, "ann", "x", "2021-01-01") == Post("lead", relation="employee")


def test_founder_merged_in_is_still_one() -> None:
    events = log(founding("y", on="2015", by=("ann",)), merger("y", into="x", on="2021-01-01"))
    assert post(events, "ann", "x", "2021-01-01") == Post("Founder", relation="founder")


def test_someone_seen_only_is_merged_in_with_what_was_seen() -> None:
    events = log(
        sighting("ann", at="y", on="2019-01-01", role="lead"),
        merger("y", into="z", on="2020-01-01"),
        merger("z", into="x", on="2021-01-01"),
    )
    assert post(events, "ann", "x", "2021-01-01") == Post("lead", relation="employee")


def test_stint_without_a_word_on_it_has_no_post() -> None:
    assert stints(log(sighting("ann", at="x", on="2020")), "ann", "x")[0].opening == NO_POST


def test_post_is_of_the_stint_that_counts() -> None:
    """Of several stints, that of strongest presence."""
    events = log(
        hire("ann", at="x", on="2019-01-01", role="old"),
        departure("ann", at="x", on="2020-06"),
        hire("ann", at="x", on="2020-07", role="new"),
    )
    assert post(events, "ann", "x", "2020-06-06").role == "old"
    assert post(events, "ann", "x", "2020-07-07").role == "new"


def test_leave_lasts_until_the_return() -> None:
    """Someone on leave is present."""
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        return_("ann", at="x", on="2020-09-01"),
        leave("ann", at="x", on="2020-05"),
    )
    assert not on_leave(events, "ann", "x", "2020-04-30")
    assert on_leave(events, "ann", "x", "2020-05-01")
    assert on_leave(events, "ann", "x", "2020-08-31")
    assert not on_leave(events, "ann", "x", "2020-09-01")
    assert presence(events, "ann", "x", "2020-05-01") == "certain"


def test_leave_without_a_return_lasts() -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), leave("ann", at="x", on="2020-05"))
    assert on_leave(events, "ann", "x", "2022-01-01")


def test_last_leave_or_return_holds() -> None:
    """By lo, hi and position."""
    hired = hire("ann", at="x", on="2019-01-01")
    by_lo = return_("ann", at="x", on="2020-02"), leave("ann", at="x", on="2020")
    by_hi = return_("ann", at="x", on="2020"), leave("ann", at="x", on="2020-01")
    by_position = leave("ann", at="x", on="2020"), return_("ann", at="x", on="2020")
    for events in (by_lo, by_hi, by_position):
        assert not on_leave(log(hired, *events), "ann", "x", "2021-01-01")
    assert on_leave(log(hired, *by_position[::-1]), "ann", "x", "2021-01-01")


def test_leave_does_not_pass_through_a_merger() -> None:
    events = log(
        hire("ann", at="y", on="2020-01-01"),
        leave("ann", at="y", on="2020-05-05"),
        merger("y", into="x", on="2020-06-06"),
    )
    assert on_leave(events, "ann", "y", "2020-06-05")
    assert not on_leave(events, "ann", "x", "2020-06-06")


def test_leave_ends_with_its_stint() -> None:
    events = log(
        hire("ann", at="x", on="2020-01-01"),
        leave("ann", at="x", on="2020-05-05"),
        departure("ann", at="x", on="2020-06-06"),
        hire("ann", at="x", on="2021-01-01"),
    )
    assert not on_leave(events, "ann", "x", "2021-01-01")


def test_standing_says_the_stint_it_rests_on() -> None:
    events = log(hire("ann", at="x", on="2020-01-01"), closure("x", on="2021-01-01"))
    found = standing(events, "ann", "x", "2020-06-06")
    assert found is not None
    assert [found.stint] == stints(events, "ann", "x")
    assert standing(events, "ann", "x", "2021-01-01") is None


def test_roster_of_an_absorbed_lab_and_its_successor() -> None:
    state = fold(log(hire("ann", at="y", on="2020-01-01"), merger("y", into="x", on="2021-01-01")))
    assert roster_of(state, "y", "2020-12-31") == {"ann": "certain"}
    assert roster_of(state, "x", "2020-12-31") == {}
    assert roster_of(state, "y", "2021-01-01") == {}
    assert roster_of(state, "x", "2021-01-01") == {"ann": "certain"}


def test_certain_days_run_from_the_latest_start_to_the_earliest_end() -> None:
    assert certain_span(ENDED) == (day("2020-01-20"), day("2021-03-01"))


def test_certain_days_of_an_open_stint_run_to_its_evidence() -> None:
    """That day included."""
    assert certain_span(OPEN) == (day("2020-01-20"), day("2020-06-07"))


def test_stint_may_have_no_certain_day() -> None:
    assert certain_span(between("2020-01-01..2020-12-31", "2020-12-31..2021-01-31")) is None
    assert certain_span(between("2020-01-01..9999-12-31", None)) is None


def test_overlap_is_the_days_certain_in_both() -> None:
    one = between("2020-01-01..2020-01-01", "2020-02-01..2020-02-01")
    again = between("2020-03-01..2020-03-01", "2020-03-11..2020-03-11")
    vague = between("2020-04-01..2020-05-01", "2020-05-01..2020-06-01")
    other = between("2020-01-22..2020-01-22", None, evidence="2020-03-05", lab="y")
    assert overlap_days(certain_spans([one]), certain_spans([other])) == 10
    assert overlap_days(certain_spans([one, again, vague]), certain_spans([other])) == 15
    assert overlap_days(certain_spans([other]), certain_spans([one, again, vague])) == 15
    assert overlap_days(certain_spans([vague]), certain_spans([other])) == 0
    assert overlap_days(certain_spans([]), certain_spans([other])) == 0
