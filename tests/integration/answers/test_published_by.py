"""What the public could know by a day: the same answers, from the events published by then."""

from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answers.labs import LabAnswer, lab_on, labs_on
from service.answers.people import PersonAnswer, person_on
from service.answers.times import KnownAt, Times
from service.domain.events import RecordedEvent
from service.domain.findings import Finding
from service.domain.fold import State, fold
from service.domain.labs import name_on
from service.domain.publication import published_by
from service.domain.refusals import UnknownName
from service.postgres.pool import Connection
from service.read_models.stints import by_start
from tests.integration.api.asking import get, problem, record
from tests.support.answers import roster_of
from tests.support.histories import Base
from tests.support.publishing import record_history, sourced_histories
from tests.support.strategies import LABS, PEOPLE, days

EXAMPLES = settings().max_examples * 2 // 5
FAR = date(2199, 12, 31)


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=sourced_histories(), by=days, at=days, data=st.data())
async def test_answers_are_those_of_the_events_published_by_then(
    base: Base, events: list[RecordedEvent], by: date, at: date, data: st.DataObject
) -> None:
    """Whatever was known when: the whole log cut first by position, then by publication."""
    known = await record_history(base, events)
    position = data.draw(st.integers(0, len(known)))
    cut = published_by(known[:position], by)
    state = fold(cut.events)
    async with base.pool.acquire() as connection:
        times = _times(at, position, len(known), by)
        every = await labs_on(connection, times, q=None, after=None, limit=9)
        assert {lab.id for lab in every.items} == {
            lab.id for lab in state.labs.values() if lab.id == lab.canonical_id
        }
        assert every.undated_events == len(cut.undated)
        for lab in LABS:
            await _assert_lab(connection, lab, times, state)
        for person in PEOPLE:
            await _assert_person(connection, person, times, state)


