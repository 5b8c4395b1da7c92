"""The period that the address of a page asks for, and what is drawn of its counts."""

from collections.abc import Sequence
from datetime import date, timedelta

from service.answers.movements import Tallies
from service.answers.times import Period
from service.domain import dates
from service.domain.headcounts import Step
from service.domain.refusals import BadDate, BadParameter
from service.web.charts.balances import Balance, balance
from service.web.charts.balances import Period as Bars
from service.web.charts.scales import TICKS_MAX, WIDTH, Tick, sparing
from service.web.visits import Visit

FROM, TO = "from", "to"
YEAR_DAYS = 365
"""So long before its last day a period begins that is given none to begin with."""
SHORTER_DAYS = (30, 7)
"""Or so long, where a year of everybody is more than can be read at once."""
_FIRST = date(dates.YEAR_MIN, 1, 1)


def asked_period(visit: Visit) -> Period:
    """
    The period as the address has it, open where it says nothing.

    Raises:
        BadParameter: an end that is no day, or ends that are not in order.
    """
    period = Period(_day(visit, FROM), _day(visit, TO))
    if period.from_on and period.to_on and period.from_on > period.to_on:
        raise BadParameter(
            FROM,
            f"'from', {period.from_on}, is later than 'to', {period.to_on}; give them in order.",
        )
    return period


def year_up_to(asked: Period, at: date) -> Period:
    """
    *asked*, and where it is open the year up to a day, as the API answers.

    Raises:
        BadParameter: it begins after that day.
    """
    to_on = asked.to_on or at
    from_on = asked.from_on or max(to_on - timedelta(days=YEAR_DAYS), _FIRST)
    if from_on > to_on:
        raise BadParameter(FROM, f"'from', {from_on}, is later than {to_on}; give 'to' as well.")
    return Period(from_on, to_on)


def lately_up_to(asked: Period, at: date) -> list[Period]:
    """
    The same; and where *asked* has no beginning, shorter ones to fall back upon, one by one.

    Raises:
        BadParameter: it begins after that day.
    """
    year = year_up_to(asked, at)
    if asked.from_on is not None or year.to_on is None:
        return [year]
    firsts = [max(year.to_on - timedelta(days=days), _FIRST) for days in SHORTER_DAYS]
    return [year, *(Period(first, year.to_on) for first in firsts)]


def balance_of(tallies: Tallies) -> tuple[Balance, Sequence[Tick]]:
    """Bars for each period, and the marks of their axis."""
    drawn = balance(
        [
            Bars(
                one.from_on.isoformat(),
                one.joined.certain,
                one.left.certain,
                one.joined.possible,
                one.left.possible,
            )
            for one in tallies.items
        ]
    )
    return drawn, _ticks(tallies)


def _ticks(tallies: Tallies) -> list[Tick]:
    """Marks where bars begin, as many as can be read; the first bar's period may have begun."""
    room = WIDTH / max(len(tallies.items), 1)
    every = -(-len(tallies.items) // TICKS_MAX)
    if tallies.step == "quarter":
        every = 4 * -(-every // 4)
    begins = [(n, one.from_on) for n, one in enumerate(tallies.items) if n]
    first = next((n for n, on in begins if tallies.step != "quarter" or on.month == 1), 0)
    marked = [(n, on) for n, on in begins if n >= first and (n - first) % every == 0]
    years = [None, *(on.year for _, on in marked)]
    return sparing(
        [
            Tick(round(room * n, 2), _label(on, tallies.step, is_first=on.year != before))
            for (n, on), before in zip(marked, years, strict=False)
        ]
    )


def _label(on: date, step: Step, *, is_first: bool) -> str:
    """What a mark says: the first of each year says which one, for not every month has a mark."""
    if step in ("year", "quarter"):
        return str(on.year)
    said = f"{on:%b}" if step == "month" else f"{on.day} {on:%b}"
    return f"{said} {on.year}" if is_first else said


def _day(visit: Visit, name: str) -> date | None:
    text = visit.text(name)
    if text is None:
        return None
    try:
        return dates.day(text)
    except BadDate as refusal:
        raise BadParameter(name, f"'{name}': {refusal.message}") from refusal
