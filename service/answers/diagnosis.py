"""
The diagnosis: what can be wrong with a log in use, how each stands now, and what to do about it.

Each fact is asked of the database or of the process and judged by a function of its own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args
from uuid import UUID

from msgspec import Struct

from service import __version__
from service.answers.vitals import ACQUIRE_SECONDS, Disk, LogVitals, Vitals, fetch_vitals
from service.domain.refusals import Refusal
from service.log.diagnosis import Extent, LockQueue, fetch_extent
from service.log.schema import HEAD_REVISION
from service.log.verify import Verified, verify
from service.postgres.diagnosis import (
    Archiving,
    Extension,
    Index,
    LongTransaction,
    Server,
    Table,
    fetch_archiving,
    fetch_extensions,
    fetch_indexes,
    fetch_long_transactions,
    fetch_tables,
)
from service.postgres.pool import DATABASE_FAULTS, Pool
from service.read_models.crews import Workforce
from service.read_models.diagnosis import Comparison, fetch_last_comparison
from service.read_models.replay import CODE_VERSION, replay

State = Literal["ok", "warning", "bad"]
"""Nothing to do; to be looked at; wrong, or about to be."""
STATES: tuple[State, ...] = ("ok", "warning", "bad")
Name = Literal[
    "long_transactions", "log_lock", "queue", "gaps", "lag", "drift", "chain", "clock",
    "indexes", "connections", "disk", "archive", "versions",
]  # fmt: skip
NAMES: tuple[Name, ...] = get_args(Name)
"""In the order in which they are told."""

EVENTS_VERIFIED = 10_000
"""The last ones, unless the diagnosis is deep."""
TRANSACTION_SECONDS = 60.0
LOCK_SECONDS = (5.0, 30.0)
"""From so long a wait on it is a warning, and bad."""
QUEUE_SHARES = (0.5, 0.95)
CONNECTIONS_SHARE = 0.9
CLOCK_SECONDS = 5.0
BEHIND_MAX = 10_000
"""A running service looks at so many positions' people in some minutes."""
ROWS_MANY = 10_000
INDEX_BYTES_MANY = 10 * 2**20
DISK_FREE_BYTES = (2 * 2**30, 256 * 2**20)
"""With less it is a warning, and bad."""
POSTGRES_MIN = 15
SCHEMAS = ("public", "read_models")
_NAMED_MAX = 3


class Fact(Struct, frozen=True, kw_only=True):
    """One thing that can be wrong, as it is now."""

    name: Name
    state: State
    told: str
    """In a sentence or two."""
    advice: str | None
    """What to do; null where there is nothing to do."""
    numbers: dict[str, float]
    """The same for programs."""


class DiagnosisAnswer(Struct, frozen=True, kw_only=True):
    """Every fact, and the worst of their states."""

    state: State
    looked_at: datetime
    deep: bool
    """Whether every event was verified, and the read models were compared with the log."""
    facts: Sequence[Fact]


class Patient(Struct, frozen=True, kw_only=True):
    """The service to be looked at."""

    pool: Pool
    data_dir: Path | None
    """Where its database lies; None of one that is somewhere else."""
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    workforce: Workforce | None
    queue_commands: int
    queue_commands_max: int
    is_to_archive: bool = False
    """Whether the server that comes along is set to archive."""
    is_deep: bool = False


async def diagnosis(patient: Patient) -> DiagnosisAnswer:
    """
    Every fact as of now. What cannot be asked is told as a fact that is bad.

    Of a schema that is not this edition's only what does not need it is looked at.
    """
    vitals = await fetch_vitals(patient.pool, patient.data_dir)
    now = patient.now()
    server = vitals.server
    facts = [
        await _asked("long_transactions", _long_transactions(patient)),
        judge_queue(patient.queue_commands, patient.queue_commands_max),
        await _asked("indexes", _indexes(patient)),
        judge_connections(server),
        judge_disk(vitals.disk, server.database_bytes),
        await _asked("archive", _archive(patient)),
        await _asked("versions", _versions(patient, vitals)),
    ]
    if (log := vitals.log) is not None:
        facts += [
            judge_log_lock(log.lock_queue),
            await _asked("gaps", _gaps(patient)),
            judge_lag(log),
            await _asked("drift", _drift(patient, log)),
            await _asked("chain", _chain(patient)),
            judge_clock(now, server.instant, log.head.recorded_at),
        ]
    return DiagnosisAnswer(
        state=max((fact.state for fact in facts), key=STATES.index),
        looked_at=now,
        deep=patient.is_deep,
        facts=sorted(facts, key=lambda fact: NAMES.index(fact.name)),
    )


