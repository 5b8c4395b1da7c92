"""
Moves in memory: every move at some labs as known at the head, whatever period is asked for, and
who was there on any day.

They are held person by person, so that an event costs the reading of those alone whom it can have
moved. `Memory` tells whom: what is held is true at the last head that it was told of, but for
those people, who are read again before anything is answered.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import NamedTuple

from msgspec import Struct, field

from service.answers.moves import lab_of, labs_of
from service.answers.times import Times
from service.answers.views import Kept, KeptOfLab, KeptWithPeople, View
from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, Bounds
from service.domain.identity import PersonFacts
from service.domain.labs import Labs
from service.domain.moves import Move, moves
from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.read_models.moves import (
    Careers,
    Days,
    Movers,
    TooManyPeople,
    fetch_careers,
    fetch_careers_of_people,
)

STINTS_MAX = 40_000
"""Of all labs that are held: some fifty megabytes, at about 1.2 kB each."""
PEOPLE_MAX = 5_000
"""A lab where more people ever were is not held: it would take the room of all others."""
ANSWERS_FIRST, ANSWERS_AGAIN, ANSWERS_TOO_MANY = 1, 4, 1_000
"""
So many answers are left to the database, which needs a third of the time for one period: of a lab
that was not asked for of late, of one that had to make room, of one that is not to be held.
"""
LEFT_MAX = 1_000
_EVER = (UNBOUNDED_LO, UNBOUNDED_HI)


class Mover(NamedTuple):
    """Someone who ever was at the lab."""

    moves: Sequence[tuple[Move, Sequence[Stint]]]
    """Those from the lab and to it, each with the whole career."""
    stints: int
    """How many the career has."""
    stays: list[Stint]
    """Those at the lab, by start."""
    facts: PersonFacts


class _Rows(NamedTuple):
    """What is held in rows: of a large lab thousands are looked through for each answer."""

    moves: list[tuple[date, date, tuple[Move, Sequence[Stint]]]]
    """Each with the first and the last day that one of its dates can be."""
    stays: list[tuple[date, date, str, Stint]]
    """Each with the first day on which it can hold, the day after the last one, and whose it is."""


class LabMoves(Struct):
    """All moves from a lab and to it."""

    lab: str
    people: dict[str, Mover] = field(default_factory=dict)
    labs: Labs = field(default_factory=Labs)
    """Those of their careers, with all successors."""
    stale: set[str] = field(default_factory=set)
    """People of whom something else may be believed by now."""
    stints: int = 0
    """How many stints their careers have."""
    rows: _Rows | None = None
    """None until it is asked for."""

    def of(self, days: Days) -> list[tuple[Move, Sequence[Stint]]]:
        """Those of which one of the dates can be on some days; others can be among them."""
        first, last = days
        moves = self._in_rows().moves
        return [move for lo, hi, move in moves if lo <= last and first <= hi]

    def view_of_movers(
        self, connection: Connection, times: Times, told: Iterable[tuple[Move, Sequence[Stint]]]
    ) -> View:
        """What is known now, with who moved at hand; it may be kept over awaits."""
        movers = {move.person for move, _ in told}
        facts = {person: self.people[person].facts for person in movers}
        return KeptWithPeople(connection, times.known_at.position, facts)

    def view(self, connection: Connection, times: Times) -> View:
        """What is known now, with the roster on a day at hand, which may be kept over awaits."""
        stints: dict[str, list[Stint]] = {}
        at = times.at
        for lo, until, person, stint in self._in_rows().stays:
            if lo <= at < until:
                stints.setdefault(person, []).append(stint)
        people = {person: self.people[person].facts for person in stints}
        return KeptOfLab(connection, times.known_at.position, self.lab, at, stints, people)

    def put(self, careers: Careers, facts: Mapping[str, PersonFacts]) -> None:
        """Hold the moves of some more people who ever were there."""
        self.rows = None
        for person, career in careers.items():
            told = [move for move in moves(career, self.labs) if self._is_here(move)]
            self.people[person] = Mover(
                moves=[(move, career) for move in told],
                stints=len(career),
                stays=[stint for stint in career if stint.lab == self.lab],
                facts=facts[person],
            )
            self.stints += len(career)

    def drop(self, people: Iterable[str]) -> None:
        """Hold nothing of some people any more, until others are put in their place."""
        for person in people:
            if (mover := self.people.pop(person, None)) is not None:
                self.stints -= mover.stints

    def _in_rows(self) -> _Rows:
        if self.rows is None:
            movers = self.people.items()
            self.rows = _Rows(
                [(*_days_of(told[0]), told) for _, mover in movers for told in mover.moves],
                [
                    (stay.start.lo, _until(stay), person, stay)
                    for person, mover in movers
                    for stay in mover.stays
                ],
            )
        return self.rows

    def _is_here(self, move: Move) -> bool:
        return self.lab in (lab_of(move.departure), lab_of(move.arrival))


class RememberedMoves:
    """The moves of labs that were asked for more than once, as many as there is room for."""

    def __init__(self, stints_max: int = STINTS_MAX) -> None:
        self._stints_max = stints_max
        self._labs: OrderedDict[str, LabMoves] = OrderedDict()
        """The least recently asked first."""
        self._left: OrderedDict[str, int] = OrderedDict()
        """For how many more answers labs that are not held are left to the database."""
        self._position: int | None = None
        """The head as of which they are true, but for stale people."""
        self._turn = asyncio.Lock()
        """One lab is read at a time; who comes meanwhile asks the database for a period."""
        self._reading: LabMoves | None = None

    @property
    def has_any(self) -> bool:
        """Whether it matters whom events moved."""
        return bool(self._labs) or self._reading is not None

    def moved(self, people: AbstractSet[str]) -> None:
        """Events that are facts of no lab can have moved these people."""
        for held in self._labs.values():
            held.stale |= people
        if self._reading is not None:
            self._reading.stale |= people

    def forget_everything(self) -> None:
        """Anything can be another; nothing is answered until a head is told."""
        self._labs.clear()
        self._reading = self._position = None

    def reached(self, position: int) -> None:
        """All that events up to the head at *position* can have moved was told."""
        self._position = position

    async def at(self, connection: Connection, lab: str, times: Times) -> LabMoves | None:
        """
        The moves of a lab, by its canonical id, not to be kept over an await; None where it takes
        the database to answer: for the past, and for a lab that was not asked for before.
        """
        position = times.known_at.position
        if not self._is_true_of(times) or self._turn.locked() or not self._is_wanted(lab):
            return None
        async with self._turn:
            held = self._labs.get(lab)
            if held is None or held.stale:
                return await self._read(connection, held or LabMoves(lab), position)
        return held

    def view(self, connection: Connection, lab: str, times: Times) -> View | None:
        """What is known of a lab now, with its roster on a day; None where that is not held."""
        held = self._labs.get(lab)
        if held is None or held.stale or not self._is_true_of(times):
            return None
        return held.view(connection, times)

    def _is_true_of(self, times: Times) -> bool:
        return times.published_by is None and times.known_at.position == self._position

    def _is_wanted(self, lab: str) -> bool:
        if lab in self._labs:
            self._labs.move_to_end(lab)
            return True
        answers = self._left.pop(lab, ANSWERS_FIRST)
        if answers > 0:
            self._leave(lab, answers - 1)
        return answers == 0

    def _leave(self, lab: str, answers: int) -> None:
        self._left[lab] = answers
        if len(self._left) > LEFT_MAX:
            self._left.popitem(last=False)

    async def _read(self, connection: Connection, held: LabMoves, position: int) -> LabMoves | None:
        """What is not held of a lab, as known at *position*; None if it is too much."""
        # Not in its place meanwhile: what fails half-way is not there, nor what is forgotten.
        self._labs.pop(held.lab, None)
        self._reading, stale = held, held.stale
        held.stale = set()
        try:
            careers = await _careers(connection, held, stale, position)
            new = {
                person: career
                for person, career in careers.items()
                if any(stint.lab == held.lab for stint in career)
            }
            kept = Kept(connection, position)
            held.labs.update(await labs_of(kept, new))
            facts = await kept.people(new)
            held.drop(stale)
            # Of many it takes long, and others wait for the event loop.
            await asyncio.to_thread(held.put, new, facts)
        except TooManyPeople:
            self._leave(held.lab, ANSWERS_TOO_MANY)
            return None
        finally:
            is_forgotten, self._reading = self._reading is not held, None
        if is_forgotten:
            return None
        self._labs[held.lab] = held
        while sum(each.stints for each in self._labs.values()) > self._stints_max:
            self._leave(self._labs.popitem(last=False)[0], ANSWERS_AGAIN)
        # Whom later events moved is stale, and was read as the question is asked.
        return held


async def _careers(
    connection: Connection, held: LabMoves, stale: AbstractSet[str], position: int
) -> Careers:
    if held.people:
        return await fetch_careers_of_people(connection, stale, position=position)
    return await fetch_careers(
        connection, Movers(held.lab, _EVER, _EVER), position=position, people_max=PEOPLE_MAX
    )


def _days_of(move: Move) -> Bounds:
    dates = [date for date in (move.left, move.joined) if date is not None]
    return Bounds(min(date.lo for date in dates), max(date.hi for date in dates))


def _until(stay: Stint) -> date:
    return UNBOUNDED_HI if stay.end is None else stay.end.hi
