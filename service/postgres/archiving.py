"""
An archive: the files of a cluster's write-ahead log, copied away as they are filled.

With a backup from before they make the cluster again as it was at any instant since. A server
that archives, or that recovers, finds the folder in a variable of its environment: the commands
that it runs are then the same for each path, whatever is in it.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from service.postgres.binaries import Account, EmbeddedPostgresError, run_as
from service.postgres.cluster import Cluster, reachable

VARIABLE = "WAL_ARCHIVE"
SWITCH_SECONDS = 60
"""A file that is not full is archived after so long, if anything was written to it."""

# A file gets its name when it is whole and on the disk. One that is there is never replaced:
# another server's of the same name would be lost. The same one comes again after a crash.
_COPY = (
    'to="$WAL_ARCHIVE/%f"; '
    'if [ -e "$to" ]; then cmp -s "%p" "$to"; '
    'else cp "%p" "$to.part" && sync "$to.part" && mv "$to.part" "$to"; fi '
    '&& sync "$to" "$WAL_ARCHIVE"'
)
# Beyond 125 the recovery ends with a fault: else what cannot be read would pass for the end.
_FETCH = '[ -e "$WAL_ARCHIVE/%f" ] || exit 1; cp "$WAL_ARCHIVE/%f" "%p" || exit 255'
# A timeline that began while nothing was archived: without its history the archive's newest is
# taken for the one before.
_HAND_ON_HISTORIES = (
    'cd "$1/pg_wal" && for one in *.history; do '
    'if [ -e "$one" ] && [ ! -e "archive_status/$one.done" ]; '
    'then : > "archive_status/$one.ready"; fi; done'
)
_MAY_WRITE = '[ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]'


class NoArchiveError(EmbeddedPostgresError):
    """The folder cannot be made, or the server may not write to it."""


@dataclass(frozen=True)
class Archive:
    """A folder of archived files, and whether they are written or read."""

    folder: Path
    is_read: bool = False

    @property
    def settings(self) -> Mapping[str, str]:
        """What the server is told; whoever recovers says more."""
        if self.is_read:
            return {"restore_command": _FETCH}
        return {
            "archive_mode": "on",
            "archive_timeout": str(SWITCH_SECONDS),
            "archive_command": _COPY,
        }

    def prepare(self, cluster: Cluster) -> None:
        """
        See that the server of *cluster* can archive into the folder, made if its parent is there.

        Raises:
            NoArchiveError: see there.
        """
        if self.is_read:
            return
        account = cluster.account
        try:
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
                if not account.is_own:
                    os.chown(self.folder, account.uid, account.gid)
            with self.reached_by(account) as (path, fds):
                may_write = _runs(account, _MAY_WRITE, path, fds)
        except OSError as exc:
            raise NoArchiveError(
                f"The write-ahead log cannot be archived in {str(self.folder)!r}: {exc.strerror}. "
                "Make the folder, or name another one in TIMELINE_WAL_ARCHIVE."
            ) from exc
        if not may_write:
            raise NoArchiveError(
                f"The write-ahead log cannot be archived in {str(self.folder)!r}: {account.name!r} "
                f"may not write there. Give it the folder (chown {account.name} "
                f"{str(self.folder)!r}), or name another one in TIMELINE_WAL_ARCHIVE."
            )
        with reachable(cluster.folder, account) as (path, fds):
            _runs(account, _HAND_ON_HISTORIES, path, fds)

    def is_used_by(self, cluster: Cluster) -> bool:
        """Whether the server that runs on *cluster* was told to use an archive as this one."""
        told = (cluster.folder / "postgresql.conf").read_text("utf-8", errors="replace")
        return all(f"\n{name} = " in told for name in self.settings)

    @contextlib.contextmanager
    def reached_by(self, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
        """As `reachable`; of a folder that is gone its path, so that a server starts without it."""
        with contextlib.ExitStack() as opened:
            try:
                found = opened.enter_context(reachable(self.folder, account))
            except (FileNotFoundError, NotADirectoryError):
                found = str(self.folder), ()
            yield found


def _runs(account: Account, script: str, path: str, fds: tuple[int, ...]) -> bool:
    command = ["/bin/sh", "-c", script, "sh", path]
    return run_as(account, command, pass_fds=fds).returncode == 0
