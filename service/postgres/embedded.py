"""
The Postgres server that comes with the service, shared by every process that uses its data.

Each user of a data directory holds a shared lock on one file in it, which the system takes back
even from a process that was killed; whoever gets the lock exclusively at the end was the last
one, and stops the server. A server that outlived its users is adopted, one that died is started
again.
"""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from service.postgres.archiving import VARIABLE, Archive
from service.postgres.binaries import (
    Account,
    Binaries,
    EmbeddedPostgresError,
    clean_environment,
    find_binaries,
    spawning_as,
)
from service.postgres.cluster import (
    PORT,
    Cluster,
    close_socket,
    end_leftovers,
    find_postmaster,
    is_process_of,
    known_cluster,
    open_cluster,
    open_socket,
    prepare_folder,
    reachable,
    read_postmaster,
    write_settings,
)

if sys.platform != "win32":
    import fcntl

READY_SECONDS = 300.0  # After a crash Postgres first reads up to max_wal_size again.
_TURN_SECONDS = READY_SECONDS + 90
_POLL_SECONDS = 0.005
_ENDINGS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
"""Fast shutdown, then immediate, then none; each with the seconds that it gets."""
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_LOG_BYTES_MAX = 8 * 1024 * 1024
_LOG_TAIL_LINES = 12


class UnsupportedSystemError(EmbeddedPostgresError):
    """A system without Unix sockets and file locks."""


class NotStartedError(EmbeddedPostgresError):
    """The server did not come up; the message ends with the last lines of its log."""


class BusyError(EmbeddedPostgresError):
    """Another process has been starting or stopping the server for minutes."""


class EmbeddedPostgres:
    """
    The server of one data directory, shared by every process that holds it.

    *settings* go before those of the service (`fsync=off` in tests) and take effect when the
    server starts, not when it is adopted. *archive* is where the write-ahead log is archived, or
    recovered from. *on_progress* gets sentences for people. Methods may be called from several
    threads.

    Units: *ready_seconds* are those in which a server has to come up.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        on_progress: Callable[[str], None] = lambda _sentence: None,
        settings: Mapping[str, str] | None = None,
        archive: Archive | None = None,
        ready_seconds: float = READY_SECONDS,
    ) -> None:
        if sys.platform == "win32":
            message = "On Windows there is no embedded Postgres; set DATABASE_URL to a server."
            raise UnsupportedSystemError(message)
        self._data_dir = data_dir.expanduser().resolve()
        self._say = on_progress
        self._settings = {**(archive.settings if archive else {}), **(settings or {})}
        self._archive = archive
        self._ready_seconds = ready_seconds
        self._threads = threading.RLock()
        self._locks: _Locks | None = None
        self._cluster: Cluster | None = None

    @property
    def dsn(self) -> str:
        """Where to connect, as asyncpg takes it; of a server that was started."""
        assert self._cluster is not None, "start() comes before dsn."
        return self._cluster.dsn

    @property
    def cluster(self) -> Cluster:
        """What the server runs on; of a server that was started."""
        assert self._cluster is not None, "start() comes before cluster."
        return self._cluster

    def start(self) -> None:
        """
        Make the cluster if there is none, start its server or adopt it, and hold it.

        Raises:
            EmbeddedPostgresError: one of its kinds, with what would do.
        """
        with self._threads:
            if self._locks is not None:
                return
            prepare_folder(self._data_dir)
            with contextlib.ExitStack() as on_failure:
                locks = on_failure.enter_context(contextlib.closing(_Locks(self._data_dir)))
                with locks.turn(self._say):
                    locks.join()
                    try:
                        self._cluster = self._open()
                        if self._archive is not None:
                            self._archive.prepare(self._cluster)
                        self._bring_up(self._cluster)
                        self._tell_of_archive(self._cluster)
                    except BaseException:
                        self._stop_if_last(locks)
                        raise
                on_failure.pop_all()
            self._locks = locks

    def ensure_running(self) -> None:
        """Start the server again if it died; microseconds if it did not."""
        with self._threads:
            if self._locks is None or self._cluster is None:
                return
            _trim(self._log)
            # Folders for temporary files are swept, and a link there with them.
            open_socket(self._cluster)
            if _is_ready(self._cluster):
                return
            with self._locks.turn(self._say):
                if not self._cluster.folder.exists():
                    raise NotStartedError(f"{str(self._cluster.folder)!r} is gone, with its data.")
                self._cluster = known_cluster(self._cluster.folder)
                self._bring_up(self._cluster)

    def stop(self) -> None:
        """Let go of the server; the last one to do so stops it."""
        with self._threads:
            locks, self._locks = self._locks, None
            if locks is not None:
                with contextlib.closing(locks), locks.turn(self._say):
                    self._stop_if_last(locks)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _log(self) -> Path:
        return self._data_dir / "postgres.log"

    def _open(self) -> Cluster:
        return open_cluster(
            self._data_dir / "postgres",
            find=self._find_binaries,
            settings=self._settings,
            on_progress=self._say,
        )

    def _find_binaries(self, account: Account, major: int | None) -> Binaries:
        return find_binaries(account, major=major, on_progress=self._say)

    def _bring_up(self, cluster: Cluster) -> None:
        """Wait until the server is ready, and start one when there is none; in our turn."""
        open_socket(cluster)
        log_start = self._log.stat().st_size if self._log.exists() else 0
        deadline = time.monotonic() + self._ready_seconds
        ours: subprocess.Popen[bytes] | None = None

        while not _is_ready(cluster):
            # One that is starting or stopping is waited for, be it ours or another's.
            is_alive = find_postmaster(cluster) if ours is None else ours.returncode is None
            if time.monotonic() > deadline or (ours and not is_alive):
                message = f"Postgres did not start in {str(self._data_dir)!r}. Its log ends with:\n"
                raise NotStartedError(message + _tail(self._log, log_start))
            if not is_alive:
                ours = self._launch(cluster)
                log_start = min(log_start, self._log.stat().st_size)
            time.sleep(_POLL_SECONDS)

    def _launch(self, cluster: Cluster) -> "subprocess.Popen[bytes]":
        orphans = end_leftovers(cluster)
        if orphans:
            self._say(f"Ended {orphans} processes that a killed server had left.")
        _trim(self._log)
        binaries = self._find_binaries(cluster.account, cluster.major)
        self._say(f"Starting Postgres {binaries.version}.")
        write_settings(cluster, self._settings)
        return _spawn(cluster, binaries, self._log, self._archive)

    def _tell_of_archive(self, cluster: Cluster) -> None:
        """A server that is adopted does what whoever started it had set."""
        if self._archive is not None and not self._archive.is_used_by(cluster):
            self._say(
                "Postgres runs already and does not archive its write-ahead log; it will from its "
                "next start, when all that use the data directory have ended."
            )

    def _stop_if_last(self, locks: "_Locks") -> None:
        if locks.is_last_user() and self._cluster is not None:
            _shut_down(self._cluster)
            close_socket(self._cluster)


@contextlib.contextmanager
def turn(data_dir: Path, on_progress: Callable[[str], None]) -> Iterator[None]:
    """Keep everybody else from making, starting or stopping a server there, until the block ends."""
    with contextlib.closing(_Locks(data_dir)) as locks, locks.turn(on_progress):
        yield


class _Locks:
    """
    The two lock files of a data directory, as one user of it holds them.

    `postgres.users` is held shared by every user for as long as it uses the server, and says who
    is the last. `postgres.turn` is held alone while a server is made, started or stopped:
    otherwise two would start one, or one would start what the other is about to stop.
    """

    def __init__(self, data_dir: Path) -> None:
        self._users = _open_own(data_dir / "postgres.users", os.O_RDWR)
        self._turn = _open_own(data_dir / "postgres.turn", os.O_RDWR)

    @contextlib.contextmanager
    def turn(self, on_progress: Callable[[str], None]) -> Iterator[None]:
        is_told = False
        deadline = time.monotonic() + _TURN_SECONDS
        while not _is_locked(self._turn):
            if not is_told:
                on_progress("Waiting for another process that starts or stops the server.")
                is_told = True
            if time.monotonic() > deadline:
                message = (
                    f"Another process has been starting or stopping Postgres for "
                    f"{_TURN_SECONDS:.0f} seconds. End it, then try again."
                )
                raise BusyError(message)
            time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def join(self) -> None:
        """Become a user, in our turn: nobody then holds the users' lock alone."""
        fcntl.flock(self._users, fcntl.LOCK_SH)

    def is_last_user(self) -> bool:
        """Give up the shared lock for the one that is held alone, if no other user is left."""
        return _is_locked(self._users)

    def close(self) -> None:
        os.close(self._users)
        os.close(self._turn)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_ready(cluster: Cluster) -> bool:
    """
    Whether the cluster's server takes connections.

    A server in another container that shares the directory has no process here, yet answers on
    the socket; a second one beside it would destroy the data.
    """
    postmaster = read_postmaster(cluster.folder)
    if postmaster is None or postmaster.status != "ready":
        return False
    return is_process_of(cluster, postmaster.pid) or _answers(cluster)


