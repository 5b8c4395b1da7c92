"""
`kill -9` of the service around an erasure: it is done whole or not at all, and once.

The client sends it again with its key until it is answered. Then nobody is told the name, and the
replay that it left due was made by whichever service came next. TIMELINE_FAULTS_KILLS is how often
it is killed, TIMELINE_FAULTS_SEED what the moments are drawn from.
"""

import asyncio
import os
from pathlib import Path
from random import Random
from typing import Any

import httpx

from tests.support.server import Served, served

KILLS = int(os.environ.get("TIMELINE_FAULTS_KILLS", "3"))
SEED = int(os.environ.get("TIMELINE_FAULTS_SEED", "1"))
KEY = {"Authorization": "Bearer k"}
SETTINGS = {"TIMELINE_API_KEY": "k", "DATABASE_URL": ""}
SOON_SECONDS = 0.25
"""Within so long it is killed after an erasure was sent."""


def name(number: int) -> str:
    """Of which none is the beginning of another, since names are looked for in whole answers."""
    return f"Erased Number{number:04}"


def story() -> list[dict[str, Any]]:
    people = [{"id": f"p-{n}", "name": name(n)} for n in range(KILLS)]
    founding = {"type": "founding", "lab": {"id": "x", "name": "X"}, "date": "2000"}
    return [
        founding | {"founders": [*people, {"id": "stays", "name": "Stays"}]},
        *({"type": "hire", "person": p["id"], "lab": "x", "date": "2001"} for p in people),
    ]


async def erase(url: str, number: int) -> httpx.Response | None:
    """None if the service went away."""
    async with httpx.AsyncClient(base_url=url, headers=KEY, timeout=60) as client:
        try:
            return await client.post(
                "/v1/erasures",
                json={"person": name(number), "reason": "Asked for."},
                headers={"Idempotency-Key": f"erase-{number}"},
            )
        except httpx.HTTPError:
            return None


async def killed_meanwhile(service: Served, number: int, seconds: float) -> None:
    erasing = asyncio.create_task(erase(service.url, number))
    await asyncio.sleep(seconds)
    service.process.kill()
    await erasing


async def asked_again(url: str, number: int) -> None:
    """Send it until it is answered, as a careful client does; then nobody has the name."""
    async with asyncio.timeout(120):
        while (answer := await erase(url, number)) is None or answer.status_code == 503:  # noqa: ASYNC110 (another process makes it so)
            await asyncio.sleep(0.1)
    assert answer.status_code in (200, 201), answer.text
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        assert (await client.get(f"/v1/people/p-{number}")).status_code == 404
        lab = (await client.get("/v1/labs/x", params={"at": "2010-01-01"})).text
        assert name(number) not in lab


async def test_an_erasure_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    moments = Random(SEED)
    with served(tmp_path, "--empty", environment=SETTINGS) as service:
        async with httpx.AsyncClient(base_url=service.url, headers=KEY, timeout=60) as client:
            assert (await client.post("/v1/events", json=story())).status_code == 201
        await killed_meanwhile(service, 0, moments.uniform(0, SOON_SECONDS))
    for number in range(1, KILLS + 1):
        with served(tmp_path, "--empty", environment=SETTINGS) as service:
            await asked_again(service.url, number - 1)
            if number < KILLS:
                await killed_meanwhile(service, number, moments.uniform(0, SOON_SECONDS))
                continue
            async with httpx.AsyncClient(base_url=service.url, headers=KEY, timeout=60) as client:
                await until_current(client)
                erasures = (await client.get("/v1/erasures")).json()["items"]
                assert len(erasures) == KILLS
                verified = (await client.post("/v1/verifications")).json()
                assert (verified["state"], verified["problems"]) == ("ok", []), verified
                export = (await client.get("/v1/log/export")).text
                assert "Number" not in export
                founders = (await client.get("/v1/labs/x")).json()["lab"]["founders"]
                assert [f["id"] for f in founders] == ["stays"]


async def until_current(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(120):
        while True:
            ready = (await client.get("/readyz")).json()
            replays = (await client.get("/v1/replays")).json()["items"]
            if ready["facts"]["read_models"] == "current" and replays[0]["state"] != "running":
                return
            await asyncio.sleep(0.2)
