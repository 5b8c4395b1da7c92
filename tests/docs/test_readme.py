"""The README tells the truth."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.api.operations import Machinery
from service.cli.main import timeline
from service.log.schema import bundled
from service.recording.fixtures import load_fixtures, read_fixtures
from tests.support.postgres import CHANCE
from tests.support.server import TIMELINE

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block_after(mark: str) -> str:
    """The code block that follows a mark in a comment."""
    found = re.search(rf"<!-- {mark} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found, mark
    return found[1]


async def test_the_example_is_what_the_command_says(
    made: Machinery, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    async with made.pool.acquire() as connection, connection.transaction():
        await load_fixtures(connection, read_fixtures(bundled("fixtures")), CHANCE)
    monkeypatch.setenv("DATABASE_URL", database)
    command, _, told = block_after("the example").partition("\n")
    arguments = command.removeprefix("$ timeline ").replace('"Mistral AI"', "Mistral_AI").split()
    result = await asyncio.to_thread(
        CliRunner().invoke, timeline, [a.replace("_", " ") for a in arguments]
    )
    assert result.exit_code == 0, result.output
    assert without_times(told) == without_times(result.stdout)


def test_the_walk_through_walks(tmp_path: Path) -> None:
    """Every line, one after the other, as a reader would type it."""
    told: list[str] = []
    names: dict[str, str] = {}
    for line in block_after("the walk-through").splitlines():
        words = shlex.split(line, comments=True)
        done = subprocess.run(
            [*TIMELINE, *(names.get(word, word) for word in words[1:])],
            cwd=tmp_path,
            env={**os.environ, "TIMELINE_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        told.append(done.stdout)
        if words[1] == "record":
            names["EVENT_ID"] = re.findall(r"Event ([0-9a-f-]{36})", done.stdout)[0]
            names["POSITION"] = re.findall(r"position ([0-9]+)", done.stdout)[0]
    _, rehearsed, _, now, before, why, replayed, verified, _, _, copied, backed_up, restored = told
    assert "March 2024" in rehearsed
    assert "Ada" not in now
    assert "Ada" in before
    assert why.startswith("No")
    assert "differed in nothing" in replayed
    assert "2 events" in verified
    assert "2 events" in copied
    assert "up to position 2" in backed_up
    assert "Restored 2 events" in restored


def without_times(text: str) -> list[str]:
    lines = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "…", line) for line in text.splitlines()]
    return [line.rstrip() for line in lines if line.strip()]


def test_every_setting_is_documented() -> None:
    source = (ROOT / "service" / "settings.py").read_text()
    names = set(re.findall(r'environ\.get\("(\w+)"\)', source))
    assert names
    assert {n for n in names if f"`{n}`" not in README} == set()


def test_every_folder_of_the_map_is_there() -> None:
    tree = re.search(r"```\nservice/\n(.*?)```", README, re.DOTALL)
    assert tree
    for name in re.findall(r"^  (\w+)/ ", tree[1], re.MULTILINE):
        assert (ROOT / "service" / name).is_dir(), name
    for name in re.findall(r"^(\w+)/ ", tree[1], re.MULTILINE):
        assert (ROOT / name).is_dir(), name


def test_the_top_level_is_what_the_owner_fixed() -> None:
    allowed = {
        "pyproject.toml", "README.md", "service", "migrations", "fixtures", "tests",
        "docker-compose.yml", "LICENSE", "build", "dist",
    }  # fmt: skip
    names = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert names <= allowed
