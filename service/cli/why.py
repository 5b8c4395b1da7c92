"""`timeline why`: why somebody was at a lab on a day, or was not."""

from collections.abc import Iterator
from typing import Any

import click

from service.cli.client import path_to
from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line, print_table
from service.cli.words import (
    bounds_in_words,
    date_in_words,
    name_of,
    presence_in_words,
    times_in_words,
)

HEADINGS = ("", "Lab", "Event", "Date", "Leaves", "What it does", "Sources", "Id")
DECISIVE = "*"


@click.command(
    epilog="""\b
Example:
  timeline why DeepMind "Lucas Beyer" --at 2024-06-01
  timeline why OpenAI "Lucas Beyer" --at 2024-12-04 --published-by 2024-12-04"""
)
@click.argument("lab")
@click.argument("person")
@click.option("--at", metavar="DAY", help="The day asked for  [default: today]")
@click.option(
    "--known-at", metavar="TIME", help="As known then: an instant, or a position  [default: now]"
)
@click.option(
    "--published-by", metavar="DAY", help="Only by what was published by then  [default: all]"
)
@service_options
def why(
    service: Service,
    /,
    lab: str,
    person: str,
    at: str | None,
    known_at: str | None,
    published_by: str | None,
) -> None:
    """
    Why somebody was at a lab on a day, or was not.

    LAB and PERSON are ids or any known names. The events stand in the order in which they were
    placed.
    """
    with service.connect() as client:
        params = {"at": at, "known_at": known_at, "published_by": published_by}
        answer = client.get(path_to("labs", lab, "members", person, "why"), params)
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_why(answer.json)


def _print_why(answer: dict[str, Any]) -> None:
    print_line(answer["sentence"])
    presence = None if answer["presence"] == "absent" else answer["presence"]
    on_leave = bool(answer["stint"] and answer["stint"]["on_leave"])
    print_line(f"{presence_in_words(presence, on_leave=on_leave)} {times_in_words(answer)}")
    if answer["steps"]:
        print_line()
        print_table(HEADINGS, [*_rows(answer["steps"])])
    if any(step["is_decisive"] for step in answer["steps"]):
        print_line()
        print_line(f"{DECISIVE} without it the answer would be another.")
    for heading, lines in (
        ("Passed over:", [*_passed_over(answer["passed_over"])]),
        ("Corrected:", [*_corrections(answer["corrections"])]),
    ):
        if lines:
            print_line()
            print_line(heading)
            for line in lines:
                print_line(f"  {line}")


def _rows(steps: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for step in steps:
        narrowed = {"date": step["date"], **step["narrowed"]}
        left = bounds_in_words(narrowed) if step["narrowed"] != step["recorded"] else ""
        yield (
            DECISIVE if step["is_decisive"] else "",
            name_of(step["lab"]),
            step["type"],
            date_in_words(step["date"]),
            left.partition(" (")[2].removesuffix(")"),
            step["rule"],
            "; ".join(map(_source_in_words, step["sources"])),
            step["event"]["event_id"],
        )


def _source_in_words(source: dict[str, Any]) -> str:
    said = source.get("publisher") or source["url"]
    return f"{said}, {date_in_words(source['published'])}" if source.get("published") else said


def _passed_over(passed: list[dict[str, Any]]) -> Iterator[str]:
    for each in passed:
        mark = f"{DECISIVE} " if each["is_decisive"] else ""
        event_id = each["event"]["event_id"]
        yield f"{mark}{each['type']}, {date_in_words(each['date'])}: {each['rule']} {event_id}"


def _corrections(corrections: list[dict[str, Any]]) -> Iterator[str]:
    for each in corrections:
        yield (
            f"{each['type']} at position {each['position']} of {each['target']}: {each['reason']}"
        )
