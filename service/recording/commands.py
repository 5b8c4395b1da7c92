"""What a request asks to be recorded, and what became of it."""

from collections.abc import Sequence

from msgspec import Struct

from service.domain.events import RecordedEvent
from service.domain.findings import Finding
from service.domain.submissions import Submission


class Command(Struct, frozen=True, kw_only=True):
    """All events of one request: recorded together or not at all."""

    submissions: Sequence[Submission]
    recorded_by: str
    """Name of the key, which events bear."""
    request_id: str
    receipts_of: str = ""
    """Whose idempotency keys these are, where that is not `recorded_by`."""
    idempotency_key: str | None = None
    request_digest: bytes = b""
    """Of method, path and body as sent; a repeat of the key must bring the same."""

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
