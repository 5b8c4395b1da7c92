"""`timeline changes`: what differs at a lab between two days, or two states of knowledge."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from service.cli.client import path_to
from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line, print_table
from service.cli.words import (
    LEGEND,
    day_in_words,
    headcount_in_words,
    knowledge_in_words,
    name_of,
    presence_in_words,
    times_in_words,
)

HEADINGS = ("", "Name", "Before", "After", "In what", "Recorded at")
OF_DAYS = {"joined": "+ joined", "left": "- left"}
OF_KNOWLEDGE = {"joined": "+ added", "left": "- removed"}
"""Of one day as known twice nobody came or went: the roster was another."""
_PUBLISHED = ("published_by", "undated_events")


@click.command(
    epilog="""\b
Example:
  timeline changes OpenAI --from 2023-11-01 --to 2024-06-01
  timeline changes OpenAI --at 2023-11-20 --known-from 900 --known-to 1500"""
)
@click.argument("lab")
@click.option("--from", "from_on", metavar="DAY", help="The earlier day")
@click.option("--to", "to_on", metavar="DAY", help="The later day")
@click.option("--known-at", metavar="TIME", help="Of two days: as known then  [default: now]")
@click.option(
    "--published-by",
    metavar="DAY",
    help="Of two days: by what was published by then  [default: all]",
)
@click.option("--known-from", metavar="TIME", help="The earlier state of knowledge")
@click.option("--known-to", metavar="TIME", help="The later state of knowledge")
@click.option("--at", metavar="DAY", help="Of two states: the day asked for  [default: today]")
@service_options
def changes(
    service: Service, /, lab: str, from_on: str | None, to_on: str | None, **asked: str | None
) -> None:
    """
    What differs at a lab between two times.

    These are two days, or two states of knowledge of one day, each an instant or a position. LAB
    is an id or any name that it ever had.
    """
    with service.connect() as client:
        params = {**asked, "from": from_on, "to": to_on}
        answer = client.get(path_to("labs", lab, "changes"), params)
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_changes(answer.json)


def _print_changes(answer: Mapping[str, Any]) -> None:
    before, after = answer["before"], answer["after"]
    published = {name: answer[name] for name in _PUBLISHED if name in answer}
    is_of_days = before["known_at"]["position"] == after["known_at"]["position"]
    if is_of_days:
        print_line(
            f"{after['lab']['name']} on {day_in_words(before['at'])} and "
            f"{times_in_words({**after, **published})}"
        )
    else:
        print_line(
            f"{after['lab']['name']} {times_in_words(before)}, and {knowledge_in_words(after)}"
        )
    print_line(f"before: {headcount_in_words(before['headcount'])}")
    print_line(f"after: {headcount_in_words(after['headcount'])}")
    for field in answer["lab_fields"]:
        print_line(f"{field}: {_said(before['lab'][field])} → {_said(after['lab'][field])}")
    rows = [*_rows(answer, OF_DAYS if is_of_days else OF_KNOWLEDGE)]
    if not rows:
        print_line("The rosters are the same.")
        return
    print_line()
    print_table(HEADINGS, rows)
    print_line()
    for line in LEGEND:
        print_line(line)


def _rows(answer: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for kind in ("joined", "left", "carried", "changed"):
        for change in answer[kind]:
            yield (
                words.get(kind) or _carried(change) or "~ changed",
                name_of(change["person"]),
                _line(change["before"]),
                _line(change["after"]),
                ", ".join(change["fields"]),
                ", ".join(str(m["position"]) for m in change["recorded_between"] or ()),
            )


def _carried(change: Mapping[str, Any]) -> str | None:
    if change["from_lab"]:
        return f"> carried from {name_of(change['from_lab'])}"
    return f"> carried to {name_of(change['to_lab'])}" if change["to_lab"] else None


def _line(member: Mapping[str, Any] | None) -> str:
    if member is None:
        return "absent"
    said = presence_in_words(member["presence"], on_leave=member["on_leave"])
    return f"{said}, {member['role']}" if member["role"] else said


def _said(value: Any) -> str:
    return "not said" if value is None else name_of(value)
