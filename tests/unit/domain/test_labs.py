"""How labs begin, are called, are owned and end (SEMANTICS 4.1, *The lab on D*)."""

import pytest

from service.domain.events import Founder, OutsideIds, Payload
from service.domain.fold import fold
from service.domain.labs import (
    LabFacts,
    Labs,
    fold_labs,
    merger_cycle,
    name_on,
    parent_on,
    reading,
    status_on,
)
from tests.support.answers import told
from tests.support.builders import (
    closure,
    correction,
    day,
    entity,
    event_id,
    founding,
    hire,
    lab_profile,
    log,
    merger,
    ownership,
    renaming,
    retraction,
    same_lab,
)


def labs_of(*payloads: Payload) -> Labs:
    return fold_labs(log(*payloads))[0]


def lab(*payloads: Payload, id: str = "x") -> LabFacts:
    return labs_of(*payloads)[id]


def ends(labs: Labs) -> dict[str, tuple[int, str | None]]:
    """The position of each lab's end, and the lab that absorbed it."""
    return {
        one: (facts.end.position, facts.end.successor)
        for one, facts in labs.items()
        if facts.end is not None
    }


def test_lab_of_which_nothing_is_recorded_is_itself() -> None:
    labs = labs_of()
    assert labs == {}
    assert labs["x"] == LabFacts("x", "x", "x")
    assert "x" not in labs
    assert (name_on(labs["x"], day("2020-01-01")), status_on(labs["x"], day("2020-01-01"))) == (
        "x",
        "active",
    )


def test_lab_ends_by_a_merger() -> None:
    labs = labs_of(merger("x", "y", into="z", on="2020-05"))
    assert ends(labs) == {"x": (1, "z"), "y": (1, "z")}
    end = labs["x"].end
    assert end is not None
    assert (end.lo, end.hi, end.event_id) == (day("2020-05-01"), day("2020-05-31"), event_id(1))
    assert end.date_text == "2020-05"


def test_lab_ends_by_a_closure() -> None:
    assert ends(labs_of(closure("x", on="2020"))) == {"x": (1, None)}


def test_first_end_holds() -> None:
    """Ordered by lo, then hi, then position."""
    by_lo = closure("x", on="2020"), merger("x", into="y", on="2019-12~")
    by_hi = closure("x", on="2020"), merger("x", into="y", on="2020-01")
    by_position = closure("x", on="2020"), merger("x", into="y", on="2020")
    assert ends(labs_of(*by_lo)) == {"x": (2, "y")}
    assert ends(labs_of(*by_hi)) == {"x": (2, "y")}
    assert ends(labs_of(*by_position)) == {"x": (1, None)}
    assert ends(labs_of(*by_position[::-1])) == {"x": (1, "y")}


def test_lab_absorbed_by_itself_goes_on() -> None:
    """Ids that became one after the merger was recorded."""
    assert ends(labs_of(merger("x", "y", into="z", on="2020"), same_lab("x", into="z"))) == {
        "y": (1, "z")
    }


def test_absorbed_labs_that_are_one_end_once() -> None:
    told_once = merger("x", "x2", into="z", on="2020"), same_lab("x2", into="x")
    labs, findings = fold_labs(log(*told_once))
    assert ends(labs) == {"x": (1, "z")}
    assert labs["z"].predecessors == ("x",)
    assert findings == []


def test_end_of_a_mapped_lab_is_that_of_its_canonical_id() -> None:
    labs = labs_of(closure("x2", on="2020"), same_lab("x2", into="x"))
    assert ends(labs) == {"x": (1, None)}
    assert labs["x2"].canonical_id == "x"


def test_successor_is_a_canonical_id() -> None:
    assert ends(labs_of(merger("x", into="y2", on="2020"), same_lab("y2", into="y"))) == {
        "x": (1, "y")
    }


def test_mergers_are_taken_as_recorded() -> None:
    """A merger that names a lab long absorbed ends that lab, not its successor."""
    chain = merger("x", into="y", on="2020"), merger("x", into="z", on="2022")
    assert ends(labs_of(*chain)) == {"x": (1, "y")}


def test_rumoured_end_ends_nothing() -> None:
    assert ends(labs_of(closure("x", on="2020", certainty="rumoured"))) == {}


def test_retracted_end_ends_nothing() -> None:
    assert ends(labs_of(closure("x", on="2020"), retraction(1))) == {}


