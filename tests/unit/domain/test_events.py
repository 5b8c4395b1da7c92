"""Payloads: what they say, whom they name and how they are kept (SEMANTICS 3)."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given

from service.domain.dates import Bounds
from service.domain.events import (
    FACTS,
    PAYLOADS,
    Alternative,
    Entity,
    Fact,
    Founder,
    Founding,
    NewEvent,
    OutsideIds,
    Payload,
    Profile,
    Ref,
    SameAs,
    Source,
    bounds_of,
    days_of,
    founder_ids,
    from_canonical_json,
    id_of,
    is_rumoured,
    published_on,
    references,
    to_canonical_json,
    type_of,
    with_references,
)
from tests.support import strategies
from tests.support.builders import (
    closure,
    correction,
    day,
    departure,
    different_labs,
    different_people,
    entity,
    event_id,
    founding,
    hire,
    lab_profile,
    leave,
    log,
    merger,
    ownership,
    person_profile,
    recorded,
    renaming,
    retraction,
    return_,
    role_change,
    same_lab,
    same_person,
    sighting,
    source,
)

ANN = entity("ann", "Ann Lee", "Annie")
FOUNDED = founding(
    "x",
    on="2015~",
    by=(Founder(person=ANN, role="CEO"), "bob"),
    parent="Some Corp",
    location="Paris",
)

EVERY_TYPE: dict[str, tuple[Payload, list[tuple[str, str, Ref, bool]]]] = {
    "founding": (
        FOUNDED,
        [
            ("/lab", "lab", "x", False),
            ("/founders/0", "person", ANN, False),
            ("/founders/1", "person", "bob", False),
            ("/parent", "lab", "Some Corp", True),
        ],
    ),
    "hire": (
        hire(ANN, at="x", on="2020", role="engineer", team="red", via="deal", relation="advisor"),
        [("/person", "person", ANN, False), ("/lab", "lab", "x", False)],
    ),
    "departure": (
        departure("ann", at="x", on="2021", cause="retired", basis="announced"),
        [("/person", "person", "ann", False), ("/lab", "lab", "x", False)],
    ),
    "sighting": (
        sighting("ann", at="x", on="2021", location="Paris"),
        [("/person", "person", "ann", False), ("/lab", "lab", "x", False)],
    ),
    "role_change": (
        role_change("ann", at="x", on="2021", role="lead"),
        [("/person", "person", "ann", False), ("/lab", "lab", "x", False)],
    ),
    "leave": (
        leave("ann", at="x", on="2021", note="parental"),
        [("/person", "person", "ann", False), ("/lab", "lab", "x", False)],
    ),
    "return": (
        return_("ann", at="x", on="2021"),
        [("/person", "person", "ann", False), ("/lab", "lab", "x", False)],
    ),
    "renaming": (renaming("x", to="X Labs", on="2021"), [("/lab", "lab", "x", False)]),
    "ownership": (
        ownership("x", parent=entity("y", "Y"), on="2021"),
        [("/lab", "lab", "x", False), ("/parent", "lab", entity("y", "Y"), True)],
    ),
    "merger": (
        merger("x", "y", into="z", on="2022"),
        [
            ("/absorbed/0", "lab", "x", False),
            ("/absorbed/1", "lab", "y", False),
            ("/lab", "lab", "z", False),
        ],
    ),
    "closure": (closure("x", on="2022"), [("/lab", "lab", "x", False)]),
    "profile": (
        lab_profile("x", name="X", aliases=("Ex",), kind="company", parent="y", country="FR"),
        [("/lab", "lab", "x", False), ("/parent", "lab", "y", True)],
    ),
    "same_as": (
        same_lab("x", into="y"),
        [("/lab", "lab", "x", False), ("/into", "lab", "y", False)],
    ),
    "different_from": (
        different_people("ann", "bob"),
        [("/person", "person", "ann", False), ("/other", "person", "bob", False)],
    ),
    "correction": (
        correction(1, FOUNDED),
        [
            ("/event/lab", "lab", "x", False),
            ("/event/founders/0", "person", ANN, False),
            ("/event/founders/1", "person", "bob", False),
            ("/event/parent", "lab", "Some Corp", True),
        ],
    ),
    "retraction": (retraction(1), []),
}
OF_THE_OTHER_KIND: dict[str, tuple[Payload, list[tuple[str, str, Ref, bool]]]] = {
    "founding of unknown founders": (founding("x", on="2015"), [("/lab", "lab", "x", False)]),
    "profile of a person": (
        person_profile(ANN, ids=OutsideIds(wikidata="Q1")),
        [("/person", "person", ANN, False)],
    ),
    "profile of a lab without a parent": (lab_profile("x"), [("/lab", "lab", "x", False)]),
    "profile of nobody": (Profile(name="X"), []),
    "same person": (
        same_person("ann", into="bob"),
        [("/person", "person", "ann", False), ("/into", "person", "bob", False)],
    ),
    "different labs": (
        different_labs("x", "y"),
        [("/lab", "lab", "x", False), ("/other", "lab", "y", False)],
    ),
}
LOG_EVENT_CORRECTED = (
    '{"type":"correction","target":"00000000-0000-0000-0000-000000000001","reason":"r","event":'
    '{"type":"retraction","target":"00000000-0000-0000-0000-000000000001","reason":"r"}}'
)
EVERY_SHAPE = {**EVERY_TYPE, **OF_THE_OTHER_KIND}
PAYLOADS_OF_EVERY_SHAPE = [payload for payload, _ in EVERY_SHAPE.values()]


def test_every_type_is_in_the_table() -> None:
    assert {name: type(payload) for name, (payload, _) in EVERY_TYPE.items()} == PAYLOADS
    assert {name: type_ for name, type_ in PAYLOADS.items() if not type_.is_log_event} == FACTS


@pytest.mark.parametrize(("name", "case"), EVERY_TYPE.items())
def test_type_is_the_slug(name: str, case: tuple[Payload, Any]) -> None:
    payload, _ = case
    assert type_of(payload) == name
    assert recorded(1, payload).type == name
    assert json.loads(to_canonical_json(payload))["type"] == name


@pytest.mark.parametrize(("payload", "named"), EVERY_SHAPE.values(), ids=EVERY_SHAPE)
def test_references_are_every_one_named(
    payload: Payload, named: list[tuple[str, str, Ref, bool]]
) -> None:
    assert [(r.pointer, r.kind, r.ref, r.free_text) for r in references(payload)] == named


@pytest.mark.parametrize("payload", PAYLOADS_OF_EVERY_SHAPE, ids=EVERY_SHAPE)
def test_references_go_back_where_they_were(payload: Payload) -> None:
    assert with_references(payload, [r.ref for r in references(payload)]) == payload


@pytest.mark.parametrize("payload", PAYLOADS_OF_EVERY_SHAPE, ids=EVERY_SHAPE)
def test_resolved_references_take_their_places(payload: Payload) -> None:
    resolved = [f"resolved-{i}" for i, _ in enumerate(references(payload))]
    replaced = with_references(payload, resolved)
    assert [r.ref for r in references(replaced)] == resolved
    assert [r.pointer for r in references(replaced)] == [r.pointer for r in references(payload)]
    assert with_references(replaced, [r.ref for r in references(payload)]) == payload


def test_no_resolved_reference_is_left_over() -> None:
    with pytest.raises(AssertionError, match="every resolved reference has its place"):
        with_references(closure("x", on="2022"), ["x", "y"])


@pytest.mark.parametrize("payload", PAYLOADS_OF_EVERY_SHAPE, ids=EVERY_SHAPE)
def test_payload_is_kept_whole(payload: Payload) -> None:
    text = to_canonical_json(payload)
    assert from_canonical_json(text) == payload
    assert to_canonical_json(from_canonical_json(text.decode())) == text


@given(strategies.facts)
def test_every_fact_is_kept_whole(fact: Fact) -> None:
    assert from_canonical_json(to_canonical_json(fact)) == fact
    corrected = correction(1, fact)
    assert from_canonical_json(to_canonical_json(corrected)) == corrected


def test_canonical_json_is_sorted_and_says_what_was_said() -> None:
    """Sorted keys at every depth, no spaces, letters as they are, no default written in."""
    said = hire("林", at="x", on="2020~", sources=(source("2020-01"),))
    assert to_canonical_json(said).decode() == (
        '{"@version":1,"date":"2020~","lab":"x","person":"林","sources":'
        '[{"published":"2020-01","url":"https://example.org/news"}],"type":"hire"}'
    )


def test_canonical_json_of_a_correction_names_its_target() -> None:
    assert to_canonical_json(correction(1, closure("x", on="2022"), reason="why")).decode() == (
        '{"@version":1,"event":{"date":"2022","lab":"x","type":"closure"},"reason":"why",'
        '"target":"00000000-0000-0000-0000-000000000001","type":"correction"}'
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"hire","person":"ann","lab":"x"}',
        '{"type":"hire","person":"ann","lab":"x","date":"2020","salary":1}',
        '{"type":"hire","person":7,"lab":"x","date":"2020"}',
        '{"type":"hire","person":"ann","lab":"x","date":2020}',
        '{"type":"hire","person":"ann","lab":"x","date":"2020","relation":"friend"}',
        '{"type":"hire","person":{"nickname":"ann"},"lab":"x","date":"2020"}',
        '{"type":"hire","person":"ann","lab":"x","date":"2020","certainty":"sure"}',
        '{"type":"fire","person":"ann","lab":"x","date":"2020"}',
        '{"person":"ann","lab":"x","date":"2020"}',
        '{"type":"merger","absorbed":[],"lab":"x","date":"2020"}',
        LOG_EVENT_CORRECTED,
        '{"type":"retraction","target":"1","reason":"r"}',
    ],
)
def test_payload_is_read_strictly(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        from_canonical_json(text)


def test_payload_cannot_be_changed() -> None:
    said = hire("ann", at="x", on="2020")
    with pytest.raises(AttributeError):
        said.date = "2021"  # type: ignore[misc]  # the point of the test
    assert NewEvent(event_id(1), said) == NewEvent(event_id(1), hire("ann", at="x", on="2020"))


def test_kinds_of_events_are_told_apart() -> None:
    """What a log event, a fact of a lab and a link are; a correction is none of the last two."""
    log_events = {name for name, type_ in PAYLOADS.items() if type_.is_log_event}
    lab_facts = {name for name, type_ in PAYLOADS.items() if type_.is_lab_fact}
    links = {name for name, type_ in PAYLOADS.items() if type_.is_link}
    assert log_events == {"correction", "retraction"}
    assert lab_facts == {
        "founding", "renaming", "ownership", "merger", "closure", "profile", "same_as",
    }  # fmt: skip
    assert links == {"merger", "same_as"}


def test_id_of_a_reference_is_said_or_inside() -> None:
    assert id_of("ann") == "ann"
    assert id_of(entity("ann", "Ann Lee")) == "ann"


def test_reference_in_the_log_has_an_id() -> None:
    with pytest.raises(AssertionError, match="a reference in the log has its id"):
        id_of(Entity(name="Ann Lee"))


def test_founders_are_found_by_id() -> None:
    assert founder_ids(FOUNDED) == ["ann", "bob"]
    assert founder_ids(founding("x", on="2015")) == []


def test_only_rumours_are_rumoured() -> None:
    said = {c: is_rumoured(closure("x", on="2022", certainty=c)) for c in ("confirmed", "reported")}
    assert said == {"confirmed": False, "reported": False}
    assert is_rumoured(closure("x", on="2022", certainty="rumoured"))
    assert not is_rumoured(closure("x", on="2022"))


def test_bounds_are_those_of_the_date() -> None:
    told = closure("x", on="2022-05~")
    assert bounds_of(told) == Bounds(day("2022-04-01"), day("2022-06-30"))
    assert days_of(told) == bounds_of(told)
    assert days_of(correction(1, told)) == bounds_of(told)


@pytest.mark.parametrize(
    "payload", [same_lab("x", into="y"), retraction(1), correction(1, person_profile("ann"))]
)
def test_payload_without_a_date_has_no_days(payload: Payload) -> None:
    assert days_of(payload) is None


def test_alternatives_are_shown_and_move_no_bound() -> None:
    other = Alternative(date="2019", sources=(source("2019-01-01"),))
    told = closure("x", on="2022", alternatives=(other,))
    assert bounds_of(told) == bounds_of(closure("x", on="2022"))
    assert from_canonical_json(to_canonical_json(told)) == told
    assert published_on(told) is None


def test_event_is_published_by_its_earliest_source() -> None:
    """The first day that a vague publication date can mean."""
    told = closure("x", on="2022", sources=(source("2022-03-05"), source("2022-03"), source()))
    assert published_on(told) == date(2022, 3, 1)


def test_event_is_not_published_without_a_dated_source() -> None:
    assert published_on(closure("x", on="2022")) is None
    assert published_on(closure("x", on="2022", sources=(source(),))) is None


def test_correction_is_published_by_the_sources_it_gives() -> None:
    told = closure("x", on="2022", sources=(source("2022-03-05"),))
    assert published_on(correction(1, told)) == date(2022, 3, 5)
    assert published_on(correction(1, closure("x", on="2022"))) is None


def test_retraction_has_no_sources() -> None:
    assert published_on(retraction(1)) is None


def test_profile_and_links_can_have_sources() -> None:
    said = SameAs(
        person="ann", into="bob", sources=(Source(url="https://a.org", published="2022"),)
    )
    assert published_on(said) == date(2022, 1, 1)


def test_log_numbers_events_without_gaps() -> None:
    events = log(closure("x", on="2022"), retraction(1), correction(1, closure("x", on="2023")))
    assert [(e.position, e.target_position) for e in events] == [(1, None), (2, 1), (3, 1)]
    assert [e.event_id for e in events] == [event_id(1), event_id(2), event_id(3)]


def test_founder_without_a_role_says_none() -> None:
    said = Founding(lab="x", date="2015", founders=(Founder(person="ann"),))
    assert b"role" not in to_canonical_json(said)
