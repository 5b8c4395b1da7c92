"""
A cluster brought forward from a backup to an instant, by the write-ahead log that was archived.

Postgres follows the changes one after the other and stops before the first that was committed
after the instant; without one it follows them as far as they go. What it cannot reach is refused,
and an archive that breaks off is not taken for one that ends.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.postgres.archiving import Archive
from service.postgres.binaries import EmbeddedPostgresError
from service.postgres.cluster import known_cluster, write_owned
from service.postgres.embedded import EmbeddedPostgres, NotStartedError

RECOVERY_SECONDS = 24 * 60 * 60.0
"""What was archived in years is read in hours; a server that cannot go on ends by itself."""
FILE_BYTES = 16 * 1024 * 1024
"""Of a file of the write-ahead log, as `initdb` makes it."""

_HISTORY = "????????.history"
_NAME = re.compile(r"[0-9A-F]{24}")
_BEGAN = re.compile(r"^START TIME: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$", re.MULTILINE)
_ENDED = re.compile(r"^STOP TIME: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$", re.MULTILINE)
_FIRST = re.compile(
    r"^START WAL LOCATION: ([0-9A-F]+)/([0-9A-F]+) \(file ([0-9A-F]{24})\)$", re.MULTILINE
)
_FOLLOWED = re.compile(r"^([0-9]+)\t([0-9A-F]+)/([0-9A-F]+)\t", re.MULTILINE)
_LAST_COMMIT = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_NOT_REACHED = "recovery ended before configured recovery target was reached"
_NOT_WHOLE_YET = "requested recovery stop point is before consistent recovery point"


class NotReachableError(EmbeddedPostgresError):
    """The instant is not between the backup's end and the last change that is archived."""


class ArchiveBrokenError(EmbeddedPostgresError):
    """The archive does not go on from the backup, or breaks off before its end."""


@contextlib.contextmanager
def recovered(
    data_dir: Path, archive: Path, until: datetime | None, on_progress: Callable[[str], None]
) -> Iterator[EmbeddedPostgres]:
    """
    The server of a backup that lies unpacked in *data_dir*, brought forward; it takes writes.

    Units: *until* is an instant of the clock of the server that archived: what was committed by
    then is there, and nothing else. None is all that *archive* holds.

    Raises:
        NotReachableError: see there.
        ArchiveBrokenError: see there.
        NotStartedError: what is archived cannot be read.
    """
    folder = data_dir / "postgres"
    backup = _read_backup(folder, archive)
    _see_that_it_goes_on(backup, archive)
    if until is not None:
        _refuse_too_early(backup, until)
    server = _recovering(data_dir, archive, _settings(until), on_progress)
    log = data_dir / "postgres.log"
    try:
        server.start()
    except NotStartedError as exc:
        raise _explained(backup, until, _text(log)) or exc from exc
    try:
        if until is None:
            _see_that_all_was_read(folder / "pg_wal", archive, _text(log))
        yield server
    finally:
        server.stop()


def begun_anew(
    data_dir: Path, archive: Path, on_progress: Callable[[str], None]
) -> EmbeddedPostgres:
    """
    The server of a backup that lies unpacked in *data_dir*, to be started, as it was when taken.

    It goes on in a timeline that *archive* does not know: else what it archives there would have
    the names of what another server had done after the backup.
    """
    settings = {"recovery_target": "immediate", "recovery_target_timeline": "current"}
    return _recovering(data_dir, archive, settings, on_progress)


def _recovering(
    data_dir: Path, archive: Path, settings: Mapping[str, str], on_progress: Callable[[str], None]
) -> EmbeddedPostgres:
    write_owned(known_cluster(data_dir / "postgres"), "recovery.signal")
    return EmbeddedPostgres(
        data_dir,
        on_progress=on_progress,
        settings={"hot_standby": "off", "recovery_target_action": "promote", **settings},
        archive=Archive(archive, is_read=True),
        ready_seconds=RECOVERY_SECONDS,
    )


@dataclass(frozen=True)
class _Backup:
    """What a backup and its archive say of when it was taken."""

    first: int
    """From where on changes have to be followed, in bytes of the log."""
    first_file: str
    began_at: datetime | None
    ended_at: datetime | None
    """Both to the second before; None where nothing says it."""

    @property
    def whole_at(self) -> datetime | None:
        """An instant at which, as far as is known, it may have been whole, and not before."""
        # What was done before the next second may be in it, and cannot be taken out.
        began_at = self.began_at and self.began_at + timedelta(seconds=1)
        return max(filter(None, (began_at, self.ended_at)), default=None)


