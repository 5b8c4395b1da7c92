"""What was worked out lately for pages, of states of knowledge that do not change any more."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from service.answers.times import Times
from service.read_models.current import Current

_Made = TypeVar("_Made")
MOST = 128
"""So much is held: up to a hundred kilobytes each."""


class Lately:
    """The last that was made, by what it follows from."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, Any] = OrderedDict()

    async def made(self, key: Hashable, make: Callable[[], Awaitable[_Made]]) -> _Made:
        """What *make* made of *key* before, or makes now; of one key always the same."""
        if key in self._made:
            self._made.move_to_end(key)
            found: _Made = self._made[key]
            return found
        made = self._made[key] = await make()
        while len(self._made) > self._most:
            self._made.popitem(last=False)
        return made


def state_of(times: Times, current: Current) -> Hashable:
    """
    A state of knowledge: what follows from it alone stays as it is, until more is erased, or other
    read models are in use.
    """
    return (times.known_at.position, times.published_by, current.last_erasure, current.made)
