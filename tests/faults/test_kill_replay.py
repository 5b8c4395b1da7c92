"""
`kill -9` of the service at random moments of a replay, while clients write and read.

Nothing that was acknowledged is lost or doubled, no pinned answer ever changes, the processes that
fold end with the service, and the read models are the fold of the log afterwards. Real processes,
and a Postgres that waits for its disk. TIMELINE_FAULTS_EVENTS is the length of the log (processes
of their own fold a long one alone), TIMELINE_FAULTS_KILLS how often it is killed,
TIMELINE_FAULTS_SEED what the moments are drawn from.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx

from service.log.schema import migrate
from service.postgres.embedded import EmbeddedPostgres
from service.read_models.crews import EVENTS_IN_PROCESS_MAX
from tests.support.counted import count
from tests.support.long_logs import LABS, append_long_log
from tests.support.processes import children_of, is_alive
from tests.support.server import served

EVENTS = max(LABS, int(os.environ.get("TIMELINE_FAULTS_EVENTS", "5000")))
KILLS = int(os.environ.get("TIMELINE_FAULTS_KILLS", "10"))
TRIES = 5 * KILLS
"""A replay of a short log can be over before it is killed; then it is tried again."""
SEED = int(os.environ.get("TIMELINE_FAULTS_SEED", "1"))
WRITERS = 3
KEY = {"Authorization": "Bearer k"}
PINNED = f"/v1/labs/lab-0?at=2022-07-01&known_at={EVENTS}"


class Clients:
    """Writers with a ledger of what was acknowledged, and a reader; none gives up on an outage."""

    def __init__(self) -> None:
        self.url = ""
        self.ledger: dict[str, tuple[str, int]] = {}
        """By idempotency key the id and the position that were answered."""
        self.sent = 0
        self.answers: set[bytes] = set()
        self.reads = 0
        self._over = asyncio.Event()
        self._http = httpx.AsyncClient(headers=KEY, timeout=20)

    async def close(self) -> None:
        await self._http.aclose()

    async def run(self) -> None:
        await asyncio.gather(self._read(), *(self._write(n) for n in range(WRITERS)))

    def end(self) -> None:
        self._over.set()

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            key = f"{writer}-{number}"
            body = {
                "type": "hire",
                "person": {"id": f"late-{key}", "name": f"Late {key}"},
                "lab": f"lab-{number % LABS}",
                "date": "2024",
                "note": key,
            }
            self.sent += 1
            # The same request until it is answered, or the end: as a careful client does.
            while (answer := await self._ask("POST", "/v1/events", key, body)) is None:
                if self._over.is_set():
                    return
            self.ledger[key] = (answer["event_id"], answer["position"])

    async def _read(self) -> None:
        while not self._over.is_set():
            response = await self._send("GET", PINNED)
            if response is not None and response.status_code != 503:
                assert response.status_code == 200, response.text
                self.answers.add(response.content)
                self.reads += 1

    async def _ask(self, method: str, path: str, key: str, body: Any) -> Any:
        response = await self._send(method, path, json=body, headers={"Idempotency-Key": key})
        if response is None or response.status_code == 503:
            return None
        assert response.status_code in (200, 201), response.text
        return response.json()

    async def _send(self, method: str, path: str, **how: Any) -> httpx.Response | None:
        """None if the service was not there, or went away."""
        try:
            return await self._http.request(method, self.url + path, **how)
        except (httpx.HTTPError, httpx.InvalidURL):
            await asyncio.sleep(0.02)
            return None


@contextlib.asynccontextmanager
async def service_on(data_dir: Path, clients: Clients) -> AsyncIterator[Any]:
    """The service, once its read models can be asked."""
    starting = served(data_dir, environment={"TIMELINE_API_KEY": "k", "DATABASE_URL": ""})
    service = await asyncio.to_thread(starting.__enter__)
    try:
        clients.url = service.url
        await until(lambda: is_answered(clients, "GET", "/readyz", 200))
        yield service
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(600):
        while not await holds():  # noqa: ASYNC110 (another process makes it so)
            await asyncio.sleep(0.05)


async def are_gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


async def is_answered(clients: Clients, method: str, path: str, status: int) -> bool:
    response = await clients._send(method, path)
    return response is not None and response.status_code == status


async def ended(clients: Clients, path: str) -> Any:
    """A replay's last word; it is begun as soon as the one before has let go."""
    await until(lambda: is_answered(clients, "POST", path, 202))
    while True:
        newest = (await ask(clients, "GET", "/v1/replays"))["items"][0]
        if newest["state"] != "running":
            return newest
        await asyncio.sleep(0.1)


