"""Whom a reference means, and the ids that those get who are new."""

from typing import Any

import pytest

from service.domain.events import Entity, Hire, RecordedEvent, Ref, Retraction, id_of
from service.domain.refusals import Fault, Invalid
from tests.support import builders as b
from tests.support.histories import Base, command, commit_group, read_log, record

X = b.entity("x", "X")


async def recorded_person(base: Base, person: Ref) -> Ref:
    """The reference as it went into the log."""
    (event,) = await record(base.pool, b.hire(person, at=X, on="2020"))
    return _hire(event).person


async def refused(base: Base, *said: Any) -> list[Fault]:
    with pytest.raises(Invalid) as refusal:
        await record(base.pool, *said)
    return list(refusal.value.faults)


def _hire(event: RecordedEvent) -> Hire:
    assert isinstance(event.payload, Hire)
    return event.payload


class TestNewOnes:
    async def test_get_a_slug_of_their_name(self, base: Base) -> None:
        assert await recorded_person(base, Entity(name="Łukasz Kaiser")) == Entity(
            id="lukasz-kaiser", name="Łukasz Kaiser"
        )
        assert await recorded_person(base, Entity(name="林俊旸")) == Entity(
            id="linjunyang", name="林俊旸"
        )
        assert await recorded_person(base, Entity(name="???")) == Entity(id="person", name="???")

    async def test_get_the_id_that_is_said(self, base: Base) -> None:
        said = b.entity("al", "Ann Lee", "Annie")
        assert await recorded_person(base, said) == said

    async def test_slugs_are_made_unique(self, base: Base) -> None:
        """In one command, one group and one after the other: the first number that is free."""
        names = ["Ann Lee", "Ann-Lee", "Ann, Lee", "Ann. Lee", "Ann/Lee", "Ann; Lee"]
        hires = [b.hire(Entity(name=name), at=X, on="2020") for name in names]
        await record(base.pool, *hires[:2])
        await commit_group(base.pool, command(hires[2]), command(hires[3]))
        await record(base.pool, b.hire(b.entity("ann-lee-6", "Taken"), at="x", on="2020"))
        await record(base.pool, hires[4])
        await record(base.pool, hires[5])
        ids = [id_of(_hire(event).person) for event in await read_log(base.owner)]
        assert ids == [
            "ann-lee",
            "ann-lee-2",
            "ann-lee-3",
            "ann-lee-4",
            "ann-lee-6",
            "ann-lee-5",
            "ann-lee-7",
        ]

    async def test_slugs_of_people_and_labs_do_not_meet(self, base: Base) -> None:
        await record(base.pool, b.hire(Entity(name="Ada"), at=Entity(name="Ada"), on="2020"))
        (event,) = await read_log(base.owner)
        assert (id_of(_hire(event).person), id_of(_hire(event).lab)) == ("ada", "ada")

    async def test_slug_that_only_begins_alike_is_free(self, base: Base) -> None:
        await record(base.pool, b.hire(Entity(name="Ann Lee-Smith"), at=X, on="2020"))
        assert await recorded_person(base, Entity(name="Ann Lee")) == b.entity("ann-lee", "Ann Lee")


