"""`timeline verify`: whether the log is what was written."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import msgspec

from service.cli.client import Client, faults_told, path_to
from service.cli.exits import FAULT, refused
from service.cli.options import Service, service_options
from service.cli.restore import lines_of
from service.cli.terminal import advise, meter, print_json, print_line

DRIFT_SHOWN_MAX = 20
HASH_BYTES = 32


@click.command(
    epilog="""\b
Example:
  timeline verify
  timeline verify --export last-month.ndjson
  timeline verify --since 97e9679ceff3c7f14beb9368f8cc4280252b24b41e8b1e05ec765483e5fe69ec"""
)
@click.option(
    "--since", metavar="HASH", help="A head hash noted earlier: the log must only have grown since."
)
@click.option(
    "--export",
    "export_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An export made earlier: the log must go on from it.",
)
@click.option("--no-read-models", is_flag=True, help="Leave out what answers are given from.")
@service_options
def verify(
    service: Service, /, since: str | None, export_file: Path | None, no_read_models: bool
) -> None:
    """
    Check that the log is what was written.

    Every position, time, payload and hash is looked at, what is kept beside them, and the read
    models against what the log comes to. Exits with 1 if anything is broken.
    """
    exported = None if export_file is None else _checked(export_file)
    params = {"since": since, "read_models": "false" if no_read_models else None}
    with service.connect() as client:
        if sys.stderr.isatty():
            advise("Looking at every event; a million take a few minutes.")
        answer = client.post(path_to("verifications"), params=params)
        result: dict[str, Any] = answer.json
        if export_file is not None and exported is not None:
            difference = _first_difference(client, export_file, *exported)
            result["export"] = {
                "file": str(export_file),
                "events": exported[0],
                "head_hash": exported[1],
                "first_difference": difference,
            }
    if service.as_json:
        print_json(msgspec.json.encode(result) if exported is not None else answer.raw)
    else:
        _print_result(result)
    if result["state"] != "ok" or _differs(result):
        click.get_current_context().exit(FAULT)


def _checked(file: Path) -> tuple[int, str]:
    """
    How many events *file* has and its head hash, once its own chain is found whole.

    Raises:
        CommandRefused: it is not what a log exported.
    """
    from service.log.export import read_export  # noqa: PLC0415 (start-up)

    with file.open("rb") as stream, meter("Export") as progress, faults_told():
        header, events = read_export(lines_of(stream))
        for checked in events:
            done = checked.event.position
            progress.at(done, header.events, f"{done:,} of {header.events:,} events")
    return header.events, header.head_hash


def _first_difference(client: Client, file: Path, events: int, head_hash: str) -> int | None:
    """
    The first position in which the log and *file* differ; None of a log that goes on from it.

    A hash says all that came before it, so that a few looks are enough.
    """
    if events == 0 or _hash_at(client, events) == head_hash:
        return None
    hashes = bytearray().join(_hashes(file))
    if len(hashes) != events * HASH_BYTES:
        raise refused(f"'{file}' was changed while it was looked at; verify it again.")
    same, differs = 0, events
    while differs - same > 1:
        middle = (same + differs) // 2
        expected = hashes[(middle - 1) * HASH_BYTES : middle * HASH_BYTES].hex()
        if _hash_at(client, middle) == expected:
            same = middle
        else:
            differs = middle
    return differs


def _hashes(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        for line in islice(lines_of(stream), 1, None):
            yield bytes.fromhex(msgspec.json.decode(line)["hash"])


def _hash_at(client: Client, position: int) -> str | None:
    """The hash at a position of the log; None beyond its head."""
    items = client.get(path_to("events"), {"after": position - 1, "limit": 1}).json["items"]
    found = [item["hash"] for item in items if item["position"] == position]
    return str(found[0]) if found else None


def _differs(result: dict[str, Any]) -> bool:
    return (result.get("export") or {}).get("first_difference") is not None


def _print_result(result: dict[str, Any]) -> None:
    head, problems = result["head"], result.get("problems") or ()
    verdict = "The log is broken" if problems else "The log is whole"
    print_line(f"{verdict}: {result['events']:,} events, head at position {head['position']:,}.")
    print_line(f"Head hash {head['hash']}")
    for problem in problems:
        print_line(f"  position {problem['position']}: {problem['message']}")
    if since := result.get("since"):
        _print_since(since)
    if exported := result.get("export"):
        _print_export(exported)
    if read_models := result.get("read_models"):
        _print_read_models(read_models)


def _print_since(since: dict[str, Any]) -> None:
    if since["position"] is None:
        print_line(
            f"This log never came by the hash {since['hash']}: events were taken back, or it is "
            "another log."
        )
    else:
        print_line(f"It only grew since position {since['position']:,}, which has that hash.")


def _print_export(exported: dict[str, Any]) -> None:
    difference, file = exported["first_difference"], exported["file"]
    if difference is None:
        print_line(f"It goes on from '{file}', which ends at position {exported['events']:,}.")
    else:
        print_line(f"It differs from '{file}' from position {difference:,} on.")


def _print_read_models(read_models: dict[str, Any]) -> None:
    drift = read_models["drift"]
    if read_models["state"] == "ok":
        print_line("The read models are what the log says.")
    elif read_models["state"] == "unchecked":
        print_line("The read models were not compared: the log is broken, or the replay failed.")
    else:
        print_line(
            f"The read models differ in {len(drift):,} places; 'timeline replay' mends them."
        )
        for difference in drift[:DRIFT_SHOWN_MAX]:
            print_line(f"  {msgspec.json.encode(difference).decode()}")
