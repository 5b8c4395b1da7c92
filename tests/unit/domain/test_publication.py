"""What was public by a day (SEMANTICS 1)."""

from datetime import UTC, date, datetime

import msgspec

from service.domain.events import Hire, Payload, Profile, RecordedEvent, Source
from service.domain.publication import public_from, published_by
from tests.support.builders import correction, erased, erasure, hire, log, retraction

RECORDED = datetime(2024, 6, 1, 23, 30, tzinfo=UTC)


def recorded(*payloads: Payload) -> list[RecordedEvent]:
    return [msgspec.structs.replace(e, recorded_at=RECORDED) for e in log(*payloads)]


def sourced(*published: str | None) -> Hire:
    sources = tuple(Source(url="https://example.org", published=p) for p in published)
    return msgspec.structs.replace(hire("ann", at="x", on="2020"), sources=sources)


def positions(events: list[RecordedEvent], day: date) -> list[int]:
    return [e.position for e in published_by(events, day).events]


def test_an_event_is_public_from_its_earliest_source() -> None:
    (event,) = recorded(sourced("2021-05-01", None, "2021-03-01"))
    assert public_from(event) == date(2021, 3, 1)
    assert positions([event], date(2021, 2, 28)) == []
    assert positions([event], date(2021, 3, 1)) == [1]


def test_without_a_dated_source_the_day_of_recording_counts() -> None:
    events = recorded(sourced(None), hire("bob", at="x", on="2020"))
    assert positions(events, date(2024, 5, 31)) == []
    assert len(published_by(events, date(2024, 5, 31)).undated) == 2
    assert positions(events, date(2024, 6, 1)) == [1, 2]


def test_corrections_count_by_their_own_day_and_fall_with_their_target() -> None:
    events = recorded(sourced("2021-01-01"), correction(1, sourced("2022-01-01")), retraction(1))
    assert positions(events, date(2021, 6, 1)) == [1]
    assert positions(events, date(2022, 6, 1)) == [1, 2]
    assert positions(events, date(2024, 6, 1)) == [1, 2, 3]
    late = recorded(sourced("2023-01-01"), correction(1, sourced("2022-01-01")))
    assert positions(late, date(2022, 6, 1)) == []


def test_what_was_erased_holds_back_nothing_that_was_said_of_it() -> None:
    """When it was published is gone with it; undated it is not, for it says nothing."""
    events = recorded(sourced("2023-01-01"), correction(1, sourced("2022-01-01")), erasure(1))
    left = [erased(events[0]), *events[1:]]
    assert positions(left, date(2022, 6, 1)) == [1, 2, 3]
    assert positions(left, date(2021, 6, 1)) == [1, 3]
    assert published_by(left, date(2021, 6, 1)).undated == []


def test_register_events_without_sources_always_count() -> None:
    sourced_profile = Profile(
        person="ann", sources=(Source(url="https://example.org", published="2023-01-01"),)
    )
    events = recorded(Profile(person="ann"), sourced_profile)
    assert positions(events, date(1900, 1, 1)) == [1]
    assert published_by(events, date(1900, 1, 1)).undated == []
