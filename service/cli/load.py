"""
`timeline load`: files of events into the log.

Events go as streams of lines, of which the service leaves out the faulty ones; these are told
by file and line. Each line has an event id, so that what was loaded in part is loaded on.
"""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Any

import click
import msgspec

from service.cli.client import Answer, Client, path_to
from service.cli.event_files import EventLine, LineFault, read_events
from service.cli.exits import REFUSED, CommandFailed, CommandRefused
from service.cli.options import Service, service_options
from service.cli.terminal import Meter, advise, meter, print_json, print_line

CHUNK_EVENTS_MAX = 5_000
CHUNK_BYTES_MAX = 8 * 1024 * 1024
"""After each chunk it is known what is recorded, whatever happens then."""
FAULTS_SHOWN_MAX = 20
NDJSON = {"Content-Type": "application/x-ndjson"}
NOTHING_RECORDED = "urn:lab-timeline:problem:nothing_recorded"
AGAIN = "Load the same files again to go on; nothing is recorded twice."
LINES_BETWEEN_TELLING = 1_000


@dataclass
class Tally:
    """What became of the lines so far."""

    head: Mapping[str, Any]
    is_dry: bool = False
    recorded: int = 0
    replayed: int = 0
    refused: int = 0
    sent: int = 0
    """Lines on their way, of which it is not known yet."""
    reasons: Counter[str] = field(default_factory=Counter)
    faults: list[LineFault] = field(default_factory=list)
    """The first FAULTS_SHOWN_MAX of them."""
    began: float = field(default_factory=time.monotonic)

    def take(self, told: Mapping[str, Any], places: "Places") -> None:
        """Count what the service made of a stream whose lines came from *places*."""
        self.recorded += told.get("recorded", 0)
        self.replayed += told.get("replayed", 0)
        self.refused += told["refused"]
        faults = told.get("faults") or ()
        codes = Counter(str(fault.get("code", "invalid")) for fault in faults)
        self.reasons.update(told.get("reasons") or codes)
        for fault in faults:
            file, line = places.of(fault["line"])
            self.tell(LineFault(file, line, str(fault.get("pointer", "")), str(fault["message"])))
        self.head = told.get("head", self.head)
        self.sent = 0

    def refuse(self, fault: LineFault) -> None:
        """Count one line that is no event."""
        self.refused += 1
        self.reasons["unreadable"] += 1
        self.tell(fault)

    def tell(self, fault: LineFault) -> None:
        """Keep *fault* to be shown if it is among the first."""
        if len(self.faults) < FAULTS_SHOWN_MAX:
            self.faults.append(fault)

    def in_words(self) -> str:
        """What became of the lines, in a sentence."""
        recorded = "would be recorded" if self.is_dry else "recorded"
        return (
            f"{self.recorded:,} {recorded}, {self.replayed:,} recorded before, "
            f"{self.refused:,} refused"
        )

    def with_rate(self) -> str:
        """The sentence, and how fast it goes."""
        done = self.recorded + self.replayed + self.refused + self.sent
        seconds = max(time.monotonic() - self.began, 0.001)
        way = f"{self.sent:,} read" if self.is_dry else self.in_words()
        return f"{way}, {done / seconds:,.0f} lines/s"


class Places:
    """Where the lines of a stream stand in files; some bytes a line."""

    def __init__(self) -> None:
        self._numbers = array("Q")
        self._files: list[tuple[int, str]] = []

    def add(self, line: EventLine) -> None:
        if not self._files or self._files[-1][1] != line.file:
            self._files.append((len(self._numbers), line.file))
        self._numbers.append(line.line)

    def of(self, number: int) -> tuple[str, int]:
        """File and line of the stream's line *number*, which counts from 1."""
        file = next(name for start, name in reversed(self._files) if start < number)
        return file, self._numbers[number - 1]


