"""A dry run over HTTP: what the write then does, by the same refusals, and nothing recorded."""

from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from service.answers.dry_runs import DryRunAnswer
from tests.integration.api.asking import (
    HIRED,
    SEED,
    UNKNOWN,
    get,
    hire,
    pointers,
    position,
    problem,
    record,
)

DRY = {"dry_run": "true"}
OWN_ID = "00000000-0000-4000-8000-0000000000aa"
MERGER = {"type": "merger", "absorbed": ["engines"], "lab": "y", "date": "2025-01-01"}
WRITES: dict[str, tuple[str, str, Any]] = {
    "one": ("POST", "/v1/events", hire(person={"name": "Grace Hopper"})),
    "who and where are new": (
        "POST", "/v1/events", hire(person={"name": "Grace"}, lab={"name": "Navy"}),
    ),
    "array": (
        "POST",
        "/v1/events",
        [
            hire(person={"name": "Grace Hopper"}),
            {"type": "departure", "person": "Grace Hopper", "lab": "engines", "date": "2024-06"},
        ],
    ),
    "with a finding": ("POST", "/v1/events", hire(date="2021-01-01")),
    "merger": ("POST", "/v1/events", MERGER),
    "same_as": ("POST", "/v1/events", {"type": "same_as", "person": "ada", "into": "wei-wang"}),
    "founding": (
        "POST",
        "/v1/events",
        {"type": "founding", "lab": "engines", "date": "2022", "founders": ["ada"]},
    ),
    "profile": ("POST", "/v1/events", {"type": "profile", "person": "ada", "name": "Countess"}),
    "correction": ("PUT", f"/v1/events/{HIRED}/correction", hire(date="2019-05", reason="r")),
    "correction to another lab": (
        "PUT", f"/v1/events/{HIRED}/correction", hire(lab="x", date="2019-05", reason="r"),
    ),
    "retraction": ("PUT", f"/v1/events/{HIRED}/retraction", {"reason": "r"}),
    "posted correction": (
        "POST",
        "/v1/events",
        {"type": "correction", "target": HIRED, "reason": "r", "event": hire(date="2019-05")},
    ),
}  # fmt: skip


