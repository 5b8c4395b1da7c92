"""
Events out of files, one at a time: NDJSON (an event a line) or CSV (a header of field names).

A line without an `event_id` gets one that follows from what it says, and from how many lines
before it said the same. A file is thus recorded once, however often it is loaded, and also
after some of its lines were mended, moved or taken out.
"""

import csv
import hashlib
import itertools
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import IO, Any, NamedTuple

import msgspec

from service.cli.fields import FLAT_NAMES, MANY, assembled

JSON_ENDINGS = (".ndjson", ".jsonl", ".json")
LINE_BYTES_MAX = 1024 * 1024
EVENTS_REMEMBERED = 50_000
"""Equal lines that are at most so far apart are events of their own."""
_NAMESPACE = uuid.UUID("0d9f7b5e-3c0a-5a4e-9a55-6f5f1d0c7e11")
_BOM = b"\xef\xbb\xbf"


class EventLine(NamedTuple):
    """One event of a file, ready to be sent."""

    file: str
    line: int
    """Number of its first line, from 1."""
    body: bytes
    """JSON of the event, with an `event_id`."""


class LineFault(NamedTuple):
    """A line that is no event, or is refused as one."""

    file: str
    line: int
    pointer: str
    message: str


class _File:
    """One file as it is read: its name in faults, and which events it has said already."""

    def __init__(self, name: str) -> None:
        self._name = name
        # Two generations, so that memory stays flat: the older one is forgotten in time.
        self._times_said: dict[bytes, int] = {}
        self._times_said_before: dict[bytes, int] = {}

    def event(self, number: int, event: dict[str, Any]) -> EventLine | LineFault:
        try:
            event_id = event.get("event_id") or self._derived_id(event)
            body = msgspec.json.encode({**event, "event_id": event_id})
        except UnicodeEncodeError:
            return self.fault(number, "The line is no UTF-8.")
        return EventLine(self._name, number, body)

    def fault(self, number: int, message: str) -> LineFault:
        return LineFault(self._name, number, "", message)

    def too_long(self, number: int) -> LineFault:
        return self.fault(number, f"The line is longer than {LINE_BYTES_MAX:,} bytes.")

    def _derived_id(self, event: dict[str, Any]) -> str:
        said = _canonical(event)
        digest = hashlib.sha256(said).digest()
        times = self._times_said.get(digest) or self._times_said_before.get(digest, 0)
        if len(self._times_said) == EVENTS_REMEMBERED:
            self._times_said_before, self._times_said = self._times_said, {}
        self._times_said[digest] = times + 1
        return str(uuid.uuid5(_NAMESPACE, f"{said.decode()}#{times}"))


class _Line(NamedTuple):
    number: int
    content: bytes | None
    """None where the line is longer than LINE_BYTES_MAX."""


def read_events(stream: IO[bytes], name: str) -> Iterator[EventLine | LineFault]:
    """
    The events of *stream* in its order, and its faulty lines; never more of it than one line.

    The format is told by the name's ending, else by the first character.
    """
    file = _File(name)
    lines = _lines(stream)
    first = next((line for line in lines if not _is_blank(line)), None)
    if first is None:
        return
    start = (first.content or b"").lstrip()[:1]
    whole = itertools.chain([first], lines)
    if start == b"[":
        yield file.fault(first.number, "This is a JSON array; write one event a line.")
    elif _is_csv(name, start):
        yield from _from_csv(whole, file)
    else:
        yield from (_from_json(line, file) for line in whole if not _is_blank(line))


def _is_csv(name: str, start: bytes) -> bool:
    ending = PurePath(name).suffix.lower()
    if ending in JSON_ENDINGS:
        return False
    return ending == ".csv" or start not in (b"{", b"")


def _lines(stream: IO[bytes]) -> Iterator[_Line]:
    for number in itertools.count(1):
        content = stream.readline(LINE_BYTES_MAX + 1)
        if not content:
            return
        if number == 1:
            content = content.removeprefix(_BOM)
        if len(content) > LINE_BYTES_MAX:
            _pass_over_line(stream, content)
            yield _Line(number, None)
        else:
            yield _Line(number, content)


def _is_blank(line: _Line) -> bool:
    return line.content is not None and not line.content.strip()


def _pass_over_line(stream: IO[bytes], content: bytes) -> None:
    while content and not content.endswith(b"\n"):
        content = stream.readline(LINE_BYTES_MAX)


def _from_json(line: _Line, file: _File) -> EventLine | LineFault:
    if line.content is None:
        return file.too_long(line.number)
    try:
        event = msgspec.json.decode(line.content)
    except RecursionError:
        return file.fault(line.number, "The line is nested too deep.")
    except UnicodeDecodeError:
        return file.fault(line.number, "The line is no UTF-8.")
    except msgspec.DecodeError as exc:
        return file.fault(line.number, f"The line is no JSON: {exc}.")
    if not isinstance(event, dict):
        return file.fault(line.number, "An event is an object, in braces.")
    return file.event(line.number, event)


def _from_csv(lines: Iterable[_Line], file: _File) -> Iterator[EventLine | LineFault]:
    texts = _Texts(lines)
    rows = csv.reader(texts, strict=True)
    header: list[str] = []
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        fault = _header_fault(header)
    except csv.Error as exc:
        fault = f"The header is no CSV: {exc}."
    if fault:
        yield file.fault(texts.number, fault)
        return
    while True:
        texts.start_row()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as exc:
            message = f"No CSV up to line {texts.number}: {exc}."
            yield file.fault(texts.row_number, message)
            continue
        if any(cell.strip() for cell in cells) or texts.is_too_long:
            yield _from_row(header, cells, texts, file)


class _Texts:
    """Lines as text for the CSV reader, which knows no line numbers but its own count."""

    def __init__(self, lines: Iterable[_Line]) -> None:
        self._lines = iter(lines)
        self.number = 0
        self.row_number = 0
        self._is_row_start = True
        self.is_too_long = False

    def start_row(self) -> None:
        self._is_row_start = True
        self.is_too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number = line.number
        if self._is_row_start:
            self.row_number, self._is_row_start = line.number, False
        if line.content is None:
            self.is_too_long = True
            return "\n"
        # Bytes that are no UTF-8 become surrogates, which are found again in their row.
        return line.content.decode("utf-8", "surrogateescape")


def _header_fault(header: Sequence[str]) -> str | None:
    unknown = [name for name in header if name not in FLAT_NAMES]
    if unknown:
        columns = ", ".join(FLAT_NAMES)
        return f"Column '{unknown[0]}' is no field of an event; columns are {columns}."
    if len(set(header)) < len(header):
        return "The header names a column twice."
    return None


def _from_row(
    header: Sequence[str], cells: Sequence[str], texts: _Texts, file: _File
) -> EventLine | LineFault:
    number = texts.row_number
    if texts.is_too_long:
        return file.too_long(number)
    if len(cells) > len(header):
        message = f"The row has {len(cells)} cells, the header {len(header)}."
        return file.fault(number, message)
    given = {
        name: _values(name, cell.strip())
        for name, cell in zip(header, cells, strict=False)
        if cell.strip()
    }
    return file.event(number, assembled(given))


def _values(name: str, cell: str) -> str | list[str]:
    """The values of one cell: addresses are parted by spaces, names by semicolons."""
    if name not in MANY:
        return cell
    parts = cell.split() if name == "source_url" else cell.split(";")
    return [part.strip() for part in parts if part.strip()]


def _canonical(event: dict[str, Any]) -> bytes:
    said = {field: value for field, value in event.items() if field != "event_id"}
    return msgspec.json.encode(said, order="sorted")
