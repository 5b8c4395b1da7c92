"""Why someone was at a lab: the same presence as the roster, with all that it rests on."""

from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.answers.labs import lab_on
from service.answers.times import KnownAt, Times
from service.answers.why import WhyAnswer, why_present
from service.domain.events import RecordedEvent
from service.domain.fold import fold
from service.domain.publication import published_by
from service.domain.refusals import UnknownName
from tests.integration.api.asking import get, hire, problem, record
from tests.support.answers import roster_of
from tests.support.histories import Base
from tests.support.publishing import record_history, sourced_histories
from tests.support.strategies import LABS, PEOPLE, days

HIRED = "00000000-0000-4000-8000-000000000021"
SOURCE = {"url": "https://example.org/news", "publisher": "News", "published": "2024-12-04"}


@settings(
    max_examples=settings().max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=sourced_histories(), at=days, by=st.one_of(st.none(), days), data=st.data())
async def test_why_explains_what_the_roster_says(
    base: Base, events: list[RecordedEvent], at: date, by: date | None, data: st.DataObject
) -> None:
    """
    For everyone and every lab, at any position, with and without a day of publication.

    What is decisive is found once more by folding the whole history without each event.
    """
    known = await record_history(base, events)
    position = data.draw(st.integers(0, len(known)))
    person = data.draw(st.sampled_from(PEOPLE))
    public = known[:position] if by is None else published_by(known[:position], by).events
    async with base.pool.acquire() as connection:
        for lab in LABS:
            times = Times(at, KnownAt(position, None), len(known), True, published_by=by)
            try:
                told = await why_present(connection, lab, person, times)
                members = (await lab_on(connection, lab, times)).members
            except UnknownName:
                continue
            there = {m.person.id: m.presence for m in members}
            assert told.presence == there.get(told.person.id, "absent")
            _assert_decisive(told, public, at)


def _assert_decisive(told: WhyAnswer, public: list[RecordedEvent], at: date) -> None:
    for event in public:
        rest = [e for e in public if event.position not in (e.position, e.target_position)]
        state = fold(rest)
        person = told.person.id
        one = state.people[person].canonical_id if person in state.people else person
        presence = roster_of(state, told.lab.id, at.isoformat()).get(one, "absent")
        assert (presence != told.presence) == (event.event_id in told.decisive), event


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await record(
        client,
        hire(
            person={"id": "ada", "name": "Ada Lovelace"},
            lab={"id": "engines", "name": "Analytical Engines"},
            event_id=HIRED,
            sources=[SOURCE],
        ),
        {"type": "sighting", "person": "ada", "lab": "engines", "date": "2025", "role": "Lead"},
        hire(person="ada", date="2020-01-01", certainty="rumoured"),
        {"type": "renaming", "lab": "engines", "name": "Difference Engines", "date": "2025-06"},
        {"type": "profile", "person": {"id": "bob", "name": "Bob"}},
    )
    correction = {"reason": "misread", "sources": [{**SOURCE, "published": "2025-01-05"}]}
    await client.put(f"/v1/events/{HIRED}/correction", json=hire(date="2024-02-01", **correction))
    return client


async def test_answer_tells_steps_sources_and_corrections(told: httpx.AsyncClient) -> None:
    answer = await get(told, "/v1/labs/engines/members/ada/why", at="2024-06-01")
    assert answer["presence"] == "certain"
    assert answer["sentence"] == (
        "Ada Lovelace was at Analytical Engines on 1 June 2024: joined on 1 February 2024 (News, "
        "5 January 2025) and was still known to be there in 2025."
    )
    first, second = answer["steps"]
    assert (first["event"]["event_id"], first["event"]["position"]) == (HIRED, 1)
    assert (first["event"]["date"], first["event"]["current"]["date"]) == (
        "2024-01-10",
        "2024-02-01",
    )
    assert (first["effect"], first["date"], first["event"]["revision"]) == (
        "opened",
        "2024-02-01",
        6,
    )
    assert (first["sources"][0]["published"], first["public_from"]) == ("2025-01-05", "2025-01-05")
    assert second["recorded"] == second["narrowed"] == {"lo": "2025-01-01", "hi": "2025-12-31"}
    assert (second["effect"], second["is_decisive"]) == ("evidence", True)
    assert "current" not in second["event"]
    assert answer["decisive"] == [HIRED, second["event"]["event_id"]]
    assert (answer["stint"]["role"], answer["role_event"]) == (None, None)
    later = await get(told, "/v1/labs/engines/members/ada/why", at="2026-01-01")
    assert (later["stint"]["role"], later["role_event"]) == ("Lead", second["event"]["event_id"])
    (passed,) = answer["passed_over"]
    assert (passed["why"], passed["event"]["position"]) == ("rumour", 3)
    (corrected,) = answer["corrections"]
    assert (corrected["position"], corrected["reason"], corrected["target"]) == (
        6,
        "misread",
        HIRED,
    )
    assert (
        answer["stint"]["lab"] == answer["lab"] == {"id": "engines", "name": "Analytical Engines"}
    )


