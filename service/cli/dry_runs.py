"""How `record`, `correct` and `retract` tell what they would change, as a diff."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from service.cli.client import Answer
from service.cli.options import Service
from service.cli.terminal import print_json, print_line
from service.cli.words import (
    bounds_in_words,
    day_in_words,
    finding_sentence,
    name_of,
    sentence,
)

LINES_MAX = 200
"""Of a diff on a terminal or in a pipe; --json has all of it."""

dry_run_option: Callable[..., Any] = click.option(
    "--dry-run", is_flag=True, help="Record nothing; show what would change."
)


def params_of(*, dry_run: bool) -> dict[str, str] | None:
    """The query of a write, or of its rehearsal."""
    return {"dry_run": "true"} if dry_run else None


def print_dry_run(service: Service, answer: Answer) -> None:
    """What *answer* says would change: stints before and after, headcounts, findings."""
    if service.as_json:
        print_json(answer.raw)
        return
    told: dict[str, Any] = answer.json
    lines = [*_lines(told)]
    for line in lines[:LINES_MAX]:
        print_line(line)
    if len(lines) > LINES_MAX:
        print_line(f"and {len(lines) - LINES_MAX:,} lines more; --json has all of them")
    print_line(f"Nothing was recorded; rehearsed at position {told['known_at']['position']}.")


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    done = "Recorded before" if told["replayed"] else "Would be recorded"
    for event in told["events"]:
        yield f"{done} at position {event['position']}: {sentence(event)}."
    for change in told["changes"]:
        yield f"{name_of(change['person'])} at {name_of(change['lab'])}"
        yield from stints_diff(change["before"], change["after"])
    yield from map(headcount_change_in_words, told["headcounts"])
    for finding in told["findings"]:
        yield f"+ noticed {finding_sentence(finding)}"
    for finding in told["findings_gone"]:
        yield f"- noticed {finding_sentence(finding)}"
    if not told["changes"] and not told["replayed"]:
        yield "No stay would change."


def stints_diff(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Stays that go, then those that come; what differs in evidence alone is said so."""
    old, new = [*map(_stint, before)], [*map(_stint, after)]
    if old == new:
        yield "  (the same days and role, on other evidence)"
        return
    yield from (f"- {stint}" for stint in old if stint not in new)
    yield from (f"+ {stint}" for stint in new if stint not in old)


def _stint(stint: Mapping[str, Any]) -> str:
    until = f"until {bounds_in_words(stint['end'])}" if stint["end"] else "no departure recorded"
    said = [f"since {bounds_in_words(stint['start'])}", until]
    if stint.get("role"):
        said.append(str(stint["role"]))
    if not stint["end"] and stint.get("last_evidence"):
        said.append(f"last evidence {day_in_words(stint['last_evidence'])}")
    return ", ".join(said)


def headcount_change_in_words(span: Mapping[str, Any]) -> str:
    """By how many the counts of a lab moved on some days."""
    moves = [
        f"{abs(span[presence])} {'more' if span[presence] > 0 else 'fewer'} {presence}"
        for presence in ("certain", "presumed", "possible")
        if span[presence]
    ]
    return f"{name_of(span['lab'])} has {' and '.join(moves)} {_days(span['from'], span['to'])}."


def _days(first: str | None, last: str | None) -> str:
    if first is not None and first == last:
        return f"on {day_in_words(first)}"
    since = f"from {day_in_words(first)}" if first else "from the beginning"
    return f"{since} to {day_in_words(last)}" if last else f"{since} on"
