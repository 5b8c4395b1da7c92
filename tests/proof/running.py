"""One part run by pytest in a process of its own, with its progress told."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.proof import counting
from tests.proof.plan import Part
from tests.proof.results import ROOT

LOOK_SECONDS = 1.0
END_SECONDS = 90.0
"""Within which tests that were interrupted end what they started."""
NO_TESTS = 5
"""Pytest's exit code where all are done already."""


def run(
    part: Part,
    file: Path,
    done: Sequence[str],
    *,
    is_quick: bool,
    seed: int,
    tell: Callable[[int, int], None],
) -> bool:
    """
    Run what is not *done* of a part; whether it came to its end, with faults or without.

    *tell* is told how many tests have ended and how many there are.

    Raises:
        KeyboardInterrupt: of which the tests were told; what has ended is in *file*.
    """
    log = file.with_name(f"{part.name.replace(' ', '-')}.log")
    with tempfile.TemporaryDirectory(prefix="timeline-proof-") as folder:
        known, planned = Path(folder, "done"), Path(folder, "planned")
        known.write_text("\n".join(done))
        began_with = _lines(file)
        settings = part.quick_settings if is_quick else part.settings
        environment = {
            **{name: v for name, v in os.environ.items() if name != "PYTHONPATH"},
            **settings,
            "TIMELINE_FAULTS_SEED": str(seed),
            counting.FILE: str(file),
            counting.PART: part.name,
            counting.DONE: str(known),
            counting.PLANNED: str(planned),
        }
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pytest", "-p", "tests.proof.counting", "-q"),
                    *("-p", "no:cacheprovider", f"--hypothesis-seed={seed}"),
                    *part.arguments(is_quick=is_quick),
                ],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # An interrupt is for the proof, which tells the tests in its own time.
                start_new_session=True,
            )
            try:
                while process.poll() is None:
                    time.sleep(LOOK_SECONDS)
                    every = int(planned.read_text() or 0) if planned.exists() else 0
                    tell(_lines(file) - began_with, every)
            except BaseException:
                _end(process)
                raise
        return process.returncode in (0, 1, NO_TESTS)


def _lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """As an interrupt does, so that servers are stopped; killed if that takes too long."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
