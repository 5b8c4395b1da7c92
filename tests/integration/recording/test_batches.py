"""An array of events is recorded whole or not at all, and says all that is wrong with it."""

from uuid import UUID

import pytest

from service.domain.events import Correction, Entity, Retraction, Sighting, id_of
from service.domain.refusals import Invalid, UnknownEvent
from service.read_models.beliefs import BELIEVED
from tests.support import builders as b
from tests.support.histories import (
    Base,
    command,
    commit_group,
    fetch_rows,
    read_log,
    record,
    submission,
    with_entities,
)

ANN = with_entities(b.hire("ann", at="x", on="2020"))
ONE, TWO = UUID(int=1), UUID(int=2)


async def test_batch_with_one_bad_event_leaves_nothing(base: Base) -> None:
    """No event, no subject, no receipt, no row of a read model, no name."""
    with pytest.raises(Invalid):
        await record(base.pool, ANN, b.hire("nobody", at="x", on="2020"), key="k")
    assert await read_log(base.owner) == []
    assert not any((await fetch_rows(base.owner)).values())
    for table in ("event_subjects", "receipts"):
        assert await base.owner.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_every_fault_is_named_by_its_place(base: Base) -> None:
    """In the order of the array, with what each reference lacks."""
    await record(base.pool, ANN)
    await record(base.pool, b.hire(b.entity("ann-2", "Ann"), at="x", on="2020"))
    with pytest.raises(Invalid) as refused:
        await record(
            base.pool,
            b.hire("nobody", at="nowhere", on="2020"),
            b.sighting("ann", at="x", on="2020"),
            Retraction(target=ONE, reason="No."),
            b.founding("x", on="2020", by=("ann", "no one")),
            b.merger("x", "nil", into="x", on="2020"),
            b.sighting(Entity(name="Ann"), at="x", on="2020"),
            b.same_person("ann", "ann"),
            b.lab_profile("x", parent="Some Corp"),
        )
    assert [(f.pointer, f.code) for f in refused.value.faults] == [
        ("/0/person", "unknown_name"),
        ("/0/lab", "unknown_name"),
        ("/2", "unknown_event"),
        ("/3/founders/1", "unknown_name"),
        ("/4/absorbed/1", "unknown_name"),
        ("/5/person", "ambiguous_name"),
        ("/6", "closes_cycle"),
    ]
    ambiguous = refused.value.faults[5]
    assert [c.id for c in ambiguous.candidates] == ["ann", "ann-2"]
    assert len(await read_log(base.owner)) == 2


async def test_faults_inside_a_correction_have_their_place(base: Base) -> None:
    (first,) = await record(base.pool, ANN)
    with pytest.raises(Invalid) as refused:
        await record(
            base.pool,
            Correction(
                target=first.event_id, reason="No.", event=b.hire("nobody", at="x", on="2020")
            ),
        )
    assert [f.pointer for f in refused.value.faults] == ["/event/person"]


async def test_names_are_known_in_the_batch_that_brings_them(base: Base) -> None:
    """By id and by name, by alias, by what a profile, a renaming or an object adds."""
    await record(
        base.pool,
        b.hire(Entity(name="Ann Lee", aliases=("Annie",)), at=Entity(name="Lab X"), on="2020"),
        b.sighting("ann lee", at="LAB X", on="2020"),
        b.sighting("annie", at="lab-x", on="2020"),
        b.person_profile("ann-lee", name="Ann L."),
        b.sighting("Ann L.", at="lab-x", on="2020"),
        b.renaming("lab-x", to="Lab Y", on="2021"),
        b.sighting("ann-lee", at="Lab Y", on="2021"),
        b.sighting(Entity(id="ann-lee", name="Änn"), at="lab y", on="2021"),
        b.sighting("ann", at="lab y", on="2021"),
    )
    seen = [e.payload for e in await read_log(base.owner) if isinstance(e.payload, Sighting)]
    assert {(id_of(s.person), id_of(s.lab)) for s in seen} == {("ann-lee", "lab-x")}


async def test_names_are_not_known_before_they_are_brought(base: Base) -> None:
    with pytest.raises(Invalid) as refused:
        await record(base.pool, b.sighting("ann", at="x", on="2020"), ANN)
    assert [f.pointer for f in refused.value.faults] == ["/0/person", "/0/lab"]


async def test_batch_may_correct_what_it_brings(base: Base) -> None:
    await record(
        base.pool,
        submission(ANN, ONE),
        Correction(target=ONE, reason="No.", event=b.hire("ann", at="x", on="2019")),
        Retraction(target=ONE, reason="No."),
    )
    assert [(e.type, e.target_position) for e in await read_log(base.owner)] == [
        ("hire", None),
        ("correction", 1),
        ("retraction", 1),
    ]
    assert (await fetch_rows(base.owner))["stints"][0]["known_to"] == 2


async def test_each_position_of_a_batch_leaves_its_own_rows(base: Base) -> None:
    """Those too that live for one position: known_at may fall inside a batch."""
    await commit_group(
        base.pool,
        command(ANN, b.departure("ann", at="x", on="2021"), b.closure("x", on="2022")),
        command(b.departure("ann", at="x", on="2020-06")),
    )
    spans = [(r["known_from"], r["known_to"]) for r in (await fetch_rows(base.owner))["stints"]]
    assert spans == [(1, 2), (2, 4), (4, BELIEVED), (4, BELIEVED)]


async def test_refusal_of_a_single_event_stands_alone(base: Base) -> None:
    """One fault of the whole request is no list of faults."""
    (answer,) = await commit_group(base.pool, command(Retraction(target=TWO, reason="No.")))
    assert isinstance(answer, UnknownEvent)
