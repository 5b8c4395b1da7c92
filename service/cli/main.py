"""`timeline`: the command line as a whole."""

import sys

import click

from service import __version__
from service.cli.ask import ask
from service.cli.backup import backup
from service.cli.bench import bench
from service.cli.changes import changes
from service.cli.correct import correct
from service.cli.corrections import corrections
from service.cli.doctor import doctor
from service.cli.erase import erase
from service.cli.export import export
from service.cli.keys import keys
from service.cli.load import load
from service.cli.migrate import migrate
from service.cli.moves import moves
from service.cli.person import person
from service.cli.record import record
from service.cli.replay import replay
from service.cli.restore import restore
from service.cli.retract import retract
from service.cli.serve import serve
from service.cli.verify import verify
from service.cli.who import who
from service.cli.why import why

COMMANDS: tuple[click.Command, ...] = (
    serve, ask, who, person, why, moves, changes, corrections, record, correct, retract, load,
    erase, replay, verify, doctor, export, restore, backup, migrate, keys, bench,
)  # fmt: skip


def main() -> None:
    """Run the command that the process was started with."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without ● or É gets their code points rather than an exception.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    timeline(prog_name="timeline")


class _InOrder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [str(command.name) for command in COMMANDS]


@click.group(
    cls=_InOrder,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Example:
  timeline serve
  timeline who DeepMind --at 2024-06-01
  timeline record hire --person "John Jumper" --lab Anthropic --date 2026-06-19""",
)
@click.version_option(__version__, prog_name="timeline")
def timeline() -> None:
    """
    Who was at which AI lab, when, and how do we know.

    Commands work on the data directory, or with --url on a running service. Exit codes: 0 done,
    1 fault, 2 refused.
    """


for _command in COMMANDS:
    timeline.add_command(_command)

if __name__ == "__main__":
    main()
