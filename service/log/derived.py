"""
What the log keeps beside a payload, to find the event by.

None of it is covered by the event's hash, for all of it follows from payloads: a restore makes
it anew, and a verification compares it.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from service.domain.dates import Bounds
from service.domain.events import (
    PAYLOADS,
    Correction,
    Erased,
    Fact,
    Payload,
    Position,
    Retraction,
    days_of,
    fact_of,
    from_canonical_json,
)
from service.domain.subjects import Concern, concerns_of
from service.domain.versions import LaterVersion
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_READ_LAST_WORDS = load_statements("service.log", "derived.sql")["read_last_words"]


class Said(NamedTuple):
    """An event as far as others follow from it."""

    position: Position
    event_id: UUID
    type: str
    """As it was recorded; what was erased is still of its type."""
    payload: Payload


class Derived(Struct, frozen=True):
    """What follows from an event and from those before it."""

    target_position: Position | None
    """Of a correction or retraction; None of one that was erased, whose target nobody knows."""
    concerns: Sequence[Concern]
    days: Bounds | None


class NoTarget(Exception):
    """A correction or retraction of what is no original event before it."""


class Chains:
    """The originals that some events are about, and what was last said of each."""

    def __init__(self, chains: dict[UUID, "_Chain"]) -> None:
        self._chains = chains

    def follow(self, said: Said) -> Derived:
        """
        What follows from *said*, which is the next event.

        Raises:
            NoTarget: see there.
            Refusal: its date is none.
        """
        payload = said.payload
        if not isinstance(payload, Correction | Retraction):
            if is_original(said.type):
                fact = fact_of(payload)
                self._chains[said.event_id] = _Chain(said.position, fact, fact)
            return Derived(None, concerns_of(payload), days_of(payload))
        chain = self._chains.get(payload.target)
        if chain is None:
            raise NoTarget
        before = [fact for fact in (chain.original, chain.last) if fact is not None]
        derived = Derived(chain.position, concerns_of(payload, before), days_of(payload))
        if isinstance(payload, Correction):
            chain.last = payload.event
        return derived


async def read_chains(connection: Connection, events: Sequence[Said]) -> Chains:
    """
    What came before *events*, which follow each other, as far as they are about it.

    As many as *events* at most are held, however long the log is. What cannot be read is left
    out, so that it is no target.
    """
    targets = {
        said.payload.target for said in events if isinstance(said.payload, Correction | Retraction)
    }
    if not targets:
        return Chains({})
    rows = await connection.fetch(_READ_LAST_WORDS, list(targets), events[0].position)
    chains = {}
    for row in rows:
        payload = _readable(row["payload"]) if row["erased_by"] is None else Erased()
        if payload is None or not is_original(row["type"]):
            continue
        original = fact_of(payload)
        correction = _readable(row["last_payload"] or "")
        last = correction.event if isinstance(correction, Correction) else original
        chains[row["event_id"]] = _Chain(row["position"], original, last)
    return Chains(chains)


def is_original(type_: str) -> bool:
    """Whether events of a type are those that others can be about."""
    return type_ in PAYLOADS and not PAYLOADS[type_].is_log_event


def _readable(kept: str) -> Payload | None:
    try:
        return from_canonical_json(kept)
    except (msgspec.MsgspecError, RecursionError, LaterVersion):
        return None


class _Chain(Struct):
    position: Position
    original: Fact | None
    """None where it was erased."""
    last: Fact | None
    """What the last correction that was not erased gave, else the original."""
