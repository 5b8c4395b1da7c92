"""Reading: the answers for both times, and names as people write them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from service.api.operations import Machinery, Operation
from service.api.routes import OPERATIONS
from service.web.assets import address_of
from tests.integration.api.asking import get, hire, pointers, problem, record
from tests.support.postgres import http_client

READS = {op.id: op for op in OPERATIONS if op.is_reading}
NEEDED = {
    "ask": "?q=who was at engines in 2021",
    "getLabChanges": "?from=2020-01-01&to=2021-01-01",
}
"""The query of those that answer none without; they have tests of their own for their times."""
PINNED = [
    op.id
    for op in READS.values()
    if any(param.name == "at" for param in op.params) and op.id not in NEEDED
]
HIRED = "00000000-0000-4000-8000-000000000001"

HISTORY: list[dict[str, Any]] = [
    {
        "type": "founding",
        "lab": {"id": "engines", "name": "Analytical Engines", "aliases": ["AE"]},
        "date": "1999",
        "founders": [{"id": "ada", "name": "Ada Lovelace"}],
    },
    hire(person={"name": "Charles"}, event_id=HIRED, date="2020-01-10"),
    {"type": "departure", "person": "Charles", "lab": "engines", "date": "2022-05"},
    {"type": "renaming", "lab": "engines", "name": "Difference Engines", "date": "2021"},
]


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the history above."""
    await record(client, *HISTORY)
    return client


def path_of(operation: Operation) -> str:
    names = {"lab": "engines", "person": "charles", "event_id": HIRED}
    return operation.path.replace(":str", "").format(**names) + NEEDED.get(operation.id, "")


@pytest.mark.parametrize("operation_id", PINNED)
async def test_answer_repeats_its_times(
    operation_id: str, told: httpx.AsyncClient, made: Machinery
) -> None:
    path = path_of(READS[operation_id])
    head = await get(told, "/v1/log")
    now = await get(told, path)
    assert now["at"] == made.today().isoformat()
    assert now["known_at"] == {"position": 4, "recorded_at": head["recorded_at"]}
    then = await get(told, path, at="2020-06-01", known_at=2)
    assert then["at"] == "2020-06-01"
    assert then["known_at"]["position"] == 2
    assert then["known_at"]["recorded_at"] <= head["recorded_at"]


@pytest.mark.parametrize("operation_id", READS)
async def test_answer_names_its_state(operation_id: str, told: httpx.AsyncClient) -> None:
    path = path_of(READS[operation_id])
    answer = await told.get(path)
    assert answer.headers["log-position"] == "4"
    assert answer.headers["cache-control"] == "no-cache"
    assert "Authorization" in answer.headers["vary"]
    assert answer.headers["x-request-id"]
    etag = answer.headers["etag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = await told.get(path, headers={"If-None-Match": tags})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == etag
    assert (await told.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    await record(told, hire(person="ada"))
    later = await told.get(path, headers={"If-None-Match": etag})
    assert later.status_code == 200
    assert later.headers["etag"] != etag
    assert later.headers["log-position"] == "5"


@pytest.mark.parametrize("operation_id", READS)
async def test_head_is_get_without_a_body(operation_id: str, told: httpx.AsyncClient) -> None:
    path = path_of(READS[operation_id])
    asked, head = await told.get(path), await told.head(path)
    assert (head.status_code, head.content) == (200, b"")
    own = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in asked.headers.items() if k not in own
    }


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/sign-in", "/healthz", "/readyz", "/metrics", address_of("page.css")],
)
async def test_head_works_wherever_get_does(path: str, client: httpx.AsyncClient) -> None:
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")


async def test_head_of_nothing_is_not_found(told: httpx.AsyncClient) -> None:
    head = await told.head("/v1/labs/nowhere")
    assert (head.status_code, head.content) == (404, b"")


