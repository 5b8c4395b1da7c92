"""Dates as written, and the days that they can mean (SEMANTICS 2)."""

from datetime import date

import pytest
from hypothesis import given

from service.domain.dates import (
    UNBOUNDED_HI,
    UNBOUNDED_LO,
    bounds,
    day,
    day_in_words,
    day_or_none,
    eve,
    in_words,
    is_doubtful,
)
from service.domain.refusals import BadDate
from tests.support import strategies

BOUNDS = {
    "2024-06-01": ("2024-06-01", "2024-06-01"),
    "2024-06": ("2024-06-01", "2024-06-30"),
    "2024": ("2024-01-01", "2024-12-31"),
    "2024-02": ("2024-02-01", "2024-02-29"),
    "2023-02": ("2023-02-01", "2023-02-28"),
    "2000-02-29": ("2000-02-29", "2000-02-29"),
    "2024?": ("2024-01-01", "2024-12-31"),
    "2024-06?": ("2024-06-01", "2024-06-30"),
    "2024-06-01?": ("2024-06-01", "2024-06-01"),
    "2017~": ("2016-01-01", "2018-12-31"),
    "2017-05~": ("2017-04-01", "2017-06-30"),
    "2017-01~": ("2016-12-01", "2017-02-28"),
    "2017-12~": ("2017-11-01", "2018-01-31"),
    "2017-05-10~": ("2017-05-09", "2017-05-11"),
    "2017-01-01~": ("2016-12-31", "2017-01-02"),
    "2017%": ("2016-01-01", "2018-12-31"),
    "2017-05%": ("2017-04-01", "2017-06-30"),
    "2017-05-10%": ("2017-05-09", "2017-05-11"),
    "[2024-03..2024-05]": ("2024-03-01", "2024-05-31"),
    "[2024-03-02..2025]": ("2024-03-02", "2025-12-31"),
    "[2024-03-02..2024-03-02]": ("2024-03-02", "2024-03-02"),
    "1800": ("1800-01-01", "1800-12-31"),
    "1800~": ("1799-01-01", "1801-12-31"),
    "2199": ("2199-01-01", "2199-12-31"),
    "2199-12~": ("2199-11-01", "2200-01-31"),
}

NO_DATES = {
    "": "it is none of the written forms",
    "soon": "it is none of the written forms",
    " 2024": "it is none of the written forms",
    "2024\n": "it is none of the written forms",
    "20240601": "it is none of the written forms",
    "2024-W01-1": "it is none of the written forms",
    "2024-6-1": "it is none of the written forms",
    "2024-06-01T00:00": "it is none of the written forms",
    "２０２４": "it is none of the written forms",
    "٢٠٢٤": "it is none of the written forms",
    "2024~?": "it is none of the written forms",
    "~2024": "it is none of the written forms",
    "-2024": "it is none of the written forms",
    "2024-06-01-02": "it is none of the written forms",
    "[2024]": "it is none of the written forms",
    "2024..2025": "it is none of the written forms",
    "[2024~..2025]": "it is none of the written forms",
    "[2024..2025?]": "it is none of the written forms",
    "[2024..2025": "it is none of the written forms",
    "[2024..20]": "it is none of the written forms",
    "[-..2025]": "it is none of the written forms",
    "[2024..2025]~": "it is none of the written forms",
    "[..]": "an interval needs at least one end",
    "[2024-05..2024-03]": "the ends of the interval are not in order",
    "[2024..2023-12-31]": "the ends of the interval are not in order",
    "1799": "years run from 1800 to 2199",
    "2200": "years run from 1800 to 2199",
    "0000": "years run from 1800 to 2199",
    "[..1799-12-31]": "years run from 1800 to 2199",
    "2024-00": "there is no month 00",
    "2024-13": "there is no month 13",
    "2024-06-00": "June 2024 has 30 days",
    "2024-06-31": "June 2024 has 30 days",
    "2023-02-29": "February 2023 has 28 days",
    "1900-02-29~": "February 1900 has 28 days",
    "[2024-02-30..]": "February 2024 has 29 days",
}


