"""A lab on two days as known at one position, or on one day in two states of knowledge."""

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct, structs

from service.answers.labs import (
    Headcount,
    Member,
    headcount_of,
    member_of,
    parent_link,
    standings_on,
)
from service.answers.names import Labels, Named, order_of, resolve_path
from service.answers.times import KnownAt, Times
from service.answers.views import Kept, View, labels_in, view_of_lab
from service.domain.changes import Compared, Comparison, carried_to, compare
from service.domain.labs import LabFacts, Labs, LabStatus, name_on, parent_on, status_on
from service.domain.presence import Standing
from service.domain.stints import Stint
from service.domain.subjects import Subject
from service.log.corrections import Mention, read_between, read_facts_between
from service.log.read import read_linked
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.stints import by_start


class LabState(Struct, frozen=True, kw_only=True):
    """A lab on one side of a comparison."""

    id: str
    name: str
    status: LabStatus | None
    """Null of a lab of which nothing was known."""
    parent: Named | str | None
    """A link where it resolves, else the text as given."""
    founded: str | None
    """As its source gives it (EDTF), as is the end."""
    ended: str | None
    successor: Named | None


class Side(Struct, frozen=True, kw_only=True):
    """One of the two times that are compared."""

    at: date
    known_at: KnownAt
    lab: LabState
    headcount: Headcount


class MemberChange(Struct, frozen=True, kw_only=True):
    """One person whose line on the roster differs."""

    person: Named
    before: Member | None
    """The line of the roster; null of someone who is not on it."""
    after: Member | None
    fields: Sequence[str]
    """Of someone on both: in what the lines differ."""
    from_lab: Named | None
    """Of someone whom a merger carried along: from where; they have not moved."""
    to_lab: Named | None
    recorded_between: Sequence[Mention] | None
    """
    Of two states of knowledge: the events in between that name the person together with this
    lab, or with none; empty where a fact of the lab made the difference. Else null.
    """


class LabChangesAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What differs; each list whole and sorted by name, those who joined and left as on rosters."""

    before: Side
    after: Side
    lab_fields: Sequence[str]
    """In what the lab itself differs."""
    joined: Sequence[MemberChange]
    left: Sequence[MemberChange]
    carried: Sequence[MemberChange]
    changed: Sequence[MemberChange]
    lab_events_between: Sequence[Mention] | None
    """Of two states of knowledge: the facts of the lab recorded in between; else null."""
    published_by: date | None = None
    undated_events: int | None = None
    """As of the state of a lab."""


class _Seen(Struct):
    """A lab at one of the two times."""

    view: View
    facts: LabFacts | None
    labs: Labs
    """Those that it and they absorbed, and its successors."""
    stints: Mapping[str, list[Stint]]
    successors: Mapping[str, list[Stint]]
    """The stints at its successor."""
    times: Times

    @property
    def roster(self) -> dict[str, Standing]:
        return standings_on(self.stints, self.times.at)


async def changes_of_days(
    connection: Connection, name: str, times: Times, *, from_on: date, to_on: date
) -> LabChangesAnswer:
    """
    What differs between two days, as known at the position of *times*.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    view, lab = await view_of_lab(connection, name, times)
    before = await _seen(view, lab, structs.replace(times, at=from_on))
    after = await _seen(view, lab, structs.replace(times, at=to_on))
    return await _answer(connection, lab, before, after, before.roster, after.roster)


async def changes_of_knowledge(
    connection: Connection, name: str, earlier: Times, later: Times
) -> LabChangesAnswer:
    """
    What differs on one day between two states of knowledge.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`; the name is as known later.
    """
    lab = await resolve_path(connection, "lab", name, later)
    then = await directories.fetch_labs(connection, [lab], position=earlier.known_at.position)
    before = await _seen(
        Kept(connection, earlier.known_at.position), then[lab].canonical_id, earlier
    )
    after = await _seen(Kept(connection, later.known_at.position), lab, later)
    # Of ids that are one by now there is one line on either side.
    known = await directories.fetch_people(
        connection, before.stints, position=later.known_at.position
    )
    joined: dict[str, list[Stint]] = {}
    for person, stints in before.stints.items():
        one = known[person].canonical_id if person in known else person
        joined.setdefault(one, []).extend(stints)
    for stints in joined.values():
        stints.sort(key=by_start)
    return await _answer(
        connection, lab, before, after, standings_on(joined, earlier.at), after.roster
    )


async def _seen(view: View, lab: str, times: Times) -> _Seen:
    labs = await _related(view, lab)
    facts = labs.get(lab)
    successor = None if facts is None else carried_to(facts, labs)
    stints = await view.stints_of_labs([lab, *([successor] if successor else [])], times.at)
    return _Seen(
        view,
        facts,
        labs,
        stints.get(lab, {}),
        stints.get(successor, {}) if successor else {},
        times,
    )


