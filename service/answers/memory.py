"""
What a process remembers from one question to the next, and when it forgets.

Every question first asks the database for the head, together with all who wait at that moment;
so what any process committed before it came is seen. Where the head has moved, those are
forgotten whom the events since can have moved; where other read models are in use, everything is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct, field

from service.answers.remembered import (
    RememberedLab,
    RememberedNames,
    remember_lab,
    remember_names,
)
from service.answers.remembered_moves import RememberedMoves
from service.answers.times import Times
from service.domain.events import Kind, Relation
from service.domain.presence import Presence
from service.domain.refusals import AmbiguousName
from service.domain.subjects import Subject
from service.postgres.pool import Pool
from service.postgres.sharing import Shared
from service.read_models.current import Current, Moved, fetch_current, fetch_moved
from service.read_models.histories import Window

WEIGHT_MAX = 64 * 1024 * 1024
"""Bytes that all labs in memory may take together."""
TEXTS_MAX = 1_024
SELDOM_MAX = 10_000
ANSWERS_AGAIN = 4
"""
So often the database answers for a lab that was let go before it is made again, which costs five
times as much: of labs that move all the time, or of more than there is room for, few are made in
vain.
"""
WINDOWS = (16, 2, 1)
"""
One part in so many of the log is what can be asked of a remembered lab: of the first window that
goes back far enough. What was believed only of late adds little to what is believed now.
"""
WAITING_MAX = 256
"""Labs that are being made or wait for it; of more than that the database goes on to answer."""
EVENTS_FOLLOWED_MAX = 2_000
"""After so many events at once everything is forgotten: finding whom they moved costs more."""
_LAB: Kind = "lab"


class _Missed(Struct):
    """Whom events moved while something was being made."""

    people: set[str] = field(default_factory=set)
    labs: set[str] = field(default_factory=set)
    everything: bool = False


class Memory:
    """What one process remembers of the read models."""

    def __init__(
        self, pool: Pool, weight_max: int = WEIGHT_MAX, answers_again: int = ANSWERS_AGAIN
    ) -> None:
        self._pool = pool
        self._weight_max = weight_max
        self._answers_again = answers_again
        self._shared: Shared[int | datetime, Current] = Shared(self._look)
        self._current: Current | None = None
        """Up to which head, and of which read models, what is remembered is true."""
        self._labs: OrderedDict[str, RememberedLab] = OrderedDict()
        """The least recently asked first."""
        self._weight = 0
        self._texts: OrderedDict[str, RememberedNames] = OrderedDict()
        self._making: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        """One lab is made at a time: on the way it takes several times what it takes then."""
        self._missed: list[_Missed] = []
        """Of each thing that is being made."""
        self.moves = RememberedMoves()
        self._too_heavy: dict[str, int] = {}
        """Of labs that are not to be remembered the window that was too large, of `WINDOWS`."""
        self._seldom: OrderedDict[str, int] = OrderedDict()
        """For how many more answers labs that were let go are left to the database."""

    @property
    def weight(self) -> int:
        """Bytes that all labs in memory take together, about."""
        return self._weight

    async def current(self, *known_at: int | datetime) -> Current:
        """
        The head as of a statement that is sent from now on, and the states that *known_at* means.

        What is remembered is true at it.
        """
        return await self._shared.ask(*known_at)

    async def lab(
        self,
        name: str,
        times: Times,
        *,
        presence: Presence | None = None,
        relation: Relation | None = None,
    ) -> bytes | None:
        """
        What `lab_on` answers, as JSON; None where it takes the database to answer.

        *times* is told whom the name means. They are of a `current` that was asked for.
        """
        if times.published_by is not None:
            return None
        lab = await self._meant(name, times.known_at.position)
        remembered = None if lab is None else self._remembered(lab, times)
        if lab is None or remembered is None:
            return None
        answer = remembered.answer(times, presence=presence, relation=relation)
        if answer is not None:
            times.resolved[_LAB, name] = lab
        return answer

    async def _look(self, known: AbstractSet[int | datetime]) -> Current:
        try:
            async with self._pool.acquire() as connection:
                current = await fetch_current(connection, known)
                before, self._current = self._current, current
                if before is None or not _follows(before, current):
                    self._forget_everything()
                elif current.head.position > before.head.position and self._has_anything:
                    after, until = before.head.position, current.head.position
                    self._forget(await fetch_moved(connection, after=after, until=until))
                self.moves.reached(current.head.position)
        except BaseException:
            # Whom the events since have moved is not known now.
            self._current = None
            self._forget_everything()
            raise
        return current

    @property
    def _has_anything(self) -> bool:
        return bool(self._labs or self._texts or self._missed or self.moves.has_any)

    def _forget_everything(self) -> None:
        for missed in self._missed:
            missed.everything = True
        for lab in [*self._labs]:
            self._drop(lab)
        self._texts.clear()
        self._too_heavy.clear()
        self.moves.forget_everything()

    def _forget(self, moved: Moved) -> None:
        if moved.has_lab_facts:
            # Names, parents and mergers: what one lab is called others show, too.
            self._forget_everything()
            return
        for missed in self._missed:
            missed.people |= moved.people
            missed.labs |= moved.labs
        self.moves.moved(moved.people)
        for lab in [
            one
            for one, remembered in self._labs.items()
            if one in moved.labs or remembered.shows(moved.people)
        ]:
            self._drop(lab)

    def _drop(self, lab: str) -> None:
        self._weight -= self._labs.pop(lab).weight
        self._leave(lab, self._answers_again)

    def _leave(self, lab: str, answers: int) -> None:
        """Leave a lab to the database for so many answers."""
        self._seldom[lab] = answers
        if len(self._seldom) > SELDOM_MAX:
            self._seldom.popitem(last=False)

    def _is_left(self, lab: str) -> bool:
        """Whether the database is to answer this once more."""
        answers = self._seldom.pop(lab, 0)
        if answers > 0:
            self._leave(lab, answers - 1)
        return answers > 0

    async def _meant(self, name: str, position: int) -> str | None:
        """The canonical id of the lab that *name* means at a position, if it means one."""
        names = self._texts.get(name)
        if names is None:
            if (names := await self._make_names(name)) is None:
                return None
        else:
            self._texts.move_to_end(name)
        directory = names.directory(position)
        try:
            found = directory.find(_LAB, name)
        except AmbiguousName:
            return None
        return None if found is None else directory.canonical(Subject(_LAB, found))

    async def _make_names(self, name: str) -> RememberedNames | None:
        if self._current is None:
            return None
        window = Window(0, self._current.head.position)
        with self._making_it() as missed:
            async with self._pool.acquire() as connection:
                names = await remember_names(connection, [name], window)
        if not missed.everything:
            self._texts[name] = names
            if len(self._texts) > TEXTS_MAX:
                self._texts.popitem(last=False)
        return names

    def _remembered(self, lab: str, times: Times) -> RememberedLab | None:
        """
        A lab that can answer for *times*, if there is one.

        Else one is made behind the question, where it can be: nobody waits for it.
        """
        position, head = times.known_at.position, times.head
        found = self._labs.get(lab)
        if found is not None and found.window.since <= position:
            self._labs.move_to_end(lab)
            return found
        window = next(one for one in WINDOWS if head - head // one <= position)
        if (
            self._current is not None
            and lab not in self._making
            and len(self._making) < WAITING_MAX
            and window > self._too_heavy.get(lab, 0)
            and not self._is_left(lab)
        ):
            making = asyncio.create_task(self._make(lab, window), name="remember_lab")
            self._making[lab] = making
            making.add_done_callback(lambda done: self._ended(lab, done))
        return None

    def _ended(self, lab: str, task: asyncio.Task[None]) -> None:
        del self._making[lab]
        if not task.cancelled():
            # Nobody waits for it: the next question finds the same fault, and tells it.
            task.exception()

    async def _make(self, lab: str, window: int) -> None:
        async with self._turn, self._pool.acquire() as connection:
            if self._current is None:
                return
            head = self._current.head.position
            with self._making_it() as missed:
                made = await remember_lab(connection, lab, Window(head - head // window, head))
            # Before the connection is given back, which lets others go on: whom events move then
            # is noted of what is being made, and forgotten of what is kept.
            if made.weight > self._weight_max // 2:
                self._too_heavy[lab] = window
            elif missed.everything or lab in missed.labs or made.shows(missed.people):
                self._leave(lab, self._answers_again)
            else:
                self._keep(made)

    def _keep(self, made: RememberedLab) -> None:
        before = self._labs.pop(made.lab, None)
        self._labs[made.lab] = made
        self._weight += made.weight - (before.weight if before is not None else 0)
        while self._weight > self._weight_max:
            self._drop(next(iter(self._labs)))

    @contextmanager
    def _making_it(self) -> Iterator[_Missed]:
        """While the block lasts it is noted what would have to be forgotten."""
        missed = _Missed()
        self._missed.append(missed)
        try:
            yield missed
        finally:
            # By identity: two that missed the same are equal.
            self._missed = [one for one in self._missed if one is not missed]


def _follows(before: Current, after: Current) -> bool:
    """Whether only events were added between the two, and not too many to look at."""
    # An erasure takes from what was known long ago, and from people whom it does not name.
    if before.made != after.made or before.last_erasure != after.last_erasure:
        return False
    grown = after.head.position - before.head.position
    if grown == 0:
        return before.head.hash == after.head.hash
    return 0 < grown <= EVENTS_FOLLOWED_MAX
