"""`timeline erase` on data directories: asked for, told beforehand, and applied again after a restore."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import click.testing
import pytest
from click.testing import CliRunner, Result

from service.api.operations import Machinery
from service.app import ROLE, read_state
from service.cli.main import timeline
from tests.integration.api.asking import record
from tests.integration.api.test_erasures import (
    ADA,
    ERASED,
    FOUNDED,
    GRACE,
    HIRED,
    LAB,
    REASON,
    STORY,
)
from tests.support.postgres import dsn_of, http_client


async def run(*arguments: str, stdin: str | None = None) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, timeline, arguments, input=stdin)


async def done(*arguments: str, stdin: str | None = None) -> Any:
    """What a command prints as JSON."""
    result = await run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
async def told(made: Machinery, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_client(made, "admin") as client:
        await record(client, *STORY)
    monkeypatch.setenv("DATABASE_URL", database)


async def test_a_dry_run_names_what_would_go(told: None) -> None:
    result = await run("erase", "Grace Hopper", "--reason", REASON, "--dry-run")
    assert result.exit_code == 0, result.output
    for told_of in ("'Grace Hopper'", "'Grace B. Murray'", FOUNDED, HIRED, "Nothing was erased."):
        assert told_of in result.stdout
    assert "1 events stay and mention the name" in result.stdout
    assert (await done("person", GRACE))["stints"]


async def test_nobody_is_erased_who_was_not_confirmed(
    told: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = await run("erase", GRACE, "--reason", REASON)
    assert (unasked.exit_code, "--yes" in unasked.stderr) == (2, True)
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _: True)
    declined = await run("erase", GRACE, "--reason", REASON, stdin="n\n")
    assert declined.exit_code == 1
    assert "To be erased" in declined.stderr
    assert (await done("person", GRACE))["stints"]
    agreed = await run("erase", GRACE, "--reason", REASON, stdin="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert (await run("person", GRACE)).exit_code == 2


async def test_the_next_command_makes_what_an_erasure_left_due(told: None, made: Machinery) -> None:
    # The process ends with the answer, and a replay that it began comes to nothing.
    assert (await run("erase", GRACE, "--reason", REASON, "--yes")).exit_code == 0
    assert (await run("replay", "--check")).exit_code == 0
    assert (await read_state(made.pool)).is_current
    assert (await run("verify")).exit_code == 0


async def test_an_older_export_has_its_erasures_applied_again(
    told: None, tmp_path: Path, elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = tmp_path / "older.ndjson", tmp_path / "newer.ndjson"
    assert (await run("export", "--output", str(older))).exit_code == 0
    noted = (await done("erase", GRACE, "--reason", REASON, "--yes"))["mentions"][0]["event_id"]
    instead = tmp_path / "instead.json"
    instead.write_text(json.dumps({k: v for k, v in STORY[2].items() if k != "note"}))
    event = ("--event", noted, "--instead", str(instead))
    (await done("erase", *event, "--reason", "It names her.", "--yes"))
    assert (await run("erase", ADA, "--reason", REASON, "--yes")).exit_code == 0
    assert (await run("export", "--output", str(newer))).exit_code == 0
    founded = (await done("who", LAB, "--at", "1950-01-01"))["lab"]

    monkeypatch.setenv("DATABASE_URL", elsewhere)
    restored = await run("restore", str(older))
    assert restored.exit_code == 0, restored.output
    assert "timeline erase --again" in restored.output
    assert (await done("person", GRACE))["stints"]
    rehearsed = await run("erase", "--again", str(newer), "--dry-run")
    assert (rehearsed.exit_code, "would lose" in rehearsed.stdout) == (0, True), rehearsed.output
    again = await done("erase", "--again", str(newer), "--yes")
    # The last one took what the first two had said again, which was not said again here.
    assert [len(each["erased"]) for each in again["items"]] == [6, 1]
    assert (await run("person", GRACE)).exit_code == 2
    assert (await done("who", LAB, "--at", "1950-01-01"))["lab"] == founded
    exported = (await run("export")).stdout
    assert [word for word in (*ERASED, "Lovelace") if word in exported] == []
    assert (await run("verify")).exit_code == 0
    assert (await done("erase", "--again", str(newer), "--yes"))["items"] == []


@pytest.fixture
async def elsewhere(cluster: str, template: str) -> AsyncIterator[str]:
    """The address of another database, into which a log can be restored."""
    name = f"{template}_elsewhere"
    owner = await asyncpg.connect(cluster)
    await owner.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    await owner.execute(f'GRANT CREATE ON DATABASE "{name}" TO {ROLE}')
    yield dsn_of(cluster, name)
    await owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await owner.close()


async def test_an_event_is_erased_and_another_said_in_its_place(told: None, tmp_path: Path) -> None:
    file = tmp_path / "instead.json"
    file.write_text(
        json.dumps({k: v for k, v in STORY[1].items() if k not in ("role", "event_id")})
    )
    answer = await done(
        "erase", "--event", HIRED, "--instead", str(file), "--reason", "It was wrong.", "--yes"
    )
    assert [e["event_id"] for e in answer["erased"]] == [HIRED]
    assert (await done("person", GRACE))["stints"][0]["role"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("erase",),
        ("erase", GRACE),
        ("erase", GRACE, "--event", HIRED, "--reason", REASON),
        ("erase", "--again", __file__, "--reason", REASON),
        ("erase", GRACE, "--instead", __file__, "--reason", REASON),
        ("erase", "--again", __file__),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(arguments: tuple[str, ...]) -> None:
    result = await run(*arguments, "--yes")
    assert result.exit_code == 2
    assert result.stderr.strip().endswith(".")
