"""What a change of stints does to rosters: who moves, and by how much counts move, when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, eve
from service.domain.presence import Presence, standing_on
from service.domain.stints import Stint

_ORDER: tuple[Presence, ...] = ("certain", "presumed", "possible")


class StintChange(Struct, frozen=True):
    """The stints of one person at one lab, before and after; by start."""

    person: str
    lab: str
    before: Sequence[Stint]
    after: Sequence[Stint]


class RosterChange(Struct, frozen=True):
    """A span of days on which somebody's presence at a lab is another; both ends included."""

    lab: str
    person: str
    from_on: date
    to_on: date
    before: Presence | None
    """None is absent."""
    after: Presence | None


class HeadcountChange(Struct, frozen=True):
    """A span of days on which a lab's counts move by the same; both ends included."""

    lab: str
    from_on: date
    to_on: date
    certain: int
    presumed: int
    possible: int


def stint_changes(before: Iterable[Stint], after: Iterable[Stint]) -> list[StintChange]:
    """The pairs of person and lab whose stints differ, by lab and person."""
    old, new = _by_pair(before), _by_pair(after)
    return [
        StintChange(person, lab, old.get((lab, person), ()), new.get((lab, person), ()))
        for lab, person in sorted(old.keys() | new.keys())
        if old.get((lab, person)) != new.get((lab, person))
    ]


def roster_changes(changes: Iterable[StintChange]) -> list[RosterChange]:
    """By lab and person the spans of days on which the presence is another, in order."""
    return [span for change in changes for span in _spans(change)]


def headcount_changes(changes: Iterable[StintChange]) -> list[HeadcountChange]:
    """By lab the spans of days on which its headcount moves, in order."""
    moves: dict[str, dict[date, list[int]]] = {}
    for span in roster_changes(changes):
        of_lab = moves.setdefault(span.lab, {})
        _move(of_lab, span.from_on, span.before, span.after)
        if span.to_on != UNBOUNDED_HI:
            _move(of_lab, span.to_on + timedelta(days=1), span.after, span.before)
    return [span for lab in sorted(moves) for span in _summed(lab, moves[lab])]


def _spans(change: StintChange) -> Iterator[RosterChange]:
    days = {UNBOUNDED_LO, UNBOUNDED_HI}
    for stint in (*change.before, *change.after):
        days.update(_turning_days(stint))
    begun: RosterChange | None = None
    for first, after in pairwise(sorted(days)):
        presences = _presence(change.before, first), _presence(change.after, first)
        # The greatest day stands for unbounded and is in the last span.
        last = after if after == UNBOUNDED_HI else eve(after)
        if begun is not None and presences == (begun.before, begun.after):
            begun = replace(begun, to_on=last)
            continue
        if begun is not None:
            yield begun
        begun = None
        if presences[0] != presences[1]:
            begun = RosterChange(change.lab, change.person, first, last, *presences)
    if begun is not None:
        yield begun


def _presence(stints: Sequence[Stint], at: date) -> Presence | None:
    standing = standing_on(stints, at)
    return None if standing is None else standing.presence


def _move(
    moves: dict[date, list[int]], on: date, before: Presence | None, after: Presence | None
) -> None:
    counts = moves.setdefault(on, [0, 0, 0])
    for presence, sign in ((before, -1), (after, 1)):
        if presence is not None:
            counts[_ORDER.index(presence)] += sign


def _summed(lab: str, moves: Mapping[date, Sequence[int]]) -> Iterator[HeadcountChange]:
    """The sums of *moves* as days go by, those that come to nothing left out."""
    days = sorted(day for day in moves if any(moves[day]))
    last_days = [*map(eve, days[1:]), UNBOUNDED_HI]
    total = (0, 0, 0)
    for first, last in zip(days, last_days, strict=False):
        by = moves[first]
        total = (total[0] + by[0], total[1] + by[1], total[2] + by[2])
        if any(total):
            yield HeadcountChange(lab, first, last, *total)


def _turning_days(stint: Stint) -> list[date]:
    """The days from which on the presence of a stint can be another."""
    days = [stint.start.lo, stint.start.hi]
    if stint.end is not None:
        return [*days, stint.end.lo, stint.end.hi]
    if stint.last_evidence != UNBOUNDED_HI:
        days.append(stint.last_evidence + timedelta(days=1))
    return days


def _by_pair(stints: Iterable[Stint]) -> Mapping[tuple[str, str], list[Stint]]:
    pairs: dict[tuple[str, str], list[Stint]] = {}
    for stint in stints:
        pairs.setdefault((stint.lab, stint.person), []).append(stint)
    for theirs in pairs.values():
        # Whole, so that the same stints are one list in whatever order they come.
        theirs.sort(key=lambda s: (s.start.hi, s.start.lo, s.last_evidence, s.events))
    return pairs
