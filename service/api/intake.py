"""How much of bodies a process holds at once: what does not fit is told to come again."""

from collections.abc import MutableMapping
from typing import Any

from service.domain.refusals import QueueFull

BYTES_MAX = 64 * 1024 * 1024
"""Of all bodies that came and are not answered yet; decoded they take several times as much."""
RETRY_AFTER_SECONDS = 1
_TAKEN = "bytes_taken"


class Intake:
    """The bytes of bodies that are held, by request."""

    def __init__(self) -> None:
        self.bytes = 0
        self._requests = 0

    def look(self, announced: int) -> None:
        """
        See that so many bytes would fit, before any of them is read.

        Raises:
            QueueFull: they would not.
        """
        if self.bytes and self.bytes + announced > BYTES_MAX:
            raise QueueFull(self._requests, RETRY_AFTER_SECONDS)

    def take(self, scope: MutableMapping[str, Any], count: int) -> None:
        """
        Hold *count* more bytes for a request.

        Raises:
            QueueFull: they do not fit.
        """
        self.look(count)
        if _TAKEN not in scope:
            self._requests += 1
        scope[_TAKEN] = scope.get(_TAKEN, 0) + count
        self.bytes += count

    def give_back(self, scope: MutableMapping[str, Any]) -> None:
        """Let go of all that a request held."""
        taken = scope.pop(_TAKEN, None)
        if taken is not None:
            self._requests -= 1
            self.bytes -= taken