async def test_answer_is_for_both_times_and_for_publication(told: httpx.AsyncClient) -> None:
    path = "/v1/labs/engines/members/ada/why"
    day = {"at": "2024-01-20"}
    now = await get(told, path, **day)
    assert (now["presence"], len(now["corroborating"])) == ("absent", 1)
    assert now["sentence"] == (
        "No: on 20 January 2024 Ada Lovelace was not at Analytical Engines yet, having joined "
        "only on 1 February 2024 (News, 5 January 2025)."
    )
    # Without the correction certain, without the hire possible by what was seen later.
    assert now["decisive"] == [HIRED, now["corrections"][0]["event_id"]]
    before = await get(told, path, **day, known_at=5)
    assert (before["presence"], before["corrections"]) == ("certain", [])
    public = await get(told, path, **day, published_by="2024-12-31")
    assert (public["presence"], public["published_by"]) == ("presumed", "2024-12-31")
    assert public["undated_events"] == 2
    assert public["steps"][0]["public_from"] == "2024-12-04"
    early = await get(told, path, **day, published_by="2024-12-01")
    assert early["sentence"] == (
        "No: no event published by 1 December 2024 names Ada Lovelace at Analytical Engines."
    )
    assert (early["steps"], early["undated_events"]) == ([], 2)


async def test_absence_of_anyone_has_its_reason(told: httpx.AsyncClient) -> None:
    never = await get(told, "/v1/labs/engines/members/Bob/why", at="2026-01-01")
    assert never["sentence"] == "No: no event names Bob at Difference Engines."
    assert (never["stint"], never["steps"], never["decisive"]) == (None, [], [])
    # Known to the log only later, and so to nobody then.
    early = await told.get("/v1/labs/engines/members/Bob/why?at=2026-01-01&known_at=2")
    assert early.json()["sentence"] == "No: no event names Bob at Analytical Engines."
    assert early.headers["cache-control"] == "no-cache", "it rests on a name of today"
    problem(await told.get("/v1/labs/engines/members/nobody/why"), 404, "unknown_name")
    problem(await told.get("/v1/labs/nowhere/members/ada/why"), 404, "unknown_name")


async def test_former_ids_and_other_names_answer_with_both_canonical(
    told: httpx.AsyncClient,
) -> None:
    await record(told, {"type": "same_as", "person": {"id": "a-l", "name": "A. L."}, "into": "ada"})
    answer = await told.get("/v1/labs/Difference%20Engines/members/a-l/why?at=2024-06-01")
    assert answer.json()["person"] == {"id": "ada", "name": "Ada Lovelace"}
    links = answer.links
    assert links["canonical"]["url"] == "/v1/labs/engines/members/ada/why?at=2024-06-01"


async def test_retracted_and_set_aside_are_told(told: httpx.AsyncClient) -> None:
    path = "/v1/labs/engines/members/ada/why"
    closure: dict[str, Any] = {"type": "closure", "lab": "engines", "date": "2019"}
    (closed,) = await record(told, closure)
    aside = await get(told, path, at="2024-06-01")
    assert {step["effect"] for step in aside["steps"]} == {"set_aside"}
    assert closed["event_id"] in aside["decisive"]
    assert " had closed." in aside["sentence"]
    await told.put(f"/v1/events/{closed['event_id']}/retraction", json={"reason": "wrong"})
    await told.put(f"/v1/events/{HIRED}/retraction", json={"reason": "withdrawn"})
    gone = await get(told, path, at="2024-06-01")
    assert [p["why"] for p in gone["passed_over"]] == ["retracted", "rumour"]
    assert gone["passed_over"][0]["event"]["current"] is None
