"""
What became of each test, a line each, so that an interrupt loses nothing.

The first line says what the results are of: tests that passed are not run again while it holds.
"""

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from tests.support.counted import Kind

ROOT = Path(__file__).parents[2]


class Source(Struct, frozen=True):
    """What was tried, and how thoroughly."""

    commit: str
    changes: str
    """A digest of what is changed since; empty if nothing is."""
    is_quick: bool
    seed: int


class Counted(Struct, frozen=True):
    """How much of something a test went through."""

    kind: Kind
    what: str
    number: int


class Result(Struct, frozen=True):
    """What became of one test."""

    test: str
    part: str
    outcome: Literal["passed", "failed", "skipped"]
    seconds: float
    counted: Sequence[Counted] = ()


def source(*, is_quick: bool, seed: int) -> Source:
    """Of the working tree as it is."""
    commit = _git("rev-parse", "--short=12", "HEAD").strip()
    changes = _git("diff", "HEAD", "--", "service", "tests", "migrations", "pyproject.toml")
    digest = hashlib.sha256(changes.encode()).hexdigest()[:12] if changes else ""
    return Source(commit or "unknown", digest, is_quick, seed)


def begin(file: Path, of: Source) -> list[Result]:
    """The results of before, if they are of the same; else an empty file."""
    if file.exists():
        first, *rest = file.read_bytes().splitlines() or [b""]
        if first == msgspec.json.encode(of):
            return [msgspec.json.decode(line, type=Result) for line in rest if _is_whole(line)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(of) + b"\n")
    return []


def add(file: Path, result: Result) -> None:
    """One more."""
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(result) + b"\n")


def read_results(file: Path) -> list[Result]:
    """Of each test the last."""
    lines = file.read_bytes().splitlines()[1:]
    every = [msgspec.json.decode(line, type=Result) for line in lines if _is_whole(line)]
    return list({result.test: result for result in every}.values())


def passed(results: Iterable[Result]) -> set[str]:
    """The tests that need not be run again."""
    return {each.test for each in results if each.outcome != "failed"}


def _is_whole(line: bytes) -> bool:
    # The last one is not if the process was killed while it wrote.
    return line.endswith(b"}")


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
