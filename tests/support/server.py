"""The service as its users start it: a process of its own, on a free port."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TIMELINE = (sys.executable, "-c", "from service.cli.main import main; main()")
START_SECONDS = 60


class Served:
    """A running service: where it listens, and what it printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._listening = threading.Event()
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None, "the output is piped"
        for line in iter(self.process.stdout.readline, ""):
            self.lines.append(line)
            if line.startswith("Listening on "):
                self.url = line.split()[-1]
                self._listening.set()
        self._listening.set()

    def wait(self) -> None:
        """Until it listens; its output is in the failure."""
        self._listening.wait(START_SECONDS)
        assert self.url, "the service did not start:\n" + "".join(self.lines)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self._reader.join(timeout=5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextlib.contextmanager
def served(
    data_dir: Path,
    *arguments: str,
    command: Sequence[str] = TIMELINE,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """`timeline serve` on a data directory, until the block ends."""
    process = subprocess.Popen(
        [*command, "serve", "--port", "0", "--data-dir", str(data_dir), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
    )
    running = Served(process)
    try:
        running.wait()
        yield running
    finally:
        running.stop()
