"""
A group of commands: all that it needs in one statement, and all that it leaves in another.

Each statement costs a round trip under the log's lock, so that what belongs to the log and what
belongs to the read models goes together here.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from uuid import UUID

import asyncpg
from msgspec import Struct

from service.domain.directory import Directory, slugs_wanted
from service.domain.events import Kind, Position, RecordedEvent, Reference
from service.domain.events import from_canonical_json as payload_of
from service.domain.identity import fold_name
from service.domain.labs import Labs
from service.domain.subjects import Subject
from service.log.append import (
    Head,
    LogEntry,
    Receipt,
    event_columns,
    receipt_columns,
    subject_columns,
)
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import FOLLOWED, MODELS, Belief, Beliefs, Row
from service.read_models.catch_up import Kept
from service.read_models.directory import add_known, lab_facts_of, texts_of
from service.read_models.rows import BelievedRow, closed_columns, followed_columns, row_columns

_SQL = load_statements("service.read_models", "groups.sql")
_READ_GROUP = _SQL["read_group"]
_WRITE_GROUP = _SQL["write_group"]
_MODELS = frozenset(MODELS)

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
    rows = await connection.fetch(
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
    return _to_needed(rows)


def _to_needed(rows: Iterable[asyncpg.Record]) -> Needed:
    head = Head()
    directory = Directory()
    linked: set[Subject] = set()
    named: list[RecordedEvent] = []
    stream: list[RecordedEvent] = []
    every: dict[Position, RecordedEvent] = {}
    receipts: dict[ReceiptKey, tuple[bytes, list[Position]]] = {}
    believed: list[BelievedRow] = []
    chains = Labs()
    for row in rows:
        (
            what, kind, subject_id, canonical_id, content, position, other_position, event_id,
            recorded_at, recorded_by, hash_, body_digest, positions, is_of_stream, is_named,
        ) = row  # fmt: skip
        if what in _MODELS:
            believed.append(
                BelievedRow(
                    Subject(kind, subject_id),
                    Row(what, content),
                    Belief(other_position, position, ()),
                )
            )
        elif what == "event":
            event = RecordedEvent(
                position=position,
                event_id=event_id,
                payload=payload_of(content),
                target_position=other_position,
                recorded_at=recorded_at,
                recorded_by=recorded_by,
                hash=hash_,
                body_digest=body_digest,
            )
            every[position] = event
            if is_of_stream:
                stream.append(event)
            if is_named:
                named.append(event)
        elif what == "linked":
            linked.add(Subject(kind, subject_id))
        elif what == "known":
            add_known(directory, Subject(kind, subject_id), canonical_id, content)
        elif what == "name":
            directory.add_name(Subject(kind, subject_id), content)
        elif what == "taken":
            directory.add(Subject(kind, subject_id), canonical_id, subject_id)
        elif what == "chain":
            facts = lab_facts_of(content)
            chains[facts.id] = facts
        elif what == "receipt":
            receipts[subject_id, canonical_id] = (hash_, positions)
        else:
            head = Head(position, hash_, recorded_at)
    named.sort(key=lambda e: e.position)
    return Needed(
        head=head,
        directory=directory,
        named=named,
        receipts={key: (digest, [every[p] for p in at]) for key, (digest, at) in receipts.items()},
        kept=Kept(
            people={s.id for s in linked if s.kind == "person"},
            labs={s.id for s in linked if s.kind == "lab"},
            events=stream,
            believed=believed,
            chains=chains,
        ),
    )


async def write_group(
    connection: Connection,
    entries: Sequence[LogEntry],
    receipts: Sequence[Receipt],
    units: Iterable[Beliefs],
) -> None:
    """
    Write all that a group leaves; durable when the caller's transaction commits.

    Shapes: *entries* as `append` takes them; *units* are the beliefs that they changed. The
    caller holds the lock.
    """
    closed: dict[str, list[Belief]] = {model: [] for model in MODELS}
    followed: list[tuple[Row, Belief]] = []
    added: dict[str, list[tuple[Row, Belief]]] = {model: [] for model in MODELS}
    for unit in units:
        for row, belief in unit.closed():
            if belief.row_id == FOLLOWED:
                followed.append((row, belief))
            else:
                closed[row.model].append(belief)
        for pair in unit.added():
            added[pair[0].model].append(pair)
    await connection.execute(
        _WRITE_GROUP,
        *event_columns(entries),
        *subject_columns(entries),
        *receipt_columns(receipts),
        *followed_columns(followed),
        *chain.from_iterable(closed_columns(closed[model]) for model in MODELS),
        *chain.from_iterable(row_columns(model, added[model]) for model in MODELS),
    )
