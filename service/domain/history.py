"""
The fold of a few people, one event after another.

`fold_histories` says what a whole log means. Here each event refolds only what it touches: the
stays of one person at one lab, mostly. Both come to the same after every event, to which laws in
the tests hold them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from msgspec import Struct, field

from service.domain.continuing import continued
from service.domain.dates import UNBOUNDED_LO
from service.domain.effective import Effective
from service.domain.events import (
    Correction,
    Fact,
    Payload,
    Position,
    RecordedEvent,
    Ref,
    SameAs,
    fact_of,
    id_of,
    is_of_person,
    is_rumoured,
    named_in,
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


class Change(Struct, frozen=True, gc=False):
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
    touched: set[str] = field(default_factory=set)
    """Labs at which something came or went since the stays there were placed."""
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
        self._is_settled = True

    @property
    def is_empty(self) -> bool:
        return not self._taken

    def follow(self, event: RecordedEvent) -> Change:
        """Let an event follow those before it; what is otherwise since the last time."""
        change = self._go_on(event)
        if change is None:
            self.take(event)
            change = self.settle()
        return change

    def take(self, event: RecordedEvent) -> None:
        """Let an event follow those before it."""
        payload = event.payload
        if not (payload.is_fact or payload.is_log_event):
            # A tombstone, or what made one.
            return
        self._is_settled = False
        self._taken.append(event)
        root, old = event.position, None
        if event.target_position is not None:
            root = event.target_position
            old = self._effective.pop(root, None)
        new = _said_by(event)
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
        if moves_people and self._effective:
            self._is_stale = True
            self._is_settled = False

    def begin(self) -> None:
        """
        Take what was taken so far as known: its possible duplicates are none that arise, and
        `NAMES` is told when it is otherwise.
        """
        if self._is_stale:
            self._start_anew()
        self._duplicates.know(self._told)
        self._told.clear()
        for event in self._taken:
            self._named.update(map(id_of, named_in(event.payload, "person")))
        self._is_renamed = False

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
            parts[NAMES] = self._names()
            self._is_renamed = False
        self._parts.update(parts)
        going, arising = self._duplicates.follow(self._told)
        self._told.clear()
        self._is_settled = True
        return Change(parts, going, arising)

    def _go_on(self, event: RecordedEvent) -> Change | None:
        """
        What is otherwise when an event goes on with stays that were settled, as most do.

        None if it does more than that, or can: nothing has changed then.
        """
        payload = event.payload
        if not self._is_settled or not is_of_person(payload) or is_rumoured(payload):
            return None
        life = self._life_of(id_of(payload.person))
        if life is None or life.can_be_carried:
            return None
        position, labs = event.position, self._labs
        lab = labs[labs[id_of(payload.lab)].canonical_id]
        item = to_item(event, payload, life.ids)
        if lab.end is not None or item.lo <= life.until.get(lab.id, UNBOUNDED_LO):
            return None
        stints = continued(life.stints.get(lab.id, ()), item, life.person, lab)
        if stints is None:
            return None
        is_renamed = not self._is_bare(payload)
        self._taken.append(event)
        self._effective[position] = Effective(position, event.event_id, payload, position)
        life.items.setdefault(lab.id, {})[position] = item
        life.until[lab.id] = item.hi
        life.stints[lab.id] = stints
        noticed = life.noticed.setdefault(lab.id, [])
        life.spans.pop(lab.id, None)
        parts: dict[Part, Sequence[Said]] = {
            ("stays", life.person, lab.id): [*stints, *noticed] if noticed else stints
        }
        self._tell_overlaps(life, parts)
        if is_renamed:
            parts[NAMES] = self._names()
        self._parts.update(parts)
        return Change(parts, (), self._duplicates.join(_told_by(life.person, item, lab.id)))

    def _names(self) -> list[PersonFacts]:
        known = fold_people(self._taken)
        self._named.update(known)
        return [one for one in known.values() if one.id in self._component]

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
        return is_of_person(payload) and payload.person in self._named

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
                    life.touched.add(lab)
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
                life.touched.add(lab)
                end = labs[lab].end
                if end is not None and end.successor is not None:
                    life.can_be_carried = True
            else:
                life.late[position] = set_aside(life.person, lab, item, closure)
                life.is_late_touched = True
            if item.type != "founding":
                # One that names a single person; of foundings no two are compared.
                self._told[position] = _told_by(life.person, item, labs[named].canonical_id)

    def _lives_of(self, payload: Fact) -> list[_Life]:
        """Those of the component whom a payload places somewhere."""
        lives = map(self._life_of, people_of(payload, self._canonical))
        return [life for life in lives if life is not None]

    def _life_of(self, one: str) -> _Life | None:
        """The life of whom an id stands for; None of somebody else than the component."""
        person = self._canonical.get(one, one)
        life = self._lives.get(person)
        if life is None and person in self._component:
            mapped = [other for other, into in self._canonical.items() if into == person]
            life = self._lives[person] = _Life(person, (person, *mapped))
        return life

    def _settle(self, life: _Life, parts: dict[Part, Sequence[Said]]) -> None:
        if life.can_be_carried:
            self._place_again(life, parts)
        else:
            for lab in life.touched:
                items = life.items[lab].values()
                _keep(life, place_at(life.person, self._labs[lab], items)[0])
                life.until[lab] = max([each.hi for each in items], default=UNBOUNDED_LO)
                parts["stays", life.person, lab] = [*life.stints[lab], *life.noticed[lab]]
            if life.is_late_touched:
                parts["set_aside", life.person] = list(life.late.values())
        self._tell_overlaps(life, parts)
        life.touched.clear()
        life.is_late_touched = False

    def _tell_overlaps(self, life: _Life, parts: dict[Part, Sequence[Said]]) -> None:
        together: Part = ("overlaps", life.person)
        if len(life.stints) == 1 and together not in self._parts:
            return
        for lab in life.stints.keys() - life.spans.keys():
            life.spans[lab] = certain_spans(life.stints[lab])
        found = overlaps(life.person, life.stints, life.spans)
        if found or together in self._parts:
            parts[together] = found

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


def _told_by(person: str, item: Item, lab: str) -> Told:
    return Told(person, item.type, lab, item.lo, item.hi, item.position, item.event_id)


def _keep(life: _Life, placing: Placing) -> None:
    lab = placing.lab.id
    life.stints[lab] = to_stints(placing)
    life.noticed[lab] = placing_findings(placing)
    life.spans.pop(lab, None)


def _joins(event: Effective) -> bool:
    """Whether it says that two ids are one person."""
    payload = event.payload
    return payload.is_link and isinstance(payload, SameAs) and payload.person is not None
