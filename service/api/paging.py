"""What lists share: how many, from where on, and names that filter."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from service.api.operations import Call
from service.api.params import LIMIT_DEFAULT, UnknownNameInQuery
from service.domain.events import Kind
from service.domain.refusals import BadParameter, UnknownName


def limit_of(call: Call) -> int:
    """How many items a page has at most."""
    return int(call.query.get("limit", LIMIT_DEFAULT))


def place_of(call: Call) -> int | None:
    """
    The position at which the page before ended; None of the first.

    Raises:
        BadParameter: the cursor is of another list.
    """
    place = call.query.get("place")
    return None if place is None else number_of(place)


def number_of(place: str) -> int:
    """
    A number in a cursor, which is opaque to clients and still comes from outside.

    Raises:
        BadParameter: it is none.
    """
    if not re.fullmatch(r"[0-9]{1,18}", place):
        refuse_cursor()
    return int(place)


def refuse_cursor() -> NoReturn:
    """
    Say that a cursor is of another list.

    Raises:
        BadParameter: always.
    """
    raise BadParameter("cursor", "This is a cursor of another list; begin again without one.")


_KINDS: Mapping[str, Kind] = {
    "person": "person",
    "lab": "lab",
    "from_lab": "lab",
    "to_lab": "lab",
}
"""What the parameters that filter by a name hold names of."""


@contextmanager
def names_in_query(call: Call) -> Iterator[None]:
    """
    Names that filter are parameters: nothing that the path names is missing.

    Raises:
        UnknownNameInQuery: in place of `UnknownName`, where a parameter gave the name.
    """
    try:
        yield
    except UnknownName as refusal:
        for name, kind in _KINDS.items():
            if kind == refusal.kind and call.query.get(name) == refusal.text:
                raise UnknownNameInQuery(name, refusal) from refusal
        raise
