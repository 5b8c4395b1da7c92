"""Where someone was, and who there is."""

from collections.abc import Sequence
from datetime import date
from datetime import date as Day  # noqa: N812 (a field below is called date)
from uuid import UUID

from msgspec import Struct

from service.answers.findings import FindingView, view_of
from service.answers.names import Labels, Named
from service.answers.times import KnownAt, Times
from service.answers.views import Kept, View, kept_of_person, labels_in, view_of_person
from service.domain.dates import day_or_none
from service.domain.events import OutsideIds
from service.domain.presence import Presence, on_leave_on, post_on, presence_on
from service.domain.refusals import BadParameter
from service.domain.stints import Endpoint, Stint
from service.postgres.pool import Connection
from service.read_models import directory as directories


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


class PersonAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Someone's stays, oldest first."""

    person: PersonView
    at: date
    known_at: KnownAt
    stints: Sequence[StintView]
    findings: Sequence[FindingView]
    published_by: date | None = None
    undated_events: int | None = None
    """
    Of the events that name the person, or an id that a same_as had joined with theirs by then,
    those that `published_by` left out and that have no dated source.
    """


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


class PersonState(Struct, frozen=True, kw_only=True):
    """Someone on a day, with all that their page shows of where they were."""

    person: PersonView
    stints: Sequence[Stint]
    """By start."""
    noticed: Sequence[FindingView]
    labels: Labels
    """Of the labs of the stints."""
    undated_events: int | None


async def person_on(connection: Connection, name: str, times: Times) -> PersonAnswer:
    """
    The stays of the person whom *name* names.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    state = await person_state(connection, name, times)
    return PersonAnswer(
        person=state.person,
        at=times.at,
        known_at=times.known_at,
        stints=[stint_view(s, state.labels.lab(s.lab), times.at) for s in state.stints],
        findings=state.noticed,
        published_by=times.published_by,
        undated_events=state.undated_events,
    )


async def person_state(connection: Connection, name: str, times: Times) -> PersonState:
    """
    The person whom *name* names, and where they were.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    view, person_id = await view_of_person(connection, name, times)
    if isinstance(view, Kept):
        view = await kept_of_person(connection, person_id, times.known_at.position)
    stints = await view.stints_of_person(person_id)
    noticed = await view.findings_of_person(person_id)
    labels = await labels_in(
        view,
        people=[f.person for f in noticed if f.person is not None],
        labs={*(s.lab for s in stints), *(lab for f in noticed for lab in f.labs)},
        at=times.at,
    )
    return PersonState(
        person=await _view(connection, view, person_id, times),
        stints=stints,
        noticed=[view_of(finding, labels) for finding in noticed],
        labels=labels,
        undated_events=view.undated_events,
    )


async def people(
    connection: Connection, times: Times, *, q: str | None, after: str, limit: int
) -> PeopleAnswer:
    """
    People by id, after one; with *q* those whose names contain it or are near it, best first.

    Raises:
        BadParameter: nobody whose name is like *q* comes after *after*, so it is of another list.
    """
    position = times.known_at.position
    if q is None:
        found = await directories.fetch_every_person(
            connection, position=position, after=after, limit=limit + 1
        )
        page, has_more = found[:limit], len(found) > limit
    else:
        ids = await directories.find_alike(
            connection, "person", q, position=position, after=after, limit=limit + 1
        )
        if after and not ids:
            raise BadParameter(
                "cursor", "This is a cursor of another list; begin again without one."
            )
        facts = await directories.fetch_people(connection, ids, position=position)
        # Who was erased between the two is no more.
        page, has_more = [facts[one] for one in ids[:limit] if one in facts], len(ids) > limit
    return PeopleAnswer(
        items=[PersonSummary(id=p.id, name=p.name, aliases=p.aliases) for p in page],
        next=page[-1].id if page and has_more else None,
        at=times.at,
        known_at=times.known_at,
    )


async def _view(connection: Connection, view: View, person_id: str, times: Times) -> PersonView:
    """The person as known at the time, or by today's name if nobody knew of them then."""
    for known in (view, Kept(connection, times.head)):
        found = await known.people([person_id])
        if person_id in found:
            facts = found[person_id]
            return PersonView(id=facts.id, name=facts.name, aliases=facts.aliases, ids=facts.ids)
    return PersonView(id=person_id, name=person_id, aliases=(), ids=None)


def stint_view(stint: Stint, lab: Named, at: date) -> StintView:
    """A stint as it stands on a day."""
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
