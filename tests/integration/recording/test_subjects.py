"""From a person or a lab to every event about them: `event_subjects`."""

from typing import Any
from uuid import UUID

import pytest

from service.domain.events import FACTS, Correction, Entity, Fact, Retraction
from tests.support import builders as b
from tests.support.histories import Base, record, submission

ONE = UUID(int=1)

PEOPLE = ("ann", "ben", "cid")
LABS = ("x", "y", "z")

# Kind and id; F where the state of the lab follows from the event, L where it links two.
EACH_KIND: list[tuple[Fact, set[str]]] = [
    (b.hire("ann", at="x", on="2020"), {"person ann", "lab x"}),
    (b.departure("ann", at="x", on="2020"), {"person ann", "lab x"}),
    (b.sighting("ann", at="x", on="2020"), {"person ann", "lab x"}),
    (b.role_change("ann", at="x", on="2020"), {"person ann", "lab x"}),
    (b.leave("ann", at="x", on="2020"), {"person ann", "lab x"}),
    (b.return_("ann", at="x", on="2020"), {"person ann", "lab x"}),
    (b.founding("x", on="2020", by=("ann", "ben")), {"lab x F", "person ann", "person ben"}),
    (b.founding("x", on="2020", parent="Some Corp"), {"lab x F"}),
    (b.founding("x", on="2020", parent=b.entity("y", "Why")), {"lab x F", "lab y F"}),
    (b.renaming("x", to="Ex", on="2020"), {"lab x F"}),
    (b.ownership("x", parent="y", on="2020"), {"lab x F"}),
    (b.ownership("x", parent=b.entity("z", "Zee"), on="2020"), {"lab x F", "lab z F"}),
    (b.merger("x", "y", into="z", on="2020"), {"lab x FL", "lab y FL", "lab z FL"}),
    (b.closure("y", on="2020"), {"lab y F"}),
    (b.person_profile("ann", name="A"), {"person ann"}),
    (b.lab_profile("x", kind="company", parent="Some Corp"), {"lab x F"}),
    (b.same_person("ann", "ben"), {"person ann L", "person ben L"}),
    (b.same_lab("x", "y"), {"lab x FL", "lab y FL"}),
    (b.different_people("ann", "cid"), {"person ann", "person cid"}),
    (b.different_labs("x", "z"), {"lab x", "lab z"}),
    # An object that says a name makes the lab known: a fact of it, whatever the event.
    (b.hire("ann", at=Entity(id="x", name="Another name"), on="2020"), {"person ann", "lab x F"}),
]


@pytest.fixture
async def known(base: Base) -> Base:
    """The people and labs by their names, and an event of which the id is 1."""
    for person in PEOPLE:
        await record(base.pool, b.person_profile(b.entity(person, person.upper())))
    for lab in LABS:
        await record(base.pool, b.lab_profile(b.entity(lab, lab.upper())))
    await record(base.pool, submission(b.hire("ann", at="x", on="2019"), ONE))
    return base


async def subjects_of(base: Base, *said: Any) -> list[set[str]]:
    """The subjects of each event of a command."""
    found = []
    for event in await record(base.pool, *said):
        rows = await base.owner.fetch(
            "SELECT kind, subject_id, is_fact, is_link FROM event_subjects WHERE position = $1",
            event.position,
        )
        found.append({_told(row) for row in rows})
    return found


def _told(row: Any) -> str:
    marks = "F" * row["is_fact"] + "L" * row["is_link"]
    return f"{row['kind']} {row['subject_id']} {marks}".strip()


async def test_every_kind_of_event_leads_from_its_subjects(known: Base) -> None:
    told = await subjects_of(known, *(fact for fact, _ in EACH_KIND))
    for (fact, expected), found in zip(EACH_KIND, told, strict=True):
        assert found == expected, fact
    assert {type(fact) for fact, _ in EACH_KIND} == set(FACTS.values())


async def test_free_text_is_nobody(known: Base) -> None:
    await record(known.pool, b.ownership("x", parent="Some Corp", on="2020"))
    assert not await known.owner.fetchval(
        "SELECT count(*) FROM event_subjects WHERE subject_id ILIKE '%corp%'"
    )


class TestLogEvents:
    async def test_retraction_concerns_whom_its_target_does(self, known: Base) -> None:
        assert await subjects_of(known, Retraction(target=ONE, reason="No.")) == [
            {"person ann", "lab x"}
        ]

    async def test_correction_concerns_those_replaced_and_given(self, known: Base) -> None:
        """From one person and lab to another; what was given in between is replaced as well."""
        ben, cid = b.hire("ben", at="y", on="2020"), b.sighting("cid", at="z", on="2020")
        told = await subjects_of(
            known,
            Correction(target=ONE, reason="No.", event=ben),
            Correction(target=ONE, reason="No.", event=cid),
            Retraction(target=ONE, reason="No."),
        )
        assert told == [
            {"person ann", "lab x", "person ben", "lab y"},
            {"person ann", "lab x", "person ben", "lab y", "person cid", "lab z"},
            {"person ann", "lab x", "person cid", "lab z"},
        ]

    async def test_correction_keeps_what_the_replaced_meant(self, known: Base) -> None:
        """A merger that is corrected to a hire no longer links, which refolds both labs."""
        merger = submission(b.merger("x", into="y", on="2020"), UUID(int=2))
        hire = Correction(target=UUID(int=2), reason="No.", event=b.hire("ann", at="z", on="2020"))
        assert await subjects_of(known, merger, hire) == [
            {"lab x FL", "lab y FL"},
            {"lab x FL", "lab y FL", "person ann", "lab z"},
        ]


async def test_days_of_the_date_are_kept_beside_the_event(known: Base) -> None:
    """For filters by day; of a correction those of the payload that it gives."""
    await record(
        known.pool,
        b.hire("ann", at="x", on="2020-05~"),
        b.closure("x", on="[..2012]"),
        b.person_profile("ann", name="A"),
        Correction(target=ONE, reason="No.", event=b.hire("ann", at="x", on="2024?")),
        Retraction(target=ONE, reason="No."),
    )
    rows = await known.owner.fetch(
        "SELECT on_lo::text, on_hi::text FROM events WHERE position > 7 ORDER BY position"
    )
    assert [tuple(row) for row in rows] == [
        ("2020-04-01", "2020-06-30"),
        ("-infinity", "2012-12-31"),
        (None, None),
        ("2024-01-01", "2024-12-31"),
        (None, None),
    ]
