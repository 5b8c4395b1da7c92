"""What a write would change, told as the answers to it would be."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from msgspec import Meta, Struct

from service.answers.events import event_view
from service.answers.findings import FindingView, view_of
from service.answers.names import Labels, Named, order_of
from service.answers.people import StintView, stint_view
from service.answers.times import KnownAt
from service.domain.dates import day_or_none
from service.domain.effects import StintChange, headcount_changes, roster_changes
from service.domain.events import Position, id_of, references
from service.domain.labs import Labs
from service.domain.presence import Presence
from service.log import read
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.recording.rehearsal import Rehearsal

RehearsedEvent = Annotated[
    dict[str, Any],
    Meta(
        description="An event as it would read. Where it brings no id of its own the one that it "
        "would get is another, and so is its hash, which is left out."
    ),
]


class StintChangeView(Struct, frozen=True, kw_only=True):
    """The stints of one person at one lab, before and after."""

    person: Named
    lab: Named
    before: Sequence[StintView]
    after: Sequence[StintView]


class RosterChangeView(
    Struct, frozen=True, kw_only=True, rename={"from_on": "from", "to_on": "to"}
):
    """Days on which somebody's presence at a lab would be another; both ends included."""

    lab: Named
    person: Named
    from_on: date | None
    """Null where unbounded."""
    to_on: date | None
    before: Presence | None
    """Null is absent."""
    after: Presence | None


class HeadcountChangeView(
    Struct, frozen=True, kw_only=True, rename={"from_on": "from", "to_on": "to"}
):
    """Days on which a lab's counts would move by so much; both ends included."""

    lab: Named
    from_on: date | None
    """Null where unbounded."""
    to_on: date | None
    certain: int
    presumed: int
    possible: int


class DryRunAnswer(Struct, frozen=True, kw_only=True):
    """What a write would change; nothing of it is recorded."""

    dry_run: bool
    """Always true: this is no answer to a write that was made."""
    replayed: bool
    """Whether all of it is recorded already, so that the write would be answered as before."""
    at: date
    """The day for which presences and names in stints are told."""
    known_at: KnownAt
    """Where the log stood when it was rehearsed."""
    events: Sequence[RehearsedEvent]
    changes: Sequence[StintChangeView]
    rosters: Sequence[RosterChangeView]
    headcounts: Sequence[HeadcountChangeView]
    findings: Sequence[FindingView]
    """What would be noticed that is not now."""
    findings_gone: Sequence[FindingView]
    """What is noticed now and would no longer be."""


async def dry_run_of(connection: Connection, rehearsal: Rehearsal, at: date) -> DryRunAnswer:
    """What *rehearsal* came to, with the names that its events themselves would give."""
    head = Position(rehearsal.head)
    now, then = await _labels(connection, rehearsal, at)
    changes = sorted(rehearsal.changes, key=lambda change: _place(change, then))

    def person(one: str) -> Named:
        # Whom a same_as takes from the rosters is told by the id that goes.
        return then.as_meant("person", one)

    def lab(one: str) -> Named:
        return then.as_meant("lab", one)

    return DryRunAnswer(
        dry_run=True,
        replayed=rehearsal.is_replayed,
        at=at,
        known_at=KnownAt(head, await read.read_recorded_at(connection, head)),
        events=[_event(event, then, head) for event in rehearsal.events],
        changes=[
            StintChangeView(
                person=person(change.person),
                lab=lab(change.lab),
                before=[stint_view(s, now.lab(s.lab), at) for s in change.before],
                after=[stint_view(s, then.lab(s.lab), at) for s in change.after],
            )
            for change in changes
        ],
        rosters=[
            RosterChangeView(
                lab=lab(span.lab),
                person=person(span.person),
                from_on=day_or_none(span.from_on),
                to_on=day_or_none(span.to_on),
                before=span.before,
                after=span.after,
            )
            for span in roster_changes(changes)
        ],
        headcounts=[
            HeadcountChangeView(
                lab=lab(span.lab),
                from_on=day_or_none(span.from_on),
                to_on=day_or_none(span.to_on),
                certain=span.certain,
                presumed=span.presumed,
                possible=span.possible,
            )
            for span in headcount_changes(changes)
        ],
        findings=[view_of(finding, then) for finding in rehearsal.arising],
        findings_gone=[view_of(finding, now) for finding in rehearsal.going],
    )


def _event(event: Any, labels: Labels, head: Position) -> dict[str, Any]:
    view = event_view(event, labels, revision=event.position)
    if event.position > head:
        del view["hash"]
    return view


def _place(change: StintChange, labels: Labels) -> tuple[tuple[str, str], tuple[str, str]]:
    lab, person = labels.as_meant("lab", change.lab), labels.as_meant("person", change.person)
    return order_of(lab), order_of(person)


async def _labels(connection: Connection, rehearsal: Rehearsal, at: date) -> tuple[Labels, Labels]:
    """The names that hold now, and those that would then."""
    noticed = [*rehearsal.arising, *rehearsal.going]
    people = {c.person for c in rehearsal.changes} | {f.person for f in noticed if f.person}
    labs = {c.lab for c in rehearsal.changes} | {lab for f in noticed for lab in f.labs}
    for reference in (r for event in rehearsal.events for r in references(event.payload)):
        if not (reference.free_text and isinstance(reference.ref, str)):
            (people if reference.kind == "person" else labs).add(id_of(reference.ref))
    known_people, known_labs = await directories.fetch_people_and_labs(
        connection, people, labs, position=rehearsal.head
    )
    people_then = known_people | dict(rehearsal.people)
    then = Labels(people_then, Labs({**known_labs, **rehearsal.labs}), at)
    return Labels(known_people, known_labs, at), then
