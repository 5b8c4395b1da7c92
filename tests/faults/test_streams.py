"""
A long stream of lines that comes slowly, one of them bad: memory stays flat, the rest is recorded.

TIMELINE_FAULTS_LINES is how many lines.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import httpx

from tests.faults.running import SEED, running
from tests.support.counted import count
from tests.support.ledger import KEY
from tests.support.processes import resident_bytes

LINES = int(os.environ.get("TIMELINE_FAULTS_LINES", "3000"))
BAD_LINE = LINES * 2 // 3
TRIES_MAX = 5
PAUSES = 20
PAUSE_SECONDS = 0.1
CHUNK_BYTES_MAX = 20_000
MEMORY_BYTES_MAX = 48 * 1024 * 1024
"""More than after the first tenth; a million lines are some four times as much."""


async def test_one_bad_line_of_very_many_alone_is_left_out(tmp_path: Path) -> None:
    async with running(tmp_path) as (service, ledger):
        assert service.process is not None
        pid = service.process.process.pid
        lab = {"type": "profile", "lab": {"id": "x", "name": "X"}}
        resident: list[int] = []

        async def chunks() -> AsyncIterator[bytes]:
            """Of any size, cut anywhere in a line, with a pause now and then."""
            random, kept, tenths = Random(SEED), bytearray(), 0
            for number in range(1, LINES + 1):
                kept += _line(number)
                if number * 10 // LINES > tenths:
                    tenths = number * 10 // LINES
                    resident.append(resident_bytes(pid))
                if number % max(LINES // PAUSES, 1) == 0:
                    await asyncio.sleep(PAUSE_SECONDS)
                while len(kept) > CHUNK_BYTES_MAX:
                    size = random.randint(1, CHUNK_BYTES_MAX)
                    yield bytes(kept[:size])
                    del kept[:size]
            yield bytes(kept)

        async with httpx.AsyncClient(base_url=ledger.url, headers=KEY, timeout=1800) as client:
            assert (await client.post("/v1/events", json=lab)).status_code == 201
            headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "all"}
            answer = await client.post("/v1/events", content=chunks(), headers=headers)
            for _ in range(TRIES_MAX - 1):
                if answer.status_code != 503:
                    break
                # The database may be too busy for a moment: it goes on where that was.
                await asyncio.sleep(int(answer.headers["retry-after"]))
                answer = await client.post("/v1/events", content=chunks(), headers=headers)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert (told["recorded"] + told["replayed"], told["refused"]) == (LINES - 1, 1)
            (fault,) = told["faults"]
            assert (fault["line"], fault["pointer"]) == (BAD_LINE, "/date")
            assert (await client.get("/v1/log")).json()["position"] == LINES
    assert max(resident) - resident[0] < MEMORY_BYTES_MAX, [each >> 20 for each in resident]
    count("input", "lines of a slow stream, one of them bad", LINES)


def _line(number: int) -> bytes:
    event = {
        "type": "hire",
        "person": {"name": f"Person {number}"},
        "lab": "x",
        "date": "2020-02-30" if number == BAD_LINE else "2020-02-29",
        "note": f"{number} ".ljust(100, "n"),
    }
    return json.dumps(event).encode() + b"\n"
