"""Where someone was, and who there is."""

from collections.abc import Sequence
from datetime import date
from datetime import date as Day  # noqa: N812 (a field below is called date)
from uuid import UUID

from msgspec import Struct

from service.answers.findings import FindingView, labels_of, view_of
from service.answers.names import Named, fetch_labels, resolve_path
from service.answers.times import KnownAt, Times
from service.domain.dates import day_or_none
from service.domain.events import OutsideIds
from service.domain.presence import Presence, on_leave_on, post_on, presence_on
from service.domain.stints import Endpoint, Stint
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.findings import fetch_findings
from service.read_models.stints import fetch_stints_of_person


class PersonView(Struct, frozen=True, kw_only=True):
    """A person."""

    id: str
    name: str
    aliases: Sequence[str]
    ids: OutsideIds | None


class EndpointView(Struct, frozen=True):
    """One end of a stint: as written, and the days that it can be, both included."""

    date: str | None
    """EDTF; null of a start that is not known."""
    lo: Day | None
    """Null where unbounded."""
    hi: Day | None


class StintView(Struct, frozen=True, kw_only=True):
    """One unbroken stay at a lab."""

    lab: Named
    start: EndpointView
    end: EndpointView | None
    """Null while no departure is recorded."""
    role: str | None
    """As held on the day; of a stint that does not hold on it, the last one."""
    team: str | None
    location: str | None
    relation: str | None
    presence: Presence | None
    """On the day asked for; null if the stint does not hold on it."""
    on_leave: bool
    last_evidence: date | None
    events: Sequence[UUID]


class PersonAnswer(Struct, frozen=True, kw_only=True):
    """Someone's stays, oldest first."""

    person: PersonView
    at: date
    known_at: KnownAt
    stints: Sequence[StintView]
    findings: Sequence[FindingView]


class PersonSummary(Struct, frozen=True, kw_only=True):
    """A person in a list of people."""

    id: str
    name: str
    aliases: Sequence[str]


class PeopleAnswer(Struct, frozen=True, kw_only=True):
    """People."""

    items: Sequence[PersonSummary]
    next: str | None
    at: date
    known_at: KnownAt


async def person_on(connection: Connection, name: str, times: Times) -> PersonAnswer:
    """
    The stays of the person whom *name* names.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    position = times.known_at.position
    person_id = await resolve_path(connection, "person", name, times)
    view = await _view(connection, person_id, times)
    stints = await fetch_stints_of_person(connection, person_id, position=position)
    labels = await fetch_labels(
        connection, labs={s.lab for s in stints}, at=times.at, position=position
    )
    kept = await fetch_findings(connection, position=position, person=person_id)
    noticed = [k.finding for k in kept]
    finding_labels = await labels_of(connection, noticed, times)
    return PersonAnswer(
        person=view,
        at=times.at,
        known_at=times.known_at,
        stints=[stint_view(stint, labels.lab(stint.lab), times.at) for stint in stints],
        findings=[view_of(finding, finding_labels) for finding in noticed],
    )


async def people(
    connection: Connection, times: Times, *, q: str | None, after: str, limit: int
) -> PeopleAnswer:
    """People by id, after one; with *q* those whose names contain or are near it, best first."""
    position = times.known_at.position
    if q is None:
        found = await directories.fetch_every_person(
            connection, position=position, after=after, limit=limit + 1
        )
    else:
        like = await directories.find_like(connection, "person", q, position=position, limit=limit)
        near = await directories.find_near(connection, "person", q, position=position, limit=limit)
        ids = list(dict.fromkeys((*(one for one in near if one in like), *like, *near)))
        facts = await directories.fetch_people(connection, ids, position=position)
        found = [facts[one] for one in ids if one in facts][:limit]
    page = found[:limit]
    return PeopleAnswer(
        items=[PersonSummary(id=p.id, name=p.name, aliases=p.aliases) for p in page],
        next=page[-1].id if len(found) > limit else None,
        at=times.at,
        known_at=times.known_at,
    )


async def _view(connection: Connection, person_id: str, times: Times) -> PersonView:
    """The person as known at the position, or by today's name if nobody knew of them then."""
    for position in (times.known_at.position, times.head):
        found = await directories.fetch_people(connection, [person_id], position=position)
        if person_id in found:
            facts = found[person_id]
            return PersonView(id=facts.id, name=facts.name, aliases=facts.aliases, ids=facts.ids)
    return PersonView(id=person_id, name=person_id, aliases=(), ids=None)


def stint_view(stint: Stint, lab: Named, at: date) -> StintView:
    presence = presence_on(stint, at)
    post = post_on(stint, at if presence is not None else date.max)
    return StintView(
        lab=lab,
        start=_endpoint_view(stint.start),
        end=None if stint.end is None else _endpoint_view(stint.end),
        role=post.role,
        team=post.team,
        location=post.location,
        relation=post.relation,
        presence=presence,
        on_leave=presence is not None and on_leave_on(stint, at),
        last_evidence=day_or_none(stint.last_evidence),
        events=stint.events,
    )


def _endpoint_view(endpoint: Endpoint) -> EndpointView:
    return EndpointView(endpoint.date_text, day_or_none(endpoint.lo), day_or_none(endpoint.hi))
