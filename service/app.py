"""The composition root: from settings to an application that answers."""

import asyncio
import contextlib
import gc
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from litestar.types import ASGIApp

from service.answers.following import Follower
from service.answers.glances import Glances
from service.answers.kept import Kept
from service.answers.memory import Memory
from service.answers.vitals import KeptVitals
from service.api.application import Pages, create_api
from service.api.attempts import Attempts
from service.api.bodies import read_body
from service.api.dispatch import names_in, principal_of
from service.api.doors import Doors
from service.api.following import frame
from service.api.kept import WEIGHT_MAX as ANSWERS_WEIGHT_MAX
from service.api.metrics import Metrics
from service.api.noting import note
from service.api.openapi import document
from service.api.operations import Machinery, Place
from service.api.rates import Buckets
from service.api.readiness import check_readable
from service.api.replaying import starter_of
from service.api.tracing import Tracer
from service.api.verifying import while_wanted
from service.log import usage
from service.log.keys import KeyLookUp, Principal, key_hash
from service.log.read import read_head, read_identity
from service.log.sessions import Sessions
from service.postgres.pool import Pool, open_pool
from service.read_models import replay
from service.read_models.crews import Workforce
from service.read_models.replay import ReadModelState, fetch_state
from service.read_models.replays import clean_up
from service.recording.admission import Chance
from service.recording.forwarding import ForwardingWriter
from service.recording.writer import Writer, Written
from service.settings import Rate, Settings
from service.tasks import at_most, end
from service.web.handlers import page_handlers
from service.web.kept import WEIGHT_MAX as PAGES_WEIGHT_MAX
from service.web.lately import Lately
from service.web.pictures.kept import Pictures
from service.web.problems import show_at_door, show_problem
from service.web.site import Site

ROLE = "timeline_service"
SEARCH_PATH = "read_models, public"
SALT_BYTES = 16
SALTS_AT_ONCE = 256
COLLECT_AFTER = (50_000, 20, 100)
"""New objects until the collector looks at them, and looks until it looks at older ones too."""
END_SECONDS = 9.0
"""For what goes on by itself to put its things away, unless the end is near already."""
END_SECONDS_MIN = 0.3
CLOSE_SECONDS = 0.5
"""For connections that nobody uses any more; the others are given up."""
CONNECTIONS_MAX = 40
"""Of all workers: the Postgres that comes along takes 60, and commands need some too."""


def create_app(made: Machinery) -> ASGIApp:
    """The ASGI application on what was made for it."""
    return create_api(made, pages(made))


def pages(made: Machinery) -> Pages:
    """The pages on what was made for them, which take keys and bodies as the API does."""

    def saw(position: int) -> None:
        made.position_seen = max(made.position_seen, position)

    site = Site(
        pool=made.pool,
        memory=made.memory,
        lately=Lately(),
        last_corrections=Lately(),
        kept=Kept(PAGES_WEIGHT_MAX, at_once=True),
        pictures=Pictures(),
        glances=made.glances,
        sessions=Sessions(made.pool, made.keys, made.outside_keys, made.now),
        now=made.now,
        writer=made.writer,
        new_secret=made.new_secret,
        is_closed=lambda: made.read_keys_required,
        document=document,
        find_key=lambda hashed, scope: principal_of(hashed, scope, made),
        read_body=read_body,
        check_readable=lambda: check_readable(made),
        names_in=names_in,
        saw=saw,
        replays=starter_of(made),
        while_wanted=while_wanted,
        note=note,
    )
    return Pages(page_handlers(site), show_problem)


