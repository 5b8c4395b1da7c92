"""How often somebody may do something: a bucket of tokens for each, filled again as time goes by."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import ceil

KNOWN_MAX = 10_000
"""So many are kept in mind; who comes back after that begins with a full bucket."""


class Buckets:
    """
    A bucket for each who comes, by whatever they are told apart.

    Each process has its own. Units: *number* tokens in *seconds*; *clock* tells seconds and is
    never set back.
    """

    def __init__(
        self, number: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._number = number
        self._a_second = number / seconds
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        """What was left and when, of whom came longest ago first."""

    def seconds_to_wait(self, who: Hashable) -> int:
        """Until *who* has a token; 0 if they have one."""
        left = self._left_of(who)
        return 0 if left >= 1 else max(1, ceil((1 - left) / self._a_second))

    def take(self, who: Hashable) -> None:
        """
        Take a token from *who*, though there be none.

        Many may take at once before one of them is counted: that is owed, up to a bucket.
        """
        left = max(self._left_of(who) - 1, -self._number)
        self._left[who] = (left, self._clock())
        self._left.move_to_end(who)
        if len(self._left) > KNOWN_MAX:
            self._left.popitem(last=False)

    def _left_of(self, who: Hashable) -> float:
        if who not in self._left:
            return self._number
        left, at = self._left[who]
        return min(self._number, left + (self._clock() - at) * self._a_second)
