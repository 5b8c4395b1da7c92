"""The events that name someone as lines of a table, on a page and in a file."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from service.answers.ledgers import Entry, LedgerAnswer, Status
from service.answers.names import Named
from service.domain.dates import bounds, day_or_none, in_words
from service.formats.csv import Cell, Table
from service.formats.outside_ids import web_address
from service.web.wording import Part, Row, View, changed_rows, rows, sentence

STATUS_IN_WORDS: dict[Status, str] = {
    "in_force": "in force",
    "corrected": "corrected",
    "rumoured": "rumoured",
    "retracted": "withdrawn",
    "erased": "erased",
}
_TOLD = frozenset(["type", "person", "lab", "date", "founders", "into", "other", "alternatives"])
"""Fields that the sentence says, or that stand apart."""
_WITH_ROLE = ("hire", "sighting", "role_change")
"""Types whose sentence says the role."""
COLUMNS = (
    "event_id", "position", "type", "date", "date_lo", "date_hi", "lab_id", "lab", "role", "team",
    "location", "relation", "certainty", "basis", "note", "status", "sources", "recorded_at",
    "recorded_by", "revision",
)  # fmt: skip


class SourceLine(NamedTuple):
    """Where something was published."""

    text: str
    address: str | None
    publisher: str | None
    published: str | None
    """In words."""


class AlternativeLine(NamedTuple):
    """Another date that other sources give."""

    date: str
    """In words."""
    sources: Sequence[SourceLine]


class WordLine(NamedTuple):
    """A correction or a retraction."""

    type: str
    reason: str | None
    event_id: UUID
    recorded_by: str
    recorded_at: datetime


class LedgerLine(NamedTuple):
    """One event."""

    event_id: UUID
    position: int
    date: str | None
    """In words; None of what has no date."""
    sentence: Sequence[Part]
    details: Sequence[Row]
    was: Sequence[Row]
    """The fields that a correction changed, as they were said first."""
    status: str
    is_withdrawn: bool
    is_rumour: bool
    words: Sequence[WordLine]
    sources: Sequence[SourceLine]
    alternatives: Sequence[AlternativeLine]
    recorded_by: str
    recorded_at: datetime


def ledger_line(entry: Entry) -> LedgerLine:
    """One event as the ledger of a page shows it."""
    event, says = entry.event, entry.says
    told = _TOLD | {"role"} if says["type"] in _WITH_ROLE else _TOLD
    return LedgerLine(
        event_id=event["event_id"],
        position=event["position"],
        date=in_words(says["date"]) if says.get("date") else None,
        sentence=sentence({field: said for field, said in says.items() if field != "date"}),
        details=rows({field: said for field, said in says.items() if field not in told}, None),
        was=_was(entry),
        status=STATUS_IN_WORDS[entry.status],
        is_withdrawn=entry.status in ("retracted", "erased"),
        is_rumour=entry.status == "rumoured",
        words=[_word_line(word) for word in entry.words],
        sources=_source_lines(says.get("sources", ())),
        alternatives=[
            AlternativeLine(in_words(one["date"]), _source_lines(one.get("sources", ())))
            for one in says.get("alternatives", ())
        ],
        recorded_by=event["recorded_by"],
        recorded_at=event["recorded_at"],
    )


def ledger_table(ledger: LedgerAnswer) -> Table:
    """The ledger as a file has it: what holds of each event, or was last said."""
    return Table("events", COLUMNS, (_cells(entry) for entry in ledger.entries))


def _cells(entry: Entry) -> list[Cell]:
    event, says = entry.event, entry.says
    text = says.get("date")
    days = None if text is None else bounds(text)
    lab = says.get("lab")
    return [
        event["event_id"],
        event["position"],
        str(says["type"]),
        text,
        None if days is None else day_or_none(days.lo),
        None if days is None else day_or_none(days.hi),
        lab.id if isinstance(lab, Named) else None,
        lab.name if isinstance(lab, Named) else lab,
        *(
            says.get(field)
            for field in ("role", "team", "location", "relation", "certainty", "basis", "note")
        ),
        entry.status,
        [str(source["url"]) for source in says.get("sources", ())],
        event["recorded_at"],
        event["recorded_by"],
        event["revision"],
    ]


def _was(entry: Entry) -> list[Row]:
    if entry.current is None or not entry.words or entry.event["type"] == "erased":
        return []
    return [row for row in changed_rows(entry.event, entry.current) if row.said]


def _word_line(word: View) -> WordLine:
    return WordLine(
        type=word["type"],
        reason=word.get("reason"),
        event_id=word["event_id"],
        recorded_by=word["recorded_by"],
        recorded_at=word["recorded_at"],
    )


def _source_lines(sources: Sequence[Mapping[str, Any]]) -> list[SourceLine]:
    return [
        SourceLine(
            text=source.get("title") or source["url"],
            address=web_address(source["url"]),
            publisher=source.get("publisher"),
            published=in_words(source["published"]) if source.get("published") else None,
        )
        for source in sources
    ]
