"""
What is printed and where: data on stdout, progress and advice on stderr.

Text that comes from data goes through `printable`, so that it cannot act on a terminal, and
into rich as `Text`, so that `[red]` stays what somebody is called.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from service.printable import printable, printable_json

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_UNLIMITED = 100_000
"""Columns of a pipe: nothing is wrapped or cut off for a program."""
MEGABYTE = 1024 * 1024
SECONDS_BETWEEN_LINES = 5.0
"""How often progress is told where there is no terminal to draw it on."""

Row = Sequence[str]


def print_line(text: object = "") -> None:
    """One line of data, wrapped on a terminal and whole in a pipe."""
    from rich.text import Text  # noqa: PLC0415 (start-up)

    _print(Text(printable(text)))


def print_table(headings: Row, rows: Sequence[Row]) -> None:
    """
    A table of data; a column in which nothing stands is left out.

    Shapes: each row as long as *headings*.
    """
    from rich import box  # noqa: PLC0415 (start-up)
    from rich.table import Table  # noqa: PLC0415 (start-up)
    from rich.text import Text  # noqa: PLC0415 (start-up)

    filled = [i for i in range(len(headings)) if any(row[i] for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for i in filled:
        table.add_column(Text(headings[i]), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(row[i])) for i in filled))
    _print(table)


def print_json(raw: bytes) -> None:
    """
    The service's JSON as it came.

    On a terminal, what could act on it is written as JSON escapes, which mean the same.
    """
    if sys.stdout.isatty():
        click.echo(printable_json(raw.decode("utf-8", "replace")))
    else:
        click.echo(raw if raw.endswith(b"\n") else raw + b"\n", nl=False)


def advise(text: str) -> None:
    """A line for the person who watches, on stderr."""
    click.echo(printable(text), err=True)


class Meter(Protocol):
    """How far something is."""

    def at(self, done: int, total: int | None, words: str) -> None:
        """Tell that *done* of *total* are done, which *words* say for a person."""


@contextmanager
def meter(label: str) -> Iterator[Meter]:
    """Progress on stderr: a bar on a terminal, else a line every few seconds."""
    if sys.stderr.isatty():
        with _bar(label) as bar:
            yield bar
    else:
        yield _Lines(label)


class _Lines:
    def __init__(self, label: str) -> None:
        self._label = label
        self._told_at = time.monotonic()

    def at(self, done: int, total: int | None, words: str) -> None:
        if time.monotonic() - self._told_at >= SECONDS_BETWEEN_LINES:
            self._told_at = time.monotonic()
            advise(f"{self._label}: {words}")


@contextmanager
def _bar(label: str) -> Iterator[Meter]:
    from rich.console import Console  # noqa: PLC0415 (start-up)
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 (start-up)

    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    words = TextColumn("{task.fields[words]}", markup=False)
    with Progress(*columns, words, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(label), total=None, words="")

        class _Bar:
            def at(self, done: int, total: int | None, words: str) -> None:
                progress.update(task, completed=done, total=total, words=printable(words))

        yield _Bar()


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415 (start-up)

    width = None if sys.stdout.isatty() else WIDTH_UNLIMITED
    return Console(width=width, markup=False, highlight=False, emoji=False)


def _print(what: object) -> None:
    console = _console()
    with console.capture() as captured:
        console.print(what)
    # rich fills each row up to the width of the table, which a pipe has no use for.
    lines = captured.get().splitlines()
    click.echo("\n".join(line.rstrip() for line in lines))
