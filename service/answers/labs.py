"""Who was at a lab on a day, and what the lab was."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from msgspec import Struct

from service.answers.names import Labels, Named, order_of
from service.answers.remembered_moves import RememberedMoves
from service.answers.times import KnownAt, Times
from service.answers.views import View, labels_in, view_of_all, view_of_lab
from service.domain.dates import day_or_none
from service.domain.events import OutsideIds, Relation
from service.domain.identity import fold_name
from service.domain.labs import LabFacts, Labs, LabStatus, name_on, parent_on, status_on
from service.domain.presence import Presence, Standing, standing_on
from service.domain.refusals import AmbiguousName
from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.read_models import directory as directories

NEAR_LABS_MAX = 20


class LabView(Struct, frozen=True, kw_only=True):
    """A lab: name, status and parent are of the day, all else is of its whole life as known."""

    id: str
    name: str
    """On the day."""
    aliases: Sequence[str]
    kind: str | None
    country: str | None
    status: LabStatus
    """On the day."""
    founded: str | None
    """As its source gives it (EDTF), also on a day before it."""
    founders: Sequence[Named]
    """Of its whole life: also on a day before its founding."""
    parent: Named | str | None
    """On the day. A link where it resolves, else the text as given."""
    predecessors: Sequence[Named]
    """Of its whole life: labs that were merged into it on or before the day, or are so later."""
    successor: Named | None
    """Of its whole life: the lab into which it was merged, or is so after the day; see `status`."""
    ended: str | None
    """
    When it was merged or closed, as its source gives it (EDTF), also where that is after the day;
    see `status`.
    """
    ids: OutsideIds | None


class Headcount(Struct, frozen=True):
    """How many people by presence."""

    certain: int = 0
    presumed: int = 0
    possible: int = 0


class Member(Struct, frozen=True, kw_only=True):
    """One person on a roster."""

    person: Named
    presence: Presence
    role: str | None
    team: str | None
    location: str | None
    relation: str | None
    since: str | None
    """Start as written (EDTF); null where it is not known."""
    until: str | None
    """End as written (EDTF); null while none is recorded."""
    on_leave: bool
    last_evidence: date | None
    """The last day for which something says that the person was there."""
    events: Sequence[UUID]
    """The events that the presence rests on."""


class LabAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of a lab."""

    lab: LabView
    at: date
    known_at: KnownAt
    headcount: Headcount
    members: Sequence[Member]
    """Everyone, sorted by name; never paged."""
    published_by: date | None = None
    undated_events: int | None = None
    """
    Of the events that name the lab, or one that a merger or same_as had joined with it by
    then, those that `published_by` left out and that have no dated source.
    """


class LabSummary(Struct, frozen=True, kw_only=True):
    """A lab in a list of labs."""

    id: str
    name: str
    kind: str | None
    country: str | None
    status: LabStatus
    founded: str | None
    parent: str | None
    headcount: Headcount


class LabsAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Labs on a day, sorted by name."""

    items: Sequence[LabSummary]
    next: str | None
    at: date
    known_at: KnownAt
    published_by: date | None = None
    undated_events: int | None = None
    """Of all events, those that `published_by` left out and that have no dated source."""


class LabState(Struct, frozen=True, kw_only=True):
    """A lab on a day, with all that a roster shows of everyone who was there."""

    lab: LabView
    stints: Mapping[str, Sequence[Stint]]
    """By person those that can hold on the day, by start."""
    standings: Mapping[str, Standing]
    """By person how they stood on the day; of nobody who was absent."""
    labels: Labels
    facts: LabFacts
    related: Labs
    """The labs that its own line names, as far as they are known by these ids."""
    view: View
    """What else can be asked of the same state of knowledge."""
    undated_events: int | None

    @property
    def headcount(self) -> Headcount:
        """How many were there."""
        return headcount_of(self.standings.values())


async def lab_on(
    connection: Connection,
    name: str,
    times: Times,
    *,
    presence: Presence | None = None,
    relation: Relation | None = None,
) -> LabAnswer:
    """
    The state of the lab that *name* names; *presence* and *relation* narrow the members.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    state = await lab_state(connection, name, times)
    chosen = [
        member_of(state.labels.person(person), standing)
        for person, standing in state.standings.items()
        if presence in (None, standing.presence) and relation in (None, standing.post.relation)
    ]
    return LabAnswer(
        lab=state.lab,
        at=times.at,
        known_at=times.known_at,
        headcount=state.headcount,
        members=sorted(chosen, key=lambda member: order_of(member.person)),
        published_by=times.published_by,
        undated_events=state.undated_events,
    )


