"""How a cluster is made: whole, and on disk, before it has its name."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.postgres import cluster
from service.postgres.binaries import Account, Binaries, own_account


@pytest.mark.parametrize("major", [15, 18])
@pytest.mark.parametrize(("settings", "syncs"), [({}, 1), ({"fsync": "off"}, 0)])
def test_new_cluster_is_synced_once_before_it_has_its_name(
    settings: Mapping[str, str],
    syncs: int,
    major: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "postgres"
    ran: list[list[str]] = []

    def run(account: Account, command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        assert not folder.exists()
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr(cluster, "run_as", run)
    binaries = Binaries(Path("bin"), f"{major}.1")
    cluster._create(folder, own_account(), binaries, settings)
    assert folder.exists()
    assert ["--sync-only" in command for command in ran] == [False, False] + [True] * syncs
    # Not before 17 is there another way than file by file.
    assert major >= 17 or not any("--sync-method=syncfs" in command for command in ran)
