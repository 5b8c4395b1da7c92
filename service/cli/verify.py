"""`timeline verify`: whether the log is what was written."""

from typing import Any

import click

from service.cli.client import path_to
from service.cli.exits import FAULT
from service.cli.options import Service, service_options
from service.cli.terminal import print_json, print_line


@click.command(
    epilog="""\b
Example:
  timeline verify"""
)
@service_options
def verify(service: Service, /) -> None:
    """
    Check that the log is what was written.

    Every position and every hash is looked at. Exits with 1 if the log is broken.
    """
    with service.connect() as client:
        answer = client.post(path_to("verifications"))
    result: dict[str, Any] = answer.json
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_result(result)
    if result["state"] != "ok":
        click.get_current_context().exit(FAULT)


def _print_result(result: dict[str, Any]) -> None:
    head = result["head"]
    verdict = "The log is whole" if result["state"] == "ok" else "The log is broken"
    print_line(f"{verdict}: {result['events']:,} events, head at position {head['position']:,}.")
    print_line(f"Head hash {head['hash']}")
    for problem in result.get("problems") or ():
        print_line(f"  position {problem['position']}: {problem['message']}")
