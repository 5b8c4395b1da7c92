"""`timeline restore`: an export or a backup made a log again, in an empty data directory."""

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from service.cli.client import application, faults_told
from service.cli.exits import refused
from service.cli.options import data_dir_option, settings
from service.cli.terminal import MEGABYTE, Meter, advise, meter, print_json, print_line

if TYPE_CHECKING:
    from service.settings import Settings

ERASE_AGAIN = (
    "What was erased after FILE was written is back. If anything was, erase it again before others "
    "read it: 'timeline erase --again NEWER', NEWER being an export made since."
)
LINE_BYTES_MAX = 64 * 1024 * 1024
"""Beyond what any event comes to; a file without line ends does not fill the memory."""


@click.command(
    epilog="""\b
Example:
  timeline restore log.ndjson --data-dir ./restored
  gunzip < log.ndjson.gz | timeline restore -
  timeline restore monday.tar --data-dir ./monday
  timeline restore monday.tar --wal /backup/wal --until 2026-11-22T09:30:00Z"""
)
@click.argument(
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option(
    "--wal",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Bring a backup forward by what was archived in this folder (TIMELINE_WAL_ARCHIVE).",
)
@click.option(
    "--until",
    metavar="INSTANT",
    help="Only up to then, such as 2026-11-22T09:30:00Z  [default: all that is archived]",
)
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the restored head as JSON.")
def restore(
    file: Path, wal: Path | None, until: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """
    Make a log again of an export or a backup.

    FILE is what 'timeline export' or 'timeline backup' wrote, or - for stdin; the data directory
    is to be empty. Positions, times and hashes are those of before; if a byte of it is not,
    nothing is restored, and of an export its position is named. API keys are part of a backup,
    and not of an export. With --wal a backup is brought forward: to all that is archived, or to
    what was committed by an instant. With DATABASE_URL set, an export is restored to that Postgres.
    What was erased since FILE was written is to be erased again.
    """
    if until is not None and wal is None:
        raise click.UsageError("--until goes with --wal, the folder of what was archived.")
    instant = None if until is None else _instant(until)
    chosen = settings(data_dir=data_dir)
    with meter("Restore") as progress, click.open_file(str(file), "rb") as opened, faults_told():
        stream = io.BufferedReader(opened)  # type: ignore[type-var]  # it reads, whatever it is
        try:
            # Either is known by its beginning: a line of JSON, or the first file of a tar.
            if stream.peek(1)[:1] not in (b"{", b""):
                head = _restore_backup(chosen, stream, progress, wal, instant)
            elif wal is None:
                head = _restore_export(chosen, stream, progress)
            else:
                raise refused(f"'{file}' is no backup; --wal brings nothing else forward.")
        finally:
            stream.detach()
    if as_json:
        print_json(msgspec.json.encode(head))
    else:
        print_line(f"Restored {head.position:,} events; the head hash is {head.hash}.")
    advise(ERASE_AGAIN)


def _restore_export(chosen: "Settings", stream: IO[bytes], progress: Meter) -> Any:
    def tell(done: int, total: int) -> None:
        # Building the read models comes after the last event and takes about as long.
        more = "" if done < total else ", the read models follow"
        progress.at(done, total, f"{done:,} of {total:,} events{more}")

    return application("service.in_process", "restore")(chosen, lines_of(stream), tell)


def _restore_backup(
    chosen: "Settings",
    stream: IO[bytes],
    progress: Meter,
    wal: Path | None,
    until: datetime | None,
) -> Any:
    def tell(done: int) -> None:
        progress.at(done, None, f"{done // MEGABYTE:,} MB")

    return application("service.in_process", "restore_backup")(chosen, stream, tell, wal, until)


def _instant(text: str) -> datetime:
    """
    Raises:
        CommandRefused: it is none, or does not say of which time zone.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise refused(f"'{text}' is no instant; write one such as '2026-11-22T09:30:00Z'.")
    return instant


def lines_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of *stream* with their ends, none longer than LINE_BYTES_MAX."""
    while line := stream.readline(LINE_BYTES_MAX):
        yield line
