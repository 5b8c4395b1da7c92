"""The files of the history that comes along, and how their editions reach a log."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.domain.dates import bounds
from service.domain.effective import effective_events
from service.domain.events import (
    Correction,
    Entity,
    Hire,
    Position,
    Profile,
    RecordedEvent,
    Retraction,
    id_of,
    references,
)
from service.domain.fold import fold
from service.log import read
from service.log.schema import bundled
from service.postgres.pool import Pool
from service.recording.fixtures import is_edition_missing, load_fixtures, read_fixtures
from tests.support.postgres import CHANCE

Line = dict[str, Any]

FIXTURES = bundled("fixtures")
FILES = ("labs.jsonl", "people.jsonl", "events.jsonl")
KEYS = {
    "labs.jsonl": ("id", "name", "aliases", "kind", "parent", "country"),
    "people.jsonl": ("id", "name", "aliases"),
    "events.jsonl": (
        "event_id", "type", "date", "person", "lab", "name", "absorbed", "founders", "role",
        "team", "location", "relation", "basis", "certainty", "note", "sources", "alternatives",
    ),
    "conflicts.jsonl": ("person", "lab", "type", "dates", "comment"),
}  # fmt: skip
SOURCE_KEYS = ("url", "title", "publisher", "published")
PRIVATE = re.compile(
    r"\b(ill|illness|disease|diagnos\w*|medical|surgery|cancer|lyme|pregnan\w*|[mp]aternity"
    r"|fianc\w+|wife|husband|brother|sister|married|divorced?|home address"
    r"|(health|family|personal) reasons)\b",
    re.IGNORECASE,
)


def lines_of(name: str, folder: Path = FIXTURES) -> list[Line]:
    return [json.loads(line) for line in (folder / name).read_text("utf-8").splitlines()]


def as_log(folder: Path = FIXTURES) -> list[RecordedEvent]:
    """What a log holds after the fixtures were loaded into it, without a database."""
    return [
        RecordedEvent(position=Position(position), event_id=id_in(f.event_id), payload=f.payload)
        for position, f in enumerate(read_fixtures(folder), 1)
    ]


def id_in(event_id: UUID | None) -> UUID:
    assert event_id is not None
    return event_id


@pytest.mark.parametrize("name", KEYS)
def test_keys_stand_in_one_order(name: str) -> None:
    for line in lines_of(name):
        assert list(line) == [key for key in KEYS[name] if key in line]


@pytest.mark.parametrize("name", KEYS)
def test_lines_are_written_in_one_way(name: str) -> None:
    """So that a difference between two editions is a difference of facts."""
    text = (FIXTURES / name).read_text("utf-8")
    assert text == "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines_of(name))


@pytest.mark.parametrize("name", ["labs.jsonl", "people.jsonl"])
def test_register_is_sorted_and_unique(name: str) -> None:
    ids = [line["id"] for line in lines_of(name)]
    assert ids == sorted(set(ids))


def test_events_are_sorted_by_date_then_id() -> None:
    events = lines_of("events.jsonl")
    order = [(bounds(event["date"]).lo, event["event_id"]) for event in events]
    assert order == sorted(order)


def test_ids_are_unique() -> None:
    fixtures = read_fixtures(FIXTURES)
    assert len({f.event_id for f in fixtures}) == len(fixtures)
    assert all(str(UUID(e["event_id"])) == e["event_id"] for e in lines_of("events.jsonl"))


def test_everyone_named_is_registered() -> None:
    registered: set[tuple[str, str]] = set()
    named: set[tuple[str, str]] = set()
    for fixture in read_fixtures(FIXTURES):
        for reference in references(fixture.payload):
            if reference.free_text:
                continue
            to = registered if isinstance(reference.ref, Entity) else named
            to.add((reference.kind, id_of(reference.ref)))
    assert named <= registered


def test_every_event_has_a_source() -> None:
    for event in lines_of("events.jsonl"):
        assert event["sources"], event["event_id"]
        urls = [source["url"] for source in event["sources"]]
        assert len(urls) == len(set(urls)), event["event_id"]


def test_sources_have_their_keys_in_one_order() -> None:
    for event in lines_of("events.jsonl"):
        for source in sources_of(event):
            assert list(source) == [key for key in SOURCE_KEYS if key in source]


def test_no_line_tells_of_private_matters() -> None:
    private = [text for name in KEYS for line in lines_of(name) for text in texts_of(line)]
    assert not [text for text in private if PRIVATE.search(text)]


def test_hire_of_undisclosed_start_says_not_before() -> None:
    hires = [
        e
        for e in lines_of("events.jsonl")
        if e["type"] == "hire" and "start date not disclosed" in e.get("note", "")
    ]
    assert hires
    assert not [e for e in hires if not re.fullmatch(r"\[[0-9-]+\.\.\]", e["date"])]


def test_no_alternative_repeats_the_date() -> None:
    for event in lines_of("events.jsonl"):
        given = [alternative["date"] for alternative in event.get("alternatives", ())]
        assert event["date"] not in given, event["event_id"]


def test_findings_are_only_those_that_no_source_settles() -> None:
    kinds = {finding.kind for finding in fold(as_log()).findings}
    assert kinds <= {"unknown_start", "possible_duplicate"}


async def test_whole_history_is_loaded_once(pool: Pool) -> None:
    lines = sum(len(lines_of(name)) for name in FILES)
    assert await load(pool, FIXTURES) == lines
    assert await load(pool, FIXTURES) == 0
    assert await head_of(pool) == lines


async def test_changed_line_becomes_one_correction(pool: Pool, tmp_path: Path) -> None:
    folder = small_edition(tmp_path)
    await load(pool, folder)
    event = lines_of("events.jsonl", folder)[-1]
    rewrite(folder, "events.jsonl", {event["event_id"]: {**event, "note": "told otherwise"}})
    assert [await load(pool, folder) for _ in range(2)] == [1, 0]
    original, correction = await chain_of(pool, event["event_id"])
    assert original.event_id == UUID(event["event_id"])
    assert isinstance(correction.payload, Correction)
    assert correction.payload.event.note == "told otherwise"
    assert correction.recorded_by == "fixtures"


async def test_edition_that_goes_back_is_a_second_correction(pool: Pool, tmp_path: Path) -> None:
    folder = small_edition(tmp_path)
    await load(pool, folder)
    first = lines_of("events.jsonl", folder)[-1]
    second = {**first, "note": "told otherwise"}
    for line in (second, first, second):
        rewrite(folder, "events.jsonl", {first["event_id"]: line})
        assert [await load(pool, folder) for _ in range(2)] == [1, 0]
    notes = [
        e.payload.event.note
        for e in await chain_of(pool, first["event_id"])
        if isinstance(e.payload, Correction)
    ]
    assert notes == ["told otherwise", first.get("note"), "told otherwise"]


async def test_new_line_becomes_a_new_event(pool: Pool, tmp_path: Path) -> None:
    folder = small_edition(tmp_path)
    *older, newest = lines_of("events.jsonl", folder)
    write(folder, "events.jsonl", older)
    await load(pool, folder)
    write(folder, "events.jsonl", [*older, newest])
    assert [await load(pool, folder) for _ in range(2)] == [1, 0]
    (event,) = await chain_of(pool, newest["event_id"])
    assert event.position == await head_of(pool)


async def test_new_alias_corrects_the_profile(pool: Pool, tmp_path: Path) -> None:
    folder = small_edition(tmp_path)
    await load(pool, folder)
    lab = lines_of("labs.jsonl", folder)[0]
    rewrite(folder, "labs.jsonl", {lab["id"]: {**lab, "aliases": ["Quite another name"]}})
    assert [await load(pool, folder) for _ in range(2)] == [1, 0]
    async with pool.acquire() as connection:
        (correction,) = await read.read_by_positions(connection, [await head_of(pool)])
    assert isinstance(correction.payload, Correction)
    assert isinstance(correction.payload.event, Profile)
    assert state_of(await whole(pool)) == state_of(as_log(folder))


async def test_older_log_comes_to_answer_as_a_new_one(pool: Pool, tmp_path: Path) -> None:
    folder = small_edition(tmp_path)
    newest = lines_of("events.jsonl", folder)
    write(folder, "events.jsonl", [{**e, "date": "2019"} for e in newest[:-2]])
    await load(pool, folder)
    write(folder, "events.jsonl", newest)
    await load(pool, folder)
    assert state_of(await whole(pool)) == state_of(as_log(folder))


async def test_log_of_somebody_else_is_left_alone(client: httpx.AsyncClient, pool: Pool) -> None:
    own = {"type": "profile", "person": {"name": "Ada Lovelace"}}
    assert (await client.post("/v1/events", json=own)).status_code == 201
    assert await load(pool, FIXTURES) == 0
    assert await head_of(pool) == 1


async def test_correction_of_a_user_stands(
    client: httpx.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    folder = small_edition(tmp_path)
    await load(pool, folder)
    event = next(e for e in lines_of("events.jsonl", folder) if e["type"] == "hire")
    body = {**without_id(event), "date": "2001-01-01", "reason": "My own source."}
    answer = await client.put(f"/v1/events/{event['event_id']}/correction", json=body)
    assert answer.status_code == 201, answer.text
    assert await load(pool, folder) == 0
    (hire,) = [e for e in effective_events(await whole(pool)) if is_of(e.event_id, event)]
    assert isinstance(hire.payload, Hire)
    assert hire.payload.date == "2001-01-01"


async def test_retraction_of_a_user_stands(
    client: httpx.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    folder = small_edition(tmp_path)
    await load(pool, folder)
    event = lines_of("events.jsonl", folder)[-1]
    path = f"/v1/events/{event['event_id']}/retraction"
    answer = await client.put(path, json={"reason": "It never happened."})
    assert answer.status_code == 201, answer.text
    assert await load(pool, folder) == 0
    assert isinstance((await chain_of(pool, event["event_id"]))[-1].payload, Retraction)


async def test_who_was_erased_does_not_come_back_with_a_start_or_a_later_edition(
    client: httpx.AsyncClient, pool: Pool, tmp_path: Path
) -> None:
    folder = small_edition(tmp_path)
    await load(pool, folder)
    (founding,) = [e for e in lines_of("events.jsonl", folder) if e["type"] == "founding"]
    person = founding["founders"][0]
    body = {"person": person, "reason": "Asked for by letter."}
    answer = await client.post("/v1/erasures", json=body)
    assert answer.status_code == 201, answer.text
    assert await load(pool, folder) == 0

    ids = [f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3)]
    hired = {"type": "hire", "person": person, "lab": founding["lab"], "date": "2031"}
    other = lines_of("people.jsonl", folder)[-1]["id"]
    later = [
        hired | {"event_id": ids[0]},
        hired | {"event_id": ids[1], "person": other},
        founding | {"event_id": ids[2], "date": "2031"},
    ]
    write(folder, "events.jsonl", [*lines_of("events.jsonl", folder), *later])
    rewrite(folder, "people.jsonl", {person: {"id": person, "name": "Another Name"}})
    async with pool.acquire() as connection, connection.transaction():
        count = await load_fixtures(connection, read_fixtures(folder), CHANCE)
    # Without the hire of who was erased, and with the founding by the others.
    assert count == 2
    assert (await client.get(f"/v1/people/{person}")).status_code == 404
    (again,) = await chain_of(pool, ids[2])
    assert person not in [id_of(r.ref) for r in references(again.payload)]


def sources_of(event: Line) -> Iterator[Line]:
    yield from event["sources"]
    for alternative in event.get("alternatives", ()):
        yield from alternative.get("sources", ())


def texts_of(value: object, key: str = "") -> Iterator[str]:
    """Every text of a line but addresses."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from texts_of(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner, key)
    elif isinstance(value, str) and key not in ("url", "source_url"):
        yield value


