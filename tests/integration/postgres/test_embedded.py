"""The embedded server, with real processes that start, share, kill and restart it."""

import asyncio
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from service.postgres import binaries, cluster, embedded
from service.postgres.binaries import NoBinariesError, OtherMajorError, find_binaries, own_account
from service.postgres.cluster import (
    NoPermissionError,
    NotADirectoryOfOursError,
    OtherOwnerError,
    is_process_of,
    known_cluster,
)
from service.postgres.embedded import EmbeddedPostgres, NotStartedError
from tests.support.processes import reachable_python

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
FAST = {"fsync": "off"}
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
on_linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")

USER = """
import sys
from pathlib import Path
from service.postgres.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off"}) as server:
    print(server.dsn, flush=True)
    for line in sys.stdin:
        server.ensure_running()
        print("running", flush=True)
"""


class UserProcess:
    """A process of its own that uses a data directory until it is told to stop, or killed."""

    def __init__(self, data_dir: Path, *command: str, uid: int | None = None) -> None:
        packages = Path(asyncpg.__file__).parents[1]
        self.process = subprocess.Popen(
            [*(command or (sys.executable,)), "-c", USER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={
                "PATH": os.defpath,
                "PYTHONPATH": f"{ROOT}:{packages}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            user=uid,
            extra_groups=None if uid is None else [],
        )

    def dsn(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line.startswith("postgresql://"), self.process.communicate()[1]
        return line

    def ensure_running(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "running\n"

    def stop(self) -> str:
        """What it wrote to stderr, after it has ended."""
        return self.process.communicate(timeout=30)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start_user() -> Iterator[Callable[..., UserProcess]]:
    started: list[UserProcess] = []

    def start(data_dir: Path, *command: str, uid: int | None = None) -> UserProcess:
        started.append(UserProcess(data_dir, *command, uid=uid))
        return started[-1]

    yield start
    for user in started:
        user.kill()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a cluster in it, stopped."""
    data_dir = tmp_path_factory.mktemp("embedded") / "data"
    with EmbeddedPostgres(data_dir, settings=FAST):
        pass
    return data_dir


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Iterator[Path]:
    copied = tmp_path / "data"
    copy_cluster(template, copied)
    yield copied
    end_server(copied)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may enter, unlike pytest's own below it."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    end_server(folder / "data")
    shutil.rmtree(folder)


def copy_cluster(template: Path, data_dir: Path) -> None:
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", template, data_dir], check=True)


def end_server(data_dir: Path) -> None:
    """Stop a server that a failed test has left behind."""
    if is_running(data_dir):
        embedded._shut_down(known_cluster(data_dir / "postgres"))


def postmaster_pid_file(data_dir: Path) -> Path:
    return data_dir / "postgres" / "postmaster.pid"


def postmaster_pid(data_dir: Path) -> int:
    return int(postmaster_pid_file(data_dir).read_text().split()[0])


def is_running(data_dir: Path) -> bool:
    pid_file = postmaster_pid_file(data_dir)
    return pid_file.exists() and is_process_of(
        known_cluster(data_dir / "postgres"), postmaster_pid(data_dir)
    )


def kill_postmaster(data_dir: Path) -> int:
    pid = postmaster_pid(data_dir)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(data_dir))
    return pid


def wait_until(is_so: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "It did not become so."
        time.sleep(0.002)


def fetch(dsn: str, *statements: str) -> object:
    """The value that the last statement gives."""

    async def ask() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(ask())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def psql(dsn: str, statement: str) -> "subprocess.Popen[bytes]":
    found = find_binaries(own_account(), major=None, on_progress=print)
    command = [str(found.folder / "psql"), dsn, "-c", statement]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def foreign_uid() -> int:
    return pwd.getpwnam("nobody").pw_uid


class TestFirstStart:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
        with EmbeddedPostgres(tmp_path / "new" / "data", settings=FAST) as server:
            yield server

    def test_it_makes_a_database_that_reads_every_script(self, server: EmbeddedPostgres) -> None:
        assert fetch(server.dsn, "SELECT current_database()") == "timeline"
        assert fetch(server.dsn, "SHOW server_encoding") == "UTF8"
        assert fetch(server.dsn, "SHOW data_checksums") == "on"
        assert fetch(server.dsn, "SHOW timezone") == "UTC"
        assert fetch(server.dsn, "SELECT lower('ŽÉ') || ('Z' < 'a')::text") == "žétrue"

    def test_trigrams_know_letters_beyond_ascii(self, server: EmbeddedPostgres) -> None:
        extension = "CREATE EXTENSION pg_trgm"
        assert fetch(server.dsn, extension, "SELECT cardinality(show_trgm('王小明'))") == 4

    def test_it_keeps_everything_to_its_owner(
        self, server: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        data_dir = tmp_path / "new" / "data"
        assert postmaster_pid_file(data_dir).exists()
        assert mode(data_dir) == 0o700
        assert mode(data_dir / "postgres") == 0o700
        assert {mode(path) & 0o077 for path in data_dir.glob("postgres.*")} == {0}

    def test_it_trusts_nobody_without_a_name(self, server: EmbeddedPostgres) -> None:
        methods = "SELECT string_agg(DISTINCT type || ' ' || auth_method, ',')"
        assert fetch(server.dsn, f"{methods} FROM pg_hba_file_rules") == "local peer"
        assert fetch(server.dsn, "SELECT count(*) FROM pg_ident_file_mappings") in {1, 2}

    @on_linux
    def test_it_opens_no_port(self, server: EmbeddedPostgres, tmp_path: Path) -> None:
        pid = postmaster_pid(tmp_path / "new" / "data")
        sockets = {
            str(link.readlink()).removeprefix("socket:[").rstrip("]")
            for link in Path(f"/proc/{pid}/fd").iterdir()
            if str(link.readlink()).startswith("socket:")
        }
        tables = [Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6", "unix")]
        tcp, tcp6, unix = (set(t.read_text().split()) if t.exists() else set() for t in tables)
        assert not sockets & (tcp | tcp6)
        assert sockets & unix, "The test sees the sockets of the server."

    def test_it_is_out_of_the_terminals_reach(
        self, server: EmbeddedPostgres, tmp_path: Path
    ) -> None:
        pid = postmaster_pid(tmp_path / "new" / "data")
        assert os.getpgid(pid) != os.getpgid(0)
        assert os.getsid(pid) != os.getsid(0)


def test_first_start_killed_half_way_is_repeated(
    tmp_path: Path, start_user: Callable[..., UserProcess]
) -> None:
    data_dir = tmp_path / "data"
    user = start_user(data_dir)
    wait_until(lambda: list(data_dir.glob("postgres.unfinished-*/PG_VERSION")))
    user.kill()
    assert not (data_dir / "postgres").exists(), "The test killed it half way."

    with EmbeddedPostgres(data_dir, settings=FAST) as server:
        assert fetch(server.dsn, "SELECT current_database()") == "timeline"
    with EmbeddedPostgres(data_dir, settings=FAST):
        assert not list(data_dir.glob("postgres.unfinished-*"))


def test_two_first_starts_at_once_make_one_server(
    tmp_path: Path, start_user: Callable[..., UserProcess]
) -> None:
    users = [start_user(tmp_path / "data"), start_user(tmp_path / "data")]
    first, second = (fetch(user.dsn(), "SELECT pg_postmaster_start_time()") for user in users)
    assert first == second
    assert [user.stop() for user in users] == ["", ""]
    assert not postmaster_pid_file(tmp_path / "data").exists()


def test_restart_keeps_what_was_written(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, settings=FAST) as server:
        fetch(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
    assert not postmaster_pid_file(data_dir).exists()
    with EmbeddedPostgres(data_dir, settings=FAST) as server:
        assert fetch(server.dsn, "SELECT n FROM kept") == 7


@pytest.mark.parametrize("name", ["with spaces", "Ünï 'quoted' \"$HOME\"", "a,b%20&c=d"])
def test_path_may_be_odd(template: Path, tmp_path: Path, name: str) -> None:
    copy_cluster(template, tmp_path / name)
    with EmbeddedPostgres(tmp_path / name, settings=FAST) as server:
        assert fetch(server.dsn, "SELECT current_database()") == "timeline"


@pytest.mark.parametrize("folders", [2, 12])
def test_path_may_be_long(tmp_path: Path, folders: int) -> None:
    """Both beyond the address of a socket, and beyond what Postgres takes for a path."""
    data_dir = tmp_path.joinpath(*["long" * 25] * folders)
    with EmbeddedPostgres(data_dir, settings=FAST) as server:
        assert fetch(server.dsn, "SELECT current_database()") == "timeline"
        assert (data_dir / "postgres" / ".s.PGSQL.5432").is_socket()
        link = known_cluster(data_dir / "postgres").socket_folder
        assert mode(link.parent) == 0o700
        assert link.is_symlink()
    assert not link.is_symlink()


def test_socket_avoids_a_folder_that_others_may_enter(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / ("long" * 25) / "data"
    copy_cluster(template, data_dir)
    taken = Path(tempfile.mkdtemp(dir="/tmp"))
    (taken / f"embedded-postgres-{os.geteuid()}").mkdir()
    (taken / f"embedded-postgres-{os.geteuid()}").chmod(0o755)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(taken))
    try:
        with EmbeddedPostgres(data_dir, settings=FAST) as server:
            assert fetch(server.dsn, "SELECT 1") == 1
            assert str(taken) not in server.dsn
    finally:
        shutil.rmtree(taken)


class TestUsers:
    def test_the_last_one_stops_the_server(
        self, data_dir: Path, start_user: Callable[..., UserProcess]
    ) -> None:
        first = start_user(data_dir)
        first.dsn()
        pid = postmaster_pid(data_dir)
        second = EmbeddedPostgres(data_dir, settings=FAST)
        second.start()
        assert first.stop() == ""
        assert fetch(second.dsn, "SELECT 1") == 1
        assert postmaster_pid(data_dir) == pid
        second.stop()
        assert not is_running(data_dir)

    def test_one_that_was_killed_leaves_a_server_to_adopt(
        self, data_dir: Path, start_user: Callable[..., UserProcess]
    ) -> None:
        user = start_user(data_dir)
        user.dsn()
        user.kill()
        pid = postmaster_pid(data_dir)
        assert is_running(data_dir), "The test left a server."
        with EmbeddedPostgres(data_dir, settings=FAST) as server:
            assert fetch(server.dsn, "SELECT 1") == 1
            assert postmaster_pid(data_dir) == pid
        assert not is_running(data_dir)

    def test_each_can_start_a_dead_server_again(
        self, data_dir: Path, start_user: Callable[..., UserProcess]
    ) -> None:
        other = start_user(data_dir)
        other.dsn()
        with EmbeddedPostgres(data_dir, settings=FAST) as server:
            for ensure_running in (server.ensure_running, other.ensure_running):
                dead = kill_postmaster(data_dir)
                ensure_running()
                assert postmaster_pid(data_dir) != dead
                assert fetch(server.dsn, "SELECT 1") == 1
            assert other.stop() == ""
            assert fetch(server.dsn, "SELECT 1") == 1
        assert not is_running(data_dir)

    def test_a_living_server_is_left_alone(self, data_dir: Path) -> None:
        with EmbeddedPostgres(data_dir, settings=FAST) as server:
            pid = postmaster_pid(data_dir)
            server.ensure_running()
            assert postmaster_pid(data_dir) == pid

    def test_nothing_is_started_after_the_stop(self, data_dir: Path) -> None:
        server = EmbeddedPostgres(data_dir, settings=FAST)
        server.start()
        server.stop()
        server.ensure_running()
        server.stop()
        assert not is_running(data_dir)

    def test_a_directory_that_is_gone_is_not_made_again(
        self, data_dir: Path, tmp_path: Path
    ) -> None:
        server = EmbeddedPostgres(data_dir, settings=FAST)
        server.start()
        pid, was = postmaster_pid(data_dir), known_cluster(data_dir / "postgres")
        data_dir.rename(tmp_path / "elsewhere")
        with pytest.raises(NotStartedError, match="is gone"):
            server.ensure_running()
        assert is_process_of(was, pid), "The server goes on without its path."
        server.stop()
        assert not is_process_of(was, pid)
        assert not data_dir.exists()


class TestAfterACrash:
    def test_orphans_of_this_directory_are_ended(self, data_dir: Path) -> None:
        """A busy backend outlives its server and holds the memory that the next one wants."""
        server = EmbeddedPostgres(data_dir)
        server.start()
        fetch(server.dsn, "CREATE TABLE kept AS SELECT 7 AS n", "SELECT 1")
        client = psql(server.dsn, "DO 'BEGIN LOOP END LOOP; END'")
        busy = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO %'"
        wait_until(lambda: fetch(server.dsn, busy))
        orphan = fetch(server.dsn, busy)
        assert isinstance(orphan, int)
        kill_postmaster(data_dir)
        time.sleep(0.1)
        known = known_cluster(data_dir / "postgres")
        assert is_process_of(known, orphan), "The test made an orphan."

        server.ensure_running()
        assert not is_process_of(known, orphan)
        assert fetch(server.dsn, "SELECT n FROM kept") == 7
        server.stop()
        client.wait(10)

    def test_a_socket_that_nobody_answers_is_no_server(self, data_dir: Path) -> None:
        """For a moment the socket of a dying server still grants connections."""
        write_stale_pid_file(data_dir, 2**22 + 1)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(data_dir / "postgres" / ".s.PGSQL.5432"))
            silent.listen()
            with EmbeddedPostgres(data_dir, settings=FAST) as server:
                assert fetch(server.dsn, "SELECT 1") == 1

    def test_a_server_that_is_only_seen_to_answer_is_adopted(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As from another container, whose processes are not seen here."""
        with EmbeddedPostgres(data_dir, settings=FAST):
            pid = postmaster_pid(data_dir)
            with monkeypatch.context() as elsewhere:
                elsewhere.setattr(embedded, "is_process_of", lambda _cluster, _pid: False)
                with EmbeddedPostgres(data_dir) as server:
                    assert fetch(server.dsn, "SELECT 1") == 1
                    assert postmaster_pid(data_dir) == pid

    def test_a_stranger_with_the_recorded_number_is_left_alone(self, data_dir: Path) -> None:
        owner = (data_dir / "postgres").stat()
        stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if IS_ROOT else None)
        try:
            write_stale_pid_file(data_dir, stranger.pid)
            with EmbeddedPostgres(data_dir, settings=FAST) as server:
                assert fetch(server.dsn, "SELECT 1") == 1
                assert postmaster_pid(data_dir) != stranger.pid
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()

    def test_the_server_of_another_directory_is_left_alone(
        self, template: Path, data_dir: Path, tmp_path: Path
    ) -> None:
        copy_cluster(template, tmp_path / "other")
        with EmbeddedPostgres(tmp_path / "other", settings=FAST) as other:
            pid = postmaster_pid(tmp_path / "other")
            write_stale_pid_file(data_dir, pid)
            with EmbeddedPostgres(data_dir, settings=FAST):
                assert postmaster_pid(data_dir) != pid
            assert is_running(tmp_path / "other")
            assert fetch(other.dsn, "SELECT 1") == 1


def write_stale_pid_file(data_dir: Path, pid: int) -> None:
    folder = data_dir / "postgres"
    pid_file = postmaster_pid_file(data_dir)
    pid_file.write_text(f"{pid}\n{folder}\n1700000000\n5432\n.\n\n  16039942 0\nready   \n")
    owner = folder.stat()
    os.chown(pid_file, owner.st_uid, owner.st_gid)


class TestRefusals:
    def test_directory_of_another_user_is_left_as_it_is(self, tmp_path: Path) -> None:
        data_dir = tmp_path / "theirs" if IS_ROOT else Path("/usr")
        if IS_ROOT:
            data_dir.mkdir(mode=0o755)
            os.chown(data_dir, foreign_uid(), -1)
        before = data_dir.stat(), tmp_path.stat().st_mode
        with pytest.raises(OtherOwnerError, match=r"belongs to '.*--data-dir"):
            EmbeddedPostgres(data_dir).start()
        after = data_dir.stat()
        assert (after.st_mode, after.st_uid, after.st_mtime) == (
            before[0].st_mode,
            before[0].st_uid,
            before[0].st_mtime,
        )
        assert tmp_path.stat().st_mode == before[1]

    def test_file_is_no_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(NotADirectoryOfOursError, match=r"file.*no directory"):
                EmbeddedPostgres(path).start()

    def test_folder_that_is_no_cluster_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres" / "letter").write_text("")
        with pytest.raises(NotADirectoryOfOursError, match="PG_VERSION"):
            EmbeddedPostgres(tmp_path).start()
        assert (tmp_path / "postgres" / "letter").exists()

    @pytest.mark.skipif(IS_ROOT, reason="root may write anywhere")
    def test_place_that_is_closed_is_named(self) -> None:
        with pytest.raises(NoPermissionError, match="may not write"):
            EmbeddedPostgres(Path("/usr/embedded-postgres-test")).start()

    def test_cluster_of_another_major_is_named(self, data_dir: Path) -> None:
        (data_dir / "postgres" / "PG_VERSION").write_text("99\n")
        with pytest.raises(OtherMajorError, match="made by Postgres 99; on this machine there is"):
            EmbeddedPostgres(data_dir).start()

    def test_machine_without_postgres_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(binaries, "_candidates", lambda: iter(()))
        with pytest.raises(NoBinariesError, match="DATABASE_URL"):
            EmbeddedPostgres(tmp_path / "data").start()

    def test_server_that_does_not_start_shows_its_log(self, data_dir: Path) -> None:
        with pytest.raises(NotStartedError, match="shared_buffers"):
            EmbeddedPostgres(data_dir, settings={"shared_buffers": "much"}).start()
        with EmbeddedPostgres(data_dir, settings=FAST) as server:
            assert fetch(server.dsn, "SELECT 1") == 1


def test_cluster_is_run_by_the_postgres_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = find_binaries(own_account(), major=None, on_progress=print)
    with monkeypatch.context() as without_package:
        without_package.setattr(binaries, "_packaged", lambda: iter(()))
        try:
            on_machine = find_binaries(own_account(), major=None, on_progress=print)
        except NoBinariesError:
            pytest.skip("There is no second Postgres on this machine.")
        if on_machine.major == newest.major:
            pytest.skip("The Postgres on this machine is of the package's major version.")
        with EmbeddedPostgres(tmp_path, settings=FAST) as server:
            assert fetch(server.dsn, "SELECT lower('ŽÉ')") == "žé"
    with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        assert str(fetch(server.dsn, "SHOW server_version")).startswith(str(on_machine.major))


def test_log_keeps_its_size(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.postgres.embedded._LOG_BYTES_MAX", 100)
    log = data_dir / "postgres.log"
    with EmbeddedPostgres(data_dir, settings=FAST) as server:
        wait_until(lambda: log.stat().st_size > 100)
        server.ensure_running()
        assert log.stat().st_size <= 100
        assert "ready to accept" in log.with_name("postgres.log.1").read_text()
        fetch(server.dsn, "DO $$ BEGIN RAISE WARNING 'seen'; END $$", "SELECT 1")
        assert log.read_bytes().count(b"\0") == 0
        assert "seen" in log.read_text()


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
@as_root
class TestRoot:
    def test_server_runs_unprivileged_below_a_closed_home(
        self, template: Path, tmp_path: Path
    ) -> None:
        home = tmp_path / "home"
        copy_cluster(template, home / "data")
        home.chmod(0o700)
        with EmbeddedPostgres(home / "data", settings=FAST) as server:
            assert fetch(server.dsn, "SELECT session_user") == "postgres"
            owner = Path(f"/proc/{postmaster_pid(home / 'data')}").stat().st_uid
            assert owner == (home / "data" / "postgres").stat().st_uid != 0
        assert mode(home) == 0o700
        assert home.stat().st_uid == 0

    def test_server_holds_no_capability(self, data_dir: Path) -> None:
        with EmbeddedPostgres(data_dir, settings=FAST):
            status = Path(f"/proc/{postmaster_pid(data_dir)}/status").read_text()
        lines = dict(line.split(":\t", 1) for line in status.splitlines())
        assert {lines[name].strip("0") for name in ("CapEff", "CapPrm", "CapAmb")} == {""}
        assert lines["Groups"].strip() == ""

    def test_container_without_rights_to_trace_or_mount_will_do(
        self, data_dir: Path, start_user: Callable[..., UserProcess]
    ) -> None:
        """The rights of root in a container as its engines start it by default."""
        kept = "-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid"
        bounded = ("setpriv", f"--bounding-set={kept}", sys.executable)
        first, second = start_user(data_dir, *bounded), start_user(data_dir, *bounded)
        assert first.dsn() == second.dsn()
        kill_postmaster(data_dir)
        first.ensure_running()
        assert first.stop() + second.stop() == ""
        assert not is_running(data_dir)

    def test_process_that_may_not_become_another_is_told(
        self, data_dir: Path, start_user: Callable[..., UserProcess]
    ) -> None:
        user = start_user(data_dir, "setpriv", "--bounding-set=-setuid,-setgid", sys.executable)
        assert "Run as an ordinary user, or set DATABASE_URL." in user.stop()

    def test_programs_out_of_the_servers_reach_are_copied_once(
        self, tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = next(binaries._packaged(), None)
        if package is None or not package.exists():
            pytest.skip("The package 'embedded-postgres' is not installed.")
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        for source in package.parents[2].glob("embedded_postgres*"):
            shutil.copytree(source, closed / source.name, symlinks=True)
        monkeypatch.setattr(
            binaries, "_packaged", lambda: iter([closed / "embedded_postgres/pginstall/bin"])
        )
        monkeypatch.setattr(binaries, "_homes_of_copies", lambda: (open_folder,))
        said: list[str] = []
        for data_dir in (tmp_path / "one", tmp_path / "two"):
            with EmbeddedPostgres(data_dir, on_progress=said.append, settings=FAST) as server:
                assert fetch(server.dsn, "CREATE EXTENSION pg_trgm", "SELECT 1") == 1
                program = Path(f"/proc/{postmaster_pid(data_dir)}/exe").readlink()
                assert program.is_relative_to(open_folder)
        assert len([sentence for sentence in said if sentence.startswith("Copying")]) == 1

    def test_copy_is_not_taken_from_a_folder_of_others(self, open_folder: Path) -> None:
        (open_folder / "embedded-postgres").mkdir(mode=0o755)
        os.chown(open_folder / "embedded-postgres", foreign_uid(), -1)
        with (
            pytest.raises(PermissionError, match="Others may write"),
            binaries._locked(open_folder / "embedded-postgres"),
        ):
            pass

    def test_ordinary_user_has_a_server_of_their_own(
        self, open_folder: Path, start_user: Callable[..., UserProcess]
    ) -> None:
        uid = foreign_uid()
        python = reachable_python(uid)
        os.chown(open_folder, uid, -1)
        data_dir = open_folder / "data"
        for _ in range(2):
            user = start_user(data_dir, python, uid=uid)
            assert fetch(user.dsn(), "SELECT session_user") == "postgres"
            owner = Path(f"/proc/{postmaster_pid(data_dir)}").stat().st_uid
            assert {path.stat().st_uid for path in (data_dir, *data_dir.iterdir())} == {uid}
            assert owner == uid
            assert user.stop() == ""
            assert not postmaster_pid_file(data_dir).exists()

    def test_file_of_the_cluster_is_never_written_through_a_link(
        self, data_dir: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "precious").write_text("mine")
        (data_dir / "postgres" / "pg_hba.conf").unlink()
        (data_dir / "postgres" / "pg_hba.conf").symlink_to(tmp_path / "precious")
        (data_dir / "postgres" / "postgresql.conf.new").symlink_to(tmp_path / "precious")
        with EmbeddedPostgres(data_dir, settings={**FAST, "jit": "on"}) as server:
            assert fetch(server.dsn, "SHOW jit") == "on"
        assert (tmp_path / "precious").read_text() == "mine"
        assert not (data_dir / "postgres" / "pg_hba.conf").is_symlink()


def test_small_shared_memory_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    small = os.statvfs_result((1, 1024 * 1024, 64, 0, 0, 0, 0, 0, 0, 0))
    monkeypatch.setattr(os, "statvfs", lambda _path: small)
    assert cluster._shared_memory() == {"dynamic_shared_memory_type": "mmap"}


@pytest.mark.parametrize(
    ("gigabytes", "group", "limits", "buffers"),
    [
        (0.5, "0::/", {}, "128MB"),
        (4, "0::/", {}, "512MB"),
        (4, "0::/", {"memory.max": "max"}, "512MB"),
        (4, "0::/", {"memory.max": 2**31}, "256MB"),
        (64, "0::/", {}, "1024MB"),
        # Of a unit, and of what it is in.
        (
            64,
            "0::/a.slice/b",
            {"a.slice/b/memory.max": "max", "a.slice/memory.max": 2**31},
            "256MB",
        ),
        (64, "0::/a.slice/b", {"c/memory.max": 2**31}, "1024MB"),
        # Under the first version of groups.
        (64, "4:cpu,memory:/d\n1:name=x:/", {"memory/d/memory.limit_in_bytes": 2**32}, "512MB"),
    ],
)
def test_pages_have_part_of_the_memory(
    gigabytes: float,
    group: str,
    limits: dict[str, int | str],
    buffers: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a group with a limit, not of the machine that it runs on."""
    said = {"SC_PHYS_PAGES": int(gigabytes * 2**30 / 4096), "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", said.__getitem__)
    own = tmp_path / "cgroup"
    own.write_text(f"{group}\n")
    for name, limit in limits.items():
        file = tmp_path / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    monkeypatch.setattr(cluster, "_OWN_CGROUPS", own)
    monkeypatch.setattr(cluster, "_CGROUPS", tmp_path / "groups")
    assert cluster._buffers() == {"shared_buffers": buffers}


def test_memory_is_known_where_there_are_no_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_OWN_CGROUPS", tmp_path / "absent")
    assert re.fullmatch("[0-9]+MB", cluster._buffers()["shared_buffers"])
