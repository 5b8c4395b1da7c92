"""Where commands write files: under their name only when they are whole."""

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from service.cli.exits import CommandFailed
from service.printable import printable_json


@contextlib.contextmanager
def opened(output: Path | None) -> Iterator[IO[bytes]]:
    """
    Where to write JSON: stdout, a pipe or device as it is, or a file that is to be whole.

    Raises:
        CommandFailed: the file cannot be written.
    """
    if output is None:
        if sys.stdout.isatty():
            yield _OnTerminal()  # type: ignore[misc]  # as much of a file as is written to
            return
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = output.resolve()
    if target.exists() and not target.is_file():
        with _told(output), target.open("wb") as file:
            yield file
        return
    with written_whole(output) as file:
        yield file


@contextlib.contextmanager
def written_whole(output: Path, *, is_private: bool = False) -> Iterator[IO[bytes]]:
    """
    A file that gets its name, and reaches the disk, only when the block ended well.

    With *is_private* none but its owner may read it.

    Raises:
        CommandFailed: it cannot be written.
    """
    target = output.resolve()
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    mode = 0o600 if is_private else 0o666
    try:
        with _told(output):
            with open(part, "xb", opener=lambda path, flags: os.open(path, flags, mode)) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(output: Path) -> Iterator[None]:
    """
    Raises:
        CommandFailed: the file cannot be written.
    """
    try:
        yield
    except OSError as exc:
        raise CommandFailed(f"'{output}' cannot be written: {exc.strerror or exc}.") from exc


class _OnTerminal(io.RawIOBase):
    """JSON on a terminal: what could act on it as escapes, which mean the same."""

    def __init__(self) -> None:
        # A piece may end within a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, piece: Any, /) -> int:
        text = self._decoder.decode(bytes(piece))
        click.echo(printable_json(text), nl=False)
        return len(bytes(piece))
