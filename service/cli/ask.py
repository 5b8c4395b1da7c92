"""`timeline ask`: a question in words."""

from collections.abc import Mapping
from typing import Any

import click

from service.cli.moves import print_moves
from service.cli.options import Service, service_options
from service.cli.person import print_person, whereabouts
from service.cli.terminal import print_json, print_line
from service.cli.who import print_roster
from service.cli.words import day_in_words, headcount_in_words


@click.command(
    epilog="""\b
Example:
  timeline ask who was at DeepMind on 2024-06-01
  timeline ask "where was Lucas Beyer in May 2025"
  timeline ask moves from OpenAI to Anthropic in 2024"""
)
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--known-at", metavar="TIME", help="As known then: an instant, or a position  [default: now]"
)
@click.option(
    "--published-by", metavar="DAY", help="Only by what was published by then  [default: all]"
)
@service_options
def ask(
    service: Service,
    /,
    words: tuple[str, ...],
    known_at: str | None,
    published_by: str | None,
) -> None:
    """
    What a question in words is answered.

    It asks who was at a lab, where someone was, or who moved; or is a name alone. What was
    understood is said first. Presence is of a day: of a month or a longer time it is that
    on its last day, and beside it that on its first.
    """
    with service.connect() as client:
        params = {"q": " ".join(words), "known_at": known_at, "published_by": published_by}
        answer = client.get("/v1/ask", params)
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_answer(answer.json)


def _print_answer(told: Mapping[str, Any]) -> None:
    answer, first = told["answer"], told.get("first")
    print_line(told["question"]["says"])
    print_line()
    if "members" in answer:
        print_roster(answer)
    elif "stints" in answer:
        print_person(answer)
    else:
        print_moves(answer)
    print_line()
    if first:
        print_line(f"On its first day, {day_in_words(first['at'])}: {_in_short(first)}")
    print_line(f"The same without words: {told['href']}")


def _in_short(answer: Mapping[str, Any]) -> str:
    if "members" in answer:
        return headcount_in_words(answer["headcount"])
    return whereabouts(answer["stints"])
