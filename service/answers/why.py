"""Why someone was, or was not, at a lab on a day: steps, sources and a sentence to print."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date
from datetime import date as Day  # noqa: N812 (a field below is called date)
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.answers.events import (
    EventView,
    event_labels,
    event_view,
    payload_view,
    tell_erasures,
)
from service.answers.names import Labels, Named, resolve_id
from service.answers.people import StintView, stint_view
from service.answers.times import KnownAt, Times
from service.answers.views import Folded, Kept, Public, labels_in, read_whole
from service.domain.dates import Bounds, day_or_none
from service.domain.effective import in_force
from service.domain.events import Fact, RecordedEvent, Source
from service.domain.fold import fold
from service.domain.presence import Presence
from service.domain.publication import public_from
from service.domain.sentences import Told, sentence
from service.domain.why import OMISSIONS, Effect, Omission, PassedOver, Why, WhyStep, why
from service.postgres.pool import Connection


class BoundsView(Struct, frozen=True):
    """The days that a date can be, both included."""

    lo: date | None
    """Null where unbounded."""
    hi: date | None


class StepView(Struct, frozen=True, kw_only=True):
    """One event in the place that the fold gave it."""

    lab: Named
    """The lab at which it was placed, which can be one that a merger absorbed later."""
    type: str
    """Of the event, or `merged_in` or `lab_end` where a merger or a closure acts as one."""
    date: str
    """As written (EDTF)."""
    recorded: BoundsView
    narrowed: BoundsView
    """What its neighbours and the lab's end leave of the recorded bounds."""
    effect: Effect
    rule: str
    """The rule that it was placed by, with its section of the semantics."""
    is_of_the_stint: bool
    is_decisive: bool
    """Whether the presence would be another without it."""
    sources: Sequence[Source]
    """Of what it says now."""
    public_from: Day
    """The day from which the public could know it, as far as its sources say."""
    event: EventView
    """As it reads; `current` is what it says now, if it was corrected."""


class PassedOverView(Struct, frozen=True, kw_only=True):
    """An event that places the person at the lab and does not count."""

    type: str
    date: str
    why: Omission
    rule: str
    is_decisive: bool
    event: EventView


class WhyAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reasons of one presence or absence."""

    person: Named
    lab: Named
    at: date
    known_at: KnownAt
    presence: Presence | Literal["absent"]
    sentence: str
    """The answer with its reason and its sources, to be printed."""
    stint: StintView | None
    """The one that tells: of the day, else the last before it, else the first after it."""
    steps: Sequence[StepView]
    """In the order in which the fold placed them, at absorbed labs before their successors."""
    passed_over: Sequence[PassedOverView]
    decisive: Sequence[UUID]
    """
    Events without any one of which, and without all said about it, the presence would be
    another. A correction or a retraction can be one by itself.
    """
    corroborating: Sequence[UUID]
    """Events of the stint that only bear out what others say."""
    corrections: Sequence[EventView]
    """Corrections and retractions of the events above, in the order in which they were made."""
    role_event: UUID | None
    """What gives the role that was held on the day."""
    leave_event: UUID | None
    """The last leave or return by the day."""
    published_by: date | None = None
    undated_events: int | None = None
    """
    Of the events that name the person together with the lab, or with one that a merger or
    same_as had joined with it by then, those that `published_by` left out and that have no dated
    source.
    """


async def why_present(
    connection: Connection, lab_name: str, person_name: str, times: Times
) -> WhyAnswer:
    """
    Why the person was or was not at the lab.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    lab = await resolve_id(connection, "lab", lab_name, times)
    person = await resolve_id(connection, "person", person_name, times)
    recorded = await read_whole(connection, times, people=[person], labs=[lab])
    public, undated = recorded, None
    if times.published_by is not None:
        cut = Public(recorded, times.published_by)
        public = cut.events
        undated = cut.undated_events(person=person, lab=lab)
    state = await asyncio.to_thread(fold, public)
    lab = times.resolved["lab", lab_name] = state.labs[lab].canonical_id
    if person in state.people:
        person = state.people[person].canonical_id
    times.resolved["person", person_name] = person
    explained = await asyncio.to_thread(why, public, person, lab, times.at)
    # Whom only today's names know is called by today's name.
    known = times.head if times.rests_on_head else times.known_at.position
    view = Folded(state, Kept(connection, known), undated)
    labels = await labels_in(view, people=[person], labs={lab, *_labs_told(explained)}, at=times.at)
    telling = _Telling(public, explained, await event_labels(connection, public, times), labels)
    own = labels.lab(lab)
    steps = [telling.step(step) for step in explained.steps]
    passed_over = [telling.passed_over(each) for each in explained.passed_over]
    corrections = telling.corrections()
    views = [*(step.event for step in steps), *(each.event for each in passed_over), *corrections]
    await tell_erasures(connection, views)
    return WhyAnswer(
        person=labels.person(person),
        lab=own,
        at=times.at,
        known_at=times.known_at,
        presence=explained.presence,
        sentence=telling.sentence(labels.person(person), times.published_by),
        stint=stint_view(explained.stint, own, times.at) if explained.stint else None,
        steps=steps,
        passed_over=passed_over,
        decisive=list(explained.decisive),
        corroborating=explained.corroborating,
        corrections=corrections,
        role_event=explained.role_event,
        leave_event=explained.leave_event,
        published_by=times.published_by,
        undated_events=undated,
    )


