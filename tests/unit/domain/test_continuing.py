"""Stays that go on with an event that comes after all others, held to placing all of them."""

from collections.abc import Sequence

from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from service.domain.continuing import continued
from service.domain.effective import effective_events
from service.domain.events import Fact, Founding
from service.domain.labs import LabFacts, fold_labs
from service.domain.stints import (
    Item,
    is_placing,
    place_at,
    placing_findings,
    to_item,
    to_stints,
)
from tests.support import strategies
from tests.support.builders import departure, founding, hire, leave, log, return_, sighting

THERE = st.lists(strategies.person_events, max_size=8)


@given(THERE, st.booleans(), st.one_of(st.none(), strategies.edtf))
def test_what_is_continued_is_what_is_placed(
    told: list[Fact], is_in_order: bool, founded: str | None
) -> None:
    lab, items = items_of([*told, *([] if founded is None else [founding("x", on=founded)])])
    if is_in_order:
        items.sort(key=lambda item: (item.lo, item.hi, item.position))
    for number, item in enumerate(items):
        before = items[:number]
        if any(item.lo <= each.hi for each in before):
            continue
        known, _ = place_at("ann", lab, before)
        placing, _ = place_at("ann", lab, [*before, item])
        stints = continued(to_stints(known), item, "ann", lab)
        note(f"continued: {stints is not None}")
        if stints is not None:
            assert stints == to_stints(placing)
            assert placing_findings(placing) == placing_findings(known)


def test_a_stay_in_order_is_continued_with_every_event() -> None:
    told: list[Fact] = [
        hire("ann", at="x", on="2020-01", role="engineer"),
        sighting("ann", at="x", on="2020-05-06"),
        leave("ann", at="x", on="2021"),
        return_("ann", at="x", on="2022-03", certainty="confirmed"),
        departure("ann", at="x", on="2023", role="lead"),
        hire("ann", at="x", on="2024~"),
    ]
    lab, items = items_of([*told[:5], founding("x", on="2020-01-31"), *told[5:]])
    stints: Sequence[object] | None = []
    for number, item in enumerate(items):
        placing, _ = place_at("ann", lab, items[:number])
        stints = continued(to_stints(placing), item, "ann", lab)
        assert stints is not None
    placing, _ = place_at("ann", lab, items)
    assert stints == to_stints(placing)


def test_what_is_to_be_noticed_is_placed() -> None:
    told = [hire("ann", at="x", on="2020"), hire("ann", at="x", on="2021")]
    lab, (hired, again) = items_of(told)
    (seen,) = items_of([sighting("ann", at="x", on="2021")])[1]
    early, _ = items_of([founding("x", on="2022")])
    placing, _ = place_at("ann", lab, [hired])
    assert continued(to_stints(placing), again, "ann", lab) is None
    assert continued([], seen, "ann", lab) is None
    assert continued([], hired, "ann", early) is None


def items_of(told: Sequence[Fact]) -> tuple[LabFacts, list[Item]]:
    """What the lab `x` is, and each event of a person as if it were of Ann and there."""
    events = log(*told)
    labs, _ = fold_labs(events)
    placing = [(e, e.payload) for e in effective_events(events) if is_placing(e.payload)]
    items = [to_item(e, said, ("ann",)) for e, said in placing if not isinstance(said, Founding)]
    return labs["x"], items
