"""
Verify: whether the log is what was written.

Every event is made again from the one before it: its place, its time, its payload and its hash,
and what is kept beside the payload and not covered by the hash. Of one that was erased the hash
is what is left; an erasure on the log has to name it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from service.domain.events import Erased, Erasure, Payload, Position, from_canonical_json
from service.domain.refusals import Refusal
from service.domain.subjects import Concern, Subject
from service.domain.versions import LaterVersion
from service.log import read
from service.log.append import Head
from service.log.chain import GENESIS, event_hash, payload_hash
from service.log.derived import Chains, Derived, NoTarget, Said, is_original, read_chains
from service.log.erasure import TOMBSTONE
from service.postgres.pool import Connection, Pool
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "verify.sql")
_READ_EVENTS = _SQL["read_events"]
_READ_SUBJECTS = _SQL["read_subjects"]
_READ_STRAY_SUBJECTS = _SQL["read_stray_subjects"]
_READ_ERASURES_AT = _SQL["read_erasures_at"]
_READ_ERASED_BY = _SQL["read_erased_by"]
_READ_HEAD_AT = _SQL["read_head_at"]
_FIND_HASH = _SQL["find_hash"]

EVENTS_AT_ONCE = 1000
PROBLEMS_MAX = 20


class LogProblem(Struct, frozen=True):
    """Something that an untouched log does not have."""

    position: int
    message: str


class Verified(Struct, frozen=True):
    """What a look at every event came to."""

    events: int
    """How many were looked at."""
    head: Head
    problems: Sequence[LogProblem]
    """The first ones, by position."""


async def verify(
    pool: Pool,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    last: int | None = None,
) -> Verified:
    """
    Look at every event up to the head as of now, in constant memory; or at the *last* ones alone.

    What is recorded changes by erasures alone, so that each few events are looked at in a snapshot
    of their own. Ends early where much is wrong.
    """
    async with pool.acquire() as connection:
        head = await read.read_head(connection)
        before = await _start(connection, head, last)
    first = before.position
    problems: list[LogProblem] = []
    while before.position < head.position and len(problems) < PROBLEMS_MAX:
        async with (
            pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await connection.fetch(
                _READ_EVENTS, before.position, head.position, EVENTS_AT_ONCE
            )
            if not rows:
                break
            found, before = await _check(connection, rows, before)
        problems += found
        tell(before.position, head.position)
    if len(problems) < PROBLEMS_MAX:
        problems += await _beyond(pool, before, head)
    return Verified(before.position - first, head, problems[:PROBLEMS_MAX])


async def _start(connection: Connection, head: Head, last: int | None) -> Head:
    """After which event to begin, whose own hash is taken as it is."""
    if last is None or head.position <= last:
        return Head()
    row = await connection.fetchrow(_READ_HEAD_AT, head.position - last)
    # Where even that one is missing, the whole log is looked at.
    return Head() if row is None else Head(*row)


async def find_hash(connection: Connection, hashed: bytes) -> int | None:
    """The position whose hash this is: a log that has it only grew since."""
    if hashed == GENESIS:
        return 0
    found: int | None = await connection.fetchval(_FIND_HASH, hashed)
    return found


async def _check(
    connection: Connection, rows: Sequence[asyncpg.Record], before: Head
) -> tuple[list[LogProblem], Head]:
    """What is wrong with *rows*, which follow *before*, and the last of them."""
    said = {row["position"]: _said(row) for row in rows}
    chains = await read_chains(connection, [s for s in said.values() if isinstance(s, Said)])
    subjects = await _read_subjects(connection, before.position, rows[-1]["position"])
    named = await _read_named(connection, {row["erased_by"] for row in rows} - {None})
    erased = await _read_erased(connection, [s for s in said.values() if isinstance(s, Said)])
    problems = []
    for row in rows:
        position = row["position"]
        if position != before.position + 1:
            problems.append(_gap(before.position, f"position {position}", position))
        messages = list(_problems(row, before))
        if row["erased_by"] is not None and row["event_id"] not in named.get(row["erased_by"], ()):
            messages.append("It was erased without an erasure on record.")
        derived = _derived(chains, said[position])
        if isinstance(derived, str):
            messages.append(derived)
        elif not messages:
            messages += _differences(row, subjects.get(position, {}), derived)
            messages += _left(said[position], erased)
        problems += [LogProblem(position, message) for message in messages]
        before = Head(position, row["hash"], row["recorded_at"])
    return problems, before


def _problems(row: asyncpg.Record, before: Head) -> Iterator[str]:
    """What of the event itself is not as it was recorded."""
    if _is_before(row["recorded_at"], before.recorded_at):
        yield "It was recorded before the event at the position before it."
    if row["erased_by"] is not None:
        if (row["payload"], row["salt"], row["body_digest"]) != (TOMBSTONE, b"", None):
            yield "It was erased, and something is left of what it said."
    elif payload_hash(row["salt"], row["payload"].encode()) != row["payload_hash"]:
        yield "Its payload is not the one that was recorded."
    chained = event_hash(
        before.hash,
        position=row["position"],
        event_id=row["event_id"],
        type_=row["type"],
        recorded_at=row["recorded_at"],
        recorded_by=row["recorded_by"],
        payload_hash=row["payload_hash"],
    )
    if chained != row["hash"]:
        yield "Its hash does not follow from the event before it and from its own data."


def _differences(
    row: asyncpg.Record, subjects: Mapping[Subject, Concern], derived: Derived
) -> Iterator[str]:
    """What is kept beside the payload and does not follow from it."""
    # What an erased correction was about is kept where it was erased, and not in an export.
    is_known = row["erased_by"] is None or is_original(row["type"])
    if is_known and row["target_position"] != derived.target_position:
        yield (
            f"It is kept as being about position {row['target_position']}; its payload is about "
            f"position {derived.target_position}."
        )
    concerns = {concern.subject: concern for concern in derived.concerns}
    for subject in sorted(subjects.keys() | concerns.keys()):
        kept, follows = subjects.get(subject), concerns.get(subject)
        name = f"the {subject.kind} '{subject.id}'"
        if kept is None:
            yield f"It is not kept as being about {name}, whom its payload names."
        elif follows is None:
            yield f"It is kept as being about {name}, whom its payload does not name."
        elif kept != follows:
            yield f"It is kept as being about {name} in another way than its payload says."
    days = derived.days
    if (row["on_lo"], row["on_hi"]) != ((days.lo, days.hi) if days else (None, None)):
        yield "The days that are kept of it are not those of its date."


def _left(said: Said | str, erased: Mapping[UUID, int | None]) -> Iterator[str]:
    """What an erasure names and did not take."""
    if isinstance(said, str) or not isinstance(said.payload, Erasure):
        return
    for event_id in said.payload.events:
        if erased.get(event_id) != said.position:
            yield f"It names event '{event_id}', which it did not erase."


async def _beyond(pool: Pool, before: Head, head: Head) -> list[LogProblem]:
    """What shows that there was more: a head that was not reached, traces of what is gone."""
    if before.position < head.position:
        return [_gap(before.position, "the end of the log", head.position + 1)]
    async with pool.acquire() as connection:
        rows = await connection.fetch(_READ_STRAY_SUBJECTS, PROBLEMS_MAX)
    return [
        LogProblem(row["position"], "Somebody is kept as named by it, and there is no such event.")
        for row in rows
    ]


async def _read_subjects(
    connection: Connection, after: int, until: int
) -> dict[int, dict[Subject, Concern]]:
    subjects: dict[int, dict[Subject, Concern]] = {}
    for row in await connection.fetch(_READ_SUBJECTS, after, until):
        subject = Subject(row["kind"], row["subject_id"])
        concern = Concern(subject, row["is_fact"], row["is_link"])
        subjects.setdefault(row["position"], {})[subject] = concern
    return subjects


async def _read_named(
    connection: Connection, positions: Collection[int]
) -> dict[int, Collection[UUID]]:
    """By the positions of erasures the ids of the events that they name."""
    if not positions:
        return {}
    named: dict[int, Collection[UUID]] = {}
    for row in await connection.fetch(_READ_ERASURES_AT, list(positions)):
        said = _said(row)
        if isinstance(said, Said) and isinstance(said.payload, Erasure):
            named[said.position] = frozenset(said.payload.events)
    return named


async def _read_erased(connection: Connection, events: Sequence[Said]) -> dict[UUID, int | None]:
    """Of the ids that erasures among *events* name, what the events are kept as erased by."""
    named = [one for s in events if isinstance(s.payload, Erasure) for one in s.payload.events]
    if not named:
        return {}
    rows = await connection.fetch(_READ_ERASED_BY, named)
    return {row["event_id"]: row["erased_by"] for row in rows}


def _said(row: asyncpg.Record) -> Said | str:
    """What the event says, or in a sentence why it cannot be read."""
    try:
        # Nothing that is left of what was erased is looked at.
        payload: Payload = (
            from_canonical_json(row["payload"]) if row["erased_by"] is None else Erased()
        )
    except LaterVersion as refusal:
        return refusal.message
    except (msgspec.MsgspecError, RecursionError):
        return "Its payload cannot be read."
    return Said(Position(row["position"]), row["event_id"], row["type"], payload)


def _derived(chains: Chains, said: Said | str) -> Derived | str:
    """What follows from the event, or in a sentence why nothing does."""
    if isinstance(said, str):
        return said
    try:
        return chains.follow(said)
    except NoTarget:
        return "It is about an event that is not before it."
    except (Refusal, AssertionError) as fault:
        return f"Its payload is none that a log holds: {fault}"


def _gap(after: int, until: str, following: int) -> LogProblem:
    first, last = after + 1, following - 1
    missing = f"Position {first} is" if first == last else f"Positions {first} to {last} are"
    return LogProblem(first, f"{missing} missing before {until}.")


def _is_before(recorded_at: datetime, previous: datetime | None) -> bool:
    return previous is not None and recorded_at < previous
