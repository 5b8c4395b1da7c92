"""
Why someone was, or was not, at a lab on a day: the fold, told step by step.

Shows the events in the order in which the fold placed them, what each did, by which rule, and
which of them the answer rests on: those without which it would be another.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.domain.dates import Bounds
from service.domain.effective import Effective, effective_events, in_force
from service.domain.events import (
    Closure,
    Correction,
    Fact,
    Founding,
    Leave,
    Merger,
    PersonFact,
    Position,
    RecordedEvent,
    Retraction,
    Return,
    SameAs,
    bounds_of,
    fact_of,
    founder_ids,
    id_of,
    is_rumoured,
    type_of,
)
from service.domain.findings import Finding
from service.domain.identity import canonical_ids
from service.domain.labs import Labs, fold_labs
from service.domain.presence import Presence, Standing, standing_on
from service.domain.stints import Item, Placing, Stint, place_all, to_stints

Effect = Literal[
    "opened", "evidence", "closed", "revealed", "revealed_and_closed", "dropped", "set_aside"
]
Omission = Literal["rumour", "retracted"]

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
OMISSIONS: dict[Omission, str] = {
    "rumour": "A rumour stays on timelines and never enters the fold (3).",
    "retracted": "It was retracted, and holds no more (3).",
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
    other_lab: str | None = None
    """Of `merged_in` the lab that was absorbed, of a `lab_end` by a merger the successor."""


class PassedOver(Struct, frozen=True, kw_only=True):
    """An event that places the person at the lab and does not count."""

    event_id: UUID
    type: str
    date_text: str
    why: Omission


class Why(Struct, frozen=True, kw_only=True):
    """The reasons of one answer."""

    lab: str
    at: date
    standing: Standing | None
    """None of someone absent."""
    stints: Sequence[Stint]
    """All of the person at the lab, by start."""
    stint: Stint | None
    """The one that tells, of the day or else the last one before it or the next after it."""
    steps: Sequence[WhyStep]
    passed_over: Sequence[PassedOver]
    decisive: Collection[UUID]
    """
    Events without any one of which, and without all said about it, the presence would be
    another. A correction or a retraction can be one by itself.
    """
    role_event: UUID | None
    """What gives the role that was held on the day, if one was."""
    leave_event: UUID | None
    """The last leave or return by the day, which says whether someone present was on leave."""

    @property
    def presence(self) -> Presence | Literal["absent"]:
        return self.standing.presence if self.standing else "absent"

    @property
    def corroborating(self) -> list[UUID]:
        """Events of the stint that only bear out what others say."""
        told = dict.fromkeys(step.event_id for step in self.steps if step.is_of_the_stint)
        return [event_id for event_id in told if event_id not in self.decisive]


def why(recorded: Sequence[RecordedEvent], person: str, lab: str, at: date) -> Why:
    """
    Why *person* was or was not at *lab*, both canonical ids, on a day.

    Shapes: *recorded* are all events that name the person, and at least all facts of the family
    of the lab, in position order. Facts of other labs bear on stays at those alone.
    """
    effective = effective_events(recorded)
    labs, _ = fold_labs(recorded)
    ids = _ids_of(effective, person)
    placings, findings = _placings(effective, person, ids, labs)
    stints = [s for placing in placings for s in to_stints(placing) if placing.lab.id == lab]
    standing = standing_on(stints, at)
    stint = standing.stint if standing else _nearest(stints, at)
    leading = _leading_to(lab, labs)
    told = [p for p in placings if p.lab.id in leading]
    return Why(
        lab=lab,
        at=at,
        standing=standing,
        stints=stints,
        stint=stint,
        steps=[
            *(step for placing in told for step in _steps(placing, told, stint)),
            *_set_aside(findings, effective, leading),
        ],
        passed_over=_passed_over(recorded, ids, leading, labs),
        decisive=_decisive(recorded, person, lab, at),
        role_event=_role_event(told, standing, at),
        leave_event=_leave_event(told, standing, at),
    )


def presence_in(
    recorded: Sequence[RecordedEvent], person: str, lab: str, at: date
) -> Presence | None:
    """The presence that a whole set of events gives, straight from them."""
    labs, _ = fold_labs(recorded)
    effective = effective_events(recorded)
    placings, _ = _placings(effective, person, _ids_of(effective, person), labs)
    stints = [
        s
        for placing in placings
        if placing.lab.id == labs[lab].canonical_id
        for s in to_stints(placing)
    ]
    standing = standing_on(stints, at)
    return standing.presence if standing else None


def _ids_of(effective: Iterable[Effective], person: str) -> dict[str, None]:
    """Every id that stands for the person, the canonical one first."""
    canonical, _ = canonical_ids(effective, "person")
    whole = canonical.get(person, person)
    return dict.fromkeys((whole, *(one for one, into in canonical.items() if into == whole)))


def _placings(
    effective: Iterable[Effective], person: str, ids: Mapping[str, None], labs: Labs
) -> tuple[list[Placing], list[Finding]]:
    own = [e for e in effective if not ids.keys().isdisjoint(_people(e.payload))]
    return place_all(next(iter(ids), person), ids, own, labs)


def _people(payload: Fact) -> Iterable[str]:
    if isinstance(payload, Founding):
        return founder_ids(payload)
    if isinstance(payload, PersonFact):
        return [id_of(payload.person)]
    return []


def _decisive(recorded: Sequence[RecordedEvent], person: str, lab: str, at: date) -> list[UUID]:
    """Each event after whose removal, with all said about it, the answer differs."""
    chains: dict[Position, list[RecordedEvent]] = {}
    for event in recorded:
        chains.setdefault(event.root, []).append(event)
    deciding = [e for e in recorded if any(map(_can_decide, chains[e.root]))]
    answer = presence_in(deciding, person, lab, at)
    decisive = []
    for position, event_id in sorted(_told_of(deciding).items()):
        rest = [e for e in deciding if position not in (e.position, e.target_position)]
        if presence_in(rest, person, lab, at) != answer:
            decisive.append(event_id)
    return decisive


def _told_of(recorded: Iterable[RecordedEvent]) -> dict[Position, UUID]:
    """Each event by its position, and an original that is only known by what was said about it."""
    told = {}
    for event in recorded:
        if isinstance(event.payload, Correction | Retraction):
            told[event.root] = event.payload.target
        told[event.position] = event.event_id
    return told


def _can_decide(event: RecordedEvent) -> bool:
    """Whether what it says can place someone: names, profiles and parents cannot."""
    said = fact_of(event.payload)
    return isinstance(said, PersonFact | Founding | Merger | Closure | SameAs)


def _nearest(stints: Sequence[Stint], at: date) -> Stint | None:
    """Of stints that do not hold on a day, the last one before it, else the first after it."""
    before = [s for s in stints if s.end is not None and s.end.hi <= at]
    return before[-1] if before else (stints[0] if stints else None)


def _leading_to(lab: str, labs: Labs) -> set[str]:
    """The lab and all that mergers absorbed into it."""
    leading, waiting = {lab}, [lab]
    while waiting:
        absorbed = set(labs[waiting.pop()].predecessors) - leading
        leading |= absorbed
        waiting += absorbed
    return leading


def _steps(placing: Placing, told: Iterable[Placing], stint: Stint | None) -> list[WhyStep]:
    """The items at one lab in the order in which they were taken."""
    of_stint = set(stint.events) if stint is not None else set()
    placed = {id(p.item): (p, i == 0) for stay in placing.stays for i, p in enumerate(stay)}
    absorbed = [p.lab for p in told if p.lab.end and p.lab.end.successor == placing.lab.id]
    steps: list[WhyStep] = []
    for item in placing.taken:
        found = placed.get(id(item))
        effect = "dropped" if found is None else _effect(item, is_first=found[1])
        other = placing.lab.end.successor if placing.lab.end else None
        if item.type == "merged_in":
            came = [a.id for a in absorbed if a.end and a.end.event_id == item.event_id]
            # Someone at two labs that one merger absorbed comes from each of them once.
            told_of = [s.other_lab for s in steps]
            other = next((one for one in came if one not in told_of), None)
        steps.append(
            WhyStep(
                lab=placing.lab.id,
                event_id=item.event_id,
                type=item.type,
                date_text=item.date_text,
                recorded=Bounds(item.lo, item.hi),
                narrowed=Bounds(found[0].lo, found[0].hi) if found else Bounds(item.lo, item.hi),
                effect=effect,
                rule=RULES["dropped"]
                if effect == "dropped"
                else _BY_TYPE.get(item.type, RULES[effect]),
                is_of_the_stint=found is not None and item.event_id in of_stint,
                other_lab=other if item.type in _BY_TYPE else None,
            )
        )
    return steps


def _effect(item: Item, *, is_first: bool) -> Effect:
    if item.motion == "enter":
        return "opened"
    if item.motion == "exit":
        return "revealed_and_closed" if is_first else "closed"
    return "revealed" if is_first else "evidence"


def _set_aside(
    findings: Iterable[Finding], effective: Iterable[Effective], leading: Collection[str]
) -> list[WhyStep]:
    """Items that come after the closure of a lab."""
    payloads = {e.event_id: e.payload for e in effective}
    steps = []
    for finding in findings:
        payload = payloads[finding.events[0]]
        if finding.labs[0] in leading and isinstance(payload, PersonFact | Founding | Merger):
            steps.append(
                WhyStep(
                    lab=finding.labs[0],
                    event_id=finding.events[0],
                    type="merged_in" if isinstance(payload, Merger) else type_of(payload),
                    date_text=payload.date,
                    recorded=bounds_of(payload),
                    narrowed=bounds_of(payload),
                    effect="set_aside",
                    rule=RULES["set_aside"],
                    is_of_the_stint=False,
                )
            )
    return steps


def _passed_over(
    recorded: Sequence[RecordedEvent], ids: Collection[str], leading: Collection[str], labs: Labs
) -> list[PassedOver]:
    """What names the person at the lab, or at one that it absorbed, and never enters the fold."""
    holding = {e.position: e.payload for e in in_force(recorded)}
    last_said: dict[Position, tuple[UUID, Fact]] = {}
    for event in recorded:
        if isinstance(event.payload, Correction):
            last_said[event.root] = (event.payload.target, event.payload.event)
        elif (fact := fact_of(event.payload)) is not None:
            last_said[event.root] = (event.event_id, fact)
    passed = []
    for position, (event_id, said) in last_said.items():
        if not isinstance(said, PersonFact | Founding):
            continue
        lab = labs[id_of(said.lab)].canonical_id
        if lab not in leading or set(ids).isdisjoint(_people(said)):
            continue
        if position not in holding or is_rumoured(said):
            why_not: Omission = "rumour" if position in holding else "retracted"
            passed.append(
                PassedOver(event_id=event_id, type=type_of(said), date_text=said.date, why=why_not)
            )
    return passed


def _role_event(told: Iterable[Placing], standing: Standing | None, at: date) -> UUID | None:
    """The last item of the stint by the day that says the role; else any that says it."""
    if standing is None or standing.post.role is None:
        return None
    saying = [i for i in _items_of(told, standing.stint) if i.post.role == standing.post.role]
    by_then = [i for i in saying if i.lo <= at or i.motion == "enter"]
    last = max(by_then or saying, key=lambda i: (i.motion != "enter", i.lo, i.hi, i.position))
    return last.event_id


def _leave_event(told: Iterable[Placing], standing: Standing | None, at: date) -> UUID | None:
    if standing is None:
        return None
    said = [
        i
        for i in _items_of([p for p in told if p.lab.id == standing.stint.lab], standing.stint)
        if isinstance(i.payload, Leave | Return) and i.lo <= at
    ]
    last = max(said, key=lambda i: (i.lo, i.hi, i.position), default=None)
    return last.event_id if last else None


def _items_of(told: Iterable[Placing], stint: Stint) -> list[Item]:
    """The items that a stint rests on, those at absorbed labs included; not the carrying ones."""
    return [
        p.item
        for placing in told
        for stay in placing.stays
        for p in stay
        if p.item.event_id in stint.events and p.item.payload is not None
    ]
