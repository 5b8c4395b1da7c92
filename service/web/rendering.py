"""Templates, and what all of them have."""

from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.printable import printable
from service.web.assets import address_of

NAVIGATION = (("/docs", "API"),)
"""Addresses in the head of each page, with what they are called."""


def rendered(template: str, **values: Any) -> str:
    """The page that *template* makes of *values*."""
    return _TEMPLATES.get_template(template).render(**values)


def lab_address(lab: str) -> str:
    """Where a lab is looked at."""
    return f"/v1/labs/{quote(lab, safe='')}"


def person_address(person: str) -> str:
    """Where a person is looked at."""
    return f"/v1/people/{quote(person, safe='')}"


def _shown(value: Any) -> Any:
    """A text as it is shown: what would turn a line around or hide in it is spelt out."""
    if type(value) is not str or value.isprintable():
        return value
    return "\n".join(map(printable, value.split("\n")))


_TEMPLATES = Environment(
    loader=PackageLoader("service.web"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.globals |= {
    "asset": address_of,
    "navigation": NAVIGATION,
    "lab_address": lab_address,
    "person_address": person_address,
}
