"""
Histories as they are in the world, in any size: seeded careers at labs of a few sizes.

The same seed and number give the same events to the byte, with fixed event ids, so that two
runs measure the same work.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count, islice
from typing import Any
from uuid import UUID

Event = dict[str, Any]

PEOPLE_AT_ONCE = 500
"""Careers that go on side by side: the log is not sorted by person."""
EVENTS_A_CAREER = 4.8
CORRECTED = 0.02
FIRST_DAY = date(2008, 1, 1)
LAST_DAY = date(2026, 6, 30)
SIZES = (50, 500, 5_000)
"""About so many people are at a lab on a late day."""
SHARES = (0.25, 0.35, 0.40)
"""Of all stints, how many are at labs of each size."""
STAY_DAYS = 1_100
_ROLES = ("Research scientist", "Research engineer", "Engineer", "Research lead", "Director")
_FIRST = ("Ada", "Bo", "Chen", "Dara", "Eli", "Femi", "Gita", "Hana", "Ivo", "Jun", "Kofi", "Lea")
_LAST = ("Adler", "Brandt", "Costa", "Duarte", "Eze", "Fink", "Gupta", "Haas", "Ito", "Jung", "Kim")


class Careers:
    """The labs and people of a history of about *events* events."""

    def __init__(self, events: int, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._events = events
        self.people = max(1, round(events / EVENTS_A_CAREER))
        self.labs = self._labs()
        self._by_size = {of: [lab for size, lab in self.labs if size == of] for of in SIZES}

    def _labs(self) -> list[tuple[int, str]]:
        """Each lab's size and id; as many of each size as the people can fill."""
        # A career of 2.6 stints of three years leaves about one person present on a late day.
        present = self.people * 0.55
        return [
            (size, f"lab-{size}-{i}")
            for size, share in zip(SIZES, SHARES, strict=True)
            for i in range(max(1, round(present * share / size)))
        ]

    def lab_of_size(self, size: int) -> str:
        """The id of the first lab of a size."""
        return next(lab for of, lab in self.labs if of == size)

    def events(self) -> Iterator[Event]:
        """
        Exactly as many events as were asked for, as clients would POST them.

        Labs first; then careers, some hundred at a time side by side, oldest event first, each
        time followed by the corrections of some of them.
        """
        return islice(self._every(), self._events)

    def _every(self) -> Iterator[Event]:
        for size, lab in self.labs:
            named = {"id": lab, "name": f"Lab {size} {lab.rsplit('-', 1)[1]}"}
            yield self._with_id({"type": "founding", "lab": named, "date": "1998"})
        yield from self._mergers()
        for first in count(step=PEOPLE_AT_ONCE):
            told: list[tuple[date, Event]] = []
            for number in range(first, first + PEOPLE_AT_ONCE):
                told += self._career(number)
            told.sort(key=lambda dated: dated[0])
            events = [self._with_id(event) for _, event in told]
            yield from events
            for event in events:
                if self._random.random() < CORRECTED:
                    yield self._with_id(self._correction(event))

    def _mergers(self) -> Iterator[Event]:
        """Every tenth small lab goes into the one after it, some day."""
        small = self._by_size[SIZES[0]]
        for absorbed, lab in zip(small[9::10], small[10::10], strict=False):
            yield self._with_id(
                {"type": "merger", "absorbed": [absorbed], "lab": lab, "date": "2021-05-17"}
            )

    def _with_id(self, event: Event) -> Event:
        return event | {"event_id": str(UUID(int=self._random.getrandbits(128), version=4))}

    def _correction(self, event: Event) -> Event:
        """What a better source says: March of the same year."""
        said = {field: value for field, value in event.items() if field != "event_id"}
        year = said["date"].strip("[")[:4]
        return {
            "type": "correction",
            "target": event["event_id"],
            "reason": "a better source",
            "event": said | {"date": f"{year}-03"},
        }

    def _career(self, number: int) -> list[tuple[date, Event]]:
        """Two to twelve events of one person."""
        chance = self._random
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)} {number}"
        person: Any = {"id": f"person-{number}", "name": name}
        day = FIRST_DAY + timedelta(days=chance.randrange((LAST_DAY - FIRST_DAY).days))
        told: list[tuple[date, Event]] = []
        for _ in range(chance.choice((1, 1, 2, 2, 3, 3, 4))):
            lab = self._lab()
            hire = {"type": "hire", "person": person, "lab": lab, "role": chance.choice(_ROLES)}
            told.append((day, hire | {"date": self._written(day)}))
            person = f"person-{number}"
            until = day + timedelta(days=round(chance.expovariate(1 / STAY_DAYS)) + 60)
            for seen in range(chance.choice((0, 0, 1, 1, 2))):
                when = day + (until - day) * (seen + 1) / 3
                kind = chance.choice(("sighting", "sighting", "role_change"))
                event = {"type": kind, "person": person, "lab": lab}
                if kind == "role_change":
                    event["role"] = chance.choice(_ROLES)
                told.append((when, event | {"date": self._written(when)}))
            if until > LAST_DAY or len(told) > 10:
                break
            left = {"type": "departure", "person": person, "lab": lab}
            told.append((until, left | {"date": self._written(until)}))
            day = until + timedelta(days=chance.randrange(0, 200))
        return [(when, event | self._source(when)) for when, event in told if when <= LAST_DAY]

    def _lab(self) -> str:
        (size,) = self._random.choices(SIZES, SHARES)
        return self._random.choice(self._by_size[size])

    def _written(self, day: date) -> str:
        """The day as some source gives it: two in three exact, the rest vague."""
        match self._random.random():
            case x if x < 0.65:
                return day.isoformat()
            case x if x < 0.85:
                return day.isoformat()[:7]
            case x if x < 0.93:
                return str(day.year)
            case x if x < 0.97:
                return f"{day.year}~"
            case _:
                return f"[{day.isoformat()[:7]}..]"

    def _source(self, day: date) -> Event:
        return {
            "certainty": "reported",
            "sources": [
                {
                    "url": f"https://news.example.org/{day.year}/{self._random.randrange(10**8)}",
                    "publisher": "Example News",
                    "published": day.isoformat(),
                }
            ],
        }
