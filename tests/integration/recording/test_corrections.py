"""Corrections and retractions: of what, how often, and whom they concern."""

from uuid import UUID

import pytest

from service.domain.events import Correction, Entity, Payload, Retraction, SameAs, fact_of
from service.domain.fold import fold
from service.domain.refusals import NotCorrectable, Refusal, UnknownEvent
from tests.support import builders as b
from tests.support.histories import (
    Base,
    assert_rows_are_the_fold,
    fetch_rows,
    read_log,
    record,
    submission,
    with_entities,
)

HIRE = with_entities(b.hire("ann", at="x", on="2020"))
ONE, TWO, THREE = (UUID(int=n) for n in (1, 2, 3))


@pytest.fixture
async def hired(base: Base) -> Base:
    """One event, whose id is 1."""
    await record(base.pool, submission(HIRE, ONE))
    return base


def no(target: UUID) -> Retraction:
    return Retraction(target=target, reason="No.")


def rather(target: UUID, event: Payload) -> Correction:
    fact = fact_of(event)
    assert fact is not None
    return Correction(target=target, reason="Rather.", event=fact)


@pytest.mark.parametrize("said", [no(TWO), rather(TWO, HIRE)], ids=["retraction", "correction"])
async def test_nothing_is_not_corrected(hired: Base, said: Payload) -> None:
    with pytest.raises(UnknownEvent, match=str(TWO)):
        await record(hired.pool, said)
    assert len(await read_log(hired.owner)) == 1


@pytest.mark.parametrize("first", [no(ONE), rather(ONE, HIRE)], ids=["retraction", "correction"])
@pytest.mark.parametrize("then", [no(TWO), rather(TWO, HIRE)], ids=["retracted", "corrected"])
async def test_log_events_are_not_corrected(hired: Base, first: Payload, then: Payload) -> None:
    """Neither one that is recorded nor one in the same array; the way out names its target."""
    await record(hired.pool, submission(first, TWO))
    with pytest.raises(NotCorrectable, match=str(ONE)):
        await record(hired.pool, then)
    with pytest.raises(Refusal, match=str(ONE)):
        await record(
            hired.pool,
            submission(first, THREE),
            submission(rather(THREE, HIRE) if isinstance(then, Correction) else no(THREE)),
        )
    assert len(await read_log(hired.owner)) == 2


async def test_what_is_retracted_may_be_retracted(hired: Base) -> None:
    for _ in range(3):
        await record(hired.pool, no(ONE))
    assert [e.type for e in await read_log(hired.owner)] == ["hire"] + ["retraction"] * 3
    await _assert_kept(hired)


async def test_what_is_so_already_may_be_corrected_to_it(hired: Base) -> None:
    """It changes nothing that is believed, not even since when."""
    before = await fetch_rows(hired.owner)
    await record(hired.pool, rather(ONE, HIRE))
    await record(hired.pool, rather(ONE, HIRE))
    assert len(await read_log(hired.owner)) == 3
    kept = await fetch_rows(hired.owner)
    assert kept["stints"] == before["stints"]
    await _assert_kept(hired)


async def test_same_as_that_holds_may_be_said_again(hired: Base) -> None:
    await record(hired.pool, with_entities(b.hire("ben", at="x", on="2021")))
    for _ in range(3):
        await record(hired.pool, b.same_person("ben", "ann"))
    kept = [e for e in await read_log(hired.owner) if isinstance(e.payload, SameAs)]
    assert len(kept) == 3
    await _assert_kept(hired)


async def test_correction_after_a_retraction_brings_back(hired: Base) -> None:
    await record(hired.pool, no(ONE))
    assert fold(await read_log(hired.owner)).stints == []
    await record(hired.pool, rather(ONE, b.hire("ann", at="x", on="2019")))
    (stint,) = fold(await read_log(hired.owner)).stints
    assert stint.start.date_text == "2019"
    await _assert_kept(hired)


async def test_correction_may_change_the_type_the_person_and_the_lab(hired: Base) -> None:
    """And back: those who lose it and those who get it are folded anew."""
    await record(hired.pool, with_entities(b.hire("ben", at="y", on="2020")))
    for event in (
        b.departure("ben", at="y", on="2021"),
        b.merger("y", into="x", on="2021"),
        b.same_person("ann", "ben"),
        b.lab_profile("x", name="Ex"),
        b.sighting("ann", at="y", on="2020"),
        b.hire("ann", at="x", on="2020"),
    ):
        await record(hired.pool, rather(ONE, event))
        await _assert_kept(hired)
    await record(hired.pool, no(ONE))
    await _assert_kept(hired)


async def test_ends_that_were_another_labs_are_found_once(hired: Base) -> None:
    """Both were recorded of y and are of x: that x ended twice is no finding of y's."""
    for number, on in ((2, "2021"), (3, "2022")):
        event_id = UUID(int=number)
        closure = with_entities(b.closure("y", on=on))
        await record(hired.pool, submission(closure, event_id))
        await record(hired.pool, rather(event_id, b.closure("x", on=on)))
    kept = (await fetch_rows(hired.owner))["findings"]
    assert [row["lab_ids"] for row in kept if row["kind"] == "ended_twice"] == [["x"]]
    await _assert_kept(hired)


async def test_new_ones_may_be_brought_by_a_correction(hired: Base) -> None:
    await record(
        hired.pool, rather(ONE, b.hire(Entity(name="Zoe"), at=Entity(name="Zed"), on="2020"))
    )
    await record(hired.pool, b.sighting("Zoe", at="Zed", on="2021"))
    await record(hired.pool, no(ONE))
    # Whoever was made stays: later events refer to the id.
    await record(hired.pool, b.sighting("zoe", at="zed", on="2022"))
    await _assert_kept(hired)


async def _assert_kept(base: Base) -> None:
    assert_rows_are_the_fold(await fetch_rows(base.owner), await read_log(base.owner))
