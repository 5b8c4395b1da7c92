"""
Histories as they are in the world, without end: seeded careers at labs of a few sizes.

The same seed gives the same events to the byte, with fixed event ids, so that two runs measure
the same work. Labs are founded as the ones before them fill up: the number of labs grows with the
log, their sizes do not.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from uuid import UUID

import msgspec
from msgspec.structs import replace

from service.domain.events import (
    Closure,
    Correction,
    Departure,
    Entity,
    Founder,
    Founding,
    Hire,
    Leave,
    Merger,
    NewEvent,
    Ownership,
    Payload,
    PersonFact,
    Profile,
    Ref,
    Renaming,
    Retraction,
    Return,
    RoleChange,
    Sighting,
    Source,
)

SIZES = (50, 500, 5_000)
"""About so many people are at a lab on a late day."""
SHARES = (0.25, 0.35, 0.40)
"""Of all stays, how many are at labs of each size."""
OPEN_LABS = (4, 1, 1)
"""So many labs of each size take people on at the same time."""
STAYS_A_HEAD = 3.0
"""Stays that a lab needs for one person to be there on a late day, the others having left."""
PEOPLE_AT_ONCE = 500
"""Careers that go on side by side: the log is not sorted by person."""
CAREER_EVENTS_MIN, CAREER_EVENTS_MAX = 2, 12
CORRECTED = 0.02
RETRACTED = 0.003
MERGED, CLOSED, RENAMED, OWNED = 0.10, 0.05, 0.15, 0.05
"""Of small labs, how many end in another one or for good; of all labs, how many are renamed or bought."""
FIRST_DAY = date(2008, 1, 1)
LAST_DAY = date(2026, 6, 30)
STAY_DAYS = 1_100

_DAYS = (LAST_DAY - FIRST_DAY).days
_STAYS = (1, 1, 2, 2, 3, 3, 4)
_SEEN = (0, 0, 1, 1, 2)
_ROLES = ("Research scientist", "Research engineer", "Engineer", "Research lead", "Director")
_TEAMS = (None, None, "Safety", "Pretraining", "Robotics", "Alignment", "Vision")
_FIRST = (
    *("Ada", "Bo", "Chen", "Dara", "Eli", "Femi", "Gita", "Hana", "Ivo", "Jun", "Kofi", "Lea"),
    *("Mina", "Nils", "Olga", "Pia", "Rosa", "Sana", "Tomás", "Uma", "Vera", "Wen", "Zoë"),
)
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


class Careers:
    """A history without end; `events` goes on where it was left."""

    def __init__(self, seed: int = 1, prefix: str = "") -> None:
        """*prefix* goes before every id, for a history that is told beside another one."""
        self._prefix = prefix
        self._random = random.Random(seed)
        self._numbers = count(1)
        self._open: dict[int, list[_Lab]] = {size: [] for size in SIZES}
        self._news: list[Payload] = []
        """What labs do, to be told before anything else is said about them."""
        self.full: dict[int, list[str]] = {size: [] for size in SIZES}
        """Ids of the labs of each size that are as large as they get and have not ended."""

    def labs(self, size: int) -> Sequence[str]:
        """Labs of about *size* people, of a short history the largest that there are."""
        return self.full[size] or [lab.id for lab in self._open[size]]

    def events(self) -> Iterator[NewEvent]:
        """
        Events as a log has them: resolved, each with its id, whoever is named known before.

        Shapes: careers some hundred at a time side by side, oldest event first, each time
        followed by the corrections and retractions of some of them.
        """
        while True:
            told: list[tuple[date, Payload]] = []
            for _ in range(PEOPLE_AT_ONCE):
                told += self._career()
            news, self._news = self._news, []
            for payload in news:
                yield self._with_id(payload)
            told.sort(key=_by_day)
            events = [self._with_id(payload) for _, payload in told]
            yield from events
            for event in events:
                chance = self._random.random()
                if chance < CORRECTED:
                    yield self._with_id(self._correction(event))
                elif chance < CORRECTED + RETRACTED:
                    reason = "the report was withdrawn"
                    yield self._with_id(Retraction(target=event.event_id, reason=reason))

    def _with_id(self, payload: Payload) -> NewEvent:
        return NewEvent(UUID(int=self._random.getrandbits(128), version=4), payload)

    def _correction(self, event: NewEvent) -> Correction:
        """What a better source says: March of the same year, and no name a second time."""
        said = event.payload
        assert isinstance(said, PersonFact), "careers are events of people"
        year = said.date.strip("[")[:4]
        bare = said.person if isinstance(said.person, str) else said.person.id
        assert bare is not None, "everyone has an id"
        return Correction(
            target=event.event_id,
            reason="a better source",
            event=replace(said, person=bare, date=f"{year}-03"),
        )

    def _career(self) -> list[tuple[date, Payload]]:
        """Two to twelve events of one person, oldest first."""
        chance = self._random.random
        known = f"{self._prefix}person-{next(self._numbers)}"
        person: Ref = Entity(id=known, name=self._name())
        day = FIRST_DAY + timedelta(days=int(chance() * _DAYS))
        told: list[tuple[date, Payload]] = []
        for _ in range(_STAYS[int(chance() * len(_STAYS))]):
            lab = self._lab()
            hire = Hire(
                person=person,
                lab=lab,
                role=self._role(),
                team=_TEAMS[int(chance() * len(_TEAMS))],
                date=self._written(day),
                sources=self._sources(day),
            )
            told.append((day, hire))
            person = known
            stay = 60 + int(self._random.expovariate(1 / STAY_DAYS))
            until = day + timedelta(days=stay)
            told += self._between(known, lab, day, stay)
            if until > LAST_DAY:
                break
            left = Departure(
                person=known, lab=lab, date=self._written(until), sources=self._sources(until)
            )
            told.append((until, left))
            day = until + timedelta(days=int(chance() * 200))
            if day > LAST_DAY:
                break
        if len(told) < CAREER_EVENTS_MIN:
            hired, only = told[0]
            assert isinstance(only, Hire), "every career begins with one"
            seen = min(LAST_DAY, hired + timedelta(days=30))
            told.append((seen, self._sighting(known, str(only.lab), seen)))
        return told[:CAREER_EVENTS_MAX]

    def _between(
        self, person: str, lab: str, day: date, stay: int
    ) -> Iterator[tuple[date, Payload]]:
        """What is heard of somebody between the first and the last day."""
        chance = self._random.random
        for number in range(_SEEN[int(chance() * len(_SEEN))]):
            when = day + timedelta(days=stay * (number + 1) // 3)
            if when > LAST_DAY:
                return
            kind = chance()
            if kind < 0.6:
                yield when, self._sighting(person, lab, when)
            elif kind < 0.95:
                yield (
                    when,
                    RoleChange(
                        person=person,
                        lab=lab,
                        role=self._role(),
                        date=self._written(when),
                        sources=self._sources(when),
                    ),
                )
            else:
                back = when + timedelta(days=stay // 10)
                yield when, Leave(person=person, lab=lab, date=when.isoformat())
                if back <= LAST_DAY:
                    yield back, Return(person=person, lab=lab, date=back.isoformat())

    def _sighting(self, person: str, lab: str, day: date) -> Sighting:
        return Sighting(person=person, lab=lab, date=self._written(day), sources=self._sources(day))

    def _lab(self) -> str:
        """Where somebody is taken on; a lab that is full makes place for a new one."""
        share = self._random.random()
        index = 0 if share < SHARES[0] else 1 if share < SHARES[0] + SHARES[1] else 2
        size, labs = SIZES[index], self._open[SIZES[index]]
        while len(labs) < OPEN_LABS[index]:
            labs.append(self._founded(size))
        place = int(self._random.random() * len(labs))
        lab = labs[place]
        lab.places -= 1
        if lab.places == 0:
            del labs[place]
            self._fill_up(lab)
        return lab.id

    def _founded(self, size: int) -> "_Lab":
        number = next(self._numbers)
        lab = _Lab(f"{self._prefix}lab-{number}", size)
        year = 1990 + int(self._random.random() * 18)
        founder = Entity(id=f"{self._prefix}founder-{number}", name=self._name())
        self._news += [
            Founding(
                lab=Entity(id=lab.id, name=f"{self._word(3)} Lab {number}"),
                date=str(year),
                founders=(Founder(person=founder, role="Founder"),),
            ),
            Profile(lab=lab.id, kind="company", country="GB"),
        ]
        return lab

    def _fill_up(self, lab: "_Lab") -> None:
        """What becomes of a lab that is as large as it gets."""
        fate = self._random.random()
        others = self.full[lab.size]
        self.full[lab.size] = [*others, lab.id]
        year = 2018 + int(self._random.random() * 8)
        if lab.size == SIZES[0] and fate < MERGED + CLOSED:
            self.full[lab.size] = others
            if fate < MERGED and others:
                into = others[int(self._random.random() * len(others))]
                self._news.append(Merger(absorbed=(lab.id,), lab=into, date=f"{year}-05-17"))
            else:
                self._news.append(Closure(lab=lab.id, date=f"{year}-11"))
        elif fate > 1 - RENAMED:
            name = f"{self._word(3)} Research {next(self._numbers)}"
            self._news.append(Renaming(lab=lab.id, name=name, date=f"{year}-02"))
        elif fate > 1 - RENAMED - OWNED:
            self._news.append(Ownership(lab=lab.id, parent="Example Holding", date=str(year)))

    def _role(self) -> str:
        return _ROLES[int(self._random.random() * len(_ROLES))]

    def _name(self) -> str:
        """One of some hundred million: few are called alike."""
        chance = self._random.random
        middle = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[int(chance() * 26)]
        return f"{_FIRST[int(chance() * len(_FIRST))]} {middle}. {self._word(4)}"

    def _word(self, syllables: int) -> str:
        chance = self._random.random
        parts = [_SYLLABLES[int(chance() * len(_SYLLABLES))] for _ in range(syllables)]
        return "".join(parts).capitalize()

    def _written(self, day: date) -> str:
        """The day as some source gives it: two in three exact, the rest vague."""
        chance = self._random.random()
        text = day.isoformat()
        if chance < 0.65:
            return text
        if chance < 0.84:
            return text[:7]
        if chance < 0.91:
            return text[:4]
        if chance < 0.95:
            return text[:4] + "~"
        if chance < 0.98:
            return f"[{text[:7]}..]"
        return text[:7] + "?"

    def _sources(self, day: date) -> tuple[Source, ...]:
        number = int(self._random.random() * 10**8)
        published = day.isoformat()
        return (
            Source(
                url=f"https://news.example.org/{published[:4]}/{number}",
                publisher="Example News",
                published=published,
            ),
        )


class _Lab:
    def __init__(self, id: str, size: int) -> None:
        self.id = id
        self.size = size
        self.places = round(size * STAYS_A_HEAD)
        """Stays until it is full."""


def body_of(event: NewEvent) -> bytes:
    """The event as a client POSTs it."""
    return b'{"event_id":"%s",%s' % (
        str(event.event_id).encode(),
        msgspec.json.encode(event.payload)[1:],
    )


def _by_day(dated: tuple[date, Payload]) -> date:
    return dated[0]