@pytest.mark.parametrize(("text", "first_and_last"), BOUNDS.items())
def test_date_has_bounds(text: str, first_and_last: tuple[str, str]) -> None:
    lo, hi = first_and_last
    assert bounds(text) == (date.fromisoformat(lo), date.fromisoformat(hi))


def test_unbounded_is_beyond_every_day() -> None:
    assert bounds("[..2012]") == (UNBOUNDED_LO, date(2012, 12, 31))
    assert bounds("[2012..]") == (date(2012, 1, 1), UNBOUNDED_HI)
    assert bounds("1800~").lo > UNBOUNDED_LO
    assert bounds("2199~").hi < UNBOUNDED_HI


@pytest.mark.parametrize(("text", "reason"), NO_DATES.items())
def test_anything_else_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadDate) as refused:
        bounds(text)
    assert f"is no date: {reason}; write '2024-06-01', '2024-06'" in refused.value.message
    assert refused.value.text == text


def test_day_is_one_plain_day() -> None:
    assert day("2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "text", ["2024", "2024-06", "2024-06-01~", "2024-06-01?", "[2024-06-01..]", "20240601", "today"]
)
def test_day_refuses_what_is_no_plain_day(text: str) -> None:
    with pytest.raises(BadDate, match="a plain day is asked for; write a day such as '2024-06-01'"):
        day(text)


@pytest.mark.parametrize("text", ["2024-02-30", "2024-13-01", "1799-12-31", "[2024..20]"])
def test_day_refuses_days_that_do_not_exist(text: str) -> None:
    """The way out is a day: of a month or an interval it would be refused again."""
    with pytest.raises(BadDate, match="; write a day such as '2024-06-01'"):
        day(text)


def test_doubt_is_kept() -> None:
    doubtful = [
        text for text in ("2024", "2024?", "2024~", "2024%", "[2024..]") if is_doubtful(text)
    ]
    assert doubtful == ["2024?", "2024%"]


def test_eve_is_the_day_before() -> None:
    assert eve(date(2024, 3, 1)) == date(2024, 2, 29)
    assert eve(date(2024, 1, 1)) == date(2023, 12, 31)


def test_unbounded_has_no_eve() -> None:
    assert eve(UNBOUNDED_LO) == UNBOUNDED_LO
    assert eve(UNBOUNDED_HI) == UNBOUNDED_HI


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "2024-06-01": "1 June 2024",
        "2024-06": "June 2024",
        "2024": "2024",
        "2024?": "2024 (doubtful)",
        "2017-05~": "about May 2017",
        "2017-05-10%": "about 10 May 2017 (doubtful)",
        "[..2012]": "by 2012",
        "[2012-02..]": "in or after February 2012",
        "[2012..]": "in or after 2012",
        "[2012-12-31..]": "on or after 31 December 2012",
        "[2024-03..2024-05-02]": "between March 2024 and 2 May 2024",
    }.items(),
)
def test_date_is_said_in_words(text: str, words: str) -> None:
    assert in_words(text) == words


def test_day_is_said_in_words() -> None:
    assert day_in_words(date(2024, 1, 31)) == "31 January 2024"


def test_unbounded_leaves_as_none() -> None:
    assert day_or_none(UNBOUNDED_LO) is None
    assert day_or_none(UNBOUNDED_HI) is None
    assert day_or_none(date(2024, 1, 31)) == date(2024, 1, 31)


@given(strategies.edtf)
def test_every_date_can_be_said(text: str) -> None:
    assert bounds(text).lo <= bounds(text).hi
    assert in_words(text)


@given(strategies.edtf)
def test_marks_only_widen(text: str) -> None:
    """`?` moves no bound; `~` and `%` move both outwards."""
    lo, hi = bounds(text)
    plain = bounds(text.rstrip("?~%"))
    if text[-1] in "~%":
        assert lo < plain.lo <= plain.hi < hi
    else:
        assert (lo, hi) == plain
