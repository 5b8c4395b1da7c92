"""`timeline backup` and the restore of what it wrote, with real processes on real data."""

import asyncio
import json
import subprocess
import tarfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import pytest
from click.testing import CliRunner, Result

from service.cli.main import timeline
from service.postgres.embedded import EmbeddedPostgres
from tests.support.processes import is_alive
from tests.support.server import TIMELINE, served

KEY = "outside"
HEADERS = {"Authorization": f"Bearer {KEY}"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(timeline, arguments)


def hire(number: int) -> dict[str, Any]:
    return {
        "type": "hire",
        "person": {"id": f"p-{number}", "name": f"Person {number}"},
        "lab": {"id": "lab", "name": "The Lab"},
        "date": "2024",
        "event_id": f"00000000-0000-4000-8000-{number:012}",
    }


class Writing:
    """Somebody who records one event after the other, and keeps what was acknowledged."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_ending = threading.Event()
        self.acknowledged: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        self._thread.join()

    def until(self, count: int) -> int:
        """How many are acknowledged, once they are so many at least."""
        deadline = time.monotonic() + 60
        while len(self.acknowledged) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.acknowledged)

    def _write(self) -> None:
        with httpx.Client(base_url=self._url, headers=HEADERS, timeout=60) as client:
            number = 0
            while not self._is_ending.is_set():
                number += 1
                answer = client.post("/v1/events", json=hire(number))
                assert answer.status_code == 201, answer.text
                self.acknowledged.append(answer.json())


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], str]:
    """A backup taken under writes, what was acknowledged before it began, a cursor of that log."""
    folder = tmp_path_factory.mktemp("backup")
    file = folder / "backup.tar"
    with served(folder / "data", "--empty", environment={"TIMELINE_API_KEY": KEY}) as service:
        with Writing(service.url) as writing:
            writing.until(10)
            page = httpx.get(f"{service.url}/v1/events?limit=2").json()
            before = writing.until(100)
            done = run(
                "backup", "--output", str(file), "--data-dir", str(folder / "data"), "--json"
            )
            assert done.exit_code == 0, done.output
            after = len(writing.acknowledged)
        assert after > before, "it was written to meanwhile"
    told = json.loads(done.stdout)
    assert before <= told["position"]
    assert told["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600, "keys are in it"
    return file, writing.acknowledged[:before], page["next"]


@pytest.fixture
def whole(backup: tuple[Path, list[dict[str, Any]], str]) -> Path:
    return backup[0]


def test_backup_holds_all_that_was_acknowledged_before_it(
    backup: tuple[Path, list[dict[str, Any]], str], tmp_path: Path
) -> None:
    file, acknowledged, cursor = backup
    data_dir = tmp_path / "data"
    restored = run("restore", str(file), "--data-dir", str(data_dir), "--json")
    assert restored.exit_code == 0, restored.output
    head = json.loads(restored.stdout)
    assert head["position"] >= len(acknowledged)
    assert [p.name for p in data_dir.glob("postgres.unfinished-*")] == []
    verified = run("verify", "--since", acknowledged[-1]["hash"], "--data-dir", str(data_dir))
    assert verified.exit_code == 0, verified.output
    with served(data_dir, "--empty", environment={"TIMELINE_API_KEY": KEY}) as service:
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        for event in (acknowledged[0], acknowledged[-1]):
            found = httpx.get(f"{service.url}/v1/events/{event['event_id']}").json()
            assert (found["position"], found["hash"]) == (event["position"], event["hash"])
        stale = httpx.get(f"{service.url}/v1/events", params={"limit": 2, "cursor": cursor})
        assert stale.status_code == 422, "positions after the backup are taken anew"
        assert "restore" in stale.json()["detail"]
        again = httpx.post(
            f"{service.url}/v1/events", json=hire(head["position"] + 1), headers=HEADERS
        )
        assert again.json()["position"] == head["position"] + 1
    refused = run("restore", str(file), "--data-dir", str(data_dir))
    assert refused.exit_code == 2, refused.output
    assert "already" in refused.stderr


def changed(file: Path, target: Path, name: str) -> Path:
    """A copy in which one byte of a file that ends in *name* is another one."""
    with tarfile.open(file) as tar:
        member = next(m for m in tar if m.name.endswith(name) and m.size > 100)
    raw = bytearray(file.read_bytes())
    raw[member.offset_data + 50] ^= 1
    target.write_bytes(raw)
    return target


def test_backup_that_is_not_as_it_was_written_is_refused(whole: Path, tmp_path: Path) -> None:
    """Nothing is there then; what is there is whole."""
    raw = whole.read_bytes()
    (tmp_path / "half.tar").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "other.tar").write_bytes(b"\x1f\x8b" + raw[2:])
    changed(whole, tmp_path / "changed.tar", "pg_filenode.map")
    with tarfile.open(tmp_path / "out.tar", "w") as tar:
        link = tarfile.TarInfo("postgres")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    for name in ("half", "other", "changed", "out"):
        data_dir = tmp_path / "data"
        refused = run("restore", str(tmp_path / f"{name}.tar"), "--data-dir", str(data_dir))
        assert refused.exit_code == 2, (name, refused.output)
        assert "othing was restored" in refused.stderr, name
        assert not (data_dir / "postgres").exists(), name
        assert list(data_dir.glob("postgres.unfinished-*")) == [], name


@pytest.mark.parametrize(
    ("part", "sign"), [(0.5, "base"), (1, "postmaster.pid")], ids=["unpacking", "server running"]
)
def test_restore_that_was_killed_leaves_nothing(
    whole: Path, tmp_path: Path, part: float, sign: str
) -> None:
    """The next one clears up after it, a server of its own included, and goes through."""
    data_dir = tmp_path / "data"
    with subprocess.Popen(
        [*TIMELINE, "restore", "-", "--data-dir", str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as killed:
        assert killed.stdin is not None
        raw = whole.read_bytes()
        killed.stdin.write(raw[: int(len(raw) * part)])
        killed.stdin.flush()
        if part == 1:
            killed.stdin.close()
        deadline = time.monotonic() + 60
        while not list(data_dir.glob(f"postgres.unfinished-*/postgres/{sign}")):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        killed.kill()
    assert not (data_dir / "postgres").exists()
    servers = [
        int(file.read_text().split()[0])
        for file in data_dir.glob("postgres.unfinished-*/postgres/postmaster.pid")
    ]
    done = run("restore", str(whole), "--data-dir", str(data_dir))
    assert done.exit_code == 0, done.output
    assert list(data_dir.glob("postgres.unfinished-*")) == []
    assert not any(map(is_alive, servers))


def test_backup_of_a_later_edition_is_refused(tmp_path: Path) -> None:
    """Its database could not be served; nothing is left of it."""
    file, data_dir = tmp_path / "later.tar", tmp_path / "data"
    assert run("migrate", "--data-dir", str(data_dir)).exit_code == 0
    with EmbeddedPostgres(data_dir) as server:
        asyncio.run(_later(server.dsn))
    assert run("backup", "--output", str(file), "--data-dir", str(data_dir)).exit_code == 0
    refused = run("restore", str(file), "--data-dir", str(tmp_path / "other"))
    assert refused.exit_code == 2, refused.output
    assert "later edition" in refused.stderr
    assert not (tmp_path / "other" / "postgres").exists()


async def _later(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()


def test_backup_says_what_it_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = run("backup", "--output", str(tmp_path / "x"), "--data-dir", str(tmp_path / "none"))
    assert nothing.exit_code == 2
    assert "no database" in nothing.stderr
    assert not (tmp_path / "none").exists()
    (tmp_path / "taken").write_text("mine")
    taken = run("backup", "--output", str(tmp_path / "taken"), "--data-dir", str(tmp_path))
    assert taken.exit_code == 2
    assert (tmp_path / "taken").read_text() == "mine"
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/x")
    other = run("backup", "--output", str(tmp_path / "y"))
    assert other.exit_code == 2
    assert "pg_basebackup" in other.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]
