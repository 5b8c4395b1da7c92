"""Events as rows: what each says, where it stands on the log, and what became of it."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from service.answers.events import EventView
from service.answers.names import Named
from service.domain.dates import bounds, day_or_none
from service.formats.csv import Cell, Table

_SAID = (
    "role", "team", "location", "relation", "name", "parent", "certainty", "basis", "note",
)  # fmt: skip
_NAMED = ("founders", "absorbed", "into", "other")
COLUMNS = (
    "position", "event_id", "type", "target", "reason", "date", "date_lo", "date_hi", "person_id",
    "person", "lab_id", "lab", *_NAMED, *_SAID, "sources", "recorded_at", "recorded_by",
    "revision", "hash",
)  # fmt: skip
FIELD_COLUMNS = ("position", "field", "said", "says")
SOURCE_COLUMNS = ("position", "url", "title", "publisher", "published")

Compared = tuple[int, EventView | None, EventView | None]
"""A position, and what was said before it and from then on; None of what said nothing."""


def events_table(events: Iterable[EventView]) -> Table:
    """One row an event; of a correction what it has the event say."""
    return Table("events", COLUMNS, (_event(event) for event in events))


def fields_table(name: str, compared: Iterable[Compared], fields: Iterable[str]) -> Table:
    """One row for each of some *fields* that either of two payloads has."""
    order = tuple(fields)
    return Table(
        name,
        FIELD_COLUMNS,
        (
            [position, field, _told((said or {}).get(field)), _told((says or {}).get(field))]
            for position, said, says in compared
            for field in order
            if field in (said or {}) or field in (says or {})
        ),
    )


def sources_table(said: Iterable[tuple[int, Iterable[Mapping[str, Any]]]]) -> Table:
    """One row a source, with the position of the event that gives it."""
    return Table(
        "sources",
        SOURCE_COLUMNS,
        (
            [position, *(source.get(field) for field in SOURCE_COLUMNS[1:])]
            for position, sources in said
            for source in sources
        ),
    )


def _event(event: EventView) -> list[Cell]:
    says = event.get("event") or event
    text = says.get("date")
    days = None if text is None else bounds(text)
    return [
        event["position"],
        event["event_id"],
        str(event["type"]),
        event.get("target"),
        event.get("reason"),
        text,
        None if days is None else day_or_none(days.lo),
        None if days is None else day_or_none(days.hi),
        *_id_and_name(says.get("person")),
        *_id_and_name(says.get("lab")),
        *(_told(says.get(field)) for field in _NAMED),
        *(_told(says.get(field)) for field in _SAID),
        [str(source["url"]) for source in says.get("sources", ())],
        event["recorded_at"],
        event["recorded_by"],
        event["revision"],
        event["hash"],
    ]


def _id_and_name(said: Any) -> list[Cell]:
    """Of whom a field names; of a text that names nobody who is known the text."""
    if isinstance(said, Named):
        return [said.id, said.name]
    return [None, None if said is None else str(said)]


def _told(value: Any) -> Cell:
    """A field as it was said, with ids for names; several things stand in one cell."""
    if value is None or isinstance(value, str | int | UUID):
        return value
    if isinstance(value, Named):
        return value.id
    if isinstance(value, Mapping):
        for key in ("person", "url", "date"):
            if key in value:
                return _told(value[key])
        return [f"{key}:{one}" for key, one in value.items()]
    return [str(_told(each)) for each in value]
