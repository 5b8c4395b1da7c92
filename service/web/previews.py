"""
The picture of a page, for those who show a preview of a link to it.

A page's address with `format=png` is that picture, for the times and filters of the address.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from litestar import Response

from service.answers.labs import Headcount
from service.answers.movements import Tallies
from service.web.asked import with_pairs
from service.web.charts.scales import Window
from service.web.lanes import Lane as DrawnLane
from service.web.pictures.drawing import MEDIA_TYPE, Curve, Lane, Pair, Part, Picture, Step
from service.web.tables import FORMAT
from service.web.visits import Visit

PNG = "png"
PAIRS_MAX = 60
"""More bars than that are no bars any more."""


class Preview(NamedTuple):
    """Where the picture of a page is, and what it shows in words."""

    address: str
    said: str


def is_wanted(visit: Visit) -> bool:
    """Whether the address asks for the picture of its page."""
    return visit.text(FORMAT) == PNG


def preview(path: str, pairs: Iterable[tuple[str, str | None]], said: str) -> Preview:
    """The picture of a page that *path* and what it is asked with, *pairs*, lead to."""
    return Preview(with_pairs(path, [*pairs, (FORMAT, PNG)]), said)


async def send_picture(visit: Visit, picture: Picture) -> Response[bytes]:
    """The picture as a file."""
    return visit.send(await visit.site.pictures.drawn(picture), media_type=MEDIA_TYPE)


def curve(counts: Sequence[tuple[date, Headcount]], window: Window) -> Curve:
    """Headcounts over the days of a window, of which each holds until the next."""
    return Curve(
        tuple(
            Step(window.x(on), count.certain, count.presumed, count.possible)
            for on, count in counts
        ),
        str(window.first.year),
        str(window.last.year),
    )


def lane_of(drawn: DrawnLane) -> Lane:
    """The stays of one person at one lab, with how it is on the day."""
    parts = tuple(Part(one.mark, one.x, one.width) for one in drawn.pieces)
    return Lane(drawn.lab.name, parts, drawn.presence or "")


def bar_of(name: str, count: Headcount, most: int) -> Lane:
    """How many are somewhere, on a scale on which *most* is the whole width."""
    certain, presumed, possible = (
        100 * number / max(most, 1) for number in (count.certain, count.presumed, count.possible)
    )
    parts = (
        Part("certain", 0, certain),
        Part("presumed", certain, presumed),
        Part("possible", certain + presumed, possible),
    )
    told = f"{count.certain + count.presumed + count.possible:,}"
    return Lane(name, tuple(part for part in parts if part.width), told)


def pairs_of(tallies: Tallies) -> tuple[Pair, ...]:
    """Who came and who went, in each of the last periods."""
    return tuple(
        Pair(t.joined.certain, t.left.certain, t.joined.possible, t.left.possible)
        for t in tallies.items[-PAIRS_MAX:]
    )
