"""Commands on a terminal, with hostile names and notes in what they show."""

import asyncio
import json
from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner, Result

from service.api.operations import Machinery
from service.cli.main import COMMANDS, timeline
from tests.integration.api.asking import record
from tests.support.nasty import ALL, acting
from tests.support.postgres import http_client

HIRED = "00000000-0000-4000-8000-00000000aaaa"
SHOWN_WITHOUT = {"serve", "restore", "backup", "bench"}
"""Commands that show nothing of what a log says."""


@pytest.fixture
async def log(made: Machinery, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that holds them, and a terminal on which commands are run."""
    said = {
        "type": "hire",
        "person": {"id": "p", "name": f"P {ALL}"},
        "lab": {"id": "l", "name": f"L {ALL}"},
        "date": "2020",
        "role": ALL,
        "note": ALL,
        "sources": [{"url": "https://example.org/", "title": ALL}],
    }
    async with http_client(made, "admin") as client:
        await record(client, {**said, "event_id": HIRED})
        await record(
            client,
            {**said, "person": "p", "lab": "l"},
            {"type": "departure", "person": "p", "lab": "l", "date": "2022", "note": ALL},
            {
                "type": "correction", "target": HIRED, "reason": ALL,
                "event": {"type": "hire", "person": "p", "lab": "l", "date": "2021"},
            },
        )  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda _: True)


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(timeline, arguments, input=stdin)


async def test_no_command_lets_a_text_act_on_a_terminal(log: None, tmp_path: Path) -> None:
    """Neither on stdout nor on stderr, whether it is done, refused or told as JSON."""
    event = {"type": "hire", "person": {"name": ALL}, "lab": {"name": ALL}, "date": "2024"}
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(event) + "\n" + json.dumps({**event, "type": ALL, ALL: ALL}))
    asked: list[tuple[str, ...]] = [
        ("who", "l", "--at", "2021-06-01"),
        ("who", f"no {ALL}"),
        ("person", "p"),
        ("person", f"no {ALL}"),
        ("why", "l", "p", "--at", "2021-06-01"),
        ("why", "l", "p", "--published-by", ALL),
        ("ask", "who", "was", "at", "l", "in", "2021"),
        ("ask", "p"),
        ("ask", ALL),
        ("moves",),
        ("moves", "--from-lab", ALL),
        ("changes", "l", "--from", "2020-01-01", "--to", "2023-01-01"),
        ("changes", "l", "--known-from", "1", "--known-to", "4", "--at", "2020-06-01"),
        ("changes", "l", "--from", ALL, "--to", ALL),
        ("corrections",),
        ("corrections", "--recorded-by", ALL),
        ("record", "--json-event", json.dumps(event), "--dry-run"),
        ("record", "--json-event", json.dumps({**event, ALL: 1})),
        ("record", "hire", "--person", ALL, "--lab", ALL, "--date", ALL),
        ("correct", HIRED, "--date", "2021-03", "--reason", ALL, "--dry-run"),
        ("correct", ALL, "--date", "2021-03", "--reason", ALL),
        ("retract", HIRED, "--reason", ALL, "--dry-run"),
        ("load", str(file)),
        ("erase", "p", "--reason", f"no {ALL}", "--dry-run"),
        ("erase", f"no {ALL}", "--reason", ALL),
        ("erase", "--event", ALL, "--reason", ALL, "--yes"),
        ("erase", "--again", str(file)),
        ("verify",),
        ("verify", "--since", ALL),
        ("replay",),
        ("export",),
        ("export", "--output", str(tmp_path / "log.ndjson")),
        ("keys", "list"),
        ("keys", "create", f"k {ALL}"),
        ("keys", "revoke", ALL),
        ("keys", "revoke", f"no {ALL}"),
        ("migrate",),
        ("doctor",),
    ]
    assert {c.name for c in COMMANDS} <= {words[0] for words in asked} | SHOWN_WITHOUT
    for words in asked:
        for more in ([], ["--json"]) if words[0] not in ("migrate", "export") else ([],):
            result = await asyncio.to_thread(run, *words, *more)
            assert result.exit_code in (0, 1, 2), (words, result.output, result.exception)
            assert "Traceback" not in result.output, words
            assert acting(result.output) == [], words
            assert "\r" not in result.output
