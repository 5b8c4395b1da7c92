"""What the fold noticed, as known at a position: the work queue of an editor."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.answers.names import Labels, Named, fetch_labels, resolve_path
from service.answers.times import KnownAt, Times
from service.domain.findings import Finding, FindingKind
from service.postgres.pool import Connection
from service.read_models.findings import count_findings, fetch_findings


class FindingView(Struct, frozen=True, kw_only=True):
    """One thing noticed, with the events concerned."""

    kind: FindingKind | Literal["possible_same_person"]
    """`possible_same_person` is a guess of now from names; the others are of the fold."""
    person: Named | None
    other: Named | None = None
    """Of possible_same_person: who may be the same person."""
    labs: Sequence[Named]
    events: Sequence[UUID]
    days: int | None
    """Of an overlap: the days in all that are certain at both labs."""
    detail: str
    """The finding in a sentence."""


class FindingsAnswer(Struct, frozen=True, kw_only=True):
    """Findings, newest first; people who may be the same, by id."""

    items: Sequence[FindingView]
    next: str | None
    at: date
    """The day by whose names labs are called."""
    known_at: KnownAt
    looked_at: int | None = None
    """
    Of possible_same_person: the position up to which people were looked at, which a running
    service follows by itself; else null.
    """


_SENTENCES: dict[FindingKind, str] = {
    "already_present": "{person} was recorded as joining {labs} while already there.",
    "unknown_start": "{person} was at {labs}, and nothing says from when.",
    "after_closure": "{person} was recorded at {labs} after it had closed.",
    "before_founding": "{person} was recorded at {labs} before it was founded.",
    "ended_twice": "{labs} was recorded as ending more than once; the first end holds.",
    "possible_duplicate": "Two like events of {person} at {labs} may be one.",
    "overlap": "{person} was certainly at {labs} at once for {days} days.",
    "cycle": "{subject} would follow itself; the event that closes the cycle is ignored.",
}


async def findings(
    connection: Connection,
    times: Times,
    *,
    kind: FindingKind | None,
    person: str | None,
    lab: str | None,
    before: tuple[int, str],
    limit: int,
) -> FindingsAnswer:
    """
    At most *limit* findings, newest first, before a place in that order.

    Raises:
        UnknownName, AmbiguousName: of *person* or *lab*.
    """
    person_id, labs = await _concerned(connection, person, lab, times)
    kept = await fetch_findings(
        connection,
        position=times.known_at.position,
        kind=kind,
        person=person_id,
        labs=labs,
        before=before,
        limit=limit + 1,
    )
    page = kept[:limit]
    labels = await labels_of(connection, [k.finding for k in page], times)
    return FindingsAnswer(
        items=[view_of(k.finding, labels) for k in page],
        next=f"{page[-1].known_from}.{page[-1].mark}" if len(kept) > limit else None,
        at=times.at,
        known_at=times.known_at,
    )


async def findings_by_kind(
    connection: Connection, times: Times, *, person: str | None, lab: str | None
) -> dict[str, int]:
    """
    How many findings there are of each kind that there are any of.

    Raises:
        UnknownName, AmbiguousName: of *person* or *lab*.
    """
    person_id, labs = await _concerned(connection, person, lab, times)
    return await count_findings(
        connection, position=times.known_at.position, person=person_id, labs=labs
    )


async def _concerned(
    connection: Connection, person: str | None, lab: str | None, times: Times
) -> tuple[str | None, list[str] | None]:
    """The ids of those whom findings are to concern; None of whoever it may be."""
    person_id = labs = None
    if person is not None:
        person_id = await resolve_path(connection, "person", person, times)
    if lab is not None:
        labs = [await resolve_path(connection, "lab", lab, times)]
    return person_id, labs


async def labels_of(connection: Connection, noticed: Iterable[Finding], times: Times) -> Labels:
    """The names of those whom findings concern."""
    every = list(noticed)
    return await fetch_labels(
        connection,
        people=[f.person for f in every if f.person is not None],
        labs=[lab for f in every for lab in f.labs],
        at=times.at,
        position=times.known_at.position,
    )


def view_of(finding: Finding, labels: Labels) -> FindingView:
    """A finding as people read it."""
    person = None if finding.person is None else labels.person(finding.person)
    labs = [labels.lab(lab) for lab in finding.labs]
    at = " and ".join(lab.name for lab in labs)
    return FindingView(
        kind=finding.kind,
        person=person,
        labs=labs,
        events=finding.events,
        days=finding.days,
        detail=_SENTENCES[finding.kind].format(
            person=person.name if person else "",
            labs=at,
            days=finding.days,
            subject=person.name if person else at,
        ),
    )