def _read_backup(folder: Path, archive: Path) -> _Backup:
    label = _text(folder / "backup_label")
    found = _FIRST.search(label)
    if found is None:
        raise ArchiveBrokenError("The backup does not say which changes follow on it.")
    notes = "".join(_text(path) for path in archive.glob(f"{found[3]}.*.backup"))
    return _Backup(
        _place(found[1], found[2]),
        found[3],
        _instant(_BEGAN.search(label)),
        _instant(_ENDED.search(notes)),
    )


def _see_that_it_goes_on(backup: _Backup, archive: Path) -> None:
    """
    Raises:
        ArchiveBrokenError: *archive* holds nothing that follows on *backup*, or its newest
            timeline does not.
    """
    # A later timeline follows on it too, so that only the place in the log is compared.
    if not any(name[8:] >= backup.first_file[8:] for name in _names(archive)):
        raise ArchiveBrokenError(
            f"Nothing in {str(archive)!r} follows on the backup: it needs the file "
            f"{backup.first_file!r} and those after it."
        )
    newest = max((path.name for path in archive.glob(_HISTORY)), default="")
    timeline = backup.first_file[:8]
    if newest[:8] > timeline and not any(
        f"{int(left):08X}" == timeline and _place(high, low) > backup.first
        for left, high, low in _FOLLOWED.findall(_text(archive / newest))
    ):
        raise ArchiveBrokenError(
            f"The newest server that archives in {str(archive)!r} was restored from before this "
            "backup, so that nothing there follows on it. Restore it without --wal, or the backup "
            "from which that server was restored with it."
        )


def _refuse_too_early(backup: _Backup, until: datetime) -> None:
    if backup.whole_at is not None and until < backup.whole_at:
        raise NotReachableError(
            f"{_told(until)} is before the backup was whole: it reaches from "
            f"{_told(backup.whole_at)} on. Take an earlier backup, or a later instant."
        )


def _settings(until: datetime | None) -> dict[str, str]:
    if until is None:
        return {"recovery_target_timeline": "latest"}
    instant = until.astimezone(UTC).isoformat(sep=" ")
    return {"recovery_target_timeline": "latest", "recovery_target_time": instant}


def _explained(backup: _Backup, until: datetime | None, log: str) -> NotReachableError | None:
    """Why Postgres did not get there, by its *log*; None where that does not say it."""
    if until is not None and _NOT_WHOLE_YET in log:
        return NotReachableError(
            f"{_told(until)} is before the backup was whole. Take an earlier backup, or a later "
            "instant."
        )
    if until is not None and _NOT_REACHED in log:
        begin = f" from {_told(backup.whole_at)} on" if backup.whole_at is not None else ""
        last = _last_commit(log)
        end = f" before {_told(last)}" if last is not None else ""
        return NotReachableError(
            f"No change that can be read from the archive was committed after {_told(until)}, so "
            "that it is not known whether all until then is there. Any instant"
            f"{begin}{end} can be reached; without --until all that is archived is restored."
        )
    return None


def _see_that_all_was_read(wal: Path, archive: Path, log: str) -> None:
    """
    See that Postgres came to the last file of the timeline that it followed.

    Raises:
        ArchiveBrokenError: a file before that one is missing or damaged.
    """
    newest = max(wal.glob(_HISTORY))
    *_, (timeline, high, low) = _FOLLOWED.findall(_text(newest))
    reached = _place(high, low)
    prefix = f"{int(timeline):08X}"
    last = max((name for name in _names(archive) if name.startswith(prefix)), default=None)
    if last is not None and _begin(last) >= reached:
        commit = _last_commit(log)
        end = f" Give --until an instant before {_told(commit)}." if commit is not None else ""
        raise ArchiveBrokenError(
            f"The archive breaks off: {str(archive)!r} goes on to the file {last!r}, but what comes "
            f"after {_file(timeline, reached)!r} cannot be read.{end}"
        )


def _names(archive: Path) -> Iterator[str]:
    return (path.name for path in archive.iterdir() if _NAME.fullmatch(path.name))


def _place(high: str, low: str) -> int:
    """A place in the log as Postgres writes it, in bytes."""
    return (int(high, 16) << 32) + int(low, 16)


def _begin(name: str) -> int:
    """Where in the log a file begins, in bytes."""
    return (int(name[8:16], 16) << 32) + int(name[16:], 16) * FILE_BYTES


def _file(timeline: str, reached: int) -> str:
    """The file in which the byte before *reached* lies."""
    number, within = divmod(reached - 1, 1 << 32)
    return f"{int(timeline):08X}{number:08X}{within // FILE_BYTES:08X}"


def _last_commit(log: str) -> datetime | None:
    found = _LAST_COMMIT.findall(log)
    return datetime.fromisoformat(found[-1]) if found else None


def _instant(found: re.Match[str] | None) -> datetime | None:
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None


def _told(instant: datetime) -> str:
    """So that it can be given again: `2026-11-22T09:00:00.5Z`."""
    text = instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text.rstrip('0').rstrip('.')}Z"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