def small_edition(folder: Path, lab: str = "mistral-ai") -> Path:
    """A copy of the fixtures, cut down to the events at one lab."""
    copy = folder / "fixtures"
    shutil.copytree(FIXTURES, copy)
    events = [e for e in lines_of("events.jsonl") if e["lab"] == lab]
    people = {e["person"] for e in events if "person" in e}
    people |= {one for e in events for one in e.get("founders", ())}
    write(copy, "events.jsonl", events)
    write(copy, "labs.jsonl", [x for x in lines_of("labs.jsonl") if x["id"] == lab])
    write(copy, "people.jsonl", [x for x in lines_of("people.jsonl") if x["id"] in people])
    return copy


def rewrite(folder: Path, name: str, changes: dict[str, Line]) -> None:
    """Replace the lines with these ids."""
    lines = lines_of(name, folder)
    write(folder, name, [changes.get(x.get("event_id") or x["id"], x) for x in lines])


def write(folder: Path, name: str, lines: Sequence[Line]) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / name).write_text(text, "utf-8")


def without_id(event: Line) -> Line:
    return {key: value for key, value in event.items() if key != "event_id"}


def is_of(event_id: UUID, line: Line) -> bool:
    return event_id == UUID(line["event_id"])


async def load(pool: Pool, folder: Path) -> int:
    """What a start of the service does with the fixtures in *folder*, and whether it would ask."""
    fixtures = read_fixtures(folder)
    async with pool.acquire() as connection, connection.transaction():
        is_missing = await is_edition_missing(connection, folder)
        count = await load_fixtures(connection, fixtures, CHANCE)
        assert is_missing == (count > 0)
        assert not await is_edition_missing(connection, folder)
        return count


async def chain_of(pool: Pool, event_id: str) -> list[RecordedEvent]:
    async with pool.acquire() as connection:
        return await read.read_by_ids(connection, [UUID(event_id)])


async def head_of(pool: Pool) -> int:
    async with pool.acquire() as connection:
        return (await read.read_head(connection)).position


async def whole(pool: Pool) -> list[RecordedEvent]:
    async with pool.acquire() as connection:
        head = await read.read_head(connection)
        return await read.read_by_positions(connection, range(1, head.position + 1))


def state_of(log: Sequence[RecordedEvent]) -> object:
    """What a log means, whatever the positions at which it came to mean it."""
    state = fold(log)
    key: Callable[[Any], str] = repr
    stints = sorted(((s.person, s.lab, s.start, s.end) for s in state.stints), key=key)
    names = {one: (p.name, set(p.names)) for one, p in state.people.items()}
    return stints, names, sorted(state.findings, key=key)
