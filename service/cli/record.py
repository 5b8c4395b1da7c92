"""`timeline record`: one event into the log."""

import sys
from typing import Any

import click
import msgspec

from service.cli.client import path_to
from service.cli.dry_runs import dry_run_option, params_of, print_dry_run
from service.cli.fields import EVENT_TYPES, assembled, event_options, flat_given
from service.cli.options import Service, service_options
from service.cli.recorded import print_recorded


@click.command(
    epilog="""\b
Example:
  timeline record hire --new-person "John Jumper" --lab Anthropic \\
    --date '[2026-06-19..]' --basis announced --source https://example.org/news
  timeline record merger --absorbed "Google Brain" --lab DeepMind --date 2023-04-20 --dry-run
  timeline record --json-event '{"type": "closure", "lab": "Adept", "date": "2024-06"}'"""
)
@click.argument("type", required=False, metavar="TYPE")
@event_options
@click.option("--json-event", metavar="JSON", help="The whole event; - reads it from stdin")
@click.option("--idempotency-key", metavar="KEY", help="Repeat it to get the first answer again")
@dry_run_option
@service_options
def record(
    service: Service,
    /,
    type: str | None,
    json_event: str | None,
    idempotency_key: str | None,
    dry_run: bool,
    **options: Any,
) -> None:
    """
    Record one event.

    TYPE is founding, hire, departure, sighting, role_change, leave, return,
    renaming, ownership, merger, closure, profile, same_as or different_from.
    """
    event = _event(type, json_event, assembled(flat_given(options)))
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    with service.connect() as client:
        answer = client.post(
            path_to("events"), event, params=params_of(dry_run=dry_run), headers=headers
        )
    (print_dry_run if dry_run else print_recorded)(service, answer)


def _event(type: str | None, json_event: str | None, fields: dict[str, Any]) -> dict[str, Any]:
    """
    Raises:
        click.UsageError: no event is given, or two ways of giving one are mixed.
    """
    if json_event is None:
        return {"type": known_type(type), **fields}
    if type is not None or fields:
        raise click.UsageError("--json-event is the whole event; give TYPE and fields in it.")
    text = sys.stdin.buffer.read() if json_event == "-" else json_event
    try:
        event = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise click.UsageError(f"--json-event is no JSON: {exc}.") from exc
    if not isinstance(event, dict):
        raise click.UsageError("--json-event is one event, an object; use load for several.")
    return event


def known_type(type: str | None) -> str:
    """
    The type as the API spells it; `role-change` will do.

    Raises:
        click.UsageError: there is no such type.
    """
    slug = (type or "").replace("-", "_")
    if slug in EVENT_TYPES:
        return slug
    said = f"'{type}' is no type of event" if type else "A TYPE is missing"
    raise click.UsageError(f"{said}; it is one of {', '.join(EVENT_TYPES)}.")
