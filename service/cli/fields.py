"""
The fields of an event as a command line or a CSV file gives them: flat, all text.

Flat names are those of the event, and a few more: `new_person`, `new_lab` and `new_founders`
add someone or something new by name, `source_url`, `source_title`, `source_publisher` and
`source_published` make up the sources, and the outside ids stand on their own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

EVENT_TYPES = (
    "founding", "hire", "departure", "sighting", "role_change", "leave", "return", "renaming",
    "ownership", "merger", "closure", "profile", "same_as", "different_from",
)  # fmt: skip

PLAIN = (
    "type", "person", "lab", "date", "role", "team", "location", "relation", "via", "cause",
    "parent", "name", "into", "other", "kind", "country", "basis", "certainty", "note", "event_id",
)  # fmt: skip
LISTS = ("aliases", "absorbed", "founders")
NEW = {"new_person": "person", "new_lab": "lab"}
OUTSIDE_IDS = ("wikidata", "orcid", "openalex", "homepage")
SOURCE_DETAILS = ("source_title", "source_publisher", "source_published")

FLAT_NAMES = (
    *PLAIN, *LISTS, *NEW, "new_founders", "source_url", *SOURCE_DETAILS, *OUTSIDE_IDS,
)  # fmt: skip
MANY = (*LISTS, "new_founders", "source_url")
"""Flat names that take several values."""

Flat = Mapping[str, str | Sequence[str]]


def assembled(flat: Flat) -> dict[str, Any]:
    """
    The event that *flat* gives, in the form of the API.

    Shapes: the names in MANY have a sequence, the others text; what is not given is left out.

    >>> assembled({"type": "hire", "new_person": "Ada", "source_url": ["https://a.example"]})
    {'type': 'hire', 'person': {'name': 'Ada'}, 'sources': [{'url': 'https://a.example'}]}
    """
    event: dict[str, Any] = {k: flat[k] for k in PLAIN if k in flat}
    event |= {NEW[k]: {"name": flat[k]} for k in NEW if k in flat}
    event |= {k: list(flat[k]) for k in LISTS if k in flat}
    if new_founders := flat.get("new_founders"):
        added = [{"person": {"name": name}} for name in new_founders]
        event["founders"] = event.get("founders", []) + added
    if sources := _sources(flat):
        event["sources"] = sources
    if ids := {k: flat[k] for k in OUTSIDE_IDS if k in flat}:
        event["ids"] = ids
    return event


def _sources(flat: Flat) -> list[dict[str, Any]]:
    """Several addresses are several sources; title, publisher and day are those of the first."""
    details = {k.removeprefix("source_"): flat[k] for k in SOURCE_DETAILS if k in flat}
    sources: list[dict[str, Any]] = [{"url": url} for url in flat.get("source_url", ())]
    if not details:
        return sources
    first, *rest = sources or [{}]
    return [first | details, *rest]


def event_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* an option for each field of an event."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def flat_given(options: Mapping[str, Any]) -> dict[str, str | Sequence[str]]:
    """
    The fields among *options* that were given.

    Raises:
        click.UsageError: a field is given twice, or an outside id is not KEY=VALUE.
    """
    flat: dict[str, str | Sequence[str]] = {
        name: options[name] for name in FLAT_NAMES if options.get(name) not in (None, ())
    }
    for new, known in NEW.items():
        if new in flat and known in flat:
            raise click.UsageError(f"--{known} and --new-{known} are one field; give one of them.")
    return flat | _outside_ids(options.get("outside_ids") or ())


def _outside_ids(pairs: Sequence[str]) -> dict[str, str]:
    ids = dict(_outside_id(pair) for pair in pairs)
    if len(ids) < len(pairs):
        raise click.UsageError("--id names one register twice; give each once.")
    return ids


def _outside_id(pair: str) -> tuple[str, str]:
    register, equals, value = pair.partition("=")
    if not equals or register not in OUTSIDE_IDS:
        known = ", ".join(OUTSIDE_IDS)
        raise click.UsageError(f"'{pair}' is no outside id; write KEY=VALUE with one of {known}.")
    return register, value


def _many(flag: str, name: str, help: str) -> Callable[..., Any]:
    return click.option(flag, name, multiple=True, help=f"{help} (repeatable)")


_OPTIONS = (
    click.option("--person", help="Who, by id or known name"),
    click.option("--new-person", metavar="NAME", help="Who, added if nobody is called so"),
    click.option("--lab", help="Where, by id or known name"),
    click.option("--new-lab", metavar="NAME", help="Where, added if nothing is called so"),
    click.option("--date", help="2024-06-01, 2024-06, 2017~, 2024? or [2024-03..2024-05]"),
    click.option("--role", help="As the source words it"),
    click.option("--team"),
    click.option("--location"),
    click.option(
        "--relation",
        help="employee, founder, advisor, board, visiting, contractor, student or faculty",
    ),
    click.option("--via", help="How a hire came about"),
    click.option("--cause", help="Of a departure"),
    click.option("--note"),
    click.option("--basis", help="Of the date: effective, announced, reported or inferred"),
    click.option("--certainty", help="confirmed, reported or rumoured"),
    _many("--source", "source_url", "Web address that says so"),
    _many("--founder", "founders", "Of a founding, by id or known name"),
    _many("--new-founder", "new_founders", "Of a founding, added if nobody is called so"),
    _many("--absorbed", "absorbed", "Lab that a merger absorbs"),
    click.option("--parent", help="Whose the lab is"),
    click.option("--name", help="New name, of a renaming or a profile"),
    _many("--alias", "aliases", "Other name, of a profile"),
    click.option("--into", help="Of a same_as: the one that stays"),
    click.option("--other", help="Of a different_from: the other one"),
    click.option("--kind", help="Of a lab"),
    click.option("--country", help="Of a lab"),
    _many("--id", "outside_ids", f"KEY=VALUE, with {', '.join(OUTSIDE_IDS)}"),
    click.option("--event-id", metavar="UUID", help="Your own id for the event"),
)
