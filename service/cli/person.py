"""`timeline person`: where somebody was, and is on a day."""

from collections.abc import Iterator
from typing import Any

import click

from service.cli.client import path_to
from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line, print_table
from service.cli.words import (
    bounds_in_words,
    finding_sentence,
    name_of,
    presence_in_words,
    times_in_words,
)

HEADINGS = ("Lab", "Start", "End", "Role", "On the day")


@click.command(
    epilog="""\b
Example:
  timeline person "Noam Shazeer" --at 2024-06-01
  timeline person noam-shazeer --known-at 2026-11-01T09:00Z"""
)
@click.argument("name")
@click.option("--at", metavar="DAY", help="The day asked for  [default: today]")
@click.option(
    "--known-at", metavar="TIME", help="As known then: an instant, or a position  [default: now]"
)
@click.option(
    "--published-by", metavar="DAY", help="Only by what was published by then  [default: all]"
)
@service_options
def person(
    service: Service,
    /,
    name: str,
    at: str | None,
    known_at: str | None,
    published_by: str | None,
) -> None:
    """
    Where somebody was, and what is doubtful about it.

    NAME is an id or any known name of the person.
    """
    with service.connect() as client:
        params = {"at": at, "known_at": known_at, "published_by": published_by}
        answer = client.get(path_to("people", name), params)
    if service.as_json:
        print_json(answer.raw)
    else:
        print_person(answer.json)


def print_person(answer: dict[str, Any]) -> None:
    """A person as the service tells of them: where on the day, every stay, what was noticed."""
    who, stints = answer["person"], answer["stints"]
    print_line(f"{who['name']} {times_in_words(answer)}: {whereabouts(stints)}.")
    if aliases := who.get("aliases"):
        print_line(f"Also known as {', '.join(aliases)}.")
    if stints:
        print_line()
        print_table(HEADINGS, [*_rows(stints)])
    if findings := answer.get("findings"):
        print_line()
        print_line("Noticed:")
        for finding in findings:
            print_line(f"  {finding_sentence(finding)}")


def whereabouts(stints: list[dict[str, Any]]) -> str:
    """Where somebody with these stints was on the day of the answer, and how surely."""
    there = [f"at {name_of(s['lab'])} ({s['presence']})" for s in stints if s["presence"]]
    return ", ".join(there) or "at no lab that the log knows of"


def _rows(stints: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for stint in stints:
        yield (
            name_of(stint["lab"]),
            bounds_in_words(stint["start"]),
            bounds_in_words(stint["end"]) if stint.get("end") else "open",
            stint.get("role") or "",
            presence_in_words(stint["presence"]),
        )
