"""The log, its migrations and a replay on an older Postgres, if the machine has one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.other_postgres import installed_major, server_for_all_users

ROOT = Path(__file__).parents[2]
ON_EACH_VERSION = ("log", "migrations", "read_models/test_replay.py", "recording")


@pytest.mark.skipif(
    "TEST_DATABASE_URL" in os.environ or installed_major() in (None, 18),
    reason="There is no Postgres here of another version than the one that comes along.",
)
def test_the_log_is_the_same_on_an_older_postgres(tmp_path: Path) -> None:
    """The tests that talk to the database alone, run again on the installed version."""
    with server_for_all_users(tmp_path, is_installed=True) as dsn:
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
                *(f"tests/integration/{name}" for name in ON_EACH_VERSION),
            ],
            cwd=ROOT,
            env={**os.environ, "TEST_DATABASE_URL": dsn, "HYPOTHESIS_PROFILE": "dev"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
