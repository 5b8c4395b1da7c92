"""Recovery to an instant: a backup, and the write-ahead log that was archived since."""

import asyncio
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import pytest

from service.postgres.embedded import EmbeddedPostgres
from tests.integration.cli.test_backup import HEADERS, KEY, hire, run
from tests.support.catalogue import connected
from tests.support.processes import ROOT, is_alive, reachable_python
from tests.support.server import TIMELINE, Served, served

ARCHIVE = """o'odd "archive" $HOME %f \\ folder"""
"""Whatever a path may hold."""
BEFORE, FIRST, SECOND = 3, 8, 13
"""The last events before the backup, before an instant, and before the end."""


class Kept(NamedTuple):
    """What is left of a service whose disk is lost."""

    backup: Path
    archive: Path
    instant: datetime
    """Between the events FIRST and those after it."""
    cursor: str
    last_hash: str


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("recovery")
    backup, archive = folder / "backup.tar", folder / ARCHIVE
    with archiving(folder / "data", archive) as service:
        post(service, range(1, BEFORE + 1))
        backed_up = run("backup", "--output", str(backup), "--data-dir", str(folder / "data"))
        assert backed_up.exit_code == 0, backed_up.output
        # A backup says to the second when it was taken.
        time.sleep(1)
        post(service, range(BEFORE + 1, FIRST + 1))
        cursor = httpx.get(f"{service.url}/v1/events?limit=2").json()["next"]
        instant = datetime.now(UTC)
        switch(folder / "data")
        last = post(service, range(FIRST + 1, SECOND + 1))[-1]
        assert facts_of(folder / "data")["archive"]["state"] == "ok"
    shutil.rmtree(folder / "data")
    assert [path.name for path in archive.glob("*.part")] == []
    assert {path.stat().st_mode & 0o777 for path in archive.iterdir()} == {0o600}
    return Kept(backup, archive, instant, cursor, last["hash"])


def archiving(data_dir: Path, archive: Path, *arguments: str) -> Any:
    environment = {"TIMELINE_API_KEY": KEY, "TIMELINE_WAL_ARCHIVE": str(archive)}
    return served(data_dir, "--empty", *arguments, environment=environment)


