"""`timeline restore`: an exported log made again in an empty data directory."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click
import msgspec

from service.cli.client import application, faults_told
from service.cli.options import data_dir_option, settings
from service.cli.terminal import meter, print_json, print_line

LINE_BYTES_MAX = 64 * 1024 * 1024
"""Beyond what any event comes to; a file without line ends does not fill the memory."""


@click.command(
    epilog="""\b
Example:
  timeline restore log.ndjson --data-dir ./restored
  gunzip < log.ndjson.gz | timeline restore -"""
)
@click.argument(
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the restored head as JSON.")
def restore(file: Path, data_dir: Path | None, as_json: bool) -> None:
    """
    Make an exported log again, in an empty data directory.

    FILE is what 'timeline export' wrote, or - for stdin. Positions, times and hashes are those of
    the export; if a byte of it is not, its position is named and nothing is restored. API keys
    are not part of a log. With DATABASE_URL set, that Postgres is used.
    """
    chosen = settings(data_dir=data_dir)
    with meter("Restore") as progress, click.open_file(str(file), "rb") as stream, faults_told():

        def tell(done: int, total: int) -> None:
            # Building the read models comes after the last event and takes about as long.
            more = "" if done < total else ", the read models follow"
            progress.at(done, total, f"{done:,} of {total:,} events{more}")

        head = application("service.in_process", "restore")(chosen, lines_of(stream), tell)
    if as_json:
        print_json(msgspec.json.encode(head))
    else:
        print_line(f"Restored {head.position:,} events; the head hash is {head.hash}.")


def lines_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of *stream* with their ends, none longer than LINE_BYTES_MAX."""
    while line := stream.readline(LINE_BYTES_MAX):
        yield line
