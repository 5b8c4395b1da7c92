"""
What people ask of such a service, one test a question, named after its number in their list.

The first tests ask the history that comes along; those that need a mistake make one.
"""

from typing import Any

import httpx
import pytest

from tests.integration.api.asking import get, record

DEEPMIND = "/v1/labs/DeepMind"
OPENAI = "/v1/labs/OpenAI"


async def test_q01_who_was_at_a_lab_on_a_day(reader: httpx.AsyncClient) -> None:
    answer = await get(reader, DEEPMIND, at="2024-06-01")
    there = {m["person"]["id"]: m["presence"] for m in answer["members"]}
    assert there["lucas-beyer"] == "certain"
    assert "noam-shazeer" not in there
    counted = {p: list(there.values()).count(p) for p in ("certain", "presumed", "possible")}
    assert answer["headcount"] == counted
    assert all(counted.values())


@pytest.mark.parametrize(
    ("person", "lab", "at", "presence"),
    [
        ("Lucas Beyer", "DeepMind", "2024-06-01", "certain"),
        ("Lucas Beyer", "OpenAI", "2024-06-01", "absent"),
        ("Thibaut Lavril", "Mistral AI", "2024-07-01", "presumed"),
        ("Marie-Anne Lachaux", "Mistral AI", "2024-07-01", "possible"),
    ],
)
async def test_q02_was_somebody_there(
    reader: httpx.AsyncClient, person: str, lab: str, at: str, presence: str
) -> None:
    answer = await get(reader, f"/v1/labs/{lab}/members/{person}/why", at=at)
    assert answer["presence"] == presence
    assert answer["sentence"].startswith("No") == (presence == "absent")


async def test_q03_who_led_a_lab_on_a_day(reader: httpx.AsyncClient) -> None:
    async def leading(at: str) -> set[str]:
        members = (await get(reader, OPENAI, at=at))["members"]
        return {m["person"]["id"] for m in members if "CEO" in (m["role"] or "")}

    assert "sam-altman" in await leading("2023-06-01")
    assert "sam-altman" not in await leading("2023-11-18")


async def test_q04_when_was_each_last_confirmed(reader: httpx.AsyncClient) -> None:
    members = (await get(reader, DEEPMIND))["members"]
    assert members
    assert all(m["last_evidence"] for m in members if m["presence"] == "presumed")


async def test_q29_what_had_been_published_by_a_day(reader: httpx.AsyncClient) -> None:
    question = {"at": "2024-12-04"}
    later = await get(reader, OPENAI, **question)
    then = await get(reader, OPENAI, **question, published_by="2023-11-20")
    assert len(then["members"]) < len(later["members"])
    assert "lucas-beyer" not in {m["person"]["id"] for m in then["members"]}
    assert then["published_by"] == "2023-11-20"


async def test_q37_why_do_you_say_so(reader: httpx.AsyncClient) -> None:
    why = await get(reader, f"{DEEPMIND}/members/Lucas Beyer/why", at="2024-06-01")
    sources = [source for step in why["steps"] for source in step["sources"]]
    assert sources
    assert all(source["url"].startswith("http") for source in sources)
    assert set(why["decisive"]) <= {step["event"]["event_id"] for step in why["steps"]}


async def test_q38_which_sources_disagree(reader: httpx.AsyncClient) -> None:
    """The dates that other sources give stand beside the one that is followed."""
    cursor: dict[str, Any] = {}
    told: list[Any] = []
    while True:
        page = await get(reader, "/v1/events", limit=1000, **cursor)
        told += [e for e in page["items"] if e.get("alternatives")]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert told
    assert all(e["date"] != a["date"] for e in told for a in e["alternatives"])


async def test_q39_and_q44_how_sure_and_of_what_kind_a_date_is(reader: httpx.AsyncClient) -> None:
    events = (await get(reader, "/v1/events", type="hire", limit=1000))["items"]
    assert {e.get("certainty", "reported") for e in events} >= {"confirmed", "reported"}
    assert {e.get("basis") for e in events} >= {"announced", "reported", "inferred"}


async def test_q45_a_lab_through_its_mergers(reader: httpx.AsyncClient) -> None:
    brain = await get(reader, "/v1/labs/Google Brain", at="2024-06-01")
    assert (brain["lab"]["status"], brain["lab"]["successor"]["id"]) == (
        "merged",
        "google-deepmind",
    )
    changes = await get(reader, f"{DEEPMIND}/changes", **{"from": "2023-04-01", "to": "2023-05-01"})
    assert "lucas-beyer" in {each["person"]["id"] for each in changes["carried"]}
    assert "lucas-beyer" not in {each["person"]["id"] for each in changes["joined"]}


