"""`timeline doctor`: what is wrong, or about to be, and what to do about it."""

import sys
from typing import Any

import click

from service.cli.client import path_to
from service.cli.exits import FAULT
from service.cli.options import Service, service_options
from service.cli.terminal import advise, print_json, print_line, print_table
from service.cli.words import instant_in_words

MARKS = {"ok": "● ok", "warning": "◌ warning", "bad": "✗ bad"}


@click.command(
    epilog="""\b
Example:
  timeline doctor
  timeline doctor --deep
  timeline doctor --url http://127.0.0.1:8000 --key KEY"""
)
@click.option(
    "--deep",
    is_flag=True,
    help="Verify every event, and compare the read models with the log; on a long log this takes "
    "minutes.",
)
@service_options
def doctor(service: Service, /, deep: bool) -> None:
    """
    Look for what is wrong, and say what to do.

    Long transactions, the queue of writes, gaps, what lags or drifts, the hash chain, clocks,
    indexes, connections, disk and versions. Exits with 1 if anything is bad; with --url it needs
    the key of an admin.
    """
    with service.connect() as client:
        if deep and sys.stderr.isatty():
            advise("Looking at every event; a million take a few minutes.")
        answer = client.get(path_to("diagnosis"), {"deep": "true" if deep else None})
    if service.as_json:
        print_json(answer.raw)
    else:
        _print(answer.json)
    if answer.json["state"] == "bad":
        click.get_current_context().exit(FAULT)


def _print(diagnosis: dict[str, Any]) -> None:
    facts = diagnosis["facts"]
    rows = [(MARKS.get(f["state"], f["state"]), _name(f), f["told"]) for f in facts]
    print_table(("State", "Of", "Found"), rows)
    for fact in facts:
        if fact["advice"]:
            print_line()
            print_line(f"{_name(fact)}: {fact['advice']}")
    looked_at = instant_in_words(diagnosis["looked_at"])
    print_line()
    print_line(f"Looked at {looked_at}: {MARKS.get(diagnosis['state'], diagnosis['state'])}.")


def _name(fact: dict[str, Any]) -> str:
    return str(fact["name"]).replace("_", " ")
