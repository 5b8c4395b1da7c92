"""Who was where on a day: presence, role and leave of a stint (SEMANTICS 4)."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from msgspec import Struct

from service.domain.events import DEFAULT_RELATION
from service.domain.stints import NO_POST, Dated, Post, Stint, applied

Presence = Literal["certain", "presumed", "possible"]
STRENGTH: dict[Presence, int] = {"certain": 0, "presumed": 1, "possible": 2}
_DAY = timedelta(days=1)


class Standing(Struct, frozen=True, gc=False):
    """How someone stood at a lab on a day."""

    presence: Presence
    stint: Stint
    post: Post
    on_leave: bool


def presence_on(stint: Dated, at: date) -> Presence | None:
    """
    How sure it is that the stint held on a day; None where it did not.

    Source: SEMANTICS 4, *Presence*.
    """
    start, end = stint.start, stint.end
    if end is not None:
        if start.hi <= at < end.lo:
            return "certain"
        return "possible" if start.lo <= at < end.hi else None
    if start.hi <= at:
        return "certain" if at <= stint.last_evidence else "presumed"
    return "possible" if start.lo <= at else None


def standing_on(stints: Iterable[Stint], at: date) -> Standing | None:
    """
    The standing of one person at one lab on a day: that of the strongest of their stints.

    Shapes: *stints* by start; of equally strong ones the latest counts.
    """
    best: Stint | None = None
    strongest: Presence = "possible"
    for stint in stints:
        presence = presence_on(stint, at)
        if presence is not None and (best is None or STRENGTH[presence] <= STRENGTH[strongest]):
            best, strongest = stint, presence
    if best is None:
        return None
    return Standing(strongest, best, post_on(best, at), on_leave_on(best, at))


def post_on(stint: Stint, at: date) -> Post:
    """Role, team, location and relation on a day (SEMANTICS 4, *Role on D*)."""
    post = stint.opening
    for step in stint.steps:
        if step.lo <= at and step.post != NO_POST:
            post = applied(post, step.post)
    if stint.closing != NO_POST:
        post = applied(_held_when_leaving(stint), post)
    if post.relation:
        return post
    return Post(post.role, post.team, post.location, DEFAULT_RELATION)


def on_leave_on(stint: Stint, at: date) -> bool:
    """Whether the last leave or return by a day is a leave; someone on leave is present."""
    on_leave = False
    for step in stint.leaves:
        if step.lo <= at:
            on_leave = step.on_leave
    return on_leave


def _held_when_leaving(stint: Stint) -> Post:
    """What a departure says was held, of what nothing else ever said."""
    ever = stint.opening
    for step in stint.steps:
        ever = applied(step.post, ever)
    closing = stint.closing
    return Post(
        closing.role if ever.role is None else None,
        closing.team if ever.team is None else None,
        closing.location if ever.location is None else None,
        closing.relation if ever.relation is None else None,
    )


def certain_span(stint: Stint) -> tuple[date, date] | None:
    """The first certain day of a stint and the one after the last, or None."""
    first, end = stint.start.hi, stint.end
    after = _day_after(stint.last_evidence) if end is None else end.lo
    return (first, after) if first < after else None


Spans = list[tuple[date, date]]
"""Days in order, half-open; no day is in two of them."""


def certain_spans(stints: Iterable[Stint]) -> Spans:
    """The certain days of several stints of one person at one lab, joined where they meet."""
    certain = [span for stint in stints if (span := certain_span(stint))]
    if len(certain) < 2:
        return certain
    spans: Spans = []
    for first, after in sorted(certain):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], after))
        else:
            spans.append((first, after))
    return spans


def overlap_days(one: Spans, other: Spans) -> int:
    """The number of days that are in both."""
    days = 0
    for first, after in one:
        for other_first, other_after in other:
            if first < other_after and other_first < after:
                days += (min(after, other_after) - max(first, other_first)).days
    return days


def _day_after(on: date) -> date:
    return on if on == date.max else on + _DAY
