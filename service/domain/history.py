"""
The fold of a few people, one event after another.

`fold_histories` says what a whole log means. Here each event refolds only what it touches: the
stays of one person at one lab, mostly. Both come to the same after every event, to which laws in
the tests hold them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct, field

from service.domain.continuing import continued
from service.domain.dates import UNBOUNDED_LO
from service.domain.effective import Effective
from service.domain.events import (
    Correction,
    Erased,
    Erasure,
    Fact,
    Payload,
    PersonEvent,
    Position,
    RecordedEvent,
    Ref,
    SameAs,
    fact_of,
    id_of,
    is_rumoured,
)
from service.domain.findings import Duplicates, Finding, Told
from service.domain.fold import overlaps, people_of
from service.domain.identity import PersonFacts, canonical_ids, fold_people
from service.domain.labs import LabFacts, Labs, reading
from service.domain.presence import Spans, certain_spans
from service.domain.stints import (
    Item,
    Placing,
    Stint,
    is_placing,
    place_at,
    place_items,
    placing_findings,
    set_aside,
    to_item,
    to_stints,
)

Part = tuple[str, ...]
"""What changes together: `stays` of a person at a lab, `set_aside`, `overlaps`, `cycles`, `people`."""
NAMES: Part = ("people",)
Said = Stint | Finding | PersonFacts


class Change(Struct, frozen=True):
    """What is otherwise since the last time."""

    parts: Mapping[Part, Sequence[Said]]
    """All that each part says now; parts that are as they were are left out."""
    going: Collection[Finding]
    """Possible duplicates that no longer are."""
    arising: Collection[Finding]
    """Possible duplicates that were not before."""


class _Life(Struct):
    """What is known of one person."""

    person: str
    ids: Collection[str]
    items: dict[str, dict[Position, Item]] = field(default_factory=dict)
    """By the lab that each event means and its position."""
    late: dict[Position, Finding] = field(default_factory=dict)
    """Of events that come after a closure."""
    can_be_carried: bool = False
    """Whether they were ever placed at a lab that a merger absorbed."""
    stints: dict[str, list[Stint]] = field(default_factory=dict)
    noticed: dict[str, list[Finding]] = field(default_factory=dict)
    """What placing the items at each lab showed."""
    until: dict[str, date] = field(default_factory=dict)
    """The last day that an item at each lab can mean."""
    spans: dict[str, Spans] = field(default_factory=dict)
    """The certain days at each lab, as far as they were asked for."""
    touched: dict[str, Item | None] = field(default_factory=dict)
    """Labs at which something came or went; with the item where one came and that is all."""
    is_late_touched: bool = False


class History:
    """
    The stays and findings of people who may be one, and what they are called.

    Shapes: *component* are all ids that any event ever joined; *labs* are the facts, as of the
    first event taken, of the labs that the events name and their successors. They are this
    history's from then on.
    """

    def __init__(self, component: Collection[str], labs: Labs) -> None:
        self._component = component
        self._labs = labs
        self._taken: list[RecordedEvent] = []
        self._effective: dict[Position, Effective] = {}
        self._canonical: dict[str, str] = {}
        self._lives: dict[str, _Life] = {}
        self._touched: dict[str, _Life] = {}
        self._parts: set[Part] = set()
        self._named: set[Ref] = set()
        self._told: dict[Position, Told | None] = {}
        self._duplicates = Duplicates()
        self._cycles: list[Finding] = []
        self._is_stale = False
        self._is_anew = False
        self._is_renamed = False

    @property
    def is_empty(self) -> bool:
        return not self._taken

    def take(self, event: RecordedEvent) -> None:
        """Let an event follow those before it."""
        if isinstance(event.payload, Erased | Erasure):
            return
        self._taken.append(event)
        root = event.root
        new = _said_by(event)
        old = self._effective.pop(root, None) if event.target_position is not None else None
        if not self._is_renamed:
            self._is_renamed = self._can_rename(event, old)
        if new is not None:
            self._effective[root] = new
        if (old is not None and _joins(old)) or (new is not None and _joins(new)):
            self._is_stale = True
        if self._is_stale:
            return
        if old is not None:
            self._take_out(old)
        if new is not None:
            self._put_in(new)

    def see(self, labs: Mapping[str, LabFacts], *, moves_people: bool) -> None:
        """Let *labs* be as they are from now on; whether what stays depend on is otherwise."""
        self._labs.update(labs)
        self._is_stale = self._is_stale or (moves_people and bool(self._effective))

    def begin(self) -> None:
        """Take what was taken so far as known: its possible duplicates are none that arise."""
        if self._is_stale:
            self._start_anew()
        self._duplicates.know(self._told)
        self._told.clear()

    def settle(self) -> Change:
        """What follows from all that was taken and seen, as far as it is otherwise."""
        if self._is_stale:
            self._start_anew()
        parts: dict[Part, Sequence[Said]] = {}
        if self._is_anew:
            # What labs are changes nothing of what people are called.
            parts.update(dict.fromkeys(self._parts - {NAMES}, ()))
            parts["cycles",] = self._cycles
            self._is_anew = False
        for life in self._touched.values():
            self._settle(life, parts)
        self._touched.clear()
        if self._is_renamed:
            known = fold_people(self._taken)
            self._named.update(known)
            parts[NAMES] = [one for one in known.values() if one.id in self._component]
            self._is_renamed = False
        self._parts.update(parts)
        going, arising = self._duplicates.follow(self._told)
        self._told.clear()
        return Change(parts, going, arising)

    def _can_rename(self, event: RecordedEvent, old: Effective | None) -> bool:
        """
        Whether what people are called can follow from it, in the place of *old*.

        A known bare id says nothing new, and takes no name away.
        """
        payload = event.payload
        if event.target_position is None:
            return not self._is_bare(payload)
        if old is None or not self._is_bare(old.payload):
            return True
        return isinstance(payload, Correction) and not self._is_bare(payload.event)

    def _is_bare(self, payload: Payload) -> bool:
        return isinstance(payload, PersonEvent) and payload.person in self._named

    def _start_anew(self) -> None:
        """Give each person their events again: who is whom, or what labs are, is otherwise."""
        self._is_stale = False
        self._is_anew = True
        self._lives.clear()
        self._touched.clear()
        in_order = [self._effective[position] for position in sorted(self._effective)]
        self._canonical, cycles = canonical_ids(in_order, "person")
        self._cycles = [f for f in cycles if f.person in self._component]
        self._told.update(dict.fromkeys(self._duplicates.positions()))
        for event in in_order:
            self._put_in(event)

    def _take_out(self, event: Effective) -> None:
        for life in self._lives_of(event.payload):
            self._touched[life.person] = life
            life.is_late_touched |= life.late.pop(event.position, None) is not None
            for lab, items in life.items.items():
                if items.pop(event.position, None) is not None:
                    life.touched[lab] = None
        self._told[event.position] = None

    def _put_in(self, event: Effective) -> None:
        payload = event.payload
        if not is_placing(payload):
            return
        position, labs, named = event.position, self._labs, id_of(payload.lab)
        for life in self._lives_of(payload):
            self._touched[life.person] = life
            item = to_item(event, payload, life.ids)
            lab, closure = reading(named, item.lo, labs)
            if closure is None:
                life.items.setdefault(lab, {})[position] = item
                life.touched[lab] = None if lab in life.touched else item
                end = labs[lab].end
                if end is not None and end.successor is not None:
                    life.can_be_carried = True
            else:
                life.late[position] = set_aside(life.person, lab, item, closure)
                life.is_late_touched = True
            if item.type != "founding":
                # One that names a single person; of foundings no two are compared.
                self._told[position] = Told(
                    life.person,
                    item.type,
                    labs[named].canonical_id,
                    item.lo,
                    item.hi,
                    position,
                    event.event_id,
                )

    def _lives_of(self, payload: Fact) -> Iterable[_Life]:
        """Those of the component whom a payload places somewhere."""
        lives = []
        for person in people_of(payload, self._canonical):
            if person in self._lives:
                lives.append(self._lives[person])
            elif person in self._component:
                mapped = [one for one, into in self._canonical.items() if into == person]
                lives.append(_Life(person, (person, *mapped)))
                self._lives[person] = lives[-1]
        return lives

    def _settle(self, life: _Life, parts: dict[Part, Sequence[Said]]) -> None:
        if life.can_be_carried:
            self._place_again(life, parts)
        else:
            for lab, item in life.touched.items():
                if item is None or not _is_continued(life, self._labs[lab], item):
                    items = life.items[lab].values()
                    _keep(life, place_at(life.person, self._labs[lab], items)[0])
                    life.until[lab] = max([each.hi for each in items], default=UNBOUNDED_LO)
                parts["stays", life.person, lab] = [*life.stints[lab], *life.noticed[lab]]
            if life.is_late_touched:
                parts["set_aside", life.person] = list(life.late.values())
        together: Part = ("overlaps", life.person)
        if len(life.stints) > 1 or together in self._parts:
            for lab in life.stints.keys() - life.spans.keys():
                life.spans[lab] = certain_spans(life.stints[lab])
            parts[together] = overlaps(life.person, life.stints, life.spans)
        life.touched.clear()
        life.is_late_touched = False

    def _place_again(self, life: _Life, parts: dict[Part, Sequence[Said]]) -> None:
        """All stays of someone whom a merger can carry from one lab to another."""
        for lab in {*life.stints, *life.touched}:
            parts["stays", life.person, lab] = ()
        life.stints.clear()
        life.spans.clear()
        items = {lab: list(own.values()) for lab, own in life.items.items()}
        placings, late = place_items(life.person, items, self._labs)
        for placing in placings:
            lab = placing.lab.id
            _keep(life, placing)
            parts["stays", life.person, lab] = [*life.stints[lab], *life.noticed[lab]]
        # Two stints that one merger carries past a closure are one thing noticed.
        parts["set_aside", life.person] = [*life.late.values(), *dict.fromkeys(late)]


def _said_by(event: RecordedEvent) -> Effective | None:
    """What holds of an original from an event about it, or itself, on."""
    payload = event.payload
    fact = fact_of(payload)
    if fact is None or is_rumoured(fact):
        return None
    event_id = payload.target if isinstance(payload, Correction) else event.event_id
    return Effective(event.root, event_id, fact, event.position)


def _is_continued(life: _Life, lab: LabFacts, item: Item) -> bool:
    """Whether the stays at *lab* could go on with *item*, without being placed again."""
    if lab.end is not None or item.lo <= life.until.get(lab.id, UNBOUNDED_LO):
        return False
    stints = continued(life.stints.get(lab.id, ()), item, life.person, lab)
    if stints is None:
        return False
    life.stints[lab.id] = stints
    life.noticed.setdefault(lab.id, [])
    life.until[lab.id] = item.hi
    life.spans.pop(lab.id, None)
    return True


def _keep(life: _Life, placing: Placing) -> None:
    lab = placing.lab.id
    life.stints[lab] = to_stints(placing)
    life.noticed[lab] = placing_findings(placing)
    life.spans.pop(lab, None)


def _joins(event: Effective) -> bool:
    """Whether it says that two ids are one person."""
    payload = event.payload
    return payload.is_link and isinstance(payload, SameAs) and payload.person is not None