def judge_long_transactions(found: Sequence[LongTransaction]) -> Fact:
    """A transaction that stays open keeps old rows from being cleared, and replays from switching."""
    numbers = {
        "transactions": len(found),
        "longest_seconds": round(max((one.seconds for one in found), default=0.0), 1),
    }
    if not found:
        told = f"No transaction has been open for longer than {TRANSACTION_SECONDS:.0f} s."
        return _fact("long_transactions", "ok", told, None, numbers)
    told = "; ".join(
        f"process {one.pid} ({one.application or 'nameless'} of {one.user}, "
        f"{one.state or 'state unknown'}) has had a transaction open for {one.seconds:,.0f} s"
        for one in found[:_NAMED_MAX]
    )
    return _fact(
        "long_transactions",
        "warning",
        f"{_with_capital(told)}.",
        "It keeps old rows from being cleared away. If nobody needs it, end it in the database: "
        f"SELECT pg_terminate_backend({found[0].pid}).",
        numbers,
    )


def judge_log_lock(found: LockQueue) -> Fact:
    """Appends go one after the other; who holds the lock for long holds up all of them."""
    numbers = {"waiting": found.waiting, "wait_seconds": round(found.seconds, 3)}
    state = _at_least(found.seconds, LOCK_SECONDS)
    if state == "ok":
        return _fact("log_lock", state, "No append waits for long.", None, numbers)
    return _fact(
        "log_lock",
        state,
        f"An append has waited for {found.seconds:,.0f} s for the lock of the log, which process "
        f"{found.holder} of the database holds.",
        "Look at what that process does in pg_stat_activity; SELECT "
        f"pg_terminate_backend({found.holder}) ends it. What was not committed is sent again.",
        numbers,
    )


def judge_queue(commands: int, commands_max: int) -> Fact:
    """Beyond its bound writes are refused with 503."""
    state = _at_least(commands / commands_max, QUEUE_SHARES)
    return _fact(
        "queue",
        state,
        f"{commands:,} of {commands_max:,} writes wait.",
        "See log_lock and disk. If neither holds the writer up, more is sent than is committed: "
        "send batches, or fewer at a time.",
        {"commands": commands, "commands_max": commands_max},
    )


def judge_gaps(extent: Extent) -> Fact:
    """Positions have no gaps; where one is missing an event was taken out."""
    numbers = {"events": extent.events, "head_position": extent.head}
    if extent.first_gap is None:
        told = f"Each of the {extent.head:,} positions has its event."
        return _fact("gaps", "ok", told, None, numbers)
    return _fact(
        "gaps",
        "bad",
        f"There are {extent.events:,} events and the head is at position {extent.head:,}; position "
        f"{extent.first_gap:,} is the first without one.",
        "Events were taken out behind the service's back. Restore an export or a backup from "
        "before, and ask who may change the database.",
        numbers,
    )


