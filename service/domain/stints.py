"""From the events of one person to stays at labs (SEMANTICS 4.2 to 4.6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Literal, Protocol, TypeGuard
from uuid import UUID

from msgspec import Struct, field

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, bounds, eve
from service.domain.effective import Effective
from service.domain.events import (
    Departure,
    Fact,
    Founding,
    Hire,
    Leave,
    PersonFact,
    Position,
    RecordedEvent,
    Return,
    RoleChange,
    Sighting,
    id_of,
    says_post,
)
from service.domain.findings import Finding
from service.domain.labs import LabEnd, LabFacts, Labs, reading

Motion = Literal["enter", "seen", "exit"]

_IN_ORDER = attrgetter("order")
_AS_RECORDED = attrgetter("lo", "hi", "position")
"""The order of what is seen of someone: by the bounds as recorded."""
_OF_LABS = ("merged_in", "lab_end")
"""Items that no event of the person's own gave."""
_STEPS = ("role_change", "sighting")
_LEAVES = ("leave", "return")
_ACTS: dict[type, tuple[Motion, str, int]] = {
    Founding: ("enter", "founding", 0),
    Hire: ("enter", "hire", 2),
    RoleChange: ("seen", "role_change", 3),
    Sighting: ("seen", "sighting", 3),
    Leave: ("seen", "leave", 3),
    Return: ("seen", "return", 3),
    Departure: ("exit", "departure", 4),
}
"""How each payload that places people moves them, its slug, and its rank among others of a day."""
_RANK_MERGED_IN = 1
_RANK_LAB_END = 4


class Post(Struct, frozen=True, array_like=True, gc=False):
    """What someone did somewhere; None where it is not said."""

    role: str | None = None
    team: str | None = None
    location: str | None = None
    relation: str | None = None


NO_POST = Post()


class Endpoint(Struct, frozen=True, omit_defaults=True, gc=False):
    """One end of a stint, narrowed; inclusive days."""

    lo: date
    hi: date
    date_text: str | None = None
    """As written; None of a start that is unknown."""


class RoleStep(Struct, frozen=True, array_like=True, gc=False):
    """A role change or a sighting, by the first day it can have been, as recorded."""

    lo: date
    post: Post


class LeaveStep(Struct, frozen=True, array_like=True, gc=False):
    """A leave or a return, by the first day it can have been, as recorded."""

    lo: date
    on_leave: bool


class Stint(Struct, frozen=True, omit_defaults=True, gc=False):
    """An unbroken stay of one person at one lab; half-open."""

    person: str
    """Canonical id, as is the lab."""
    lab: str
    start: Endpoint
    last_evidence: date
    """The last day for which something says that the person was there."""
    end: Endpoint | None = None
    """None while no departure is recorded."""
    opening: Post = NO_POST
    """What the event that opened the stint says."""
    steps: tuple[RoleStep, ...] = ()
    closing: Post = NO_POST
    """What the departure says was held when leaving."""
    leaves: tuple[LeaveStep, ...] = ()
    events: tuple[UUID, ...] = ()
    """What the stint rests on, in the order in which the fold placed it."""


class Dated(Protocol):
    """The dates of a stint: what presence follows from."""

    @property
    def start(self) -> Endpoint: ...

    @property
    def last_evidence(self) -> date: ...

    @property
    def end(self) -> Endpoint | None: ...


class Dates(Struct, frozen=True, gc=False):
    """No more of a stint than that, which is read in an eighth of the time."""

    start: Endpoint
    last_evidence: date
    end: Endpoint | None = None


class Item(Struct, gc=False):
    """One event as the fold places it: at one lab, for one person."""

    motion: Motion
    type: str
    lo: date
    hi: date
    position: Position
    event_id: UUID
    date_text: str
    order: tuple[date, date, int, int]
    """Where it stands among the items not yet placed (SEMANTICS 4.3)."""
    payload: PersonFact | Founding | None = None
    """None of a merger or a closure."""
    post: Post = NO_POST
    carried: tuple[UUID, ...] = ()
    """Of someone merged in: what the stint at the absorbed lab rests on."""


