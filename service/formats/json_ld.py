"""People as schema.org describes them, in JSON-LD: what is known, and no more precisely."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from service.answers.names import Named
from service.answers.people import EndpointView, PersonView, StintView
from service.domain.dates import is_doubtful
from service.formats.outside_ids import outside_links

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


def _organization(lab: Named, address_of_lab: Address) -> dict[str, Any]:
    return {"@type": "Organization", "name": lab.name, "url": address_of_lab(lab.id)}


def _embedded(thing: dict[str, Any]) -> str:
    """JSON that ends no element and is no reference, whatever stands in its texts."""
    return json.dumps(_said(thing)).translate(_ACTING)


def _said(value: Any) -> Any:
    """*value* without what it does not say."""
    if isinstance(value, dict):
        return {k: _said(each) for k, each in value.items() if each not in (None, [])}
    return [_said(each) for each in value] if isinstance(value, list) else value
