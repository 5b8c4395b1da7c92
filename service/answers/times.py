"""The times that an answer is for: a day in the world, and what the log knew."""

import re
from datetime import UTC, date, datetime
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from service.domain import dates
from service.domain.directory import Directory
from service.domain.events import Kind
from service.domain.refusals import BadParameter
from service.postgres.pool import Connection
from service.read_models.current import Current, fetch_current

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_POSITION = re.compile(r"-?[0-9]{1,18}")


class KnownAt(Struct, frozen=True, omit_defaults=True):
    """A state of knowledge."""

    position: int
    recorded_at: datetime | None
    """When that position was recorded; null of position 0."""
    erased_since: int | None = None
    """
    Position of the last erasure after that position: what it took is not in the answer, though it
    was known. Left out where nothing was erased since.
    """


class Period(Struct, frozen=True):
    """Days, both ends included."""

    from_on: date | None = field(name="from")
    """Null where it is open."""
    to_on: date | None = field(name="to")


class Meant(NamedTuple):
    """Whom a name means."""

    one: str
    """The very id, which may stand for another."""
    directory: Directory
    """Of those whom the name can mean, as known at the time or, if need be, by today."""
    is_of_head: bool
    """Whether the name was known only later."""


class Times(Struct):
    """What a question is answered for."""

    at: date
    known_at: KnownAt
    head: int
    """The head when the question was asked."""
    is_pinned: bool
    """Whether both times were given and lie in a past that cannot change."""
    is_past: bool = False
    """Whether the state of knowledge was given and cannot change any more."""
    published_by: date | None = None
    """Only what was published by this day counts; None is everything."""
    rests_on_head: bool = False
    """Whether a name in the question was known only later: such an answer can still change."""
    resolved: dict[tuple[Kind, str], str] = field(default_factory=dict)
    """The canonical ids of those whom the question names, by kind and by text."""
    fixed_by: tuple[str, ...] = ("at", "known_at")
    """Parameters that fix an address to these times; none where the address cannot be fixed."""
    meant: dict[tuple[Kind, str], Meant] = field(default_factory=dict)
    """Whom names mean that were looked for already, by kind and text: the same for any day."""
    beside: str = ""
    """A digest of what the answer shows that does not follow from the log; blank of nothing."""

    @property
    def are_now(self) -> bool:
        """Whether the answer is for the head as it stands, and may say what is no fold."""
        return (
            self.known_at.position == self.head and not self.is_pinned and self.published_by is None
        )


def known_at_of(text: str) -> int | datetime | None:
    """
    The state of knowledge that *text* names: a position, or an instant; None where it is neither.

    >>> known_at_of("712"), known_at_of("last week")
    (712, None)
    """
    if _POSITION.fullmatch(text):
        return int(text)
    # A plus sign that was not percent-encoded arrives as a space.
    return instant_of(re.sub(r" ([0-9]{2}:[0-9]{2})$", r"+\1", text))


def instant_of(text: str) -> datetime | None:
    """The instant that *text* writes as RFC 3339 has it, in UTC; None where it writes none."""
    try:
        if _INSTANT.fullmatch(text) and dates.YEAR_MIN <= int(text[:4]) <= dates.YEAR_MAX:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        pass
    return None


async def fix_times(
    connection: Connection,
    *,
    at: date | None,
    known_at: int | datetime | None,
    today: date,
    published_by: date | None = None,
) -> Times:
    """
    The times to answer for; unless they are given, today and the head.

    Raises:
        BadParameter: a position beyond the head.
    """
    current = await fetch_current(connection, () if known_at is None else (known_at,))
    return times_of(current, at=at, known_at=known_at, today=today, published_by=published_by)


def times_of(
    current: Current,
    *,
    at: date | None,
    known_at: int | datetime | None,
    today: date,
    published_by: date | None = None,
) -> Times:
    """
    The same, of a head that was fetched; *current* was asked for the state of *known_at*.

    Raises:
        BadParameter: a position beyond the head.
    """
    head = current.head
    if known_at is None:
        known = KnownAt(head.position, head.recorded_at)
    elif isinstance(known_at, datetime):
        known = _known_at_instant(current, known_at)
    else:
        known = _known_at_position(current, known_at)
    if current.last_erasure > known.position:
        known = replace(known, erased_since=current.last_erasure)
    is_past = isinstance(known_at, int) or (
        isinstance(known_at, datetime)
        and head.recorded_at is not None
        and known_at <= head.recorded_at
    )
    return Times(
        at=today if at is None else at,
        known_at=known,
        head=head.position,
        is_pinned=at is not None and is_past,
        is_past=is_past,
        published_by=published_by,
    )


def _known_at_instant(current: Current, instant: datetime) -> KnownAt:
    head = current.head
    if head.recorded_at is None or instant >= head.recorded_at:
        return KnownAt(head.position, head.recorded_at)
    return KnownAt(*current.known.get(instant, (0, None)))


def _known_at_position(current: Current, position: int) -> KnownAt:
    head = current.head
    if not 0 <= position <= head.position:
        raise BadParameter(
            "known_at",
            f"There is no position {position}: the log's head is at {head.position}; give a "
            f"position from 0 to {head.position} or an instant such as '2026-11-01T09:00Z'.",
        )
    if position == head.position:
        return KnownAt(head.position, head.recorded_at)
    return KnownAt(*current.known.get(position, (0, None)))