def test_predecessors_are_by_the_day_they_ended() -> None:
    mergers = merger("b", into="x", on="2021"), merger("c", "a", into="x", on="2020")
    assert lab(*mergers).predecessors == ("a", "c", "b")
    by_lo = merger("b", into="x", on="2020-06"), merger("c", into="x", on="2020")
    assert lab(*by_lo).predecessors == ("c", "b")
    by_hi = merger("b", into="x", on="2020"), merger("c", into="x", on="2020-01")
    assert lab(*by_hi).predecessors == ("c", "b")
    by_position = merger("c", into="x", on="2020"), merger("b", into="x", on="2020")
    assert lab(*by_position).predecessors == ("c", "b")


def test_lab_that_closed_before_is_no_predecessor() -> None:
    assert lab(merger("y", into="x", on="2021"), closure("y", on="2020")).predecessors == ()


def test_event_means_the_lab_it_names() -> None:
    labs = labs_of(merger("x", into="y", on="2020-05"))
    assert reading("x", day("2020-05-31"), labs) == ("x", None)
    assert reading("unheard-of", day("2020-05-31"), labs) == ("unheard-of", None)


def test_event_after_a_merger_means_the_successor() -> None:
    """Only if it is later than all that the merger can mean."""
    labs = labs_of(merger("x", into="y", on="2020-05"))
    assert reading("x", day("2020-06-01"), labs) == ("y", None)


def test_event_after_a_chain_of_mergers_means_the_last() -> None:
    labs = labs_of(merger("x", into="y", on="2020-05"), merger("y", into="z", on="2021-05"))
    assert reading("x", day("2021-01-01"), labs) == ("y", None)
    assert reading("x", day("2021-06-01"), labs) == ("z", None)


def test_event_after_a_vague_merger_stays() -> None:
    labs = labs_of(merger("x", into="y", on="[2020..]"))
    assert reading("x", day("2199-01-01"), labs) == ("x", None)


def test_event_after_a_closure_comes_too_late() -> None:
    labs = labs_of(closure("x", on="2020-05"))
    assert reading("x", day("2020-05-31"), labs) == ("x", None)
    assert reading("x", day("2020-06-01"), labs) == ("x", labs["x"].end)


def test_event_after_a_closed_successor_comes_too_late() -> None:
    labs = labs_of(merger("x", into="y", on="2020"), closure("y", on="2021"))
    assert reading("x", day("2022-01-01"), labs) == ("y", labs["y"].end)


def test_event_of_a_mapped_lab_means_its_canonical_id() -> None:
    labs = labs_of(same_lab("x2", into="x"), merger("x", into="y", on="2020"))
    assert reading("x2", day("2019-01-01"), labs) == ("x", None)
    assert reading("x2", day("2021-01-01"), labs) == ("y", None)


def test_name_is_the_registered_one_before_any_renaming() -> None:
    renamed = hire("ann", at=entity("x", "X Lab"), on="2019"), renaming("x", to="New", on="2020-05")
    assert name_on(lab(*renamed), day("2020-04-30")) == "X Lab"
    assert name_on(lab(*renamed), day("2020-05-01")) == "New"
    assert name_on(lab(*renamed), day("2030-01-01")) == "New"


def test_registered_name_is_of_the_last_profile() -> None:
    profiles = lab_profile(entity("x", "X Lab")), lab_profile("x", name="X"), lab_profile("x")
    assert lab(*profiles).name == "X"
    assert lab(*profiles).names == ("X", "X Lab")


def test_profile_of_a_mapped_id_registers_no_name() -> None:
    """The registered name is that of the canonical id."""
    mapped = lab_profile("x", name="X"), lab_profile("x2", name="X Two"), same_lab("x2", into="x")
    assert name_on(lab(*mapped), day("2020-01-01")) == "X"
    assert lab(*mapped).aliases == ("x", "X Two", "x2")


def test_last_renaming_by_a_day_holds() -> None:
    """By lo, hi and position, whatever the order of recording."""
    by_lo = renaming("x", to="Late", on="2020-06"), renaming("x", to="Early", on="2020")
    by_hi = renaming("x", to="Late", on="2020"), renaming("x", to="Early", on="2020-01")
    by_position = renaming("x", to="Early", on="2020"), renaming("x", to="Late", on="2020")
    for renamings in (by_lo, by_hi, by_position):
        assert name_on(lab(*renamings), day("2022-01-01")) == "Late"


def test_renaming_after_the_end_is_set_aside() -> None:
    """One that may be before the end is not."""
    ended = closure("x", on="2020-05")
    assert name_on(lab(ended, renaming("x", to="New", on="2020-06-01")), day("2021-01-01")) == "x"
    for on in ("2020-05-31", "2020"):
        assert name_on(lab(ended, renaming("x", to="New", on=on)), day("2021-01-01")) == "New"


