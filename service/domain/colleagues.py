"""Who was at a lab together with someone, and for how long."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from service.domain.dates import UNBOUNDED_LO
from service.domain.presence import STRENGTH
from service.domain.spans import PresenceSpan, presence_spans
from service.domain.stints import Dated

_DAY = timedelta(days=1)


class Together(NamedTuple):
    """How long two people were at one lab at once."""

    person: str
    certain: int
    """Days on which both certainly were there."""
    presumed: int
    """Days on which one is presumed there, and the other at least that."""
    possible: int | None
    """Days on which one only may have been there; None where nothing bounds them."""
    first: date
    """The first day on which both can have been there; unbounded where nothing bounds it."""
    last: date

    @property
    def rank(self) -> tuple[int, int, int]:
        """The longest sort first."""
        possible = self.possible if self.possible is not None else (date.max - date.min).days
        return (-self.certain, -self.presumed, -possible)


def together(
    own: Iterable[Dated], others: Mapping[str, Iterable[Dated]], until: date
) -> list[Together]:
    """
    Who was there at the same time, by how long, as far as *until*, that day included.

    Shapes: *own* are the stints of one person at one lab, *others* those of the others there.
    """
    after = until + _DAY
    own_spans = [
        PresenceSpan(span.first, min(span.after, after), span.presence)
        for span in presence_spans(own)
        if span.first < after
    ]
    found = [
        overlap
        for person, theirs in others.items()
        if (overlap := _overlap(person, own_spans, presence_spans(theirs))) is not None
    ]
    return sorted(found, key=lambda each: (*each.rank, each.person))


def _overlap(
    person: str, own: Sequence[PresenceSpan], theirs: Sequence[PresenceSpan]
) -> Together | None:
    """Shapes: spans in order. A large lab has thousands of others, whom this is all about."""
    days = [0, 0, 0]
    begin: date | None = None
    end = date.min
    for first, after, presence in own:
        for other_first, other_after, other_presence in theirs:
            if other_first >= after:
                break
            if other_after <= first:
                continue
            both_from = max(other_first, first)
            both_until = min(other_after, after)
            weaker = max(STRENGTH[presence], STRENGTH[other_presence])
            days[weaker] += (both_until - both_from).days
            if begin is None:
                begin = both_from
            end = both_until
    if begin is None:
        return None
    certain, presumed, possible = days
    unbounded = begin == UNBOUNDED_LO
    return Together(person, certain, presumed, None if unbounded else possible, begin, end - _DAY)
