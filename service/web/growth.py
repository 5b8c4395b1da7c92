"""The headcount of a lab as a drawing, over all the days of which something is known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from service.answers.labs import Headcount
from service.domain.headcounts import headcounts
from service.domain.periods import firsts_of, step_for
from service.domain.stints import Dated
from service.web.charts.bands import Bands, Count, bands
from service.web.charts.scales import Tick, Window
from service.web.charts.strips import reach


class Growth(NamedTuple):
    """A headcount over time: what is drawn, and its table."""

    counts: Sequence[tuple[date, Headcount]]
    drawn: Bands
    ticks: Sequence[Tick]
    window: Window


def growth(people: Mapping[str, Sequence[Dated]], last: date, earliest: date) -> Growth:
    """
    The counts from the first stay to a day, in steps that the span can bear.

    Shapes: of each person the stints at the lab; what nothing bounds counts from *earliest*.
    """
    window = reach(_all(people), last, earliest)
    days = firsts_of(window.first, last, step_for(window.first, last))
    if days[-1] != last:
        days.append(last)
    counts = headcounts(people.values(), days)
    return Growth(
        [(on, Headcount(*count)) for on, count in zip(days, counts, strict=True)],
        bands([Count(on, *count) for on, count in zip(days, counts, strict=True)], window),
        window.ticks(),
        window,
    )


def _all(people: Mapping[str, Sequence[Dated]]) -> Iterable[Dated]:
    return (stint for stints in people.values() for stint in stints)
