"""
Clients that write all the while, and a ledger of what they were answered.

Each write bears an idempotency key and is sent until it is answered, as a careful client does.
Afterwards `assert_nothing_lost` holds the ledger against the log.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx

KEY = {"Authorization": "Bearer k"}
ENVIRONMENT = {"TIMELINE_API_KEY": "k", "DATABASE_URL": ""}
BATCH_EVENTS = 50
LABS = 20
OUTAGE_SECONDS = 0.02
ANSWER_SECONDS = 90.0
"""Longer than any statement may take: who gives up earlier only sends it again."""


class Ledger:
    """Writers, someone who replays, and what each write was answered."""

    def __init__(self, seed: int, writers: int = 4) -> None:
        self.url = ""
        self.answered: dict[str, tuple[tuple[str, int], ...]] = {}
        """By idempotency key, ids and positions of the events that were told as recorded."""
        self.sent: dict[str, int] = {}
        """By idempotency key, how many events were asked for."""
        self.statuses: Counter[int] = Counter()
        self._seed = seed
        self._writers = writers
        self._over = asyncio.Event()
        self._http = httpx.AsyncClient(headers=KEY, timeout=ANSWER_SECONDS)

    @contextlib.asynccontextmanager
    async def kept(self, *, replays: bool = False) -> AsyncIterator[None]:
        """Write until the block ends; then each write under way is answered."""
        going = [asyncio.create_task(self._write(n)) for n in range(self._writers)]
        if replays:
            going.append(asyncio.create_task(self._replay()))
        try:
            yield
        finally:
            self._over.set()
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                await asyncio.gather(*going)
            self._over.clear()

    async def close(self) -> None:
        await self._http.aclose()

    async def more(self, count: int, seconds: float = 60) -> None:
        """Wait until so many more writes were answered."""
        wanted = len(self.answered) + count
        async with asyncio.timeout(seconds):
            while len(self.answered) < wanted:  # noqa: ASYNC110 (other tasks make it so)
                await asyncio.sleep(0.01)

    async def get(self, path: str) -> Any:
        response = await self._http.get(self.url + path)
        assert response.status_code == 200, response.text
        return response.json()

    async def status_of(self, path: str) -> int | None:
        """None if nobody answers."""
        response = await self._send("GET", path)
        return None if response is None else response.status_code

    async def until_ready(self, seconds: float = 60) -> None:
        async with asyncio.timeout(seconds):
            while await self.status_of("/readyz") != 200:  # noqa: ASYNC110 (as above)
                await asyncio.sleep(OUTAGE_SECONDS)

    async def _write(self, writer: int) -> None:
        random = Random(f"{self._seed} {writer}")
        hired: list[str] = []
        number = len(self.sent)
        while not self._over.is_set():
            number += 1
            key = f"{writer}-{number}"
            kind = random.choice(["one", "one", "one", "batch", "correction"])
            if kind == "correction" and hired:
                event_id = random.choice(hired)
                body: Any = {**_hire(key, random), "reason": key}
                await self._until_answered("PUT", f"/v1/events/{event_id}/correction", key, body)
            elif kind == "batch":
                batch = [_hire(f"{key}-{n}", random) for n in range(BATCH_EVENTS)]
                await self._until_answered("POST", "/v1/events", key, batch)
            else:
                hired += await self._until_answered("POST", "/v1/events", key, _hire(key, random))

    async def _until_answered(self, method: str, path: str, key: str, body: Any) -> list[str]:
        self.sent[key] = len(body) if isinstance(body, list) else 1
        while True:
            response = await self._send(method, path, json=body, headers={"Idempotency-Key": key})
            if response is not None:
                self.statuses[response.status_code] += 1
                if response.status_code != 503:
                    break
                assert response.headers["retry-after"], response.text
                await asyncio.sleep(OUTAGE_SECONDS)
        assert response.status_code in (200, 201), (response.status_code, response.text)
        answer = response.json()
        events = answer["events"] if isinstance(body, list) else [answer]
        self.answered[key] = tuple((e["event_id"], e["position"]) for e in events)
        return [e["event_id"] for e in events]

    async def _replay(self) -> None:
        while not self._over.is_set():
            response = await self._send("POST", "/v1/replays")
            assert response is None or response.status_code in (202, 409, 503), response.text
            await asyncio.sleep(0.2)

    async def _send(self, method: str, path: str, **how: Any) -> httpx.Response | None:
        """None if the service was not there, or went away."""
        try:
            return await self._http.request(method, self.url + path, **how)
        except (httpx.HTTPError, httpx.InvalidURL):
            await asyncio.sleep(OUTAGE_SECONDS)
            return None


def _hire(key: str, random: Random) -> dict[str, Any]:
    lab = f"lab-{random.randrange(LABS)}"
    return {
        "type": "hire",
        "person": {"id": f"p-{key}", "name": f"Person {key}"},
        "lab": {"id": lab, "name": lab},
        "date": str(random.randint(2000, 2024)),
        "note": key,
    }


async def assert_nothing_lost(ledger: Ledger) -> int:
    """
    Everything acknowledged is in the log exactly once; the log is whole, and so are its rows.

    Returns how many events the log holds.
    """
    await ledger.until_ready()
    events: list[Any] = []
    following: str | None = "/v1/events?limit=1000"
    while following is not None:
        page = await ledger.get(following)
        events += page["items"]
        following = page["next"] and f"/v1/events?limit=1000&cursor={page['next']}"
    assert [e["position"] for e in events] == list(range(1, len(events) + 1)), "no gaps"
    instants = [e["recorded_at"] for e in events]
    assert instants == sorted(instants), "recorded_at never decreases"
    recorded: dict[str, list[tuple[str, int]]] = {}
    for event in events:
        key = _key_of(event)
        recorded.setdefault(key, []).append((event["event_id"], event["position"]))
    for key, count in ledger.sent.items():
        found = tuple(recorded.pop(key, ()))
        assert len(found) in (0, count), f"{key}: whole or not at all, and once"
        if key in ledger.answered:
            assert found == ledger.answered[key], f"{key}: acknowledged, so it is there"
    assert recorded == {}, "nobody sent it"
    path = f"{ledger.url}/v1/verifications"
    while (verified := await ledger._http.post(path, timeout=300)).status_code == 409:  # noqa: ASYNC110 (as above)
        # A replay that was begun before runs still.
        await asyncio.sleep(0.2)
    told = verified.json()
    assert (told["state"], told["events"], told["problems"]) == ("ok", len(events), []), told
    assert told["read_models"]["state"] == "ok", told
    return len(events)


def _key_of(event: dict[str, Any]) -> str:
    """Which write an event is of; those of a batch bear their number beside it."""
    said = event["reason"] if event["type"] == "correction" else event["note"]
    return "-".join(said.split("-")[:2])
