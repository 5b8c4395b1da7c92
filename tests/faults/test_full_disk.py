"""A disk that is full for a while: what was accepted stays, the rest is told to come again."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.running import PROGRESS, ROUNDS, running
from tests.support.counted import count
from tests.support.ledger import assert_nothing_lost

DISK = "256m"
"""Of a new cluster some 60 MB are taken, and as much by what its log keeps for itself."""
REFUSED = 5
RECOVERY_SECONDS = 120.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system, until the test ends."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0755", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can make a small file system, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_full_disk_refuses_and_is_got_over(disk: Path) -> None:
    """With room again all goes on, without a restart of the service."""
    filler = disk / "filler"
    async with running(disk / "data") as (service, ledger):
        async with ledger.kept(replays=True):
            for _ in range(ROUNDS):
                await ledger.more(PROGRESS)
                refused = ledger.statuses[503] + REFUSED
                async with asyncio.timeout(60):
                    while ledger.statuses[503] < refused:
                        # Again and again: what the server gives back is taken too.
                        _fill(filler)
                        await asyncio.sleep(0.05)
                assert await ledger.status_of("/healthz") == 200
                filler.unlink()
                await ledger.more(PROGRESS, RECOVERY_SECONDS)
                count("fault", "disk full")
        held = await assert_nothing_lost(ledger)
        assert await service.stop() == 0
    print(f"disk filled {ROUNDS} times; {len(ledger.answered)} writes, {held} events")


def _fill(filler: Path) -> None:
    for size in (1 << 20, 4096):
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as opened:
            while opened.write(bytes(size)):
                pass
