"""
The fold of a family of labs, one event after another.

`fold_labs` says what a whole log means. Here an event adds to what its lab said before; only one
that says something else of the past makes its labs anew, and one that ties labs together all of
them. Both come to the same after every event, to which laws in the tests hold them.
"""

from bisect import insort
from collections.abc import Collection, Iterable

from msgspec import Struct, field

from service.domain.effective import Effective
from service.domain.events import (
    Closure,
    Correction,
    Entity,
    Erased,
    Erasure,
    Fact,
    Founding,
    Merger,
    OutsideIds,
    Ownership,
    Position,
    Profile,
    RecordedEvent,
    Ref,
    Renaming,
    SameAs,
    bounds_of,
    fact_of,
    founder_ids,
    id_of,
    is_rumoured,
    named_in,
)
from service.domain.findings import Finding
from service.domain.identity import (
    KnownNames,
    created_names,
    mapped_ids,
    merged_ids,
    other_names,
    says_name,
)
from service.domain.labs import FirstFounding, LabFacts, Labs, LabStep, Ties, parent_text, ties_of


class FamilyHistory:
    """
    What the labs of one family are, after the events taken so far.

    Shapes: *family* are all ids that any event ever tied together. Events come in position order,
    and all that are facts of the family.
    """

    def __init__(self, family: Collection[str]) -> None:
        self._family = family
        self._effective: dict[Position, Effective] = {}
        """Rumours included, by the position of the original."""
        self._created: dict[str, Ref] = {}
        """How each id was first named."""
        self._naming: dict[str, set[Position]] = {}
        self._names: dict[str, _Names] = {}
        """By the id that was meant."""
        self._states: dict[str, _State] = {}
        """By canonical id."""
        self._ties = Ties({}, {}, {}, [])
        self._mapped: dict[str, list[str]] = {}
        self._touched: set[str] = set()
        """Ids as they were meant of which something was said."""
        self._corrected: set[str] = set()
        """Those of which something else is said of the past."""
        self._is_tied_anew = False
        self.labs = Labs()
        self.findings: list[Finding] = []

    def take(self, event: RecordedEvent) -> None:
        """Let an event follow those before it."""
        if isinstance(event.payload, Erased | Erasure):
            return
        for ref in named_in(event.payload, "lab"):
            self._name(id_of(ref), ref)
        old, new = self._effective.pop(event.root, None), _held(event)
        is_last = event.target_position is None
        if old is not None:
            for one in _labs_in(old.payload):
                self._naming[one].discard(event.root)
        if new is not None:
            self._effective[event.root] = new
            for one in _labs_in(new.payload):
                self._naming.setdefault(one, set()).add(event.root)
        self._is_tied_anew |= any(each is not None and _ties(each.payload) for each in (old, new))
        if not is_last:
            said = [each.payload for each in (old, new) if each is not None]
            self._corrected.update(one for payload in said for one in _labs_in(payload))
        elif new is not None and not self._is_tied_anew:
            self._add(new)

    def settle(self) -> list[str]:
        """Bring `labs` and `findings` up to what was taken; the labs that are otherwise."""
        if self._is_tied_anew:
            self._tie_anew()
        elif self._corrected:
            self._make_anew(self._corrected)
        touched = {*self._touched, *self._corrected}
        self._touched.clear()
        self._corrected.clear()
        touched |= {self._ties.canonical.get(one, one) for one in touched}
        changed = []
        for one in sorted(touched & self._created.keys()):
            if one in self._family and self.labs.get(one) != (facts := self._facts(one)):
                self.labs[one] = facts
                changed.append(one)
        return changed

    def _name(self, one: str, ref: Ref) -> None:
        self._touched.add(one)
        created = self._created.setdefault(one, ref)
        if says_name(ref) and not says_name(created):
            # What created it was erased: the next object with a name stands for that.
            self._created[one] = ref
            self._corrected.add(one)

    def _tie_anew(self) -> None:
        self._is_tied_anew = False
        effective = [e for e in self._in_order(self._effective) if not is_rumoured(e.payload)]
        self._ties = ties_of(effective)
        self._mapped = mapped_ids(self._ties.canonical)
        self.findings = [f for f in self._ties.findings if f.labs[0] in self._family]
        self._touched.update(self._created)
        self._make_anew(self._created)

    def _make_anew(self, ids: Iterable[str]) -> None:
        """Say of some labs again all that is said of them and of the ids mapped to them."""
        roots = {self._ties.canonical.get(one, one) for one in ids}
        every = {one for root in roots for one in (root, *self._mapped.get(root, ()))}
        for one in every:
            self._names.pop(one, None)
            self._states.pop(one, None)
        said = {p for one in every for p in self._naming.get(one, ())}
        for event in self._in_order(said):
            self._add(event, every)

    def _in_order(self, positions: Iterable[Position]) -> list[Effective]:
        return [self._effective[position] for position in sorted(positions)]

    def _add(self, event: Effective, only: Collection[str] | None = None) -> None:
        """Let an event that comes after all others say what it says of the labs that it names."""
        for one in _labs_in(event.payload):
            if only is None or one in only:
                self._names_of(one).add(one, event.payload)
        lab = getattr(event.payload, "lab", None)
        if lab is None or is_rumoured(event.payload):
            return
        canonical = self._ties.canonical.get(id_of(lab), id_of(lab))
        if only is None or canonical in only:
            self._states.setdefault(canonical, _State()).add(event)

    def _names_of(self, one: str) -> "_Names":
        if one not in self._names:
            created = created_names(self._created[one])
            self._names[one] = _Names(
                created.created_name, created.name, dict.fromkeys(created.others)
            )
        return self._names[one]

    def _facts(self, one: str) -> LabFacts:
        names = self._names_of(one)
        known = names.known()
        state = self._states.get(one) or _State()
        mapped = [self._names_of(other).known() for other in self._mapped.get(one, ())]
        aliases = dict.fromkeys((*other_names(known, mapped), *state.renamed))
        aliases.pop(known.name, None)
        return LabFacts(
            id=one,
            canonical_id=self._ties.canonical.get(one, one),
            name=known.name,
            names=tuple(dict.fromkeys((known.name, *known.others, *names.renamed))),
            aliases=tuple(aliases),
            kind=state.kind,
            country=state.country,
            parent=state.parent or state.founding_parent,
            ids=known.ids,
            founding=state.founding,
            founders=tuple(state.founders),
            renamings=tuple(state.renamings),
            ownerships=tuple(state.ownerships),
            end=self._ties.first_ends.get(one),
            predecessors=tuple(self._ties.absorbed.get(one, ())),
        )


