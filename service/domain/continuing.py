"""
What an event that comes surely after all others does to the stays at a lab.

Most events are told in the order in which they happened. Such a one moves nothing before it, so
that the stays go on from where they stood instead of being placed again (SEMANTICS 4.3 to 4.5).
"""

from collections.abc import Sequence

from service.domain.labs import LabFacts
from service.domain.stints import NO_POST, Endpoint, Item, Stint, to_steps


def continued(
    stints: Sequence[Stint], item: Item, person: str, lab: LabFacts
) -> list[Stint] | None:
    """
    The stints of *person* at a lab that has not ended, when *item* joins those of *stints*.

    Shapes: all items there so far are over before the first day of *item*. None if it neither
    opens a stay, goes on with one nor ends it, or if there is something to notice about it: then
    all are to be placed.
    """
    if lab.founding is not None and item.hi < lab.founding.lo:
        return None
    last = stints[-1] if stints else None
    if last is None or last.end is not None:
        return [*stints, _opened(item, person, lab)] if item.motion == "enter" else None
    if item.motion == "enter":
        return None
    return [*stints[:-1], _ended(last, item) if item.motion == "exit" else _seen(last, item)]


def _opened(item: Item, person: str, lab: LabFacts) -> Stint:
    start = Endpoint(item.lo, item.hi, item.date_text)
    return Stint(person, lab.id, start, item.hi, None, item.post, (), NO_POST, (), (item.event_id,))


def _seen(stint: Stint, item: Item) -> Stint:
    steps, leaves = to_steps([item])
    return Stint(
        stint.person,
        stint.lab,
        stint.start,
        item.lo,
        None,
        stint.opening,
        stint.steps + steps,
        NO_POST,
        stint.leaves + leaves,
        (*stint.events, item.event_id),
    )


def _ended(stint: Stint, item: Item) -> Stint:
    return Stint(
        stint.person,
        stint.lab,
        stint.start,
        item.lo,
        Endpoint(item.lo, item.hi, item.date_text),
        stint.opening,
        stint.steps,
        item.post,
        stint.leaves,
        (*stint.events, item.event_id),
    )
