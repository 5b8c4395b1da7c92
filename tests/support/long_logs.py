"""Logs of any length, written straight into the log: far faster than through the service."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from uuid import UUID

from service.app import CHANCE
from service.domain.events import Entity, NewEvent, Payload
from service.domain.subjects import concerns_of
from service.log.append import Head, append, chained, head_after
from service.postgres.pool import Connection
from tests.support import builders as b
from tests.support.histories import with_entities

LABS = 40
EVENTS_AT_ONCE = 1000


def long_history(random: Random) -> Iterator[Payload]:
    """
    Careers without end, each of five events at two of the labs, after the labs' own.

    Every name is said where it first comes up.
    """
    labs = [f"lab-{n}" for n in range(LABS)]
    for n, lab in enumerate(labs):
        yield with_entities(b.founding(lab, on=str(1990 + n % 20), by=(f"founder-{n}",)))
    yield b.merger(labs[1], into=labs[0], on="2022-05")
    number = 0
    while True:
        number += 1
        person, year = f"person-{number}", random.randint(2000, 2018)
        first, second = random.sample(labs, 2)
        # With the bare id of a lab that is known, as the service records it: else each would be
        # a fact of the lab.
        yield b.hire(Entity(id=person, name=person), at=first, on=f"{year}-03")
        yield b.sighting(person, at=first, on=f"{year + 1}~")
        yield b.departure(person, at=first, on=f"{year + 2}-06-15")
        yield b.hire(person, at=second, on=f"{year + 2}")
        yield b.sighting(person, at=second, on=f"{year + 4}-01")


async def append_long_log(connection: Connection, events: int, random: Random) -> None:
    """Fill an empty log with *events* events; the read models are to be replayed afterwards."""
    head = Head()
    payloads = islice(long_history(random), events)
    while some := list(islice(payloads, EVENTS_AT_ONCE)):
        entries = []
        recorded_at = CHANCE.now()
        for payload in some:
            entry = chained(
                head,
                NewEvent(UUID(int=head.position + 1), payload),
                target_position=None,
                recorded_at=recorded_at,
                recorded_by="seed",
                request_id="",
                salt=random.randbytes(16),
                body_digest=None,
                concerns=concerns_of(payload),
            )
            entries.append(entry)
            head = head_after(entry)
        async with connection.transaction():
            await append(connection, entries)
