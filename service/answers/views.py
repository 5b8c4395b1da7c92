"""
What is known of labs and people, as answers ask for it.

Two kinds of view give the same things: what the read models keep for a position, and what is
folded for one question from the events that were published by a day. Answers do not know which
of them they ask, so that both answer alike.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from msgspec.structs import replace

from service.answers.names import Labels, resolve_id, resolve_path
from service.answers.times import Times
from service.domain.dates import UNBOUNDED_HI
from service.domain.effective import effective_events
from service.domain.events import Kind, RecordedEvent
from service.domain.findings import Finding
from service.domain.fold import State, fold
from service.domain.headcounts import Count, headcounts
from service.domain.identity import PersonFacts, canonical_ids
from service.domain.labs import LabFacts, Labs
from service.domain.moves import turns
from service.domain.publication import published_by
from service.domain.stints import Dated, Stint
from service.domain.subjects import Subject, concerns_of
from service.log import read
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models import findings as kept_findings
from service.read_models import stints as kept_stints
from service.read_models.moves import (
    Careers,
    Movers,
    Newest,
    fetch_careers,
    fetch_careers_of_people,
    fetch_newest,
)
from service.read_models.person_pages import PersonPage, fetch_person_page
from service.read_models.projector import Streams, named_labs

ROWS_UNLIMITED = 2**62
PEOPLE_MAX = 20_000
"""Of so many people at most careers are read for one question: some 60,000 stints."""
KINDS: tuple[Kind, ...] = ("person", "lab")


class View(Protocol):
    """Facts, stints and findings of one state of knowledge."""

    undated_events: int | None
    """How many events without a dated source `published_by` left out; None without it."""

    async def labs(self, ids: Iterable[str]) -> Labs:
        """What is known of these ids and of those for which they stand."""

    async def every_lab(self) -> list[LabFacts]:
        """Every lab, once, under its canonical id."""

    async def people(self, ids: Iterable[str]) -> dict[str, PersonFacts]:
        """What is known of these ids and of those for which they stand."""

    async def stints_of_labs(
        self, labs: Iterable[str], at: date
    ) -> dict[str, dict[str, list[Stint]]]:
        """By lab and person the stints that can hold on a day, by start."""

    async def dates_between(
        self, lab: str, first: date, last: date
    ) -> Mapping[str, Sequence[Dated]]:
        """By person the dates of the stints at a lab that can hold on one of some days."""

    async def headcounts(self, lab: str, days: Sequence[date]) -> list[Count]:
        """How many people were at a lab on each of *days*, in order."""

    async def people_by_lab(self, at: date) -> dict[str, int]:
        """How many people can have been at each lab on a day; of no lab 0."""

    async def newest(self, first: date, last: date, people: int) -> Newest:
        """Those who came or went last of all in some days: so many, if there are."""

    async def careers(self, movers: Movers) -> Careers:
        """All stints of people of whom one can begin or end on some days; or of more people."""

    async def careers_of(self, people: Iterable[str]) -> Careers:
        """All stints of some people, by start; of each of them, in the order given."""

    async def stints_of_person(self, person: str) -> list[Stint]:
        """The stints of one person by start."""

    async def findings_of_person(self, person: str) -> list[Finding]:
        """What was noticed about one person, newest first."""


class Kept:
    """The read models as known at a position."""

    undated_events: int | None = None

    def __init__(self, connection: Connection, position: int) -> None:
        self._connection = connection
        self._position = position

    async def labs(self, ids: Iterable[str]) -> Labs:
        wanted = set(ids)
        if not wanted:
            return Labs()
        return await directories.fetch_labs(self._connection, wanted, position=self._position)

    async def every_lab(self) -> list[LabFacts]:
        return await directories.fetch_every_lab(self._connection, position=self._position)

    async def people(self, ids: Iterable[str]) -> dict[str, PersonFacts]:
        wanted = set(ids)
        if not wanted:
            return {}
        return await directories.fetch_people(self._connection, wanted, position=self._position)

    async def stints_of_labs(
        self, labs: Iterable[str], at: date
    ) -> dict[str, dict[str, list[Stint]]]:
        return await kept_stints.fetch_stints_of_labs(
            self._connection, labs, at=at, position=self._position
        )

    async def dates_between(
        self, lab: str, first: date, last: date
    ) -> Mapping[str, Sequence[Dated]]:
        return await kept_stints.fetch_dates_between(
            self._connection, lab, first=first, last=last, position=self._position
        )

    async def headcounts(self, lab: str, days: Sequence[date]) -> list[Count]:
        dates = await self.dates_between(lab, days[0], days[-1])
        return await asyncio.to_thread(headcounts, dates.values(), days)

    async def people_by_lab(self, at: date) -> dict[str, int]:
        return await kept_stints.count_people(self._connection, at=at, position=self._position)

    async def newest(self, first: date, last: date, people: int) -> Newest:
        return await fetch_newest(
            self._connection, first=first, last=last, position=self._position, people=people
        )

    async def careers(self, movers: Movers) -> Careers:
        return await fetch_careers(
            self._connection, movers, position=self._position, people_max=PEOPLE_MAX
        )

    async def careers_of(self, people: Iterable[str]) -> Careers:
        wanted = [*people]
        found = await fetch_careers_of_people(self._connection, wanted, position=self._position)
        return {person: found.get(person, []) for person in wanted}

    async def stints_of_person(self, person: str) -> list[Stint]:
        return await kept_stints.fetch_stints_of_person(
            self._connection, person, position=self._position
        )

    async def findings_of_person(self, person: str) -> list[Finding]:
        kept = await kept_findings.fetch_findings(
            self._connection, position=self._position, person=person
        )
        return [k.finding for k in kept]


class KeptOfPerson(Kept):
    """The same, with what an answer about one person asks for read in one round trip."""

    def __init__(
        self, connection: Connection, position: int, person: str, page: PersonPage
    ) -> None:
        super().__init__(connection, position)
        self._person = person
        self._page = page

    async def labs(self, ids: Iterable[str]) -> Labs:
        wanted = set(ids)
        return self._page.labs if wanted <= self._page.named else await super().labs(wanted)

    async def people(self, ids: Iterable[str]) -> dict[str, PersonFacts]:
        wanted = set(ids)
        return self._page.people if wanted <= {self._person} else await super().people(wanted)

    async def stints_of_person(self, person: str) -> list[Stint]:
        assert person == self._person, "it was made for one"
        return self._page.stints

    async def findings_of_person(self, person: str) -> list[Finding]:
        assert person == self._person, "it was made for one"
        return self._page.findings


class KeptWithPeople(Kept):
    """The same, with what some people are called at hand."""

    def __init__(
        self, connection: Connection, position: int, people: Mapping[str, PersonFacts]
    ) -> None:
        super().__init__(connection, position)
        self._people = people

    async def people(self, ids: Iterable[str]) -> dict[str, PersonFacts]:
        wanted = set(ids)
        found = {one: self._people[one] for one in wanted if one in self._people}
        return found | await super().people(wanted - found.keys())


class KeptOfLab(KeptWithPeople):
    """The same, with the roster of one lab on a day at hand."""

    def __init__(
        self,
        connection: Connection,
        position: int,
        lab: str,
        at: date,
        stints: dict[str, list[Stint]],
        people: Mapping[str, PersonFacts],
    ) -> None:
        super().__init__(connection, position, people)
        self._asked = ([lab], at)
        self._stints = {lab: stints} if stints else {}

    async def stints_of_labs(
        self, labs: Iterable[str], at: date
    ) -> dict[str, dict[str, list[Stint]]]:
        wanted = [*labs]
        if (wanted, at) == self._asked:
            return self._stints
        return await super().stints_of_labs(wanted, at)


class Folded:
    """
    A state that was folded for one question.

    An id whose naming was not published yet is called as the position knows it: `published_by`
    cuts facts, and a name in an answer only says whom it means.
    """

    def __init__(self, state: State, kept: Kept, undated_events: int | None) -> None:
        self._state = state
        self._kept = kept
        self.undated_events = undated_events

    async def labs(self, ids: Iterable[str]) -> Labs:
        known = self._state.labs
        wanted = {known[one].canonical_id for one in ids} | set(ids)
        found = Labs({one: known[one] for one in wanted if one in known})
        bare = [one for one in wanted if one not in found or found[one].name == one]
        for one, named in (await self._kept.labs(bare)).items():
            if one in wanted:
                found[one] = replace(known[one], name=named.name)
        return found

    async def every_lab(self) -> list[LabFacts]:
        canonical = [lab.id for lab in self._state.labs.values() if lab.id == lab.canonical_id]
        return [lab for lab in (await self.labs(canonical)).values() if lab.id in self._state.labs]

    async def people(self, ids: Iterable[str]) -> dict[str, PersonFacts]:
        known = self._state.people
        wanted = {known[one].canonical_id for one in ids if one in known} | set(ids)
        found = {one: known[one] for one in wanted if one in known}
        bare = [one for one in wanted if one not in found or found[one].name == one]
        for one, named in (await self._kept.people(bare)).items():
            if one in wanted:
                found[one] = replace(found.get(one, PersonFacts(one, one, one)), name=named.name)
        return found

    async def stints_of_labs(
        self, labs: Iterable[str], at: date
    ) -> dict[str, dict[str, list[Stint]]]:
        found: dict[str, dict[str, list[Stint]]] = {lab: {} for lab in labs}
        for stint in sorted(self._state.stints, key=kept_stints.by_start):
            if stint.lab in found:
                found[stint.lab].setdefault(stint.person, []).append(stint)
        return found

    async def dates_between(
        self, lab: str, first: date, last: date
    ) -> Mapping[str, Sequence[Dated]]:
        return (await self.stints_of_labs([lab], last))[lab]

    async def headcounts(self, lab: str, days: Sequence[date]) -> list[Count]:
        dates = await self.dates_between(lab, days[0], days[-1])
        return headcounts(dates.values(), days)

    async def people_by_lab(self, at: date) -> dict[str, int]:
        there: dict[str, set[str]] = {}
        for stint in self._state.stints:
            end_hi = UNBOUNDED_HI if stint.end is None else stint.end.hi
            if stint.start.lo <= at < end_hi:
                there.setdefault(stint.lab, set()).add(stint.person)
        return {lab: len(people) for lab, people in there.items()}

    async def newest(self, first: date, last: date, people: int) -> Newest:
        last_on: dict[str, date] = {}
        for stint in self._state.stints:
            for on in turns(stint):
                if first <= on <= last:
                    last_on[stint.person] = max(last_on.get(stint.person, on), on)
        return Newest(last_on, first)

    async def careers(self, movers: Movers) -> Careers:
        careers: Careers = {}
        for stint in sorted(self._state.stints, key=kept_stints.by_start):
            careers.setdefault(stint.person, []).append(stint)
        return careers

    async def careers_of(self, people: Iterable[str]) -> Careers:
        return {person: await self.stints_of_person(person) for person in people}

    async def stints_of_person(self, person: str) -> list[Stint]:
        own = [stint for stint in self._state.stints if stint.person == person]
        return sorted(own, key=kept_stints.by_start)

    async def findings_of_person(self, person: str) -> list[Finding]:
        return [*dict.fromkeys(f for f in self._state.findings if f.person == person)]


class Public:
    """The events that a question is about and that were published by its day."""

    def __init__(self, recorded: Sequence[RecordedEvent], day: date) -> None:
        cut = published_by(recorded, day)
        self.events = cut.events
        self._recorded = recorded
        self._left_out = cut.undated

    def undated_events(self, **about: str) -> int:
        """
        How many were left out for want of a dated source that name each of *about*, a person, a
        lab or both, by any id that was joined with theirs by the time asked for.
        """
        named: dict[int, set[Subject]] = {}
        for event in self._recorded:
            subjects = {concern.subject for concern in concerns_of(event.payload)}
            named.setdefault(event.root, set()).update(subjects)
        streams = Streams(self._recorded)
        # Not the ids that are joined by today: an answer for the past must not move.
        wanted = [
            {Subject(kind, one) for group in streams.groups(kind, [about[kind]]) for one in group}
            for kind in KINDS
            if kind in about
        ]
        return sum(
            all(not named[event.root].isdisjoint(each) for each in wanted)
            for event in self._left_out
        )


async def view_of_lab(connection: Connection, name: str, times: Times) -> tuple[View, str]:
    """
    What is known for a question about the lab that *name* names, and its canonical id.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    kept = Kept(connection, times.known_at.position)
    if times.published_by is None:
        return kept, await resolve_path(connection, "lab", name, times)
    one = await resolve_id(connection, "lab", name, times)
    family = [s.id for s in await read.read_linked(connection, [Subject("lab", one)])]
    carried = await read.read_people_of_labs(connection, family)
    recorded = await read_whole(connection, times, people=carried, labs=family)
    public = Public(recorded, times.published_by)
    state = await asyncio.to_thread(fold, public.events)
    canonical = times.resolved["lab", name] = state.labs[one].canonical_id
    return Folded(state, kept, public.undated_events(lab=one)), canonical


