"""Labs: how they began, what they were called, whose they were and how they ended (SEMANTICS 4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from service.domain.effective import Effective, in_force
from service.domain.events import (
    Closure,
    Founding,
    Merger,
    OutsideIds,
    Ownership,
    Position,
    Profile,
    RecordedEvent,
    Ref,
    Renaming,
    bounds_of,
    founder_ids,
    id_of,
    is_rumoured,
)
from service.domain.findings import Finding
from service.domain.identity import (
    KnownNames,
    canonical_ids,
    known_names,
    leads_to,
    mapped_ids,
    other_names,
)

LabStatus = Literal["not_founded", "active", "merged", "closed"]


class FirstFounding(Struct, frozen=True, gc=False):
    """The first founding that names the lab as recorded."""

    lo: date
    hi: date
    position: int
    event_id: UUID
    date_text: str


class LabEnd(Struct, frozen=True, omit_defaults=True, gc=False):
    """How a lab ended: absorbed by a merger, or closed."""

    lo: date
    hi: date
    position: Position
    event_id: UUID
    date_text: str
    successor: str | None = None
    """Canonical id of the lab that absorbed it; None of a closure."""


class LabStep(Struct, frozen=True, gc=False):
    """A name or a parent from a day on."""

    lo: date
    hi: date
    position: int
    event_id: UUID
    value: str
    """The name; of an ownership the parent's id or free text."""


class LabFacts(Struct, frozen=True, omit_defaults=True, gc=False):
    """What the log says of one id of a lab; only a canonical id has a history."""

    id: str
    canonical_id: str
    name: str
    """The registered name; `name_on` gives the one of a day."""
    names: tuple[str, ...] = ()
    """Every name of this very id, the registered one and former and later ones included."""
    aliases: tuple[str, ...] = ()
    kind: str | None = None
    country: str | None = None
    parent: str | None = None
    """Of the profile; `parent_on` gives the one of a day."""
    ids: OutsideIds | None = None
    founding: FirstFounding | None = None
    founders: tuple[str, ...] = ()
    renamings: tuple[LabStep, ...] = ()
    ownerships: tuple[LabStep, ...] = ()
    end: LabEnd | None = None
    predecessors: tuple[str, ...] = ()


class Labs(dict[str, LabFacts]):
    """Facts by id; a lab of which nothing is recorded is itself and has no history."""

    def __missing__(self, lab_id: str) -> LabFacts:
        return LabFacts(lab_id, lab_id, lab_id)


class Ties(Struct, frozen=True):
    """Which ids are one lab, and which labs ended, one in the other or by themselves."""

    canonical: Mapping[str, str]
    first_ends: Mapping[str, LabEnd]
    """The one that counts of each lab that ended."""
    absorbed: Mapping[str, Sequence[str]]
    """By lab those that it absorbed, in the order in which they ended."""
    findings: list[Finding]


def fold_labs(recorded: Sequence[RecordedEvent]) -> tuple[Labs, list[Finding]]:
    """
    The facts of each lab that *recorded* names, and what was noticed.

    Shapes: every event that is a fact of a lab of the families concerned, in position order;
    events of other kinds may be among them. Source: SEMANTICS 4.1, *The lab on D*.
    """
    holding = in_force(recorded)
    effective = [e for e in holding if not is_rumoured(e.payload)]
    ties = ties_of(effective)
    canonical = ties.canonical
    names = known_names(recorded, holding, "lab")
    mapped = mapped_ids(canonical)
    told = _by_lab(effective, canonical)
    told_of = _by_lab(effective, {})
    labs = Labs()
    for one, known in names.items():
        own = told.get(one, [])
        labs[one] = LabFacts(
            id=one,
            canonical_id=canonical.get(one, one),
            name=known.name,
            names=(known.name, *_aliases(known, (), told_of.get(one, ()))),
            aliases=_aliases(known, [names[m] for m in mapped.get(one, ())], own),
            ids=known.ids,
            founding=_first_founding(own),
            founders=_founders(own),
            renamings=_steps(own, Renaming),
            ownerships=_steps(own, Ownership),
            end=ties.first_ends.get(one),
            predecessors=tuple(ties.absorbed.get(one, ())),
            **_profile(own),
        )
    return labs, ties.findings