def judge_lag(log: LogVitals) -> Fact:
    """Read models are written with the events; they lag where other code made them."""
    numbers: dict[str, float] = {
        "code_version": log.state.code_version,
        "similar_people_behind": log.similar_people_behind,
    }
    if log.replay is not None:
        numbers |= {"replay_done": log.replay.done, "replay_total": log.replay.total}
    if not log.state.is_current:
        progress = (
            "no replay runs"
            if log.replay is None
            else f"a replay has folded {log.replay.done:,} of {log.replay.total:,} events"
        )
        why = (
            "Something was erased, and rows that may rest on it are to be made anew"
            if log.state.code_version == CODE_VERSION
            else f"The read models were made by code of version {log.state.code_version}, and "
            f"this is version {CODE_VERSION}"
        )
        return _fact(
            "lag",
            "warning" if log.state.is_readable else "bad",
            f"{why}; {progress}.",
            "A service that runs replays by itself; 'timeline replay' does it now.",
            numbers,
        )
    behind = log.similar_people_behind
    return _fact(
        "lag",
        "warning" if behind > BEHIND_MAX else "ok",
        "The read models are at the head. People who may be one were looked for up to position "
        f"{log.similar_people_checkpoint:,}, {behind:,} behind it.",
        "A service that runs catches up by itself, some at a time; commands in process do not.",
        numbers,
    )


def judge_drift(comparison: Comparison | None, refused: str | None = None) -> Fact:
    """Rows in use that are not what the log comes to; *refused* is why they were not compared."""
    if refused is not None:
        return _fact("drift", "warning", refused, "Ask for a deep diagnosis again afterwards.")
    if comparison is None or comparison.drift_rows is None:
        return _fact("drift", "ok", "The read models were not compared with the log since made.")
    instant = f"{comparison.finished_at:%Y-%m-%d %H:%M} UTC"
    rows = comparison.drift_rows
    told = f"{rows:,} rows differed" if rows else "Nothing differed"
    return _fact(
        "drift",
        "bad" if rows else "ok",
        f"{told} when the read models were last compared with the log, {instant}.",
        "'timeline replay --check' shows the rows, 'timeline replay --force' puts the right ones "
        "in their place; keep what it shows for a report.",
        {"rows": rows},
    )


def judge_chain(verified: Verified) -> Fact:
    """Hashes from event to event show what was changed."""
    numbers = {"events": verified.events, "problems": len(verified.problems)}
    if not verified.problems:
        whole = verified.events == verified.head.position
        told = f"{'All' if whole else 'The last'} {verified.events:,} events are as recorded."
        return _fact("chain", "ok", told, None, numbers)
    first = verified.problems[0]
    return _fact(
        "chain",
        "bad",
        f"Position {first.position:,}: {first.message}",
        "'timeline verify' lists what is wrong. Restore an export or a backup from before, and ask "
        "who may change the database.",
        numbers,
    )


def judge_clock(now: datetime, server: datetime, head: datetime | None) -> Fact:
    """Events are never recorded before the one before them, whatever the clock says."""
    apart = abs((now - server).total_seconds())
    ahead = max((head - now).total_seconds(), 0.0) if head is not None else 0.0
    numbers = {"apart_seconds": round(apart, 1), "head_ahead_seconds": round(ahead, 1)}
    advice = "Set the clocks by the network's time (NTP)."
    if ahead > CLOCK_SECONDS:
        return _fact(
            "clock",
            "warning",
            f"The last event was recorded {ahead:,.0f} s after what the clock says now: it went "
            "back. Until then events are recorded a moment after each other.",
            advice,
            numbers,
        )
    if apart > CLOCK_SECONDS:
        told = f"The clocks of the service and of its database are {apart:,.0f} s apart."
        return _fact("clock", "warning", told, advice, numbers)
    told = "The last event was recorded before now, and the database has the same time."
    return _fact("clock", "ok", told, None, numbers)