def _answers(cluster: Cluster) -> bool:
    """
    Whether a server replies on the socket, to the question for encryption.

    A connection alone proves nothing: the system grants it for a server that is just dying.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(cluster.socket_folder / f".s.PGSQL.{PORT}"))
            client.sendall(_SSL_REQUEST)
            return client.recv(1) in {b"S", b"N"}
        except OSError:
            return False


def _spawn(
    cluster: Cluster, binaries: Binaries, log: Path, archive: Archive | None
) -> "subprocess.Popen[bytes]":
    account = cluster.account
    environment = clean_environment()
    output = _open_own(log, os.O_WRONLY | os.O_APPEND)
    try:
        with contextlib.ExitStack() as opened:
            path, fds = opened.enter_context(reachable(cluster.folder, account))
            if archive is not None:
                environment[VARIABLE], more = opened.enter_context(archive.reached_by(account))
                fds += more
            opened.enter_context(spawning_as(account))
            server = subprocess.Popen(  # noqa: S603 - a program of ours, no shell
                [
                    str(binaries.folder / "postgres"),
                    *("-D", path),
                    *("-c", f"cluster_name={cluster.name}"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=fds,
                cwd="/",
                env=environment,
                # Away from the terminal, whose Ctrl-C is for the service and not for its server.
                start_new_session=True,
                user=None if account.is_own else account.uid,
                group=None if account.is_own else account.gid,
                extra_groups=None if account.is_own else [],
            )
    finally:
        os.close(output)
    # Reaps the server the moment it ends, whoever ends it, and never holds up our own end.
    threading.Thread(target=server.wait, name="postgres-reaper", daemon=True).start()
    return server


def _shut_down(cluster: Cluster) -> None:
    for ending, patience in _ENDINGS:
        pid = find_postmaster(cluster)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, ending)
        deadline = time.monotonic() + patience
        while is_process_of(cluster, pid) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _open_own(path: Path, flags: int) -> int:
    """A file of the data directory, made if missing, that is no link to somewhere else."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _trim(log: Path) -> None:
    """
    Keep the log within bounds, the old one beside it.

    The server writes at the end of the file, wherever that is, so it need not be told.
    """
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES_MAX:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_TAIL_LINES:])
