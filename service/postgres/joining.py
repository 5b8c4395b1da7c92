"""Several statements that write, as one: a round trip, and all of it or nothing."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from service.postgres.pool import Connection

_PARAMETER = re.compile(r"\$(\d+)")


class Write(NamedTuple):
    """A statement that returns nothing, and what it is given."""

    statement: str
    arguments: Sequence[Any]


async def run_as_one(connection: Connection, writes: Sequence[Write]) -> None:
    """
    Run all *writes* in one statement.

    None sees what another writes, and Postgres runs them in no certain order.
    """
    if writes:
        await connection.execute(
            _joined(tuple((write.statement, len(write.arguments)) for write in writes)),
            *(argument for write in writes for argument in write.arguments),
        )


@lru_cache(maxsize=1024)
def _joined(statements: tuple[tuple[str, int], ...]) -> str:
    """One statement of several, each with the number of its parameters, which follow each other."""
    parts = []
    taken = 0
    for number, (statement, parameters) in enumerate(statements):
        text = _PARAMETER.sub(lambda found, taken=taken: f"${taken + int(found[1])}", statement)  # type: ignore[misc]  # a default binds the loop's value
        parts.append(f"part_{number} AS (\n{text.rstrip().rstrip(';')}\n)")
        taken += parameters
    return "WITH " + ",\n".join(parts) + "\nSELECT"
