"""What was recorded about somebody after a position: whether a history has moved since it was read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from service.domain.refusals import SINCE_EVENTS_MAX, Since
from service.domain.subjects import Subject
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.log", "since.sql")
_READ_JOINED = _SQL["read_joined"]
_READ_SINCE = _SQL["read_since"]


class Reading(NamedTuple):
    """A history and the position at which somebody read it."""

    subject: Subject
    after: int


async def read_joined(
    connection: Connection, people: Iterable[Subject]
) -> dict[Subject, frozenset[Subject]]:
    """For each of *people* all ids, their own included, that a same_as ever joined with theirs."""
    asked = list(dict.fromkeys(people))
    joined: list[set[Subject]] = [set() for _ in asked]
    for row in await connection.fetch(_READ_JOINED, [s.id for s in asked]):
        joined[row["place"] - 1].add(Subject("person", row["subject_id"]))
    return dict(zip(asked, map(frozenset, joined), strict=True))


async def read_since(
    connection: Connection,
    readings: Iterable[Reading],
    joined: Mapping[Subject, frozenset[Subject]],
) -> dict[Reading, Sequence[Since]]:
    """
    For each reading what was recorded since about its subject and those *joined* with it.

    Shapes: by position; one event more than are told, so that it shows that there are more.
    """
    asked = list(dict.fromkeys(readings))
    flat = [
        (place, one, reading.after)
        for place, reading in enumerate(asked)
        for one in joined.get(reading.subject, {reading.subject})
    ]
    rows = await connection.fetch(
        _READ_SINCE,
        [place for place, _, _ in flat],
        [one.kind for _, one, _ in flat],
        [one.id for _, one, _ in flat],
        [after for _, _, after in flat],
        SINCE_EVENTS_MAX + 1,
    )
    found: list[dict[int, Since]] = [{} for _ in asked]
    for row in rows:
        found[row["place"]][row["position"]] = Since(
            row["event_id"], row["position"], row["type"], row["recorded_at"], row["recorded_by"]
        )
    return {
        reading: [since[p] for p in sorted(since)][: SINCE_EVENTS_MAX + 1]
        for reading, since in zip(asked, found, strict=True)
    }
