"""
A cluster on disk: whose it is, how it is made and set, and which processes run on it.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from service.postgres.binaries import (
    Account,
    Binaries,
    EmbeddedPostgresError,
    account_of,
    own_account,
    run_as,
    unprivileged_account,
)

DATABASE = "timeline"
SUPERUSER = "postgres"
PORT = 5432
"""Only part of the socket's name: nothing listens on TCP."""

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "huge_pages": "off",
    # A replay of a million events writes more than half of what was set here first, 1 GB: the
    # checkpoint that this forced in its midst made writes wait for a second, with 4 GB for 0.2 s.
    "max_wal_size": "4GB",
    "wal_compression": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
_BUFFERS_PART = 8
"""Of the memory of the machine, or of the container, one part in so many holds pages of tables."""
_BUFFERS_MEGABYTES = (128, 1024)
"""No less and no more of it: a million events and their read models take 1.5 GB."""
_CGROUPS, _OWN_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_SHARED_MEMORY_BYTES_MIN = 256 * 1024 * 1024
UNFINISHED = "postgres.unfinished-"
"""How folders begin in which a cluster is made, or a data directory of a backup."""
_PATH_BYTES_MAX = 900  # Postgres cuts paths at 1,024 bytes, names of files below included.
_SOCKET_BYTES_MAX = 103  # macOS; Linux has four more.
_SOCKET_NAME = f".s.PGSQL.{PORT}"
_POLL_SECONDS = 0.005


class NotADirectoryOfOursError(EmbeddedPostgresError):
    """The data directory is a file, or holds something else under our name."""


class OtherOwnerError(EmbeddedPostgresError):
    """The data directory, or a folder on the way to the socket, belongs to somebody else."""


class NoPermissionError(EmbeddedPostgresError):
    """The system does not let this user write there."""


class NotCreatedError(EmbeddedPostgresError):
    """The cluster could not be made; the message ends with what `initdb` said."""


class RootNeedsProcError(EmbeddedPostgresError):
    """Root on a system without /proc."""


@dataclass(frozen=True)
class Postmaster:
    """What `postmaster.pid` says of the server."""

    pid: int
    status: str
    """'starting', 'ready', 'stopping', or nothing yet."""


@dataclass(frozen=True)
class Cluster:
    """A directory that Postgres made, and the user who owns it."""

    folder: Path
    account: Account
    name: str
    """
    Device and inode of the folder, shown by each process of its server in its title. Unlike the
    path it stays when the folder is moved and differs when it is copied; unlike /proc/PID/cwd
    root may read it in a container without the right to trace.
    """

    @property
    def major(self) -> int:
        return int((self.folder / "PG_VERSION").read_text(encoding="ascii"))

    @property
    def socket_folder(self) -> Path:
        """Where clients find the socket: the cluster, or a short link to it (`open_socket`)."""
        return self.folder if _is_addressable(self.folder) else _link(self.folder)

    @property
    def dsn(self) -> str:
        host = urllib.parse.quote(str(self.socket_folder))
        return f"postgresql:///{DATABASE}?host={host}&port={PORT}&user={SUPERUSER}"


@dataclass(frozen=True)
class _Process:
    pid: int
    uid: int
    program: str
    """The first word: a path, or the whole title of a child of the server."""
    command: str

    @property
    def is_postgres(self) -> bool:
        return Path(self.program).name == "postgres" or self.program.startswith("postgres:")


