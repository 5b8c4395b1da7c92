"""The times that the address of a page asks for, and the times in other addresses."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from service.answers.times import Times, known_at_of, times_of
from service.domain import dates
from service.domain.refusals import BadDate, BadParameter, shown
from service.read_models.current import Current

AT, KNOWN_AT, PUBLISHED_BY = "at", "known_at", "published_by"
TIMES = (AT, KNOWN_AT, PUBLISHED_BY)
_PAIRS_MAX = 100

Pairs = Sequence[tuple[str, str]]


class Asked(Struct, frozen=True, kw_only=True):
    """The times that were asked for; None of each that was not."""

    at: date | None = None
    known_at: int | datetime | None = None
    published_by: date | None = None

    @property
    def pairs(self) -> list[tuple[str, str | None]]:
        """As they stand in an address."""
        return [
            (AT, _iso(self.at)),
            (KNOWN_AT, _text(self.known_at)),
            (PUBLISHED_BY, _iso(self.published_by)),
        ]

    @property
    def states(self) -> tuple[int | datetime, ...]:
        """The states of knowledge that have to be looked up."""
        return () if self.known_at is None else (self.known_at,)

    def times(self, current: Current, today: date) -> Times:
        """
        The times to answer for; *current* was asked for `states`.

        Raises:
            BadParameter: a position beyond the head.
        """
        return times_of(
            current,
            at=self.at,
            known_at=self.known_at,
            today=today,
            published_by=self.published_by,
        )


def pairs_in(query: bytes) -> Pairs:
    """The names and values of a query, in order; what is no text is not there."""
    text = query.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_PAIRS_MAX)
    except ValueError:
        return ()
    return [(name, value) for name, value in pairs if "\0" not in name + value]


def asked_in(pairs: Pairs) -> Asked:
    """
    The times that a query asks for; a form sends the fields that were left empty too.

    Raises:
        BadParameter: one that is no day, or no state of knowledge.
    """
    given = {name: value.strip() for name, value in pairs if name in TIMES and value.strip()}
    return Asked(
        at=_parsed(given, AT, dates.day),
        known_at=None if KNOWN_AT not in given else _known_at(given[KNOWN_AT]),
        published_by=_parsed(given, PUBLISHED_BY, dates.day),
    )


def with_pairs(path: str, pairs: Iterable[tuple[str, str | None]]) -> str:
    """
    *path* with the pairs that say something as its query.

    >>> with_pairs("/labs/openai", [("at", "2024-06-01"), ("known_at", None)])
    '/labs/openai?at=2024-06-01'
    """
    said = [(name, value) for name, value in pairs if value is not None]
    return f"{path}?{urlencode(said)}" if said else path


def other_pairs(pairs: Pairs, *names: str) -> list[tuple[str, str]]:
    """The pairs of a query that say something, but for those of some names."""
    return [(name, value) for name, value in pairs if name not in names and value.strip()]


def _parsed(given: dict[str, str], name: str, parse: Callable[[str], date]) -> date | None:
    if name not in given:
        return None
    try:
        return parse(given[name])
    except BadDate as refusal:
        raise BadParameter(name, f"'{name}': {refusal.message}") from refusal


def _known_at(text: str) -> int | datetime:
    found = known_at_of(text)
    if found is None:
        raise BadParameter(
            KNOWN_AT,
            f"{shown(text)} is no state of knowledge; give a position such as '712' or an "
            "instant such as '2026-11-01T09:00Z'.",
        )
    return found


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _text(known_at: int | datetime | None) -> str | None:
    if isinstance(known_at, datetime):
        return known_at.isoformat().replace("+00:00", "Z")
    return None if known_at is None else str(known_at)
