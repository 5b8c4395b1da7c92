"""
The same events in the `eventsourcing` library, as its documentation has it used.

One aggregate an event, so that nothing is loaded before it is saved: the cheapest that the
library can do. It has no read models of its own; its projection runner is measured for itself.
"""

import asyncio
import threading
from collections.abc import Iterator
from itertools import islice
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL, Identifier

from service.domain.events import NewEvent
from tests.benchmarks.careers import body_of
from tests.benchmarks.sides import Taken


class Told(Aggregate):
    """What one event says."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said


class Log(Application[Any]):
    """The library's log."""


class Seen(PostgresTrackingRecorder):
    """A read model of one row an event."""

    def __init__(self, datastore: Any, **rest: Any) -> None:
        super().__init__(datastore, **rest)
        self.check_identifier_length("seen")
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {schema}.seen (person text, lab text, said text)"
            ).format(schema=Identifier(self.datastore.schema))
        )

    def see(self, said: dict[str, Any], tracking: Tracking) -> None:
        """One row and how far it was read, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                SQL("INSERT INTO {schema}.seen VALUES (%s, %s, %s)").format(
                    schema=Identifier(self.datastore.schema)
                ),
                (str(said.get("person")), str(said.get("lab")), str(said.get("date"))),
            )


class Seeing(Projection[Seen]):
    """From events to `Seen`."""

    name = "seeing"
    topics = (get_topic(Told.Created),)

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Nothing but `Told` is recorded."""

    @process_event.register
    def _(self, domain_event: Told.Created, tracking: Tracking) -> None:  # type: ignore[name-defined]  # made by the library
        self.view.see(domain_event.said, tracking)


class Library:
    """The library on a database."""

    def __init__(self, dsn: str, *, with_functions: bool) -> None:
        place = urlsplit(dsn)
        query = dict(parse_qsl(place.query))
        self._environment = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": place.path.lstrip("/"),
            "POSTGRES_HOST": query.get("host") or place.hostname or "127.0.0.1",
            "POSTGRES_PORT": query.get("port") or str(place.port or 5432),
            "POSTGRES_USER": query.get("user") or place.username or "postgres",
            "POSTGRES_PASSWORD": place.password or "none",
            "POSTGRES_POOL_SIZE": "32",
            "POSTGRES_MAX_OVERFLOW": "4",
            "POSTGRES_MAX_WAITING": "64",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "yes" if with_functions else "no",
        }
        self._log = Log(self._environment)
        self.appended = 0
        """Events that there are to be projected."""

    def close(self) -> None:
        """Let go of the database."""
        self._log.close()

    async def append(self, events: Iterator[NewEvent], number: int, *, producers: int) -> Taken:
        """*number* events by some producers, each a thread as the library wants it."""
        said = [msgspec.json.decode(body_of(event)) for event in islice(events, number)]
        taken = await asyncio.to_thread(self._append, said, producers)
        self.appended += number
        return taken

    def _append(self, events: list[dict[str, Any]], producers: int) -> Taken:
        rest = iter(events)
        taking = threading.Lock()
        latencies: list[float] = []

        def produce() -> None:
            while True:
                with taking:
                    event = next(rest, None)
                if event is None:
                    return
                began = perf_counter()
                self._log.save(Told(event))
                latencies.append((perf_counter() - began) * 1000)

        threads = [threading.Thread(target=produce) for _ in range(producers)]
        began = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Taken(len(events) / (perf_counter() - began), latencies)

    async def project(self, number: int) -> Taken:
        """The first *number* events through the projection runner, from the beginning."""
        return await asyncio.to_thread(self._project, number)

    def _project(self, number: int) -> Taken:
        with self._log.recorder.datastore.transaction(commit=True) as cursor:
            cursor.execute("DROP TABLE IF EXISTS seeing_tracking, seen")
        began = perf_counter()
        with ProjectionRunner(
            application_class=Log,
            projection_class=Seeing,
            view_class=Seen,
            env=self._environment,
        ) as runner:
            runner.wait(number, timeout=600)
        return Taken(number / (perf_counter() - began))
