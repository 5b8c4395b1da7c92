"""Tables as JSON: one object a row, by the names of the columns, with the values as they are."""

from typing import Any

import msgspec

from service.formats.csv import Table

MEDIA_TYPE = "application/json"


def to_json(table: Table, said: dict[str, Any]) -> str:
    """
    The rows of *table*, and what is *said* of all of them.

    >>> to_json(Table("t", ["lab", "certain"], [["openai", 3]]), {"at": "2024-06-01"})
    '{"items":[{"lab":"openai","certain":3}],"at":"2024-06-01"}'
    """
    items = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return msgspec.json.encode({"items": items, **said}).decode()
