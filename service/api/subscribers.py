"""How many clients follow the log through one process: what is more is told to come again."""

from collections.abc import MutableMapping
from typing import Any

from service.domain.refusals import TooManySubscribers

SUBSCRIBERS_MAX = 500
"""Each is a connection that stays, and a page of events while it is sent."""
_TAKEN = "follows_log"


class Subscribers:
    """The places of those who follow, by request."""

    def __init__(self) -> None:
        self.number = 0

    def take(self, scope: MutableMapping[str, Any]) -> None:
        """
        A place for a request.

        Raises:
            TooManySubscribers: all are taken.
        """
        if self.number >= SUBSCRIBERS_MAX:
            raise TooManySubscribers(self.number)
        scope[_TAKEN] = True
        self.number += 1

    def give_back(self, scope: MutableMapping[str, Any]) -> None:
        """Let go of the place of a request, if it had one."""
        if scope.pop(_TAKEN, False):
            self.number -= 1
