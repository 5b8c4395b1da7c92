"""Questions in words: what is understood, what is not, and that both sides mean the same."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, Bounds, bounds
from service.domain.questions import (
    EXAMPLES,
    MovesBetween,
    Question,
    WhereWas,
    WhoOrWhat,
    WhoWasAt,
    days_of,
    in_words,
    is_of_today,
    parse_question,
    parse_when,
)
from service.domain.refusals import BadDate, NotUnderstood
from tests.support import strategies
from tests.support.nasty import NASTY

UNDERSTOOD: dict[str, Question] = {
    "who was at DeepMind on 2024-06-01": WhoWasAt("DeepMind", "2024-06-01"),
    "where was Lucas Beyer in May 2025": WhereWas("Lucas Beyer", "2025-05"),
    "  WHO  Was at   Mistral AI\tON June 1st, 2024 ?": WhoWasAt("Mistral AI", "2024-06-01"),
    "who was at OpenAI in 2024?": WhoWasAt("OpenAI", "2024"),
    "who was at OpenAI on 2024": WhoWasAt("OpenAI", "2024"),
    "who was at OpenAI in about 2017": WhoWasAt("OpenAI", "2017~"),
    "who was at OpenAI in 2017~": WhoWasAt("OpenAI", "2017~"),
    "who was at OpenAI in 2017%": WhoWasAt("OpenAI", "2017~"),
    "who was at OpenAI in [2024-03..2024-05]": WhoWasAt("OpenAI", "[2024-03..2024-05]"),
    "who was at OpenAI between March 2024 and 2024-05": WhoWasAt("OpenAI", "[2024-03..2024-05]"),
    "who was at OpenAI between 2024 and 2024": WhoWasAt("OpenAI", "2024"),
    "who was at OpenAI yesterday": WhoWasAt("OpenAI", "yesterday"),
    "who is at OpenAI": WhoWasAt("OpenAI", "today"),
    "who is at OpenAI today": WhoWasAt("OpenAI", "today"),
    "who is at Institute on AI": WhoWasAt("Institute on AI", "today"),
    "who was at Made in 2024 in May 2025": WhoWasAt("Made in 2024", "2025-05"),
    "who was at Today today": WhoWasAt("Today", "today"),
    "who was at Between 2 and 3 on 2024-01-01": WhoWasAt("Between 2 and 3", "2024-01-01"),
    "where is Lucas Beyer now": WhereWas("Lucas Beyer", "today"),
    "where is Lucas Beyer": WhereWas("Lucas Beyer", "today"),
    "where was On Kawara on 2 Jan 2024": WhereWas("On Kawara", "2024-01-02"),
    "where was 林俊旸 in 2024-06": WhereWas("林俊旸", "2024-06"),
    "moves from OpenAI to Anthropic in 2024": MovesBetween("OpenAI", "Anthropic", "2024"),
    "Moves FROM OpenAI TO Anthropic on 1 May 2024?": MovesBetween(
        "OpenAI", "Anthropic", "2024-05-01"
    ),
    "moves from OpenAI to Anthropic": MovesBetween("OpenAI", "Anthropic", None),
    "moves from A to B between 2023 and 2024": MovesBetween("A", "B", "[2023..2024]"),
    "moves from Back to Basics to OpenAI yesterday": MovesBetween(
        "Back to Basics", "OpenAI", "yesterday"
    ),
    "moves from A to Institute on AI": MovesBetween("A", "Institute on AI", None),
    "who went from OpenAI to Anthropic in 2024?": MovesBetween("OpenAI", "Anthropic", "2024"),
    "Who moved from A to B": MovesBetween("A", "B", None),
    "who left OpenAI for Anthropic in May 2024": MovesBetween("OpenAI", "Anthropic", "2024-05"),
    "who left Made for Good for OpenAI": MovesBetween("Made for Good", "OpenAI", None),
    "who left OpenAI to Anthropic": MovesBetween("OpenAI", "Anthropic", None),
    "DeepMind": WhoOrWhat("DeepMind"),
    "Lucas Beyer?": WhoOrWhat("Lucas Beyer"),
    "on": WhoOrWhat("on"),
    "whereas": WhoOrWhat("whereas"),
    "who was": WhoOrWhat("who was"),
}

NOT_UNDERSTOOD = {
    "": "There is no question in it.",
    " ? ": "There is no question in it.",
    "who was at": "'who was at' names nobody.",
    "where is": "'where is' names nobody.",
    "who was at DeepMind": "'who was at DeepMind' does not say when;",
    "where was Lucas Beyer": "'where was Lucas Beyer' does not say when;",
    "who was at on 2024-06-01": "'who was at on 2024-06-01' does not say when;",
    "who was at DeepMind on Tuesday": "'who was at DeepMind on Tuesday' does not say when;",
    "who was at DeepMind on 2024-02-30": "February 2024 has 29 days;",
    "who was at DeepMind on 30 February 2024": "February 2024 has 29 days;",
    "who was at DeepMind on 0 May 2024": "May 2024 has 31 days;",
    "who was at DeepMind in 2024-13": "there is no month 13;",
    "who was at DeepMind in 1799": "years run from 1800 to 2199;",
    "who was at DeepMind on 2th June 2024": "it is '2nd';",
    "who was at DeepMind on 20240601": "it is none of the forms that are understood;",
    "who was at DeepMind on 01/06/2024": "it is none of the forms that are understood;",
    "who was at DeepMind in ２０２４": "does not say when;",
    "who was at DeepMind in [2024-03..]": "a question needs both ends;",
    "who was at DeepMind in [..2024]": "a question needs both ends;",
    "who was at DeepMind between May 2024 and 2023": "not in order;",
    "who left OpenAI in 2024": "'who left OpenAI in 2024' does not name two labs.",
    "who went from OpenAI": "'who went from OpenAI' does not name two labs.",
    "moves from": "'moves from' does not name two labs.",
    "moves from OpenAI": "'moves from OpenAI' does not name two labs.",
    "moves from to Anthropic": "'moves from to Anthropic' does not name two labs.",
    "moves from OpenAI to in 2024": "does not name two labs.",
    "moves from OpenAI to Anthropic in 2024-13": "there is no month 13;",
    "who is at DeepMind on 2024-02-30": "February 2024 has 29 days;",
}

ENGLISH = {
    "1 June 2024": "2024-06-01",
    "1st June 2024": "2024-06-01",
    "the 1st of June, 2024": "2024-06-01",
    "June 1 2024": "2024-06-01",
    "June 1st, 2024": "2024-06-01",
    "jun 22nd 2024": "2024-06-22",
    "Sep 2024": "2024-09",
    "Sept 2024": "2024-09",
    "September, 2024": "2024-09",
    "MAY 2025": "2025-05",
    "about 10 May 2017": "2017-05-10~",
    "2024-06-01?": "2024-06-01",
    "2024?": "2024",
    "today": "today",
    "Now": "today",
}


@pytest.mark.parametrize(("text", "question"), UNDERSTOOD.items())
def test_question_is_understood(text: str, question: Question) -> None:
    assert parse_question(text) == question
    assert parse_question(in_words(question)) == question


@pytest.mark.parametrize(("text", "reason"), NOT_UNDERSTOOD.items())
def test_what_is_not_understood_says_why_and_what_is(text: str, reason: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        parse_question(text)
    assert reason in refused.value.message
    assert refused.value.examples == EXAMPLES
    assert all(each in refused.value.message for each in EXAMPLES)


@pytest.mark.parametrize(("text", "written"), ENGLISH.items())
def test_time_is_understood_in_english(text: str, written: str) -> None:
    assert parse_when(text) == written


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_understood(text: str) -> None:
    parse_question(text)


@pytest.mark.parametrize("text", NASTY.values())
def test_hostile_text_is_a_name_or_refused(text: str) -> None:
    for asked in (text, f"who was at {text}", f"where was {text} on {text}"):
        try:
            printed = in_words(parse_question(asked))
        except NotUnderstood as refusal:
            refused = refusal.message
            assert refused.isprintable()
        else:
            assert parse_question(printed) == parse_question(asked)


_WORDS = """
    moves from to who where was is at on in between and about today now yesterday the of 2024
    2024-06-01 2017~ [2024..2025] 1 1st May June, X DeepMind ? %
