"""A lab's own line has each step of it, once and in order, with what it rests on."""

import doctest
from datetime import date

from service.answers import lab_steps as module
from service.answers.lab_steps import LabStepView, lab_steps
from service.answers.labs import named_by
from service.answers.names import Labels, Named
from service.domain.events import Payload
from service.domain.fold import fold
from service.domain.labs import Labs
from tests.support.builders import (
    closure,
    event_id,
    founding,
    lab_profile,
    log,
    merger,
    ownership,
    renaming,
)
from tests.support.builders import entity as named


def steps_of(lab: str, *payloads: Payload) -> list[LabStepView]:
    labs = fold(log(*payloads)).labs
    facts = labs[lab]
    related = Labs({one: labs[one] for one in named_by(facts) if one in labs})
    return lab_steps(facts, related, Labels({}, related, date(2030, 1, 1)))


def test_every_step_is_told_in_order() -> None:
    told = steps_of(
        "y",
        lab_profile(named("y", "Why")),
        lab_profile(named("x", "Ex")),
        lab_profile(named("z", "Zed")),
        founding("y", on="2010-09"),
        merger("x", into="y", on="2014"),
        ownership("y", parent="z", on="2015-05-02"),
        ownership("y", parent="Some Holding", on="2016-05~"),
        renaming("y", to="Why Labs", on="2018-03"),
        merger("y", into="z", on="2020-01-31"),
    )
    assert [(s.kind, s.date_text, s.said, s.lab, s.event) for s in told] == [
        ("founded", "2010-09", None, None, event_id(4)),
        ("took_in", "2014", None, Named("x", "Ex"), event_id(5)),
        ("owned", "2015-05-02", None, Named("z", "Zed"), event_id(6)),
        ("owned", "[2016-04-01..2016-06-30]", "Some Holding", None, event_id(7)),
        ("renamed", "2018-03", "Why Labs", None, event_id(8)),
        ("merged", "2020-01-31", None, Named("z", "Zed"), event_id(9)),
    ]


def test_a_lab_can_close_and_can_have_no_line() -> None:
    (closed,) = steps_of("x", lab_profile(named("x", "Ex")), closure("x", on="2020"))
    assert (closed.kind, closed.lab) == ("closed", None)
    assert steps_of("x", lab_profile(named("x", "Ex"))) == []


def test_examples_hold() -> None:
    failed, tried = doctest.testmod(module)
    assert tried
    assert failed == 0
