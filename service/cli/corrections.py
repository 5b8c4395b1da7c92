"""`timeline corrections`: what was corrected and retracted, before and after."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from service.cli.dry_runs import headcount_change_in_words, stints_diff
from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line
from service.cli.words import (
    finding_sentence,
    instant_in_words,
    knowledge_in_words,
    name_of,
    sentence,
)

LINES_MAX = 12
"""Of what one of them changed; --json has more, and the event itself all of it."""


@click.command(
    epilog="""\b
Example:
  timeline corrections --lab OpenAI
  timeline corrections --type retraction --recorded-from 2026-11-01"""
)
@click.option("--type", type=click.Choice(("correction", "retraction")), help="Only these")
@click.option("--person", metavar="NAME", help="Only of events that name them")
@click.option("--lab", metavar="LAB", help="Only of events that name it")
@click.option("--recorded-by", metavar="KEY", help="Only by whom this key names")
@click.option("--recorded-from", metavar="DAY", help="Recorded on this day or later")
@click.option("--recorded-to", metavar="DAY", help="Recorded on this day or earlier")
@click.option("--at", metavar="DAY", help="As labs were called then  [default: today]")
@click.option(
    "--known-at", metavar="TIME", help="As known then: an instant, or a position  [default: now]"
)
@click.option("--limit", metavar="N", help="So many at once  [default: 100]")
@click.option("--cursor", metavar="TEXT", help="Where the page before ended")
@service_options
def corrections(service: Service, /, **asked: str | None) -> None:
    """What was corrected and retracted, and what that changed."""
    with service.connect() as client:
        answer = client.get("/v1/corrections", asked)
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_corrections(answer.json)


def _print_corrections(answer: Mapping[str, Any]) -> None:
    total = answer["total"]
    counted = (
        "1 correction or retraction" if total == 1 else f"{total:,} corrections and retractions"
    )
    print_line(f"{counted if total else 'Nothing was corrected'}, {knowledge_in_words(answer)}")
    for one in answer["items"]:
        print_line()
        for line in _lines(one):
            print_line(line)
    if answer["next"]:
        print_line()
        print_line(f"There are more: --cursor {answer['next']}")


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    effect, target = one["effect"], one["target"]
    when = instant_in_words(one["recorded_at"])
    yield (
        f"{one['type']} at position {one['position']} by {one['recorded_by']}, {when}: "
        f"{one['reason']}"
    )
    said, says = effect["said"], effect["says"]
    days = effect["stood"]["days"]
    stood = "less than a day" if days == 0 else "1 day" if days == 1 else f"{days:,} days"
    yield f"- {sentence(said) if said else 'nothing: it had been withdrawn'} (stood {stood})"
    yield f"+ {sentence(says) if says else 'nothing: it is withdrawn'}"
    yield f"  about event {target['event_id']}, position {target['position']}"
    changed = [*_changed(effect)]
    yield from (f"  {line}" for line in changed[:LINES_MAX])
    if len(changed) > LINES_MAX:
        yield f"  and {len(changed) - LINES_MAX:,} lines more; --json has them"


def _changed(effect: Mapping[str, Any]) -> Iterator[str]:
    for change in effect["changes"]:
        yield f"{name_of(change['person'])} at {name_of(change['lab'])}"
        yield from stints_diff(change["before"], change["after"])
    yield from map(headcount_change_in_words, effect["headcounts"])
    for finding in effect["findings"]["arising"]:
        yield f"+ noticed {finding_sentence(finding)}"
    for finding in effect["findings"]["going"]:
        yield f"- noticed {finding_sentence(finding)}"
