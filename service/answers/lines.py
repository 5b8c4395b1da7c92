"""
The lines of a lab's rosters, packed: who is shown on which days, as known at which positions.

What is said of a stay is there once, however often its presence and post turn; what numbers tell
is in columns of numbers. Objects of their own would take twice the memory.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from service.answers.labs import Headcount, Member, member_of
from service.answers.names import Named, order_of
from service.domain.events import Relation
from service.domain.presence import Presence
from service.domain.spans import spans
from service.domain.stints import Post, Stint
from service.read_models.beliefs import BELIEVED

PARTS_MAX = 32
"""Into so many parts are days divided, each with the lines that hold on some of its days."""
_OBJECT_WEIGHT = 8
"""Bytes, on average, that lie unused after an object."""

Pieces = tuple[bytes, bytes, bytes]
"""`,` and a `Member` as JSON: who it is; presence and post; the rest, which stands for a stay."""


class Shown(NamedTuple):
    """What the middle piece of a line says."""

    presence: Presence
    relation: str | None
    text: bytes


class Stay(NamedTuple):
    """Days on which only presence and post of someone turn, as known at some positions."""

    known_from: int
    known_to: int
    who: bytes
    rest: bytes
    days: list[tuple[int, int, int]]
    """
    By the first: the first day, the day after the last, and the number of what is shown then.

    Units: days as `date.toordinal` counts.
    """


class Rendering:
    """Lines as they are made, person by person in any order."""

    def __init__(self, since: int) -> None:
        """*since* is the first position that can be asked for."""
        self._since = since
        self._shown: list[Shown] = []
        self._numbers: dict[tuple[Presence, Post], int] = {}
        self._said: dict[bytes, bytes] = {}
        """One object for each person."""
        self._stays: list[tuple[tuple[str, str], list[Stay]]] = []

    def add(self, person: Named, known_from: int, known_to: int, stints: Sequence[Stint]) -> None:
        """Someone as believed at the positions known_from ≤ position < known_to."""
        stays: list[Stay] = []
        told: tuple[Stint, bool] | None = None
        for first, after, standing in spans(stints):
            before, told = told, (standing.stint, standing.on_leave)
            if told != before:
                who, _, rest = _pieces(member_of(person, standing))
                stays.append(Stay(known_from, known_to, self._said.setdefault(who, who), rest, []))
            number = self._numbers.get((standing.presence, standing.post))
            if number is None:
                number = self._numbers[standing.presence, standing.post] = len(self._shown)
                text = _pieces(member_of(person, standing))[1]
                self._shown.append(Shown(standing.presence, standing.post.relation, text))
            stays[-1].days.append((first.toordinal(), after.toordinal(), number))
        self._stays.append((order_of(person), stays))

    def lines(self) -> "Lines":
        """All that was added."""
        self._stays.sort(key=itemgetter(0))
        stays = [stay for _, each in self._stays for stay in each]
        return Lines(self._shown, stays, self._since)


class Lines:
    """The lines of one lab."""

    def __init__(self, shown: Sequence[Shown], stays: Sequence[Stay], since: int) -> None:
        """Shapes: *stays* in the order in which rosters list people; none asks before *since*."""
        self._shown = shown
        self._texts = [one.text for one in shown]
        self._who = [stay.who for stay in stays]
        self._rest = [stay.rest for stay in stays]
        self._known_from = array("q", [stay.known_from for stay in stays])
        self._known_to = array("q", [stay.known_to for stay in stays])
        days = list(chain.from_iterable([stay.days for stay in stays]))
        self._first = array("i", map(itemgetter(0), days))
        self._after = array("i", map(itemgetter(1), days))
        self._middle = array("I", map(itemgetter(2), days))
        """Of each line the number of what it shows, and of its stay."""
        lines = [len(stay.days) for stay in stays]
        self._stay = array("I", chain.from_iterable(map(repeat, range(len(lines)), lines)))
        has_limits = [stay.known_from > since or stay.known_to < BELIEVED for stay in stays]
        self._has_limits = bytes(chain.from_iterable(map(repeat, has_limits, lines)))
        """Of each line whether there are positions since the first at which it is not known."""
        self._parts, self._near = _divided(self._first, self._after)

    @property
    def weight(self) -> int:
        """About how many bytes of memory they take."""
        columns = (self._known_from, self._known_to, self._first, self._after, self._middle)
        others = (self._stay, self._has_limits, self._parts, *self._near, self._who, self._rest)
        said = {id(one): one for one in self._who}.values()
        every = chain(columns, others, said, self._rest, self._texts)
        return sum(map(sys.getsizeof, every)) + _OBJECT_WEIGHT * (len(said) + len(self._rest))

    def on(
        self, day: int, position: int, *, presence: Presence | None, relation: Relation | None
    ) -> tuple[Headcount, list[bytes]]:
        """
        How many were there on a day, and the pieces of the lines of those asked for, in order.

        Shapes: *day* as `date.toordinal` counts; three pieces a line.
        """
        lines = self._holding(day, position)
        counts = Counter(_taken(lines)(self._middle))
        headcount = dict.fromkeys(Headcount.__struct_fields__, 0)
        for number, count in counts.items():
            headcount[self._shown[number].presence] += count
        if presence is not None or relation is not None:
            chosen = {
                number
                for number in counts
                if presence in (None, self._shown[number].presence)
                and relation in (None, self._shown[number].relation)
            }
            lines = [line for line in lines if self._middle[line] in chosen]
        return Headcount(**headcount), self._pieces(lines)

    def _holding(self, day: int, position: int) -> list[int]:
        part = bisect_right(self._parts, day) - 1
        if part < 0:
            return []
        first, after = self._first, self._after
        lines = [line for line in self._near[part] if first[line] <= day < after[line]]
        has_limits, stay = self._has_limits, self._stay
        known_from, known_to = self._known_from, self._known_to
        return [
            line
            for line in lines
            if not has_limits[line] or known_from[stay[line]] <= position < known_to[stay[line]]
        ]

    def _pieces(self, lines: Sequence[int]) -> list[bytes]:
        of_lines = _taken(lines)
        of_stays = _taken(of_lines(self._stay))
        pieces = [b""] * (3 * len(lines))
        pieces[0::3] = of_stays(self._who)
        pieces[1::3] = _taken(of_lines(self._middle))(self._texts)
        pieces[2::3] = of_stays(self._rest)
        return pieces


def _taken(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What takes out of a sequence the entries at some places, in their order."""
    if len(places) > 1:
        # Without a step of Python for each of thousands.
        return itemgetter(*places)
    return lambda every: [every[place] for place in places]


def _divided(first: Sequence[int], after: Sequence[int]) -> tuple["array[int]", list["array[int]"]]:
    """
    The days on which parts begin, and of each the lines that hold on some of its days.

    About as many lines begin in each: however far apart days are, there are not more parts.
    """
    every = sorted(first)
    parts = array("i", sorted({*every[:: len(every) // PARTS_MAX + 1]}))
    near = [array("I") for _ in parts]
    for line, (from_, until) in enumerate(zip(first, after, strict=True)):
        for part in range(bisect_right(parts, from_) - 1, bisect_left(parts, until)):
            near[part].append(line)
    return parts, near


def _pieces(member: Member) -> Pieces:
    """
    `,` and a line of a roster as JSON, where `Pieces` are cut.

    Inside a JSON string every quotation mark has a backslash before it, so that neither mark can
    be part of somebody's name.
    """
    text = b"," + msgspec.json.encode(member)
    post = text.index(b',"presence":')
    rest = text.index(b',"since":', post)
    return text[:post], text[post:rest], text[rest:]