def judge_indexes(tables: Sequence[Table], indexes: Sequence[Index]) -> Fact:
    """Without its indexes a long log is read whole for each question."""
    broken = [one.name for one in indexes if not one.is_valid]
    blind = [one.name for one in tables if one.rows > ROWS_MANY and not one.is_analyzed]
    whole = [
        one.name
        for one in tables
        if one.rows > ROWS_MANY and one.whole_reads > max(one.index_reads, 100)
    ]
    unused = [one for one in indexes if one.reads == 0 and one.bytes > INDEX_BYTES_MANY]
    numbers = {
        "indexes": len(indexes),
        "invalid": len(broken),
        "unused": len(unused),
        "unused_bytes": sum(one.bytes for one in unused),
    }
    if broken:
        told = f"The server does not use {_listed(broken)}, which it could not finish."
        advice = f"Build it anew, as its owner: REINDEX INDEX CONCURRENTLY {broken[0]}."
        return _fact("indexes", "bad", told, advice, numbers)
    if blind or whole:
        table = (blind or whole)[0]
        told = (
            f"The server knows nothing of what is in {_listed(blind)}."
            if blind
            else f"More often than by an index the server reads {_listed(whole)} as a whole."
        )
        return _fact("indexes", "warning", told, f"Have it looked at: ANALYZE {table}.", numbers)
    told = "Every index can be used."
    if unused:
        told += f" Not used since numbers are kept: {_listed([one.name for one in unused])}."
    return _fact("indexes", "ok", told, None, numbers)


def judge_connections(server: Server) -> Fact:
    """Without a free one nothing is answered from the database."""
    used, most = server.connections, server.connections_max
    return _fact(
        "connections",
        "warning" if used > CONNECTIONS_SHARE * most else "ok",
        f"{used:,} of {most:,} connections to the server are taken.",
        "See pg_stat_activity for whose they are; raise max_connections, or let fewer workers run.",
        {"connections": used, "connections_max": most},
    )


def judge_disk(disk: Disk | None, database_bytes: int) -> Fact:
    """A full disk stops every write."""
    size = f"The database takes {_bytes(database_bytes)}"
    if disk is None:
        told = f"{size}; what is free beside it only its own machine knows."
        return _fact("disk", "ok", told, None, {"database_bytes": database_bytes})
    low, lowest = DISK_FREE_BYTES
    state: State = "bad" if disk.free_bytes < lowest else "warning"
    return _fact(
        "disk",
        "ok" if disk.free_bytes >= low else state,
        f"{size}, and {_bytes(disk.free_bytes)} of {_bytes(disk.total_bytes)} are free.",
        "Make room, or move the data directory to a larger disk while nothing runs on it: a full "
        "one stops every write. A replay needs as much again as the read models take.",
        {
            "database_bytes": database_bytes,
            "free_bytes": disk.free_bytes,
            "total_bytes": disk.total_bytes,
        },
    )


def judge_archive(found: Archiving, *, is_to_archive: bool) -> Fact:
    """Of a lost disk a backup and the archive bring back all that was archived."""
    numbers = {"archived": found.archived, "failed": found.failed}
    if not found.is_on and is_to_archive:
        return _fact(
            "archive",
            "warning",
            "TIMELINE_WAL_ARCHIVE is set, and the server was started without it.",
            "It takes effect when the server starts: end all that uses the data directory, then "
            "serve again.",
            numbers,
        )
    if not found.is_on:
        told = "The write-ahead log is not archived: a lost disk takes all since the last backup."
        return _fact("archive", "ok", told, None, numbers)
    if found.is_failing:
        return _fact(
            "archive",
            "bad",
            f"The write-ahead log is not archived just now: file {found.failed_file} failed at "
            f"{found.failed_at:%Y-%m-%d %H:%M:%S} UTC, and {found.failed:,} tries in all.",
            "The server's log (postgres.log) says why. See that the folder is there, has room, may "
            "be written to, and is no other server's. Until then the files are kept beside the "
            "database and fill its disk.",
            numbers,
        )
    told = "The write-ahead log is archived"
    if found.last_at is not None:
        told += f", at {found.last_at:%Y-%m-%d %H:%M:%S} UTC up to file {found.last_file}"
    told += "."
    return _fact("archive", "ok", told, None, numbers)


