"""
The history that comes along: loaded into an empty log, and later editions of it into an older one.

Every line has a fixed event id, so that nothing is recorded twice: a line that is new becomes an
event, one that says something else than the edition before becomes a correction.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec

from service.domain.events import (
    Correction,
    Erased,
    Fact,
    Founding,
    Profile,
    RecordedEvent,
    Ref,
    id_of,
    named_in,
)
from service.domain.refusals import Invalid
from service.domain.submissions import Submission, check_payload, digest
from service.log import read
from service.postgres.pool import Connection
from service.recording.admission import Chance
from service.recording.commands import Command, Recorded
from service.recording.writer import commit

RECORDED_BY = "fixtures"
NAMESPACE = UUID("6f1d0a3e-5a53-5d0b-9d0f-6f2a6a5f3c11")
"""Of the ids that a line does not carry itself."""
REASON = "A later edition of the history that comes along says so."


def read_fixtures(folder: Path) -> list[Submission]:
    """
    Every line of the history as an event, labs and people first.

    Raises:
        Invalid: a line has faults; pointers name the file and the line.
    """
    submissions: list[Submission] = []
    for pointer, raw in _lines(folder):
        event_id = UUID(raw.pop("event_id"))
        payload, faults = check_payload(raw, pointer)
        if payload is None:
            raise Invalid(faults)
        submissions.append(
            Submission(payload=payload, event_id=event_id, body_digest=digest(raw), pointer=pointer)
        )
    return submissions


async def is_edition_missing(connection: Connection, folder: Path) -> bool:
    """
    Whether `load_fixtures` would record something.

    It compares what was sent with what is to be sent, and reads neither: each start asks.
    """
    edition = {UUID(raw.pop("event_id")): digest(raw) for _, raw in _lines(folder)}
    words = await read.read_last_words(connection, edition)
    if not words:
        return (await read.read_head(connection)).position == 0
    return edition.keys() != words.keys() or any(
        _is_older(word.recorded_by, word.body_digest, edition[event_id])
        for event_id, word in words.items()
    )


async def load_fixtures(
    connection: Connection, fixtures: Sequence[Submission], chance: Chance
) -> int:
    """
    Record what the log does not have of *fixtures*; the number of events that this made.

    In the caller's transaction, so that a start that was killed half way is repeated whole. A
    log that holds events, and none of the fixtures, is somebody's own and left alone.
    """
    head = await read.read_head(connection)
    known = await read.read_by_ids(connection, [_id(f) for f in fixtures])
    if head.position > 0 and not known:
        return 0
    missing = _missing(fixtures, known)
    if not missing:
        return 0
    command = Command(submissions=missing, recorded_by=RECORDED_BY, request_id="fixtures")
    (result,) = await commit(connection, [command], chance)
    if not isinstance(result, Recorded):
        raise result
    return len(result.outcomes)


def _missing(fixtures: Sequence[Submission], known: Sequence[RecordedEvent]) -> list[Submission]:
    """What is to be recorded: new lines, and corrections of lines that say something else."""
    last: dict[UUID, RecordedEvent] = {}
    original = {event.position: event.event_id for event in known}
    for event in known:
        last[original[event.root]] = event
    missing = []
    gone = _gone(fixtures, last)
    for fixture in fixtures:
        word = last.get(_id(fixture))
        if word is None:
            missing += _without(fixture, gone)
        elif _is_older(word.recorded_by, word.body_digest, fixture.body_digest):
            missing.append(_correction(fixture, word))
    return missing


def _gone(fixtures: Sequence[Submission], last: Mapping[UUID, RecordedEvent]) -> set[str]:
    """The people of the register who were erased: later lines about them are not recorded."""
    gone = set()
    for fixture in fixtures:
        payload, word = fixture.payload, last.get(_id(fixture))
        is_erased = word is not None and isinstance(word.payload, Erased)
        if is_erased and isinstance(payload, Profile) and payload.person is not None:
            gone.add(id_of(payload.person))
    return gone


def _without(fixture: Submission, gone: AbstractSet[str]) -> list[Submission]:
    """A line as it is recorded: a founding without founders who were erased, and no other."""
    payload = fixture.payload
    if gone.isdisjoint(id_of(ref) for ref in named_in(payload, "person") if _has_id(ref)):
        return [fixture]
    if not isinstance(payload, Founding):
        return []
    others = tuple(
        f for f in payload.founders if not _has_id(f.person) or id_of(f.person) not in gone
    )
    return [
        msgspec.structs.replace(fixture, payload=msgspec.structs.replace(payload, founders=others))
    ]


def _has_id(ref: Ref) -> bool:
    return isinstance(ref, str) or ref.id is not None


def _is_older(recorded_by: str, said: bytes | None, says: bytes) -> bool:
    """
    Whether the fixture was another line when the log last heard of it.

    What somebody corrected or retracted since is theirs and stands. Of a restored log it is not
    known what was sent: what came along then is taken for what comes along now.
    """
    return recorded_by == RECORDED_BY and said is not None and said != says


def _correction(fixture: Submission, last: RecordedEvent) -> Submission:
    payload: Fact = fixture.payload  # type: ignore[assignment]  # fixtures hold no log events
    name = f"{_id(fixture)} {last.position} {fixture.body_digest.hex()}"
    return Submission(
        payload=Correction(target=_id(fixture), reason=REASON, event=payload),
        event_id=uuid5(NAMESPACE, name),
        body_digest=fixture.body_digest,
        pointer=fixture.pointer,
    )


def _id(fixture: Submission) -> UUID:
    assert fixture.event_id is not None, "every line has a fixed id"
    return fixture.event_id


def _lines(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, file in (("lab", "labs.jsonl"), ("person", "people.jsonl")):
        for number, line in _numbered(folder / file):
            yield f"/{file}/{number}", _profile(kind, line)
    for number, line in _numbered(folder / "events.jsonl"):
        yield f"/events.jsonl/{number}", line


def _numbered(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if line.strip():
            yield number, msgspec.json.decode(line)


def _profile(kind: str, line: dict[str, Any]) -> dict[str, Any]:
    """A line of the register as the event that adds it."""
    entity = {field: line.pop(field) for field in ("id", "name", "aliases") if field in line}
    event_id = str(uuid5(NAMESPACE, f"{kind} {entity['id']}"))
    return {"type": "profile", kind: entity, "event_id": event_id, **line}