async def test_etag_is_of_question_and_times(told: httpx.AsyncClient) -> None:
    asked = [
        "/v1/labs/engines",
        "/v1/labs/AE",
        "/v1/labs/engines?at=2020-06-01",
        "/v1/labs/engines?at=2020-06-02",
        "/v1/labs/engines?at=2020-06-02&known_at=2",
        "/v1/labs/engines?at=2020-06-02&known_at=3",
        "/v1/labs/engines?at=2020-06-02&presence=certain",
        "/v1/labs/engines/timeline",
    ]
    tags = [(await told.get(path)).headers["etag"] for path in asked]
    assert len(set(tags)) == len(tags)
    assert tags == [(await told.get(path)).headers["etag"] for path in asked]


async def test_etag_of_the_past_outlives_the_head(told: httpx.AsyncClient) -> None:
    path = "/v1/labs/engines?at=2020-06-01&known_at=3"
    before = await told.get(path)
    await record(told, hire(person="ada"))
    after = await told.get(path)
    assert after.headers["etag"] == before.headers["etag"]
    assert after.content == before.content


async def test_any_tag_does_not_make_nothing_something(told: httpx.AsyncClient) -> None:
    response = await told.get("/v1/labs/nowhere", headers={"If-None-Match": "*"})
    problem(response, 404, "unknown_name")


@pytest.mark.parametrize("operation_id", PINNED)
async def test_only_pinned_answers_are_immutable(
    operation_id: str, told: httpx.AsyncClient
) -> None:
    path = path_of(READS[operation_id])
    log = await get(told, "/v1/log")
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")
    pinned = "max-age=86400, immutable"
    for query, expected in {
        "": "no-cache",
        "?at=2020-06-01": "no-cache",
        "?known_at=3": "no-cache",
        "?at=2020-06-01&known_at=3": pinned,
        "?at=2020-06-01&known_at=4": pinned,
        f"?at=2020-06-01&known_at={log['recorded_at']}": pinned,
        f"?at=2020-06-01&known_at={later}": "no-cache",
    }.items():
        assert (await told.get(path + query)).headers["cache-control"] == expected, query


