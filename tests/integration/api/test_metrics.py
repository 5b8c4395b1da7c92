"""What is counted, and what the line of each request says."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from service.api.operations import Machinery
from tests.integration.api.asking import HIRED, SEED, get, hire, record
from tests.support.postgres import http_client


async def samples(client: httpx.AsyncClient) -> Mapping[str, float]:
    """By name and labels."""
    lines = (await client.get("/metrics")).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(number) for name, number in pairs}


async def test_metrics_count_what_was_answered(client: httpx.AsyncClient) -> None:
    await record(client, {"type": "profile", "lab": {"name": "X"}})
    await client.get("/v1/labs/x")
    await client.get("/v1/labs/y")
    await client.head("/v1/labs/x")
    metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    for line in (
        'timeline_requests_total{method="GET",route="getLab",status="200"} 1.0',
        'timeline_requests_total{method="GET",route="getLab",status="404"} 1.0',
        'timeline_requests_total{method="HEAD",route="getLab",status="200"} 1.0',
        'timeline_request_seconds_count{method="GET",route="getLab"} 2.0',
        "timeline_head_position 1.0",
    ):
        assert line in metrics.text.splitlines()


async def test_strange_requests_do_not_swell_the_metrics(client: httpx.AsyncClient) -> None:
    """What clients make up is one series, however much that is."""
    series = []
    for numbers in (range(1), range(1, 2), range(2, 20)):
        for n in numbers:
            await client.get(f"/nothing/{n}")
            await client.request(f"BREW{n}", "/v1/labs")
        series.append((await samples(client)).keys())
    assert series[1] == series[2]


async def test_groups_are_counted_by_what_they_appended(client: httpx.AsyncClient) -> None:
    """Neither what is refused nor what is repeated is appended."""
    await record(client, *SEED)
    await client.post("/v1/events", json=SEED[:1])
    await record(client, hire(), hire(date="2025", event_id=HIRED.replace("0001", "0009")))
    await client.post("/v1/events", json=hire(lab="nowhere"))
    await client.post("/v1/events?dry_run=true", json=hire(date="2023"))
    found = await samples(client)
    assert found["timeline_events_appended_total"] == len(SEED) + 2
    assert found["timeline_group_commands_count"] == 4
    assert found["timeline_group_commands_sum"] == 4
    assert found["timeline_group_events_count"] == 2
    assert found["timeline_group_events_sum"] == len(SEED) + 2
    assert found["timeline_append_seconds_count"] == 4
    assert 0 < found["timeline_append_seconds_sum"] < 60
    assert found["timeline_queue_commands"] == 0


async def test_refusals_are_counted_by_why(client: httpx.AsyncClient) -> None:
    await client.post("/v1/events", json=hire(date="soon"))
    await client.get("/v1/labs/nowhere")
    await client.get("/v1/labs/nobody")
    await client.get("/v1/labs?limit=0")
    await client.get("/nothing")
    found = await samples(client)
    refusals = {k: v for k, v in found.items() if k.startswith("timeline_refusals_total")}
    assert refusals == {
        'timeline_refusals_total{code="invalid"}': 1,
        'timeline_refusals_total{code="unknown_name"}': 2,
        'timeline_refusals_total{code="bad_parameter"}': 1,
    }


async def test_answers_are_counted_by_where_they_came_from(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    await record(client, *SEED)
    async with http_client(made, None) as anonymous:
        for _ in range(4):
            await anonymous.get("/v1/people/ada")
        for _ in range(2):
            await anonymous.get("/v1/labs/engines")
        answer = await anonymous.get("/v1/labs/engines")
        tag = {"If-None-Match": answer.headers["etag"]}
        assert (await client.get("/v1/labs/engines", headers=tag)).status_code == 304
    found = await samples(client)
    told = {
        source: found[f'timeline_answers_total{{from="{source}"}}']
        for source in ("kept", "memory", "database", "unchanged")
    }
    assert sum(told.values()) == 8
    assert told["unchanged"] == 1
    assert told["kept"] >= 1
    assert told["database"] >= 3
    assert found['timeline_memory_bytes{of="answers"}'] > 0


async def test_connections_are_counted(client: httpx.AsyncClient, made: Machinery) -> None:
    async with made.pool.acquire():
        found = await samples(client)
    assert found['timeline_pool_connections{state="used"}'] == 1
    assert found['timeline_pool_connections{state="idle"}'] >= 1
    assert found["timeline_server_connections"] >= 2


async def test_replay_that_runs_is_told(
    client: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.answers.vitals.KEPT_SECONDS", 0)
    await record(client, *SEED)
    async with made.pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock(7240003)")
        await connection.execute(
            "INSERT INTO replays (replay_id, state, is_check, started_at, done, total, drift) "
            "VALUES (gen_random_uuid(), 'running', false, now(), 3, 8, '[]')"
        )
        found = await samples(client)
        await connection.execute("SELECT pg_advisory_unlock(7240003)")
        # Of one that was killed the record alone is left.
        after = await samples(client)
    assert found["timeline_replays_running"] == 1
    assert found['timeline_replay_events{is="done"}'] == 3
    assert found['timeline_replay_events{is="total"}'] == 8
    assert after["timeline_replays_running"] == 0
    assert 'timeline_replay_events{is="done"}' not in after


def lines_of(logs: list[Any]) -> list[Mapping[str, Any]]:
    return [line for line in logs if line["event"] == "request_answered"]


async def test_line_of_a_request_says_who_and_what(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    async with http_client(made, None) as anonymous:
        with capture_logs() as logs:
            await record(client, *SEED)
            await client.post("/v1/events", json=SEED[:1])
            await client.post("/v1/events", json=hire(date="soon"))
            for _ in range(3):
                await anonymous.get("/v1/labs/engines")
            await anonymous.get("/nothing")
            await client.post(
                "/v1/events", content=b"{}", headers={"Content-Type": "application/x-ndjson"}
            )
    said = [
        {k: line.get(k) for k in ("route", "by", "status", "position", "recorded", "problem")}
        for line in lines_of(logs)
    ]
    by, head = "test-admin", len(SEED)
    read = _line("getLab", None, 200, head)
    assert said == [
        _line("recordEvents", by, 201, head, recorded=head),
        _line("recordEvents", by, 200, head, recorded=0),
        _line("recordEvents", by, 422, head, problem="invalid"),
        read,
        read,
        read,
        _line("other", None, 404, head),
        _line("recordEvents", by, 422, head, recorded=0, problem="nothing_recorded"),
    ]


async def test_line_of_a_fault_says_so(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("service.api.administering.list_keys", fail)
    with capture_logs() as logs:
        assert (await client.get("/v1/keys")).status_code == 500
    (line,) = lines_of(logs)
    assert (line["status"], line["problem"]) == (500, "fault")
    assert 'timeline_refusals_total{code="fault"}' in await samples(client)


def _line(route: str, by: str | None, status: int, position: int, **more: Any) -> dict[str, Any]:
    said = {"route": route, "by": by, "status": status, "position": position}
    return said | {"recorded": None, "problem": None} | more


async def test_head_is_that_of_the_log(client: httpx.AsyncClient, made: Machinery) -> None:
    """Whoever appended, and whether or not anybody asked since."""
    await record(client, *SEED)
    made.position_seen = 0
    assert (await samples(client))["timeline_head_position"] == len(SEED)
    assert (await get(client, "/v1/log"))["position"] == len(SEED)