async def lab_state(
    connection: Connection, name: str, times: Times, *, remembered: RememberedMoves | None = None
) -> LabState:
    """
    The lab that *name* names, and how everyone stood there; from what is *remembered*, where that
    is known now.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    view, lab_id = await view_of_lab(connection, name, times)
    if remembered is not None:
        view = remembered.view(connection, lab_id, times) or view
    labs = await view.labs([lab_id])
    facts = labs[lab_id]
    if lab_id not in labs:
        today = await directories.fetch_labs(connection, [lab_id], position=times.head)
        facts = LabFacts(lab_id, lab_id, today[lab_id].name)
    stints = (await view.stints_of_labs([lab_id], times.at)).get(lab_id, {})
    standings = standings_on(stints, times.at)
    related = await view.labs(named_by(facts))
    labels = Labels(await view.people([*standings, *facts.founders]), related, times.at)
    parent = await parent_link(connection, view, parent_on(facts, times.at), times)
    return LabState(
        lab=lab_view(facts, labels, parent, times.at),
        stints=stints,
        standings=standings,
        labels=labels,
        facts=facts,
        related=related,
        view=view,
        undated_events=view.undated_events,
    )


async def labs_on(
    connection: Connection, times: Times, *, q: str | None, after: str | None, limit: int
) -> LabsAnswer:
    """
    At most *limit* labs with their headcounts, by folded name and id, after one of them.

    With *q* those with a name that contains it; if there is none, those with a name near it.
    """
    view = await view_of_all(connection, times)
    every: Sequence[LabFacts] = await view.every_lab()
    if q is not None:
        every = await _alike(connection, every, q, times)
    ordered = sorted(every, key=lambda lab: _place(lab, times.at))
    if after is not None:
        name, _, one = after.rpartition(" ")
        ordered = [lab for lab in ordered if _place(lab, times.at) > (name, one)]
    page = ordered[:limit]
    stints = await view.stints_of_labs([lab.id for lab in page], times.at)
    return LabsAnswer(
        items=[
            summary_of(
                lab,
                headcount_of(standings_on(stints.get(lab.id, {}), times.at).values()),
                times.at,
            )
            for lab in page
        ],
        next=" ".join(_place(page[-1], times.at)) if len(ordered) > limit else None,
        at=times.at,
        known_at=times.known_at,
        published_by=times.published_by,
        undated_events=view.undated_events,
    )


async def _alike(
    connection: Connection, every: Sequence[LabFacts], q: str, times: Times
) -> Sequence[LabFacts]:
    wanted = fold_name(q)
    found = [
        lab
        for lab in every
        if any(wanted in fold_name(n) for n in (lab.name, *lab.aliases, lab.id))
    ]
    if found:
        return found
    near = await directories.find_near(
        connection, "lab", q, position=times.known_at.position, limit=NEAR_LABS_MAX
    )
    return [lab for lab in every if lab.id in near]


def standings_on(stints: Mapping[str, Sequence[Stint]], at: date) -> dict[str, Standing]:
    """How each person stood who was there on a day."""
    found = ((person, standing_on(theirs, at)) for person, theirs in stints.items())
    return {person: standing for person, standing in found if standing is not None}


def headcount_of(standings: Iterable[Standing]) -> Headcount:
    """How many by presence."""
    presences = [standing.presence for standing in standings]
    return Headcount(
        presences.count("certain"), presences.count("presumed"), presences.count("possible")
    )


def member_of(person: Named, standing: Standing) -> Member:
    """One line of a roster."""
    stint, post = standing.stint, standing.post
    return Member(
        person=person,
        presence=standing.presence,
        role=post.role,
        team=post.team,
        location=post.location,
        relation=post.relation,
        since=stint.start.date_text,
        until=stint.end.date_text if stint.end else None,
        on_leave=standing.on_leave,
        last_evidence=day_or_none(stint.last_evidence),
        events=stint.events,
    )


def named_by(lab: LabFacts) -> set[str]:
    """The labs that a lab's own line names; of a parent perhaps no lab's id."""
    successor = [lab.end.successor] if lab.end and lab.end.successor else []
    return {*lab.predecessors, *successor, *(step.value for step in lab.ownerships)}


def _place(lab: LabFacts, at: date) -> tuple[str, str]:
    return (fold_name(name_on(lab, at)), lab.id)


def summary_of(lab: LabFacts, headcount: Headcount, at: date) -> LabSummary:
    """A lab in a list of labs."""
    return LabSummary(
        id=lab.id,
        name=name_on(lab, at),
        kind=lab.kind,
        country=lab.country,
        status=status_on(lab, at),
        founded=lab.founding.date_text if lab.founding else None,
        parent=parent_on(lab, at),
        headcount=headcount,
    )


def lab_view(lab: LabFacts, labels: Labels, parent: Named | str | None, at: date) -> LabView:
    """A lab on a day; *labels* has its founders, its predecessors and its successor."""
    name = name_on(lab, at)
    every = dict.fromkeys((lab.name, *lab.aliases))
    founders = dict.fromkeys(labels.person(one) for one in lab.founders)
    return LabView(
        id=lab.id,
        name=name,
        aliases=[alias for alias in every if alias != name],
        kind=lab.kind,
        country=lab.country,
        status=status_on(lab, at),
        founded=lab.founding.date_text if lab.founding else None,
        founders=list(founders),
        parent=parent,
        predecessors=[labels.lab(one) for one in lab.predecessors],
        successor=labels.lab(lab.end.successor) if lab.end and lab.end.successor else None,
        ended=lab.end.date_text if lab.end else None,
        ids=lab.ids,
    )


async def parent_link(
    connection: Connection, view: View, parent: str | None, times: Times
) -> Named | str | None:
    """The lab that a parent's text means, or the text where it means none that is known."""
    if parent is None:
        return None
    position = times.known_at.position
    directory = await directories.fetch_directory(connection, [("lab", parent)], position=position)
    try:
        found = directory.find("lab", parent)
    except AmbiguousName:
        return parent
    if found is None:
        return parent
    return (await labels_in(view, labs=[found], at=times.at)).lab(found)
