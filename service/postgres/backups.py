"""
A cluster as one file: copied while its server runs, and made a cluster again.

A backup is the tar that `pg_basebackup` writes: the files, the changes that were made while they
were copied, and a list of all files with their checksums.
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import asyncpg

from service.postgres.binaries import (
    Account,
    Binaries,
    EmbeddedPostgresError,
    clean_environment,
    find_binaries,
    own_account,
    run_as,
    spawning_as,
    unprivileged_account,
)
from service.postgres.cluster import (
    PORT,
    SUPERUSER,
    UNFINISHED,
    Cluster,
    is_empty,
    prepare_folder,
    reachable,
    remove_unfinished,
    sync_folder,
)
from service.postgres.embedded import turn
from service.postgres.statements import load_statements

_KEEP_CHANGES = load_statements("service.postgres", "backups.sql")["keep_changes"]

LOOK_SECONDS = 0.2
_PIECE_BYTES = 1024 * 1024


class NotBackedUpError(EmbeddedPostgresError):
    """The copy could not be taken; the message ends with what `pg_basebackup` said."""


class NoBackupError(EmbeddedPostgresError):
    """The file is none, or not as it was written."""


class TakenError(EmbeddedPostgresError):
    """There is a cluster in the data directory."""


async def back_up(
    cluster: Cluster, binaries: Binaries, file: IO[bytes], tell: Callable[[int], None]
) -> None:
    """
    Copy the cluster into *file* while its server runs and is written to.

    The copy is of a moment between now and the end. *tell* is told now and then how many bytes
    are written.

    Raises:
        NotBackedUpError: it could not be taken; what *file* then holds is of no use.
    """
    keeping = await asyncpg.connect(cluster.dsn)
    try:
        await keeping.execute(_KEEP_CHANGES, f"backup_{os.getpid()}")
        with tempfile.TemporaryFile() as said:
            copying = await _started(cluster, binaries, file, said)
            try:
                while not await _is_done(copying):
                    tell(os.fstat(file.fileno()).st_size)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    copying.kill()
                await copying.wait()
            if copying.returncode != 0:
                said.seek(0)
                reason = said.read().decode(errors="replace").strip()
                raise NotBackedUpError(
                    f"The backup could not be taken. 'pg_basebackup' said:\n{reason}"
                )
    finally:
        await keeping.close()


@contextlib.contextmanager
def restored(
    data_dir: Path,
    stream: IO[bytes],
    *,
    tell: Callable[[int], None],
    on_progress: Callable[[str], None],
) -> Iterator[Path]:
    """
    A data directory made of the backup *stream*, to do with what is to be done before it counts.

    When the block ended well, its cluster takes its place in *data_dir*, which has none; until
    then nothing is there, whatever happens. The server of what is yielded has to be stopped by
    then. *tell* is told the bytes unpacked.

    Raises:
        TakenError: see there.
        NoBackupError: see there.
        EmbeddedPostgresError: no Postgres here that could run it, of its major version.
    """
    data_dir = data_dir.expanduser().resolve()
    prepare_folder(data_dir)
    place = data_dir / "postgres"
    # Nobody else makes a cluster there meanwhile, or takes ours for one left unfinished.
    with turn(data_dir, on_progress):
        remove_unfinished(data_dir)
        if place.exists() and not is_empty(place):
            raise TakenError(
                f"There is a database in {str(data_dir)!r} already; restore into an empty data "
                "directory. Nothing was restored."
            )
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=data_dir))
        try:
            folder = unfinished / "postgres"
            _unpack(stream, folder, tell)
            account = own_account() if os.geteuid() else unprivileged_account()
            binaries = find_binaries(account, major=_major(folder), on_progress=on_progress)
            _give_to(account, folder)
            _check(folder, account, binaries)
            yield unfinished
            folder.rename(place)
            sync_folder(data_dir)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


async def _started(
    cluster: Cluster, binaries: Binaries, file: IO[bytes], said: IO[bytes]
) -> asyncio.subprocess.Process:
    account = cluster.account
    with _addressed(cluster) as (host, fds), spawning_as(account):
        return await asyncio.create_subprocess_exec(
            str(binaries.folder / "pg_basebackup"),
            *("--host", host, "--port", str(PORT), "--username", SUPERUSER, "--no-password"),
            *("--pgdata", "-", "--format", "tar", "--wal-method", "fetch"),
            *("--checkpoint", "fast"),
            stdin=subprocess.DEVNULL,
            stdout=file.fileno(),
            stderr=said.fileno(),
            pass_fds=fds,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
            user=None if account.is_own else account.uid,
            group=None if account.is_own else account.gid,
            extra_groups=None if account.is_own else [],
        )


@contextlib.contextmanager
def _addressed(cluster: Cluster) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Where a program of the cluster's owner finds the socket: our link to it is our user's alone."""
    if cluster.account.is_own:
        yield str(cluster.socket_folder), ()
    else:
        with reachable(cluster.folder, cluster.account) as found:
            yield found


async def _is_done(program: asyncio.subprocess.Process) -> bool:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await program.wait()
    except TimeoutError:
        return False
    return True


def _unpack(stream: IO[bytes], folder: Path, tell: Callable[[int], None]) -> None:
    """
    Write what is in the tar below *folder*, which nobody else can enter yet.

    Files and folders alone, each once: neither a link nor a name can lead out of there.

    Raises:
        NoBackupError: it is no tar, was cut off, or holds something else.
    """
    folder.mkdir(mode=0o700)
    done = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                path = folder / _relative(member)
                if member.isdir():
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None, "it is a file"
                with os.fdopen(_made(path), "wb") as file:
                    while piece := source.read(_PIECE_BYTES):
                        file.write(piece)
                        done += len(piece)
                        tell(done)
    except (tarfile.TarError, EOFError, FileExistsError) as exc:
        raise NoBackupError(
            f"The file is no backup, or was cut off ({exc}). Nothing was restored."
        ) from exc


def _relative(member: tarfile.TarInfo) -> PurePosixPath:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isreg() or member.isdir()):
        raise NoBackupError(
            f"The file is no backup: {member.name!r} in it is neither a file nor a folder of a "
            "cluster. Nothing was restored."
        )
    return name


def _made(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)


def _major(folder: Path) -> int:
    try:
        return int((folder / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError) as exc:
        raise NoBackupError(
            "The file is no backup: no PG_VERSION is in it. Nothing was restored."
        ) from exc


def _give_to(account: Account, folder: Path) -> None:
    """Make *account* the owner, from below: until the last step nobody else can get there."""
    if account.is_own:
        return
    for parent, folders, files in os.walk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)


def _check(folder: Path, account: Account, binaries: Binaries) -> None:
    """
    See that each file is as the list in the backup says.

    Raises:
        NoBackupError: one is not, is missing or too many, or there is no list.
    """
    with reachable(folder, account) as (path, fds):
        # Of the changes each has a checksum of its own, at which Postgres looks.
        command = [str(binaries.folder / "pg_verifybackup"), "--no-parse-wal", path]
        checked = run_as(account, command, pass_fds=fds)
    if checked.returncode != 0:
        raise NoBackupError(
            "The backup is not as it was written; nothing was restored. 'pg_verifybackup' said:\n"
            f"{checked.stdout.strip()}"
        )