async def _related(view: View, lab: str) -> Labs:
    """What is known of a lab, of all that it absorbed and of all its successors."""
    labs, asked, wanted = Labs(), set[str](), {lab}
    absorbed, successors = {lab}, {lab}
    while wanted:
        asked |= wanted
        labs.update(await view.labs(wanted))
        absorbed |= {p for one in absorbed & labs.keys() for p in labs[one].predecessors}
        ends = (labs[one].end for one in successors & labs.keys())
        successors |= {end.successor for end in ends if end is not None and end.successor}
        wanted = (absorbed | successors) - asked
    return labs


async def _answer(
    connection: Connection,
    lab: str,
    before: _Seen,
    after: _Seen,
    old: Mapping[str, Standing],
    new: Mapping[str, Standing],
) -> LabChangesAnswer:
    # What is known later of the lab tells who was carried along, on both sides.
    facts = after.facts or LabFacts(lab, lab, lab)
    compared = compare(old, new, facts, after.labs, standings_on(after.successors, after.times.at))
    labels = await labels_in(
        after.view, people={*old, *new}, labs={lab, *after.labs}, at=after.times.at
    )
    mentions, facts_between = await _between(connection, compared, lab, before, after)
    lists = {
        field: sorted(
            (_member_change(one, labels, mentions) for one in getattr(compared, field)),
            key=lambda change: order_of(change.person),
        )
        for field in compared.__struct_fields__
    }
    old_state = await _state(connection, lab, before, labels)
    new_state = await _state(connection, lab, after, labels)
    return LabChangesAnswer(
        before=_side(before, old_state),
        after=_side(after, new_state),
        lab_fields=[
            field
            for field in old_state.__struct_fields__
            if _plain(getattr(old_state, field)) != _plain(getattr(new_state, field))
        ],
        lab_events_between=facts_between,
        published_by=after.times.published_by,
        undated_events=after.view.undated_events,
        **lists,
    )


async def _between(
    connection: Connection, compared: Comparison, lab: str, before: _Seen, after: _Seen
) -> tuple[dict[str, list[Mention]] | None, list[Mention] | None]:
    """By person what was recorded between two states of knowledge, and of the lab itself."""
    first, last = before.times.known_at.position, after.times.known_at.position
    if before.times.at != after.times.at or first == last:
        return None, None
    people = {
        one.person for field in compared.__struct_fields__ for one in getattr(compared, field)
    }
    linked = await read_linked(
        connection, [*(Subject("person", one) for one in people), Subject("lab", lab)]
    )
    ids = [s.id for s in linked if s.kind == "person"]
    family = [s.id for s in linked if s.kind == "lab"]
    known = await directories.fetch_people(connection, ids, position=last)
    found = await read_between(connection, people=ids, labs=family, after=first, until=last)
    mentions: dict[str, list[Mention]] = {}
    for one, told in found.items():
        canonical = known[one].canonical_id if one in known else one
        mentions.setdefault(canonical, []).extend(told)
    # One event can name two ids of one person.
    unique = {
        person: sorted(set(told), key=lambda mention: mention.position)
        for person, told in mentions.items()
    }
    return unique, await read_facts_between(connection, family, after=first, until=last)


def _member_change(
    one: Compared, labels: Labels, mentions: Mapping[str, list[Mention]] | None
) -> MemberChange:
    person = labels.person(one.person)
    return MemberChange(
        person=person,
        before=None if one.before is None else member_of(person, one.before),
        after=None if one.after is None else member_of(person, one.after),
        fields=one.fields,
        from_lab=None if one.from_lab is None else labels.lab(one.from_lab),
        to_lab=None if one.to_lab is None else labels.lab(one.to_lab),
        recorded_between=None if mentions is None else mentions.get(one.person, []),
    )


def _plain(value: object) -> object:
    """Another lab by its id: that it is called otherwise is no change of this one."""
    return value.id if isinstance(value, Named) else value


def _side(seen: _Seen, state: LabState) -> Side:
    return Side(
        at=seen.times.at,
        known_at=seen.times.known_at,
        lab=state,
        headcount=headcount_of(seen.roster.values()),
    )


async def _state(connection: Connection, lab: str, seen: _Seen, labels: Labels) -> LabState:
    facts, at = seen.facts, seen.times.at
    if facts is None:
        named = labels.as_meant("lab", lab)
        return LabState(
            id=lab,
            name=named.name,
            status=None,
            parent=None,
            founded=None,
            ended=None,
            successor=None,
        )
    own = Labels({}, seen.labs, at)
    successor = facts.end.successor if facts.end else None
    return LabState(
        id=facts.id,
        name=name_on(facts, at),
        status=status_on(facts, at),
        parent=await parent_link(connection, seen.view, parent_on(facts, at), seen.times),
        founded=facts.founding.date_text if facts.founding else None,
        ended=facts.end.date_text if facts.end else None,
        successor=own.lab(successor) if successor else None,
    )