def post(service: Served, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Record so many, one after the other; what was answered."""
    answers = [
        httpx.post(f"{service.url}/v1/events", json=hire(number), headers=HEADERS, timeout=60)
        for number in numbers
    ]
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json() for answer in answers]


def switch(data_dir: Path) -> None:
    """Let what was written until now be archived."""
    with EmbeddedPostgres(data_dir) as server:
        fetch(server.dsn, "SELECT pg_switch_wal()")


def fetch(dsn: str, query: str) -> Any:
    async def ask() -> Any:
        async with connected(dsn) as connection:
            return await connection.fetchval(query)

    return asyncio.run(ask())


def facts_of(data_dir: Path) -> dict[str, Any]:
    told = run("doctor", "--json", "--data-dir", str(data_dir))
    return {fact["name"]: fact for fact in json.loads(told.stdout)["facts"]}


def restored(kept: Kept, data_dir: Path, *more: str) -> int:
    """The head of what is restored, which is whole."""
    command = ("restore", str(kept.backup), "--data-dir", str(data_dir))
    done = run(*command, "--wal", str(kept.archive), *more, "--json")
    assert done.exit_code == 0, done.output
    assert [path.name for path in data_dir.glob("postgres.unfinished-*")] == []
    assert not (data_dir / "postgres" / "recovery.signal").exists()
    head: int = json.loads(done.stdout)["position"]
    verified = run("verify", "--data-dir", str(data_dir), "--json")
    assert verified.exit_code == 0, verified.output
    told = json.loads(verified.stdout)
    assert (told["events"], told["read_models"]["state"]) == (head, "ok")
    return head


def test_until_an_instant_exactly_what_was_recorded_by_then_is_there(
    kept: Kept, tmp_path: Path
) -> None:
    assert restored(kept, tmp_path, "--until", kept.instant.isoformat()) == FIRST
    with served(tmp_path, "--empty", environment={"TIMELINE_API_KEY": KEY}) as service:
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        stale = httpx.get(f"{service.url}/v1/events", params={"limit": 2, "cursor": kept.cursor})
        assert stale.status_code == 422, "positions after the instant are taken anew"
        assert post(service, [99])[0]["position"] == FIRST + 1


def test_all_that_was_archived_is_there(kept: Kept, tmp_path: Path) -> None:
    """A service that ends archives the last of it, so that nothing is lost."""
    assert restored(kept, tmp_path) == SECOND
    verified = run("verify", "--since", kept.last_hash, "--data-dir", str(tmp_path))
    assert verified.exit_code == 0, verified.output


def refused(data_dir: Path, *arguments: str) -> str:
    """What is said; nothing is there then."""
    done = run("restore", *arguments, "--data-dir", str(data_dir))
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert list(data_dir.glob("postgres*/**")) == []
    return " ".join(done.stderr.split())


def test_instant_that_cannot_be_reached_is_refused_with_those_that_can(
    kept: Kept, tmp_path: Path
) -> None:
    early, late = kept.instant - timedelta(minutes=5), kept.instant + timedelta(days=1)
    command = (str(kept.backup), "--wal", str(kept.archive))
    said = refused(tmp_path, *command, "--until", early.isoformat())
    assert "before the backup was whole: it reaches from 20" in said
    begin = said.split("it reaches from ")[1].split()[0]
    said = refused(tmp_path, *command, "--until", late.isoformat())
    assert f"Any instant from {begin} on before 20" in said
    end = datetime.fromisoformat(said.split(" on before ")[1].split()[0])
    assert kept.instant < end < late
    last = end - timedelta(microseconds=1)
    # The last commit need not be that of an event.
    assert restored(kept, tmp_path, "--until", last.isoformat()) in (SECOND - 1, SECOND)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--until", "2026-11-22T09:30:00Z"), "--until goes with --wal"),
        (("--wal", "{archive}", "--until", "2026-11-22T09:30:00"), "is no instant"),
        (("--wal", "{archive}", "--until", "yesterday"), "is no instant"),
        (("--wal", "{archive}/none"), "does not exist"),
        (("--wal", "{empty}"), "Nothing in '{empty}' follows on the backup"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(
    arguments: Sequence[str], told: str, kept: Kept, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"archive": str(kept.archive), "empty": str(tmp_path / "empty")}
    given = [one.format(**places) for one in arguments]
    assert told.format(**places) in refused(tmp_path / "data", str(kept.backup), *given)


def test_export_is_not_brought_forward(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_text("{}")
    said = refused(tmp_path / "data", str(tmp_path / "log.ndjson"), "--wal", str(kept.archive))
    assert "is no backup" in said


def broken(kept: Kept, folder: Path, break_one: Callable[[Path], object]) -> Path:
    """The archive with something done to its file before the last."""
    archive = folder / "broken"
    shutil.copytree(kept.archive, archive)
    files = sorted(path for path in archive.iterdir() if len(path.name) == 24)
    break_one(files[-2])
    return archive


def test_archive_that_breaks_off_is_not_taken_for_one_that_ends(kept: Kept, tmp_path: Path) -> None:
    """A file is missing or damaged, and later ones are there."""
    for name, break_one in (("missing", Path.unlink), ("damaged", _damage)):
        archive = broken(kept, tmp_path / name, break_one)
        said = refused(tmp_path / "data", str(kept.backup), "--wal", str(archive))
        assert "The archive breaks off" in said


def _damage(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(bytes(64))


def test_recovery_that_was_killed_leaves_nothing(kept: Kept, tmp_path: Path) -> None:
    """The next one clears up after it, and goes through."""
    command = ["restore", str(kept.backup), "--wal", str(kept.archive)]
    with subprocess.Popen(
        [*TIMELINE, *command, "--data-dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as killed:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("postgres.unfinished-*/postgres/postmaster.pid")):
            assert time.monotonic() < deadline
            assert killed.poll() is None
            time.sleep(0.002)
        killed.kill()
    assert not (tmp_path / "postgres").exists()
    (server,) = tmp_path.glob("postgres.unfinished-*/postgres/postmaster.pid")
    pid = int(server.read_text().split()[0])
    assert restored(kept, tmp_path) == SECOND
    assert not is_alive(pid)


def test_restored_service_archives_on_in_the_same_folder(kept: Kept, tmp_path: Path) -> None:
    """The backup from before then leads to what was recorded since, not to what was left behind."""
    archive = tmp_path / "archive"
    subprocess.run(["cp", "-a", kept.archive, archive], check=True)
    again = kept._replace(archive=archive)
    data_dir = tmp_path / "data"
    assert restored(again, data_dir, "--until", kept.instant.isoformat()) == FIRST
    with archiving(data_dir, archive) as service:
        post(service, [101])
        last = post(service, [102])[-1]
    assert restored(again, tmp_path / "other") == FIRST + 2
    verified = run("verify", "--since", last["hash"], "--data-dir", str(tmp_path / "other"))
    assert verified.exit_code == 0, verified.output


def test_backup_alone_goes_on_in_the_same_folder(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the lost server had archived stays, and is left behind."""
    archive, data_dir = tmp_path / "archive", tmp_path / "data"
    subprocess.run(["cp", "-a", kept.archive, archive], check=True)
    monkeypatch.setenv("TIMELINE_WAL_ARCHIVE", str(archive))
    done = run("restore", str(kept.backup), "--data-dir", str(data_dir), "--json")
    assert json.loads(done.stdout)["position"] == BEFORE, done.output
    with archiving(data_dir, archive) as service:
        post(service, [101])
        switch(data_dir)
        post(service, [102])
    assert facts_of(data_dir)["archive"]["state"] == "ok"
    again = kept._replace(archive=archive)
    assert restored(again, tmp_path / "other") == BEFORE + 2


def test_backup_beside_the_way_that_was_taken_is_told(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers were restored from one backup, and the later one is what the archive leads to."""
    archive, later = tmp_path / "archive", tmp_path / "later.tar"
    subprocess.run(["cp", "-a", kept.archive, archive], check=True)
    monkeypatch.setenv("TIMELINE_WAL_ARCHIVE", str(archive))
    for name in ("one", "two"):
        done = run("restore", str(kept.backup), "--data-dir", str(tmp_path / name))
        assert done.exit_code == 0, done.output
        if name == "one":
            backed_up = run("backup", "--output", str(later), "--data-dir", str(tmp_path / name))
            assert backed_up.exit_code == 0, backed_up.output
        assert run("migrate", "--data-dir", str(tmp_path / name)).exit_code == 0, "it archives"
    said = refused(tmp_path / "data", str(later), "--wal", str(archive))
    assert "was restored from before this backup" in said


def test_archiving_that_fails_is_told_and_goes_on_by_itself(tmp_path: Path) -> None:
    """A file of another server is never replaced, and writes go on meanwhile."""
    archive, data_dir = tmp_path / "archive", tmp_path / "data"
    with served(data_dir, "--empty", environment={"TIMELINE_API_KEY": KEY}) as service:
        post(service, [1])
    assert not archive.exists()
    assert facts_of(data_dir)["archive"]["state"] == "ok"

    with archiving(data_dir, archive) as service:
        name = current_file(data_dir)
        (archive / name).write_text("another's")
        post(service, [2])
        switch(data_dir)
        until(lambda: facts_of(data_dir)["archive"]["state"] == "bad")
        assert name in facts_of(data_dir)["archive"]["told"]
        assert (archive / name).read_text() == "another's"
        copied = run("backup", "--output", str(tmp_path / "b.tar"), "--data-dir", str(data_dir))
        assert copied.exit_code == 0, "a backup needs no archive"
        post(service, [3])
        (archive / name).unlink()
        switch(data_dir)
        until(lambda: facts_of(data_dir)["archive"]["state"] == "ok")
        assert (archive / name).stat().st_size > len("another's")
        post(service, [4])
    files = {path.name for path in archive.iterdir()}
    assert len(files) >= 3

    with served(data_dir, "--empty", environment={"TIMELINE_API_KEY": KEY}) as service:
        post(service, [5])
        switch(data_dir)
    assert {path.name for path in archive.iterdir()} == files, "it is not set any more"


def current_file(data_dir: Path) -> str:
    with EmbeddedPostgres(data_dir) as server:
        return str(fetch(server.dsn, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"))


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.2)


def test_server_that_runs_without_an_archive_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedPostgres(tmp_path / "data"):
        monkeypatch.setenv("TIMELINE_WAL_ARCHIVE", str(tmp_path / "archive"))
        told = run("doctor", "--json", "--data-dir", str(tmp_path / "data"))
        facts = {fact["name"]: fact for fact in json.loads(told.stdout)["facts"]}
    assert facts["archive"]["state"] == "warning"
    assert facts_of(tmp_path / "data")["archive"]["state"] == "ok", "it was started anew"


def test_folder_that_cannot_be_written_to_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for place in ("none/archive", "file"):
        monkeypatch.setenv("TIMELINE_WAL_ARCHIVE", str(tmp_path / place))
        told = run("migrate", "--data-dir", str(tmp_path / "data"))
        assert told.exit_code == 1, told.output
        assert "cannot be archived in" in told.stderr
        assert "TIMELINE_WAL_ARCHIVE" in told.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_ordinary_user_archives_and_recovers() -> None:
    uid = pwd.getpwnam("nobody").pw_uid
    python = reachable_python(uid)
    folder = Path(tempfile.mkdtemp(prefix="recovery-", dir="/tmp"))
    try:
        os.chown(folder, uid, -1)
        packages = Path(asyncpg.__file__).parents[1]
        environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "PYTHONPATH": f"{ROOT}:{packages}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

        def command(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [python, *TIMELINE[1:], *arguments], check=False, capture_output=True, text=True,
                cwd="/", env={**environment, **more}, user=uid, extra_groups=[],
            )  # fmt: skip

        data, archive = str(folder / "data"), str(folder / "it's archived")
        for arguments in (
            ("keys", "create", "editor"),
            ("backup", "--output", str(folder / "backup.tar")),
            ("keys", "create", "guest"),
        ):
            done = command(*arguments, "--data-dir", data, TIMELINE_WAL_ARCHIVE=archive)
            assert done.returncode == 0, done.stderr
        shutil.rmtree(data)
        backup = str(folder / "backup.tar")
        done = command("restore", backup, "--wal", archive, "--data-dir", data)
        assert done.returncode == 0, done.stderr
        listed = command("keys", "list", "--data-dir", data)
        assert "guest" in listed.stdout, "what was done after the backup is there"
    finally:
        shutil.rmtree(folder)
