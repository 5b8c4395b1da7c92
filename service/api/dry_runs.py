"""A write that is not made, told over HTTP: what it would change, by the write's own path."""

from litestar import Response

from service.answers.dry_runs import dry_run_of
from service.api.dispatch import to_response
from service.api.operations import Call
from service.recording.commands import Command


async def rehearse(call: Call, command: Command) -> Response[bytes]:
    """
    What *command* would change as of now; nothing is recorded.

    Raises:
        Refusal: what the write itself would be refused for.
    """
    machinery = call.machinery
    rehearsal = await machinery.writer.rehearse(command)
    async with machinery.pool.acquire() as connection:
        answer = await dry_run_of(connection, rehearsal, machinery.today())
    machinery.position_seen = max(machinery.position_seen, rehearsal.head)
    headers = {"Log-Position": str(rehearsal.head)}
    if rehearsal.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return to_response(answer, 200, machinery, headers)