def ties_of(effective: Sequence[Effective]) -> Ties:
    """How labs are tied together by events in position order that are no rumours."""
    canonical, findings = canonical_ids(effective, "lab")
    ends, dropped = _ends(effective, canonical)
    first = {lab: lab_ends[0] for lab, lab_ends in ends.items() if lab_ends}
    return Ties(canonical, first, _absorbed(first), [*findings, *dropped, *_ended_twice(ends)])


def name_on(lab: LabFacts, at: date) -> str:
    """What the lab was called on a day."""
    step = _step_on(lab.renamings, lab.end, at)
    return lab.name if step is None else step.value


def parent_on(lab: LabFacts, at: date) -> str | None:
    """Whose it was on a day: a lab's id, or free text."""
    step = _step_on(lab.ownerships, None, at)
    return lab.parent if step is None else step.value


def status_on(lab: LabFacts, at: date) -> LabStatus:
    """Whether it stood on a day."""
    if lab.end is not None and at >= lab.end.lo:
        return "closed" if lab.end.successor is None else "merged"
    if lab.founding is not None and at < lab.founding.lo:
        return "not_founded"
    return "active"


def reading(named: str, lo: date, labs: Labs) -> tuple[str, LabEnd | None]:
    """
    The lab that an event dated from *lo* on means when it names *named*, and the closure
    that it comes after, if it does (SEMANTICS 4.1).
    """
    lab = labs[named].canonical_id
    while (end := labs[lab].end) is not None and lo > end.hi:
        if end.successor is None:
            return lab, end
        lab = end.successor
    return lab, None


def _ends(
    effective: Sequence[Effective], canonical: Mapping[str, str]
) -> tuple[dict[str, list[LabEnd]], list[Finding]]:
    """
    The ends of each lab, its first one first, without mergers that would close a cycle.

    A log never holds such a merger; a view cut by `published_by` can.
    """
    ends = _recorded_ends(effective, canonical)
    for lab_ends in ends.values():
        lab_ends.sort(key=lambda end: (end.lo, end.hi, end.position))
    findings = []
    while cycle := merger_cycle(ends):
        last = max(cycle, key=lambda lab: (ends[lab][0].position, lab))
        dropped = ends[last].pop(0)
        findings.append(Finding("cycle", labs=(last,), events=(dropped.event_id,)))
    return ends, findings


def merger_cycle(ends: Mapping[str, Sequence[LabEnd]]) -> list[str]:
    """Labs of which each is absorbed by the next and the last by the first, or none."""
    into = {
        lab: lab_ends[0].successor
        for lab, lab_ends in ends.items()
        if lab_ends and lab_ends[0].successor is not None
    }
    checked: dict[str, str] = {}
    for lab in sorted(into):
        successor = into[lab]
        if leads_to(checked, successor, lab):
            cycle = [lab]
            while successor != lab:
                cycle.append(successor)
                successor = checked[successor]
            return cycle
        checked[lab] = successor
    return []


def _recorded_ends(
    effective: Iterable[Effective], canonical: Mapping[str, str]
) -> dict[str, list[LabEnd]]:
    ends: dict[str, list[LabEnd]] = {}
    for event in effective:
        payload = event.payload
        if isinstance(payload, Merger):
            successor: str | None = _canonical(payload.lab, canonical)
            ended = dict.fromkeys(_canonical(a, canonical) for a in payload.absorbed)
            ended.pop(str(successor), None)
        elif isinstance(payload, Closure):
            successor = None
            ended = {_canonical(payload.lab, canonical): None}
        else:
            continue
        lo, hi = bounds_of(payload)
        for lab in ended:
            ends.setdefault(lab, []).append(
                LabEnd(lo, hi, event.position, event.event_id, payload.date, successor)
            )
    return ends


