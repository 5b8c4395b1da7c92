"""
A group of commands: all that it needs in one statement, and all that it leaves in another.

Each statement costs a round trip under the log's lock, so that what belongs to the log and what
belongs to the read models goes together here.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.domain.directory import Directory, slugs_wanted
from service.domain.events import Kind, Position, RecordedEvent, Reference
from service.domain.events import from_canonical_json as payload_of
from service.domain.identity import fold_name
from service.domain.labs import Labs
from service.domain.subjects import Subject
from service.log.append import Head, LogEntry, Receipt, appended
from service.postgres.joining import run_as_one
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import Belief, Beliefs, Row, person_of
from service.read_models.catch_up import Kept
from service.read_models.directory import add_facts, lab_facts_of, texts_of
from service.read_models.rows import BelievedRow, kept

_SQL = load_statements("service.read_models", "groups.sql")
_READ_GROUP = _SQL["read_group"]

ReceiptKey = tuple[str, str]
"""API key and idempotency key."""


class Asked(Struct, frozen=True):
    """One place in a submission that names somebody."""

    reference: Reference
    is_fact: bool
    """Whether the state of the lab that it names may follow from the submission."""


class Needed(Struct, frozen=True, kw_only=True):
    """What a group of commands needs to know, as of the head."""

    head: Head
    directory: Directory
    """All ids and names that the references asked may mean."""
    named: Sequence[RecordedEvent]
    """The events asked for by id, originals with the log events about them, by position."""
    receipts: Mapping[ReceiptKey, tuple[bytes, list[RecordedEvent]]]
    kept: Kept
    """Of those who are asked for, of the subjects of *named* and of all linked with them."""


async def read_group(
    connection: Connection,
    asked: Iterable[Asked],
    *,
    event_ids: Iterable[UUID] = (),
    receipt_keys: Iterable[ReceiptKey] = (),
) -> Needed:
    """What the statement finds, as of its snapshot: one round trip however large the group."""
    texts: dict[tuple[Kind, str], bool] = {}
    slugs: dict[Subject, None] = {}
    for one in asked:
        for text in texts_of([one.reference]):
            texts[text] = texts.get(text, False) or one.is_fact
        slugs.update(dict.fromkeys(slugs_wanted([one.reference])))
    keys = list(dict.fromkeys(receipt_keys))
    found = await connection.fetchrow(
        _READ_GROUP,
        [kind for kind, _ in texts],
        [text for _, text in texts],
        [fold_name(text) for _, text in texts],
        list(texts.values()),
        [s.kind for s in slugs],
        [s.id for s in slugs],
        [api_key for api_key, _ in keys],
        [idempotency_key for _, idempotency_key in keys],
        list(event_ids),
    )
    assert found is not None, "it is one row, whatever was found"
    return _to_needed(found)


def _to_needed(found: asyncpg.Record) -> Needed:
    head = Head()
    if found["head_position"] is not None:
        head = Head(found["head_position"], found["head_hash"], found["head_recorded_at"])
    chains = Labs({lab.id: lab for lab in map(lab_facts_of, found["lab_contents"] or ())})
    believed = [
        BelievedRow(Subject(kind, subject_id), Row(model, content), Belief(known_from, row_id, ()))
        for model, kind, subject_id, content, row_id, known_from in _rows(
            found, "believed", "models", "kinds", "subjects", "contents", "row_ids", "froms"
        )
    ]
    linked = list(itertools.starmap(Subject, _rows(found, "linked", "kinds", "ids")))
    named, by_position = _named(found)
    return Needed(
        head=head,
        directory=_directory(found, chains, believed),
        named=named,
        receipts={
            (api_key, key): (digest, [by_position[Position(int(p))] for p in positions.split()])
            for api_key, key, digest, positions in _rows(
                found, "receipt", "api_keys", "keys", "digests", "positions"
            )
        },
        kept=Kept(
            people={s.id for s in linked if s.kind == "person"},
            labs={s.id for s in linked if s.kind == "lab"},
            # As far as the fold looks at them.
            events=[
                RecordedEvent(
                    position=position,
                    event_id=event_id,
                    payload=payload_of(payload),
                    target_position=target_position,
                )
                for position, target_position, event_id, payload in _rows(
                    found, "stream", "positions", "targets", "ids", "payloads"
                )
            ],
            believed=believed,
            chains=chains,
        ),
    )


def _directory(found: asyncpg.Record, chains: Labs, believed: Iterable[BelievedRow]) -> Directory:
    """All whom the texts may mean; and those linked with them, who do no harm."""
    directory = Directory()
    for lab in chains.values():
        add_facts(directory, Subject("lab", lab.id), lab)
    for each in believed:
        if each.row.model == "people":
            add_facts(directory, each.subject, person_of(each.row))
    for kind, subject_id, folded in _rows(found, "name", "kinds", "subjects", "foldeds"):
        directory.add_name(Subject(kind, subject_id), folded)
    for kind, one, canonical_id in _rows(found, "taken", "kinds", "ids", "canonicals"):
        directory.add(Subject(kind, one), canonical_id, one)
    return directory


def _named(found: asyncpg.Record) -> tuple[list[RecordedEvent], dict[Position, RecordedEvent]]:
    """The events that were asked for by id, and by position these and those of receipts."""
    named: list[RecordedEvent] = []
    every: dict[Position, RecordedEvent] = {}
    names = (
        "positions", "targets", "ids", "recorded_ats", "recorded_bys", "hashes", "body_digests",
        "payloads", "are_named",
    )  # fmt: skip
    for position, target, id_, at, by, hash_, digest, payload, is_named in _rows(
        found, "event", *names
    ):
        event = every[position] = RecordedEvent(
            position=position,
            event_id=id_,
            payload=payload_of(payload),
            target_position=target,
            recorded_at=at,
            recorded_by=by,
            hash=hash_,
            body_digest=digest,
        )
        if is_named:
            named.append(event)
    named.sort(key=lambda e: e.position)
    return named, every


def _rows(found: asyncpg.Record, prefix: str, *names: str) -> Iterator[tuple[Any, ...]]:
    """The entries of arrays that belong together, side by side."""
    return zip(*(found[f"{prefix}_{name}"] or () for name in names), strict=True)


async def write_group(
    connection: Connection,
    entries: Sequence[LogEntry],
    receipts: Sequence[Receipt],
    units: Iterable[Beliefs],
) -> None:
    """
    Write all that a group leaves, in one statement.

    Shapes: *entries* as `append` takes them; *units* are the beliefs that they changed. The
    caller holds the lock.
    """
    await run_as_one(connection, [*appended(entries, receipts), *kept(units)])
