"""`timeline who`: the roster of a lab on a day."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import click

from service.cli.client import path_to
from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line, print_table
from service.cli.words import (
    LEGEND,
    MARKS,
    date_in_words,
    day_in_words,
    headcount_in_words,
    name_of,
    presence_in_words,
    times_in_words,
)

HEADINGS = ("Presence", "Name", "Role", "Since", "Until", "Last evidence")


@click.command(
    epilog="""\b
Example:
  timeline who DeepMind --at 2024-06-01
  timeline who "Google Brain" --at 2022-01-01 --known-at 712 --presence certain"""
)
@click.argument("lab")
@click.option("--at", metavar="DAY", help="The day asked for  [default: today]")
@click.option(
    "--known-at", metavar="TIME", help="As known then: an instant, or a position  [default: now]"
)
@click.option(
    "--published-by", metavar="DAY", help="Only by what was published by then  [default: all]"
)
@click.option("--presence", type=click.Choice([*MARKS]), help="Only these")
@service_options
def who(
    service: Service,
    /,
    lab: str,
    at: str | None,
    known_at: str | None,
    published_by: str | None,
    presence: str | None,
) -> None:
    """
    Who was at a lab on a day.

    LAB is an id or any name that it ever had. Former names and near spellings of case and
    accents will do.
    """
    with service.connect() as client:
        params = {
            "at": at,
            "known_at": known_at,
            "published_by": published_by,
            "presence": presence,
        }
        answer = client.get(path_to("labs", lab), params)
    if service.as_json:
        print_json(answer.raw)
    else:
        print_roster(answer.json)


def print_roster(answer: dict[str, Any]) -> None:
    """A roster as the service tells it: both times, the counts, everyone, what the marks mean."""
    print_line(f"{answer['lab']['name']} {times_in_words(answer)}")
    if standing := _standing_in_words(answer["lab"]):
        print_line(standing)
    print_line(headcount_in_words(answer["headcount"]))
    if not answer["members"]:
        print_line("Nobody to show.")
        return
    print_line()
    print_table(HEADINGS, [*_rows(answer["members"])])
    print_line()
    for line in LEGEND:
        print_line(line)


def _rows(members: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    names = Counter(name_of(member["person"]) for member in members)
    for member in members:
        person = member["person"]
        name = name_of(person)
        yield (
            presence_in_words(member["presence"], on_leave=member.get("on_leave", False)),
            name if names[name] == 1 else f"{name} ({person['id']})",
            member.get("role") or "",
            date_in_words(member.get("since")) or "unknown",
            date_in_words(member.get("until")),
            day_in_words(member.get("last_evidence") or ""),
        )


def _standing_in_words(lab: dict[str, Any]) -> str:
    """What to know of a lab that is not simply there on the day."""
    match lab.get("status"):
        case "not_founded":
            return "Not founded yet on that day."
        case "closed":
            return "Closed by that day."
        case "merged":
            successor = lab.get("successor")
            return f"Merged by that day into {name_of(successor)}." if successor else "Merged."
        case _:
            return ""