class _Telling:
    """One answer on its way to a reader."""

    def __init__(
        self,
        recorded: Sequence[RecordedEvent],
        explained: Why,
        event_names: Labels,
        labels: Labels,
    ) -> None:
        self._recorded = recorded
        self._explained = explained
        self._event_names = event_names
        self._labels = labels
        self._by_id = {event.event_id: event for event in recorded}
        self._holding: dict[UUID, Fact] = {e.event_id: e.payload for e in in_force(recorded)}
        self._about: dict[int, list[RecordedEvent]] = {}
        for event in recorded:
            if event.target_position is not None:
                self._about.setdefault(event.target_position, []).append(event)

    def sentence(self, person: Named, published_by: date | None) -> str:
        labs = {self._explained.lab, *_labs_told(self._explained)}
        return sentence(
            self._explained,
            Told(
                person=person.name,
                labs={lab: self._labels.lab(lab).name for lab in labs},
                sources={one: fact.sources for one, fact in self._holding.items()},
                published_by=published_by,
            ),
        )

    def step(self, step: WhyStep) -> StepView:
        event = self._by_id[step.event_id]
        about = self._about.get(event.position, [])
        return StepView(
            lab=self._labels.lab(step.lab),
            type=step.type,
            date=step.date_text,
            recorded=_bounds_view(step.recorded),
            narrowed=_bounds_view(step.narrowed),
            effect=step.effect,
            rule=step.rule,
            is_of_the_stint=step.is_of_the_stint,
            is_decisive=self._is_decisive(event),
            sources=self._holding[step.event_id].sources,
            public_from=public_from(about[-1] if about else event),
            event=self._view(event),
        )

    def passed_over(self, passed: PassedOver) -> PassedOverView:
        event = self._by_id[passed.event_id]
        return PassedOverView(
            type=passed.type,
            date=passed.date_text,
            why=passed.why,
            rule=OMISSIONS[passed.why],
            is_decisive=self._is_decisive(event),
            event=self._view(event),
        )

    def corrections(self) -> list[EventView]:
        """What was said about the events that the answer tells of."""
        told = {
            *(step.event_id for step in self._explained.steps),
            *(passed.event_id for passed in self._explained.passed_over),
            *self._explained.decisive,
        }
        roots = {self._by_id[one].root for one in told}
        about = [e for root in roots for e in self._about.get(root, [])]
        return [
            event_view(e, self._event_names, revision=e.position)
            for e in sorted(about, key=lambda e: e.position)
        ]

    def _is_decisive(self, event: RecordedEvent) -> bool:
        return event.event_id in self._explained.decisive

    def _view(self, event: RecordedEvent) -> EventView:
        about = self._about.get(event.position, [])
        view = event_view(
            event, self._event_names, revision=about[-1].position if about else event.position
        )
        if about:
            holding = self._holding.get(event.event_id)
            view["current"] = holding and payload_view(holding, self._event_names)
        return view


def _labs_told(explained: Why) -> Iterable[str]:
    """The labs that steps are about."""
    for step in explained.steps:
        yield step.lab
        if step.other_lab is not None:
            yield step.other_lab


def _bounds_view(bounds: Bounds) -> BoundsView:
    return BoundsView(day_or_none(bounds.lo), day_or_none(bounds.hi))
