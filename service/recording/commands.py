"""What a request asks to be recorded, and what became of it."""

from collections.abc import Sequence

from msgspec import Struct

from service.domain.events import Position, RecordedEvent
from service.domain.findings import Finding
from service.domain.refusals import Fault
from service.domain.submissions import Submission


class Command(Struct, frozen=True, kw_only=True):
    """The events of one request: recorded together or not at all, unless it is partial."""

    submissions: Sequence[Submission]
    recorded_by: str
    """Name of the key, which events bear."""
    request_id: str
    receipts_of: str = ""
    """Whose idempotency keys these are, where that is not `recorded_by`."""
    idempotency_key: str | None = None
    request_digest: bytes = b""
    """Of method, path and body as sent; a repeat of the key must bring the same."""

    expected_position: Position | None = None
    """At which the histories concerned were read; the command holds only if they stand still."""
    is_partial: bool = False
    """Whether submissions with faults are left out, and the others recorded all the same."""

    @property
    def receipt_key(self) -> tuple[str, str] | None:
        """By what a repeat is found; None where it brings no idempotency key."""
        if self.idempotency_key is None:
            return None
        return (self.receipts_of or self.recorded_by, self.idempotency_key)


class Outcome(Struct, frozen=True):
    """One event as the log has it, with the findings that it raised."""

    event: RecordedEvent
    findings: Sequence[Finding]


class Recorded(Struct, frozen=True):
    """The answer to a command."""

    outcomes: Sequence[Outcome]
    """In the order of the submissions."""
    is_replayed: bool
    """Whether all of it was recorded before."""
    before: Position = Position(0)
    """The head before it: events beyond are new."""
    refused: Sequence[Fault] = ()
    """Of a partial command, what is wrong with the submissions that were left out."""
