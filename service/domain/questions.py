"""
Questions in words: a few kinds, taken word for word, each with one meaning.

What was understood is printed back as a question that means the same. Nothing here knows who is
meant by a name; of several ways to read a question, the one with the longest name is taken.
"""

import re
from datetime import date, timedelta
from typing import TypeAlias

from msgspec import Struct

from service.domain import dates
from service.domain.dates import Bounds
from service.domain.refusals import BadDate, NotUnderstood, shown

TODAY = "today"
YESTERDAY = "yesterday"
WHEN_CHARACTERS_MAX = 80
"""What is longer is part of a name."""
EXAMPLES = (
    "who was at DeepMind on 2024-06-01",
    "where was Lucas Beyer in May 2025",
    "moves from OpenAI to Anthropic in 2024",
)


class WhoWasAt(Struct, frozen=True, tag="who", tag_field="kind"):
    """Who was at a lab."""

    lab: str
    when: str
    """EDTF without doubt (SEMANTICS 2), with both ends; or `today`, `yesterday`."""


class WhereWas(Struct, frozen=True, tag="where", tag_field="kind"):
    """Where someone was."""

    person: str
    when: str
    """As of `WhoWasAt`."""


class MovesBetween(Struct, frozen=True, tag="moves", tag_field="kind"):
    """Who moved from one lab to another."""

    from_lab: str
    to_lab: str
    when: str | None
    """As of `WhoWasAt`; None is ever."""


class WhoOrWhat(Struct, frozen=True, tag="name", tag_field="kind"):
    """A name alone, of a lab or a person."""

    name: str


Question: TypeAlias = WhoWasAt | WhereWas | MovesBetween | WhoOrWhat


def parse_question(text: str) -> Question:
    """
    What *text* asks.

    Raises:
        NotUnderstood: it begins as a question does and does not go on as one, or says nothing.

    >>> parse_question("Who was at Mistral AI on June 1st, 2024?")
    WhoWasAt(lab='Mistral AI', when='2024-06-01')
    """
    words = " ".join(text.split()).rstrip("? ")
    if asked := _WHO.match(words):
        return WhoWasAt(*_name_and_when(words, asked))
    if asked := _WHERE.match(words):
        return WhereWas(*_name_and_when(words, asked))
    if asked := _MOVES.match(words):
        return _moves(words, asked)
    if not words:
        raise NotUnderstood("There is no question in it.", EXAMPLES)
    return WhoOrWhat(words)


def in_words(question: Question) -> str:
    """
    The question as it was understood, which means the same when it is asked.

    >>> in_words(WhereWas("Lucas Beyer", "2025-05"))
    'Where was Lucas Beyer in May 2025?'
    """
    match question:
        case WhoWasAt(lab, when):
            return f"Who {_verb(when)} at {lab} {when_in_words(when)}?"
        case WhereWas(person, when):
            return f"Where {_verb(when)} {person} {when_in_words(when)}?"
        case MovesBetween(from_lab, to_lab, when):
            then = "" if when is None else f" {when_in_words(when)}"
            return f"Moves from {from_lab} to {to_lab}{then}?"
        case WhoOrWhat(name):
            return name


def when_in_words(when: str) -> str:
    """
    When something is asked for, with the preposition that a sentence needs.

    >>> when_in_words("2024-06-01"), when_in_words("2017~"), when_in_words("today")
    ('on 1 June 2024', 'in about 2017', 'today')
    """
    return when if when in (TODAY, YESTERDAY) else dates.when_in_words(when)


def days_of(when: str, today: date) -> Bounds:
    """
    The first and the last day that *when* asks for.

    Of a time that has begun and is not over the last day is today: nobody asks who will be there.
    """
    first, last = span_of(when, today)
    return Bounds(first, today if first <= today < last else last)


def span_of(when: str, today: date) -> Bounds:
    """The first and the last day of *when*, those that have not come included."""
    if when == TODAY:
        return Bounds(today, today)
    if when == YESTERDAY:
        return Bounds(today - timedelta(days=1), today - timedelta(days=1))
    return dates.bounds(when)


def is_of_today(when: str, today: date) -> bool:
    """Whether *when* asks for other days at another time, as a month that is not over does."""
    if when in (TODAY, YESTERDAY):
        return True
    asked = dates.bounds(when)
    return asked.lo < asked.hi and today < asked.hi


def parse_when(text: str) -> str:
    """
    The time that *text* says, in a written form of SEMANTICS 2 or in English.

    Doubt is left out: it moves no bound, and a question has none.

    Raises:
        BadDate: it says none, or one without an end.

    >>> parse_when("the 3rd of March 2024"), parse_when("about May 2017"), parse_when("2024?")
    ('2024-03-03', '2017-05~', '2024')
    """
    said = text.casefold()
    if said in (TODAY, "now"):
        return TODAY
    if said == YESTERDAY:
        return YESTERDAY
    if between := _BETWEEN.fullmatch(said):
        return _with_ends(f"[{_plain(between[1])}..{_plain(between[2])}]")
    if about := _ABOUT.fullmatch(said):
        return _with_ends(f"{_plain(about[1])}~")
    return _with_ends(_written_or_plain(said))


