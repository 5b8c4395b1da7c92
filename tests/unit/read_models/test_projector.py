"""The projection of events that are much alike."""

import pytest

from service.domain import findings, fold, history
from service.domain.events import Entity, Position, RecordedEvent
from service.domain.identity import PersonFacts, fold_people
from service.domain.labs import Labs
from service.read_models.beliefs import Belief, Beliefs, Row, finding_of
from service.read_models.projector import project_people
from tests.support.builders import departure, hire, log, retraction

ALIKE = 40
PAIRS = ALIKE * (ALIKE - 1) // 2


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_pairs_of_like_events_are_looked_at_once(
    at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Every two of n like events are a finding; none is made again with each event that follows.

    Work is counted, not time: n² / 2 comparisons that find and as many that look for what goes.
    """
    compared = 0
    alike = findings.is_alike

    def counting(one: findings.Told, other: findings.Told) -> bool:
        nonlocal compared
        compared += 1
        return alike(one, other)

    monkeypatch.setattr(findings, "is_alike", counting)
    monkeypatch.setattr(fold, "is_alike", counting)
    events = log(*[hire("ann", at="x", on="2020") for _ in range(ALIKE)])
    rows = 0
    for after in [0] if at_once else range(ALIKE):
        until = ALIKE if at_once else after + 1
        beliefs = Beliefs()
        project_people(
            frozenset({"ann"}),
            events[:until],
            after=Position(after),
            labs=Labs(),
            changes=[],
            beliefs=beliefs,
        )
        rows += _pairs(beliefs)
    assert rows == PAIRS
    assert PAIRS <= compared <= 2 * PAIRS


def test_pair_that_goes_is_closed_by_what_it_says() -> None:
    """The writer did not read it: of its row it knows the content alone."""
    events = log(*[hire("ann", at="x", on="2020") for _ in range(3)], retraction(2))
    beliefs = Beliefs()
    project_people(
        frozenset({"ann"}), events, after=Position(3), labs=Labs(), changes=[], beliefs=beliefs
    )
    closed = [finding_of(row) for row, _ in beliefs.closed() if row.model == "findings"]
    assert [[e.int for e in f.events] for f in closed if f.kind == "possible_duplicate"] in (
        [[1, 2], [2, 3]],
        [[2, 3], [1, 2]],
    )
    assert _pairs(beliefs) == 0


def test_names_of_somebody_known_are_folded_only_where_they_are_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Work is counted, not time; what is believed of names stands until it is told anew."""
    folded: list[int] = []

    def counting(recorded: list[RecordedEvent]) -> dict[str, PersonFacts]:
        folded.append(len(recorded))
        return fold_people(recorded)

    monkeypatch.setattr(history, "fold_people", counting)
    events = log(
        hire(Entity(id="ann", name="Ann"), at="x", on="2020"),
        departure("ann", at="x", on="2021"),
        hire(Entity(id="ann", name="Anne"), at="x", on="2022"),
    )
    believed: dict[Row, Belief] = {}
    names = []
    for after in range(3):
        beliefs = Beliefs({row: Belief(b.known_from, 1, b.columns) for row, b in believed.items()})
        project_people(
            frozenset({"ann"}),
            events[: after + 1],
            after=Position(after),
            labs=Labs(),
            changes=[],
            beliefs=beliefs,
        )
        believed = beliefs.believed
        names.append(sorted(b.columns[1] for row, b in believed.items() if row.model == "names"))
    assert names == [["ann"], ["ann"], ["ann", "anne"]]
    assert folded == [1, 3]


def _pairs(beliefs: Beliefs) -> int:
    return sum(
        finding_of(row).kind == "possible_duplicate"
        for row, _ in beliefs.added()
        if row.model == "findings"
    )
