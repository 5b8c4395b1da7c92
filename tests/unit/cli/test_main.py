"""The command line as a whole: its commands, its help, its start."""

import os
import subprocess
import sys
from typing import get_args

import click
import pytest
from click.testing import CliRunner

from service import __version__
from service.cli.fields import EVENT_TYPES, FLAT_NAMES, OUTSIDE_IDS
from service.cli.keys import keys
from service.cli.main import COMMANDS, timeline
from service.cli.words import MARKS, finding_sentence, sentence
from service.domain.events import ERASED, ERASURE, FACTS, PAYLOADS, OutsideIds
from service.domain.findings import FINDING_KINDS
from service.domain.presence import Presence

EVERY_COMMAND = [*COMMANDS, *keys.commands.values()]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: str(command.name))
def test_help_of_each_command_ends_with_an_example(command: click.Command) -> None:
    path = [str(command.name)] if command in COMMANDS else ["keys", str(command.name)]
    result = CliRunner().invoke(timeline, [*path, "--help"])
    assert result.exit_code == 0
    _, heading, example = result.stdout.partition("\n  Example:\n")
    assert heading
    assert f"timeline {' '.join(path)}" in example


def test_commands_are_listed_in_the_order_of_use() -> None:
    names = ["serve", "who", "person", "record", "correct", "retract", "load"]
    stdout = CliRunner().invoke(timeline, ["--help"]).stdout
    places = [stdout.index(f"\n  {name} ") for name in names]
    assert places == sorted(places)
    assert "..." not in stdout.partition("Commands:")[2]


def test_version_is_told() -> None:
    assert __version__ in CliRunner().invoke(timeline, ["--version"]).stdout


def test_help_needs_neither_httpx_nor_rich_nor_the_application() -> None:
    heavy = (
        "{'httpx', 'rich', 'asyncio', 'litestar', 'asyncpg', 'service.app', 'service.in_process'}"
    )
    program = f"import sys, service.cli.main; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_terminal_without_the_marks_gets_their_code_points() -> None:
    program = (
        "import click, service.cli.main as m; m.timeline = lambda **_: click.echo('● É'); m.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert done.stdout == b"\\u25cf \xc9\n"


def test_types_of_events_are_those_of_the_domain() -> None:
    assert tuple(FACTS) == EVENT_TYPES


def test_every_field_of_an_event_can_be_given_flat() -> None:
    fields = {field for payload in FACTS.values() for field in payload.__struct_fields__}
    flat = {*FLAT_NAMES, "ids", "sources"}
    assert fields - flat == {"alternatives"}
    assert OutsideIds.__struct_fields__ == OUTSIDE_IDS


def test_each_type_and_finding_has_its_sentence() -> None:
    for slug in (*PAYLOADS, ERASURE, ERASED):
        assert "of type" not in sentence({"type": slug})
    for kind in FINDING_KINDS:
        assert finding_sentence({"kind": kind}) != kind


def test_each_presence_has_its_mark() -> None:
    assert set(MARKS) == set(get_args(Presence))
    assert len(set(MARKS.values())) == len(MARKS)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {
                "type": "founding",
                "lab": {"id": "x", "name": "xAI"},
                "founders": [{"person": {"id": "e", "name": "Elon"}, "role": "CEO"}, "Ada", "Bob"],
                "date": "2023-03",
            },
            "xAI was founded by Elon, Ada and Bob, March 2023",
        ),
        (
            {"type": "merger", "absorbed": ["Google Brain"], "lab": "{braces}", "date": "odd"},
            "Google Brain became part of {braces}, odd",
        ),
        ({"type": "profile", "person": "ada"}, "The profile of ada was set"),
        ({"type": "novelty"}, "An event of type novelty"),
    ],
)
def test_events_are_sentences(event: dict[str, object], said: str) -> None:
    assert sentence(event) == said
