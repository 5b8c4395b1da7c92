"""`timeline replay`: the read models built anew from the log."""

from typing import Any

import click
import msgspec

from service.cli.client import Answer, Client, path_to
from service.cli.exits import FAULT
from service.cli.options import Service, service_options
from service.cli.terminal import meter, print_json, print_line

SECONDS_BETWEEN_LOOKS = 0.5
DRIFT_SHOWN_MAX = 20


@click.command(
    epilog="""\b
Example:
  timeline replay --check"""
)
@click.option("--check", is_flag=True, help="Only compare; leave the read models as they are.")
@service_options
def replay(service: Service, /, check: bool) -> None:
    """
    Build the read models anew from the log.

    The log is folded from its beginning, and the result takes their place in one step. Reads and writes go on meanwhile. Exits with 1 if it failed, or if what was there differed.
    """
    with service.connect() as client:
        started = client.post(path_to("replays"), params={"check": "true" if check else None})
        answer = _watched(client, started)
    result: dict[str, Any] = answer.json
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_result(result, check=check)
    if result["state"] != "done" or result.get("drift"):
        click.get_current_context().exit(FAULT)


def _watched(client: Client, answer: Answer) -> Answer:
    """The last word on a replay, its progress told on the way."""
    with meter("Replay") as progress:
        while (result := answer.json)["state"] == "running":
            client.pause(SECONDS_BETWEEN_LOOKS)
            answer = client.get(path_to("replays", str(result["id"])))
            done, total = answer.json["done"], answer.json["total"]
            progress.at(done, total, f"{done:,} of {total:,} events")
    return answer


def _print_result(result: dict[str, Any], *, check: bool) -> None:
    drift = result.get("drift") or []
    events = f"{result.get('done', 0):,} of {result.get('total', 0):,} events"
    if speed := result.get("events_per_second"):
        events += f", {speed:,.0f} a second"
    if result["state"] != "done":
        print_line(f"The replay failed after {events}. {result.get('error') or ''}".rstrip())
    elif drift:
        print_line(f"Replayed {events}: the read models differed in {len(drift):,} places.")
    else:
        kept = "are what the log says" if check else "are built anew and differed in nothing"
        print_line(f"Replayed {events}: the read models {kept}.")
    for difference in drift[:DRIFT_SHOWN_MAX]:
        print_line(f"  {_in_one_line(difference)}")
    if len(drift) > DRIFT_SHOWN_MAX:
        print_line(f"  and {len(drift) - DRIFT_SHOWN_MAX:,} more")


def _in_one_line(difference: Any) -> str:
    return difference if isinstance(difference, str) else msgspec.json.encode(difference).decode()
