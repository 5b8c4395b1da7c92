"""The findings that are kept, with the position at which each arose."""

from collections.abc import Collection, Iterable, Sequence

import msgspec
from msgspec import Struct

from service.domain.findings import Finding
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models.beliefs import BELIEVED

_SQL = load_statements("service.read_models", "findings.sql")
_FETCH_FINDINGS = _SQL["fetch_findings"]
_COUNT_FINDINGS = _SQL["count_findings"]
_FETCH_RAISED = _SQL["fetch_raised"]
_FETCH_FINDINGS_AROUND = _SQL["fetch_findings_around"]

_FINDING: msgspec.json.Decoder[Finding] = msgspec.json.Decoder(Finding)


class KeptFinding(Struct, frozen=True):
    """A finding and its place in the order in which findings arose."""

    finding: Finding
    known_from: int
    mark: str
    """Tells it apart from others that arose at the same position; follows from what it says."""


async def fetch_findings(
    connection: Connection,
    *,
    position: int,
    kind: str | None = None,
    person: str | None = None,
    labs: Sequence[str] | None = None,
    before: tuple[int, str] = (BELIEVED, ""),
    limit: int = 1000,
) -> list[KeptFinding]:
    """At most *limit* findings as known at *position*, newest first, before a place."""
    rows = await connection.fetch(_FETCH_FINDINGS, position, kind, person, labs, *before, limit)
    return [
        KeptFinding(_FINDING.decode(row["content"]), row["known_from"], row["mark"]) for row in rows
    ]


async def count_findings(
    connection: Connection,
    *,
    position: int,
    person: str | None = None,
    labs: Sequence[str] | None = None,
) -> dict[str, int]:
    """How many findings of each kind there are as known at *position*; none of a kind, no key."""
    rows = await connection.fetch(_COUNT_FINDINGS, position, person, labs)
    return {row["kind"]: row["findings"] for row in rows}


async def fetch_raised(
    connection: Connection, positions: Iterable[int]
) -> dict[int, list[Finding]]:
    """The findings that each of *positions* raised."""
    raised: dict[int, list[Finding]] = {}
    for row in await connection.fetch(_FETCH_RAISED, list(positions)):
        raised.setdefault(row["known_from"], []).append(_FINDING.decode(row["content"]))
    return raised


class FindingChange(Struct, frozen=True):
    """What was noticed from a position on, and what no longer was."""

    arising: list[Finding]
    going: list[Finding]


async def fetch_finding_changes(
    connection: Connection,
    positions: Collection[int],
    *,
    people: Iterable[str],
    labs: Iterable[str],
) -> dict[int, FindingChange]:
    """The findings that arose and went at each of some positions; as `fetch_stint_changes`."""
    changes = {position: FindingChange([], []) for position in positions}
    rows = await connection.fetch(_FETCH_FINDINGS_AROUND, list(positions), list(people), list(labs))
    for row in sorted(rows, key=lambda row: str(row["content"])):
        finding = _FINDING.decode(row["content"])
        if row["known_from"] in changes:
            changes[row["known_from"]].arising.append(finding)
        if row["known_to"] in changes:
            changes[row["known_to"]].going.append(finding)
    return changes
