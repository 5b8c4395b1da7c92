"""Templates, and what all of them have."""

import re
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from service.domain.dates import day_in_words, in_words
from service.printable import printable
from service.web.asked import AT, Asked, with_pairs
from service.web.assets import address_of
from service.web.charts.strips import pieces_svg
from service.web.directions import isolated

_FIRST_DAY = date(1970, 1, 1)
NAVIGATION = (
    ("/moves", "Moves"),
    ("/corrections", "Corrections"),
    ("/findings", "Findings"),
    ("/log", "Log"),
    ("/docs", "API"),
)
"""Addresses in the head of each page, with what they are called."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def rendered(template: str, **values: Any) -> str:
    """The page that *template* makes of *values*."""
    return _TEMPLATES.get_template(template).render(**values)


def lab_address(lab: str) -> str:
    """Where a lab is looked at."""
    return f"/labs/{_quoted(lab)}"


def person_address(person: str) -> str:
    """Where a person is looked at."""
    return f"/people/{_quoted(person)}"


def event_address(event_id: UUID) -> str:
    """Where an event is looked at."""
    return f"/events/{event_id}"


def lab_json(lab: str) -> str:
    """Where the API answers about a lab."""
    return f"/v1/labs/{_quoted(lab)}"


def person_json(person: str) -> str:
    """Where the API answers about a person."""
    return f"/v1/people/{_quoted(person)}"


def event_json(event_id: UUID) -> str:
    """Where the API answers about an event."""
    return f"/v1/events/{event_id}"


def _quoted(one: str) -> str:
    """An id as part of a path; of most nothing is to be quoted, and a page has hundreds."""
    return one if _PLAIN.fullmatch(one) else quote(one, safe="")


def at_the_same_time(path: str, asked: Asked) -> str:
    """Another page, for the day and the state of knowledge that this one is asked for."""
    return path + _query(asked)


@lru_cache(maxsize=256)
def _query(asked: Asked) -> str:
    """What addresses end with that keep these times; a page has hundreds of them."""
    return with_pairs("", asked.pairs)


def on_day(path: str, asked: Asked, day: date) -> str:
    """Another page, for another day and the same state of knowledge."""
    return with_pairs(path, (dict(asked.pairs) | {AT: day.isoformat()}).items())


def day_number(day: date) -> int:
    """
    A day as scripts count them: from the first of 1970.

    >>> day_number(date(1970, 2, 1))
    31
    """
    return (day - _FIRST_DAY).days


def as_shown(text: str) -> Markup:
    """*text* as templates write it: escaped, and spelt out where it would act."""
    return escape(_shown(text))


def _shown(value: Any) -> Any:
    """A text as it is shown: what would turn a line around or hide in it is spelt out."""
    if type(value) is not str or value.isprintable():
        return value
    return "\n".join(map(printable, value.split("\n")))


def _coded(text: str) -> Markup:
    """*text*, with what stands between backticks as code."""
    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    said = (f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
    return Markup("".join(said))  # noqa: S704 (every part is escaped)


def _sentence(text: str) -> Markup:
    """A sentence that names are part of, each in its own direction."""
    return isolated(_shown(text))


def as_value(text: str) -> Markup:
    r"""
    A text as a form sends it back: what would act or hide is there, as a reference.

    >>> as_value("a\u202e\n<")
    Markup('a&#8238;\n&lt;')
    """
    escaped = str(escape(text))
    if not escaped.isprintable():
        escaped = "".join(
            one if one.isprintable() or one == "\n" else _reference_to(one) for one in escaped
        )
    return Markup(escaped)  # noqa: S704 (it was escaped)


def _reference_to(character: str) -> str:
    """
    A reference that comes to *character*; itself where there is none.

    HTML reads references to the controls from U+0080 on as Windows did: `&#150;` is a dash.
    """
    return character if "\x80" <= character <= "\x9f" else f"&#{ord(character)};"


_TEMPLATES = Environment(
    loader=PackageLoader("service.web"),
    autoescape=True,
    # They come with the program: nobody has to look at their files for each page.
    auto_reload=False,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["coded"] = _coded
_TEMPLATES.filters["sentence"] = _sentence
_TEMPLATES.globals |= {
    "asset": address_of,
    "navigation": NAVIGATION,
    "lab_address": lab_address,
    "person_address": person_address,
    "event_address": event_address,
    "lab_json": lab_json,
    "person_json": person_json,
    "event_json": event_json,
    "pieces_svg": pieces_svg,
    "as_value": as_value,
    "then": at_the_same_time,
    "on_day": on_day,
    "in_words": in_words,
    "day_in_words": day_in_words,
    "day_number": day_number,
}
