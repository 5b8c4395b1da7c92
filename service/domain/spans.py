"""How someone stood at a lab, for every day at once: the spans of days on which nothing changes."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from service.domain.dates import UNBOUNDED_HI
from service.domain.presence import STRENGTH, Presence, Standing, presence_on, standing_on
from service.domain.stints import Dated, Stint

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """Days with one standing."""

    first: date
    after: date
    """The day after the last one; unbounded where it never ends."""
    standing: Standing


class PresenceSpan(NamedTuple):
    """Days with one presence."""

    first: date
    after: date
    """The day after the last one; unbounded where it never ends."""
    presence: Presence


def spans(stints: Sequence[Stint]) -> list[Span]:
    """
    The standing of one person at one lab on each day on which they were there.

    Shapes: *stints* by start, as `standing_on` takes them. Spans in order, without those on
    which the person was absent; two that meet differ.
    Source: the days that SEMANTICS 4, *Presence* and *Role on D* compare a day with.
    """
    found: list[Span] = []
    first, standing = UNBOUNDED_HI, None
    for turn in sorted(set().union(*map(_turns, stints))):
        then = standing_on(stints, turn)
        if then == standing:
            continue
        if standing is not None:
            found.append(Span(first, turn, standing))
        first, standing = turn, then
    if standing is not None and first < UNBOUNDED_HI:
        found.append(Span(first, UNBOUNDED_HI, standing))
    return found


def presence_spans(stints: Iterable[Dated]) -> list[PresenceSpan]:
    """
    The presence of one person at one lab on each day on which they were there.

    Shapes: *stints* in any order; spans in order, without those of absence.
    """
    every = list(stints)
    if len(every) == 1:
        return _presence_spans_of(every[0])
    turns = sorted(set().union(*map(_turns_of_presence, every), {UNBOUNDED_HI}))
    found: list[PresenceSpan] = []
    for first, after in pairwise(turns):
        present = [p for stint in every if (p := presence_on(stint, first)) is not None]
        if present:
            found.append(PresenceSpan(first, after, min(present, key=STRENGTH.__getitem__)))
    return found


def _presence_spans_of(stint: Dated) -> list[PresenceSpan]:
    """The same of one stint, without looking at each of its days: most people have one at a lab."""
    start, end = stint.start, stint.end
    if end is None:
        heard = stint.last_evidence
        seen = UNBOUNDED_HI if heard == UNBOUNDED_HI else max(heard + _DAY, start.hi)
        found: tuple[PresenceSpan, ...] = (
            PresenceSpan(start.lo, start.hi, "possible"),
            PresenceSpan(start.hi, seen, "certain"),
            PresenceSpan(seen, UNBOUNDED_HI, "presumed"),
        )
    elif start.hi < end.lo:
        found = (
            PresenceSpan(start.lo, start.hi, "possible"),
            PresenceSpan(start.hi, end.lo, "certain"),
            PresenceSpan(end.lo, end.hi, "possible"),
        )
    else:
        found = (PresenceSpan(start.lo, end.hi, "possible"),)
    return [span for span in found if span.first < span.after]


def _turns(stint: Stint) -> set[date]:
    """The days from which on something that a roster shows of a stint may be another."""
    turns = _turns_of_presence(stint)
    turns.update(step.lo for step in stint.steps)
    turns.update(step.lo for step in stint.leaves)
    return turns


def _turns_of_presence(stint: Dated) -> set[date]:
    turns = {stint.start.lo, stint.start.hi}
    if stint.end is not None:
        turns.update((stint.end.lo, stint.end.hi))
    elif stint.last_evidence != UNBOUNDED_HI:
        turns.add(stint.last_evidence + _DAY)
    return turns
