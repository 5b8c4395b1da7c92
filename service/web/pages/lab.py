"""A lab on a day: what it was, and everyone who was there, each with the span of the stay."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

from litestar import Response

from service.answers.labs import LabState, Member, lab_state, member_of
from service.answers.names import order_of
from service.answers.times import Times
from service.domain.dates import UNBOUNDED_LO
from service.domain.refusals import BadParameter, shown
from service.domain.stints import Stint
from service.web.asked import other_pairs, with_pairs
from service.web.charts.scales import Window
from service.web.charts.strips import Piece, reach, strip
from service.web.page import Page
from service.web.visits import Visit

EARLIEST = date(1950, 1, 1)
"""What nothing bounds is not drawn from further back."""
SORT = "sort"
_Key = Callable[["Line"], Any]


class Line(NamedTuple):
    """One person of the roster."""

    member: Member
    stints: Sequence[Stint]
    pieces: Sequence[Piece]

    @property
    def first(self) -> date:
        """The last day by which the stay had begun."""
        return self.stints[0].start.hi


class Order(NamedTuple):
    """A way to list the roster."""

    name: str
    address: str
    is_here: bool


_ORDERS: dict[str, tuple[str, _Key]] = {
    "arrival": ("arrival", lambda line: (line.first, order_of(line.member.person))),
    "name": ("name", lambda line: order_of(line.member.person)),
    "stay": ("length of stay", lambda line: (-_days(line), order_of(line.member.person))),
    "role": (
        "role",
        lambda line: (line.member.role is None, (line.member.role or "").casefold(), line.first),
    ),
}


async def lab(visit: Visit) -> Response[bytes]:
    name = visit.path["lab"]
    sort = visit.text(SORT) or "arrival"
    if sort not in _ORDERS:
        raise BadParameter(SORT, f"{shown(sort)} is no order; known: {', '.join(_ORDERS)}.")
    async with visit.reading() as (connection, times):
        state = await lab_state(connection, name, times)
        count = state.headcount
        bar = await visit.time_bar(
            connection, times, state.lab.name, uncertain=count.presumed + count.possible
        )
    window = _window(state, visit.today, times)
    lines = sorted(_lines(state, window), key=_ORDERS[sort][1])
    return visit.show(
        "lab.html",
        lab=state.lab,
        headcount=count,
        founders_there=[f for f in state.lab.founders if f.id in state.standings],
        lines=lines,
        ticks=window.ticks(),
        rule=window.x(times.at),
        orders=_orders(visit, sort),
        bar=bar,
    )


def _lines(state: LabState, window: Window) -> list[Line]:
    return [
        Line(
            member_of(state.labels.person(person), standing),
            state.stints[person],
            strip(state.stints[person], window),
        )
        for person, standing in state.standings.items()
    ]


def _window(state: LabState, today: date, times: Times) -> Window:
    """From the first of the stays that are shown to today, or to the day asked for if later."""
    shown = [stint for person in state.standings for stint in state.stints[person]]
    return reach(shown, max(today, times.at), EARLIEST)


def _orders(visit: Visit, sort: str) -> list[Order]:
    path = visit.address.partition("?")[0]
    rest = other_pairs(visit.pairs, SORT)
    return [
        Order(name, with_pairs(path, [*rest, (SORT, key)]), key == sort)
        for key, (name, _) in _ORDERS.items()
    ]


def _days(line: Line) -> int:
    """How long the stay lasted at least by its last evidence, in days."""
    stint = line.stints[-1]
    last = stint.last_evidence if stint.end is None else stint.end.lo
    return 0 if stint.start.hi == UNBOUNDED_LO else (last - stint.start.hi).days


PAGES = (Page(name="lab", path="/labs/{lab:str}", answer=lab),)
