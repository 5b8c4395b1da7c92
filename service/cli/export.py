"""`timeline export`: the log as a file."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from service.cli.client import application, faults_told, path_to, remote_pieces
from service.cli.exits import CommandFailed
from service.cli.files import opened
from service.cli.options import Service, service_options, settings
from service.cli.terminal import advise, meter, print_json, print_line


@click.command(
    epilog="""\b
Example:
  timeline export --output log.ndjson
  timeline export --url https://timeline.example.org | gzip > log.ndjson.gz"""
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; it gets its name when it is whole.  [default: stdout]",
)
@service_options
def export(service: Service, /, output: Path | None) -> None:
    """
    Write the whole log as NDJSON.

    The first line says which log it is and how many events follow, each on a line with all that
    its hash was made of. 'timeline restore' makes the same log of it again.
    """
    if service.as_json and output is None:
        raise click.UsageError("--json tells what was written to --output; give a file there.")
    with opened(output) as file, _exported(service) as pieces:
        header = _write(pieces, file)
    told = f"{header['events']:,} events exported, up to the head {header['head_hash']}."
    if output is None:
        advise(told)
    elif service.as_json:
        print_json(msgspec.json.encode({**header, "output": str(output)}))
    else:
        print_line(told)


@contextlib.contextmanager
def _exported(service: Service) -> Iterator[Iterable[bytes]]:
    """
    Raises:
        CommandRefused, CommandFailed: see `Client.request`.
    """
    if service.url is not None:
        path = path_to("log", "export")
        with remote_pieces(service.url, service.key, path, service.transport) as pieces:
            yield pieces
        return
    with faults_told():
        pieces = application("service.in_process", "exported")(settings(data_dir=service.data_dir))
        with contextlib.closing(pieces):
            yield pieces


def _write(pieces: Iterable[bytes], file: IO[bytes]) -> dict[str, Any]:
    """
    The first line of what was written.

    Raises:
        CommandFailed: it is no export, or it broke off.
    """
    first, lines, last = b"", 0, b""
    total: int | None = None
    with meter("Export") as progress:
        for piece in pieces:
            file.write(piece)
            if total is None:
                first += piece
                if b"\n" in first:
                    total = _header(first)["events"]
            lines += piece.count(b"\n")
            last = piece or last
            done = max(lines - 1, 0)
            progress.at(done, total, f"{done:,} of {total or 0:,} events")
    header = _header(first)
    if lines != header["events"] + 1 or not last.endswith(b"\n"):
        raise CommandFailed(
            f"The export broke off after {max(lines - 1, 0):,} of {header['events']:,} events; "
            "try again."
        )
    return header


def _header(text: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = msgspec.json.decode(text.partition(b"\n")[0])
        return {"events": int(header["events"]), "head_hash": str(header["head_hash"])}
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as exc:
        raise CommandFailed("The answer is no export; is this the timeline service?") from exc
