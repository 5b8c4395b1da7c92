"""What the fold noticed and did not hide (SEMANTICS 5)."""

from typing import Literal, get_args
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
