"""Processes that are nobody's children here: whether they are there, and whose they are."""

import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether it runs: one that has ended and that nobody waits for does not."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def children_of(pid: int) -> list[int]:
    """Those that its first thread started and that it has not waited for yet."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
