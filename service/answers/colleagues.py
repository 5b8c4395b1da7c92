"""With whom someone was at a lab at the same time, and for how long."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from service.answers.names import Labels, Named
from service.answers.pages import page_after
from service.answers.times import KnownAt, Times
from service.answers.views import canonical_in, labels_in, view_of_all
from service.domain.colleagues import Together, together
from service.domain.dates import UNBOUNDED_HI, day_or_none
from service.domain.stints import Stint
from service.postgres.pool import Connection


class DaysTogether(Struct, frozen=True):
    """Days on which two people were there, by the weaker presence of the two."""

    certain: int
    presumed: int
    possible: int | None
    """Null where nothing says when the first of them can have been."""


class Colleague(Struct, frozen=True, kw_only=True):
    """Somebody who was at the same lab at the same time."""

    person: Named
    lab: Named
    days: DaysTogether
    first: date | None
    """The first day on which both can have been there; null where unbounded."""
    last: date


class ColleaguesAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Colleagues, those of the most days first; one of two labs is there twice."""

    person: Named
    items: Sequence[Colleague]
    next: str | None
    at: date
    """Days are counted up to this one, it included."""
    known_at: KnownAt
    published_by: date | None = None
    undated_events: int | None = None
    """Of all events, those that `published_by` left out and that have no dated source."""


class _Met(NamedTuple):
    lab: str
    together: Together


async def colleagues_of(
    connection: Connection,
    name: str,
    times: Times,
    *,
    lab: str | None,
    after: str | None,
    limit: int,
    stints: Sequence[Stint] | None = None,
) -> ColleaguesAnswer:
    """
    At most *limit* colleagues of the person whom *name* names, after one; at *lab*, if it is given.

    Shapes: *stints* are the person's, where these were read already.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
        BadParameter: *after* is none of these.
    """
    view = await view_of_all(connection, times)
    person = await canonical_in(connection, view, "person", name, times)
    wanted = None if lab is None else await canonical_in(connection, view, "lab", lab, times)
    by_lab: dict[str, list[Stint]] = {}
    for stint in await view.stints_of_person(person) if stints is None else stints:
        if wanted in (None, stint.lab) and stint.start.lo <= times.at:
            by_lab.setdefault(stint.lab, []).append(stint)
    found: list[_Met] = []
    for one, own in by_lab.items():
        others = dict(await view.dates_between(one, *_extent(own, times.at)))
        others.pop(person, None)
        met = await asyncio.to_thread(together, own, others, times.at)
        found += [_Met(one, each) for each in met]
    found.sort(key=lambda met: (*met.together.rank, met.together.person, met.lab))
    page, next_place = page_after(found, after, limit, _place)
    labels = await labels_in(
        view,
        people={person, *(met.together.person for met in page)},
        labs={met.lab for met in page},
        at=times.at,
    )
    return ColleaguesAnswer(
        person=labels.person(person),
        items=[_view(met, labels) for met in page],
        next=next_place,
        at=times.at,
        known_at=times.known_at,
        published_by=times.published_by,
        undated_events=view.undated_events,
    )


def _extent(stints: Sequence[Stint], until: date) -> tuple[date, date]:
    """The days on which somebody can have been there, as far as one of them."""
    ends = [UNBOUNDED_HI if stint.end is None else stint.end.hi for stint in stints]
    return min(stint.start.lo for stint in stints), min(max(ends), until)


def _place(met: _Met) -> str:
    return f"{met.together.person} {met.lab}"


def _view(met: _Met, labels: Labels) -> Colleague:
    them = met.together
    return Colleague(
        person=labels.person(them.person),
        lab=labels.lab(met.lab),
        days=DaysTogether(them.certain, them.presumed, them.possible),
        first=day_or_none(them.first),
        last=them.last,
    )
