"""Every worked case of SEMANTICS asked over HTTP: recorded by requests, answered by rosters."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

FOLDER = Path(__file__).parents[3] / "fixtures" / "vectors"
CASES: dict[str, dict[str, Any]] = {
    f"{path.stem}: {case['name']}": case
    for path in sorted(FOLDER.glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
}
PRESENCES = ("certain", "presumed", "possible")
QUERIES_MAX = 10_000 if os.environ.get("HYPOTHESIS_PROFILE", "dev") != "dev" else 24
"""Of one case; elsewhere they are taken evenly, the same ones in every run."""
BATCH = 7


@pytest.mark.parametrize("name", CASES)
async def test_case_is_answered_as_worked(name: str, client: httpx.AsyncClient) -> None:
    case = CASES[name]
    profiles = [*_profiles(case["events"])]
    await _record(client, profiles)
    events = [_submitted(event, i) for i, event in enumerate(case["events"], 1)]
    for batch in _batches(events, 1 if name.startswith("worked") else BATCH):
        await _record(client, batch)
    assert (await client.get("/v1/log")).json()["position"] == len(profiles) + len(events)
    wrong = [
        (query, answer)
        for query in _sampled(case["queries"])
        if (answer := await _answer(client, query, len(profiles)))
        != {presence: sorted(query[presence]) for presence in PRESENCES}
    ]
    assert not wrong, case["why"]


def test_all_cases_are_there() -> None:
    assert len(CASES) == 128


async def _record(client: httpx.AsyncClient, events: list[dict[str, Any]]) -> None:
    """One event as an object, several as an array."""
    recorded = await client.post("/v1/events", json=events if len(events) > 1 else events[0])
    assert recorded.status_code == 201, recorded.text


async def _answer(client: httpx.AsyncClient, query: dict[str, Any], shift: int) -> dict[str, Any]:
    params = {"at": query["at"], "known_at": query["known_at"] + shift}
    answer = (await client.get(f"/v1/labs/{query['lab']}", params=params)).json()
    there = {
        presence: sorted(m["person"]["id"] for m in answer["members"] if m["presence"] == presence)
        for presence in PRESENCES
    }
    assert answer["headcount"] == {presence: len(there[presence]) for presence in PRESENCES}
    return there


def _profiles(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One event for each id that the case uses, so that it exists and is called like its id."""
    for kind, one in dict.fromkeys(pair for event in events for pair in _named(event)):
        yield {"type": "profile", kind: {"id": one, "name": one}}


def _named(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "event" in event:
        yield from _named(event["event"])
    kind = "person" if "person" in event else "lab"
    for field, of in (("person", "person"), ("lab", "lab"), ("into", kind), ("other", kind)):
        if field in event:
            yield of, event[field]
    for person in event.get("founders", ()):
        yield "person", person["person"] if isinstance(person, dict) else person
    for lab in event.get("absorbed", ()):
        yield "lab", lab


def _submitted(event: dict[str, Any], number: int) -> dict[str, Any]:
    """The event with an id made of its number, by which later ones name it."""
    submitted = {**event, "event_id": str(UUID(int=number))}
    if "target" in event:
        submitted["target"] = str(UUID(int=event["target"]))
    return submitted


def _batches(events: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(events), size):
        yield events[start : start + size]


def _sampled(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    step = -(-len(queries) // QUERIES_MAX)
    return queries[::step]
