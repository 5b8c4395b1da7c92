"""Where a page of a list goes on: a place in the address, which still comes from outside."""

import re

from service.domain.refusals import BadParameter, shown
from service.web.visits import Visit

BEFORE = "before"
AFTER = "after"
_POSITION = re.compile(r"[0-9]{1,18}")


def position_before(visit: Visit) -> int | None:
    """
    The position before which a list goes on; None of its first page.

    Raises:
        BadParameter: it is no position.
    """
    text = visit.text(BEFORE)
    if text is None:
        return None
    if not _POSITION.fullmatch(text):
        raise BadParameter(BEFORE, f"{shown(text)} is no position of the log.")
    return int(text)