class TestObjects:
    @pytest.fixture
    async def lees(self, base: Base) -> Base:
        """Two people of one name, told apart by id."""
        await recorded_person(base, b.entity("ann-lee", "Ann Lee"))
        await recorded_person(base, b.entity("ann-lee-2", "Ann Lee"))
        await recorded_person(base, b.entity("ben", "Ben"))
        return base

    async def test_two_people_of_one_name_are_told_apart_by_id(self, lees: Base) -> None:
        for one in ("ann-lee", "ann-lee-2"):
            assert await recorded_person(lees, one) == one
            assert await recorded_person(lees, b.entity(one, "Ann Lee")) == one
            assert await recorded_person(lees, Entity(id=one)) == one
        rows = await lees.owner.fetch("SELECT DISTINCT person_id FROM stints ORDER BY 1")
        assert [row[0] for row in rows] == ["ann-lee", "ann-lee-2", "ben"]

    @pytest.mark.parametrize("said", ["Ann Lee", "ANN  LEE", Entity(name="Ánn Lee")])
    async def test_name_of_several_is_refused_with_who_they_are(
        self, lees: Base, said: Ref
    ) -> None:
        (fault,) = await refused(lees, b.hire(said, at=X, on="2020"))
        assert (fault.pointer, fault.code) == ("/person", "ambiguous_name")
        assert [(c.id, c.name) for c in fault.candidates] == [
            ("ann-lee", "Ann Lee"),
            ("ann-lee-2", "Ann Lee"),
        ]

    async def test_name_of_one_finds_them(self, lees: Base) -> None:
        assert await recorded_person(lees, Entity(name="béN ")) == "ben"

    async def test_name_of_accents_alone_finds_them_and_nobody_else(self, base: Base) -> None:
        """Of which nothing would be left to be compared: beside others in one command too."""
        acute, grave = Entity(name="\u0301"), Entity(name="\u0300")
        await record(base.pool, *(b.hire(each, at=X, on="2020") for each in (acute, grave)))
        assert await recorded_person(base, acute) == "person"
        assert await recorded_person(base, "\u0300") == "person-2"
        (fault,) = await refused(base, b.hire("\u0302", at=X, on="2020"))
        assert fault.code == "unknown_name"

    async def test_name_of_several_who_are_one_finds_that_one(self, lees: Base) -> None:
        await record(lees.pool, b.same_person("ann-lee-2", "ann-lee"))
        assert await recorded_person(lees, Entity(name="Ann Lee")) == "ann-lee"
        assert await recorded_person(lees, "ann lee") == "ann-lee"

    async def test_id_that_was_mapped_is_kept_as_it_was_meant(self, lees: Base) -> None:
        """So that the mapping can be taken back."""
        await record(lees.pool, b.same_person("ben", "ann-lee"))
        assert await recorded_person(lees, "ben") == "ben"
        assert await recorded_person(lees, "Ben") == "ben"

    async def test_new_name_of_a_known_id_is_learned(self, lees: Base) -> None:
        assert await recorded_person(lees, b.entity("ben", "Benjamin")) == b.entity(
            "ben", "Benjamin"
        )
        assert await recorded_person(lees, "benjamin") == "ben"
        assert await recorded_person(lees, "Ben") == "ben"

    async def test_name_that_was_taken_back_is_nobodys(self, lees: Base) -> None:
        (event,) = await record(
            lees.pool, b.person_profile("ben", name="Benno", aliases=("Benny",))
        )
        assert await recorded_person(lees, "benny") == "ben"
        await record(lees.pool, Retraction(target=event.event_id, reason="No."))
        (fault,) = await refused(lees, b.hire("benny", at=X, on="2020"))
        assert (fault.code, fault.unknown) == ("unknown_name", ("person", "benny"))
        assert await recorded_person(lees, "ben") == "ben"

    @pytest.mark.parametrize("said", ["nobody", "Nobody At All", Entity(id="nobody")])
    async def test_whom_nobody_knows_is_refused(self, lees: Base, said: Ref) -> None:
        """An id alone makes nobody new: it may be a slip."""
        (fault,) = await refused(lees, b.hire(said, at=X, on="2020"))
        assert (fault.pointer, fault.code) == ("/person", "unknown_name")

    async def test_person_is_no_lab(self, lees: Base) -> None:
        (fault,) = await refused(lees, b.hire("ben", at="ben", on="2020"))
        assert (fault.pointer, fault.code) == ("/lab", "unknown_name")


class TestLabs:
    async def test_are_found_by_every_name_they_had(self, base: Base) -> None:
        await record(base.pool, b.founding(Entity(name="Facebook AI Research"), on="2013"))
        await record(base.pool, b.renaming("facebook ai research", to="Meta AI", on="2021"))
        await record(base.pool, b.lab_profile("facebook-ai-research", aliases=("FAIR",)))
        for name in ("Facebook AI Research", "Meta AI", "fair", "META  AI"):
            (event,) = await record(
                base.pool, b.hire(b.entity("ann", "Ann"), at=Entity(name=name), on="2022")
            )
            assert _hire(event).lab == "facebook-ai-research"

    async def test_parent_may_be_text_that_nobody_is_called(self, base: Base) -> None:
        await record(base.pool, b.founding(X, on="2013", parent="Some Corp"))
        assert [f.code for f in await refused(base, b.closure("Some Corp", on="2020"))] == [
            "unknown_name"
        ]

    async def test_parent_that_is_an_object_is_a_lab(self, base: Base) -> None:
        await record(base.pool, b.founding(X, on="2013", parent=Entity(name="Some Corp")))
        await record(base.pool, b.closure("Some Corp", on="2020"))


async def test_same_name_at_once_makes_one_person(base: Base) -> None:
    """The second of a group finds whom the first made."""
    lee = b.hire(Entity(name="Ann Lee"), at=X, on="2020")
    await commit_group(base.pool, command(lee), command(lee))
    people = [_hire(event).person for event in await read_log(base.owner)]
    assert people == [b.entity("ann-lee", "Ann Lee"), "ann-lee"]
