"""People as schema.org has them: only what is known, and safe where it stands in a page."""

import json
from datetime import date
from typing import Any

import pytest

from service.answers.names import Named
from service.answers.people import EndpointView, PersonView, StintView
from service.domain.dates import bounds
from service.domain.events import OutsideIds
from service.formats.json_ld import day_as_known, person_json_ld
from tests.support.nasty import ALL

AT = date(2024, 6, 1)


def endpoint(text: str) -> EndpointView:
    lo, hi = bounds(text)
    return EndpointView(text, None if lo == date.min else lo, None if hi == date.max else hi)


def stint(start: str, end: str | None = None, **said: Any) -> StintView:
    values: dict[str, Any] = {
        "lab": Named("engines", "Engines"),
        "start": endpoint(start),
        "end": None if end is None else endpoint(end),
        "role": None,
        "team": None,
        "location": None,
        "relation": "employee",
        "presence": None,
        "on_leave": False,
        "last_evidence": None,
        "events": (),
    }
    return StintView(**values | said)


def told(*stints: StintView, name: str = "Ada") -> dict[str, Any]:
    text = person_json_ld(
        PersonView(id="ada", name=name, aliases=(), ids=OutsideIds(wikidata="Q42")),
        stints,
        AT,
        address_of_person=lambda one: f"/people/{one}",
        address_of_lab=lambda one: f"/labs/{one}",
    )
    assert not {"<", ">", "&"} & set(text)
    assert text.isascii()
    said: dict[str, Any] = json.loads(text)
    return said


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("2024-06-01", "2024-06-01"),
        ("2024-06", "2024-06"),
        ("2024", "2024"),
        ("2017-05~", "2017"),
        ("[2024-03-02..2024-03-20]", "2024-03"),
        ("[2024-03..2024-05]", "2024"),
        ("2017~", None),
        ("2024?", None),
        ("2024%", None),
        ("[..2012]", None),
        ("[2012..]", None),
    ],
)
def test_dates_are_only_as_precise_as_known(said: str, known: str | None) -> None:
    assert day_as_known(endpoint(said)) == known


def test_a_start_that_is_not_known_has_no_date() -> None:
    assert day_as_known(EndpointView(None, date(2020, 1, 1), date(2020, 1, 1))) is None
    assert day_as_known(None) is None


def test_where_someone_is_and_was_have_words_of_their_own() -> None:
    said = told(
        stint("2018", "2020-05-01", role="Engineer"),
        stint("2020-05", presence="presumed"),
        stint("2021", presence="certain", relation="advisor"),
        stint("2015~", "2017-01", relation="student"),
        stint("2024-01", "2024", presence="possible"),
        stint("2025-01"),
    )
    lab = {"@type": "Organization", "name": "Engines", "url": "/labs/engines"}
    role = {"@type": "OrganizationRole"}
    assert said["alumniOf"] == [
        role
        | {"alumniOf": lab, "roleName": "Engineer", "startDate": "2018", "endDate": "2020-05-01"},
        role | {"alumniOf": lab, "endDate": "2017-01"},
    ]
    assert said["worksFor"] == [role | {"worksFor": lab, "startDate": "2020-05"}]
    assert said["affiliation"] == [role | {"affiliation": lab, "startDate": "2021"}]
    assert said["sameAs"] == ["https://www.wikidata.org/wiki/Q42"]
    assert "alternateName" not in said


def test_hostile_names_end_no_element() -> None:
    name = f"</script><!--{ALL}"
    assert told(name=name)["name"] == name