"""
_words = st.sampled_from(_WORDS.split())
_texts = st.one_of(
    st.text(),
    st.lists(_words, max_size=12).map(" ".join),
    st.builds(
        "{} {} {}".format,
        st.sampled_from(["who was at", "where was", "who is at", "where is", "moves from a to"]),
        st.text(min_size=1),
        st.one_of(st.builds("on {}".format, strategies.edtf), st.lists(_words).map(" ".join)),
    ),
)


@pytest.mark.parametrize(
    ("text", "when", "printed"),
    [
        ("who was at X on 2000-01-01~", "2000-01-01~", "Who was at X about 1 January 2000?"),
        ("who was at X about 1 Jan 2000", "2000-01-01~", "Who was at X about 1 January 2000?"),
        ("who was at X In About 2017", "2017~", "Who was at X in about 2017?"),
        ("who was at X about 2017", "2017~", "Who was at X in about 2017?"),
    ],
)
def test_about_a_day_is_understood_as_it_is_printed(text: str, when: str, printed: str) -> None:
    question = parse_question(text)
    assert question == WhoWasAt("X", when)
    assert in_words(question) == printed
    assert parse_question(printed) == question


@given(text=_texts)
@example(text="who was at X on in 2024")
@example(text="where is today today")
def test_whatever_is_understood_is_printed_as_what_means_the_same(text: str) -> None:
    """And nothing raises anything but its refusal."""
    try:
        question = parse_question(text)
    except NotUnderstood:
        return
    assert parse_question(in_words(question)) == question


@given(written=strategies.edtf)
def test_every_written_date_with_both_ends_is_a_time(written: str) -> None:
    lo, hi = bounds(written)
    if lo == UNBOUNDED_LO or hi == UNBOUNDED_HI:
        with pytest.raises(BadDate):
            parse_when(written)
    else:
        assert bounds(parse_when(written)) == (lo, hi)


@given(written=strategies.edtf, ahead=st.integers(-800, 800), later=st.integers(0, 2000))
def test_days_asked_for_are_those_that_have_come(written: str, ahead: int, later: int) -> None:
    """Unless none of them has, and whether that changes with the day is told."""
    lo, hi = bounds(written)
    if lo == UNBOUNDED_LO or hi == UNBOUNDED_HI:
        return
    when, today = parse_when(written), lo + timedelta(days=ahead)
    first, last = days_of(when, today)
    assert (first, last) == (lo, today if lo <= today < hi else hi)
    if not is_of_today(when, today):
        assert days_of(when, today + timedelta(days=later)) == (first, last)


def test_relative_days_are_of_today() -> None:
    today = date(2024, 3, 1)
    assert days_of("today", today) == Bounds(today, today)
    assert days_of("yesterday", today) == Bounds(date(2024, 2, 29), date(2024, 2, 29))
    assert is_of_today("today", today)
    assert is_of_today("yesterday", today)
    assert not is_of_today("2024-03-01", today)
    assert is_of_today("2024-03", today)
    assert not is_of_today("2024-02", today)
