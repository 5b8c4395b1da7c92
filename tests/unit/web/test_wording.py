"""Events in words."""

from datetime import date

import pytest

from service.answers.names import Named
from service.domain.events import FACTS
from service.web.wording import (
    LABELS,
    Part,
    changed_rows,
    days_in_words,
    lasting,
    plain,
    rows,
    sentence,
)

ADA = Named("ada", "Ada")
ENGINES = Named("engines", "Engines")


def test_every_field_of_an_event_has_a_label() -> None:
    fields = {field for type_ in FACTS.values() for field in type_.__struct_fields__}
    assert fields <= LABELS.keys()


@pytest.mark.parametrize("type_", FACTS)
def test_every_type_has_a_sentence(type_: str) -> None:
    assert plain(sentence({"type": type_, "lab": ENGINES, "person": ADA})) != "An event"


def test_sentence_leads_to_whom_it_names() -> None:
    said = sentence({"type": "hire", "person": ADA, "lab": ENGINES, "role": "CEO", "date": "2020"})
    assert plain(said) == "Ada joined Engines as CEO in 2020"
    assert Part("Ada", "/people/ada") in said
    assert Part("Engines", "/labs/engines") in said
    founded = sentence({"type": "founding", "lab": ENGINES, "founders": [ADA, {"person": ADA}]})
    assert plain(founded) == "Engines was founded by Ada, Ada"


def test_other_ids_lead_to_those_of_their_kind() -> None:
    people = sentence({"type": "same_as", "person": ADA, "into": Named("b", "B")})
    labs = sentence({"type": "same_as", "lab": ENGINES, "into": Named("b", "B")})
    assert Part("B", "/people/b") in people
    assert Part("B", "/labs/b") in labs


def test_rows_tell_what_changed() -> None:
    said = {"type": "hire", "date": "2020", "note": "x"}
    says = {"type": "hire", "date": "2021~", "role": "CEO"}
    assert [row.label for row in rows(said, says)] == ["Type", "Date", "Role", "Note"]
    assert [row.label for row in changed_rows(said, says)] == ["Date", "Role", "Note"]
    assert [row.label for row in changed_rows(said, None)] == ["Type", "Date", "Note"]
    assert changed_rows(said, said) == []


def test_spans_and_times_are_said_as_people_say_them() -> None:
    day = date(2024, 6, 1)
    assert days_in_words(day, day) == "on 1 June 2024"
    assert days_in_words(None, day) == "until 1 June 2024"
    assert lasting(61) == "1 minute"
    assert lasting(0.2) == "0 seconds"
