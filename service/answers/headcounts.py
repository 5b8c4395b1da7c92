"""How many people were at a lab, over time."""

from collections.abc import Callable, Sequence
from datetime import date

from msgspec import Struct

from service.answers.labs import Headcount
from service.answers.names import Named
from service.answers.times import KnownAt, Period, Times
from service.answers.views import labels_in, view_of_lab
from service.domain.headcounts import Step
from service.postgres.pool import Connection


class HeadcountOn(Struct, frozen=True, kw_only=True):
    """How many people were there on a day."""

    on: date
    headcount: Headcount
    members: str
    """The address of the roster of the day."""


class HeadcountsAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The headcount of a lab, a day a step, oldest first."""

    lab: Named
    items: Sequence[HeadcountOn]
    period: Period
    step: Step
    at: date
    known_at: KnownAt
    published_by: date | None = None
    undated_events: int | None = None


async def headcounts_of(
    connection: Connection,
    name: str,
    times: Times,
    *,
    period: Period,
    step: Step,
    days: Sequence[date],
    address: Callable[[str, date], str],
) -> HeadcountsAnswer:
    """
    The headcounts of the lab that *name* names.

    Shapes: *days* in order, at least one; *address* makes of the lab's id and a day the address
    of a roster.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    view, lab_id = await view_of_lab(connection, name, times)
    counts = await view.headcounts(lab_id, days)
    lab = (await labels_in(view, labs=[lab_id], at=times.at)).lab(lab_id)
    return HeadcountsAnswer(
        lab=lab,
        items=[
            HeadcountOn(on=on, headcount=Headcount(*count), members=address(lab.id, on))
            for on, count in zip(days, counts, strict=True)
        ],
        period=period,
        step=step,
        at=times.at,
        known_at=times.known_at,
        published_by=times.published_by,
        undated_events=view.undated_events,
    )
