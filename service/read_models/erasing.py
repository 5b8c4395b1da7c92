"""
Erasing from the read models: rows of who is gone are deleted, those of others made anew.

At once, whatever is believed and whatever once was. Others who only rest on what was erased, such
as on when a lab was known to be founded, are left to the replay that is due.
"""

from collections.abc import Collection

from service.domain.events import Position
from service.domain.labs import Labs
from service.domain.subjects import Subject
from service.log import read
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.read_models import similar_people
from service.read_models.catch_up import Kept, follow
from service.read_models.projector import named_labs
from service.read_models.rows import keep

_SQL = load_statements("service.read_models", "erasing.sql")
_DELETE_PEOPLE = _SQL["delete_people"]
_DELETE_LABS = _SQL["delete_labs"]


async def forget_people(connection: Connection, people: Collection[str]) -> None:
    """Keep nothing of people whom nothing in the log names any more."""
    await connection.execute(_DELETE_PEOPLE, list(people))
    await similar_people.forget(connection, people)


async def make_anew(
    connection: Connection, *, people: Collection[str], labs: Collection[str]
) -> None:
    """
    Let every row of these, and of all who were ever linked with them, be what the log says now.

    From the first position on; the families of the labs where these people were come along, since
    their stints follow from them.
    """
    linked = await read.read_linked(
        connection,
        {Subject("person", one) for one in people} | {Subject("lab", one) for one in labs},
    )
    every_person = {s.id for s in linked if s.kind == "person"}
    streams = await read.read_streams(connection, people=every_person)
    named = {Subject("lab", one) for one in named_labs(streams)}
    families = {s.id for s in linked if s.kind == "lab"}
    if named:
        families |= {s.id for s in await read.read_linked(connection, named)}
    kept = Kept(
        people=every_person,
        labs=families,
        events=await read.read_streams(connection, people=every_person, labs=families),
        believed=(),
        chains=Labs(),
    )
    units = list(follow(kept, every_person, families, after=Position(0), new=()))
    await connection.execute(_DELETE_PEOPLE, list(every_person))
    await connection.execute(_DELETE_LABS, list(families))
    await keep(connection, units)
