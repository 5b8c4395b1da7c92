"""Who was at a lab together with someone, and for how long."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import product
from typing import NamedTuple

from service.domain.dates import UNBOUNDED_LO
from service.domain.presence import STRENGTH, Presence
from service.domain.spans import PresenceSpan, presence_spans
from service.domain.stints import Stint

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
    own: Iterable[Stint], others: Mapping[str, Iterable[Stint]], until: date
) -> list[Together]:
    """
    Who was there at the same time, by how long, as far as *until*, that day included.

    Shapes: *own* are the stints of one person at one lab, *others* those of the others there.
    """
    own_spans = presence_spans(own)
    found = [
        overlap
        for person, theirs in others.items()
        if (overlap := _overlap(person, own_spans, presence_spans(theirs), until)) is not None
    ]
    return sorted(found, key=lambda each: (*each.rank, each.person))


def _overlap(
    person: str, own: Iterable[PresenceSpan], theirs: Sequence[PresenceSpan], until: date
) -> Together | None:
    days: dict[Presence, int] = {"certain": 0, "presumed": 0, "possible": 0}
    spans: list[tuple[date, date]] = []
    for one, other in product(own, theirs):
        first = max(one.first, other.first)
        after = min(one.after, other.after, until + _DAY)
        if first < after:
            presence = max(one.presence, other.presence, key=STRENGTH.__getitem__)
            days[presence] += (after - first).days
            spans.append((first, after))
    if not spans:
        return None
    first = min(first for first, _ in spans)
    return Together(
        person,
        days["certain"],
        days["presumed"],
        None if first == UNBOUNDED_LO else days["possible"],
        first,
        max(after for _, after in spans) - _DAY,
    )
