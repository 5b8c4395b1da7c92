"""Under what conditions figures came about; without them they say nothing."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import asyncpg

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
SHOWN = ("shared_buffers", "max_wal_size", "wal_compression")
PACKAGES = ("litestar", "uvicorn", "uvloop", "msgspec", "asyncpg", "eventsourcing", "psycopg")


async def durable(dsn: str) -> Mapping[str, str]:
    """
    The server's version and how it keeps what is committed, as the server says it.

    Raises:
        AssertionError: it would not wait for the disk: its figures would be of something else.
    """
    connection = await asyncpg.connect(dsn)
    try:
        told = {name: await connection.fetchval(f"SHOW {name}") for name in (*DURABLE, *SHOWN)}
        number = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    lax = {name: told[name] for name, value in DURABLE.items() if told[name] != value}
    assert not lax, f"Postgres is not to be measured with {lax}."
    return {"postgres": number, **told}


def of_machine() -> Mapping[str, str]:
    """What runs this, as far as the system tells."""
    return {
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}",
        "cpus": str(_cpus()),
        "load_average_before": load_average(),
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "commit": _commit(),
    }


def load_average() -> str:
    """How many wanted a cpu at a time: more than the suite's own make figures worth less."""
    one, five, _ = os.getloadavg()
    return f"{one:.1f} (1 minute), {five:.1f} (5 minutes)"


def _cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _commit() -> str:
    here = Path(__file__).parent
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()
