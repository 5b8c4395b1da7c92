"""From whom and what an event is found again."""

import pytest

from service.domain.events import Fact, Payload
from service.domain.subjects import Concern, Subject, concerns_of
from tests.support.builders import (
    closure,
    correction,
    different_people,
    entity,
    founding,
    hire,
    lab_profile,
    merger,
    ownership,
    person_profile,
    retraction,
    same_lab,
    same_person,
)


def person(id: str, *, link: bool = False) -> Concern:
    return Concern(Subject("person", id), is_fact=False, is_link=link)


def lab(id: str, *, fact: bool = True, link: bool = False) -> Concern:
    return Concern(Subject("lab", id), is_fact=fact, is_link=link)


@pytest.mark.parametrize(
    ("payload", "concerns"),
    [
        (hire("ann", at="x", on="2020"), [person("ann"), lab("x", fact=False)]),
        (hire("ann", at=entity("x", "X"), on="2020"), [person("ann"), lab("x")]),
        (founding("x", on="2015", by=("ann",)), [lab("x"), person("ann")]),
        (founding("x", on="2015", parent="Corp"), [lab("x")]),
        (ownership("x", parent=entity("y", "Y"), on="2015"), [lab("x"), lab("y")]),
        (closure("x", on="2015"), [lab("x")]),
        (merger("x", into="y", on="2015"), [lab("x", link=True), lab("y", link=True)]),
        (same_lab("x", into="y"), [lab("x", link=True), lab("y", link=True)]),
        (same_person("a", into="b"), [person("a", link=True), person("b", link=True)]),
        (different_people("a", "b"), [person("a"), person("b")]),
        (lab_profile("x", parent="Corp"), [lab("x")]),
        (person_profile("ann"), [person("ann")]),
        (correction(1, closure("x", on="2015")), [lab("x")]),
        (retraction(1), []),
    ],
)
def test_event_concerns_those_it_names(payload: Payload, concerns: list[Concern]) -> None:
    assert concerns_of(payload) == concerns


def test_correction_concerns_those_it_takes_from() -> None:
    original: Fact = hire("ann", at="x", on="2020")
    held: Fact = closure("y", on="2020")
    assert concerns_of(correction(1, hire("bob", at="z", on="2020")), [original, held]) == [
        person("ann"),
        lab("x", fact=False),
        lab("y"),
        person("bob"),
        lab("z", fact=False),
    ]
    assert concerns_of(retraction(1), [original]) == [person("ann"), lab("x", fact=False)]


def test_subject_named_twice_is_told_once_with_all_it_is() -> None:
    replaced: list[Fact] = [hire("ann", at="x", on="2020"), merger("x", into="y", on="2020")]
    assert concerns_of(correction(1, closure("x", on="2021")), replaced) == [
        person("ann"),
        lab("x", link=True),
        lab("y", link=True),
    ]
