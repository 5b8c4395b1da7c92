"""Whole careers of those of whom something began or ended on some days."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import asyncpg
import msgspec
from msgspec import Struct

from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models.stints import by_start

_SQL = load_statements("service.read_models", "moves.sql")
_FETCH_CAREERS = _SQL["fetch_careers"]
_FETCH_CAREERS_OF_PEOPLE = _SQL["fetch_careers_of_people"]
_FETCH_NEWEST_TURNS = _SQL["fetch_newest_turns"]
_FETCH_NEWEST_TURNS_OF_LONG_AGO = _SQL["fetch_newest_turns_of_long_ago"]

_STINT: msgspec.json.Decoder[Stint] = msgspec.json.Decoder(Stint)

NEWEST_ROWS = (2, 8)
"""
For each of the people who are wanted so many dates of a kind are read: theirs, and others' who
have later ones of another kind. More where the same ones come and go all the time.
"""

Days = tuple[date, date]
"""The first and the last of some days."""

Careers = dict[str, list[Stint]]
"""By person all their stints, by start."""


class Newest(NamedTuple):
    """Who came or went last in some days."""

    last_on: Mapping[str, date]
    """By person the last day of theirs."""
    since: date
    """After this day they are everybody; by it others may have come or gone, too."""


class TooManyPeople(Exception):
    """More people than one question may take."""


class Movers(Struct, frozen=True):
    """People of whom a stint can begin or end on some days."""

    lab: str | None
    """Such a stint at this lab; None of any."""
    began: Days | None
    """None: nobody for what begins."""
    ended: Days | None
    went_on: Days | None = None
    """Who ever left the lab, too, and can have begun anywhere on these days."""


async def fetch_careers(
    connection: Connection, movers: Movers, *, position: int, people_max: int
) -> Careers:
    """
    Every stint of these people, as known at *position*.

    Raises:
        TooManyPeople: there are more than *people_max*.
    """
    days = (*_text(movers.began), *_text(movers.ended), *_text(movers.went_on))
    rows = await connection.fetch(_FETCH_CAREERS, *days, position, people_max, movers.lab)
    if rows and rows[0]["person_id"] is None:
        raise TooManyPeople
    # Decoding many takes long, and others wait for the event loop.
    return await asyncio.to_thread(_careers, rows)


async def fetch_careers_of_people(
    connection: Connection, people: Iterable[str], *, position: int
) -> Careers:
    """Every stint of these people, as known at *position*."""
    rows = await connection.fetch(_FETCH_CAREERS_OF_PEOPLE, list(people), position)
    return await asyncio.to_thread(_careers, rows)


async def fetch_newest(
    connection: Connection, *, first: date, last: date, position: int, people: int
) -> Newest:
    """
    Those who came or went last of all in some days, as known at *position*.

    Shapes: so many *people* as are wanted, and others, where there are so many; fewer only where
    the same ones come and go all the time.
    """
    asked = (first.isoformat(), last.isoformat(), position)
    few, many = (people * rows for rows in NEWEST_ROWS)
    rows = await connection.fetch(_FETCH_NEWEST_TURNS, *asked, few)
    if any(row["person_id"] is None for row in rows):
        rows = await connection.fetch(_FETCH_NEWEST_TURNS_OF_LONG_AGO, *asked, many)
        return _newest(rows, first, many)
    by_kind: dict[str, list[str]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row["person_id"])
    # Whom a kind names beyond as many as are wanted came or went before all of these.
    if any(len(named) == few and len(set(named)) < people for named in by_kind.values()):
        rows = await connection.fetch(_FETCH_NEWEST_TURNS, *asked, many)
        return _newest(rows, first, many)
    return _newest(rows, first, few)


def _newest(rows: Iterable[asyncpg.Record], first: date, limit: int) -> Newest:
    """Shapes: of each kind of date the last *limit* rows at most."""
    last_on: dict[str, date] = {}
    by_kind: dict[str, list[date]] = {}
    for kind, person, text in rows:
        on = date.fromisoformat(text)
        by_kind.setdefault(kind, []).append(on)
        last_on[person] = max(last_on.get(person, on), on)
    # Of a kind with as many rows as were asked for there are more, from the last one's day on.
    since = max((min(days) for days in by_kind.values() if len(days) == limit), default=first)
    return Newest({person: on for person, on in last_on.items() if on >= since}, since)


def _text(days: Days | None) -> tuple[str | None, str | None]:
    """As contents have them, so that days without a bound are no infinity either."""
    return (None, None) if days is None else (days[0].isoformat(), days[1].isoformat())


def _careers(rows: Iterable[asyncpg.Record]) -> Careers:
    careers: Careers = {}
    for person, content in rows:
        careers.setdefault(person, []).append(_STINT.decode(content))
    for stints in careers.values():
        stints.sort(key=by_start)
    return careers
