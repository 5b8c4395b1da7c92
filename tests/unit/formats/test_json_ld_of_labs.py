"""Labs and events as schema.org has them: with times where something changed, and no surer."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from service.answers.events import EventView
from service.answers.lab_steps import LabStepView
from service.answers.labs import LabView
from service.answers.names import Named
from service.domain.dates import bounds
from service.domain.events import OutsideIds
from service.formats.json_ld import event_json_ld, lab_json_ld
from tests.support.nasty import ALL

AT = date(2024, 6, 1)
GOOGLE, BRAIN = Named("google", "Google"), Named("brain", "Brain")


def step(kind: Any, text: str, lab: Named | None = None, said: str | None = None) -> LabStepView:
    lo, hi = bounds(text)
    return LabStepView(
        kind=kind, date_text=text, lo=lo, hi=hi, event=UUID(int=1), lab=lab, said=said
    )


def told(*steps: LabStepView, at: date = AT, **said: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": "mind",
        "name": "Mind",
        "aliases": ("M",),
        "kind": None,
        "country": None,
        "status": "active",
        "founded": None,
        "founders": (),
        "parent": None,
        "predecessors": (),
        "successor": None,
        "ended": None,
        "ids": OutsideIds(wikidata="Q1", homepage="javascript:alert(1)"),
    }
    text = lab_json_ld(
        LabView(**values | said),
        steps,
        at,
        address_of_person=lambda one: f"/people/{one}",
        address_of_lab=lambda one: f"/labs/{one}",
    )
    assert not {"<", ">", "&"} & set(text)
    found: dict[str, Any] = json.loads(text)
    return found


def role(relation: str, lab: Any, **times: str) -> dict[str, Any]:
    return {"@type": "OrganizationRole", relation: lab, **times}


def organization(lab: Named) -> dict[str, Any]:
    return {"@type": "Organization", "name": lab.name, "url": f"/labs/{lab.id}"}


def test_lab_of_which_little_is_known_says_little() -> None:
    assert told() == {
        "@context": "https://schema.org",
        "@type": "Organization",
        "name": "Mind",
        "url": "/labs/mind",
        "alternateName": ["M"],
        "sameAs": ["https://www.wikidata.org/wiki/Q1"],
    }


def test_dates_are_as_precise_as_known() -> None:
    said = told(step("founded", "2010-09"), step("closed", "[2024-02-03..2024-03-01]"))
    assert (said["foundingDate"], said["dissolutionDate"]) == ("2010-09", "2024")
    vague = told(step("founded", "2010~"), step("closed", "2024?"))
    assert "foundingDate" not in vague
    assert "dissolutionDate" not in vague


def test_owners_have_their_times() -> None:
    said = told(
        step("owned", "2014-01", said="<Holding>"), step("owned", "2019", lab=GOOGLE), parent=GOOGLE
    )
    assert said["parentOrganization"] == [
        role(
            "parentOrganization",
            {"@type": "Organization", "name": "<Holding>"},
            startDate="2014-01",
            endDate="2019",
        ),
        role("parentOrganization", organization(GOOGLE), startDate="2019"),
    ]
    assert told(parent=GOOGLE)["parentOrganization"] == [organization(GOOGLE)]


def test_mergers_are_told_of_both_sides() -> None:
    took = told(step("took_in", "2023-04-20", lab=BRAIN))
    assert took["subOrganization"] == [
        role("subOrganization", organization(BRAIN), startDate="2023-04-20")
    ]
    merged = told(step("merged", "2023-04-20", lab=GOOGLE))
    assert merged["dissolutionDate"] == "2023-04-20"
    assert merged["parentOrganization"] == [
        role("parentOrganization", organization(GOOGLE), startDate="2023-04-20")
    ]


def test_what_was_to_come_is_not_told() -> None:
    steps = (step("founded", "2010"), step("closed", "2023"), step("owned", "2020", lab=GOOGLE))
    said = told(*steps, at=date(2015, 1, 1))
    assert said["foundingDate"] == "2010"
    assert not {"dissolutionDate", "parentOrganization"} & set(said)


def event(**said: Any) -> EventView:
    return {
        "type": "hire",
        "person": Named("ada", "Ada"),
        "lab": GOOGLE,
        "date": "2024-03",
        "recorded_at": datetime(2024, 5, 1, tzinfo=UTC),
        "corrections": [{"recorded_at": datetime(2024, 6, 1, tzinfo=UTC)}],
        "sources": [{"url": "https://example.org/a", "title": ALL, "published": "2024-03-02"}],
        **said,
    }


def claim(view: EventView, *, is_withdrawn: bool = False) -> dict[str, Any]:
    text = event_json_ld(view, view, ALL, address="/events/1", is_withdrawn=is_withdrawn)
    assert not {"<", ">", "&"} & set(text)
    found: dict[str, Any] = json.loads(text)
    return found


def test_event_is_a_claim_on_its_sources() -> None:
    said = claim(event())
    assert said["@type"] == "Claim"
    assert said["text"] == ALL
    assert [one["name"] for one in said["about"]] == ["Ada", "Google"]
    assert said["temporalCoverage"] == "2024-03"
    assert said["citation"] == [
        {
            "@type": "CreativeWork",
            "url": "https://example.org/a",
            "name": ALL,
            "datePublished": "2024-03-02",
        }
    ]
    assert said["dateModified"] == "2024-06-01T00:00:00+00:00"
    assert "creativeWorkStatus" not in said
    assert "temporalCoverage" not in claim(event(date="2024~"))
    assert claim(event(), is_withdrawn=True)["creativeWorkStatus"] == "withdrawn"