async def view_of_person(connection: Connection, name: str, times: Times) -> tuple[View, str]:
    """
    What is known for a question about the person whom *name* names, and the canonical id.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    kept = Kept(connection, times.known_at.position)
    if times.published_by is None:
        return kept, await resolve_path(connection, "person", name, times)
    one = await resolve_id(connection, "person", name, times)
    own = await read_whole(connection, times, people=[one])
    recorded = await read_whole(connection, times, people=[one], labs=named_labs(own))
    public = Public(recorded, times.published_by)
    state = await asyncio.to_thread(fold, public.events)
    into, _ = canonical_ids(effective_events(public.events), "person")
    canonical = times.resolved["person", name] = into.get(one, one)
    return Folded(state, kept, public.undated_events(person=one)), canonical


async def canonical_in(
    connection: Connection, view: View, kind: Kind, text: str, times: Times
) -> str:
    """
    The canonical id, in a view, of whom *text* names.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    if times.published_by is None:
        return await resolve_path(connection, kind, text, times)
    one = await resolve_id(connection, kind, text, times)
    if kind == "lab":
        canonical = (await view.labs([one]))[one].canonical_id
    else:
        known = await view.people([one])
        canonical = known[one].canonical_id if one in known else one
    times.resolved[kind, text] = canonical
    return canonical


