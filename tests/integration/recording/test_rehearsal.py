"""A rehearsed write tells what the write then does, and records nothing."""

import httpx
import msgspec

from service.api.operations import Machinery
from service.app import CHANCE
from service.domain.submissions import Submission, check_payload, digest
from service.log.read import read_head
from service.read_models.stints import fetch_stints_of_person
from service.recording.commands import Command
from service.recording.rehearsal import rehearse

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
