"""The laws of SEMANTICS 7 that concern the fold alone, on random histories."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec import structs

from service.domain.events import (
    Closure,
    Correction,
    Fact,
    Founding,
    Merger,
    Payload,
    PersonFact,
    RecordedEvent,
    Retraction,
    bounds_of,
    fact_of,
    founder_ids,
    id_of,
    references,
    to_canonical_json,
    type_of,
)
from service.domain.fold import State, fold, fold_histories
from service.domain.labs import LabFacts
from service.domain.presence import Presence, certain_spans, overlap_days, presence_on
from service.domain.stints import Stint
from tests.support import strategies
from tests.support.builders import (
    correction,
    day,
    departure,
    hire,
    log,
    recorded,
    retraction,
)
from tests.support.strategies import Amendment, after, histories, is_accepted, originals

WITHIN_DAYS = 400
"""Exact histories of the interval laws fall within so many days from FIRST_DAY."""


@st.composite
def shuffled_twice(draw: st.DrawFn) -> tuple[list[Fact], list[Fact]]:
    """The same world events in two orders, no two of them tied."""
    drawn = draw(st.lists(strategies.world_events, max_size=10))
    told: list[Any] = []
    for event in drawn:
        if not any(are_tied(event, other) for other in told):
            told.append(event)
    return told, draw(st.permutations(told))


def are_tied(one: Any, other: Any) -> bool:
    """
    Whether only position tells two events apart: equal bounds, and both move one person in
    the same way, or both end labs, or both are of one type and tell of one lab.
    """
    if one == other or bounds_of(one) != bounds_of(other):
        return False
    if isinstance(one, Merger | Closure) and isinstance(other, Merger | Closure):
        return True
    if people_of(one) & people_of(other):
        return True
    return type_of(one) == type_of(other) and bool(labs_of(one) & labs_of(other))


def people_of(event: Any) -> set[str]:
    if isinstance(event, Founding):
        return set(founder_ids(event))
    return {id_of(event.person)} if isinstance(event, PersonFact) else set()


def labs_of(event: Any) -> set[str]:
    return set() if isinstance(event, PersonFact) else {id_of(event.lab)}


@given(shuffled_twice())
def test_order_of_recording_does_not_matter(orders: tuple[list[Fact], list[Fact]]) -> None:
    """
    The state after any order of appending the same world events is the same, if no two with
    equal bounds meet at one lab, unless they say the same.
    """
    one, other = (log(*order) for order in orders)
    assume(is_accepted(one) and is_accepted(other))
    assert essence(one) == essence(other)


def essence(events: Sequence[RecordedEvent]) -> Any:
    """The state without positions, each event named by what it says."""
    state = fold(events)
    said = {str(e.event_id): to_canonical_json(e.payload).decode() for e in events}
    told = msgspec.to_builtins([state.labs, state.people, state.stints, state.findings])
    return settled(told, said)


ORDERED = (
    "renamings",
    "ownerships",
    "steps",
    "leaves",
    "opening",
    "closing",
    "post",
    "predecessors",
)


def settled(told: Any, said: dict[str, str], *, keep_order: bool = False) -> Any:
    """*told* with events by what they say, and sorted where the order has no meaning."""
    if isinstance(told, dict):
        return {
            key: settled(value, said, keep_order=key in ORDERED)
            for key, value in told.items()
            if key != "position"
        }
    if isinstance(told, list | tuple):
        each = [settled(one, said) for one in told]
        return each if keep_order else sorted(each, key=repr)
    return said.get(told, told)


@given(histories(), st.integers(0, 30), strategies.facts)
def test_correction_and_its_inverse_cancel(
    events: list[RecordedEvent], pick: int, fact: Fact
) -> None:
    """A correction followed by the one that says again what held before gives back the state."""
    there_and_back(events, pick, lambda position: correction(position, fact))


@given(histories(), st.integers(0, 30))
def test_retraction_and_reinstatement_cancel(events: list[RecordedEvent], pick: int) -> None:
    """A retraction followed by a correction that brings the event back gives back the state."""
    there_and_back(events, pick, retraction)


def there_and_back(
    events: list[RecordedEvent],
    pick: int,
    amend: Callable[[int], Correction | Retraction],
) -> None:
    targets = originals(events)
    assume(targets)
    target = targets[pick % len(targets)]
    held = standing_facts(events).get(target.position)
    back = retraction(target.position) if held is None else correction(target.position, held)
    amended = [*events, recorded(len(events) + 1, amend(target.position))]
    assume(is_accepted(amended))
    restored = [*amended, recorded(len(amended) + 1, back)]
    assert_same_state(fold(restored), fold(events))


def standing_facts(events: Sequence[RecordedEvent]) -> dict[int, Fact]:
    """What each original says by now, found without the fold: the last word on it holds."""
    facts: dict[int, Fact] = {}
    for event in events:
        payload = event.payload
        if isinstance(payload, Correction):
            facts[payload.target.int] = payload.event
        elif isinstance(payload, Retraction):
            facts.pop(payload.target.int, None)
        elif (fact := fact_of(payload)) is not None:
            facts[event.position] = fact
    return dict(sorted(facts.items()))


def assert_same_state(state: State, before: State) -> None:
    """Equal but for ids that were named on the way, of which nothing is told."""
    assert state.stints == before.stints
    assert state.findings == before.findings
    assert {p: state.people[p] for p in before.people} == before.people
    assert {lab: state.labs[lab] for lab in before.labs} == before.labs
    for lab in state.labs.keys() - before.labs.keys():
        assert structs.replace(state.labs[lab], names=()) == LabFacts(lab, lab, lab)


@given(
    histories(size_max=7), st.lists(st.one_of(strategies.facts, strategies.amendments), max_size=4)
)
def test_answers_for_earlier_known_at_do_not_move(
    events: list[RecordedEvent], more: list[Fact | Amendment]
) -> None:
    """Whatever is appended later, each earlier position keeps its state."""
    before = [msgspec.json.encode(fold(events[:k])) for k in range(len(events) + 1)]
    grown = after(events, more)
    fold(grown)
    assert [msgspec.json.encode(fold(grown[:k])) for k in range(len(events) + 1)] == before


@given(histories())
def test_effective_events_are_the_last_word_on_each(events: list[RecordedEvent]) -> None:
    """A log of what holds now, each event as if first recorded so, has the same stints."""
    standing = [recorded(position, fact) for position, fact in standing_facts(events).items()]
    assert fold(standing).stints == fold(events).stints
    assert fold(standing).findings == fold(events).findings


@given(histories())
def test_one_person_folds_alone_as_among_others(events: list[RecordedEvent]) -> None:
    """The events that name someone by any id are enough for that one's stints and findings."""
    state = fold(events)
    for person in {facts.canonical_id for facts in state.people.values()}:
        ids = {one for one, facts in state.people.items() if facts.canonical_id == person}
        wanted = {e.target_position or e.position for e in events if named(e.payload) & ids}
        own = [e for e in events if (e.target_position or e.position) in wanted]
        stints, findings = fold_histories(own, state.labs, {person})
        assert stints == [s for s in state.stints if s.person == person]
        assert findings == [f for f in state.findings if f.person == person]