@pytest.fixture
async def log(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a log that holds the seed."""
    await record(client, *SEED)
    return client


async def stints_and_counts(client: httpx.AsyncClient) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Every stint by person and lab, and every lab's headcount on some days, as they read now."""
    stints: dict[Any, Any] = {}
    for person in (await get(client, "/v1/people"))["items"]:
        for stint in (await get(client, f"/v1/people/{person['id']}"))["stints"]:
            stints.setdefault((person["id"], stint["lab"]["id"]), []).append(stint)
    counts = {}
    for on in ("2019-07-01", "2021-01-01", "2024-02-01", "2026-01-01"):
        for lab in (await get(client, "/v1/labs", at=on))["items"]:
            counts[f"{lab['id']} {on}"] = lab["headcount"]
    return stints, counts


def without_ids(value: Any, known: set[str]) -> Any:
    """*value* without the ids of events that the service made, which are others each time."""
    if isinstance(value, dict):
        return {
            k: sorted(set(v) & known) if k == "events" else without_ids(v, known)
            for k, v in value.items()
        }
    return [without_ids(v, known) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", WRITES)
async def test_dry_run_tells_what_the_write_then_does(name: str, log: httpx.AsyncClient) -> None:
    method, path, body = WRITES[name]
    head = await position(log)
    known = {e["event_id"] for e in (await get(log, "/v1/events"))["items"]}
    before, counts_before = await stints_and_counts(log)

    told = await log.request(method, path, json=body, params=DRY)
    assert told.status_code == 200, told.text
    assert told.headers["log-position"] == str(head)
    dry = told.json()
    assert (dry["dry_run"], dry["replayed"]) == (True, False)
    assert dry["known_at"]["position"] == head == await position(log)
    assert msgspec.json.decode(told.content, type=DryRunAnswer).known_at.position == head

    written = await log.request(method, path, json=body)
    assert written.status_code == 201, written.text
    events = written.json()["events"] if isinstance(body, list) else [written.json()]
    found = [f for event in events for f in event.pop("findings")]
    for event in events:
        for field in ("hash", "recorded_at", "event_id"):
            del event[field]
    for event in dry["events"]:
        assert "hash" not in event
        for field in ("recorded_at", "event_id"):
            del event[field]
    assert dry["events"] == events
    assert without_ids(dry["findings"], known) == without_ids(found, known)

    after, counts_after = await stints_and_counts(log)
    changed = {(c["person"]["id"], c["lab"]["id"]): c for c in dry["changes"]}
    for pair in before.keys() | after.keys():
        change = changed.pop(pair, {"before": before.get(pair, []), "after": before.get(pair, [])})
        assert change["before"] == before.get(pair, [])
        assert without_ids(change["after"], known) == without_ids(after.get(pair, []), known)
    assert changed == {}
    for place in counts_before.keys() | counts_after.keys():
        lab, on = place.split()
        was = counts_before.get(place, dict.fromkeys(("certain", "presumed", "possible"), 0))
        for span in dry["headcounts"]:
            is_within = (span["from"] or "") <= on and (span["to"] or "9") >= on
            if span["lab"]["id"] == lab and is_within:
                was = {presence: was[presence] + span[presence] for presence in was}
        assert counts_after.get(place, was) == was


async def test_those_whom_the_write_would_create_have_names(log: httpx.AsyncClient) -> None:
    body = hire(person={"name": "Grace Hopper"}, lab={"name": "US Navy"}, date="[1943..]")
    dry = (await log.post("/v1/events", json=body, params=DRY)).json()
    (change,) = dry["changes"]
    assert change["person"] == {"id": "grace-hopper", "name": "Grace Hopper"}
    assert change["lab"] == change["after"][0]["lab"] == {"id": "us-navy", "name": "US Navy"}
    assert change["after"][0]["start"] == {"date": "[1943..]", "lo": "1943-01-01", "hi": None}
    assert [(s["before"], s["after"], s["from"], s["to"]) for s in dry["rosters"]] == [
        (None, "possible", "1943-01-01", None)
    ]
    problem(await log.get("/v1/people/grace-hopper"), 404)


async def test_roster_tells_who_comes_and_goes_where_the_count_stands_still(
    log: httpx.AsyncClient,
) -> None:
    """A correction of whom an event is about moves no number, and two people."""
    body = hire(person="wei-wang", date="2020-02", reason="another one")
    dry = (await log.put(f"/v1/events/{HIRED}/correction", json=body, params=DRY)).json()
    assert dry["headcounts"] == []
    assert {(s["person"]["id"], s["before"], s["after"]) for s in dry["rosters"]} == {
        ("ada", "possible", None), ("ada", "presumed", None), ("ada", "certain", None),
        ("wei-wang", None, "possible"), ("wei-wang", None, "presumed"),
        ("wei-wang", None, "certain"),
    }  # fmt: skip


async def test_findings_that_would_go_are_told(log: httpx.AsyncClient) -> None:
    (second,) = await record(log, hire(date="2021-01-01"))
    path = f"/v1/events/{second['event_id']}/retraction"
    dry = (await log.put(path, json={"reason": "r"}, params=DRY)).json()
    assert dry["findings"] == []
    assert [f["kind"] for f in dry["findings_gone"]] == ["already_present"]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("body", "status", "code", "at"),
    [
        (hire(date="soon"), 422, "invalid", ["/date"]),
        (hire(lab="Enginz"), 422, "invalid", ["/lab"]),
        (hire(person="Wei Wang"), 409, "ambiguous_name", ["/person"]),
        ([hire(), hire(lab="No", date="x")], 422, "invalid", ["/1/date", "/1/lab"]),
        ({**MERGER, "absorbed": ["y"]}, 422, "invalid", ["/absorbed/0"]),
        ({**MERGER, "absorbed": ["y"], "lab": "x", "date": "2020"}, 422, "closes_cycle", [""]),
        (hire(event_id=HIRED), 409, "event_id_taken", ["/event_id"]),
        ({"type": "retraction", "target": UNKNOWN, "reason": "r"}, 422, "invalid", ["/target"]),
    ],
    ids=str,
)
async def test_dry_run_refuses_what_the_write_refuses(
    body: Any, status: int, code: str, at: list[str], seeded: httpx.AsyncClient
) -> None:
    dry = await seeded.post("/v1/events", json=body, params=DRY)
    assert pointers(problem(dry, status, code)) == at
    assert dry.content == (await seeded.post("/v1/events", json=body)).content


async def test_dry_run_heeds_the_condition(log: httpx.AsyncClient) -> None:
    headers = {"If-Match": f'"{len(SEED) - 1}"'}
    problem(await log.post("/v1/events", json=hire(), params=DRY, headers=headers), 412)
    told = await log.put(
        f"/v1/events/{UNKNOWN}/retraction", json={"reason": "r"}, params=DRY, headers=headers
    )
    problem(told, 404, "unknown_event")


async def test_repeat_is_told_as_recorded_already(log: httpx.AsyncClient) -> None:
    by_key: dict[str, Any] = {"json": hire(), "headers": {"Idempotency-Key": "k"}}
    by_id: dict[str, Any] = {"json": hire(event_id=OWN_ID, date="2001")}
    for sent in (by_key, by_id):
        first = await log.post("/v1/events", params=DRY, **sent)
        assert first.json()["replayed"] is False
        written = await log.post("/v1/events", **sent)
        dry = await log.post("/v1/events", params=DRY, **sent)
        assert (dry.status_code, dry.headers["idempotent-replayed"]) == (200, "true")
        assert (dry.json()["replayed"], dry.json()["changes"]) == (True, [])
        (event,) = dry.json()["events"]
        assert (event["position"], event["hash"]) == (
            written.json()["position"], written.json()["hash"],
        )  # fmt: skip
    problem(
        await log.post(
            "/v1/events", json=hire(date="2002"), params=DRY, headers={"Idempotency-Key": "k"}
        ),
        409,
        "idempotency_key_taken",
    )
    assert await position(log) == len(SEED) + 2


async def test_rehearsed_key_stays_unused(log: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    await log.post("/v1/events", json=hire(), params=DRY, headers=headers)
    assert (
        await log.post("/v1/events", json=hire(date="2001"), headers=headers)
    ).status_code == 201


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("value", ["yes", "1", "", "True"])
async def test_other_values_are_refused(value: str, seeded: httpx.AsyncClient) -> None:
    """A client that meant a dry run must not find that it has written."""
    told = await seeded.post("/v1/events", json=hire(), params={"dry_run": value})
    assert problem(told, 422, "bad_parameter").parameter == "dry_run"


async def test_answer_is_of_its_schema(log: httpx.AsyncClient) -> None:
    document = (await log.get("/schema/openapi.json")).json()
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/components/schemas/DryRunAnswer",
        "components": document["components"],
    }
    for method, path, body in WRITES.values():
        dry = await log.request(method, path, json=body, params=DRY)
        jsonschema_rs.validator_for(schema).validate(dry.json())
