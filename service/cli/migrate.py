"""`timeline migrate`: the schema brought up to date."""

from pathlib import Path

import click

from service.cli.client import application, faults_told
from service.cli.options import data_dir_option, settings
from service.cli.terminal import print_line


@click.command(
    epilog="""\b
Example:
  timeline migrate
  DATABASE_URL=postgresql://localhost/timeline timeline migrate"""
)
@data_dir_option
def migrate(data_dir: Path | None) -> None:
    """
    Bring the database up to date.

    It is the one in the data directory, or that of DATABASE_URL if it is set.
    """
    chosen = settings(data_dir=data_dir)
    with faults_told():
        sentence = application("service.in_process", "migrate")(chosen)
    print_line(sentence)
