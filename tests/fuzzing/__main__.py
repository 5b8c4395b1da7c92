"""`python -m tests.fuzzing`: one target for some time."""

import sys
import tempfile
from pathlib import Path

import click

try:
    import atheris
except ImportError:
    sys.exit("Fuzzing needs atheris: pip install -e '.[fuzz]' (Linux and macOS).")

# Only what is imported in this block is looked into while it runs.
with atheris.instrument_imports(include=["service.domain", "service.api.bodies"]):
    from tests.fuzzing.targets import TARGETS


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Example:
  python -m tests.fuzzing dates --seconds 60""",
)
@click.argument("name", metavar="TARGET", type=click.Choice(sorted(TARGETS)))
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help="From which inputs are drawn.")
@click.option(
    "--corpus",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which inputs are kept that reach something new.  [default: none is kept]",
)
def fuzz(name: str, seconds: int, seed: int, corpus: Path | None) -> None:
    """
    Look for bytes that break a law, guided by the code that they reach.

    An input that does is left as a file beside the corpus, and the exit code is not 0.
    """
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="timeline-fuzzing-") as folder:
        seeds = Path(folder)
        for number, content in enumerate(target.seeds):
            (seeds / str(number)).write_bytes(content)
        if corpus is not None:
            corpus.mkdir(parents=True, exist_ok=True)
        folders = [str(each) for each in (corpus, seeds) if each is not None]
        found = str(corpus.parent if corpus is not None else Path.cwd()) + "/"
        options = [f"-max_total_time={seconds}", f"-seed={seed}", "-print_final_stats=1"]
        atheris.Setup(["fuzzing", *options, f"-artifact_prefix={found}", *folders], target.law)
        atheris.Fuzz()


if __name__ == "__main__":
    fuzz(prog_name="python -m tests.fuzzing")
