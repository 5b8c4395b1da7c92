"""What the suite uses of the service, in one place: whatever moves there is followed here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from service.app import CHANCE, ROLE, SEARCH_PATH, collect_seldom, make_current
from service.cli.replay import replay
from service.cli.serve import serve
from service.domain.events import NewEvent
from service.domain.submissions import Submission, digest
from service.log.schema import migrate
from service.postgres.pool import Pool, open_pool
from service.read_models.beliefs import MODELS
from service.recording.commands import Command
from service.recording.writer import Writer
from tests.benchmarks.careers import body_of

RECORDED_BY = "benchmark"


@asynccontextmanager
async def pool_on(dsn: str) -> AsyncIterator[Pool]:
    """Connections as the service has them."""
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def writer_on(dsn: str) -> AsyncIterator[Writer]:
    """The service's writer on a database, in a process that is set up as the service's."""
    collect_seldom()
    async with pool_on(dsn) as pool:
        writer = Writer(pool, CHANCE)
        writer.start()
        try:
            yield writer
        finally:
            await writer.stop()


def command_of(events: list[NewEvent]) -> Command:
    """One request with *events*, checked and digested as the API would."""
    return Command(
        submissions=[_submission(event, number) for number, event in enumerate(events)],
        recorded_by=RECORDED_BY,
        request_id="benchmark",
    )


def _submission(event: NewEvent, number: int) -> Submission:
    said = msgspec.json.decode(body_of(event))
    del said["event_id"]
    return Submission(
        payload=event.payload,
        event_id=event.event_id,
        body_digest=digest(said),
        pointer=f"/{number}",
    )


def serves_in_workers() -> bool:
    """Whether `serve` takes a number of workers."""
    return any(parameter.name == "workers" for parameter in serve.params)


def replays_in_processes() -> bool:
    """Whether `replay` takes a number of processes."""
    return any(parameter.name == "processes" for parameter in replay.params)


__all__ = ["CHANCE", "MODELS", "Pool", "Writer", "make_current", "migrate"]
