"""Labs folded event by event: the same as folding the whole log, and no more work than it needs."""

import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.events import Fact, OutsideIds, Payload, Position, RecordedEvent
from service.domain.families import FamilyHistory
from service.domain.labs import fold_labs
from service.read_models.beliefs import Beliefs
from service.read_models.projector import project_labs
from tests.support import builders as b
from tests.support import strategies
from tests.support.strategies import Amendment, edtf, lab_events

FAMILY = frozenset(strategies.LABS)
NAMES = st.sampled_from(["X", "Y", "Uno", "É", "e"])

refs = st.one_of(
    strategies.labs,
    st.builds(
        lambda id_, name, aliases: b.entity(id_, name, *aliases),
        strategies.labs,
        st.one_of(st.none(), NAMES),
        st.lists(NAMES, max_size=2),
    ),
)
certainty = st.sampled_from(["confirmed", "rumoured"])
facts: st.SearchStrategy[Fact] = st.one_of(
    lab_events,
    st.builds(b.hire, st.just("ann"), at=refs, on=edtf, certainty=certainty),
    st.builds(
        b.lab_profile,
        refs,
        name=st.one_of(st.none(), NAMES),
        aliases=st.lists(NAMES, max_size=2).map(tuple),
        kind=st.sampled_from([None, "lab", "company"]),
        country=st.sampled_from([None, "FR", "GB"]),
        parent=st.one_of(st.none(), strategies.labs, st.just("Some Corp")),
        ids=st.sampled_from([None, OutsideIds(wikidata="Q1"), OutsideIds(homepage="https://a.b")]),
        certainty=certainty,
    ),
    st.builds(b.founding, refs, on=edtf, by=st.just(("ann",)), parent=st.sampled_from([None, "y"])),
    st.builds(b.renaming, refs, to=NAMES, on=edtf, certainty=certainty),
    st.builds(b.same_lab, refs, into=refs),
)
steps = st.lists(st.one_of(facts, facts, strategies.amendments), max_size=14)


def recorded(said: list[Fact | Amendment]) -> list[RecordedEvent]:
    """All of it, though the service would refuse some: the fold takes whatever there is."""
    payloads: list[Payload] = []
    originals: list[int] = []
    for step in said:
        if not isinstance(step, Amendment):
            payloads.append(step)
            originals.append(len(payloads))
        elif originals:
            target = originals[step.pick % len(originals)]
            event = step.event
            payloads.append(b.retraction(target) if event is None else b.correction(target, event))
    return b.log(*payloads)


@given(
    said=steps,
    gone=st.sets(st.integers(1, 14), min_size=1, max_size=6),
    cuts=st.sets(st.integers(0, 14), max_size=8),
)
@example(
    said=[b.lab_profile(b.entity("x", "Uno")), b.renaming("x", to="Y", on="2020"),
          b.lab_profile(b.entity("x", "X"))],
    gone={1},
    cuts={2},
)  # fmt: skip
def test_families_are_as_folded_at_once_where_something_was_erased(
    said: list[Fact | Amendment], gone: set[int], cuts: set[int]
) -> None:
    """In any place: what created a lab, a correction, one that ties."""
    events = [b.erased(event) if event.position in gone else event for event in recorded(said)]
    history = FamilyHistory(FAMILY)
    for event in events:
        history.take(event)
        if event.position in cuts or event is events[-1]:
            history.settle()
            labs, findings = fold_labs(events[: event.position])
            assert history.labs == {one: lab for one, lab in labs.items() if one in FAMILY}
            assert history.findings == [f for f in findings if f.labs[0] in FAMILY]


@given(said=steps, cuts=st.sets(st.integers(0, 14), max_size=8))
@example(
    said=[
        b.lab_profile(b.entity("x", "X"), name="Y"),
        b.renaming("x", to="Uno", on="2020"),
        b.same_lab("x", into="y"),
        b.hire("ann", at=b.entity("x", "X", "E"), on="2020"),
        Amendment(0, b.lab_profile("x", name="Uno")),
        Amendment(2, None),
    ],
    cuts={1, 3, 4, 5},
)
def test_event_by_event_is_the_fold_of_all(said: list[Fact | Amendment], cuts: set[int]) -> None:
    events = recorded(said)
    history = FamilyHistory(FAMILY)
    before = dict(history.labs)
    for begin, end in pairwise(sorted({0, *(c for c in cuts if c < len(events)), len(events)})):
        for event in events[begin:end]:
            history.take(event)
        changed = history.settle()
        labs, findings = fold_labs(events[:end])
        assert dict(history.labs) == {one: labs[one] for one in labs if one in FAMILY}
        assert history.findings == [f for f in findings if f.labs[0] in FAMILY]
        assert set(changed) == {
            one for one in labs if one in FAMILY and before.get(one) != labs[one]
        }
        before = dict(history.labs)


ALIKE: dict[str, Callable[[int], Fact]] = {
    "profiles": lambda n: b.lab_profile("x", country="FR" if n % 2 else "GB"),
    "renamings": lambda n: b.renaming("x", to=f"Name {n}", on=f"{2000 + n % 20}"),
    "owners": lambda n: b.ownership("x", parent=f"Owner {n}", on=f"{2000 + n % 20}"),
    "foundings": lambda n: b.founding("x", on=f"{2000 + n % 20}", by=(f"p-{n}",)),
    "names": lambda n: b.hire("ann", at=b.entity("x", f"Name {n}"), on="2020"),
}


@pytest.mark.parametrize("fact", ALIKE.values(), ids=ALIKE)
def test_facts_of_one_lab_are_looked_at_once(fact: Callable[[int], Fact]) -> None:
    """Work is counted in calls, not in time: twice as many facts are about twice the work."""
    assert calls_for(fact, 400) < 2.5 * calls_for(fact, 200)


def calls_for(fact: Callable[[int], Fact], number: int) -> int:
    events = b.log(b.lab_profile(b.entity("x", "X")), *(fact(n) for n in range(number)))
    calls = 0

    def counting(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(counting)
    try:
        project_labs(frozenset({"x"}), events, after=Position(0), beliefs=Beliefs())
    finally:
        sys.setprofile(None)
    return calls
