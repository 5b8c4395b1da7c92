"""The options that commands share, and the way from them to a client."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from service.cli import client
from service.cli.client import Client
from service.cli.exits import CommandFailed, refused

if TYPE_CHECKING:
    import httpx

    from service.settings import Settings

P = ParamSpec("P")

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the data  [env: TIMELINE_DATA_DIR; else the user's data folder]",
)


@dataclass(frozen=True)
class Service:
    """Which service a command speaks to, and how it shows the answer."""

    url: str | None = None
    key: str | None = None
    data_dir: Path | None = None
    as_json: bool = False
    transport: "httpx.BaseTransport | None" = None
    """What carries requests to `url`; None is the network."""

    @contextmanager
    def connect(self) -> Iterator[Client]:
        """The service for as long as the block lasts."""
        if self.url is not None:
            with client.remote(self.url, self.key, self.transport) as far:
                yield far
        else:
            with client.in_process(settings(data_dir=self.data_dir)) as near:
                yield near


def service_options(command: Callable[Concatenate[Service, P], None]) -> Callable[..., None]:
    """Give *command* the common options, as a `Service` before its own."""

    @click.option("--url", help="Address of a running service; without it, the data directory.")
    @click.option(
        "--key",
        envvar="TIMELINE_API_KEY",
        show_envvar=True,
        help="Key, with --url: for writing, and for reading where that is closed.",
    )
    @data_dir_option
    @click.option("--json", "as_json", is_flag=True, help="Print the service's JSON as it came.")
    @click.pass_context
    @functools.wraps(command)
    def with_service(context: click.Context, /, *args: Any, **options: Any) -> None:
        given = {name: options.pop(name) for name in ("url", "key", "data_dir", "as_json")}
        _check_together(context, given)
        with _strange_answers_told(given["url"]):
            command(Service(**given, transport=context.obj), *args, **options)

    return with_service


def settings(**overrides: Any) -> "Settings":
    """
    The settings of the environment and of the options given.

    Raises:
        CommandRefused: a value that means nothing.
    """
    from service.settings import Settings  # noqa: PLC0415 (start-up)

    try:
        return Settings.from_environment(os.environ, **overrides)
    except ValueError as exc:
        raise refused(str(exc)) from exc


@contextmanager
def _strange_answers_told(url: str | None) -> Iterator[None]:
    """Whatever else may listen at *url* answers otherwise than the service does."""
    try:
        yield
    except (KeyError, TypeError) as exc:
        if url is None:
            raise
        raise CommandFailed(
            f"{url} answers otherwise than expected ({type(exc).__name__}: {exc}); is this the "
            "timeline service, in a version that fits?"
        ) from exc


def _check_together(context: click.Context, given: dict[str, Any]) -> None:
    if given["url"] is not None and given["data_dir"] is not None:
        raise click.UsageError("--url and --data-dir name two services; give one of them.")
    key_from = context.get_parameter_source("key")
    if given["url"] is None and key_from is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--key goes with --url; the data directory needs none.")