def named(payload: Payload) -> set[str]:
    """Ids of the people whom a payload names."""
    return {id_of(r.ref) for r in references(payload) if r.kind == "person"}


@given(histories())
def test_bounds_of_stints_are_in_order(events: list[RecordedEvent]) -> None:
    """Narrowing leaves each date at least a day, and the stays of one lab follow each other."""
    for stint in fold(events).stints:
        assert stint.start.lo <= stint.start.hi
        if stint.end is not None:
            assert stint.end.lo <= stint.end.hi
            assert stint.start.lo <= stint.end.hi


@st.composite
def alternations(draw: st.DrawFn) -> list[date]:
    """Strictly increasing days, on which hires and departures alternate."""
    offsets = draw(st.sets(st.integers(0, WITHIN_DAYS), min_size=1, max_size=6))
    return [strategies.FIRST_DAY + timedelta(days=n) for n in sorted(offsets)]


def alternating(dates: Iterable[str]) -> list[RecordedEvent]:
    """A hire on the first date, a departure on the second, and so on."""
    return log(
        *((departure if i % 2 else hire)("ann", at="x", on=on) for i, on in enumerate(dates))
    )


def interval_test(days: Sequence[date], at: date) -> Presence | None:
    """What the house knows without the fold: between a hire and the departure after it."""
    for i in range(0, len(days) - 1, 2):
        if days[i] <= at < days[i + 1]:
            return "certain"
    if len(days) % 2 and at >= days[-1]:
        return "certain" if at == days[-1] else "presumed"
    return None


