"""`timeline bench` is the suite of the source tree, with its options and its exit codes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import bench
from service.cli.exits import REFUSED
from service.cli.main import timeline


def test_options_and_output_are_the_suites(capfd: pytest.CaptureFixture[str]) -> None:
    assert CliRunner().invoke(timeline, ["bench", "--list"]).exit_code == 0
    assert "append, 32 producers" in capfd.readouterr().out.splitlines()


def test_a_bad_option_is_refused_by_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    assert CliRunner().invoke(timeline, ["bench", "--events", "nine"]).exit_code == REFUSED
    told = capfd.readouterr().err
    assert "timeline bench" in told
    assert "nine" in told


def test_an_installed_package_says_where_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "_ROOT", tmp_path)
    result = CliRunner().invoke(timeline, ["bench"])
    assert result.exit_code == REFUSED
    assert "source" in result.output
