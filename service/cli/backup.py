"""`timeline backup`: the data directory as one file, while it is in use."""

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from service.cli.client import application, faults_told
from service.cli.exits import refused
from service.cli.files import written_whole
from service.cli.options import data_dir_option, settings
from service.cli.terminal import MEGABYTE, meter, print_json, print_line


@click.command(
    epilog="""\b
Example:
  timeline backup --output monday.tar
  timeline restore monday.tar --data-dir ./monday"""
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write, which must not exist; it gets its name when it is whole.  "
    "[default: timeline-DAY-TIME.tar here]",
)
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def backup(output: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """
    Copy the database of the data directory into one file.

    Works beside a running service, which goes on writing: the copy holds at least what was
    recorded when it began. It holds keys and all else too, so that only you may read the file.
    'timeline restore' makes a data directory of it again. A Postgres of DATABASE_URL is backed
    up by its own tools.
    """
    chosen = settings(data_dir=data_dir)
    output = output or Path(f"timeline-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar")
    if output.exists():
        raise refused(f"'{output}' is there already; name a file that is not.")
    with (
        faults_told(),
        meter("Backup") as progress,
        written_whole(output, is_private=True) as file,
    ):

        def tell(done: int) -> None:
            progress.at(done, None, f"{done // MEGABYTE:,} MB")

        head = application("service.in_process", "backup")(chosen, file, tell)
    size = output.stat().st_size
    if as_json:
        told = {"output": str(output), "bytes": size, "position": head.position, "hash": head.hash}
        print_json(msgspec.json.encode(told))
    else:
        print_line(
            f"Backed up {size / MEGABYTE:,.1f} MB to '{output}', with all that was recorded up to "
            f"position {head.position:,}."
        )