def test_renaming_of_a_mapped_lab_is_of_its_canonical_id() -> None:
    renamed = renaming("x2", to="New", on="2020"), same_lab("x2", into="x")
    assert name_on(lab(*renamed), day("2020-01-01")) == "New"


def test_every_name_ever_is_an_alias() -> None:
    said = (
        hire("ann", at=entity("x", "X Lab", "XL"), on="2019"),
        renaming("x", to="New", on="2020"),
        renaming("x", to="X Lab", on="2021"),
        lab_profile("x", name="X", aliases=("Ex",)),
        hire("ann", at=entity("x2", "X Two"), on="2019"),
        same_lab("x2", into="x"),
    )
    assert lab(*said).name == "X"
    assert set(lab(*said).aliases) == {"X Lab", "XL", "New", "Ex", "X Two"}
    assert set(lab(*said).names) == {"X", "X Lab", "XL", "New", "Ex"}


def test_registered_name_is_no_alias_though_it_was_taken_up() -> None:
    assert lab(lab_profile("x", name="X"), renaming("x", to="X", on="2020")).aliases == ("x",)


def test_parent_is_that_of_the_last_ownership_by_a_day() -> None:
    owned = (
        ownership("x", parent="Corp", on="2021"),
        ownership("x", parent=entity("y", "Y"), on="2020"),
        lab_profile("x", parent="Someone"),
    )
    assert parent_on(lab(*owned), day("2019-12-31")) == "Someone"
    assert parent_on(lab(*owned), day("2020-12-31")) == "y"
    assert parent_on(lab(*owned), day("2021-01-01")) == "Corp"


def test_parent_without_ownership_is_that_of_the_profile() -> None:
    assert parent_on(lab(lab_profile("x", parent=entity("y", "Y"))), day("2020-01-01")) == "y"
    assert parent_on(lab(lab_profile("x")), day("2020-01-01")) is None


def test_profile_comes_before_the_founding_as_parent() -> None:
    founded = founding("x", on="2019", parent="First"), founding("x", on="2020", parent="Second")
    assert lab(*founded).parent == "First"
    assert lab(*founded, lab_profile("x", parent="Told")).parent == "Told"
    assert lab(founding("x", on="2019"), founded[1]).parent == "Second"


def test_ownership_after_the_end_still_counts() -> None:
    """Only renamings are set aside."""
    owned = lab(closure("x", on="2020"), ownership("x", parent="Heir", on="2021"))
    assert parent_on(owned, day("2021-01-01")) == "Heir"


def test_profile_gives_kind_country_and_ids() -> None:
    """What a later one does not give stays."""
    profiles = (
        lab_profile("x", kind="company", country="FR", ids=OutsideIds(wikidata="Q1")),
        lab_profile("x", kind="institute"),
        lab_profile("x", country="GB", certainty="rumoured"),
    )
    facts = lab(*profiles)
    assert (facts.kind, facts.country, facts.ids) == ("institute", "FR", OutsideIds(wikidata="Q1"))


@pytest.mark.parametrize(
    ("on", "status"),
    [
        ("2015-05-31", "not_founded"),
        ("2015-06-01", "active"),
        ("2019-12-31", "active"),
        ("2020-01-01", "closed"),
    ],
)
def test_status_is_of_the_day(on: str, status: str) -> None:
    """By the first day that the founding and the end can mean."""
    facts = lab(founding("x", on="2015-06"), closure("x", on="2020"))
    assert status_on(facts, day(on)) == status


def test_status_of_an_absorbed_lab_is_merged() -> None:
    facts = lab(merger("x", into="y", on="2020"))
    assert status_on(facts, day("2019-12-31")) == "active"
    assert status_on(facts, day("2020-01-01")) == "merged"


def test_end_comes_before_founding_in_status() -> None:
    facts = lab(founding("x", on="2022"), closure("x", on="2020"))
    assert status_on(facts, day("2021-01-01")) == "closed"
    assert status_on(facts, day("2019-01-01")) == "not_founded"


def test_lab_without_a_founding_was_always_active() -> None:
    assert status_on(lab(lab_profile("x")), day("1800-01-01")) == "active"


def test_first_founding_holds() -> None:
    """By lo, then hi, then position."""

    def first(*dates: str) -> int:
        found = lab(*(founding("x", on=on) for on in dates)).founding
        assert found is not None
        return found.position

    assert first("2016", "2015") == 2
    assert first("2015", "2015-01") == 2
    assert first("2015", "2015") == 1


def test_founding_names_the_lab_as_recorded() -> None:
    """One that is read as of the successor is still the founding of the lab that it names."""
    labs = labs_of(merger("x", into="y", on="2015"), founding("x", on="2016", by=("ann",)))
    assert labs["x"].founding is not None
    assert labs["y"].founding is None