async def ask(clients: Clients, method: str, path: str, **how: Any) -> Any:
    response = await clients._send(method, path, **how)
    assert response is not None, path
    assert response.status_code == 200, response.text
    return response.json()


async def test_killed_in_a_replay_it_loses_nothing(tmp_path: Path) -> None:
    random = Random(SEED)
    postgres = EmbeddedPostgres(tmp_path)
    await asyncio.to_thread(postgres.start)
    try:
        await asyncio.to_thread(migrate, postgres.dsn)
        owner = await asyncpg.connect(postgres.dsn)
        assert await owner.fetchval("SHOW fsync") == "on"
        assert await owner.fetchval("SHOW synchronous_commit") == "on"
        await append_long_log(owner, EVENTS, random)
        await _kill_and_look(tmp_path, owner, random)
        await owner.close()
    finally:
        await asyncio.to_thread(postgres.stop)


async def _kill_and_look(data_dir: Path, owner: Any, random: Random) -> None:
    clients = Clients()
    async with service_on(data_dir, clients):
        going = asyncio.create_task(clients.run())
        first = await ended(clients, "/v1/replays")
        began, over = (datetime.fromisoformat(first[f"{at}_at"]) for at in ("started", "finished"))
        seconds = (over - began).total_seconds()
        assert (first["state"], first["drift"]) == ("done", [])
    hit: list[str] = []
    folding = 0
    while sum("running" in each for each in hit) < KILLS and len(hit) < TRIES:
        async with service_on(data_dir, clients) as service:
            await until(lambda: is_answered(clients, "POST", "/v1/replays", 202))
            await asyncio.sleep(random.uniform(0, seconds))
            workers = children_of(service.process.pid)
            await asyncio.to_thread(service.stop, signal.SIGKILL)
            await until(partial(are_gone, workers))
            folding += len(workers)
        (step, state) = await owner.fetchrow(
            "SELECT step, state FROM replays ORDER BY started_at DESC LIMIT 1"
        )
        hit.append(f"{step} {state}")
        count("fault", "service killed in a replay", int(state == "running"))
    async with service_on(data_dir, clients):
        clients.end()
        await going
        listed = (await ask(clients, "GET", "/v1/replays"))["items"]
        assert {r["state"] for r in listed} <= {"done", "failed"}
        verified = await ask(clients, "POST", "/v1/verifications", timeout=600)
        checked = await ended(clients, "/v1/replays?check=true")
        recorded = await _since(clients, EVENTS)
        last = await ended(clients, "/v1/replays")
    await clients.close()
    print(
        f"{EVENTS} events, a replay under writes in {seconds:.1f} s; killed at {hit}; "
        f"{len(clients.ledger)} of {clients.sent} writes acknowledged, {clients.reads} reads"
    )
    assert sum("running" in each for each in hit) == KILLS, hit
    if EVENTS >= EVENTS_IN_PROCESS_MAX:
        assert folding >= KILLS // 2, "processes that fold were left without whom they fold for"
    assert (verified["state"], verified["events"]) == ("ok", EVENTS + len(recorded))
    assert (checked["state"], checked["drift_rows"]) == ("done", 0)
    assert (last["state"], last["drift_rows"]) == ("done", 0)
    assert [e["position"] for e in recorded] == list(range(EVENTS + 1, verified["events"] + 1))
    keys = [e["note"] for e in recorded]
    assert len(set(keys)) == len(keys), "nothing is recorded twice"
    found = {e["note"]: (e["event_id"], e["position"]) for e in recorded}
    assert len(clients.ledger) > KILLS
    assert clients.ledger.items() <= found.items(), "nothing acknowledged is missing"
    assert len(clients.answers) == 1, "a pinned answer never changes"
    assert clients.reads > KILLS
    assert await owner.fetchval("SELECT to_regnamespace('read_models_next')") is None


async def _since(clients: Clients, position: int) -> list[Any]:
    """Every event after a position."""
    events: list[Any] = []
    path = f"/v1/events?after={position}&limit=1000"
    while True:
        page = await ask(clients, "GET", path)
        events += page["items"]
        if page["next"] is None:
            return events
        path = f"/v1/events?after={position}&limit=1000&cursor={page['next']}"