@settings(
    max_examples=EXAMPLES // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=sourced_histories(), at=days)
async def test_when_everything_is_public_the_kept_answer_is_given(
    base: Base, events: list[RecordedEvent], at: date
) -> None:
    """Two views, one answer: all but the times and the order of findings is the same."""
    known = await record_history(base, events)
    async with base.pool.acquire() as connection:
        for lab in LABS:
            kept, folded = [
                await _lab(connection, lab, _times(at, len(known), len(known), by))
                for by in (None, FAR)
            ]
            assert (folded is None) == (kept is None)
            if kept is not None and folded is not None:
                assert (folded.lab, folded.headcount) == (kept.lab, kept.headcount)
                assert folded.members == kept.members
                assert folded.undated_events == 0
        for person in PEOPLE:
            one, other = [
                await _person(connection, person, _times(at, len(known), len(known), by))
                for by in (None, FAR)
            ]
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert (other.person, other.stints) == (one.person, one.stints)
                assert sorted(map(repr, other.findings)) == sorted(map(repr, one.findings))


async def _assert_lab(connection: Connection, lab: str, times: Times, state: State) -> None:
    answer = await _lab(connection, lab, times)
    if answer is None:
        assert lab not in state.labs
        return
    facts = state.labs[state.labs[lab].canonical_id]
    assert answer.lab.id == facts.id
    if facts.name != facts.id:
        assert answer.lab.name == name_on(facts, times.at)
    there = {m.person.id: m.presence for m in answer.members}
    assert there == roster_of(state, facts.id, times.at.isoformat())
    assert answer.published_by == times.published_by


async def _assert_person(connection: Connection, person: str, times: Times, state: State) -> None:
    answer = await _person(connection, person, times)
    if answer is None:
        assert person not in state.people
        return
    facts = state.people.get(person)
    one = facts.canonical_id if facts else person
    stints = sorted((s for s in state.stints if s.person == one), key=by_start)
    assert answer.person.id == one
    assert [s.events for s in answer.stints] == [s.events for s in stints]
    told = [(f.kind, tuple(lab.id for lab in f.labs), f.events) for f in answer.findings]
    meant: list[Finding] = [*dict.fromkeys(f for f in state.findings if f.person == one)]
    assert sorted(told) == sorted((f.kind, f.labs, f.events) for f in meant)


async def _lab(connection: Connection, lab: str, times: Times) -> LabAnswer | None:
    try:
        return await lab_on(connection, lab, times)
    except UnknownName:
        return None


async def _person(connection: Connection, person: str, times: Times) -> PersonAnswer | None:
    try:
        return await person_on(connection, person, times)
    except UnknownName:
        return None


def _times(at: date, position: int, head: int, by: date | None) -> Times:
    return Times(at, KnownAt(position, None), head, is_pinned=True, published_by=by)


def _sourced(published: str | None, **said: Any) -> dict[str, Any]:
    source = {"url": "https://example.org/news"} | ({"published": published} if published else {})
    return {"sources": [source], **said}


HISTORY: list[dict[str, Any]] = [
    _sourced("2015-12-11", type="founding", lab={"id": "openai", "name": "OpenAI"}, date="2015"),
    _sourced(
        "2024-12-03", type="hire", person={"name": "Ada"}, lab="openai", date="2024-12",
        event_id="00000000-0000-4000-8000-000000000011",
    ),
    _sourced(None, type="hire", person={"name": "Bob"}, lab="openai", date="2016"),
    _sourced(None, type="sighting", person={"name": "Eve"}, lab={"name": "X"}, date="2016"),
    {
        "type": "correction",
        "target": "00000000-0000-4000-8000-000000000011",
        "reason": "misread",
        "event": _sourced("2025-01-05", type="hire", person="Ada", lab="openai", date="2025-01"),
    },
]  # fmt: skip


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await record(client, *HISTORY)
    return client


async def test_answers_say_what_they_left_out(told: httpx.AsyncClient) -> None:
    before = await get(told, "/v1/labs/openai", at="2025-06-01", published_by="2024-12-02")
    assert (before["members"], before["lab"]["founded"]) == ([], "2015")
    assert (before["published_by"], before["undated_events"]) == ("2024-12-02", 1)
    between = await get(told, "/v1/labs/openai", at="2025-06-01", published_by="2024-12-31")
    assert [m["since"] for m in between["members"]] == ["2024-12"]
    after = await get(told, "/v1/labs/openai", at="2025-06-01", published_by="2025-01-05")
    assert [m["since"] for m in after["members"]] == ["2025-01"]
    everything = await get(told, "/v1/labs/openai", at="2025-06-01")
    assert len(everything["members"]) == 2
    assert not everything.keys() & {"published_by", "undated_events"}
    known = await get(
        told, "/v1/labs/openai", known_at=4, published_by="2025-01-05", at="2025-06-01"
    )
    assert [m["since"] for m in known["members"]] == ["2024-12"]
    every = await get(told, "/v1/labs", published_by="2024-12-31")
    assert ([lab["id"] for lab in every["items"]], every["undated_events"]) == (["openai"], 2)


async def test_who_was_not_published_yet_is_somebody_with_nothing_known(
    told: httpx.AsyncClient,
) -> None:
    """The name is known and the facts are not: an empty answer, and nobody missing."""
    ada = await get(told, "/v1/people/Ada", published_by="2020-01-01")
    assert (ada["person"]["id"], ada["person"]["name"], ada["stints"]) == ("ada", "Ada", [])
    assert ada["undated_events"] == 0
    bob = await get(told, "/v1/people/Bob", published_by="2020-01-01")
    assert (bob["stints"], bob["undated_events"]) == ([], 1)
    lab = await get(told, "/v1/labs/OpenAI", published_by="2000-01-01")
    assert (lab["lab"]["id"], lab["lab"]["name"], lab["members"]) == ("openai", "OpenAI", [])
    assert (await get(told, "/v1/labs", published_by="2000-01-01"))["items"] == []
    nobody = await told.get("/v1/labs/nowhere?published_by=2000-01-01")
    problem(nobody, 404, "unknown_name")


@pytest.mark.parametrize(
    "text", ["2024-12", "soon", "", "2024-02-30", "2024~", "2024-12-04T00:00Z"]
)
@pytest.mark.parametrize("path", ["/v1/labs", "/v1/labs/openai", "/v1/people/ada"])
async def test_what_is_no_day_is_refused_by_name(
    path: str, text: str, told: httpx.AsyncClient
) -> None:
    refused = problem(await told.get(path, params={"published_by": text}), 422, "bad_parameter")
    assert refused.parameter == "published_by"


async def test_day_of_publication_is_part_of_the_question(told: httpx.AsyncClient) -> None:
    path = "/v1/labs/openai?at=2025-06-01&known_at=5"
    answers = [
        await told.get(f"{path}{by}")
        for by in ("", "&published_by=2024-12-31", "&published_by=2025-01-05")
    ]
    assert len({answer.headers["etag"] for answer in answers}) == 3
    for answer in answers:
        assert answer.headers["cache-control"] == "max-age=86400, immutable"
