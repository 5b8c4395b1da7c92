"""What is installed: a wheel, in an environment of its own, run from elsewhere."""

import json
import os
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from pathlib import Path

import pytest

from tests.support.server import served

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which only the wheel was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel],
        check=True,
    )
    # What it depends on is taken from here: only a path is added, so that an editable install
    # of the project itself is not found by it.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return programs


def test_the_wheel_serves_the_real_history_from_anywhere(installed: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [installed / "python", "-c", "import service; print(service.__file__)"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert str(installed.parent) in found
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TIMELINE"))}
    with served(
        tmp_path / "data",
        command=[str(installed / "timeline")],
        cwd=tmp_path,
        environment=clean,
    ) as running:
        address = f"{running.url}/v1/labs/DeepMind?at=2024-06-01"
        with urllib.request.urlopen(address, timeout=10) as answer:
            members = {m["person"]["id"] for m in json.load(answer)["members"]}
        with urllib.request.urlopen(f"{running.url}/docs", timeout=10) as answer:
            assert b"/v1/labs/{lab}" in answer.read()
        assert running.stop() == 0, "".join(running.lines)
    assert {"lucas-beyer", "john-jumper"} <= members
    assert "noam-shazeer" not in members
