"""All that an answer about one person shows, in one round trip."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import asyncpg
import msgspec
from msgspec import Struct

from service.domain.findings import Finding
from service.domain.identity import PersonFacts
from service.domain.labs import LabFacts, Labs
from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models.stints import by_start

_FETCH_PERSON_PAGE = load_statements("service.read_models", "person_pages.sql")["fetch_person_page"]
FINDINGS_MAX = 1000

_STINT: msgspec.json.Decoder[Stint] = msgspec.json.Decoder(Stint)
_FINDING: msgspec.json.Decoder[Finding] = msgspec.json.Decoder(Finding)
_PERSON: msgspec.json.Decoder[PersonFacts] = msgspec.json.Decoder(PersonFacts)
_LAB: msgspec.json.Decoder[LabFacts] = msgspec.json.Decoder(LabFacts)


class PersonPage(Struct, frozen=True):
    """What is kept of one person, as known at a position."""

    stints: list[Stint]
    """By start."""
    findings: list[Finding]
    """Newest first."""
    people: dict[str, PersonFacts]
    """The person, and the one for whom the id stands."""
    labs: Labs
    """Those that stints and findings name, and those for which they stand."""
    named: AbstractSet[str]
    """The ids of labs that were looked for."""


async def fetch_person_page(connection: Connection, person: str, *, position: int) -> PersonPage:
    """What is kept of one id of a person, as known at *position*."""
    rows = await connection.fetch(_FETCH_PERSON_PAGE, person, position, FINDINGS_MAX)
    stints = sorted((_STINT.decode(text) for text in _contents(rows, "stint")), key=by_start)
    noticed = sorted(
        (row for row in rows if row["kind"] == "finding"),
        key=lambda row: (row["known_from"], row["mark"]),
        reverse=True,
    )
    findings = [_FINDING.decode(row["content"]) for row in noticed]
    people = map(_PERSON.decode, _contents(rows, "person"))
    labs = map(_LAB.decode, _contents(rows, "lab"))
    return PersonPage(
        stints=stints,
        findings=findings,
        people={one.id: one for one in people},
        labs=Labs({one.id: one for one in labs}),
        named={s.lab for s in stints} | {lab for f in findings for lab in f.labs},
    )


def _contents(rows: Iterable[asyncpg.Record], kind: str) -> Iterable[str]:
    return (row["content"] for row in rows if row["kind"] == kind)
