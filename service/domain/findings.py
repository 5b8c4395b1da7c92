"""What the fold noticed and did not hide (SEMANTICS 5)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from msgspec import Struct

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


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing noticed, with the events concerned; it refuses nothing."""

    kind: FindingKind
    person: str | None = None
    """Canonical id, as are the labs."""
    labs: tuple[str, ...] = ()
    events: tuple[UUID, ...] = ()
    days: int | None = None
    """Of an overlap: the days in all that are certain at both labs."""


class Told(NamedTuple):
    """What one event of a person says, as far as another can say the same."""

    person: str
    """Canonical id, as is the lab."""
    type: str
    lab: str
    lo: date
    hi: date
    position: int
    """Of the original, by which the two of a pair stand in order."""


class Duplicates:
    """
    Possible duplicates among events as they come and change.

    Of n like events every two are a finding, of which a new event makes n more: to list them
    all again with each event would cost the third power of n. Here an event that is new or says
    something else is compared with those of its person, type and lab, and no two others are.
    """

    def __init__(self, told: Mapping[UUID, Told]) -> None:
        self._told: dict[UUID, Told] = {}
        self._alike: dict[tuple[str, str, str], dict[UUID, Told]] = {}
        for one, said in told.items():
            self._say(one, said)

    def follow(self, told: Mapping[UUID, Told]) -> tuple[set[Finding], set[Finding]]:
        """The findings that go and those that arise when *told* is what is said from now on."""
        others = {one for one, said in self._told.items() if told.get(one) != said}
        others |= told.keys() - self._told.keys()
        going = set(self._among(others))
        for one in others:
            self._say(one, told.get(one))
        arising = set(self._among(others))
        return going - arising, arising - going

    def _say(self, one: UUID, said: Told | None) -> None:
        before = self._told.pop(one, None)
        if before is not None:
            del self._alike[before[:3]][one]
        if said is not None:
            self._told[one] = said
            self._alike.setdefault(said[:3], {})[one] = said

    def _among(self, ids: Iterable[UUID]) -> Iterator[Finding]:
        for one in ids:
            if one in self._told:
                said = self._told[one]
                for other, also in self._alike[said[:3]].items():
                    if other != one and is_alike(said, also):
                        yield duplicate(one, said, other, also)


def is_alike(one: Told, other: Told) -> bool:
    """Whether the bounds of two events of one person, type and lab hardly differ."""
    return (
        abs((one.lo - other.lo).days) <= DUPLICATE_DAYS_MAX
        and abs((one.hi - other.hi).days) <= DUPLICATE_DAYS_MAX
    )


def duplicate(one_id: UUID, one: Told, other_id: UUID, other: Told) -> Finding:
    """That two events may be one, the earlier one first."""
    events = (one_id, other_id) if one.position < other.position else (other_id, one_id)
    return Finding("possible_duplicate", one.person, (one.lab,), events)
