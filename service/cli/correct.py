"""`timeline correct`: what an event should have said."""

from collections.abc import Mapping
from typing import Any

import click

from service.cli.client import path_to
from service.cli.dry_runs import dry_run_option, params_of, print_dry_run
from service.cli.fields import assembled, event_options, flat_given
from service.cli.options import Service, service_options
from service.cli.record import known_type
from service.cli.recorded import print_recorded

BLANK: tuple[Any, ...] = (None, "", [], [""], {}, [{"url": ""}])
"""Values that take a field away."""


@click.command(
    epilog="""\b
Example:
  timeline correct 4f1c1c1e-0a5e-4e57-9a5f-6f1e7c3d2b10 --date 2024-08 \\
    --reason "The announcement gives the month"
  timeline correct 4f1c1c1e-0a5e-4e57-9a5f-6f1e7c3d2b10 --role '' --reason "Not in the source\""""
)
@click.argument("event_id_to_correct", metavar="EVENT_ID")
@click.option("--reason", required=True, help="Why, for those who ask later")
@click.option("--type", help="What it is instead; fields that it does not know are dropped")
@event_options
@dry_run_option
@service_options
def correct(
    service: Service,
    /,
    event_id_to_correct: str,
    reason: str,
    type: str | None,
    dry_run: bool,
    **options: Any,
) -> None:
    """
    Correct an event.

    The fields given replace those of the event EVENT_ID, the others stay as they read now. An
    empty value takes a field away. Repeatable options replace the whole list. The event as
    first recorded stays in the log, and earlier times of knowledge still answer with it.
    --dry-run shows as a diff what the correction would change.
    """
    changes = assembled(flat_given(options))
    if type is not None:
        changes["type"] = known_type(type)
    if not changes:
        raise click.UsageError("Nothing to correct; give the fields as they should read.")
    with service.connect() as client:
        event = client.get(path_to("events", event_id_to_correct)).json
        body = {**corrected(event, changes), "reason": reason}
        path = path_to("events", event_id_to_correct, "correction")
        answer = client.put(
            path, body, params=params_of(dry_run=dry_run), headers=_unless_moved(event)
        )
    (print_dry_run if dry_run else print_recorded)(service, answer)


def corrected(event: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """
    The whole payload of *event* as it reads now, with *changes*; blank ones take away.

    The corrector's own `event_id` comes along, the one of *event* does not.
    """
    payload = {**_payload(event), **changes}
    if "ids" in changes:
        payload["ids"] = _given({**(_payload(event).get("ids") or {}), **changes["ids"]})
    fields = {"type", "event_id", *_fields(payload["type"])}
    return {k: v for k, v in _given(payload).items() if k in fields}


def _payload(event: Mapping[str, Any]) -> dict[str, Any]:
    """What *event* says now, or said last if it was retracted, without what the log adds."""
    corrections = [e for e in event.get("corrections") or () if e.get("type") == "correction"]
    said = corrections[-1]["event"] if corrections else event
    effective = event.get("current") or said
    fields = ("type", *_fields(effective["type"]))
    return {k: effective[k] for k in fields if effective.get(k) is not None}


def _fields(type: str) -> tuple[str, ...]:
    from service.domain.events import FACTS  # noqa: PLC0415 (start-up)

    return FACTS[type].__struct_fields__ if type in FACTS else ()


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in values.items() if v not in BLANK}


def _unless_moved(event: Mapping[str, Any]) -> dict[str, str]:
    """Refuse if somebody else corrects the event between our reading and our writing."""
    revision = event.get("revision")
    return {"If-Match": f'"{revision}"'} if revision is not None else {}
