"""
Labs in memory: what was believed of them, in the form in which rosters show it.

A lab that is remembered answers for any day, and for any position in its window, without the
database: of its lines those are joined that hold. Lines are bytes of JSON already.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from itertools import chain, pairwise
from typing import Any, TypeVar

import msgspec

from service.answers.labs import LabAnswer, lab_view
from service.answers.lines import Lines, Rendering
from service.answers.names import Labels, Named
from service.answers.times import Times
from service.domain.directory import Directory
from service.domain.events import Kind, Relation
from service.domain.identity import PersonFacts, fold_name
from service.domain.labs import LabFacts, Labs, parent_on
from service.domain.presence import Presence
from service.domain.refusals import AmbiguousName
from service.domain.stints import Stint
from service.domain.subjects import Subject
from service.postgres.pool import Connection
from service.read_models.beliefs import BELIEVED
from service.read_models.histories import (
    Called,
    Known,
    LabName,
    Window,
    fetch_labs_known,
    fetch_names_known,
    fetch_people_known,
    fetch_stints_known,
    stint_of,
)
from service.read_models.stints import by_start

PEOPLE_IN_A_TURN = 200
"""
So many are made into lines, in some 6 ms, before whoever else waits for the event loop has a turn:
in shorter ones a lab is long under way where answers from the database take all other time.
"""
_LAB: Kind = "lab"
_FACTS_WEIGHT = 4_000
"""Bytes, roughly, of the facts of one lab or person once they are decoded."""

Said = TypeVar("Said")


class RememberedNames:
    """Which labs some texts mean, at any position."""

    def __init__(
        self, names: Sequence[Known[LabName]], labs: Mapping[str, Sequence[Known[LabFacts]]]
    ) -> None:
        self._names = names
        self._labs = labs
        every: list[Known[Any]] = [*names, *chain.from_iterable(labs.values())]
        self._turns = sorted({end for known in every for end in known[:2]})
        self._directories: dict[int, Directory] = {}
        """By how many turns were before: between two of them the same was believed."""

    @property
    def ids(self) -> Iterable[str]:
        """Every lab that is or was meant, and those for which they stand."""
        return self._labs.keys()

    def directory(self, position: int) -> Directory:
        """As `fetch_directory` gives it; not to be changed."""
        turn = bisect_right(self._turns, position)
        found = self._directories.get(turn)
        if found is None:
            found = self._directories[turn] = self._directory(position)
        return found

    def _directory(self, position: int) -> Directory:
        directory = Directory()
        for known in self._names:
            if known.known_from <= position < known.known_to:
                directory.add_name(Subject(_LAB, known.said.subject_id), known.said.folded)
        for one in self._labs.values():
            facts = held(one, position)
            if facts is not None:
                subject = Subject(_LAB, facts.id)
                directory.add(subject, facts.canonical_id, facts.name)
                for name in facts.names:
                    directory.add_name(subject, fold_name(name))
        return directory


class RememberedLab:
    """One lab and all that its answers show, at the positions of a window and later ones."""

    def __init__(
        self,
        lab: str,
        window: Window,
        *,
        labs: Mapping[str, Sequence[Known[LabFacts]]],
        founders: Mapping[str, Sequence[Known[Called]]],
        parents: RememberedNames,
        lines: Lines,
    ) -> None:
        self.lab = lab
        self.window = window
        self._labs = labs
        self._founders = founders
        self._parents = parents
        self._lines = lines
        self.weight = lines.weight + _FACTS_WEIGHT * (len(labs) + len(founders) + 1)

    def shows(self, people: AbstractSet[str]) -> bool:
        """Whether one of *people* is named by the lab's own facts."""
        return not self._founders.keys().isdisjoint(people)

    def answer(
        self, times: Times, *, presence: Presence | None, relation: Relation | None
    ) -> bytes | None:
        """
        A `LabAnswer` as JSON, as `lab_on` gives it; None where it takes more than is remembered.
        """
        position, at = times.known_at.position, times.at
        facts = held(self._labs.get(self.lab, ()), position)
        if facts is None:
            return None
        headcount, pieces = self._lines.on(
            at.toordinal(), position, presence=presence, relation=relation
        )
        labels = self._labels(facts, position, at)
        start = msgspec.json.encode(
            LabAnswer(
                lab=lab_view(facts, labels, self._parent(facts, labels, position, at), at),
                at=at,
                known_at=times.known_at,
                headcount=headcount,
                members=(),
            )
        )
        return _joined(start, pieces)

    def _labels(self, facts: LabFacts, position: int, at: date) -> Labels:
        return Labels(
            {
                one: PersonFacts(called.id, called.canonical_id, called.name)
                for one, known in self._founders.items()
                if (called := held(known, position)) is not None
            },
            Labs(
                {
                    one: lab
                    for one, known in self._labs.items()
                    if (lab := held(known, position)) is not None
                }
            ),
            at,
        )

    def _parent(
        self, facts: LabFacts, labels: Labels, position: int, at: date
    ) -> Named | str | None:
        text = parent_on(facts, at)
        if text is None:
            return None
        try:
            found = self._parents.directory(position).find(_LAB, text)
        except AmbiguousName:
            return text
        return text if found is None else labels.lab(found)


