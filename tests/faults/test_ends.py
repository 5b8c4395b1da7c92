"""SIGTERM under load, and a clock that goes back."""

import asyncio
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.running import PROGRESS, Running, running, running_on
from tests.support.counted import count
from tests.support.ledger import Ledger, assert_nothing_lost

END_SECONDS = 10.0
SLOW_BODY = (
    b"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
    b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)
EXPORT = b"GET /v1/log/export HTTP/1.1\r\nHost: x\r\n\r\n"
CLOCK = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from msgspec.structs import replace
from service import app

def now():
    return datetime.now(UTC) + timedelta(seconds=float(Path(sys.argv[0]).read_text()))

app.CHANCE = replace(app.CHANCE, now=now)
from service.cli.main import main
main()
"""


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "workers"])
async def test_sigterm_under_load_loses_nothing(workers: tuple[str, ...], tmp_path: Path) -> None:
    """With a body that does not come, and a reader who does not read."""
    async with running(tmp_path, *workers) as (service, ledger):
        async with ledger.kept(replays=True):
            await ledger.more(5 * PROGRESS)
            address = urlsplit(ledger.url)
            lagging = [
                await asyncio.open_connection(address.hostname, address.port, limit=1024)
                for _ in range(2)
            ]
            for said, (_, writer) in zip((SLOW_BODY, EXPORT), lagging, strict=True):
                writer.write(said)
            await asyncio.sleep(0.2)
            took = await _seconds_to_stop(service)
            for _, writer in lagging:
                writer.close()
            await service.start()
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)
    assert took < END_SECONDS
    count("fault", "service ended under load")


async def test_sigterm_while_the_database_says_nothing_ends_in_time(tmp_path: Path) -> None:
    """Who waits is told before the end that nobody knows what came of it."""
    async with running_on(tmp_path) as (service, ledger, _, line):
        async with ledger.kept():
            await ledger.more(PROGRESS)
            line.hold()
            await asyncio.sleep(0.5)
            before = ledger.statuses[503]
            took = await _seconds_to_stop(service)
            told = ledger.statuses[503] - before
            line.cut()
            await line.open()
            await service.start()
            await ledger.more(PROGRESS)
        await assert_nothing_lost(ledger)
    assert took < END_SECONDS
    assert told > 0
    count("fault", "service ended while Postgres said nothing")


async def test_clock_that_goes_back_does_not_take_the_log_along(tmp_path: Path) -> None:
    """An hour back, in the middle of writing: `assert_nothing_lost` looks at the instants."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    command = (sys.executable, "-c", CLOCK.replace("sys.argv[0]", repr(str(offset))))
    async with running(tmp_path / "data", command=command) as (_, ledger):
        async with ledger.kept():
            await ledger.more(PROGRESS)
            before = await _recorded_at(ledger)
            offset.write_text("-3600")
            await ledger.more(PROGRESS)
            after = await _recorded_at(ledger)
        await assert_nothing_lost(ledger)
    assert before < after
    count("fault", "clock set back an hour")


async def _recorded_at(ledger: Ledger) -> str:
    told: str = (await ledger.get("/v1/log"))["recorded_at"]
    return told


async def _seconds_to_stop(service: Running) -> float:
    began = time.monotonic()
    assert await service.stop() == 0
    return time.monotonic() - began