async def kept_of_person(connection: Connection, person: str, position: int) -> KeptOfPerson:
    """What is kept of one person, by their canonical id, and of the labs that it names."""
    page = await fetch_person_page(connection, person, position=position)
    return KeptOfPerson(connection, position, person, page)


async def view_of_all(connection: Connection, times: Times) -> View:
    """What is known for a question about every lab."""
    kept = Kept(connection, times.known_at.position)
    if times.published_by is None:
        return kept
    recorded = await read.read_page(
        connection,
        after=0,
        until=times.known_at.position,
        filters=read.Filters(),
        limit=ROWS_UNLIMITED,
    )
    cut = published_by(recorded, times.published_by)
    return Folded(await asyncio.to_thread(fold, cut.events), kept, len(cut.undated))


async def labels_in(
    view: View, *, people: Iterable[str] = (), labs: Iterable[str] = (), at: date
) -> Labels:
    """The names of these ids, on a day."""
    return Labels(await view.people(people), await view.labs(labs), at)


async def read_whole(
    connection: Connection,
    times: Times,
    *,
    people: Iterable[str] = (),
    labs: Iterable[str] = (),
) -> list[RecordedEvent]:
    """
    Every event that concerns one of *people*, is a fact of one of *labs*, or does so for any whose
    history was ever joined with theirs, as known at the time.

    Shapes: position order, and each with its original and all that was said about it, which may
    have named others: whether a correction was public is asked of what it corrects too.
    """
    seeds = [*(Subject("person", one) for one in people), *(Subject("lab", one) for one in labs)]
    return await read.read_histories(connection, seeds, until=times.known_at.position)