@click.command(
    epilog="""\b
Example:
  timeline load events.ndjson more.csv
  timeline load --dry-run events.ndjson
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
@click.option("--dry-run", is_flag=True, help="Record nothing; tell what would be refused.")
@service_options
def load(service: Service, /, files: Sequence[Path], dry_run: bool) -> None:
    """
    Record the events of files.

    Each FILE is NDJSON (an event a line) or CSV; - is stdin. Faulty lines are named and left out, the others recorded. A line without an event_id gets
    one that follows from what it says, so that loading a file again records nothing twice.
    """
    with service.connect() as client:
        tally = Tally(head=client.get(path_to("log")).json, is_dry=dry_run)
        with meter("Load") as progress:
            _load(client, files, tally, progress)
    _tell_faults(tally)
    if service.as_json:
        print_json(msgspec.json.encode(_as_json(tally)))
    else:
        print_line(f"{tally.in_words()}; the head is position {tally.head['position']:,}.")
    if tally.refused:
        click.get_current_context().exit(REFUSED)


def _load(client: Client, files: Sequence[Path], tally: Tally, progress: Meter) -> None:
    """
    Raises:
        CommandFailed: a file or the service failed half way, or somebody stopped it, with what
            is recorded by then.
    """
    lines = _events(files, tally, progress)
    try:
        if tally.is_dry:
            _rehearse(client, lines, tally)
            return
        _send(client, _chunks(lines), tally)
    except CommandRefused:
        advise(f"By then: {tally.in_words()}.")
        raise
    except KeyboardInterrupt as exc:
        raise CommandFailed(_stopped("Stopped.", tally)) from exc
    except CommandFailed as exc:
        raise CommandFailed(_stopped(exc.message, tally)) from exc
    except OSError as exc:
        raise CommandFailed(_stopped(f"{exc.filename or 'stdin'}: {exc.strerror}.", tally)) from exc


def _stopped(why: str, tally: Tally) -> str:
    if tally.is_dry:
        return f"{why} Nothing was recorded."
    under_way = f", and {tally.sent:,} were under way" if tally.sent else ""
    return f"{why} By then: {tally.in_words()}{under_way}. {AGAIN}"


def _events(files: Sequence[Path], tally: Tally, progress: Meter) -> Iterator[EventLine]:
    """The events of *files*, one at a time; lines that are none go to the tally."""
    sizes = [path.stat().st_size if path.is_file() else None for path in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    before = 0
    for path, size in zip(files, sizes, strict=True):
        name = "stdin" if str(path) == "-" else str(path)
        with click.open_file(str(path), "rb") as stream:
            for number, line in enumerate(read_events(stream, name)):
                if number % LINES_BETWEEN_TELLING == 0:
                    progress.at(before + _bytes_read(stream), total, tally.with_rate())
                if isinstance(line, LineFault):
                    tally.refuse(line)
                else:
                    yield line
        before += size or 0


def _chunks(lines: Iterable[EventLine]) -> Iterator[list[EventLine]]:
    chunk: list[EventLine] = []
    size = 0
    for line in lines:
        if len(chunk) == CHUNK_EVENTS_MAX or size + len(line.body) > CHUNK_BYTES_MAX:
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line.body) + 1
    if chunk:
        yield chunk


def _send(client: Client, chunks: Iterable[Sequence[EventLine]], tally: Tally) -> None:
    """Record *chunks* one after the other, all lines but the faulty ones."""
    sending = _Sending(client, tally)
    try:
        for chunk in chunks:
            sending.then(chunk)
    except Exception:
        sending.done()
        raise
    sending.done()


class _Sending:
    """Chunks of which one is under way at most, while the lines of the next are read."""

    def __init__(self, client: Client, tally: Tally) -> None:
        self._client = client
        self._tally = tally
        self._under_way: tuple[Future[Mapping[str, Any]], Places] | None = None

    def then(self, lines: Sequence[EventLine]) -> None:
        """Send *lines* once it is known what became of those before."""
        self.done()
        places = Places()
        for line in lines:
            places.add(line)
        body = b"\n".join(line.body for line in lines)
        self._tally.sent = len(lines)
        told: Future[Mapping[str, Any]] = Future()
        self._under_way = told, places
        if self._client.is_far:
            # Nobody waits for it at an end: the service may be one that does not answer.
            Thread(target=self._post, args=(body, told), daemon=True).start()
        else:
            self._post(body, told)

    def done(self) -> None:
        """Wait for the chunk under way, and count what became of it."""
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            told, places = under_way
            self._tally.take(told.result(), places)

    def _post(self, body: bytes, told: "Future[Mapping[str, Any]]") -> None:
        try:
            told.set_result(
                _told(lambda: self._client.post(path_to("events"), body, headers=NDJSON))
            )
        except BaseException as exc:  # noqa: BLE001 (whoever waits for it raises it)
            told.set_exception(exc)


def _rehearse(client: Client, lines: Iterable[EventLine], tally: Tally) -> None:
    """All in one stream, so that later lines can use what earlier ones would add."""
    places = Places()

    def bodies() -> Iterator[bytes]:
        for line in lines:
            places.add(line)
            tally.sent += 1
            yield line.body + b"\n"

    params = {"dry_run": "true"}
    tally.take(
        _told(lambda: client.post(path_to("events"), bodies(), params=params, headers=NDJSON)),
        places,
    )


def _told(ask: Callable[[], Answer]) -> Mapping[str, Any]:
    """What became of a stream, also where that is nothing."""
    try:
        told: Mapping[str, Any] = ask().json
    except CommandRefused as exc:
        if exc.problem.get("type") != NOTHING_RECORDED:
            raise
        return {"refused": 0, **exc.problem}
    return told


def _tell_faults(tally: Tally) -> None:
    for fault in sorted(tally.faults, key=lambda fault: (fault.file, fault.line)):
        where = f" {fault.pointer}" if fault.pointer else ""
        advise(f"{fault.file}, line {fault.line}:{where} {fault.message}")
    shown = len({(fault.file, fault.line) for fault in tally.faults})
    if tally.refused > shown:
        reasons = ", ".join(f"{count:,} {code}" for code, count in tally.reasons.most_common())
        advise(f"and {tally.refused - shown:,} more lines; in all {reasons}")


def _bytes_read(stream: IO[bytes]) -> int:
    try:
        return stream.tell()
    except (OSError, ValueError):
        return 0


def _as_json(tally: Tally) -> dict[str, Any]:
    return {
        "recorded": tally.recorded,
        "replayed": tally.replayed,
        "refused": tally.refused,
        "reasons": dict(tally.reasons.most_common()),
        "faults": [fault._asdict() for fault in tally.faults],
        "head": tally.head,
        "dry_run": tally.is_dry,
    }
