"""
How many people were at the labs, for every day at once, as known at one position.

Counted once, they go along with the log: of whom events move is asked what was believed before
and what is believed after, and no one else is counted again. That goes back as well as forward.
"""

import asyncio
from bisect import insort
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO
from service.domain.headcounts import NOBODY, Count, Course, changed, course
from service.log.corrections import read_concerned_at
from service.log.read import read_linked
from service.postgres.pool import Connection, Pool
from service.read_models.stints import count_stints, fetch_dates_between, fetch_turned


class Courses(Struct, frozen=True, kw_only=True):
    """The headcounts of the labs that have most stints."""

    position: int
    of_labs: Mapping[str, Course]
    others_max: int
    """So many stints the largest other lab has at most, and no more people on any day."""

    def largest(self, days: Sequence[date], limit: int) -> dict[str, list[Count]] | None:
        """
        By lab, the largest first, how many people were there; None if it takes other labs to say.

        Shapes: *days* in order; who is largest is that of the last of them.
        """
        largest: list[tuple[int, str]] = []
        least = 0
        # Most labs are small: once enough are found, those that never had as many are not asked.
        for lab in sorted(self.of_labs, key=lambda one: self.of_labs[one].most, reverse=True):
            one = self.of_labs[lab]
            if one.most < least:
                break
            if there := sum(one.on(days[-1])):
                insort(largest, (-there, lab))
                del largest[limit:]
                least = -largest[-1][0] if len(largest) == limit else 0
        if self.others_max and least <= self.others_max:
            return None
        return {lab: [self.of_labs[lab].on(day) for day in days] for _, lab in largest}


async def courses_of_labs(pool: Pool, *, position: int, weight_max: int) -> Courses:
    """
    The headcounts of the labs as known at *position*, counted a lab at a time.

    Units: *weight_max* in bytes; labs for which it is too little are the others, with the fewest
    stints.
    """
    async with pool.acquire() as connection:
        stints = await count_stints(connection, position=position)
    of_labs: dict[str, Course] = {}
    loop = asyncio.get_running_loop()
    for lab in sorted(stints, key=lambda one: (-stints[one], one)):
        began = loop.time()
        async with pool.acquire() as connection:
            people = await fetch_dates_between(
                connection, lab, first=UNBOUNDED_LO, last=UNBOUNDED_HI, position=position
            )
        one = await asyncio.to_thread(course, people.values())
        weight_max -= one.weight
        if weight_max < 0:
            return Courses(position=position, of_labs=of_labs, others_max=stints[lab])
        of_labs[lab] = one
        # Half of a processor is for those who wait for an answer, as nobody does for this.
        await asyncio.sleep(loop.time() - began)
    return Courses(position=position, of_labs=of_labs, others_max=0)


async def courses_at(connection: Connection, known: Courses, position: int) -> Courses:
    """The same as known at another position, by those whom the events between can have moved."""
    if position == known.position:
        return known
    earlier, later = sorted((known.position, position))
    concerned = await read_concerned_at(connection, range(earlier + 1, later + 1))
    linked = await read_linked(connection, concerned)
    moved = await fetch_turned(
        connection,
        people=[one.id for one in linked if one.kind == "person"],
        labs=[one.id for one in linked if one.kind == "lab"],
        earlier=earlier,
        later=later,
    )
    of_labs = dict(known.of_labs)
    others_max = known.others_max
    for lab, turned in moved.items():
        gone, come = turned if position == later else reversed(turned)
        if lab in of_labs or not others_max:
            of_labs[lab] = changed(of_labs.get(lab, NOBODY), gone=gone, come=come)
        else:
            others_max += sum(map(len, come))
    return Courses(position=position, of_labs=of_labs, others_max=others_max)
