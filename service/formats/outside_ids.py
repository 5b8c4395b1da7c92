"""Ids of people and labs in other registers, as the addresses where those show them."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from service.domain.events import OutsideIds

_REGISTERS: dict[str, tuple[str, str, str]] = {
    "wikidata": ("Wikidata", "https://www.wikidata.org/wiki/", r"Q[1-9][0-9]{0,19}"),
    "orcid": ("ORCID", "https://orcid.org/", r"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]"),
    "openalex": ("OpenAlex", "https://openalex.org/", r"[AI][1-9][0-9]{0,19}"),
}
"""For each register what it is called, where it shows an id, and how its ids are written."""


class OutsideLink(NamedTuple):
    """One id elsewhere."""

    register: str
    text: str
    address: str | None
    """None of what is no id of the register, so that nobody is sent anywhere by it."""


def outside_links(ids: OutsideIds | None) -> list[OutsideLink]:
    """The ids elsewhere, those of registers first."""
    links = []
    for field, (register, where, form) in _REGISTERS.items():
        said = getattr(ids, field, None)
        if said is not None:
            one = said.rstrip("/").rpartition("/")[2]
            links.append(OutsideLink(register, said, where + one if _is(form, one) else None))
    homepage = None if ids is None else ids.homepage
    if homepage is not None:
        links.append(OutsideLink("Homepage", homepage, web_address(homepage)))
    return links


def web_address(text: str) -> str | None:
    """
    *text* if it leads to a page of the web and nowhere else, as `javascript:` would.

    >>> web_address("https://example.org/a"), web_address("javascript:alert(1)")
    ('https://example.org/a', None)
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def _is(form: str, text: str) -> bool:
    return re.fullmatch(form, text) is not None