class Placed(Struct, gc=False):
    """An item in its place, with the bounds that the others leave it."""

    item: Item
    lo: date
    hi: date


class Placing(Struct):
    """The items of one person at one lab in the order in which the fold placed them."""

    person: str
    lab: LabFacts
    stays: list[list[Placed]]
    """For each stint its placed items, the one that opened it first."""
    dropped: list[tuple[Item, Item]]
    """Enter items of someone already present, each with the item that had opened the stint."""
    taken: list[Item] = field(default_factory=list)
    """Every item, dropped ones included, in the order in which it was taken."""


def fold_stints(
    person: str, ids: Collection[str], own: Iterable[Effective], labs: Labs
) -> tuple[list[Stint], list[Finding]]:
    """
    The stints of one person, by lab and start, and what was noticed on the way.

    Shapes: *ids* are all that stand for the person; *own* are the effective events that name
    one of them; *labs* has at least the labs that those name and their successors.
    """
    placings, findings = place_all(person, ids, own, labs)
    stints: list[Stint] = []
    for placing in placings:
        stints += to_stints(placing)
        findings += placing_findings(placing)
    return stints, findings


def place_all(
    person: str, ids: Collection[str], own: Iterable[Effective], labs: Labs
) -> tuple[list[Placing], list[Finding]]:
    """
    The items of one person placed at every lab, absorbed labs before their successors.

    Findings: items set aside because they come after a closure.
    """
    items: dict[str, list[Item]] = {}
    findings: list[Finding] = []
    for event in own:
        payload = event.payload
        if is_placing(payload):
            item = to_item(event, payload, ids)
            _assign(item, id_of(payload.lab), person, labs, items, findings)
    placings, late = place_items(person, items, labs)
    return placings, findings + late


def place_items(
    person: str, items: Mapping[str, Iterable[Item]], labs: Labs
) -> tuple[list[Placing], list[Finding]]:
    """
    The items of one person, by the lab that each means, placed at every lab.

    Findings: of those whom a merger carries past a closure.
    """
    waiting = {lab: list(own) for lab, own in items.items()}
    findings: list[Finding] = []
    placings = []
    for lab in _absorbed_first(waiting, labs):
        if lab not in waiting:
            continue
        placing, merged_in = place_at(person, labs[lab], waiting[lab])
        placings.append(placing)
        if merged_in is not None:
            successor = placing.lab.end.successor if placing.lab.end else None
            assert successor is not None, "only a merger carries people on"
            _assign(merged_in, successor, person, labs, waiting, findings)
    return placings, findings


def place_at(person: str, lab: LabFacts, items: Iterable[Item]) -> tuple[Placing, Item | None]:
    """
    The items of one person at one lab, placed and narrowed.

    Returns as well the item by which a merger carries the person to the successor, if it does.
    """
    placing = place(person, lab, items)
    merged_in = _end_of_lab(placing) if lab.end is not None else None
    narrow(placing)
    if merged_in is not None:
        merged_in.post = _last_post(placing.stays[-1])
    return placing, merged_in


def place(person: str, lab: LabFacts, items: Iterable[Item]) -> Placing:
    """
    The items of one person at one lab, each in its stay (SEMANTICS 4.3).

    The first item goes first, unless it cannot: outside, an item that is no enter item lets
    the first enter item that may have come before it go first; inside, an enter item lets the
    first exit item that may have come before it go first.
    """
    placing = Placing(person, lab, [], [])
    waiting = sorted(items, key=_IN_ORDER)
    stay: list[Placed] = []
    inside = False
    while waiting:
        at = 0
        if inside == (waiting[0].motion == "enter"):
            at = _first_of("exit" if inside else "enter", waiting)
        item = waiting.pop(at)
        placing.taken.append(item)

        if not inside:
            stay = []
            placing.stays.append(stay)
        elif item.motion == "enter":
            placing.dropped.append((item, stay[0].item))
            continue
        stay.append(Placed(item, item.lo, item.hi))
        inside = item.motion != "exit"
    return placing


