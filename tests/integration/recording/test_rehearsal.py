"""A rehearsed write tells what the write then does, and records nothing."""

from collections import Counter
from datetime import date

import httpx
import msgspec
from hypothesis import HealthCheck, given, note, settings

from service.api.operations import Machinery
from service.app import CHANCE
from service.domain.effects import headcount_changes, stint_changes
from service.domain.fold import fold
from service.domain.presence import standing_on
from service.domain.refusals import Refusal
from service.domain.stints import Stint
from service.domain.submissions import Submission, check_payload, digest
from service.log.read import read_head
from service.read_models.stints import fetch_stints_of_person
from service.recording.commands import Command, Recorded
from service.recording.rehearsal import Rehearsal, rehearse
from tests.support.histories import Base, Plan, commit_group, plans, read_log

HIRE = {
    "type": "hire",
    "person": {"id": "ada", "name": "Ada"},
    "lab": {"id": "x", "name": "X"},
    "date": "2020-01-01",
}


def command(raw: dict[str, object]) -> Command:
    payload, faults = check_payload(raw)
    assert payload is not None, faults
    submission = Submission(payload=payload, body_digest=digest(raw))
    return Command(submissions=[submission], recorded_by="test", request_id="")


async def test_a_merger_is_rehearsed_for_all_whom_it_carries(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    lab = {"type": "profile", "lab": {"id": "y", "name": "Y"}}
    assert (await client.post("/v1/events", json=[HIRE, lab])).status_code == 201
    merger: dict[str, object] = {
        "type": "merger", "absorbed": ["x"], "lab": "y", "date": "2021-01-01",
    }  # fmt: skip
    async with made.pool.acquire() as connection:
        rehearsed = await rehearse(connection, command(merger), CHANCE)
        assert (await read_head(connection)).position == 2, "nothing is recorded"
    assert [(c.person, c.lab) for c in rehearsed.changes] == [("ada", "x"), ("ada", "y")]

    assert (await client.post("/v1/events", json=merger)).status_code == 201
    async with made.pool.acquire() as connection:
        stints = await fetch_stints_of_person(connection, "ada", position=3)
    told = {stint.lab: stint for change in rehearsed.changes for stint in change.after}
    for stint in stints:
        # The merger's own id is made anew for each write that brings none.
        assert msgspec.structs.replace(told[stint.lab], events=()) == msgspec.structs.replace(
            stint, events=()
        )


async def test_findings_that_would_arise_are_told(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    await client.post("/v1/events", json=HIRE)
    async with made.pool.acquire() as connection:
        rehearsed = await rehearse(connection, command({**HIRE, "date": "2021-06-01"}), CHANCE)
    assert [f.kind for f in rehearsed.arising] == ["already_present"]
    assert rehearsed.going == []
    assert rehearsed.changes == []


@settings(
    max_examples=settings().max_examples * 3 // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans())
async def test_a_rehearsal_tells_what_the_write_then_does(base: Base, plan: Plan) -> None:
    """
    Whatever is written to whatever history: stints, findings, headcounts and events, or refusal.

    What the write did is told by the live fold of the log, which shares nothing with the rows
    that a rehearsal looks at.
    """
    note(repr(plan))
    await base.empty()
    for asked in (each for group in plan.groups for each in group):
        events = await read_log(base.owner)
        async with base.pool.acquire() as connection:
            try:
                rehearsed: Rehearsal | Refusal = await rehearse(connection, asked, CHANCE)
            except Refusal as refusal:
                rehearsed = refusal
        assert await read_log(base.owner) == events, "nothing is recorded"
        (answer,) = await commit_group(base.pool, asked)
        if isinstance(rehearsed, Refusal):
            assert (type(answer), str(answer)) == (type(rehearsed), str(rehearsed))
            continue
        assert isinstance(answer, Recorded), answer
        assert rehearsed.head == len(events)
        assert rehearsed.is_replayed == answer.is_replayed
        assert [(e.position, e.event_id, e.payload) for e in rehearsed.events] == [
            (o.event.position, o.event.event_id, o.event.payload) for o in answer.outcomes
        ]
        before, after = fold(events), fold(await read_log(base.owner))
        assert rehearsed.changes == stint_changes(before.stints, after.stints)
        assert set(rehearsed.arising) == set(after.findings) - set(before.findings)
        assert set(rehearsed.going) == set(before.findings) - set(after.findings)
        for on in (date(2019, 6, 1), date(2020, 1, 20), date(2021, 1, 1), date(2030, 1, 1)):
            told = {
                span.lab: (span.certain, span.presumed, span.possible)
                for span in headcount_changes(rehearsed.changes)
                if span.from_on <= on <= span.to_on
            }
            assert told == moved(counts(before.stints, on), counts(after.stints, on))


def counts(stints: list[Stint], on: date) -> Counter[tuple[str, str]]:
    """By lab and presence how many people are there."""
    pairs: dict[tuple[str, str], list[Stint]] = {}
    for stint in stints:
        pairs.setdefault((stint.lab, stint.person), []).append(stint)
    found = {pair: standing_on(theirs, on) for pair, theirs in pairs.items()}
    return Counter((lab, s.presence) for (lab, _), s in found.items() if s is not None)


def moved(
    before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]
) -> dict[str, tuple[int, int, int]]:
    labs = {lab for lab, _ in before.keys() | after.keys()}
    moves = {
        lab: (
            after[lab, "certain"] - before[lab, "certain"],
            after[lab, "presumed"] - before[lab, "presumed"],
            after[lab, "possible"] - before[lab, "possible"],
        )
        for lab in labs
    }
    return {lab: by for lab, by in moves.items() if any(by)}
