"""People, labs and events as schema.org describes them: what is known, and no more precisely."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from itertools import zip_longest
from typing import Any

from service.answers.events import EventView
from service.answers.lab_steps import LabStepView
from service.answers.labs import LabView
from service.answers.names import Named
from service.answers.people import EndpointView, PersonView, StintView
from service.domain.dates import bounds, day_or_none, is_doubtful
from service.formats.outside_ids import outside_links, web_address

MEDIA_TYPE = "application/ld+json"
_CONTEXT = "https://schema.org"
_WORKED = (None, "employee", "founder", "contractor", "faculty")
_BELONGED = (*_WORKED, "student")
_ACTING = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})

Address = Callable[[str], str]


def person_json_ld(
    person: PersonView,
    stints: Sequence[StintView],
    at: date,
    *,
    address_of_person: Address,
    address_of_lab: Address,
) -> str:
    """
    Someone on a day, with the labs where they were by then.

    Where they are certain or presumed on the day is `worksFor`, where they had left by then
    `alumniOf`; where someone advised or visited is an `affiliation`. What is only possible is
    not there.

    Shapes: text that can stand in an element `script` as it is.
    """
    roles: dict[str, list[Any]] = {}
    for stint in stints:
        relation = _relation(stint, at)
        if relation is not None:
            roles.setdefault(relation, []).append(_role(stint, relation, address_of_lab))
    links = outside_links(person.ids)
    return _embedded(
        {
            "@context": _CONTEXT,
            "@type": "Person",
            "name": person.name,
            "url": address_of_person(person.id),
            "alternateName": list(person.aliases),
            "sameAs": [link.address for link in links if link.address is not None],
            **roles,
        }
    )


def lab_json_ld(
    lab: LabView,
    steps: Sequence[LabStepView],
    at: date,
    *,
    address_of_person: Address,
    address_of_lab: Address,
) -> str:
    """
    A lab on a day, with what had become of it by then.

    To whom it belonged from when, what it became part of, and what became part of it are roles,
    since each has a time; a parent of which no time is known stands for itself. What can have
    come to be only after the day is not there.

    Shapes: *steps* oldest first; text that can stand in an element `script` as it is.
    """
    begun = [step for step in steps if step.lo <= at]
    ended = next((step for step in begun if step.kind in ("merged", "closed")), None)
    return _embedded(
        {
            "@context": _CONTEXT,
            "@type": "Organization",
            "name": lab.name,
            "url": address_of_lab(lab.id),
            "alternateName": list(lab.aliases),
            "foundingDate": next((_day_of(s) for s in begun if s.kind == "founded"), None),
            "dissolutionDate": None if ended is None else _day_of(ended),
            "founder": [_thing("Person", one, address_of_person) for one in lab.founders],
            "parentOrganization": _parents(lab, begun, address_of_lab),
            "subOrganization": [
                _since("subOrganization", step, _day_of(step), None, address_of_lab)
                for step in begun
                if step.kind == "took_in"
            ],
            "sameAs": [link.address for link in outside_links(lab.ids) if link.address],
        }
    )


def event_json_ld(
    event: EventView, says: EventView, text: str, *, address: str, is_withdrawn: bool
) -> str:
    """
    An event as a claim: what it *says* now, in words too, about whom, and on which sources.

    Shapes: text that can stand in an element `script` as it is.
    """
    kinds = (("person", "Person"), ("lab", "Organization"))
    last = [event, *event.get("corrections", ())][-1]
    return _embedded(
        {
            "@context": _CONTEXT,
            "@type": "Claim",
            "url": address,
            "text": text,
            "about": [
                {"@type": type_, "name": says[field].name}
                for field, type_ in kinds
                if isinstance(says.get(field), Named)
            ],
            "temporalCoverage": _known(says["date"]) if says.get("date") else None,
            "citation": [
                {
                    "@type": "CreativeWork",
                    "url": web_address(source["url"]),
                    "name": source.get("title"),
                    "publisher": {"@type": "Organization", "name": source["publisher"]}
                    if source.get("publisher")
                    else None,
                    "datePublished": _known(source["published"])
                    if source.get("published")
                    else None,
                }
                for source in says.get("sources", ())
            ],
            "dateCreated": event["recorded_at"].isoformat(),
            "dateModified": last["recorded_at"].isoformat(),
            "creativeWorkStatus": "withdrawn" if is_withdrawn else None,
        }
    )


def day_as_known(endpoint: EndpointView | None) -> str | None:
    """
    A day, a month or a year in which all that an end of a stint can be lies; None where none is
    so wide, or where the source doubts it itself.

    >>> day_as_known(EndpointView("2017-05~", date(2017, 4, 1), date(2017, 6, 30)))
    '2017'
    """
    if endpoint is None or endpoint.date is None or is_doubtful(endpoint.date):
        return None
    lo, hi = endpoint.lo, endpoint.hi
    if lo is None or hi is None or lo.year != hi.year:
        return None
    if lo.month != hi.month:
        return f"{lo.year:04}"
    return lo.isoformat() if lo == hi else f"{lo:%Y-%m}"


def _relation(stint: StintView, at: date) -> str | None:
    if stint.presence in ("certain", "presumed"):
        return "worksFor" if stint.relation in _WORKED else "affiliation"
    end = stint.end
    if stint.presence is None and end is not None and end.hi is not None and end.hi <= at:
        return "alumniOf" if stint.relation in _BELONGED else "affiliation"
    return None


def _role(stint: StintView, relation: str, address_of_lab: Address) -> dict[str, Any]:
    return {
        "@type": "OrganizationRole",
        relation: _organization(stint.lab, address_of_lab),
        "roleName": stint.role,
        "startDate": day_as_known(stint.start),
        "endDate": day_as_known(stint.end),
    }


def _parents(lab: LabView, begun: Sequence[LabStepView], address_of_lab: Address) -> list[Any]:
    owned = [step for step in begun if step.kind == "owned"]
    parents = [
        _since("parentOrganization", step, _day_of(step), end, address_of_lab)
        for step, end in zip_longest(owned, map(_day_of, owned[1:]))
    ]
    if not owned and lab.parent is not None:
        parents = [_organization(lab.parent, address_of_lab)]
    became = [step for step in begun if step.kind == "merged"]
    return parents + [
        _since("parentOrganization", step, _day_of(step), None, address_of_lab) for step in became
    ]


def _since(
    relation: str, step: LabStepView, start: str | None, end: str | None, address_of_lab: Address
) -> dict[str, Any]:
    return {
        "@type": "OrganizationRole",
        relation: _organization(step.lab or step.said or "", address_of_lab),
        "startDate": start,
        "endDate": end,
    }


def _day_of(step: LabStepView) -> str | None:
    return _known(step.date_text)


def _known(text: str) -> str | None:
    """A date (EDTF) as far as one day, month or year has all that it can be."""
    days = bounds(text)
    return day_as_known(EndpointView(text, day_or_none(days.lo), day_or_none(days.hi)))


def _organization(lab: Named | str, address_of_lab: Address) -> dict[str, Any]:
    """A lab, or by its name what is none that is known."""
    if isinstance(lab, str):
        return {"@type": "Organization", "name": lab}
    return _thing("Organization", lab, address_of_lab)


def _thing(type_: str, one: Named, address: Address) -> dict[str, Any]:
    return {"@type": type_, "name": one.name, "url": address(one.id)}


def _embedded(thing: dict[str, Any]) -> str:
    """JSON that ends no element and is no reference, whatever stands in its texts."""
    return json.dumps(_said(thing)).translate(_ACTING)


def _said(value: Any) -> Any:
    """*value* without what it does not say."""
    if isinstance(value, dict):
        return {k: _said(each) for k, each in value.items() if each not in (None, [])}
    return [_said(each) for each in value] if isinstance(value, list) else value
