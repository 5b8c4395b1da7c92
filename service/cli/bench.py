"""`timeline bench`: how fast it is here, beside what else does the work."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from service.cli.exits import refused

_ROOT = Path(__file__).parents[2]
"""Of the source, where the benchmarks are; an installed package comes without them."""


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: Sequence[str]) -> None:
    """Measure speed on this machine."""
    if not (_ROOT / "tests" / "benchmarks").is_dir():
        raise refused(
            "The benchmarks come with the source alone: get it, install it with "
            "pip install -e '.[test,bench]', and run 'timeline bench --help' there."
        )
    # What it measures beside ours belongs to the tests, on which nothing here depends.
    command = [sys.executable, "-m", "tests.benchmarks", *arguments]
    if not {"-h", "--help"}.isdisjoint(arguments):
        shown = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)  # noqa: S603
        click.echo(shown.stdout, nl=False)
        return
    raise SystemExit(subprocess.run(command, cwd=_ROOT, check=False).returncode)  # noqa: S603