def presence_of(stints: Iterable[Stint], at: date) -> Presence | None:
    held = {presence_on(stint, at) for stint in stints}
    for presence in ("certain", "presumed", "possible"):
        if presence in held:
            return presence
    return None


def every_day() -> Iterable[date]:
    return (strategies.FIRST_DAY + timedelta(days=n) for n in range(-2, WITHIN_DAYS + 3))


@given(alternations(), st.randoms(use_true_random=False))
def test_exact_histories_are_a_plain_interval_test(days: list[date], chance: Any) -> None:
    """The fold of exact, alternating dates is what an interval test gives, in any order of recording."""
    events = alternating(on.isoformat() for on in days)
    payloads = [e.payload for e in events]
    chance.shuffle(payloads)
    stints = fold(log(*payloads)).stints
    for at in every_day():
        assert presence_of(stints, at) == interval_test(days, at), at


def widenings(on: date) -> st.SearchStrategy[str]:
    """Dates that *on* fits, each less exact."""
    exact = on.isoformat()
    texts = [exact[:7], exact[:4], f"[{exact}..]", f"[..{exact}]"]
    texts += [f"{plain}{mark}" for plain in (exact, exact[:7], exact[:4]) for mark in "?~%"]
    between = st.tuples(st.integers(0, 120), st.integers(0, 120)).map(
        lambda n: f"[{on - timedelta(days=n[0])}..{on + timedelta(days=n[1])}]"
    )
    return st.one_of(st.sampled_from(texts), between)


@st.composite
def widened_alternations(draw: st.DrawFn) -> tuple[list[date], list[str]]:
    days = draw(alternations())
    one = draw(st.integers(0, len(days) - 1))
    dates = [on.isoformat() for on in days]
    dates[one] = draw(widenings(days[one]))
    return days, dates


@given(widened_alternations())
@example(
    (
        [day("2020-01-10"), day("2020-01-20"), day("2020-02-01")],
        ["2020-01-10", "2020-01", "2020-02-01"],
    )
)
def test_widening_a_date_makes_nobody_certain_absent(case: tuple[list[date], list[str]]) -> None:
    """
    Widening one date turns nobody absent who was certain, and nobody certain who was absent:
    it makes them possible, or certain where they were presumed.
    """
    days, dates = case
    stints = fold(alternating(dates)).stints
    for at in every_day():
        before, now = interval_test(days, at), presence_of(stints, at)
        assert now in (before, "possible") or (before, now) == ("presumed", "certain"), at


STAY_AT_Y = (hire("ann", at="y", on="2020-01-01"), departure("ann", at="y", on="2021-01-01"))


@given(st.lists(strategies.person_events, max_size=8))
@example(
    # The departure that is told twice reveals a second stay, on the eve of the first one's end.
    [
        *STAY_AT_Y,
        hire("ann", at="x", on="2020-01-01"),
        departure("ann", at="x", on="2020-04-02"),
        departure("ann", at="x", on="2020-04-02"),
    ]
)
def test_overlap_counts_each_certain_day_once(told: list[Fact]) -> None:
    """The days of an overlap are those on which someone is certain at both labs."""
    stints = fold(log(*told)).stints
    x, y = ([s for s in stints if (s.person, s.lab) == ("ann", lab)] for lab in ("x", "y"))
    days = (date(2017, 1, 1) + timedelta(days=n) for n in range(2600))
    both = [at for at in days if presence_of(x, at) == presence_of(y, at) == "certain"]
    assert overlap_days(certain_spans(x), certain_spans(y)) == len(both)