async def test_q46_what_a_lab_was_called_and_whose_it_was(reader: httpx.AsyncClient) -> None:
    before = (await get(reader, DEEPMIND, at="2020-01-01"))["lab"]
    after = (await get(reader, DEEPMIND, at="2024-01-01"))["lab"]
    assert (before["id"], before["name"]) == ("google-deepmind", "DeepMind")
    assert after["name"] == "Google DeepMind"


async def test_q50_the_whole_career_of_somebody(reader: httpx.AsyncClient) -> None:
    stints = (await get(reader, "/v1/people/Lucas Beyer"))["stints"]
    assert [s["lab"]["id"] for s in stints][:3] == ["google-brain", "google-deepmind", "openai"]


async def test_q07_who_held_two_posts_at_once(client: httpx.AsyncClient) -> None:
    await _make_a_mistake(client)
    elsewhere = {"type": "hire", "person": "ada", "lab": {"id": "looms", "name": "Looms"}}
    leaving = {"type": "departure", "person": "ada", "date": "2025-01-10"}
    await record(
        client,
        elsewhere | {"date": "2024-02-01"},
        leaving | {"lab": "looms"},
        leaving | {"lab": "engines"},
    )
    (found,) = (await get(client, "/v1/findings", kind="overlap"))["items"]
    assert found["person"]["id"] == "ada"
    assert {lab["id"] for lab in found["labs"]} == {"engines", "looms"}
    assert found["days"] > 92


async def test_q30_and_q36_what_was_said_then_is_said_again(client: httpx.AsyncClient) -> None:
    await _make_a_mistake(client)
    then = await client.get("/v1/labs/engines", params={"at": "2024-02-01", "known_at": 1})
    await _correct_it(client)
    again = await client.get("/v1/labs/engines", params={"at": "2024-02-01", "known_at": 1})
    assert again.content == then.content
    assert [m["person"]["id"] for m in then.json()["members"]] == ["ada"]
    assert (await get(client, "/v1/labs/engines", at="2024-02-01"))["members"] == []


async def test_q32_what_changed_between_two_states_of_knowledge(client: httpx.AsyncClient) -> None:
    await _make_a_mistake(client)
    await _correct_it(client)
    changes = await get(
        client, "/v1/labs/engines/changes", known_from=1, known_to=2, at="2024-02-01"
    )
    assert [each["person"]["id"] for each in changes["left"]] == ["ada"]
    assert changes["before"]["headcount"]["presumed"] == 1
    assert changes["after"]["headcount"]["presumed"] == 0


async def test_q33_and_q43_what_was_believed_and_corrected(client: httpx.AsyncClient) -> None:
    await _make_a_mistake(client)
    await _correct_it(client)
    (one,) = (await get(client, "/v1/corrections"))["items"]
    effect = one["effect"]
    assert (effect["said"]["date"], effect["says"]["date"]) == ("2024-01-10", "2024-03-01")
    assert one["reason"] == "misread"
    assert effect["stood"]["seconds"] >= 0


async def test_q51_and_q52_one_person_under_two_ids(client: httpx.AsyncClient) -> None:
    await _make_a_mistake(client)
    (joined,) = await record(
        client,
        {"type": "same_as", "person": {"id": "a-lovelace", "name": "A. Lovelace"}, "into": "ada"},
    )
    answer = await client.get("/v1/people/a-lovelace")
    assert answer.json()["person"]["id"] == "ada"
    assert answer.links["canonical"]["url"] == "/v1/people/ada"
    split = await client.put(
        f"/v1/events/{joined['event_id']}/retraction?dry_run=true", json={"reason": "two people"}
    )
    assert split.status_code == 200
    then = await get(client, "/v1/people/ada", known_at=1)
    assert then["person"]["aliases"] == []


async def _make_a_mistake(client: httpx.AsyncClient) -> None:
    await record(
        client,
        {
            "type": "hire",
            "person": {"id": "ada", "name": "Ada Lovelace"},
            "lab": {"id": "engines", "name": "Analytical Engines"},
            "date": "2024-01-10",
            "event_id": "00000000-0000-4000-8000-000000000001",
        },
    )


async def _correct_it(client: httpx.AsyncClient) -> None:
    answer = await client.put(
        "/v1/events/00000000-0000-4000-8000-000000000001/correction",
        json={
            "type": "hire",
            "person": "ada",
            "lab": "engines",
            "date": "2024-03-01",
            "reason": "misread",
        },
    )
    assert answer.status_code == 201, answer.text
