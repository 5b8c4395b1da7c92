"""A database that a later edition migrated is refused in a sentence, and left as it is."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.main import timeline
from service.database import bring_up_to_date
from service.log.schema import HEAD_REVISION, LaterSchema, current_revision
from service.settings import Settings
from tests.support.catalogue import catalogue, connected

LATER = f"{int(HEAD_REVISION) + 1:04}"


@pytest.fixture
async def later(database: str) -> str:
    """The address of a database at a migration that is not among ours."""
    async with connected(database) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = $1", LATER)
    return database


async def test_later_database_is_refused(later: str, tmp_path: Path) -> None:
    before = await catalogue(later)
    settings = Settings(database_url=later, data_dir=tmp_path)
    with pytest.raises(LaterSchema, match=f"'{LATER}'.*'{HEAD_REVISION}'"):
        await asyncio.to_thread(bring_up_to_date, settings, later)
    assert await current_revision(later) == LATER
    assert await catalogue(later) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--port", "0"),
        ("migrate",),
        ("who", "x"),
        ("export",),
        ("verify",),
        ("keys", "list"),
    ],
    ids=lambda arguments: arguments[0],
)
async def test_commands_refuse_a_later_database(
    later: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", later)
    result = await asyncio.to_thread(CliRunner().invoke, timeline, arguments)
    assert result.exit_code == 2, result.output
    assert f"at migration '{LATER}'" in result.stderr
    assert "Traceback" not in result.output
