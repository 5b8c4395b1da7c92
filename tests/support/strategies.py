"""
Small and dirty histories: returns, double hires, mergers, `~`, unbounded, corrections, same_as.

Everything happens among a few people and labs and within a few years, half of it within a few
weeks, so that events meet. A history holds only what the service would have recorded.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from service.domain.events import Correction, Fact, Merger, OutsideIds, RecordedEvent, Retraction
from service.domain.fold import fold
from tests.support import builders as b

PEOPLE = ("ann", "bob", "cid")
LABS = ("x", "y", "z")
FIRST_DAY = date(2020, 1, 1)

people = st.sampled_from(PEOPLE)
labs = st.sampled_from(LABS)
days = st.one_of(
    st.integers(0, 40).map(lambda n: FIRST_DAY + timedelta(days=n)),
    st.integers(-400, 1100).map(lambda n: FIRST_DAY + timedelta(days=n)),
)

_exact = days.map(date.isoformat)
_months = days.map(lambda on: on.isoformat()[:7])
_years = days.map(lambda on: on.isoformat()[:4])
_plain = st.one_of(_exact, _exact, _months, _years)
_marked = st.builds("".join, st.tuples(_plain, st.sampled_from("?~%")))
_intervals = st.lists(days, min_size=2, max_size=2).map(
    lambda pair: f"[{min(pair).isoformat()}..{max(pair).isoformat()}]"
)
_unbounded = st.one_of(_plain.map("[..{}]".format), _plain.map("[{}..]".format))
edtf = st.one_of(_plain, _plain, _marked, _intervals, _unbounded)


def _said(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of *fields*, and now and then a certainty."""
    certainty = st.sampled_from(["confirmed", "reported", "rumoured"])
    return st.fixed_dictionaries({}, optional={**fields, "certainty": certainty})


def _of(
    build: Any, said: st.SearchStrategy[dict[str, Any]], **given: Any
) -> st.SearchStrategy[Any]:
    return st.builds(lambda most, rest: build(**most, **rest), st.fixed_dictionaries(given), said)


_posts = _said(
    role=st.sampled_from(["engineer", "lead"]),
    team=st.sampled_from(["red", "blue"]),
    relation=st.sampled_from(["advisor", "employee"]),
)
_stay: dict[str, Any] = {"person": people, "at": labs, "on": edtf}
person_events: st.SearchStrategy[Fact] = st.one_of(
    _of(b.hire, _posts, **_stay),
    _of(b.hire, _posts, **_stay),
    _of(b.departure, _posts, **_stay),
    _of(b.departure, _posts, **_stay),
    _of(b.sighting, _posts, **_stay),
    _of(b.role_change, _posts, **_stay),
    _of(b.leave, _said(), **_stay),
    _of(b.return_, _said(), **_stay),
)


@st.composite
def _mergers(draw: st.DrawFn) -> Merger:
    absorbed = draw(st.lists(labs, min_size=1, max_size=2, unique=True))
    into = draw(labs.filter(lambda lab: lab not in absorbed))
    return b.merger(*absorbed, into=into, on=draw(edtf))


_founders = st.lists(people, max_size=2).map(tuple)
lab_events: st.SearchStrategy[Fact] = st.one_of(
    _of(b.founding, _said(location=st.just("Paris")), lab=labs, on=edtf, by=_founders),
    _mergers(),
    _of(b.closure, _said(), lab=labs, on=edtf),
    _of(b.renaming, _said(), lab=labs, on=edtf, to=st.sampled_from(["New", "Newer"])),
    _of(b.ownership, _said(), lab=labs, on=edtf, parent=st.sampled_from([*LABS, "Some Corp"])),
)
world_events: st.SearchStrategy[Fact] = st.one_of(person_events, person_events, lab_events)

_names = _said(
    name=st.sampled_from(["One", "Two"]),
    aliases=st.lists(st.sampled_from(["Uno", "Duo"]), max_size=2).map(tuple),
    ids=st.just(OutsideIds(wikidata="Q1")),
)
register_events: st.SearchStrategy[Fact] = st.one_of(
    _of(b.person_profile, _names, person=people),
    _of(b.lab_profile, _names, lab=labs),
    _of(b.same_person, _said(), person=people, into=people),
    _of(b.same_lab, _said(), lab=labs, into=labs),
    _of(b.different_people, _said(), person=people, other=people).filter(
        lambda event: event.person != event.other
    ),
)
facts: st.SearchStrategy[Fact] = st.one_of(
    world_events, world_events, world_events, register_events
)


class Amendment(NamedTuple):
    """A correction to *event*, or a retraction, of the original that *pick* comes to."""

    pick: int
    event: Fact | None


amendments = st.builds(Amendment, st.integers(0, 30), st.one_of(st.none(), facts, facts))


def histories(size_max: int = 10) -> st.SearchStrategy[list[RecordedEvent]]:
    """Logs of at most *size_max* events."""
    steps = st.lists(st.one_of(facts, facts, facts, amendments), max_size=size_max)
    return steps.map(_recorded)


def histories_with_erasures(size_max: int = 10) -> st.SearchStrategy[list[RecordedEvent]]:
    """
    The same, of which some events were erased, the last event among them.

    Whoever erases sees to it that nothing older comes back; here it may, and anything may go.
    """
    return st.builds(_erased_from, histories(size_max), st.sets(st.integers(1, size_max)))


def _erased_from(events: Sequence[RecordedEvent], gone: set[int]) -> list[RecordedEvent]:
    left = [b.erased(event) if event.position in gone else event for event in events]
    named = [event.position for event in events if event.position in gone]
    return [*left, b.recorded(len(events) + 1, b.erasure(*named))] if named else left


def after(events: Sequence[RecordedEvent], more: Iterable[Fact | Amendment]) -> list[RecordedEvent]:
    """*events* and those of *more* that the service would record after them."""
    grown = list(events)
    for step in more:
        payload = _payload(grown, step)
        if payload is not None:
            longer = [*grown, b.recorded(len(grown) + 1, payload)]
            grown = longer if is_accepted(longer) else grown
    return grown


def is_accepted(events: Sequence[RecordedEvent]) -> bool:
    """Whether nothing in the state that the last event produces follows itself."""
    return not any(finding.kind == "cycle" for finding in fold(events).findings)


def originals(events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
    """The events that a correction or retraction can be about."""
    return [e for e in events if e.target_position is None]


def _recorded(steps: Iterable[Fact | Amendment]) -> list[RecordedEvent]:
    return after([], steps)


def _payload(
    events: Sequence[RecordedEvent], step: Fact | Amendment
) -> Fact | Correction | Retraction | None:
    if not isinstance(step, Amendment):
        return step
    targets = originals(events)
    if not targets:
        return None
    position = targets[step.pick % len(targets)].position
    return b.retraction(position) if step.event is None else b.correction(position, step.event)
