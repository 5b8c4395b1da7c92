"""Other processes: the service as its users start it, and what they take of memory."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

TIMELINE = (sys.executable, "-c", "from service.cli.main import main; main()")
LISTENING = b"Listening on "
START_SECONDS = 120
END_SECONDS = 30
LOOK_SECONDS = 0.05


class Process:
    """A running process with its output in a file, and where it listens if it does."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.url = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    async def listening(self) -> None:
        """
        Until it says where it listens.

        Raises:
            AssertionError: it ended before; with its last words.
        """
        assert self._process.stdout is not None, "the output is piped"
        async with asyncio.timeout(START_SECONDS):
            while line := await self._process.stdout.readline():
                if line.startswith(LISTENING):
                    self.url = line.split()[-1].decode()
                    return
        raise AssertionError(f"It did not start: {self.last_words()}")

    async def output(self) -> bytes:
        """
        All that it prints, once it has ended.

        Raises:
            AssertionError: it failed; with its last words.
        """
        told, _ = await self._process.communicate()
        assert self._process.returncode == 0, f"It failed: {self.last_words()}"
        return told

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        if self.has_ended:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def last_words(self) -> str:
        """The end of what it told people."""
        return self._log.read_text(errors="replace")[-2_000:]


@contextlib.asynccontextmanager
async def started(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A process, until the block ends. An interrupt from the keyboard is left to the suite."""
    with log.open("ab") as words:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=words,
            env={**_clean_environment(), **(environment or {})},
            start_new_session=True,
        )
    running = Process(process, log)
    try:
        yield running
    finally:
        await running.stop()


def _clean_environment() -> dict[str, str]:
    """Nothing of the shell's leads the service elsewhere."""
    theirs = ("TIMELINE_", "DATABASE_URL", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)}


class Memory:
    """The greatest memory that processes had, in MB; zeros where the system does not tell."""

    def __init__(self) -> None:
        self._peaks: dict[int, float] = {}

    @property
    def largest(self) -> float:
        """Of one process."""
        return max(self._peaks.values(), default=0.0)

    @property
    def together(self) -> float:
        """Of all of them, as if their peaks had been at one time."""
        return sum(self._peaks.values())

    def look(self, pids: Iterable[int]) -> None:
        """What each had at most until now."""
        for pid in pids:
            if peak := memory_of(pid, "VmHWM"):
                self._peaks[pid] = peak

    async def watch(self, process: Process) -> None:
        """Look at a process and its children until it ends."""
        while not process.has_ended:
            self.look(family_of(process.pid))
            await asyncio.sleep(LOOK_SECONDS)


def memory_of(pid: int, kind: str) -> float:
    """MB of a process: `VmRSS` now, `VmHWM` at most until now; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith(kind + ":")]
    return int(found[0]) / 1024 if found else 0.0


def seconds_of(pid: int) -> float:
    """Processor time that a process has had, in its own code and in the system's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family_of(pid: int) -> list[int]:
    """A process and all that it started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    # Postgres is told apart: it is no Python process of ours.
    ours = [int(child) for child in children if "python" in _program(int(child))]
    return [pid, *(one for child in ours for one in family_of(child))]


def _program(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""
