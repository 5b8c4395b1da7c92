"""
Why someone was, or was not, at a lab on a day: the fold, told step by step.

Shows the events in the order in which the fold placed them, what each did, by which rule, and
which of them the answer rests on: those without which it would be another.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.domain.dates import Bounds
from service.domain.effective import Effective, effective_events
from service.domain.events import (
    Founding,
    PersonFact,
    Position,
    RecordedEvent,
    founder_ids,
    id_of,
)
from service.domain.identity import canonical_ids
from service.domain.labs import Labs, fold_labs
from service.domain.presence import Presence, standing_on
from service.domain.stints import Item, Placing, Stint, place_all, to_stints

Effect = Literal[
    "opened", "evidence", "closed", "revealed", "revealed_and_closed", "dropped", "set_aside"
]

RULES: dict[Effect, str] = {
    "opened": "It opens a stay, since the person was outside (4.3).",
    "evidence": "It shows that the stay went on (4.3).",
    "closed": "It ends the stay that was open (4.3).",
    "revealed": "It shows a stay of which nothing says when it began (4.3, 4.6).",
    "revealed_and_closed": "It ends a stay of which nothing says when it began (4.3, 4.6).",
    "dropped": "It opens nothing, since the person was there already (4.3).",
    "set_aside": "It comes after the lab had closed and is set aside (4.1).",
}
_BY_TYPE: dict[str, str] = {
    "merged_in": "The merger carries the person over from the lab that it absorbed (4.4).",
    "lab_end": "The lab ended while the stay was open, and the stay with it (4.4).",
}


class WhyStep(Struct, frozen=True, kw_only=True):
    """One event in its place."""

    lab: str
    event_id: UUID
    type: str
    """Of the event, or `merged_in` or `lab_end` where a merger or a closure acts as one."""
    date_text: str
    recorded: Bounds
    narrowed: Bounds
    """What its neighbours and the lab's end leave of the recorded bounds (4.5)."""
    effect: Effect
    rule: str
    is_of_the_stint: bool
    """Whether it belongs to the stint that the answer tells of."""


class Why(Struct, frozen=True, kw_only=True):
    """The reasons of one answer."""

    presence: Presence | Literal["absent"]
    stint: Stint | None
    """The one that tells, of the day or else the last one before it or the next after it."""
    is_on_leave: bool
    steps: Sequence[WhyStep]
    decisive: Collection[UUID]
    """Events without any one of which the presence would be another."""


def why(recorded: Sequence[RecordedEvent], person: str, lab: str, at: date) -> Why:
    """
    Why *person* was or was not at *lab*, both canonical ids, on a day.

    Shapes: *recorded* are all events that name the person and all facts of the families of
    the labs that those name, in position order.
    """
    effective = effective_events(recorded)
    labs, _ = fold_labs(recorded)
    placings = _placings(effective, person, labs)
    stints = [s for placing in placings for s in to_stints(placing) if placing.lab.id == lab]
    standing = standing_on(stints, at)
    stint = standing.stint if standing else _nearest(stints, at)
    return Why(
        presence=standing.presence if standing else "absent",
        stint=stint,
        is_on_leave=standing.on_leave if standing else False,
        steps=_steps(placings, lab, stint),
        decisive=_decisive(recorded, person, lab, at),
    )


def presence_in(
    recorded: Sequence[RecordedEvent], person: str, lab: str, at: date
) -> Presence | None:
    """The presence that a whole set of events gives, straight from them."""
    labs, _ = fold_labs(recorded)
    placings = _placings(effective_events(recorded), person, labs)
    stints = [
        s
        for placing in placings
        if placing.lab.id == labs[lab].canonical_id
        for s in to_stints(placing)
    ]
    standing = standing_on(stints, at)
    return standing.presence if standing else None


def _placings(effective: Sequence[Effective], person: str, labs: Labs) -> list[Placing]:
    canonical, _ = canonical_ids(effective, "person")
    whole = canonical.get(person, person)
    ids = {whole, *(one for one, into in canonical.items() if into == whole)}
    own = [e for e in effective if not ids.isdisjoint(_people(e))]
    placings, _ = place_all(whole, ids, own, labs)
    return placings


def _people(event: Effective) -> Iterable[str]:
    if isinstance(event.payload, Founding):
        return founder_ids(event.payload)
    if isinstance(event.payload, PersonFact):
        return [id_of(event.payload.person)]
    return []


def _decisive(recorded: Sequence[RecordedEvent], person: str, lab: str, at: date) -> list[UUID]:
    """Each original event after whose removal, with all said about it, the answer differs."""
    answer = presence_in(recorded, person, lab, at)
    chains: dict[Position, list[RecordedEvent]] = {}
    for event in recorded:
        root = event.position if event.target_position is None else event.target_position
        chains.setdefault(root, []).append(event)
    decisive = []
    for root, chain in chains.items():
        rest = [e for e in recorded if e not in chain]
        if presence_in(rest, person, lab, at) != answer:
            original = next((e for e in chain if e.position == root), None)
            decisive += [original.event_id] if original else []
    return decisive


def _nearest(stints: Sequence[Stint], at: date) -> Stint | None:
    """Of stints that do not hold on a day, the last one before it, else the first after it."""
    before = [s for s in stints if s.end is not None and s.end.hi <= at]
    return before[-1] if before else (stints[0] if stints else None)


def _steps(placings: Iterable[Placing], lab: str, stint: Stint | None) -> list[WhyStep]:
    """The steps at a lab and at those from which a merger carried the person there."""
    by_lab = {placing.lab.id: placing for placing in placings}
    wanted = [lab]
    for one in wanted:
        wanted += [
            placing.lab.id
            for placing in by_lab.values()
            if placing.lab.end is not None
            and placing.lab.end.successor == one
            and placing.lab.id not in wanted
        ]
    steps = []
    for one in reversed(wanted):
        if one in by_lab:
            steps += _lab_steps(by_lab[one], stint)
    return steps


def _lab_steps(placing: Placing, stint: Stint | None) -> list[WhyStep]:
    told = set(stint.events) if stint is not None else set()
    steps = []
    for stay in placing.stays:
        for i, placed in enumerate(stay):
            effect = _effect(placed.item, is_first=i == 0)
            steps.append(_step(placing, placed.item, Bounds(placed.lo, placed.hi), effect, told))
    for item, _ in placing.dropped:
        steps.append(_step(placing, item, Bounds(item.lo, item.hi), "dropped", set()))
    return steps


def _effect(item: Item, *, is_first: bool) -> Effect:
    if item.motion == "enter":
        return "opened"
    if item.motion == "exit":
        return "revealed_and_closed" if is_first else "closed"
    return "revealed" if is_first else "evidence"


def _step(
    placing: Placing, item: Item, narrowed: Bounds, effect: Effect, told: Collection[UUID]
) -> WhyStep:
    rule = RULES["dropped"] if effect == "dropped" else _BY_TYPE.get(item.type, RULES[effect])
    return WhyStep(
        lab=placing.lab.id,
        event_id=item.event_id,
        type=item.type,
        date_text=item.date_text,
        recorded=Bounds(item.lo, item.hi),
        narrowed=narrowed,
        effect=effect,
        rule=rule,
        is_of_the_stint=item.event_id in told,
    )