def judge_versions(server: Server, revision: str | None, extensions: Sequence[Extension]) -> Fact:
    """What runs, and whether it fits together."""
    told = (
        f"Edition {__version__}, read models of version {CODE_VERSION}, migration "
        f"{revision or 'none'}, Postgres {server.version}."
    )
    numbers = {"postgres": server.major}
    if revision != HEAD_REVISION:
        advice = (
            f"This edition needs migration {HEAD_REVISION}: 'timeline migrate' brings an older "
            "database there; for a newer one run its own edition."
        )
        return _fact("versions", "bad", told, advice, numbers)
    if server.major < POSTGRES_MIN:
        advice = f"Take Postgres {POSTGRES_MIN} or a later one."
        return _fact("versions", "bad", told, advice, numbers)
    if server.is_read_only:
        advice = "Name the server that takes writes in DATABASE_URL."
        told += " Nothing can be written to it: it is a standby, or set to be only read."
        return _fact("versions", "bad", told, advice, numbers)
    old = [one for one in extensions if one.version != one.version_there]
    if old:
        told += f" The extension {old[0].name} is at {old[0].version}."
        advice = f"Bring it to {old[0].version_there}: ALTER EXTENSION {old[0].name} UPDATE."
        return _fact("versions", "warning", told, advice, numbers)
    return _fact("versions", "ok", told, None, numbers)


async def _long_transactions(patient: Patient) -> Fact:
    async with patient.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        return judge_long_transactions(
            await fetch_long_transactions(connection, TRANSACTION_SECONDS)
        )


async def _indexes(patient: Patient) -> Fact:
    async with patient.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        return judge_indexes(
            await fetch_tables(connection, SCHEMAS), await fetch_indexes(connection, SCHEMAS)
        )


async def _archive(patient: Patient) -> Fact:
    async with patient.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        return judge_archive(await fetch_archiving(connection), is_to_archive=patient.is_to_archive)


async def _versions(patient: Patient, vitals: Vitals) -> Fact:
    async with patient.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        extensions = await fetch_extensions(connection)
    return judge_versions(vitals.server, vitals.revision, extensions)


async def _gaps(patient: Patient) -> Fact:
    async with patient.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        return judge_gaps(await fetch_extent(connection))


async def _chain(patient: Patient) -> Fact:
    last = None if patient.is_deep else EVENTS_VERIFIED
    return judge_chain(await verify(patient.pool, last=last))


async def _drift(patient: Patient, log: LogVitals) -> Fact:
    """As it was last found; where the diagnosis is deep it is looked for now, on record as any."""
    if not patient.is_deep:
        return judge_drift(log.comparison)
    try:
        compared = await replay(
            patient.pool,
            patient.new_id(),
            now=patient.now,
            workforce=patient.workforce,
            is_check=True,
        )
    except Refusal as refusal:
        return judge_drift(None, refusal.message)
    if compared.state != "done":
        return judge_drift(None, f"The read models could not be compared: {compared.detail}")
    async with patient.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
        return judge_drift(await fetch_last_comparison(connection))


async def _asked(name: Name, looking: Awaitable[Fact]) -> Fact:
    """What *looking* comes to; that it came to nothing is a fact, too."""
    try:
        return await looking
    except DATABASE_FAULTS as fault:
        told = f"It cannot be asked of the database: {type(fault).__name__}."
        return _fact(name, "bad", told, "The log of the database server says why.")


def _fact(
    name: Name,
    state: State,
    told: str,
    advice: str | None = None,
    numbers: Mapping[str, float] | None = None,
) -> Fact:
    """A fact; where it is ok there is nothing to do."""
    return Fact(
        name=name,
        state=state,
        told=told,
        advice=None if state == "ok" else advice,
        numbers=dict(numbers or {}),
    )


def _at_least(number: float, bounds: tuple[float, float]) -> State:
    warning, bad = bounds
    if number >= bad:
        return "bad"
    return "warning" if number >= warning else "ok"


def _bytes(number: int) -> str:
    """A size as people say it: `1.5 GiB`."""
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:,.1f} {unit}" if unit != "B" else f"{number} B"
        size /= 1024
    return f"{size:,.1f} TiB"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _with_capital(text: str) -> str:
    return text[:1].upper() + text[1:]
