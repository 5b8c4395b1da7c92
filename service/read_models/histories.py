"""What was believed of labs in a span of positions: their rows, each with when it was believed."""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from service.domain.labs import LabFacts
from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "histories.sql")
_FETCH_STINTS_KNOWN = _SQL["fetch_stints_known"]
_FETCH_PEOPLE_KNOWN = _SQL["fetch_people_known"]
_FETCH_LABS_KNOWN = _SQL["fetch_labs_known"]
_FETCH_NAMES_KNOWN = _SQL["fetch_names_known"]


class Called(Struct, frozen=True):
    """Of what is known of a person, whom an id stands for and the name."""

    id: str
    canonical_id: str
    name: str


class LabName(Struct, frozen=True):
    """That a folded name was one of a lab's."""

    folded: str
    subject_id: str
    canonical_id: str


_STINT: msgspec.json.Decoder[Stint] = msgspec.json.Decoder(Stint)
_LAB: msgspec.json.Decoder[LabFacts] = msgspec.json.Decoder(LabFacts)
_CALLED: msgspec.json.Decoder[Called] = msgspec.json.Decoder(Called)

Said = TypeVar("Said")


class Known(NamedTuple, Generic[Said]):
    """A belief, held at the positions with known_from ≤ position < known_to."""

    known_from: int
    known_to: int
    said: Said


class Window(NamedTuple):
    """Positions, both ends included."""

    since: int
    until: int


async def fetch_stints_known(
    connection: Connection, lab: str, window: Window
) -> dict[str, list[Known[str]]]:
    """The stints at a lab by person, not decoded yet: there can be very many."""
    found: dict[str, list[Known[str]]] = {}
    for row in await connection.fetch(_FETCH_STINTS_KNOWN, lab, *window):
        found.setdefault(row[0], []).append(Known(row[1], row[2], row[3]))
    return found


def stint_of(content: str) -> Stint:
    """The stint that a row keeps."""
    return _STINT.decode(content)


async def fetch_people_known(
    connection: Connection, ids: Iterable[str], window: Window
) -> list[Known[Called]]:
    """How these ids of people were called."""
    rows = await connection.fetch(_FETCH_PEOPLE_KNOWN, list(ids), *window)
    return [Known(row[0], row[1], _CALLED.decode(row[2])) for row in rows]


async def fetch_labs_known(
    connection: Connection, ids: Iterable[str], window: Window
) -> list[Known[LabFacts]]:
    """What these ids of labs were."""
    rows = await connection.fetch(_FETCH_LABS_KNOWN, list(ids), *window)
    return [Known(row[0], row[1], _LAB.decode(row[2])) for row in rows]


async def fetch_names_known(
    connection: Connection, foldeds: Iterable[str], window: Window
) -> list[Known[LabName]]:
    """Which labs had these folded names."""
    rows = await connection.fetch(_FETCH_NAMES_KNOWN, list(foldeds), *window)
    return [Known(row[3], row[4], LabName(row[0], row[1], row[2])) for row in rows]