async def remember_names(
    connection: Connection, texts: Iterable[str], window: Window
) -> RememberedNames:
    """Which labs *texts* meant, at each position of a window."""
    asked = set(texts)
    names = await fetch_names_known(connection, {fold_name(text) for text in asked}, window)
    ids = asked | {
        one for known in names for one in (known.said.subject_id, known.said.canonical_id)
    }
    return RememberedNames(names, await _labs_known(connection, ids, window))


async def remember_lab(connection: Connection, lab: str, window: Window) -> RememberedLab:
    """A lab with its rows of every position of a window."""
    own = [known.said for known in await fetch_labs_known(connection, [lab], window)]
    texts = {facts.parent for facts in own} | {
        step.value for facts in own for step in facts.ownerships
    }
    parents = await remember_names(connection, [t for t in texts if t is not None], window)
    related = {lab, *parents.ids}
    for facts in own:
        related.update(facts.predecessors)
        if facts.end is not None and facts.end.successor is not None:
            related.add(facts.end.successor)
    founders = {one for facts in own for one in facts.founders}
    stints = await fetch_stints_known(connection, lab, window)
    labs = await _labs_known(connection, related, window)
    called = await _people_known(connection, {*founders, *stints}, window)
    lines = await _lines(stints, called, window)
    shown = founders | {
        known.said.canonical_id for one in founders for known in called.get(one, ())
    }
    return RememberedLab(
        lab,
        window,
        labs=labs,
        founders={one: called[one] for one in shown},
        parents=parents,
        lines=lines,
    )


def held(known: Iterable[Known[Said]], position: int) -> Said | None:
    """What was believed at a position."""
    return next((k.said for k in known if k.known_from <= position < k.known_to), None)


async def _labs_known(
    connection: Connection, ids: Iterable[str], window: Window
) -> dict[str, list[Known[LabFacts]]]:
    """What is known of some labs and of those for which they stand, by id."""
    found: dict[str, list[Known[LabFacts]]] = {}
    wanted = set(ids)
    while wanted:
        found.update((one, []) for one in wanted)
        for known in await fetch_labs_known(connection, wanted, window):
            found[known.said.id].append(known)
        wanted = {k.said.canonical_id for every in found.values() for k in every} - found.keys()
    return found


async def _people_known(
    connection: Connection, ids: Iterable[str], window: Window
) -> dict[str, list[Known[Called]]]:
    """How some people, and those for whom they stand, were called, by id."""
    found: dict[str, list[Known[Called]]] = {}
    wanted = set(ids)
    while wanted:
        found.update((one, []) for one in wanted)
        for known in await fetch_people_known(connection, wanted, window):
            found[known.said.id].append(known)
        wanted = {k.said.canonical_id for every in found.values() for k in every} - found.keys()
    return found


async def _lines(
    stints: Mapping[str, Sequence[Known[str]]],
    called: Mapping[str, Sequence[Known[Called]]],
    window: Window,
) -> Lines:
    """The lines of everyone who ever was at a lab."""
    rendering = Rendering(window.since)
    for i, (person, rows) in enumerate(stints.items(), 1):
        known = [Known(row.known_from, row.known_to, stint_of(row.said)) for row in rows]
        known.sort(key=lambda each: by_start(each.said))
        for since, until in _turns(window, known, called.get(person, ())):
            believed = [k.said for k in known if k.known_from <= since < k.known_to]
            if believed:
                rendering.add(_named(person, called, since), since, until, believed)
        if i % PEOPLE_IN_A_TURN == 0:
            await asyncio.sleep(0)
    return rendering.lines()


def _turns(
    window: Window, known: Iterable[Known[Stint]], names: Iterable[Known[Called]]
) -> list[tuple[int, int]]:
    """The spans of positions in a window over which the same was believed of one person."""
    ends = {window.since, BELIEVED}
    for known_from, known_to, _ in chain(known, names):
        ends.update((max(known_from, window.since), known_to))
    return list(pairwise(sorted(ends)))


def _named(person: str, called: Mapping[str, Sequence[Known[Called]]], position: int) -> Named:
    """As `Labels.person` has it."""
    facts = held(called.get(person, ()), position)
    if facts is None:
        return Named(person, person)
    if facts.canonical_id != person:
        facts = held(called.get(facts.canonical_id, ()), position) or facts
    return Named(facts.id, facts.name)


def _joined(start: bytes, pieces: Sequence[bytes]) -> bytes:
    """An answer whose members are made up of *pieces*; *start* is the same with none."""
    assert start.endswith(b"[]}"), "members are the last field that an answer of now has"
    if not pieces:
        return start
    return b"".join((start[:-2], pieces[0][1:], *pieces[1:], b"]}"))