async def test_answer_is_private_where_reading_needs_a_key(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    made.read_keys_required = True
    async with http_client(made, "reader") as reader:
        now = await reader.get("/v1/labs/engines")
        then = await reader.get("/v1/labs/engines?at=2020-01-01&known_at=3")
    assert now.headers["cache-control"] == "private, no-cache"
    assert then.headers["cache-control"] == "private, max-age=86400, immutable"


async def test_answer_by_a_later_name_is_not_immutable(told: httpx.AsyncClient) -> None:
    """What today's names resolve can mean another tomorrow."""
    path = "/v1/labs/DE?at=2020-06-01&known_at=3"
    problem(await told.get(path), 404)
    (given,) = await record(told, {"type": "profile", "lab": "engines", "aliases": ["DE"]})
    first = await told.get(path)
    assert first.json()["lab"]["id"] == "engines"
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    again = await told.get(path, headers={"If-None-Match": etag})
    assert again.status_code == 304
    lab = {"type": "profile", "lab": {"id": "other", "name": "Other", "aliases": ["DE"]}}
    retracted = {"type": "retraction", "target": given["event_id"], "reason": "r"}
    await record(told, retracted, lab)
    changed = await told.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["lab"]["id"] == "other"


async def test_known_at_is_a_position_or_an_instant(told: httpx.AsyncClient) -> None:
    (late,) = await record(told, hire(person="ada", date="2021"))
    early = (await get(told, f"/v1/events/{HIRED}"))["recorded_at"]
    moment = datetime.fromisoformat(early)
    assert late["recorded_at"] > early
    plus = moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    zoned = (moment + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f+02:00")
    for known_at in (early, plus, zoned, 4):
        answer = await get(told, "/v1/labs/engines", at="2021-06-01", known_at=known_at)
        assert answer["known_at"]["position"] == 4, known_at
    # A plus sign that nobody encoded is a space by then.
    answer = await get(told, f"/v1/labs/engines?at=2021-06-01&known_at={plus}")
    assert answer["known_at"]["position"] == 4
    minute_before = (moment - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%MZ")
    answer = await get(told, "/v1/labs/engines", known_at=minute_before)
    assert answer["known_at"] == {"position": 0, "recorded_at": None}
    next_year = (moment + timedelta(days=366)).strftime("%Y-%m-%dT%H:%MZ")
    answer = await get(told, "/v1/labs/engines", known_at=next_year)
    assert answer["known_at"] == {"position": 5, "recorded_at": late["recorded_at"]}
    assert (await get(told, "/v1/labs", known_at=0))["items"] == []


async def test_correction_moves_the_answer_and_not_the_earlier_one(
    told: httpx.AsyncClient,
) -> None:
    question = {"at": "2020-02-01"}
    before = await get(told, "/v1/labs/engines", **question)
    assert _people(before, "certain") == ["charles"]
    body = hire(person="charles", date="2020-03", reason="misread")
    corrected = await told.put(f"/v1/events/{HIRED}/correction", json=body)
    assert corrected.status_code == 201
    assert _people(await get(told, "/v1/labs/engines", **question)) == ["ada"]
    known = before["known_at"]["position"]
    then = await get(told, "/v1/labs/engines", **question, known_at=known)
    assert (then["members"], then["headcount"]) == (before["members"], before["headcount"])


async def test_roster_is_sorted_and_filtered(client: httpx.AsyncClient) -> None:
    lab = {"id": "x", "name": "X"}
    names = ["Émile", "bob", "Anna", "Zoë", "émile b"]
    await record(
        client,
        *(hire(person={"name": name}, lab=lab, date="2024-01-10") for name in names),
        hire(person={"name": "Vague"}, lab="x", date="2024", relation="advisor", role="Sage"),
    )
    answer = await get(client, "/v1/labs/x", at="2024-01-10")
    assert [m["person"]["name"] for m in answer["members"]] == [
        "Anna", "bob", "Émile", "émile b", "Vague", "Zoë",
    ]  # fmt: skip
    assert answer["headcount"] == {"certain": 5, "presumed": 0, "possible": 1}
    possible = await get(client, "/v1/labs/x", at="2024-01-10", presence="possible")
    assert [m["person"]["name"] for m in possible["members"]] == ["Vague"]
    assert possible["headcount"] == answer["headcount"]
    advisors = await get(client, "/v1/labs/x", at="2024-01-10", relation="advisor")
    (member,) = advisors["members"]
    assert (member["role"], member["relation"], member["since"]) == ("Sage", "advisor", "2024")
    assert member["until"] is None
    before = await get(client, "/v1/labs/x", at="2023-12-31")
    assert (before["members"], before["headcount"]["possible"]) == ([], 0)


NAMES = {
    "id": "sebastien-bubeck",
    "name": "Sébastien Bubeck",
    "case": "SÉBASTIEN bubeck",
    "accents": "Sebastien Bubeck",
    "accents apart": "Se\N{COMBINING ACUTE ACCENT}bastien Bubeck",
    "spaces": "  Sébastien   Bubeck ",
    "alias": "Seb",
    "another script": "塞巴斯蒂安",
    "later alias": "S. Bubeck",
    "mapped id": "seb-b",
    "name of the mapped id": "Seb B.",
}


@pytest.fixture
async def named(client: httpx.AsyncClient) -> httpx.AsyncClient:
    person = {"name": "Sébastien Bubeck", "aliases": ["Seb", "塞巴斯蒂安"]}
    await record(
        client,
        hire(person=person, lab={"name": "Société/Générale 100%?#"}),
        {"type": "profile", "person": "sebastien-bubeck", "aliases": ["S. Bubeck"]},
        {"type": "same_as", "person": {"id": "seb-b", "name": "Seb B."}, "into": "seb"},
        {"type": "renaming", "lab": "societe-generale-100", "name": "SG", "date": "2025"},
        {"type": "sighting", "person": "seb-b", "lab": "SG", "date": "2026"},
    )
    return client


@pytest.mark.parametrize("how", NAMES)
async def test_person_is_found_by_any_name(how: str, named: httpx.AsyncClient) -> None:
    answer = await get(named, f"/v1/people/{quote(NAMES[how])}")
    assert (answer["person"]["id"], answer["person"]["name"]) == (
        "sebastien-bubeck",
        "Sébastien Bubeck",
    )
    listed = await get(named, "/v1/events", person=NAMES[how])
    assert [event["position"] for event in listed["items"]] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    "name",
    ["societe-generale-100", "Société/Générale 100%?#", "societe/generale 100%?#", "SG", "sg"],
)
async def test_lab_is_found_by_any_name(name: str, named: httpx.AsyncClient) -> None:
    path = f"/v1/labs/{quote(name, safe='')}"
    answer = await get(named, path, at="2024-06-01")
    assert answer["lab"]["id"] == "societe-generale-100"
    assert answer["lab"]["name"] == "Société/Générale 100%?#"
    assert _people(answer) == ["sebastien-bubeck"]
    assert (await get(named, path, at="2025-06-01"))["lab"]["name"] == "SG"
    page = await named.get(f"{path}/timeline?limit=1")
    assert page.json()["items"][0]["position"] == 5
    link = page.links["next"]["url"]
    assert link.startswith(f"{path}/timeline?")
    assert [e["position"] for e in (await get(named, link))["items"]] == [4]


async def test_mapped_id_reads_as_the_canonical_one(named: httpx.AsyncClient) -> None:
    answer = await get(named, "/v1/labs/sg", at="2026-12-31")
    assert [m["person"] for m in answer["members"]] == [
        {"id": "sebastien-bubeck", "name": "Sébastien Bubeck"}
    ]
    apart = await get(named, "/v1/people/seb-b", known_at=1)
    assert apart["person"]["id"] == "seb-b"
    (seen,) = (await get(named, "/v1/events", type="sighting"))["items"]
    assert seen["person"] == {"id": "seb-b", "name": "Seb B."}


async def test_lab_tells_what_it_is(told: httpx.AsyncClient) -> None:
    await record(
        told,
        {"type": "profile", "lab": {"id": "x", "name": "X"}, "kind": "lab", "country": "GB"},
        {"type": "ownership", "lab": "x", "parent": "engines", "date": "2010"},
        {"type": "merger", "absorbed": ["engines"], "lab": "x", "date": "2023-04-20"},
    )
    lab = (await get(told, "/v1/labs/engines", at="2024-01-01"))["lab"]
    assert (lab["status"], lab["ended"]) == ("merged", "2023-04-20")
    assert lab["successor"] == {"id": "x", "name": "X"}
    assert lab["founders"] == [{"id": "ada", "name": "Ada Lovelace"}]
    assert (lab["founded"], lab["name"]) == ("1999", "Difference Engines")
    assert set(lab["aliases"]) >= {"Analytical Engines", "AE"}
    assert (await get(told, "/v1/labs/engines", at="1998-12-31"))["lab"]["status"] == "not_founded"
    into = (await get(told, "/v1/labs/x", at="2024-01-01"))["lab"]
    assert into["parent"] == {"id": "engines", "name": "Difference Engines"}
    assert into["predecessors"] == [{"id": "engines", "name": "Difference Engines"}]
    assert (into["kind"], into["country"]) == ("lab", "GB")


async def test_person_tells_every_stint(told: httpx.AsyncClient) -> None:
    answer = await get(told, "/v1/people/charles", at="2022-05-10")
    (stint,) = answer["stints"]
    assert stint["lab"] == {"id": "engines", "name": "Difference Engines"}
    assert stint["start"] == {"date": "2020-01-10", "lo": "2020-01-10", "hi": "2020-01-10"}
    assert stint["end"] == {"date": "2022-05", "lo": "2022-05-01", "hi": "2022-05-31"}
    assert stint["presence"] == "possible"
    assert len(stint["events"]) == 2
    after = await get(told, "/v1/people/charles", at="2022-06-01")
    assert after["stints"][0]["presence"] is None
    unbounded = hire(person={"name": "Grace"}, date="[2020..]")
    await record(told, unbounded)
    (stint,) = (await get(told, "/v1/people/grace"))["stints"]
    assert stint["start"] == {"date": "[2020..]", "lo": "2020-01-01", "hi": None}
    assert stint["end"] is None


async def test_findings_are_told_where_they_concern(told: httpx.AsyncClient) -> None:
    (again,) = await record(told, hire(person="charles", date="2021-06-01"))
    assert [f["kind"] for f in again["findings"]] == ["already_present"]
    everywhere = await get(told, "/v1/findings")
    (finding,) = everywhere["items"]
    assert finding["person"] == {"id": "charles", "name": "Charles"}
    assert finding["labs"] == [{"id": "engines", "name": "Difference Engines"}]
    assert again["event_id"] in finding["events"]
    for query, count in {
        "kind=already_present": 1,
        "kind=overlap": 0,
        "person=Charles": 1,
        "person=ada": 0,
        "lab=AE": 1,
        "known_at=4": 0,
    }.items():
        assert len((await get(told, f"/v1/findings?{query}"))["items"]) == count, query
    assert (await get(told, "/v1/people/charles"))["findings"] == [finding]
    await told.put(f"/v1/events/{again['event_id']}/retraction", json={"reason": "r"})
    assert (await get(told, "/v1/findings"))["items"] == []
    assert (await get(told, "/v1/findings?known_at=5"))["items"] == [finding]


async def test_people_and_labs_are_searched(named: httpx.AsyncClient) -> None:
    for q in ("bube", "BUBÉCK", "Sebastian Bubek", "塞巴斯"):
        found = (await get(named, "/v1/people", q=q))["items"]
        assert [person["id"] for person in found] == ["sebastien-bubeck"], q
    assert (await get(named, "/v1/people", q="Knuth"))["items"] == []
    assert (await get(named, "/v1/people", q="100%"))["items"] == []
    for q in ("generale", "sg", "100%?"):
        found = (await get(named, "/v1/labs", q=q))["items"]
        assert [lab["id"] for lab in found] == ["societe-generale-100"], q
    (near,) = (await get(named, "/v1/labs", q="Societe Generle"))["items"]
    assert near["id"] == "societe-generale-100", "a name near it, where none has it"
    assert (await get(named, "/v1/labs", q="%"))["items"] != []
    assert (await get(named, "/v1/labs", q="_"))["items"] == []
    for path in ("/v1/people", "/v1/labs"):
        assert (await get(named, path, q="\xb4"))["items"] == [], "an accent alone is in no name"


async def test_event_tells_its_whole_chain(told: httpx.AsyncClient) -> None:
    plain = await get(told, f"/v1/events/{HIRED}")
    assert (plain["position"], plain["revision"], plain["corrections"]) == (2, 2, [])
    assert plain["person"] == {"id": "charles", "name": "Charles"}
    assert plain["recorded_by"] == "test-admin"
    assert plain["current"]["date"] == plain["date"] == "2020-01-10"
    body = hire(person="charles", date="2020-03", reason="misread")
    await told.put(f"/v1/events/{HIRED}/correction", json=body)
    await told.put(f"/v1/events/{HIRED}/retraction", json={"reason": "withdrawn"})
    event = await get(told, f"/v1/events/{HIRED}")
    assert (event["revision"], event["current"]) == (6, None)
    assert [(e["type"], e["position"]) for e in event["corrections"]] == [
        ("correction", 5),
        ("retraction", 6),
    ]
    assert event["corrections"][0]["event"]["date"] == "2020-03"
    between = await get(told, f"/v1/events/{HIRED}", known_at=5)
    assert (between["revision"], between["current"]["date"]) == (5, "2020-03")
    assert len(between["corrections"]) == 1
    problem(await told.get(f"/v1/events/{HIRED}?known_at=1"), 404, "unknown_event")
    own = await get(told, f"/v1/events/{event['corrections'][0]['event_id']}")
    assert (own["type"], own["target"]) == ("correction", HIRED)
    (listed,) = (await get(told, "/v1/events?after=1&limit=1"))["items"]
    assert (listed["event_id"], listed["revision"]) == (HIRED, 6)


@pytest.mark.parametrize("is_listed", [False, True], ids=["by itself", "in a list"])
@pytest.mark.parametrize("number", range(len(HISTORY)))
async def test_event_is_read_changed_and_put_back(
    number: int, is_listed: bool, told: httpx.AsyncClient
) -> None:
    """What reading adds is taken back unchanged; what a client changes is the correction."""
    event_id = (await get(told, "/v1/events"))["items"][number]["event_id"]
    path = f"/v1/events/{event_id}"
    for date in ("2021", "2021-02"):
        one = await get(told, path, at="2020-01-01")
        event = (await get(told, "/v1/events"))["items"][number] if is_listed else one
        body = {**event, "date": date, "reason": "read again"}
        put = await told.put(f"{path}/correction", json=body)
        assert put.status_code == 201, put.text
        assert put.json()["event"]["date"] == date
        after = await get(told, path)
        assert after["revision"] == put.json()["position"]
        assert after["current"] == {k: after[k] for k in after["current"]} | {"date": date}


async def test_changed_read_only_field_is_refused(told: httpx.AsyncClient) -> None:
    path = f"/v1/events/{HIRED}"
    body = {**(await get(told, path)), "reason": "r"}
    for field, value in {
        "position": 3,
        "recorded_at": "2020-01-01T00:00:00Z",
        "recorded_by": "me",
        "revision": 1,
        "hash": "00" * 32,
        "current": None,
        "corrections": [{}],
        "findings": [{}],
    }.items():
        told_of = problem(await told.put(f"{path}/correction", json=body | {field: value}), 422)
        assert pointers(told_of) == [f"/{field}"]
        assert told_of.errors[0].code == "read_only"
    several = body | {"position": 3, "hash": "", "date": "soon"}
    told_of = problem(await told.put(f"{path}/correction", json=several), 422)
    assert sorted(pointers(told_of)) == ["/date", "/hash", "/position"]
    assert (await get(told, path))["revision"] == 2


async def test_put_of_what_another_changed_is_refused(told: httpx.AsyncClient) -> None:
    path = f"/v1/events/{HIRED}"
    body = {**(await get(told, path)), "reason": "r"}
    await told.put(f"{path}/correction", json=hire(person="charles", date="2021", reason="r"))
    stale = problem(await told.put(f"{path}/correction", json=body), 422)
    assert "/revision" in pointers(stale)


async def test_empty_log_answers(client: httpx.AsyncClient) -> None:
    assert await get(client, "/v1/log") == {"position": 0, "hash": "0" * 64, "recorded_at": None}
    for path in ("/v1/labs", "/v1/people", "/v1/events", "/v1/findings"):
        answer = await get(client, path)
        assert (answer["items"], answer["next"]) == ([], None)
        assert answer["known_at"] == {"position": 0, "recorded_at": None}
    instant = await get(client, "/v1/labs", known_at="2020-01-01T00:00Z")
    assert instant["known_at"] == {"position": 0, "recorded_at": None}


def _people(answer: dict[str, Any], presence: str | None = None) -> list[str]:
    return [m["person"]["id"] for m in answer["members"] if presence in (None, m["presence"])]


def links_of(response: httpx.Response) -> dict[str, str]:
    """The targets of the `Link` header by relation."""
    parsed = httpx.Response(200, headers={"link": response.headers.get("link", "")}).links
    return {rel: value["url"] for value in parsed.values() for rel in value["rel"].split()}


async def test_other_names_lead_to_the_canonical_path(named: httpx.AsyncClient) -> None:
    """One header holds every link that there is."""
    for name in ("seb-b", "Seb B.", "SÉBASTIEN bubeck"):
        answer = await named.get(f"/v1/people/{quote(name)}?at=2024-06-01")
        assert answer.json()["person"]["id"] == "sebastien-bubeck"
        assert links_of(answer)["canonical"] == "/v1/people/sebastien-bubeck?at=2024-06-01"
    assert "canonical" not in links_of(await named.get("/v1/people/sebastien-bubeck"))
    before = await named.get("/v1/people/seb-b?known_at=2")
    assert (before.json()["person"]["id"], "canonical" in links_of(before)) == ("seb-b", False)
    page = await named.get("/v1/labs/SG/timeline?limit=1")
    links = links_of(page)
    assert links["canonical"] == "/v1/labs/societe-generale-100/timeline?limit=1"
    assert links["next"].startswith("/v1/labs/SG/timeline?limit=1&cursor=")
    assert (await get(named, links["canonical"]))["items"] == page.json()["items"]