@contextlib.asynccontextmanager
async def machinery(
    settings: Settings,
    dsn: str,
    outside_keys: dict[bytes, Principal] | None = None,
    place: Place | None = None,
) -> AsyncIterator[Machinery]:
    """
    A pool, a writer and all else that handlers use, until the block ends.

    Raises:
        BeingRestored: a restore has the log for itself.
    """
    keys = dict(outside_keys or {})
    if settings.api_key is not None:
        keys[key_hash(settings.api_key)] = Principal("admin", "admin")
    place = place or Place()
    async with (
        usage.shared(dsn),
        open_service_pool(dsn, size_max=min(10, CONNECTIONS_MAX // settings.workers)) as pool,
    ):
        collect_seldom()
        async with pool.acquire() as connection:
            identity = await read_identity(connection)
            head = await read_head(connection)
        attempts = Attempts(_buckets(settings.key_attempts))
        metrics = Metrics(place.shared_folder)
        tracer = Tracer() if settings.has_traces else None

        def tell(written: Written) -> None:
            metrics.count_group(written)
            if tracer is not None:
                tracer.tell_group(written)

        writer = _writer(pool, place, tell)
        writer.start()
        memory = Memory(pool)
        tasks: set[asyncio.Task[Any]] = set()
        made = Machinery(
            pool=pool,
            memory=memory,
            glances=Glances(pool, tasks),
            follower=Follower(
                pool,
                memory,
                today=lambda: CHANCE.now().date(),
                write=lambda event: frame(event, identity),
            ),
            kept=Kept(ANSWERS_WEIGHT_MAX),
            writer=writer,
            workforce=workforce(dsn, settings.replay_processes),
            tasks=tasks,
            identity=identity,
            now=CHANCE.now,
            new_id=CHANCE.new_id,
            new_secret=lambda: secrets.token_urlsafe(32),
            outside_keys=keys,
            keys=KeyLookUp(pool, CHANCE.now),
            attempts=attempts,
            doors=Doors(
                attempts,
                hosts=settings.hosts,
                origins=settings.cors_origins,
                requests=_buckets(settings.rate_limit),
                show=show_at_door,
            ),
            metrics=metrics,
            tracer=tracer,
            vitals=KeptVitals(pool, settings.data_dir if settings.database_url is None else None),
            is_to_archive=settings.database_url is None and settings.wal_archive is not None,
            read_keys_required=settings.read_keys_required,
            place=place,
        )
        made.position_seen = max(made.position_seen, head.position)
        try:
            yield made
        finally:
            now = asyncio.get_running_loop().time()
            left = END_SECONDS if made.ends_by is None else made.ends_by - now
            async with at_most(max(left, END_SECONDS_MIN)):
                await end(made.tasks)
            await made.follower.stop()
            await writer.stop()
            if made.tracer is not None:
                await asyncio.to_thread(made.tracer.close)


@contextlib.asynccontextmanager
async def open_service_pool(dsn: str, size_max: int = 10) -> AsyncIterator[Pool]:
    """A pool as the service has it, until the block ends."""
    pool = await open_pool(dsn, role=ROLE, search_path=SEARCH_PATH, size_max=size_max)
    try:
        yield pool
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()


def workforce(dsn: str, processes: int) -> Workforce:
    """Who folds for replays of this database."""
    return Workforce(dsn=dsn, role=ROLE, search_path=SEARCH_PATH, processes=processes)


def collect_seldom() -> None:
    """
    Let the collector of cycles look at what is new less often, and at the program itself never.

    A batch of events makes hundreds of thousands of objects of which none is in a cycle. Looking
    for cycles after every 700 cost a fifth of a batch's time.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)


async def make_current(pool: Pool, workers: Workforce | None = None) -> None:
    """
    Replay if the read models were made by other code than this, or are due for what was erased.

    What a replay that died left behind is taken away, unless another one runs.
    """
    await clean_up(pool, CHANCE.now())
    await replay.make_current(pool, now=CHANCE.now, new_id=CHANCE.new_id, workforce=workers)


def _writer(pool: Pool, place: Place, tell: Callable[[Written], None]) -> Writer:
    if place.leads or place.writer_path is None:
        return Writer(pool, CHANCE, tell)
    return ForwardingWriter(pool, CHANCE, place.writer_path, tell)


def _buckets(rate: Rate | None) -> Buckets | None:
    return None if rate is None else Buckets(*rate)


async def read_state(pool: Pool) -> ReadModelState:
    """By which code and which replay the read models were made."""
    async with pool.acquire() as connection:
        return await fetch_state(connection)


def _now() -> datetime:
    return datetime.now(UTC)


def _salts() -> Iterator[bytes]:
    """Sixteen random bytes for each event, drawn for many: the system call costs what a hash does."""
    while True:
        drawn = os.urandom(SALT_BYTES * SALTS_AT_ONCE)
        for first in range(0, len(drawn), SALT_BYTES):
            yield drawn[first : first + SALT_BYTES]


CHANCE = Chance(now=_now, new_id=uuid4, new_salt=partial(next, _salts()))