def _first_of(wanted: Motion, waiting: Sequence[Item]) -> int:
    """The place of the first item that moves as *wanted* and may come before the first of all."""
    until = waiting[0].hi
    for at, item in enumerate(waiting):
        if item.motion == wanted and item.lo <= until:
            return at
    return 0


def narrow(placing: Placing) -> None:
    """Leave each placed item the days that its neighbours and the lab's end allow (4.5)."""
    lo, end = UNBOUNDED_LO, placing.lab.end
    for stay in placing.stays:
        for p in stay:
            if p.lo < lo:
                p.lo = lo
            else:
                lo = p.lo
    hi = UNBOUNDED_HI if end is None else end.hi
    for stay in reversed(placing.stays):
        for p in reversed(stay):
            if p.hi > hi:
                p.hi = hi
            else:
                hi = p.hi


def to_stints(placing: Placing) -> list[Stint]:
    """The stints of a narrowed placing, by start."""
    stints = []
    previous_exit: date | None = None
    for stay in placing.stays:
        stints.append(_to_stint(placing, stay, previous_exit))
        previous_exit = stay[-1].lo
    return stints


def _to_stint(placing: Placing, stay: list[Placed], previous_exit: date | None) -> Stint:
    first, last = stay[0], stay[-1]
    entering, leaving = first.item, last.item
    is_entered = entering.motion == "enter"
    is_closed = leaving.motion == "exit"
    start = (
        Endpoint(first.lo, first.hi, entering.date_text)
        if is_entered
        else _unknown_start(placing.lab, first, previous_exit)
    )
    seen_lo = start.hi
    by_start = []
    for p in stay:
        if p.item.motion == "seen":
            by_start.append(p.item)
            # Narrowed, so that none is before the one before it.
            seen_lo = p.lo
    steps, leaves = to_steps(by_start) if by_start else ((), ())
    return Stint(
        placing.person,
        placing.lab.id,
        start,
        last.lo if is_closed else max(start.hi, seen_lo),
        Endpoint(last.lo, last.hi, leaving.date_text) if is_closed else None,
        entering.post if is_entered else NO_POST,
        steps,
        leaving.post if is_closed else NO_POST,
        leaves,
        _events_of(stay),
    )


def to_steps(items: list[Item]) -> tuple[tuple[RoleStep, ...], tuple[LeaveStep, ...]]:
    """What those items of a stay say that neither open nor end it, in the order as recorded."""
    if len(items) > 1:
        items.sort(key=_AS_RECORDED)
    return (
        tuple([RoleStep(i.lo, i.post) for i in items if i.type in _STEPS]),
        tuple([LeaveStep(i.lo, i.type == "leave") for i in items if i.type in _LEAVES]),
    )


def _events_of(stay: Sequence[Placed]) -> tuple[UUID, ...]:
    """What a stay rests on; what was carried along, to its first item, can be there twice."""
    events = tuple([p.item.event_id for p in stay])
    carried = stay[0].item.carried
    return tuple(dict.fromkeys((*carried, *events))) if carried else events


def _unknown_start(lab: LabFacts, revealing: Placed, previous_exit: date | None) -> Endpoint:
    """The days on which a stay began of which only a later event tells (4.6)."""
    hi = eve(revealing.hi) if revealing.item.motion == "exit" else revealing.hi
    if previous_exit is not None:
        lo = previous_exit
    else:
        lo = lab.founding.lo if lab.founding else UNBOUNDED_LO
    return Endpoint(min(lo, hi), hi)


def _end_of_lab(placing: Placing) -> Item | None:
    """
    Let a stay that is open at a lab that has ended exit with it (4.4).

    Returns the item by which a merger carries the person to the successor, if it does.
    """
    end = placing.lab.end
    if end is None or not placing.stays or placing.stays[-1][-1].item.motion == "exit":
        return None
    stay = placing.stays[-1]
    leaving = _of_end(end, "exit", "lab_end", _RANK_LAB_END)
    stay.append(Placed(leaving, end.lo, end.hi))
    placing.taken.append(leaving)
    if end.successor is None:
        return None
    merged_in = _of_end(end, "enter", "merged_in", _RANK_MERGED_IN)
    merged_in.carried = _events_of(stay)
    return merged_in


