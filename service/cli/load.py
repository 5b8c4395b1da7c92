"""
`timeline load`: files of events into the log.

A chunk of events is recorded whole or not at all. Of a refused one exactly the faulty lines are
left out, told by file and line, and the others are sent again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from service.cli.client import Answer, Client, path_to
from service.cli.event_files import EventLine, LineFault, read_events
from service.cli.exits import REFUSED, CommandFailed, CommandRefused
from service.cli.options import Service, service_options
from service.cli.terminal import Meter, advise, meter, print_json, print_line

CHUNK_EVENTS_MAX = 1_000
CHUNK_BYTES_MAX = 8 * 1024 * 1024
"""Half of what the service takes in one body."""
FAULTS_SHOWN_MAX = 20
FAULTY_BODY = (400, 409, 413, 422)
"""Statuses that are about what was sent; others concern all of it alike."""


@dataclass
class Tally:
    """What became of the lines so far."""

    head: Mapping[str, Any]
    recorded: int = 0
    replayed: int = 0
    refused: int = 0
    faults: list[LineFault] = field(default_factory=list)
    """The first FAULTS_SHOWN_MAX of them."""

    def take(self, answer: Answer) -> None:
        """Count events by position: those up to the head that we knew were there before."""
        known: int = self.head["position"]
        body = answer.json
        new = sum(event["position"] > known for event in body["events"])
        self.recorded += new
        self.replayed += len(body["events"]) - new
        if body["head"]["position"] >= known:
            self.head = body["head"]

    def refuse(self, fault: LineFault) -> None:
        """Count one line as refused, whose faults are told elsewhere beyond the first few."""
        self.refused += 1
        self.tell(fault)

    def tell(self, fault: LineFault) -> None:
        """Keep *fault* to be shown if it is among the first."""
        if len(self.faults) < FAULTS_SHOWN_MAX:
            self.faults.append(fault)

    def in_words(self) -> str:
        """What became of the lines, in a sentence."""
        return (
            f"{self.recorded:,} recorded, {self.replayed:,} recorded before, "
            f"{self.refused:,} refused"
        )


@click.command(
    epilog="""\b
Example:
  timeline load events.ndjson more.csv
  curl -s https://example.org/events.ndjson | timeline load -

\b
A CSV file has field names as its header; founders, absorbed and aliases hold
names parted by semicolons, source_url addresses parted by spaces:
  type,person,lab,date,role,source_url
  hire,John Jumper,Anthropic,[2026-06-19..],,https://example.org/news"""
)
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@service_options
def load(service: Service, /, files: Sequence[Path]) -> None:
    """
    Record the events of files.

    Each FILE is NDJSON (an event a line) or CSV; - is stdin. Faulty lines are named and left out, the others recorded. A line without an event_id gets
    one that follows from what it says, so that loading a file again records nothing twice.
    """
    with service.connect() as client:
        tally = Tally(head=client.get(path_to("log")).json)
        with meter("Load") as progress:
            for path in files:
                _load_file(client, path, tally, progress)
    _tell_faults(tally)
    if service.as_json:
        print_json(msgspec.json.encode(_as_json(tally)))
    else:
        print_line(f"{tally.in_words()}; the head is position {tally.head['position']:,}.")
    if tally.refused:
        click.get_current_context().exit(REFUSED)


def _load_file(client: Client, path: Path, tally: Tally, progress: Meter) -> None:
    """
    Raises:
        CommandFailed: the file or the service failed half way, with what is recorded by then.
    """
    name = "stdin" if str(path) == "-" else str(path)
    total = path.stat().st_size if path.is_file() else None
    try:
        with click.open_file(str(path), "rb") as stream:
            done = 0
            for chunk in _chunks(read_events(stream, name), tally):
                _send(client, chunk, tally)
                done += sum(len(line.body) for line in chunk)
                progress.at(_bytes_read(stream, done), total, tally.in_words())
    except CommandRefused:
        advise(f"By then: {tally.in_words()}.")
        raise
    except (CommandFailed, OSError) as exc:
        said = exc.message if isinstance(exc, CommandFailed) else f"{name}: {exc.strerror}."
        again = "Load the same files again to go on; nothing is recorded twice."
        raise CommandFailed(f"{said} By then: {tally.in_words()}. {again}") from exc


def _chunks(found: Iterable[EventLine | LineFault], tally: Tally) -> Iterator[list[EventLine]]:
    """Events in chunks that the service takes; faults go to the tally, repeats are counted."""
    chunk: list[EventLine] = []
    seen: set[bytes] = set()
    size = 0
    for line in found:
        if isinstance(line, LineFault):
            tally.refuse(line)
        elif line.body in seen:
            tally.replayed += 1
        else:
            if len(chunk) == CHUNK_EVENTS_MAX or size + len(line.body) > CHUNK_BYTES_MAX:
                yield chunk
                chunk, seen, size = [], set(), 0
            chunk.append(line)
            seen.add(line.body)
            size += len(line.body) + 1
    if chunk:
        yield chunk


def _send(client: Client, lines: Sequence[EventLine], tally: Tally) -> None:
    """Record *lines*, all but the faulty ones; a refusal that names none is looked for by halves."""
    while lines:
        body = b"[" + b",".join(line.body for line in lines) + b"]"
        try:
            tally.take(client.post(path_to("events"), body))
        except CommandRefused as exc:
            if exc.status not in FAULTY_BODY:
                raise
            faulty = _faulty(exc.problem, lines)
            if faulty:
                _refuse(faulty, lines, tally)
                lines = [line for i, line in enumerate(lines) if i not in faulty]
            elif len(lines) == 1:
                tally.refuse(LineFault(lines[0].file, lines[0].line, "", exc.message))
                return
            else:
                middle = len(lines) // 2
                _send(client, lines[:middle], tally)
                lines = lines[middle:]
        else:
            return


def _faulty(
    problem: Mapping[str, Any], lines: Sequence[EventLine]
) -> dict[int, list[tuple[str, str]]]:
    """Pointer within the event and message of each fault, by the index of its line."""
    faulty: dict[int, list[tuple[str, str]]] = {}
    for fault in problem.get("errors") or ():
        _, _, rest = str(fault.get("pointer", "")).partition("/")
        index, slash, pointer = rest.partition("/")
        if index.isdecimal() and int(index) < len(lines):
            faulty.setdefault(int(index), []).append((slash + pointer, str(fault["message"])))
    return faulty


def _refuse(
    faulty: Mapping[int, list[tuple[str, str]]], lines: Sequence[EventLine], tally: Tally
) -> None:
    for index, (first, *others) in sorted(faulty.items()):
        file, number = lines[index].file, lines[index].line
        tally.refuse(LineFault(file, number, *first))
        for other in others:
            tally.tell(LineFault(file, number, *other))


def _tell_faults(tally: Tally) -> None:
    for fault in sorted(tally.faults, key=lambda fault: (fault.file, fault.line)):
        where = f" {fault.pointer}" if fault.pointer else ""
        advise(f"{fault.file}, line {fault.line}:{where} {fault.message}")
    shown = len({(fault.file, fault.line) for fault in tally.faults})
    if tally.refused > shown:
        advise(f"and {tally.refused - shown:,} more lines")


def _bytes_read(stream: IO[bytes], otherwise: int) -> int:
    try:
        return stream.tell()
    except (OSError, ValueError):
        return otherwise


def _as_json(tally: Tally) -> dict[str, Any]:
    return {
        "recorded": tally.recorded,
        "replayed": tally.replayed,
        "refused": tally.refused,
        "faults": [fault._asdict() for fault in tally.faults],
        "head": tally.head,
    }
