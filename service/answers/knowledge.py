"""When what is known of a lab changed: the states in which it can be asked for."""

from collections.abc import Sequence

from msgspec import Struct

from service.answers.names import Named, fetch_labels, resolve_path
from service.answers.times import KnownAt, Times
from service.log import read
from service.postgres.pool import Connection
from service.read_models.knowledge import fetch_turns


class LabKnowledge(Struct, frozen=True):
    """States of knowledge about a lab, each of which holds until the next."""

    lab: Named
    items: Sequence[KnownAt]
    next: str | None


async def lab_knowledge(
    connection: Connection, name: str, times: Times, *, after: int, limit: int
) -> LabKnowledge:
    """
    At most *limit* states after a position, oldest first, up to the one asked for.

    Raises:
        UnknownName, AmbiguousName: see `resolve_path`.
    """
    position = times.known_at.position
    lab = await resolve_path(connection, "lab", name, times)
    turns = await fetch_turns(connection, lab, after=after, until=position, limit=limit + 1)
    page = turns[:limit]
    instants = await read.read_instants(connection, page)
    known = position if not times.rests_on_head else times.head
    labels = await fetch_labels(connection, labs=[lab], at=times.at, position=known)
    return LabKnowledge(
        lab=labels.lab(lab),
        items=[KnownAt(one, instants[one]) for one in page],
        next=str(page[-1]) if len(turns) > limit else None,
    )
