"""Where labs, people and events are looked at, and where the API tells of them."""

import re
from datetime import date
from functools import lru_cache
from urllib.parse import quote
from uuid import UUID

from service.web.asked import AT, Asked, with_pairs

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


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
