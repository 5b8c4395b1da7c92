"""The time bar: on which day, as known when, and the same page at other times."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from service.answers.times import KnownAt, Period, Times
from service.domain.dates import day_in_words
from service.web.asked import (
    KNOWN_AT,
    PUBLISHED_BY,
    TIMES,
    Asked,
    Pairs,
    other_pairs,
    with_pairs,
)


class Preset(NamedTuple):
    """Times to go to, by a word."""

    name: str
    address: str
    is_here: bool


class TimeBar(NamedTuple):
    """What is in the bar of one page."""

    path: str
    also: Sequence[tuple[str, str]]
    """What else the address says, which other times leave as it is."""
    at: date
    known_at: str
    """As the field shows it; blank for what is not asked, as is the other."""
    published_by: str
    presets: Sequence[Preset]
    sentence: str
    cite: str
    """The address that stays: of this day, and of this state of knowledge."""
    position: int


def time_bar(
    path: str,
    pairs: Pairs,
    asked: Asked,
    times: Times,
    *,
    today: date,
    subject: str,
    uncertain: int | None = None,
    last_correction: int | None = None,
) -> TimeBar:
    """
    The bar of a page.

    Shapes: *subject* begins the sentence, such as the name of a lab; *uncertain* is how many of
    the page's answers are not certain; *last_correction* is the position of the last correction
    up to what was known.
    """
    also = other_pairs(pairs, *TIMES)
    own = dict(asked.pairs)

    def address(**changed: str | None) -> str:
        return with_pairs(path, [*also, *(own | changed).items()])

    year_ago = a_year_before(today)
    presets = [
        Preset("Today", address(at=None, known_at=None), asked.at is asked.known_at is None),
        Preset("A year ago", address(at=year_ago.isoformat()), asked.at == year_ago),
    ]
    if last_correction is not None:
        before = last_correction - 1
        presets.append(
            Preset(
                "Before the latest correction",
                address(known_at=str(before)),
                asked.known_at == before,
            )
        )
    return TimeBar(
        path=path,
        also=also,
        at=times.at,
        known_at=own[KNOWN_AT] or "",
        published_by=own[PUBLISHED_BY] or "",
        presets=presets,
        sentence=sentence(subject, times, uncertain=uncertain),
        cite=address(at=times.at.isoformat(), known_at=str(times.known_at.position)),
        position=times.known_at.position,
    )


def sentence(subject: str, times: Times, *, uncertain: int | None = None) -> str:
    """What a page shows, in one sentence: of whom, when, as known when, and how sure it is."""
    said = f"{subject} on {day_in_words(times.at)}, {known_in_words(times)}"
    if times.published_by is not None:
        said += f", from what was published by {day_in_words(times.published_by)}"
    if uncertain is not None:
        said += f"; {_uncertain(uncertain)}"
    return said + "."


def known_in_words(times: Times) -> str:
    """The state of knowledge that an answer is from."""
    if times.known_at.position == times.head:
        return "as known today"
    return f"as known at position {times.known_at.position:,}{_recorded(times.known_at)}"


def in_the_period(period: Period) -> str:
    """
    A period as a sentence goes on with it.

    >>> in_the_period(Period(None, date(2024, 6, 1)))
    'until 1 June 2024'
    """
    if period.from_on is None:
        return "at any time" if period.to_on is None else f"until {day_in_words(period.to_on)}"
    if period.to_on is None:
        return f"since {day_in_words(period.from_on)}"
    return f"from {day_in_words(period.from_on)} to {day_in_words(period.to_on)}"


def a_year_before(day: date) -> date:
    """
    The same day a year earlier; of a leap day the one before it.

    >>> a_year_before(date(2024, 2, 29))
    datetime.date(2023, 2, 28)
    """
    leaps = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leaps else day.day)


def _uncertain(count: int) -> str:
    if count == 0:
        return "every answer is certain"
    return "1 answer is uncertain" if count == 1 else f"{count:,} answers are uncertain"


def _recorded(known_at: KnownAt) -> str:
    at = known_at.recorded_at
    return "" if at is None else f", recorded on {day_in_words(at.date())} at {at:%H:%M} UTC"
