"""Dates as sources give them: EDTF text and the days that it can mean (SEMANTICS 2)."""

import re
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from service.domain.refusals import BadDate

YEAR_MIN = 1800
YEAR_MAX = 2199
UNBOUNDED_LO = date.min
UNBOUNDED_HI = date.max

# [0-9] and not \d, which takes full-width and other digits.
_PLAIN = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_MARKED = re.compile(r"([0-9]{4}(?:-[0-9]{2}){0,2})([?~%])?")
_INTERVAL = re.compile(r"\[([0-9-]*)\.\.([0-9-]*)\]")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class Bounds(NamedTuple):
    """
    The first and the last day that a date can mean.

    Units: civil days, both included. Unbounded is date.min or date.max, so that bounds
    always compare. A stint is half-open and therefore another type.
    """

    lo: date
    hi: date


@lru_cache(maxsize=65536)
def bounds(text: str) -> Bounds:
    """
    The first and the last day that *text* can mean.

    Source: SEMANTICS 2 (EDTF, ISO 8601-2 levels 0 and 1).

    Raises:
        BadDate: not one of the written forms, or no such day.

    >>> bounds("2017-05~")
    Bounds(lo=datetime.date(2017, 4, 1), hi=datetime.date(2017, 6, 30))
    """
    if interval := _INTERVAL.fullmatch(text):
        return _interval_bounds(text, *interval.groups())
    marked = _MARKED.fullmatch(text)
    if not marked:
        raise BadDate(text, "it is none of the written forms")
    plain = _plain_bounds(text, marked[1])
    return _widened(plain, marked[1]) if marked[2] in ("~", "%") else plain


def day(text: str) -> date:
    """
    The one day that *text* names, as in `at`.

    Raises:
        BadDate: a month, a year, a marked date, an interval, or no such day.
    """
    if len(text) != len("2024-06-01") or not _PLAIN.fullmatch(text):
        raise BadDate(text, "a plain day is asked for", example="2024-06-01")
    try:
        return _plain_bounds(text, text).lo
    except BadDate as refusal:
        # The other forms of dates are no way out here.
        raise BadDate(text, refusal.reason, example="2024-06-01") from refusal


def is_doubtful(text: str) -> bool:
    """Whether the source itself doubts the date; it is shown and moves no bound."""
    return text.endswith(("?", "%"))


def eve(on: date) -> date:
    """The day before *on*; unbounded has none before it but itself."""
    return on if on in (UNBOUNDED_LO, UNBOUNDED_HI) else on - timedelta(days=1)


@lru_cache(maxsize=65536)
def in_words(text: str) -> str:
    """
    *text* as a person would say it.

    >>> in_words("2017~"), in_words("2026-06"), in_words("[2026-06-19..]")
    ('about 2017', 'June 2026', 'on or after 19 June 2026')
    """
    if interval := _INTERVAL.fullmatch(text):
        first, last = interval.groups()
        if not first:
            return f"by {_plain_in_words(last)}"
        if not last:
            since = "on or after" if len(first) == len("2024-06-01") else "in or after"
            return f"{since} {_plain_in_words(first)}"
        return f"between {_plain_in_words(first)} and {_plain_in_words(last)}"
    words = _plain_in_words(text.rstrip("?~%"))
    if text[-1] in "~%":
        words = f"about {words}"
    return f"{words} (doubtful)" if is_doubtful(text) else words


def when_in_words(text: str) -> str:
    """
    *text* with the preposition that a sentence needs.

    >>> when_in_words("2024-06-01"), when_in_words("2017~"), when_in_words("[..2012]")
    ('on 1 June 2024', 'in about 2017', 'by 2012')

    >>> when_in_words("2026-06-25~")
    'about 25 June 2026'
    """
    words = in_words(text)
    if _INTERVAL.fullmatch(text):
        return words
    if len(text.rstrip("?~%")) < len("2024-06-01"):
        return f"in {words}"
    # Nobody says "on about" a day.
    return words if text[-1] in "~%" else f"on {words}"


def day_in_words(on: date) -> str:
    """
    A civil day in words.

    >>> day_in_words(date(2024, 6, 1))
    '1 June 2024'
    """
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def day_or_none(on: date) -> date | None:
    """*on*, or None where it is unbounded: how bounds leave the domain."""
    return None if on in (UNBOUNDED_LO, UNBOUNDED_HI) else on


def _interval_bounds(text: str, first: str, last: str) -> Bounds:
    if not first and not last:
        raise BadDate(text, "an interval needs at least one end")
    lo = _plain_bounds(text, first).lo if first else UNBOUNDED_LO
    hi = _plain_bounds(text, last).hi if last else UNBOUNDED_HI
    if lo > hi:
        raise BadDate(text, "the ends of the interval are not in order")
    return Bounds(lo, hi)


def _plain_bounds(text: str, plain: str) -> Bounds:
    parts = _PLAIN.fullmatch(plain)
    if not parts:
        raise BadDate(text, "it is none of the written forms")
    year = int(parts[1])
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise BadDate(text, f"years run from {YEAR_MIN} to {YEAR_MAX}")
    if parts[2] is None:
        return Bounds(date(year, 1, 1), date(year, 12, 31))
    month = int(parts[2])
    if not 1 <= month <= 12:
        raise BadDate(text, f"there is no month {parts[2]}")
    days = monthrange(year, month)[1]
    if parts[3] is None:
        return Bounds(date(year, month, 1), date(year, month, days))
    if not 1 <= int(parts[3]) <= days:
        raise BadDate(text, f"{_MONTHS[month - 1]} {year} has {days} days")
    exact = date(year, month, int(parts[3]))
    return Bounds(exact, exact)


def _widened(plain: Bounds, text: str) -> Bounds:
    """*plain* with one more year, month or day on either side, in the unit of *text*."""
    lo, hi = plain
    if len(text) == len("2017"):
        return Bounds(date(lo.year - 1, 1, 1), date(hi.year + 1, 12, 31))
    if len(text) == len("2017-05"):
        after = hi + timedelta(days=1)
        last = monthrange(after.year, after.month)[1]
        return Bounds(eve(lo).replace(day=1), after.replace(day=last))
    return Bounds(lo - timedelta(days=1), hi + timedelta(days=1))


def _plain_in_words(plain: str) -> str:
    parts = plain.split("-")
    if len(parts) == 1:
        return parts[0]
    month = f"{_MONTHS[int(parts[1]) - 1]} {parts[0]}"
    return month if len(parts) == 2 else f"{int(parts[2])} {month}"
