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


async def test_q05_how_many_were_there_at_each_month_end(reader: httpx.AsyncClient) -> None:
    asked = {"from": "2024-01-31", "to": "2024-06-30"}
    answer = await get(reader, f"{OPENAI}/headcount", **asked)
    assert [item["on"][5:] for item in answer["items"]] == [
        "01-31", "02-29", "03-31", "04-30", "05-31", "06-30",
    ]  # fmt: skip
    for item in answer["items"]:
        assert item["headcount"] == (await get(reader, item["members"]))["headcount"]


async def test_q11_what_moves_happened_on_a_day(reader: httpx.AsyncClient) -> None:
    answer = await get(reader, "/v1/moves", **{"from": "2024-12-03", "to": "2024-12-03"})
    sure = {
        (m["person"]["id"], m["from"]["id"], m["to"]["id"])
        for m in answer["items"]
        if (m["is_next"], m["in_period"]) == ("certain", "certain")
    }
    assert sure >= {
        (person, "google-deepmind", "openai")
        for person in ("lucas-beyer", "alexander-kolesnikov", "xiaohua-zhai")
    }


async def test_q12_net_flow_with_the_people_behind_it(reader: httpx.AsyncClient) -> None:
    year = {"from": "2025-01-01", "to": "2025-12-31"}
    flows = (await get(reader, "/v1/flows", lab="OpenAI", **year))["items"]
    msl = "meta-superintelligence-labs"
    (out,) = (f for f in flows if f["from"] and f["to"] and f["to"]["id"] == msl)
    assert out["count"]["certain"] >= 8
    people = {m["person"]["id"] for m in (await get(reader, out["moves"]))["items"]}
    assert len(people) == sum(out["count"].values())
    assert {"lucas-beyer", "alexander-kolesnikov", "xiaohua-zhai"} <= people


async def test_q14_where_people_go_and_where_they_come_from(reader: httpx.AsyncClient) -> None:
    left = (await get(reader, "/v1/moves", from_lab="Microsoft Research", kind="move"))["items"]
    (bubeck,) = (m for m in left if m["person"]["id"] == "sebastien-bubeck")
    assert bubeck["to"]["id"] == "openai"
    assert bubeck["is_next"] == "possible", "nobody disclosed when he began"
    assert bubeck["gap"]["lo"] == 0
    came = (await get(reader, "/v1/moves", to_lab="Anthropic", person="John Jumper"))["items"]
    assert [(m["from"]["id"], m["joined"]["date"]) for m in came] == [
        ("google-deepmind", "[2026-06-19..]")
    ]
    assert came[0]["gap"] == {"lo": 0, "hi": None}
    assert (came[0]["joined"]["lo"], came[0]["joined"]["hi"]) == ("2026-06-19", None)


async def test_q14_who_came_by_a_merger_did_not_move(reader: httpx.AsyncClient) -> None:
    assert (await get(reader, "/v1/moves", from_lab="Google Brain", to_lab="DeepMind"))[
        "items"
    ] == []
    (first,) = (await get(reader, "/v1/moves", person="Xiaohua Zhai", from_lab="Google"))["items"]
    assert first["to"]["id"] == "google-brain"


async def test_q15_who_left_and_came_back(reader: httpx.AsyncClient) -> None:
    back = (await get(reader, "/v1/moves", from_lab="OpenAI", to_lab="OpenAI"))["items"]
    (altman,) = (m for m in back if m["person"]["id"] == "sam-altman")
    assert (altman["is_next"], altman["gap"]) == ("certain", {"lo": 4, "hi": 4})


async def test_q16_who_left_with_no_known_next_place(reader: httpx.AsyncClient) -> None:
    year = {"from": "2026-01-01", "to": "2026-12-31"}
    answer = await get(reader, "/v1/moves", from_lab="Qwen", kind="departure", **year)
    assert all(m["to"] is None for m in answer["items"])
    there = {m["person"]["id"]: m["elsewhere"] for m in answer["items"]}
    assert there["junyang-lin"] == []
    assert "binyuan-hui" not in there, "he went to Meta"


async def test_q18_days_between_leaving_and_beginning(reader: httpx.AsyncClient) -> None:
    (zhou,) = (await get(reader, "/v1/moves", person="Zhou Chang", kind="move"))["items"]
    assert (zhou["from"]["id"], zhou["to"]["id"]) == ("alibaba-qwen", "bytedance-seed")
    assert zhou["gap"] == {"lo": 45, "hi": 135}


async def test_q53_who_overlapped_with_somebody_and_for_how_long(
    reader: httpx.AsyncClient,
) -> None:
    asked = {"lab": "DeepMind", "limit": 1000}
    found = (await get(reader, "/v1/people/Lucas Beyer/colleagues", **asked))["items"]
    (zhai,) = (c for c in found if c["person"]["id"] == "xiaohua-zhai")
    assert zhai["days"] == {"certain": 593, "presumed": 0, "possible": 0}
    assert (zhai["first"], zhai["last"]) == ("2023-04-20", "2024-12-02")


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
