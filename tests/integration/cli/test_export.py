"""Export, restore and verify on data directories: what a person types, with the real history."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from click.testing import CliRunner, Result

from service.cli.main import timeline
from service.postgres.embedded import EmbeddedPostgres
from tests.support.server import served

ASKED = ("/v1/labs/DeepMind?at=2024-06-01", "/v1/people/John%20Jumper?at=2024-06-01")


def run(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(timeline, [*arguments, "--data-dir", str(data_dir)])


def answers(url: str) -> list[Any]:
    return [httpx.get(url + path, timeout=60).raise_for_status().json() for path in ASKED]


def tampered(data_dir: Path, statement: str) -> None:
    """Change the log of a data directory behind its back."""

    async def execute(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement)
        await connection.close()

    with EmbeddedPostgres(data_dir) as server:
        asyncio.run(execute(server.dsn))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


def test_real_history_goes_from_one_data_directory_into_another(folder: Path) -> None:
    first, second, file = folder / "first", folder / "second", folder / "log.ndjson"
    with served(first) as service:
        before = answers(service.url)
        head = httpx.get(f"{service.url}/v1/log").json()
        exported = CliRunner().invoke(
            timeline, ["export", "--url", service.url, "--output", str(file)]
        )
        assert exported.exit_code == 0, exported.output
        refused = run(first, "restore", str(file))
        assert refused.exit_code == 2
        assert "stop it, then restore" in refused.stderr

    assert run(first, "export").stdout_bytes == file.read_bytes(), "the same by either way"

    restored = run(second, "restore", str(file), "--json")
    assert restored.exit_code == 0, restored.output
    assert json.loads(restored.stdout)["hash"] == head["hash"]
    assert "'timeline erase --again NEWER'" in restored.stderr, "nobody but they can know"
    assert run(second, "export").stdout_bytes == file.read_bytes(), "and the same again"

    with served(second) as service:
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        # The history that comes along is known to be in there: nothing is recorded anew.
        assert httpx.get(f"{service.url}/v1/log").json() == head
        assert answers(service.url) == before

    again = run(second, "restore", str(file))
    assert again.exit_code == 2
    assert f"has {head['position']} events already" in again.stderr
    verified = run(second, "verify", "--export", str(file), "--since", head["hash"])
    assert verified.exit_code == 0, verified.output
    assert "The read models are what the log says." in verified.stdout

    third = folder / "third"
    lines = file.read_bytes().splitlines(keepends=True)
    half = folder / "half.ndjson"
    half.write_bytes(b"".join([*lines[:700], *lines[701:]]))
    refused = run(third, "restore", str(half))
    assert refused.exit_code == 2
    assert "Position 700 is missing" in refused.stderr
    assert json.loads(run(third, "verify", "--json").stdout)["events"] == 0, "nothing is restored"

    tampered(second, "UPDATE events SET recorded_by = 'me' WHERE position = 1234")
    broken = run(second, "verify")
    assert broken.exit_code == 1
    assert "position 1234: Its hash does not follow" in broken.stdout

    tampered(second, "DELETE FROM events WHERE position = 1500")
    with served(second) as service:
        # It has said 200 by then; what is left is to break off.
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{service.url}/v1/log/export")
        output = folder / "broken.ndjson"
        broken = CliRunner().invoke(
            timeline, ["export", "--url", service.url, "--output", str(output)]
        )
        assert broken.exit_code == 1
        assert "broke off" in broken.stderr
        assert not output.exists()
        assert httpx.get(f"{service.url}/readyz").status_code == 200
    for each in (first, second, third):
        shutil.rmtree(each)
