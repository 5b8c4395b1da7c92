"""Templates, and what all of them have."""

from datetime import date
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.domain.dates import day_in_words, in_words
from service.web.addresses import (
    at_the_same_time,
    event_address,
    event_json,
    lab_address,
    lab_json,
    on_day,
    person_address,
    person_json,
)
from service.web.assets import address_of
from service.web.cells import dated, elsewhere, held_as, lab_link, person_link, sure
from service.web.charts.strips import pieces_svg
from service.web.escaping import as_coded, as_sentence, as_value, spelt_out

_FIRST_DAY = date(1970, 1, 1)
NAVIGATION = (
    ("/moves", "Moves"),
    ("/corrections", "Corrections"),
    ("/findings", "Findings"),
    ("/log", "Log"),
    ("/docs", "API"),
)
"""Addresses in the head of each page, with what they are called."""


def rendered(template: str, **values: Any) -> str:
    """The page that *template* makes of *values*."""
    return _TEMPLATES.get_template(template).render(**values)


def day_number(day: date) -> int:
    """
    A day as scripts count them: from the first of 1970.

    >>> day_number(date(1970, 2, 1))
    31
    """
    return (day - _FIRST_DAY).days


_TEMPLATES = Environment(
    loader=PackageLoader("service.web"),
    autoescape=True,
    # They come with the program: nobody has to look at their files for each page.
    auto_reload=False,
    undefined=StrictUndefined,
    finalize=spelt_out,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["coded"] = as_coded
_TEMPLATES.filters["sentence"] = as_sentence
_TEMPLATES.globals |= {
    "asset": address_of,
    "navigation": NAVIGATION,
    "lab_address": lab_address,
    "person_address": person_address,
    "event_address": event_address,
    "lab_json": lab_json,
    "person_json": person_json,
    "event_json": event_json,
    "lab_link": lab_link,
    "person_link": person_link,
    "sure": sure,
    "dated": dated,
    "held_as": held_as,
    "elsewhere": elsewhere,
    "pieces_svg": pieces_svg,
    "as_value": as_value,
    "then": at_the_same_time,
    "on_day": on_day,
    "in_words": in_words,
    "day_in_words": day_in_words,
    "day_number": day_number,
}