def _written_or_plain(said: str) -> str:
    written = said.removesuffix("?")
    if written.endswith("%"):
        written = f"{written[:-1]}~"
    return written if _WRITTEN.fullmatch(written) else _plain(written)


def _with_ends(written: str) -> str:
    """
    *written* if both its ends are days.

    Raises:
        BadDate: it is no date, or goes on without end.
    """
    first, last = dates.bounds(written)
    if first == dates.UNBOUNDED_LO or last == dates.UNBOUNDED_HI:
        raise BadDate(written, "a question needs both ends")
    # An interval of one day or month is that.
    ends = written.strip("[]").split("..")
    return ends[0] if len(set(ends)) == 1 else written


def _plain(said: str) -> str:
    """A day, month or year in English, or as SEMANTICS 2 writes it, in the form of the latter."""
    for form in _ENGLISH:
        if found := form.fullmatch(said):
            parts = found.groupdict()
            month = 1 + _MONTHS.index(parts["month"][:3])
            written = f"{parts['year']}-{month:02}"
            if (day := parts.get("day")) is None:
                return written
            if parts["ordinal"] not in (None, _ordinal(int(day))):
                raise BadDate(said, f"it is '{int(day)}{_ordinal(int(day))}'")
            return f"{written}-{int(day):02}"
    if not _PLAIN.fullmatch(said):
        raise BadDate(said, "it is none of the forms that are understood")
    return said


def _ordinal(day: int) -> str:
    """
    What follows a day that is counted.

    >>> [_ordinal(day) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 31)]
    ['st', 'nd', 'rd', 'th', 'th', 'th', 'th', 'st', 'nd', 'st']
    """
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _name_and_when(words: str, asked: re.Match[str]) -> tuple[str, str]:
    """
    The name after the words that *asked* matched, and the time after the name.

    Raises:
        NotUnderstood: there is no name, or no time that is understood.
    """
    name, when = _split(words[asked.end() :])
    if not name:
        raise NotUnderstood(f"{shown(words)} names nobody.", EXAMPLES)
    if when is not None:
        return name, when
    if asked["verb"].casefold() == "is":
        return name, TODAY
    raise NotUnderstood(
        f"{shown(words)} does not say when; add a time such as 'on 1 June 2024', 'in May 2025' or "
        "'today'.",
        EXAMPLES,
    )


def _moves(words: str, asked: re.Match[str]) -> MovesBetween:
    """
    The labs after the words that *asked* matched, and the time after them.

    Raises:
        NotUnderstood: there are not two, or a time that is none.
    """
    labs, when = _split(words[asked.end() :])
    between = (_FOR if asked["left"] else _TO).fullmatch(labs)
    if between is None:
        raise NotUnderstood(f"{shown(words)} does not name two labs.", EXAMPLES)
    return MovesBetween(between[1], between[2], when)


def _split(text: str) -> tuple[str, str | None]:
    """
    *text* without the time at its end, and that; None where there is none.

    Raises:
        NotUnderstood: there is one that is no date.
    """
    fault: BadDate | None = None
    # From the end: a name may hold these words too.
    for space in reversed([found.start() for found in re.finditer(" ", text)]):
        said = _WHEN.fullmatch(text, space + 1)
        if said is None or len(said[0]) > WHEN_CHARACTERS_MAX:
            continue
        try:
            return text[:space], parse_when(said["when"] or said["alone"])
        except BadDate as refusal:
            fault = fault or refusal
    # What has no number may well be part of a name.
    if fault is not None and re.search("[0-9]", fault.text):
        raise NotUnderstood(fault.message, EXAMPLES) from fault
    return text, None


def _verb(when: str) -> str:
    return "is" if when == TODAY else "was"


_WHO = re.compile(r"who (?P<verb>was|is) at(?: |$)", re.IGNORECASE | re.ASCII)
_WHERE = re.compile(r"where (?P<verb>was|is)(?: |$)", re.IGNORECASE | re.ASCII)
_MOVES = re.compile(
    r"(?:moves|who (?:went|moved)) from(?: |$)|(?P<left>who left)(?: |$)", re.IGNORECASE | re.ASCII
)
_TO = re.compile(r"(.+) to (.+)", re.IGNORECASE | re.ASCII)
# After `left`, which goes with either.
_FOR = re.compile(r"(.+) (?:for|to) (.+)", re.IGNORECASE | re.ASCII)
# "About" a day has no other word before it; "in about" a year is one time, and no name ends in it.
_WHEN = re.compile(
    r"(?:on|in) (?P<when>.+)"
    r"|(?P<alone>today|yesterday|now|between .+|(?<! in )(?<! on )about .+)",
    re.IGNORECASE | re.ASCII,
)
_BETWEEN = re.compile(r"between (.+) and (.+)")
_ABOUT = re.compile(r"about (.+)")
_WRITTEN = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}~?|\[[0-9.-]*\]")
_PLAIN = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?P<day>[0-9]{1,2})(?P<ordinal>st|nd|rd|th)?"
_YEAR = r"(?P<year>[0-9]{4})"
_ENGLISH = tuple(
    re.compile(form)
    for form in (
        rf"(?:the )?{_DAY}(?: of)? {_MONTH},? {_YEAR}",
        rf"{_MONTH} {_DAY},? {_YEAR}",
        rf"{_MONTH},? {_YEAR}",
    )
)
