"""`timeline moves`: who moved from which lab to which."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line, print_table
from service.cli.words import (
    date_in_words,
    day_in_words,
    name_of,
    presence_in_words,
    times_in_words,
)

HEADINGS = ("Sure", "Name", "From", "To", "Left", "Joined", "Elsewhere")
KINDS = ("move", "departure", "arrival")
LEGEND = (
    "● certain: every reading of the dates has it so, and in the period that was asked for.",
    "○ possible: only some readings do.",
)


@click.command(
    epilog="""\b
Example:
  timeline moves --from-lab OpenAI --to-lab Anthropic --from 2024-01-01 --to 2024-12-31
  timeline moves --from-lab DeepMind --kind departure"""
)
@click.option("--from-lab", metavar="LAB", help="Only from there")
@click.option("--to-lab", metavar="LAB", help="Only to there")
@click.option("--person", metavar="NAME", help="Only theirs")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="From lab to lab, or with no next or no earlier lab known  [default: all]",
)
@click.option("--from", "from_on", metavar="DAY", help="First day of the period")
@click.option("--to", "to_on", metavar="DAY", help="Last day of the period")
@click.option("--within", metavar="DAYS", help="So soon is the next lab joined  [default: 365]")
@click.option("--at", metavar="DAY", help="As labs were called then  [default: today]")
@click.option(
    "--known-at", metavar="TIME", help="As known then: an instant, or a position  [default: now]"
)
@click.option(
    "--published-by", metavar="DAY", help="Only by what was published by then  [default: all]"
)
@click.option("--limit", metavar="N", help="So many at once  [default: 100]")
@click.option("--cursor", metavar="TEXT", help="Where the page before ended")
@service_options
def moves(service: Service, /, from_on: str | None, to_on: str | None, **asked: str | None) -> None:
    """
    Who moved from which lab to which, the latest first.

    Labs and people are named by ids or any known names. Whom a merger carried has not moved.
    """
    with service.connect() as client:
        answer = client.get("/v1/moves", {**asked, "from": from_on, "to": to_on})
    if service.as_json:
        print_json(answer.raw)
    else:
        print_moves(answer.json)


def print_moves(answer: Mapping[str, Any]) -> None:
    """Moves as the service tells them: how many, each with its ends, what the marks mean."""
    print_line(f"Moves{_period(answer['period'])}, labs as called {times_in_words(answer)}")
    count = answer["count"]
    further = f", {count['possible']} further possible" if count["possible"] else ""
    print_line(f"{count['certain']} certain{further}")
    if not answer["items"]:
        print_line("Nobody to show.")
        return
    print_line()
    print_table(HEADINGS, [*_rows(answer["items"])])
    print_line()
    for line in LEGEND:
        print_line(line)
    if answer["next"]:
        print_line(f"There are more: --cursor {answer['next']}")


def _period(period: Mapping[str, str | None]) -> str:
    first, last = period["from"], period["to"]
    since = f" from {day_in_words(first)}" if first else ""
    return f"{since} until {day_in_words(last)}" if last else since


def _rows(items: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for move in items:
        is_vague = "possible" in (move["is_next"], move["in_period"])
        yield (
            presence_in_words("possible" if is_vague else "certain"),
            name_of(move["person"]),
            _lab(move["from"]),
            _lab(move["to"]),
            _end(move["left"]),
            _end(move["joined"]),
            ", ".join(f"{name_of(e['lab'])} ({e['presence']})" for e in move["elsewhere"]),
        )


def _lab(lab: Mapping[str, Any] | None) -> str:
    return name_of(lab) if lab else "not known"


def _end(end: Mapping[str, Any] | None) -> str:
    return (date_in_words(end["date"]) or "date not known") if end else "not known"