def _ended_twice(ends: Mapping[str, Sequence[LabEnd]]) -> list[Finding]:
    return [
        Finding("ended_twice", labs=(lab,), events=(lab_ends[0].event_id, later.event_id))
        for lab, lab_ends in ends.items()
        for later in lab_ends[1:]
    ]


def _by_lab(
    effective: Iterable[Effective], canonical: Mapping[str, str]
) -> dict[str, list[Effective]]:
    """The events that tell of each lab, by canonical id."""
    told: dict[str, list[Effective]] = {}
    for e in effective:
        if isinstance(e.payload, Founding | Renaming | Ownership | Profile) and e.payload.lab:
            told.setdefault(_canonical(e.payload.lab, canonical), []).append(e)
    return told


def _absorbed(first: Mapping[str, LabEnd]) -> dict[str, list[str]]:
    """The labs that each successor absorbed, in the order in which they ended."""
    absorbed: dict[str, list[str]] = {}
    for lab in sorted(
        first, key=lambda one: (first[one].lo, first[one].hi, first[one].position, one)
    ):
        successor = first[lab].successor
        if successor is not None:
            absorbed.setdefault(successor, []).append(lab)
    return absorbed


def _first_founding(own: Iterable[Effective]) -> FirstFounding | None:
    foundings = [
        FirstFounding(*bounds_of(e.payload), e.position, e.event_id, e.payload.date)
        for e in own
        if isinstance(e.payload, Founding)
    ]
    return min(foundings, key=lambda f: (f.lo, f.hi, f.position), default=None)


def _founders(own: Iterable[Effective]) -> tuple[str, ...]:
    named = [f for e in own if isinstance(e.payload, Founding) for f in founder_ids(e.payload)]
    return tuple(dict.fromkeys(named))


def _steps(own: Iterable[Effective], kind: type[Renaming | Ownership]) -> tuple[LabStep, ...]:
    steps = []
    for e in own:
        if isinstance(e.payload, kind):
            value = (
                e.payload.name if isinstance(e.payload, Renaming) else parent_text(e.payload.parent)
            )
            steps.append(LabStep(*bounds_of(e.payload), e.position, e.event_id, value))
    return tuple(sorted(steps, key=lambda s: (s.lo, s.hi, s.position)))


def _profile(own: Iterable[Effective]) -> dict[str, str | None]:
    """Kind, country and parent: each the last that a profile or, for the parent, a founding gives."""
    given: dict[str, str | None] = {"kind": None, "country": None, "parent": None}
    founding_parent: str | None = None
    for e in own:
        if isinstance(e.payload, Founding) and e.payload.parent is not None:
            founding_parent = founding_parent or parent_text(e.payload.parent)
        if isinstance(e.payload, Profile):
            given["kind"] = e.payload.kind or given["kind"]
            given["country"] = e.payload.country or given["country"]
            if e.payload.parent is not None:
                given["parent"] = parent_text(e.payload.parent)
    given["parent"] = given["parent"] or founding_parent
    return given


def parent_text(parent: Ref) -> str:
    """A parent as an id or as the free text that was given."""
    return parent if isinstance(parent, str) else id_of(parent)


def _aliases(
    known: KnownNames, mapped: Collection[KnownNames], own: Iterable[Effective]
) -> tuple[str, ...]:
    """Every other name by which the lab is or was known."""
    renamed = [e.payload.name for e in own if isinstance(e.payload, Renaming)]
    aliases = dict.fromkeys((*other_names(known, mapped), *renamed))
    aliases.pop(known.name, None)
    return tuple(aliases)


def _step_on(steps: Sequence[LabStep], end: LabEnd | None, at: date) -> LabStep | None:
    """The last step by a day; one dated after the lab's end is set aside."""
    held = [s for s in steps if s.lo <= at and (end is None or s.lo <= end.hi)]
    return held[-1] if held else None


def _canonical(ref: Ref, canonical: Mapping[str, str]) -> str:
    return canonical.get(id_of(ref), id_of(ref))