def prepare_folder(data_dir: Path) -> None:
    """
    See that *data_dir* exists and is this user's.

    A directory of another user is refused, by root too: its owner could have us follow links of
    theirs, and taking it over would lock them out.

    Raises:
        OtherOwnerError: it belongs to another user.
        NotADirectoryOfOursError: it is, or lies below, something that is no directory.
        NoPermissionError: this user may not make it or write to it.
    """
    with _explained(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_other_owner(data_dir, os.geteuid())
        if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable", str(data_dir))


def open_cluster(
    folder: Path,
    *,
    find: Callable[[Account, int | None], Binaries],
    settings: Mapping[str, str],
    on_progress: Callable[[str], None],
) -> Cluster:
    """
    The cluster in *folder*, made if there is none.

    It is made beside its place and then renamed, so that one that is there is whole. The caller
    holds the lock of the data directory.

    Raises:
        OtherOwnerError: the cluster belongs to another user than the server could run as.
        NotADirectoryOfOursError: there is something else in its place.
        NotCreatedError: `initdb` failed.
    """
    with _explained(folder):
        remove_unfinished(folder.parent)
        if not folder.exists() or is_empty(folder):
            account = own_account() if os.geteuid() else unprivileged_account()
            on_progress(f"Creating the database in {folder.parent} (once).")
            _create(folder, account, find(account, None), settings)
        if not (folder / "PG_VERSION").exists():
            message = (
                f"{str(folder)!r} is there, but no database is in it (PG_VERSION is missing). "
                "Move it away, or choose another data directory."
            )
            raise NotADirectoryOfOursError(message)
        return known_cluster(folder)


def known_cluster(folder: Path) -> Cluster:
    """The cluster that lies in *folder*, under the user who owns it."""
    owned = folder.stat()
    if os.geteuid():
        _refuse_other_owner(folder, os.geteuid())
    elif owned.st_uid == 0:
        name = unprivileged_account().name
        message = (
            f"{str(folder)!r} belongs to root, as whom Postgres does not run. "
            f"Give it to the server's user: chown -R {name} {str(folder)!r}."
        )
        raise OtherOwnerError(message)
    return Cluster(folder, account_of(owned.st_uid), _name(owned))


@contextlib.contextmanager
def reachable(folder: Path, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
    """
    A path under which *account* can use *folder*, and the descriptors to hand on with it.

    The server's user may own a folder and still not get there, when a directory above it is
    root's alone (/root, for one). A path through an open descriptor asks no directory above for
    leave, needs no capability, and gives the server nothing but this folder. It also is short.
    """
    if account.is_own and len(os.fsencode(folder)) <= _PATH_BYTES_MAX:
        yield str(folder), ()
        return
    if not Path("/proc/self/fd").is_dir():
        message = (
            "Without /proc (Linux) the embedded server runs neither for root nor on a path of "
            f"more than {_PATH_BYTES_MAX} bytes. Run as an ordinary user, or set DATABASE_URL."
        )
        raise RootNeedsProcError(message)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def write_settings(cluster: Cluster, settings: Mapping[str, str]) -> None:
    """
    Write the three files that tell the server how to run and whom to let in.

    The service owns postgresql.conf and writes it anew on each start; ALTER SYSTEM still has
    the last word, since Postgres reads postgresql.auto.conf after it.
    """
    values = {**_SETTINGS, **_buffers(), **_shared_memory(), **settings}
    lines = [f"{name} = {_quoted(value)}" for name, value in values.items()]
    names = dict.fromkeys(["root", cluster.account.name])
    write_owned(cluster, "postgresql.conf", "# Written on each start; use ALTER SYSTEM.", *lines)
    write_owned(
        cluster,
        "pg_hba.conf",
        "local all all peer map=service",
        "local replication all peer map=service",
    )
    write_owned(cluster, "pg_ident.conf", *(f'service "{name}" {SUPERUSER}' for name in names))


def open_socket(cluster: Cluster) -> None:
    """
    See that a client can name the socket.

    An address has room for about a hundred bytes, and a DSN for no comma. Only the client's
    side is short of room, since the server binds in its working directory; so the socket stays
    in the cluster, and a link in a private directory of this user leads there.
    """
    link = cluster.socket_folder
    if link == cluster.folder or _target(link) == str(cluster.folder):
        return
    link.unlink(missing_ok=True)
    link.symlink_to(cluster.folder)


def close_socket(cluster: Cluster) -> None:
    """Remove what `open_socket` made."""
    if cluster.socket_folder != cluster.folder:
        cluster.socket_folder.unlink(missing_ok=True)


def read_postmaster(folder: Path) -> Postmaster | None:
    """What the server of *folder* wrote of itself, be it alive or not."""
    try:
        lines = (folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
        pid, *others = lines.splitlines()
        return Postmaster(int(pid), others[6].strip() if len(others) > 6 else "")
    except (OSError, ValueError):
        return None


def is_process_of(cluster: Cluster, pid: int) -> bool:
    """
    Whether *pid* is a live process of this cluster's server.

    A number alone says nothing: after a crash it may be anybody's. So the process must be
    Postgres, run by the cluster's owner, and bear the cluster's name or work in its folder.
    """
    process = _process(pid)
    return (
        process is not None
        and process.is_postgres
        and process.uid == cluster.account.uid
        and (cluster.name in process.command or _works_in(pid, cluster.folder))
    )


def find_postmaster(cluster: Cluster) -> int | None:
    """
    The process that is this cluster's live server, if there is one.

    By its file, else (the data directory may have been removed under it) by its command; its
    children have titles instead.
    """
    known = read_postmaster(cluster.folder)
    if known is not None and is_process_of(cluster, known.pid):
        return known.pid
    mark = f"cluster_name={cluster.name}"
    return next(
        (each.pid for each in _processes() if each.is_postgres and mark in each.command), None
    )


def end_leftovers(cluster: Cluster) -> int:
    """
    Clear away what a killed server left, and say how many processes that were.

    A busy backend outlives its postmaster and holds the shared memory, which blocks each start.
    Killing is safe: what it had not committed is lost with the postmaster anyway. A pid file
    that names a live stranger blocks the start too, and is removed; that of a dead process
    stays, for Postgres checks the shared memory by it.
    """
    orphans = [each.pid for each in _processes() if is_process_of(cluster, each.pid)]
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    while any(is_process_of(cluster, pid) for pid in orphans):
        time.sleep(_POLL_SECONDS)
    for name in ("postmaster.pid", f"{_SOCKET_NAME}.lock"):
        _remove_if_of_stranger(cluster.folder / name)
    return len(orphans)


def _create(
    folder: Path, account: Account, binaries: Binaries, settings: Mapping[str, str]
) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    is_synced = settings.get("fsync") != "off"
    try:
        if not account.is_own:
            os.chown(unfinished, account.uid, account.gid)
        _initialise(unfinished, account, binaries, is_synced=is_synced)
        unfinished.rename(folder)
        if is_synced:
            sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _initialise(folder: Path, account: Account, binaries: Binaries, *, is_synced: bool) -> None:
    # The database is made by a server of one process, which needs neither socket nor wait.
    create = f'CREATE DATABASE "{DATABASE}";\n\n'
    with reachable(folder, account) as (path, fds):
        initdb = [str(binaries.folder / "initdb"), "-D", path]
        single = [str(binaries.folder / "postgres"), "--single", "-D", path, "-j"]
        single += ["-c", "exit_on_error=true", "-c", "log_checkpoints=off"]
        # Nothing counts before the folder has its name: what both wrote goes to disk once.
        commands = [
            ([*initdb, "--no-sync", *_initdb_options(binaries.major)], ""),
            ([*single, "-F", "postgres"], create),
        ]
        if is_synced:
            commands.append(([*initdb, "--sync-only", *_sync_options(binaries.major)], ""))
        for command, stdin in commands:
            done = run_as(account, command, stdin=stdin, pass_fds=fds)
            if done.returncode != 0:
                message = (
                    f"The database could not be created in {str(folder.parent)!r}. "
                    f"'{Path(command[0]).name}' said:\n{done.stdout.strip()}"
                )
                raise NotCreatedError(message)


def _initdb_options(major: int) -> list[str]:
    """
    UTF-8 everywhere, ordered by code point.

    LC_CTYPE must know letters beyond ASCII, since pg_trgm goes by it under any provider.
    """
    letters = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    options = [f"--username={SUPERUSER}", "--auth=peer", "--data-checksums", "--no-instructions"]
    options += ["--encoding=UTF8", "--locale=C", f"--lc-ctype={letters}"]
    if major >= 17:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def _sync_options(major: int) -> list[str]:
    """
    One call for the file system where there is one, since waiting for a thousand files takes seconds.
    """
    return ["--sync-method=syncfs"] if major >= 17 and sys.platform == "linux" else []


def sync_folder(folder: Path) -> None:
    """See that the names in *folder* outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unfinished(data_dir: Path) -> None:
    """
    Clear away clusters whose making was killed, with the programs that still make them.

    A program of theirs that copies a file ends by itself and may write once more after us; what
    is left then after a second, the next start finds.
    """
    for folder in data_dir.glob(f"{UNFINISHED}*"):
        # A restore of a backup has a data directory there, with a server of its own.
        makers = [
            process.pid
            for process in _processes()
            if process.is_postgres
            and any(_works_in(process.pid, each) for each in (folder, folder / "postgres"))
        ]
        for pid in makers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for _ in range(int(1 / _POLL_SECONDS)):
            if not any(map(_process, makers)):
                shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(_POLL_SECONDS)


def _remove_if_of_stranger(lock_file: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = int(lock_file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
        if _is_alive(abs(pid)):
            lock_file.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _buffers() -> dict[str, str]:
    """Room for the pages that are read again and again, by how much memory there is."""
    known = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in _memory_limits():
        # Without a limit the file says "max", or is not there.
        with contextlib.suppress(OSError, ValueError):
            known.append(int(file.read_text()))
    least, most = _BUFFERS_MEGABYTES
    megabytes = min(known) // _BUFFERS_PART // 2**20
    return {"shared_buffers": f"{min(max(megabytes, least), most)}MB"}


def _memory_limits() -> Iterator[Path]:
    """The files that say how much memory the groups may have that this process is in."""
    try:
        lines = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, name = _CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = _CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        own = top / path.lstrip("/")
        yield from (folder / name for folder in (own, *own.parents) if folder.is_relative_to(top))


def _shared_memory() -> dict[str, str]:
    """Keep parallel workers out of /dev/shm where it is small, as it is in most containers."""
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return {}
    size = shared.f_blocks * shared.f_frsize
    return {"dynamic_shared_memory_type": "mmap"} if size < _SHARED_MEMORY_BYTES_MIN else {}


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def write_owned(cluster: Cluster, name: str, *lines: str) -> None:
    """
    Write a file of the cluster whole.

    It replaces the old one by a rename and never follows a link there: in a folder that the
    server's user owns, root would write wherever that user points.
    """
    text = "\n".join(lines) + "\n"
    path, new = cluster.folder / name, cluster.folder / f"{name}.new"
    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == text:
            return
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if not cluster.account.is_own:
            os.fchown(descriptor, cluster.account.uid, cluster.account.gid)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def _is_addressable(folder: Path) -> bool:
    try:
        address = str(folder / _SOCKET_NAME).encode()
    except UnicodeEncodeError:
        return False
    return len(address) <= _SOCKET_BYTES_MAX and b"," not in address


def _link(folder: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return _runtime_folder() / digest


def _runtime_folder() -> Path:
    """
    A directory of mode 0700 that is this user's, where nobody can put a link of theirs.

    Raises:
        OtherOwnerError: in each place somebody else has taken the name.
    """
    name = f"embedded-postgres-{os.geteuid()}"
    places = (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp")  # noqa: S108 - the owner is checked
    refused = []
    for place in dict.fromkeys(places):
        folder = Path(place, name)
        if place and _is_addressable(folder / ("0" * 16)) and _is_safe(Path(place)):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            if _is_private(folder):
                return folder
            refused.append(str(folder))
    message = (
        f"The path of the data directory is too long for a socket, and {refused or 'no place'} "
        "is this user's alone to link to it. Choose a shorter --data-dir, or remove that folder."
    )
    raise OtherOwnerError(message)


def _is_safe(place: Path) -> bool:
    """Whether nobody but root and this user can rename what this user makes in *place*."""
    try:
        owned = place.stat()
    except OSError:
        return False
    is_writable_by_others = owned.st_mode & 0o022 and not owned.st_mode & stat.S_ISVTX
    return owned.st_uid in {0, os.geteuid()} and not is_writable_by_others


def _is_private(folder: Path) -> bool:
    owned = folder.lstat()
    return (
        stat.S_ISDIR(owned.st_mode)
        and owned.st_uid == os.geteuid()
        and stat.S_IMODE(owned.st_mode) == 0o700
    )


def _target(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except OSError:
        return None


def _name(owned: os.stat_result) -> str:
    return f"embedded-{owned.st_dev:x}-{owned.st_ino:x}"


def _processes() -> Iterator[_Process]:
    """Every process of the machine that this user may see."""
    if not _has_proc():
        yield from _listed("-ax")
        return
    for entry in Path("/proc").iterdir():
        process = _process(int(entry.name)) if entry.name.isdigit() else None
        if process is not None:
            yield process


def _process(pid: int) -> _Process | None:
    """What *pid* is; nothing if it ended, be it that its parent has yet to ask how."""
    if not _has_proc():
        return next(_listed(f"-p{pid}"), None)
    folder = Path(f"/proc/{pid}")
    try:
        words = os.fsdecode((folder / "cmdline").read_bytes()).rstrip("\0").split("\0")
        uid = folder.stat().st_uid
    except OSError:
        return None
    return _Process(pid, uid, words[0], " ".join(words)) if words[0] else None


def _listed(selection: str) -> Iterator[_Process]:
    """Processes as `ps` lists them, where there is no /proc."""
    command = ["ps", "-ww", "-o", "pid=,uid=,command=", selection]
    listing = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a number at most
    for line in listing.stdout.splitlines():
        pid, uid, words = (*line.split(None, 2), "")[:3]
        yield _Process(int(pid), int(uid), words.split(" -D ", 1)[0], words)


def _has_proc() -> bool:
    return Path("/proc/self/cmdline").exists()


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        return False


def is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _refuse_other_owner(folder: Path, uid: int) -> None:
    owner = folder.stat().st_uid
    if owner != uid:
        message = (
            f"{str(folder)!r} belongs to {_user(owner)}, not to {_user(uid)}. "
            f"Run as {_user(owner)}, or choose another directory with --data-dir."
        )
        raise OtherOwnerError(message)


def _user(uid: int) -> str:
    try:
        return repr(account_of(uid).name)
    except EmbeddedPostgresError:
        return f"user number {uid}"


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say what the system's refusals of *folder* mean."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as exc:
        message = (
            f"{str(folder)!r} is, or lies below, something that is no directory. "
            "Choose another one with --data-dir."
        )
        raise NotADirectoryOfOursError(message) from exc
    except OSError as exc:
        if exc.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        message = (
            f"{_user(os.geteuid())} may not write to {str(folder)!r}. "
            "Choose another directory with --data-dir, or have its owner let this user in."
        )
        raise NoPermissionError(message) from exc
