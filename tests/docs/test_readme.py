"""The README tells the truth."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.api.operations import Machinery
from service.cli.main import timeline
from service.log.schema import bundled
from service.recording.fixtures import load_fixtures, read_fixtures
from tests.support.postgres import CHANCE

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
