"""What is taken although it seems odd, and what is refused only after something else."""

import json

import httpx
import pytest

from tests.integration.api.asking import HIRED, SEED, hire, pointers, position, problem, record

SOURCE = {"url": "https://example.org"}


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"'],
)
async def test_json_is_taken_however_it_is_announced(
    content_type: str, client: httpx.AsyncClient
) -> None:
    body = json.dumps({"type": "profile", "lab": {"name": "X"}}).encode()
    headers = {"Content-Type": content_type}
    assert (await client.post("/v1/events", content=body, headers=headers)).status_code == 201


async def test_cycle_brought_back_is_refused(client: httpx.AsyncClient) -> None:
    """A correction or retraction that uncovers an older link is looked at as well."""
    labs = [{"type": "profile", "lab": {"id": one, "name": one}} for one in ("a", "b", "c")]
    a_into_b, b_into_c = (
        {"type": "same_as", "lab": one, "into": other} for one, other in (("a", "b"), ("b", "c"))
    )
    (*_, first, second) = await record(client, *labs, a_into_b, b_into_c)
    path = f"/v1/events/{second['event_id']}/correction"
    told = problem(
        await client.put(path, json={**b_into_c, "into": "a", "reason": "r"}), 422, "closes_cycle"
    )
    assert pointers(told) == [""]
    away = await client.put(f"/v1/events/{first['event_id']}/retraction", json={"reason": "r"})
    assert away.status_code == 201
    turned = await client.put(path, json={**b_into_c, "into": "a", "reason": "r"})
    assert turned.status_code == 201
    back = await client.put(
        f"/v1/events/{first['event_id']}/correction", json={**a_into_b, "reason": "r"}
    )
    problem(back, 422, "closes_cycle")


async def test_limits_themselves_are_taken(client: httpx.AsyncClient) -> None:
    """What is at a limit and not beyond it is recorded."""
    await record(client, *SEED)
    await record(
        client,
        hire(person={"name": "n" * 4096}),
        hire(note="n" * 4096),
        hire(sources=[SOURCE] * 64),
        hire(person={"id": "a" * 100, "name": "A"}),
    )
    assert (await client.get("/v1/events?limit=1000")).status_code == 200
    assert (await client.get(f"/v1/labs?known_at={await position(client)}")).status_code == 200


async def test_what_seems_odd_is_taken(client: httpx.AsyncClient) -> None:
    """The last sentence of SEMANTICS 6."""
    await record(client, *SEED)
    again = {"type": "same_as", "person": "a-lovelace", "into": "ada"}
    retraction = {"type": "retraction", "target": HIRED, "reason": "r"}
    correction = {"type": "correction", "target": HIRED, "reason": "r", "event": hire()}
    await record(client, hire(date="2199-12-31"), retraction, retraction, correction, correction)
    await record(client, again, {"type": "founding", "lab": {"name": "Z"}, "date": "2000"})