def test_founding_of_a_mapped_lab_is_of_its_canonical_id() -> None:
    labs = labs_of(founding("x2", on="2015", by=("ann",)), same_lab("x2", into="x"))
    assert labs["x"].founding is not None
    assert labs["x"].founders == ("ann",)
    assert labs["x2"].founding is None


def test_founders_of_every_founding_are_told_once() -> None:
    foundings = (
        founding("x", on="2015", by=(Founder(person=entity("ann", "Ann")), "bob")),
        founding("x", on="2016", by=("bob", "cid")),
    )
    assert lab(*foundings).founders == ("ann", "bob", "cid")


def test_corrections_and_retractions_move_labs() -> None:
    said = founding("x", on="2015"), renaming("x", to="New", on="2016")
    amended = lab(*said, correction(1, founding("x", on="2014")), retraction(2))
    assert amended.founding is not None
    assert amended.founding.lo == day("2014-01-01")
    assert amended.renamings == ()
    assert amended.aliases == ()


def test_merger_that_closes_a_cycle_is_ignored() -> None:
    """Of the mergers of a cycle the one of greatest position; only a cut view holds one."""
    mergers = merger("x", into="y", on="2020"), merger("y", into="x", on="2019")
    labs, findings = fold_labs(log(*mergers))
    assert ends(labs) == {"x": (1, "y")}
    assert [(f.kind, *told(f)) for f in findings] == [("cycle", None, ("y",), (2,))]
    assert ends(labs_of(*mergers[::-1])) == {"y": (1, "x")}


def test_end_after_an_ignored_merger_holds() -> None:
    labs, findings = fold_labs(
        log(
            merger("x", into="y", on="2020"),
            closure("y", on="2021"),
            merger("y", into="x", on="2019"),
        )
    )
    assert ends(labs) == {"x": (1, "y"), "y": (2, None)}
    assert [f.kind for f in findings] == ["cycle"]


def test_later_end_does_not_decide_a_cycle() -> None:
    mergers = merger("x", into="y", on="2020"), merger("y", into="x", on="2020")
    labs = labs_of(*mergers, closure("x", on="2021"))
    assert ends(labs) == {"x": (1, "y")}


def test_cycle_of_three_labs_is_broken_once() -> None:
    mergers = (
        merger("x", into="y", on="2020"),
        merger("z", into="x", on="2020"),
        merger("y", into="z", on="2020"),
    )
    labs, findings = fold_labs(log(*mergers))
    assert ends(labs) == {"x": (1, "y"), "z": (2, "x")}
    assert [(f.kind, *told(f)) for f in findings] == [("cycle", None, ("y",), (3,))]


def test_two_cycles_are_both_broken() -> None:
    mergers = (
        merger("a", into="b", on="2020"),
        merger("b", into="a", on="2020"),
        merger("x", into="y", on="2020"),
        merger("y", into="x", on="2020"),
    )
    labs, findings = fold_labs(log(*mergers))
    assert ends(labs) == {"a": (1, "b"), "x": (3, "y")}
    assert sorted(told(f) for f in findings) == [(None, ("b",), (2,)), (None, ("y",), (4,))]


def test_only_first_ends_make_a_cycle() -> None:
    """A merger that a closure came before carries nobody."""
    mergers = merger("x", into="y", on="2020"), merger("y", into="x", on="2022")
    labs, findings = fold_labs(log(*mergers, closure("y", on="2021")))
    assert ends(labs) == {"x": (1, "y"), "y": (3, None)}
    assert [f.kind for f in findings] == ["ended_twice"]


def test_same_as_can_close_a_cycle_of_mergers() -> None:
    mergers = merger("x", into="y", on="2020"), merger("z", into="x", on="2020")
    assert fold_labs(log(*mergers))[1] == []
    assert [f.kind for f in fold_labs(log(*mergers, same_lab("z", into="y")))[1]] == ["cycle"]


def test_chain_of_mergers_is_no_cycle() -> None:
    labs = labs_of(merger("x", into="y", on="2020"), merger("y", into="z", on="2021"))
    chain = {one: [facts.end] for one, facts in labs.items() if facts.end is not None}
    assert merger_cycle(chain) == []
    assert merger_cycle({}) == []
    assert merger_cycle({"x": []}) == []


def test_labs_of_a_whole_log_are_those_of_the_fold() -> None:
    events = log(founding("x", on="2015", by=("ann",)), merger("x", into="y", on="2020"))
    assert fold(events).labs == fold_labs(events)[0]
