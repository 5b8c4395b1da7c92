"""Processes that are nobody's children here, and those of other users."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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


def reachable_python(uid: int) -> str:
    """An interpreter that the user may run, from 3.11, and that may read this project."""
    check = (
        f"import sys, os; sys.exit(sys.version_info < (3, 11) or not os.access({str(ROOT)!r}, 5))"
    )
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            if (
                subprocess.run([python, "-c", check], user=uid, check=False, cwd="/").returncode
                == 0
            ):
                return python
        except OSError:
            continue
    pytest.skip("Each interpreter, or the project, lies where an ordinary user may not go.")


def resident_bytes(pid: int) -> int:
    """How much memory a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
