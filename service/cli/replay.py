"""`timeline replay`: the read models built anew from the log, and the way back."""

from typing import Any

import click
import msgspec

from service.cli.client import Answer, Client, path_to
from service.cli.exits import FAULT, refused
from service.cli.options import Service, service_options
from service.cli.terminal import meter, print_json, print_line

SECONDS_BETWEEN_LOOKS = 0.5
DRIFT_SHOWN_MAX = 20


@click.command(
    epilog="""\b
Example:
  timeline replay --check
  timeline replay --processes 2
  timeline replay --rollback"""
)
@click.option("--check", is_flag=True, help="Only compare; leave the read models as they are.")
@click.option("--force", is_flag=True, help="Switch even if what was there differs.")
@click.option(
    "--rollback", is_flag=True, help="Put the read models before the last replay back in place."
)
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="So many processes fold a long log  [env: TIMELINE_REPLAY_PROCESSES; else 1]",
)
@service_options
def replay(
    service: Service, /, check: bool, force: bool, rollback: bool, processes: int | None
) -> None:
    """
    Build the read models anew from the log.

    The log is folded from its beginning, and the result takes their place in one step. Reads and writes go on meanwhile. What was there before is kept until the next replay and can be put back. Exits with 1 if it failed, or if what was there differed.
    """
    if check + force + rollback > 1:
        raise click.UsageError("--check, --force and --rollback exclude each other.")
    if rollback and processes is not None:
        raise click.UsageError("--processes goes with a replay; --rollback folds little.")
    with service.connect() as client:
        if rollback:
            started = client.post(path_to("replays", _last_switched(client), "rollback"))
        else:
            asked = {
                "check": "true" if check else None,
                "force": "true" if force else None,
                "processes": processes,
            }
            started = client.post(path_to("replays"), params=asked)
        answer = _watched(client, started)
    result: dict[str, Any] = answer.json
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_result(result, check=check)
    if result["state"] != "done" or result.get("drift"):
        click.get_current_context().exit(FAULT)


def _last_switched(client: Client) -> str:
    """
    The id of the replay that made the read models in use.

    Raises:
        CommandRefused: none did.
    """
    for each in client.get(path_to("replays")).json["items"]:
        if each["checkpoint"] is not None:
            return str(each["id"])
    raise refused("No replay has switched the read models yet; there is nothing to put back.")


def _watched(client: Client, answer: Answer) -> Answer:
    """The last word on a replay, its progress told on the way."""
    with meter("Replay") as progress:
        while (result := answer.json)["state"] == "running":
            progress.at(result["done"], result["total"], _told(result))
            client.pause(SECONDS_BETWEEN_LOOKS)
            answer = client.get(path_to("replays", str(result["id"])))
    return answer


def _told(result: dict[str, Any]) -> str:
    told = f"{result['step'].replace('_', ' ')}, {_events(result)}"
    if result["seconds_left"] is not None:
        told += f", about {int(result['seconds_left']) + 1:,} s left"
    if waits := result["switch_waits"]:
        told += f", gave way to readers {waits:,} times"
    return told


def _print_result(result: dict[str, Any], *, check: bool) -> None:
    drift = result["drift"]
    if result["state"] != "done":
        print_line(f"The replay failed after {_events(result)}. {result['detail'] or ''}".rstrip())
    elif result["rolls_back"] is not None:
        print_line(
            "The read models before that replay are in use again, brought up to date with the "
            f"{result['total']:,} events since."
        )
    elif drift:
        kept = "differ" if check else "differed, and were replaced,"
        print_line(
            f"Replayed {_events(result)}: the read models {kept} in {result['drift_rows']:,} rows."
        )
    else:
        kept = "are what the log says" if check else "are built anew and differed in nothing"
        print_line(f"Replayed {_events(result)}: the read models {kept}.")
    for difference in drift[:DRIFT_SHOWN_MAX]:
        print_line(f"  {_in_one_line(difference)}")
    if drift and result["drift_rows"] > len(drift[:DRIFT_SHOWN_MAX]):
        print_line(f"  and {result['drift_rows'] - len(drift[:DRIFT_SHOWN_MAX]):,} more")


def _events(result: dict[str, Any]) -> str:
    events = f"{result['done']:,} of {result['total']:,} events"
    if speed := result["events_per_second"]:
        events += f", {speed:,.0f} a second"
    return events


def _in_one_line(difference: dict[str, Any]) -> str:
    """As in a diff: minus what was kept, plus what the log says."""
    sign = "-" if difference["side"] == "kept" else "+"
    until = "on" if difference["known_to"] is None else f"to {difference['known_to']}"
    content = msgspec.json.encode(difference["content"]).decode()
    return (
        f"{sign} {difference['kind']} {difference['subject']}, {difference['model']},"
        f" position {difference['known_from']} {until}: {content}"
    )
