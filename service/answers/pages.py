"""Pages of lists that are made whole for each question."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from service.domain.refusals import BadParameter

_Item = TypeVar("_Item")


def page_after(
    items: Sequence[_Item], after: str | None, limit: int, place_of: Callable[[_Item], str]
) -> tuple[Sequence[_Item], str | None]:
    """
    At most *limit* items that follow the one at a place, and the place at which these end.

    Raises:
        BadParameter: none is at that place.
    """
    first = 0
    if after is not None:
        found = next((i for i, item in enumerate(items) if place_of(item) == after), None)
        if found is None:
            raise BadParameter(
                "cursor", "This is a cursor of another list; begin again without one."
            )
        first = found + 1
    page = items[first : first + limit]
    return page, place_of(page[-1]) if first + limit < len(items) else None