class _Names(Struct):
    """What one id is and was called, as far as it was told."""

    created_name: str
    name: str
    others: dict[str, None]
    renamed: dict[str, None] = field(default_factory=dict)
    ids: OutsideIds | None = None

    def add(self, one: str, payload: Fact) -> None:
        for ref in named_in(payload, "lab"):
            if isinstance(ref, Entity) and ref.id == one:
                self.others.update(dict.fromkeys((ref.name or "", *ref.aliases)))
        if is_rumoured(payload):
            return
        if isinstance(payload, Renaming) and id_of(payload.lab) == one:
            self.renamed[payload.name] = None
        if isinstance(payload, Profile) and payload.lab is not None and id_of(payload.lab) == one:
            self.others.update(dict.fromkeys((self.name, *payload.aliases)))
            self.name = payload.name or self.name
            if payload.ids is not None:
                self.ids = merged_ids(self.ids, payload.ids)

    def known(self) -> KnownNames:
        names = dict.fromkeys((self.created_name, *self.others))
        others = tuple([name for name in names if name and name != self.name])
        return KnownNames(self.created_name, self.name, others, self.ids)


class _State(Struct):
    """What was told of one lab beside its names and its end, those mapped to it included."""

    founding: FirstFounding | None = None
    founders: dict[str, None] = field(default_factory=dict)
    renamed: dict[str, None] = field(default_factory=dict)
    renamings: list[LabStep] = field(default_factory=list)
    ownerships: list[LabStep] = field(default_factory=list)
    kind: str | None = None
    country: str | None = None
    parent: str | None = None
    founding_parent: str | None = None

    def add(self, event: Effective) -> None:
        payload = event.payload
        match payload:
            case Founding():
                self._found(event, payload)
            case Renaming(name=name):
                self.renamed[name] = None
                insort(self.renamings, _step(event, payload, name), key=_by_days)
            case Ownership(parent=parent):
                insort(self.ownerships, _step(event, payload, parent_text(parent)), key=_by_days)
            case Profile():
                self.kind = payload.kind or self.kind
                self.country = payload.country or self.country
                if payload.parent is not None:
                    self.parent = parent_text(payload.parent)
            case _:
                pass

    def _found(self, event: Effective, payload: Founding) -> None:
        told = FirstFounding(*bounds_of(payload), event.position, event.event_id, payload.date)
        self.founding = told if self.founding is None else min(self.founding, told, key=_by_days)
        self.founders.update(dict.fromkeys(founder_ids(payload)))
        if payload.parent is not None:
            self.founding_parent = self.founding_parent or parent_text(payload.parent)


def _held(event: RecordedEvent) -> Effective | None:
    """What holds of the original from an event about it, or itself, on."""
    fact = fact_of(event.payload)
    if fact is None:
        return None
    target = event.payload.target if isinstance(event.payload, Correction) else event.event_id
    return Effective(event.root, target, fact, event.position)


def _ties(payload: Fact) -> bool:
    """Whether other labs follow from it: who is whom, who absorbed whom and what has ended."""
    return isinstance(payload, SameAs | Merger | Closure)


def _labs_in(payload: Fact) -> list[str]:
    return list(dict.fromkeys(id_of(ref) for ref in named_in(payload, "lab")))


def _step(event: Effective, payload: Renaming | Ownership, value: str) -> LabStep:
    return LabStep(*bounds_of(payload), event.position, event.event_id, value)


def _by_days(told: LabStep | FirstFounding) -> tuple[object, ...]:
    return (told.lo, told.hi, told.position)