def _of_end(end: LabEnd, motion: Motion, type_: str, rank: int) -> Item:
    """What the end of a lab is to the fold of someone who was there."""
    order = (end.hi, end.lo, rank, end.position)
    return Item(motion, type_, end.lo, end.hi, end.position, end.event_id, end.date_text, order)


def _last_post(stay: Sequence[Placed]) -> Post:
    """What the absorbed stint last had, with which the one merged in begins."""
    seen = sorted((p.item for p in stay if p.item.type in _STEPS), key=_AS_RECORDED)
    first = stay[0].item
    post = first.post if first.motion == "enter" else NO_POST
    for item in seen:
        post = applied(post, item.post)
    return post


def applied(post: Post, step: Post) -> Post:
    """*post* after *step*: a field that the step does not give keeps its value."""
    return Post(
        post.role if step.role is None else step.role,
        post.team if step.team is None else step.team,
        post.location if step.location is None else step.location,
        post.relation if step.relation is None else step.relation,
    )


def to_item(
    event: Effective | RecordedEvent, payload: PersonFact | Founding, ids: Collection[str]
) -> Item:
    """What an event that places the person of some ids is to the fold."""
    motion, type_, rank = _ACTS[type(payload)]
    lo, hi = bounds(payload.date)
    position = event.position
    return Item(
        motion,
        type_,
        lo,
        hi,
        position,
        event.event_id,
        payload.date,
        (hi, lo, rank, position),
        payload,
        _post_of(payload, ids),
    )


def is_placing(payload: Fact) -> TypeGuard[PersonFact | Founding]:
    """Whether it places people at a lab."""
    return type(payload) in _ACTS


def _post_of(payload: PersonFact | Founding, ids: Collection[str]) -> Post:
    if says_post(payload):
        return Post(payload.role, payload.team, payload.location, payload.relation)
    if isinstance(payload, Founding):
        roles = [f.role for f in payload.founders if f.role and id_of(f.person) in ids]
        return Post(roles[0] if roles else "Founder", None, payload.location, "founder")
    return NO_POST


def _assign(
    item: Item,
    named: str,
    person: str,
    labs: Labs,
    items: dict[str, list[Item]],
    findings: list[Finding],
) -> None:
    """Give an item to the lab that it means, or set it aside (SEMANTICS 4.1)."""
    lab, closure = reading(named, item.lo, labs)
    if closure is None:
        items.setdefault(lab, []).append(item)
    else:
        findings.append(set_aside(person, lab, item, closure))


def set_aside(person: str, lab: str, item: Item, closure: LabEnd) -> Finding:
    """That an item counts nowhere, since its lab had closed before."""
    return Finding("after_closure", person, (lab,), (item.event_id, closure.event_id))


def _absorbed_first(items: Mapping[str, object], labs: Labs) -> list[str]:
    """The labs of *items* and all their successors, absorbed labs before their successors."""
    depth: dict[str, int] = dict.fromkeys(items, 0)
    for lab in items:
        hops, here = 0, lab
        while (end := labs[here].end) is not None and end.successor is not None:
            hops, here = hops + 1, end.successor
            depth[here] = max(depth.get(here, 0), hops)
    return sorted(depth, key=lambda lab: (depth[lab], lab))


def placing_findings(placing: Placing) -> list[Finding]:
    """What placing the items of one person at one lab showed."""
    person, lab = placing.person, placing.lab
    findings = []
    if placing.dropped:
        findings += [
            Finding("already_present", person, (lab.id,), (opening.event_id, item.event_id))
            for item, opening in placing.dropped
            if item.type != "merged_in"
        ]
    findings += [
        Finding("unknown_start", person, (lab.id,), (stay[0].item.event_id,))
        for stay in placing.stays
        if stay[0].item.motion != "enter"
    ]
    founding = lab.founding
    if founding is not None:
        founded = founding.lo
        early = [i for i in placing.taken if i.hi < founded and i.type not in _OF_LABS]
        early.sort(key=lambda item: item.position)
        findings += [
            Finding("before_founding", person, (lab.id,), (item.event_id, founding.event_id))
            for item in early
        ]
    return findings
