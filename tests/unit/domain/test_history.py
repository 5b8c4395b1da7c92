"""What follows at once from an event that only goes on with a stay, held to settling everything."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from service.domain import history
from service.domain.events import RecordedEvent, id_of, named_in
from service.domain.findings import Finding
from service.domain.history import Change, History, Part, Said
from service.domain.labs import Labs, fold_labs
from service.domain.stints import place_at
from tests.support.builders import departure, hire, log, sighting
from tests.support.strategies import histories


class Accumulated:
    """What a history has said, all changes together."""

    def __init__(self) -> None:
        self.parts: dict[Part, list[Said]] = {}
        self.duplicates: set[Finding] = set()

    def add(self, change: Change) -> None:
        self.parts |= {part: list(said) for part, said in change.parts.items()}
        self.duplicates = (self.duplicates - set(change.going)) | set(change.arising)

    @property
    def said(self) -> Mapping[Part, list[Said]]:
        """A part that says nothing is as good as none."""
        return {part: said for part, said in self.parts.items() if said}


@given(events=histories(size_max=12))
def test_to_follow_is_to_take_and_settle(events: list[RecordedEvent]) -> None:
    component = {id_of(ref) for event in events for ref in named_in(event.payload, "person")}
    labs, _ = fold_labs(events)
    following, settling = (History(component, Labs(labs)) for _ in range(2))
    one, other = Accumulated(), Accumulated()
    for event in events:
        one.add(following.follow(event))
        settling.take(event)
        other.add(settling.settle())
        assert one.said == other.said
        assert one.duplicates == other.duplicates


def test_a_career_in_order_is_never_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted, not time."""
    placed = 0

    def counting(*told: Any) -> Any:
        nonlocal placed
        placed += 1
        return place_at(*told)

    monkeypatch.setattr(history, "place_at", counting)
    events = log(
        hire("ann", at="x", on="2020-01"),
        sighting("ann", at="x", on="2020-05-06"),
        departure("ann", at="x", on="2021"),
        hire("ann", at="y", on="2022-03"),
        sighting("ann", at="y", on="2022-02"),
    )
    career = History({"ann"}, Labs())
    for event in events[:-1]:
        assert career.follow(event).parts
    assert placed == 0
    career.follow(events[-1])
    assert placed == 1
