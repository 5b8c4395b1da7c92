"""Rows and the positions between which they were believed."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from service.domain.dates import UNBOUNDED_HI
from service.domain.findings import Finding
from service.domain.identity import PersonFacts, fold_name
from service.domain.labs import LabFacts
from service.domain.stints import Stint

Model = Literal["stints", "findings", "people", "labs", "names"]
MODELS: tuple[Model, ...] = ("stints", "findings", "people", "labs", "names")

BELIEVED = 2**63 - 1
"""`known_to` of a row that is believed now."""
FOLLOWED = -1
"""For the id of a row that is in the database and is found there by what it says."""

_JSON = msgspec.json.Encoder(order="deterministic")
_STINT: msgspec.json.Decoder[Stint] = msgspec.json.Decoder(Stint)
_PERSON: msgspec.json.Decoder[PersonFacts] = msgspec.json.Decoder(PersonFacts)
_LAB: msgspec.json.Decoder[LabFacts] = msgspec.json.Decoder(LabFacts)
_FINDING: msgspec.json.Decoder[Finding] = msgspec.json.Decoder(Finding)


class Row(Struct, frozen=True, gc=False):
    """What a read model says, without the positions; equal contents are one belief."""

    model: Model
    content: str

    def __lt__(self, other: "Row") -> bool:
        return (self.model, self.content) < (other.model, other.content)


Part = tuple[str, ...]
"""A name for rows that change together."""

Columns = tuple[Any, ...]
"""What the table keeps beside the content, to find it by."""


class Belief(Struct, gc=False):
    """A row and since when it is believed."""

    known_from: int
    row_id: int | None
    """None of a row that is not in the database yet."""
    columns: Columns
    known_to: int = BELIEVED


class Beliefs:
    """
    The rows about one set of subjects as positions go by.

    They are given part by part: what a part says is given whole whenever it can have changed.
    Those rows that can be very many, possible duplicates, are told by what goes and what arises;
    of them only rows that go are ever looked for in the database.
    """

    def __init__(self, believed: Mapping[Row, Belief] | None = None) -> None:
        self._kept: dict[Row, Belief] = dict(believed or {})
        self._parts: dict[Part, dict[Row, Belief]] = {}
        self._followed: dict[Row, Belief] = {}
        self.ended: list[tuple[Row, Belief]] = []

    @property
    def believed(self) -> dict[Row, Belief]:
        """What is believed in the end; of the rows that are followed, those that arose."""
        every = dict(self._kept)
        for rows in self._parts.values():
            every.update(rows)
        return every | self._followed

    def hold(self, part: Part, models: Collection[Model]) -> None:
        """Let *part* say what is believed in some models, until it is replaced."""
        rows = [row for row in self._kept if row.model in models]
        self._parts[part] = {row: self._kept.pop(row) for row in rows}

    def replace(self, position: int, parts: Mapping[Part, Mapping[Row, Columns]]) -> None:
        """
        From *position* on each of *parts* says exactly its rows; the others are as they were.

        Shapes: at the first position every part that is not held; what was believed before and is
        in none of them ends there.
        """
        for part, rows in parts.items():
            before = self._parts.get(part)
            if before is None:
                before = self._parts[part] = {}
            elif before:
                for row in [r for r in before if r not in rows]:
                    self._end(row, before.pop(row), position)
            for row, columns in rows.items():
                if row not in before:
                    kept = self._kept.pop(row, None) if self._kept else None
                    before[row] = Belief(position, None, columns) if kept is None else kept
        if self._kept:
            for row, belief in self._kept.items():
                self._end(row, belief, position)
            self._kept = {}

    def follow(
        self, position: int, going: Mapping[Row, Columns], arising: Mapping[Row, Columns]
    ) -> None:
        """From *position* on rows *going* are no longer believed, and rows *arising* are."""
        for row, columns in going.items():
            kept = Belief(0, FOLLOWED, columns)
            self._end(row, self._followed.pop(row, kept), position)
        for row, columns in arising.items():
            self._followed[row] = Belief(position, None, columns)

    def _end(self, row: Row, belief: Belief, position: int) -> None:
        belief.known_to = position
        self.ended.append((row, belief))

    def added(self) -> list[tuple[Row, Belief]]:
        """Rows that are to be inserted, those included that have ended since."""
        every = [*self.ended, *self.believed.items()]
        return [(row, belief) for row, belief in every if belief.row_id is None]

    def before(self) -> list[Row]:
        """What was believed before any position went by."""
        rows = [row for row, belief in self.ended if belief.row_id is not None]
        return rows + [row for row, belief in self.believed.items() if belief.row_id is not None]

    def closed(self) -> list[tuple[Row, Belief]]:
        """Rows in the database that are no longer believed."""
        return [(row, belief) for row, belief in self.ended if belief.row_id is not None]


def add_stint(rows: dict[Row, Columns], stint: Stint) -> None:
    """Columns: person_id, lab_id, start_lo, end_hi."""
    rows[Row("stints", _text(stint))] = (
        stint.person,
        stint.lab,
        stint.start.lo,
        stint.end.hi if stint.end else UNBOUNDED_HI,
    )


def add_finding(rows: dict[Row, Columns], finding: Finding) -> None:
    """Columns: kind, person_id, lab_ids."""
    rows[Row("findings", _text(finding))] = (finding.kind, finding.person, list(finding.labs))


def finding_rows(findings: Iterable[Finding]) -> dict[Row, Columns]:
    """As `add_finding` makes them."""
    rows: dict[Row, Columns] = {}
    for finding in findings:
        add_finding(rows, finding)
    return rows


def add_person(rows: dict[Row, Columns], one: PersonFacts) -> None:
    """Columns: person_id, canonical_id; and those of the names."""
    rows[Row("people", _text(one))] = (one.id, one.canonical_id)
    rows |= name_rows("person", one)


def lab_row(one: LabFacts) -> dict[Row, Columns]:
    """Columns: lab_id, canonical_id, successor_id."""
    successor = one.end.successor if one.end else None
    return {Row("labs", _text(one)): (one.id, one.canonical_id, successor)}


def name_rows(
    kind: str, one: PersonFacts | LabFacts, said: Iterable[str] | None = None
) -> dict[Row, Columns]:
    """Of all names, or of those *said*. Columns: kind, folded, subject_id, canonical_id."""
    names = [
        (kind, folded, one.id, one.canonical_id)
        for folded in dict.fromkeys(map(fold_name, one.names if said is None else said))
    ]
    return {Row("names", _JSON.encode(columns).decode()): columns for columns in names}


def _text(value: Struct) -> str:
    return _JSON.encode(value).decode()


def stint_of(row: Row) -> Stint:
    """The stint that a row keeps."""
    return _STINT.decode(row.content)


def person_of(row: Row) -> PersonFacts:
    """The facts of a person that a row keeps."""
    return _PERSON.decode(row.content)


def lab_of(row: Row) -> LabFacts:
    """The facts of a lab that a row keeps."""
    return _LAB.decode(row.content)


def finding_of(row: Row) -> Finding:
    """The finding that a row keeps."""
    return _FINDING.decode(row.content)
