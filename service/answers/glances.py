"""
How many people were at the largest labs, counted again only where something moved them.

Counting reads the dates of everybody who can have been there, which takes a second for a million
events. What was counted as known at one head is as good at the next for all labs but those that
the events between can have moved.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date

from msgspec import Struct

from service.answers.memory import EVENTS_FOLLOWED_MAX
from service.answers.times import Times
from service.answers.views import View
from service.domain.headcounts import Count
from service.postgres.pool import Connection
from service.read_models.current import fetch_moved

DAYS_KEPT = 4
"""For so many days of the question counts are kept: today's, and what somebody looks at."""


class _Counted(Struct, frozen=True):
    """What was counted as known at a head."""

    made: Hashable
    position: int
    people: dict[str, int]
    """By lab how many can have been there on the last of the days."""
    counts: dict[str, list[Count]]
    """Of labs that were among the largest."""


class Glances:
    """What one process counted of the largest labs."""

    def __init__(self) -> None:
        self._counted: OrderedDict[tuple[date, ...], _Counted] = OrderedDict()
        """By the days that were asked for, the last of which is that of the question."""

    async def largest(
        self,
        connection: Connection,
        view: View,
        times: Times,
        *,
        made: Hashable,
        days: Sequence[date],
        limit: int,
    ) -> dict[str, list[Count]]:
        """
        By lab, the largest first, how many people were there on each of *days*.

        Shapes: *days* in order, at least one, the last of them that of the question. *made* is
        another whenever the same position may say something else.
        """
        key, position = tuple(days), times.known_at.position
        is_now = position == times.head and times.published_by is None
        before = self._counted.get(key) if is_now else None
        moved: AbstractSet[str] | None = None
        if before is not None and before.made == made:
            moved = await _moved_since(connection, before.position, position)
        if before is None or moved is None:
            people, counts = await view.people_by_lab(days[-1]), dict[str, list[Count]]()
        else:
            people = {lab: most for lab, most in before.people.items() if lab not in moved}
            people |= await view.people_by_lab(days[-1], moved) if moved else {}
            counts = {lab: each for lab, each in before.counts.items() if lab not in moved}
        largest = sorted(people, key=lambda lab: (-people[lab], lab))[:limit]
        for lab in largest:
            if lab not in counts:
                counts[lab] = await view.headcounts(lab, days)
        if is_now:
            self._counted[key] = _Counted(made, position, people, counts)
            self._counted.move_to_end(key)
            if len(self._counted) > DAYS_KEPT:
                self._counted.popitem(last=False)
        return {lab: counts[lab] for lab in largest}


async def _moved_since(
    connection: Connection, before: int, position: int
) -> AbstractSet[str] | None:
    """The labs that the events between can have moved; None if it can be any, or is too much."""
    if not 0 <= position - before <= EVENTS_FOLLOWED_MAX:
        return None
    if position == before:
        return frozenset()
    moved = await fetch_moved(connection, after=before, until=position)
    return None if moved.has_lab_facts else moved.labs
