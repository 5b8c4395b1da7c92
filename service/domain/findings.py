"""What the fold noticed and did not hide (SEMANTICS 5)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Literal, get_args
from uuid import UUID

from msgspec import Struct

from service.domain.events import Position

FindingKind = Literal[
    "already_present",
    "unknown_start",
    "after_closure",
    "before_founding",
    "ended_twice",
    "possible_duplicate",
    "overlap",
    "cycle",
]
FINDING_KINDS: tuple[str, ...] = get_args(FindingKind)

DUPLICATE_DAYS_MAX = 31
OVERLAP_DAYS_MAX = 92


class Finding(Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing noticed, with the events concerned; it refuses nothing."""

    kind: FindingKind
    person: str | None = None
    """Canonical id, as are the labs."""
    labs: tuple[str, ...] = ()
    events: tuple[UUID, ...] = ()
    days: int | None = None
    """Of an overlap: the days in all that are certain at both labs."""


class Told(Struct, frozen=True, gc=False):
    """What one event of a person says, as far as another can say the same."""

    person: str
    """Canonical id, as is the lab."""
    type: str
    lab: str
    lo: date
    hi: date
    position: Position
    """Of the original, by which the two of a pair stand in order."""
    event_id: UUID

    @property
    def alike(self) -> tuple[str, str, str]:
        """What is the same of any two that can be one."""
        return (self.person, self.type, self.lab)


class Duplicates:
    """
    Possible duplicates among events as they come and change.

    Of n like events every two are a finding, of which a new event makes n more: to list them
    all again with each event would cost the third power of n. Here an event that is new or says
    something else is compared with those of its person, type and lab, and no two others are.
    """

    def __init__(self) -> None:
        self._told: dict[Position, Told] = {}
        self._alike: dict[tuple[str, str, str], dict[Position, Told]] = {}

    def positions(self) -> Iterable[Position]:
        """Of the events that are compared."""
        return self._told.keys()

    def know(self, told: Mapping[Position, Told | None]) -> None:
        """Take what events say as known: which of them are alike is not asked."""
        for one, said in told.items():
            if said is not None:
                self._told[one] = said
                self._alike.setdefault(said.alike, {})[one] = said

    def follow(self, told: Mapping[Position, Told | None]) -> tuple[set[Finding], set[Finding]]:
        """
        The findings that go and those that arise when events say what *told* has of them.

        Shapes: by position; None of an event that no longer counts. The others stay as they are.
        """
        going: set[Finding] = set()
        arising: set[Finding] = set()
        for one, said in told.items():
            before = self._told.get(one)
            if before == said:
                continue
            if before is not None:
                group = self._alike[before.alike]
                del self._told[one], group[one]
                going.update(_like(before, group))
            if said is not None:
                arising.update(self.join(said))
        if going:
            return going - arising, arising - going
        return going, arising

    def join(self, said: Told) -> Collection[Finding]:
        """The findings that arise when an event that was not compared before is."""
        group = self._alike.get(said.alike)
        if group is None:
            group = self._alike[said.alike] = {}
        arising = set(_like(said, group)) if group else ()
        self._told[said.position] = group[said.position] = said
        return arising


def _like(one: Told, others: Mapping[Position, Told]) -> Iterator[Finding]:
    return (duplicate(one, other) for other in others.values() if is_alike(one, other))


def is_alike(one: Told, other: Told) -> bool:
    """Whether the bounds of two events of one person, type and lab hardly differ."""
    return (
        abs((one.lo - other.lo).days) <= DUPLICATE_DAYS_MAX
        and abs((one.hi - other.hi).days) <= DUPLICATE_DAYS_MAX
    )


def duplicate(one: Told, other: Told) -> Finding:
    """That two events may be one, the earlier one first."""
    first, second = (one, other) if one.position < other.position else (other, one)
    return Finding("possible_duplicate", one.person, (one.lab,), (first.event_id, second.event_id))
