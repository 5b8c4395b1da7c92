"""`timeline serve`: the service, until it is told to stop."""

from pathlib import Path

import click

from service.cli.client import application, faults_told
from service.cli.options import data_dir_option, settings
from service.settings import WORKERS_MAX


@click.command(
    epilog="""\b
Example:
  timeline serve --port 8080
  curl 'http://127.0.0.1:8080/v1/labs/DeepMind?at=2024-06-01'"""
)
@click.option("--host", help="Address to listen on  [env: TIMELINE_HOST; else 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one  [env: TIMELINE_PORT; else 8000]",
)
@click.option(
    "--workers",
    type=click.IntRange(1, WORKERS_MAX),
    help="Processes that answer  [env: TIMELINE_WORKERS; else 1]",
)
@data_dir_option
@click.option("--empty", is_flag=True, help="Leave an empty log empty; load no history.")
def serve(
    host: str | None, port: int | None, workers: int | None, data_dir: Path | None, empty: bool
) -> None:
    """
    Serve the timeline over HTTP.

    Brings the data directory up to date, loads the history that comes along into an empty log,
    and answers until SIGINT or SIGTERM. With DATABASE_URL set, that Postgres is used instead of
    the one in the data directory.
    """
    chosen = settings(host=host, port=port, workers=workers, data_dir=data_dir)
    with faults_told():
        code = application("service.serving", "serve")(chosen, empty)
    click.get_current_context().exit(code)
