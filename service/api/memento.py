"""
Past states as the web asks for them (RFC 7089): each answer is its own time gate.

`Accept-Datetime` is read as `known_at`; what comes back says which state it is and where that
state stays.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

from msgspec import Struct

from service.answers.names import Named
from service.answers.times import KnownAt, Times
from service.api.links import link, query_of
from service.domain.refusals import Refusal, shown

LINK_FORMAT = "application/link-format"

Query = Sequence[tuple[str, str]]


class BadAcceptDatetime(Refusal):
    """An `Accept-Datetime` that is no HTTP date; 400 is what RFC 7089 asks for."""

    code = "bad_accept_datetime"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{shown(text)} in Accept-Datetime is no HTTP date; write one such as "
            "'Sun, 01 Nov 2026 09:00:00 GMT', or ask with the parameter 'known_at'."
        )


class MementoView(Struct, frozen=True):
    """One state of knowledge, and the address that stays for it."""

    position: int
    recorded_at: datetime | None
    uri: str


class TimeMap(Struct, frozen=True, kw_only=True):
    """The states of knowledge in which a lab can be asked for, oldest first."""

    lab: Named
    at: date
    known_at: KnownAt
    original: str
    """What these are states of: the lab on that day."""
    items: Sequence[MementoView]
    next: str | None


def instant_of(accept_datetime: str) -> datetime:
    """
    The instant that an `Accept-Datetime` means: the last one of its second.

    An HTTP date has no fractions, and the date that an answer gives has to lead back to it.

    Raises:
        BadAcceptDatetime: it is no HTTP date.
    """
    try:
        instant = parsedate_to_datetime(accept_datetime)
        written = http_date(instant)
    except (ValueError, OverflowError) as exc:
        raise BadAcceptDatetime(accept_datetime) from exc
    # The parser takes a good deal more than HTTP does: other zones, wrong days of the week.
    if written != accept_datetime:
        raise BadAcceptDatetime(accept_datetime)
    return instant.astimezone(UTC) + timedelta(microseconds=999_999)


@lru_cache(maxsize=1024)
def http_date(instant: datetime) -> str:
    """*instant* as HTTP writes it, to the second."""
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def original(path: str, query: Query) -> str:
    """The address of what an answer is a state of."""
    kept = [(name, value) for name, value in query if name != "known_at"]
    return f"{path}?{query_of(kept)}" if kept else path


def pinned(
    path: str, query: Query, at: date, position: int, by: Sequence[str] = ("at", "known_at")
) -> str:
    """The address at which an answer stays as it is: the times *by* which it is fixed are given."""
    times = {"at": at.isoformat(), "known_at": str(position)}
    kept = [(name, value) for name, value in query if name not in times]
    return f"{path}?{query_of([*kept, *((name, times[name]) for name in by)])}"


def memento_links(path: str, query: Query, times: Times, timemap: str | None) -> list[str]:
    """Where an answer stands among the states of what it answers."""
    links = [link(original(path, query), "original", "timegate")]
    if timemap is not None:
        map_of_day = f"{timemap}?{query_of([('at', times.at.isoformat())])}"
        links.append(link(map_of_day, "timemap", type=LINK_FORMAT))
    known_at = times.known_at
    # Before the first event nothing was recorded, and a memento needs its date.
    if known_at.recorded_at is not None and times.fixed_by:
        url = pinned(path, query, times.at, known_at.position, times.fixed_by)
        links.append(link(url, "memento", datetime=http_date(known_at.recorded_at)))
    return links


def to_link_format(timemap: TimeMap, own: str, next_page: str | None) -> bytes:
    """
    A time map as RFC 7089 writes it, one link a line.

    Shapes: *own* is the address of this page, *next_page* of the one after it.
    """
    span = {
        name: http_date(one.recorded_at)
        for name, one in zip(("from", "until"), _ends(timemap.items), strict=False)
        if one.recorded_at is not None
    }
    links = [
        link(timemap.original, "original", "timegate"),
        link(own, "self", type=LINK_FORMAT, **span),
        *(
            link(one.uri, "memento", datetime=http_date(one.recorded_at))
            for one in timemap.items
            if one.recorded_at is not None
        ),
    ]
    if next_page is not None:
        links.append(link(next_page, "timemap", type=LINK_FORMAT))
    return (",\n".join(links) + "\n").encode()


def _ends(items: Sequence[MementoView]) -> Iterable[MementoView]:
    return (items[0], items[-1]) if items else ()
