"""What a change of stints does to rosters: who moves, and by how much counts move, when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from msgspec import Struct

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, eve
from service.domain.presence import Presence, standing_on
from service.domain.stints import Stint

Counts = tuple[int, int, int]
_ORDER: tuple[Presence, ...] = ("certain", "presumed", "possible")


class StintChange(Struct, frozen=True):
    """The stints of one person at one lab, before and after; by start."""

    person: str
    lab: str
    before: Sequence[Stint]
    after: Sequence[Stint]


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


def headcount_changes(changes: Iterable[StintChange]) -> list[HeadcountChange]:
    """By lab the spans of days on which its headcount moves, in order."""
    by_lab: dict[str, list[StintChange]] = {}
    for change in changes:
        by_lab.setdefault(change.lab, []).append(change)
    return [span for lab in sorted(by_lab) for span in _spans(lab, by_lab[lab])]


def _spans(lab: str, changes: Sequence[StintChange]) -> list[HeadcountChange]:
    days = {UNBOUNDED_LO, UNBOUNDED_HI}
    for change in changes:
        for stint in (*change.before, *change.after):
            days.update(_turning_days(stint))
    spans: list[HeadcountChange] = []
    for first, after in pairwise(sorted(days)):
        moved = _moved(changes, first)
        # The greatest day stands for unbounded and is in the last span.
        last = after if after == UNBOUNDED_HI else eve(after)
        if spans and spans[-1].to_on == eve(first) and _counts(spans[-1]) == moved:
            spans[-1] = HeadcountChange(lab, spans[-1].from_on, last, *moved)
        elif any(moved):
            spans.append(HeadcountChange(lab, first, last, *moved))
    return spans


def _turning_days(stint: Stint) -> list[date]:
    """The days from which on the presence of a stint can be another."""
    days = [stint.start.lo, stint.start.hi]
    if stint.end is not None:
        return [*days, stint.end.lo, stint.end.hi]
    if stint.last_evidence != UNBOUNDED_HI:
        days.append(stint.last_evidence + timedelta(days=1))
    return days


def _moved(changes: Iterable[StintChange], at: date) -> Counts:
    counts = [0, 0, 0]
    for change in changes:
        for stints, sign in ((change.before, -1), (change.after, 1)):
            standing = standing_on(stints, at)
            if standing is not None:
                counts[_ORDER.index(standing.presence)] += sign
    return (counts[0], counts[1], counts[2])


def _counts(span: HeadcountChange) -> Counts:
    return (span.certain, span.presumed, span.possible)


def _by_pair(stints: Iterable[Stint]) -> Mapping[tuple[str, str], list[Stint]]:
    pairs: dict[tuple[str, str], list[Stint]] = {}
    for stint in stints:
        pairs.setdefault((stint.lab, stint.person), []).append(stint)
    for theirs in pairs.values():
        theirs.sort(key=lambda s: (s.start.hi, s.start.lo))
    return pairs
