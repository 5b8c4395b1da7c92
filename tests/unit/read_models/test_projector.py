"""The projection of events that are much alike."""

import pytest

from service.domain import findings, fold
from service.domain.events import Position
from service.domain.labs import Labs
from service.read_models.beliefs import Beliefs, finding_of
from service.read_models.projector import project_people
from tests.support.builders import hire, log, retraction

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


def _pairs(beliefs: Beliefs) -> int:
    return sum(
        finding_of(row).kind == "possible_duplicate"
        for row, _ in beliefs.added()
        if row.model == "findings"
    )
