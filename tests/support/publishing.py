"""Histories with sources, on their way into a real log: for what asks when something was public."""

from collections.abc import Sequence

from hypothesis import strategies as st
from msgspec.structs import replace

from service.domain.events import Correction, Payload, RecordedEvent, Retraction, Source
from tests.support import builders as b
from tests.support.histories import Base, read_log, record, submission, with_entities
from tests.support.strategies import days, histories

published = st.one_of(st.none(), days, days).map(lambda on: on.isoformat() if on else None)
"""When a source says that it was published, if it does."""


@st.composite
def sourced_histories(draw: st.DrawFn, size_max: int = 10) -> list[RecordedEvent]:
    """Logs of at most *size_max* events, most of them with a source."""
    events = draw(histories(size_max))
    sources = [draw(st.lists(published, max_size=2)) for _ in events]
    return [
        replace(event, payload=_sourced(event.payload, days))
        for event, days in zip(events, sources, strict=True)
    ]


async def record_history(base: Base, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """*events* as a real log has them, which is emptied first; ids and positions are the same."""
    await base.empty()
    for event in events:
        payload = with_entities(event.payload)
        await record(base.pool, submission(payload, b.event_id(event.position)))
    return await read_log(base.owner)


def _sourced(payload: Payload, published_on: Sequence[str | None]) -> Payload:
    if isinstance(payload, Retraction):
        return payload
    if isinstance(payload, Correction):
        event = _sourced(payload.event, published_on)
        assert not isinstance(event, Correction | Retraction), "corrections are of facts"
        return replace(payload, event=event)
    sources = tuple(Source(url="https://example.org/a", published=on) for on in published_on)
    return replace(payload, sources=sources)
