"""How many moved from each lab to each."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct, field

from service.answers.moves import (
    Asked,
    Reach,
    Row,
    Sure,
    count_of,
    find_moves,
    lab_of,
    place_of,
    rows_in,
)
from service.answers.names import Labels, Named, order_of
from service.answers.pages import page_after
from service.answers.times import KnownAt, Period, Times
from service.domain.moves import BEFORE_DAYS
from service.postgres.pool import Connection


class Flow(Struct, frozen=True, kw_only=True):
    """How many moved from one lab to another."""

    from_lab: Named | None = field(name="from")
    """Null of arrivals before which nothing is known."""
    to_lab: Named | None = field(name="to")
    """Null of departures after which nothing is known."""
    count: Sure
    moves: str
    """The address of its rows."""


class FlowsAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Flows between labs, the largest first; after them those of which one side is not known."""

    items: Sequence[Flow]
    next: str | None
    count: Sure
    """Of all flows together."""
    period: Period
    reach: Reach
    at: date
    known_at: KnownAt
    published_by: date | None = None
    undated_events: int | None = None


async def flows_between(
    connection: Connection,
    times: Times,
    asked: Asked,
    *,
    after: str | None,
    limit: int,
    address: Callable[[Mapping[str, str]], str],
) -> FlowsAnswer:
    """
    At most *limit* flows after one, each with the *address* of its moves by their filters.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
        BadParameter: more people than one question may take, or *after* is none of these flows.
    """
    found = await find_moves(connection, times, asked)
    rows = await asyncio.to_thread(rows_in, found, asked)
    flows = flows_of(rows, Labels({}, found.labs, times.at), asked, address)
    page, next_place = page_after(flows, after, limit, _place_of_flow)
    return FlowsAnswer(
        items=page,
        next=next_place,
        count=count_of(rows),
        period=Period(asked.from_on, asked.to_on),
        reach=Reach(asked.within, BEFORE_DAYS),
        at=times.at,
        known_at=times.known_at,
        published_by=times.published_by,
        undated_events=found.view.undated_events,
    )


def flows_of(
    rows: Iterable[Row], labels: Labels, asked: Asked, address: Callable[[Mapping[str, str]], str]
) -> list[Flow]:
    """The same moves counted from lab to lab, each count with the *address* of its rows."""
    cells: dict[tuple[str | None, str | None], list[Row]] = {}
    for row in rows:
        cells.setdefault((lab_of(row.move.departure), lab_of(row.move.arrival)), []).append(row)
    flows = [
        Flow(
            from_lab=None if from_lab is None else labels.lab(from_lab),
            to_lab=None if to_lab is None else labels.lab(to_lab),
            count=count_of(counted),
            moves=address(_filters(from_lab, to_lab, asked)),
        )
        for (from_lab, to_lab), counted in cells.items()
    ]
    return sorted(flows, key=_by_size)


def _filters(from_lab: str | None, to_lab: str | None, asked: Asked) -> dict[str, str]:
    """What leads from a flow to its moves, and to no others."""
    filters: dict[str, str] = {}
    if from_lab is not None:
        filters["from_lab"] = from_lab
    if to_lab is not None:
        filters["to_lab"] = to_lab
    if from_lab is None or to_lab is None:
        filters["kind"] = "arrival" if from_lab is None else "departure"
    for name, on in (("from", asked.from_on), ("to", asked.to_on)):
        if on is not None:
            filters[name] = on.isoformat()
    return filters | {"within": str(asked.within)}


def _by_size(flow: Flow) -> tuple[bool, int, int, tuple[str, str], tuple[str, str]]:
    none = Named("", "")
    count = flow.count
    return (
        flow.from_lab is None or flow.to_lab is None,
        -count.certain - count.possible,
        -count.certain,
        order_of(flow.from_lab or none),
        order_of(flow.to_lab or none),
    )


def _place_of_flow(flow: Flow) -> str:
    return place_of([one.id if one is not None else "" for one in (flow.from_lab, flow.to_lab)])
