"""The stints that are kept: who can have been at a lab on a day, and where someone was."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

import asyncpg
import msgspec

from service.domain.effects import StintChange, stint_changes
from service.domain.stints import Dates, Stint
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "stints.sql")
_FETCH_STINTS_OF_LABS = _SQL["fetch_stints_of_labs"]
_FETCH_DATES_BETWEEN = _SQL["fetch_dates_between"]
_COUNT_PEOPLE = _SQL["count_people"]
_COUNT_STINTS = _SQL["count_stints"]
_FETCH_STINTS_TURNED = _SQL["fetch_stints_turned"]
_FETCH_STINTS_OF_PERSON = _SQL["fetch_stints_of_person"]
_FETCH_STINTS_AROUND = _SQL["fetch_stints_around"]

_STINT: msgspec.json.Decoder[Stint] = msgspec.json.Decoder(Stint)
_DATES: msgspec.json.Decoder[Dates] = msgspec.json.Decoder(Dates)


class Turned(NamedTuple):
    """Of people of whom something else is believed, each one's stints at a lab before and after."""

    earlier: list[list[Dates]]
    later: list[list[Dates]]


async def fetch_stints_of_labs(
    connection: Connection, labs: Iterable[str], *, at: date, position: int
) -> dict[str, dict[str, list[Stint]]]:
    """By lab and person the stints that can hold on a day, by start, as known at *position*."""
    rows = await connection.fetch(_FETCH_STINTS_OF_LABS, list(labs), at, position)
    return _by_lab_and_person(rows)


async def fetch_dates_between(
    connection: Connection, lab: str, *, first: date, last: date, position: int
) -> dict[str, list[Dates]]:
    """
    By person the dates of the stints at a lab that can hold on one of some days, in no order.

    Shapes: both ends included.
    """
    rows = await connection.fetch(_FETCH_DATES_BETWEEN, lab, first, last, position)
    # Of many days there are many, and others wait for the event loop.
    return await asyncio.to_thread(_dates_by_person, rows)


async def count_people(connection: Connection, *, at: date, position: int) -> dict[str, int]:
    """How many people can have been at each lab on a day; of no lab 0."""
    rows = await connection.fetch(_COUNT_PEOPLE, at, position)
    return {row["lab_id"]: row["people"] for row in rows}


async def count_stints(connection: Connection, *, position: int) -> dict[str, int]:
    """How many stints there are at each lab, as known at *position*; of no lab 0."""
    rows = await connection.fetch(_COUNT_STINTS, position)
    return {row["lab_id"]: row["stints"] for row in rows}


async def fetch_turned(
    connection: Connection,
    *,
    people: Iterable[str],
    labs: Iterable[str],
    earlier: int,
    later: int,
) -> dict[str, Turned]:
    """
    By lab those of whom something else is believed at one position than at another.

    Shapes: *people* and *labs* as `fetch_stint_changes` takes them, for all positions between.
    """
    rows = await connection.fetch(_FETCH_STINTS_TURNED, list(people), list(labs), earlier, later)
    return await asyncio.to_thread(_turned_by_lab, rows)


async def fetch_stints_of_person(
    connection: Connection, person: str, *, position: int
) -> list[Stint]:
    """The stints of one person by start, as known at *position*."""
    rows = await connection.fetch(_FETCH_STINTS_OF_PERSON, person, position)
    return sorted(map(from_row, rows), key=by_start)


async def fetch_stint_changes(
    connection: Connection,
    positions: Collection[int],
    *,
    people: Iterable[str],
    labs: Iterable[str],
) -> dict[int, list[StintChange]]:
    """
    The stints before and after each of some positions, where they differ.

    Shapes: *people* are all who may be one with someone whom an event at a position names, *labs*
    the families of the labs of which such an event is a fact; no one else's stints change there.
    """
    if not positions:
        return {}
    rows = await connection.fetch(
        _FETCH_STINTS_AROUND,
        list(positions),
        list(people),
        list(labs),
        min(positions),
        max(positions),
    )
    by_pair: dict[tuple[str, str], list[asyncpg.Record]] = {}
    touched: dict[int, set[tuple[str, str]]] = {position: set() for position in positions}
    for row in rows:
        pair = (row["person_id"], row["lab_id"])
        by_pair.setdefault(pair, []).append(row)
        for position in (row["known_from"], row["known_to"]):
            if position in touched:
                touched[position].add(pair)
    return {
        position: stint_changes(
            _believed([row for pair in pairs for row in by_pair[pair]], position - 1),
            _believed([row for pair in pairs for row in by_pair[pair]], position),
        )
        for position, pairs in touched.items()
    }


def _by_lab_and_person(rows: Iterable[asyncpg.Record]) -> dict[str, dict[str, list[Stint]]]:
    """By start."""
    found: dict[str, dict[str, list[Stint]]] = {}
    for row in rows:
        stints = found.setdefault(row["lab_id"], {}).setdefault(row["person_id"], [])
        stints.append(from_row(row))
    for people in found.values():
        for stints in people.values():
            stints.sort(key=by_start)
    return found


def _dates_by_person(rows: Iterable[asyncpg.Record]) -> dict[str, list[Dates]]:
    found: dict[str, list[Dates]] = {}
    for row in rows:
        found.setdefault(row["person_id"], []).append(_DATES.decode(row["content"]))
    return found


def _dates_of_each(rows: Iterable[asyncpg.Record]) -> list[list[Dates]]:
    return list(_dates_by_person(rows).values())


def _turned_by_lab(rows: Iterable[asyncpg.Record]) -> dict[str, Turned]:
    by_lab: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        by_lab.setdefault(row["lab_id"], []).append(row)
    return {
        lab: Turned(
            _dates_of_each(row for row in own if row["is_earlier"]),
            _dates_of_each(row for row in own if row["is_later"]),
        )
        for lab, own in by_lab.items()
    }


def _believed(rows: Iterable[asyncpg.Record], position: int) -> list[Stint]:
    return [from_row(row) for row in rows if row["known_from"] <= position < row["known_to"]]


def by_start(stint: Stint) -> tuple[date, date, str]:
    """The order of stints: by the last day on which they can have begun."""
    return (stint.start.hi, stint.start.lo, stint.lab)


def from_row(row: asyncpg.Record) -> Stint:
    """The stint that a row keeps."""
    return _STINT.decode(row["content"])
