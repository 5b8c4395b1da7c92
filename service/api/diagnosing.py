"""How the service is: the diagnosis, and its cheap facts for health checks and Prometheus."""

import asyncio
from typing import Literal

from litestar import Response
from msgspec import UNSET, Struct, UnsetType

from service.answers.diagnosis import DiagnosisAnswer, Patient, diagnosis
from service.api.metrics import OwnFacts
from service.api.operations import Call, Machinery
from service.api.verifying import HUNG_UP, while_wanted
from service.recording.writer import QUEUE_COMMANDS_MAX

NOTING_SECONDS = 1.0
"""So old may be what one worker tells of another."""


class ReadyFacts(Struct, frozen=True, kw_only=True):
    """Facts that anybody may know, so that there is no name in them."""

    head_position: int
    queue_commands: int
    """Writes that wait."""
    log_lock_wait_seconds: float
    """For how long an append has waited now."""
    longest_transaction_seconds: float
    read_models: Literal["current", "due"]
    """Whether today's code made them."""
    drift_rows: int | None
    """Rows that the last comparison found to differ; null if nothing was compared."""
    similar_people_behind: int
    """Positions whose people were not compared with others yet."""
    connections: int
    connections_max: int
    database_bytes: int
    disk_free_bytes: int | UnsetType = UNSET
    """Of the data directory, where the database is in it."""


async def get_diagnosis(call: Call) -> DiagnosisAnswer | Response[bytes]:
    """Every fact, each with what to do; as far as the client waits for it."""
    machinery = call.machinery
    note_own(machinery)
    patient = Patient(
        pool=machinery.pool,
        data_dir=machinery.vitals.data_dir,
        now=machinery.now,
        new_id=machinery.new_id,
        workforce=machinery.workforce,
        queue_commands=machinery.metrics.queued(),
        queue_commands_max=QUEUE_COMMANDS_MAX,
        is_to_archive=machinery.is_to_archive,
        is_deep=call.query.get("deep", False),
    )
    answer = await while_wanted(call.request, diagnosis(patient))
    return Response(b"", status_code=HUNG_UP) if answer is None else answer


async def ready_facts(machinery: Machinery) -> ReadyFacts | None:
    """The facts for a health check; None while the database does not tell them."""
    vitals = await machinery.vitals.ask()
    if vitals is None or vitals.log is None:
        return None
    note_own(machinery)
    found = vitals.log
    return ReadyFacts(
        head_position=found.head.position,
        queue_commands=machinery.metrics.queued(),
        log_lock_wait_seconds=found.lock_queue.seconds,
        longest_transaction_seconds=vitals.server.longest_transaction_seconds,
        read_models="current" if found.state.is_current else "due",
        drift_rows=None if found.comparison is None else found.comparison.drift_rows,
        similar_people_behind=found.similar_people_behind,
        connections=vitals.server.connections,
        connections_max=vitals.server.connections_max,
        database_bytes=vitals.server.database_bytes,
        disk_free_bytes=UNSET if vitals.disk is None else vitals.disk.free_bytes,
    )


async def told_metrics(machinery: Machinery) -> bytes:
    """What Prometheus reads."""
    vitals = await machinery.vitals.ask()
    if vitals is not None and vitals.log is not None:
        machinery.position_seen = max(machinery.position_seen, vitals.log.head.position)
    machinery.metrics.position.set(machinery.position_seen)
    note_own(machinery)
    return machinery.metrics.told(vitals)


async def keep_noting(machinery: Machinery) -> None:
    """Tell the other workers, whichever of them is asked, how this one is."""
    while True:
        note_own(machinery)
        await asyncio.sleep(NOTING_SECONDS)


def note_own(machinery: Machinery) -> None:
    """How this process is, as of now."""
    idle = machinery.pool.get_idle_size()
    machinery.metrics.note(
        OwnFacts(
            queue_commands=machinery.writer.queued,
            connections_used=machinery.pool.get_size() - idle,
            connections_idle=idle,
            subscribers=machinery.subscribers.number,
            labs_bytes=machinery.memory.weight,
            answers_bytes=machinery.kept.weight,
        )
    )
