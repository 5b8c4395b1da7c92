"""`timeline retract`: an event that should not have been recorded."""

import click

from service.cli.client import path_to
from service.cli.dry_runs import dry_run_option, params_of, print_dry_run
from service.cli.options import Service, service_options
from service.cli.recorded import print_recorded


@click.command(
    epilog="""\b
Example:
  timeline retract 4f1c1c1e-0a5e-4e57-9a5f-6f1e7c3d2b10 --reason "Another person of that name\""""
)
@click.argument("event_id", metavar="EVENT_ID")
@click.option("--reason", required=True, help="Why, for those who ask later")
@dry_run_option
@service_options
def retract(service: Service, /, event_id: str, reason: str, dry_run: bool) -> None:
    """
    Retract an event.

    The event EVENT_ID no longer counts from then on, and stays in the log. A later `timeline correct` brings it back.
    """
    with service.connect() as client:
        answer = client.put(
            path_to("events", event_id, "retraction"),
            {"reason": reason},
            params=params_of(dry_run=dry_run),
        )
    (print_dry_run if dry_run else print_recorded)(service, answer)
