"""Every worked case of SEMANTICS, as two other implementations answered it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.domain.events import Fact, Payload
from service.domain.fold import State, fold
from tests.support.answers import roster_of
from tests.support.builders import correction, log, retraction

FOLDER = Path(__file__).parents[2] / "fixtures" / "vectors"
CASES: dict[str, dict[str, Any]] = {
    f"{path.stem}: {case['name']}": case
    for path in sorted(FOLDER.glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
}
PRESENCES = ("certain", "presumed", "possible")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_case_is_answered_as_worked(case: dict[str, Any]) -> None:
    events = log(*map(payload_of, case["events"]))
    states = {known_at: fold(events[:known_at]) for known_at in range(len(events) + 1)}
    wrong = [
        (query, answer)
        for query in case["queries"]
        if (answer := answer_to(query, states[query["known_at"]]))
        != {presence: sorted(query[presence]) for presence in PRESENCES}
    ]
    assert not wrong, case["why"]


def test_all_cases_are_there() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} >= {
        "worked.json",
        "random.json",
        "dense.json",
    }
    assert sum(len(case["queries"]) for case in CASES.values()) >= 12_039


def answer_to(query: dict[str, Any], state: State) -> dict[str, list[str]]:
    there = roster_of(state, query["lab"], query["at"])
    return {
        presence: sorted(person for person, how in there.items() if how == presence)
        for presence in PRESENCES
    }


def payload_of(event: dict[str, Any]) -> Payload:
    if event["type"] == "correction":
        return correction(event["target"], fact_of(event["event"]), reason=event["reason"])
    if event["type"] == "retraction":
        return retraction(event["target"], reason=event["reason"])
    return fact_of(event)


def fact_of(event: dict[str, Any]) -> Fact:
    """The event as a payload; the cases name founders by id alone."""
    founders = [f if isinstance(f, dict) else {"person": f} for f in event.get("founders", ())]
    written = {**event, "founders": founders} if "founders" in event else event
    fact: Fact = msgspec.convert(written, Fact)
    return fact
