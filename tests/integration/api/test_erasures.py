"""Erasing a person or an event: nothing of it is in any answer any more, and the log still holds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import asyncpg
import httpx
import pytest

from service import answering
from service.api.operations import Machinery, Operation
from service.api.routes import OPERATIONS
from service.app import machinery, make_current, read_state
from service.domain.fold import fold
from service.log.keys import key_hash
from service.postgres.pool import Connection, Pool
from service.read_models import replay as replays
from service.read_models import tables
from service.read_models.replays import Overtaken
from service.recording.erasures import Asked
from service.settings import Settings
from service.tasks import end
from tests.integration.api.asking import UNKNOWN, get, pointers, position, problem, record
from tests.support.histories import believed, fetch_rows, read_log, rows_of
from tests.support.postgres import KEYS, http_client

REASON = "Asked for by letter."
NAMES = ("Grace Hopper", "Grace B. Murray", "Amazing G.", "Hopper")
ERASED = ("Grace", "Murray", "Amazing", "lieutenant")
ADA, GRACE, LAB = "ada", "grace-hopper", "marks"
FOUNDED, HIRED, NOTED = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))

STORY: list[dict[str, Any]] = [
    {
        "type": "founding",
        "lab": {"id": LAB, "name": "Mark Works", "aliases": ["The Marks"]},
        "date": "1944-07",
        "founders": [
            {"name": "Grace Hopper", "id": GRACE},
            {"person": {"name": "Ada Lovelace", "id": ADA}, "role": "CEO"},
        ],
        "note": "Founded by Grace Hopper and Ada Lovelace.",
        "sources": [{"url": "https://example.org/grace-hopper"}],
        "event_id": FOUNDED,
    },
    {
        "type": "hire",
        "person": GRACE,
        "lab": {"id": "navy", "name": "Navy"},
        "date": "1943-12",
        "role": "lieutenant Hopper",
        "event_id": HIRED,
    },
    {
        "type": "hire",
        "person": ADA,
        "lab": "navy",
        "date": "1943-12",
        "note": "Told by Grace Hopper.",
    },
    {"type": "profile", "person": GRACE, "aliases": ["Amazing G."]},
    {"type": "same_as", "person": {"id": "g-murray", "name": "Grace B. Murray"}, "into": GRACE},
    {"type": "departure", "person": "g-murray", "lab": "navy", "date": "1946"},
    {"type": "profile", "person": {"id": "g-hoper", "name": "G. Hoper"}},
    {"type": "different_from", "person": GRACE, "other": "g-hoper"},
]
"""Of somebody in every kind of event; what tells of her stays is the third alone."""


@pytest.fixture
async def told(client: httpx.AsyncClient) -> httpx.AsyncClient:
    await record(client, *STORY)
    return client


@pytest.fixture
async def other(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the same service, as far as it remembers by itself."""
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    settings = Settings(database_url=database, data_dir=tmp_path)
    async with machinery(settings, database, keys) as made, http_client(made, "admin") as opened:
        yield opened


async def erase(client: httpx.AsyncClient, status: int = 201, **body: Any) -> dict[str, Any]:
    response = await client.post("/v1/erasures", json={"reason": REASON, **body})
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


async def replayed(client: httpx.AsyncClient) -> None:
    """Until the replay that an erasure leaves due is over."""
    for _ in range(600):
        if (await get(client, "/readyz"))["facts"]["read_models"] == "current":
            running = [
                r for r in (await get(client, "/v1/replays"))["items"] if r["state"] == "running"
            ]
            if not running:
                return
        await asyncio.sleep(0.1)
    pytest.fail("the replay did not come to its end")


def addresses(head: int) -> list[str]:
    """Every question that can be asked, of today and of before, by id and by name."""
    people = (ADA, GRACE, "g-murray", *NAMES)
    values = {"lab": (LAB, "navy", "The Marks"), "person": people, "event_id": (FOUNDED, HIRED)}
    found = []
    for operation in OPERATIONS:
        # A stream has no end; what it tells is read as events are.
        is_endless = operation.id == "followLog"
        if operation.method == "GET" and "{replay_id" not in operation.path and not is_endless:
            paths = [operation.path]
            for field, each in values.items():
                if f"{{{field}:str}}" in operation.path:
                    paths = [p.replace(f"{{{field}:str}}", quote(v)) for p in paths for v in each]
            queries = _queries(operation, people, head)
            found += [f"{path}?{query}" if query else path for path in paths for query in queries]
    return [*found, "/metrics", "/readyz", "/docs", "/schema/openapi.json", "/"]


def _queries(operation: Operation, people: Sequence[str], head: int) -> list[str]:
    if operation.id == "getLabChanges":
        return [f"known_from={n}&known_to={head}" for n in (2, 6, 9)]
    known = {
        "known_at": ["2", "6", str(head)],
        "q": ["gra", "hop", *NAMES],
        "published_by": ["2199-01-01"],
        "person": people,
        "kind": ["possible_same_person"],
    }
    names = [param.name for param in operation.params]
    return ["", *(f"{name}={quote(v)}" for name in names for v in known.get(name, ()))]


async def assert_is_gone(client: httpx.AsyncClient, head: int) -> None:
    """No answer says what was erased, but for the words of the question."""
    every = addresses(head)
    assert len(every) > 150
    for address in every:
        response = await client.get(address)
        assert response.status_code in (200, 404, 422), (address, response.text)
        for word in ERASED:
            if word.casefold() not in unquote(address).casefold():
                assert word.casefold() not in response.text.casefold(), address


async def assert_is_in_no_table(made: Machinery) -> None:
    """No row says what was erased, in whatever column, but what a replay builds just now."""
    async with made.pool.acquire() as connection:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname IN ('public', 'read_models', 'read_models_before')"
        )
        assert len(tables) >= 14
        for schema, table in tables:
            rows = await connection.fetch(f'SELECT t::text FROM "{schema}"."{table}" AS t')
            told = "\n".join(row["t"] for row in rows).casefold()
            assert [word for word in ERASED if word.casefold() in told] == [], (schema, table)


async def test_nothing_of_the_erased_is_in_any_answer_or_table(
    told: httpx.AsyncClient, other: httpx.AsyncClient, made: Machinery
) -> None:
    # What both processes remember and keep of before is not told either.
    for client in (told, other) * 3:
        roster = await get(client, "/v1/labs/navy", at="1944-01-01")
        assert [m["person"]["name"] for m in roster["members"]] == ["Ada Lovelace", "Grace Hopper"]
    noted = (await get(told, "/v1/events"))["items"][2]["event_id"]
    answer = await erase(told, person="Grace Hopper")
    assert [e["position"] for e in answer["erased"]] == [1, 2, 4, 5, 6, 8]
    assert [e["event_id"] for e in answer["mentions"]] == [noted]
    await erase(told, event_id=noted, event=_without_note(STORY[2]))
    await assert_is_in_no_table(made)
    await assert_is_gone(told, await position(told))
    await assert_is_gone(other, await position(told))
    await replayed(told)
    await assert_is_in_no_table(made)
    await assert_is_gone(told, await position(told))


async def test_the_log_still_holds_and_a_replay_finds_nothing(told: httpx.AsyncClient) -> None:
    before = await get(told, f"/v1/labs/{LAB}", at="1950-01-01")
    answer = await erase(told, person=GRACE)
    after = await get(told, f"/v1/labs/{LAB}", at="1950-01-01")
    assert after["lab"] == before["lab"] | {"founders": [{"id": ADA, "name": "Ada Lovelace"}]}
    assert after["members"] == before["members"][:1]
    assert [e["type"] for e in answer["restated"]] == ["correction", "profile"]
    assert "note" not in answer["restated"][0]["event"]
    assert "sources" not in answer["restated"][0]["event"]
    await replayed(told)
    verified = await told.post("/v1/verifications")
    assert verified.json()["state"] == "ok", verified.text
    assert verified.json()["problems"] == []
    erasures = await get(told, "/v1/erasures")
    assert [e["event_id"] for e in erasures["items"]] == [answer["event"]["event_id"]]
    assert erasures["items"][0]["reason"] == REASON
    export = (await told.get("/v1/log/export")).text
    assert [word for word in ERASED if word in export.replace("Told by Grace Hopper.", "")] == []


async def test_what_is_believed_is_the_fold_from_the_first_moment_on(
    told: httpx.AsyncClient, pool: Pool
) -> None:
    await erase(told, person=GRACE)
    async with pool.acquire() as connection:
        events = await read_log(connection)
        rows = believed(await fetch_rows(connection), len(events))
    assert rows == rows_of(fold(events))
    hired = {"type": "hire", "person": {"name": "Grace Hopper"}, "lab": LAB, "date": "1950"}
    (again,) = await record(told, hired)
    # Whoever comes under that name is somebody new.
    assert again["person"] == {"id": GRACE, "name": "Grace Hopper"}
    assert len((await get(told, f"/v1/people/{GRACE}"))["stints"]) == 1


async def test_a_dry_run_tells_what_is_then_done_and_does_nothing(told: httpx.AsyncClient) -> None:
    head = await position(told)
    path = "/v1/erasures?dry_run=true"
    response = await told.post(path, json={"person": "g-murray", "reason": REASON})
    assert response.status_code == 200, response.text
    rehearsed = response.json()
    assert [p["name"] for p in rehearsed["people"]] == ["Grace B. Murray", "Grace Hopper"]
    assert await position(told) == head == rehearsed["head"]
    assert (await get(told, f"/v1/people/{GRACE}"))["person"]["name"] == "Grace Hopper"
    done = await erase(told, person="g-murray")
    assert done["erased"] == rehearsed["erased"]
    assert done["mentions"] == rehearsed["mentions"]
    assert [_payload(e) for e in done["restated"]] == rehearsed["restated"]


def _payload(event: dict[str, Any]) -> dict[str, Any]:
    own = ("event_id", "position", "recorded_at", "recorded_by", "revision", "hash")
    return {field: value for field, value in event.items() if field not in own}


async def test_a_repeat_with_its_key_is_told_the_first_answer(told: httpx.AsyncClient) -> None:
    def send(**body: str) -> Any:
        return told.post(
            "/v1/erasures",
            json={"reason": REASON, **body},
            headers={"Idempotency-Key": "letter-1"},
        )

    first = (await send(person="Grace Hopper")).json()
    again = await send(person="Grace Hopper")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first | {"mentions": None}
    head = await position(told)
    for body in ({"person": "Ada Lovelace"}, {"person": GRACE, "reason": "Another."}):
        problem(await send(**body), 409, "idempotency_key_taken")
    problem(await send(event_id=HIRED), 409, "idempotency_key_taken")
    assert await position(told) == head


@pytest.mark.parametrize(
    ("body", "status", "code", "where"),
    [
        ({"person": "Grace Hoper"}, 422, "invalid", ["/person"]),
        ({"person": "Two Names"}, 409, "ambiguous_name", ["/person"]),
        ({"person": GRACE, "reason": "grace  HOPPER asked"}, 422, "invalid", ["/reason"]),
        ({"person": GRACE, "reason": None}, 422, "invalid", ["/reason"]),
        ({"person": GRACE, "event_id": HIRED}, 422, "invalid", [""]),
        ({}, 422, "invalid", [""]),
        ({"person": {"id": GRACE}}, 422, "invalid", ["/person"]),
        ({"person": GRACE, "event": {"type": "closure"}}, 422, "invalid", ["/event"]),
        ({"person": GRACE, "why": ""}, 422, "invalid", ["/why"]),
        ({"event_id": "1"}, 422, "invalid", ["/event_id"]),
        ({"event_id": UNKNOWN}, 404, "unknown_event", []),
        ({"event_id": HIRED, "event": {"type": "hire"}}, 422, "invalid", ["/event/date", "/event/person", "/event/lab"]),
        ({"event_id": HIRED, "event": STORY[1] | {"person": "Nobody"}}, 422, "invalid", ["/event/event_id"]),
        ({"again": {"event_id": UNKNOWN, "events": []}}, 422, "invalid", ["/again/events"]),
        ({"again": {"event_id": UNKNOWN, "events": [UNKNOWN]}}, 409, "nothing_left", []),
        ({"again": {"event_id": HIRED, "events": [FOUNDED]}}, 409, "event_id_taken", []),
        (
            {
                "again": {
                    "event_id": UNKNOWN,
                    "events": [HIRED],
                    "restated": [{"type": "profile", "lab": "No Id", "event_id": UNKNOWN}],
                }
            },
            422,
            "invalid",
            ["/again/restated/0/lab"],
        ),
    ],
)  # fmt: skip
async def test_a_refused_erasure_leaves_nothing(
    told: httpx.AsyncClient, body: dict[str, Any], status: int, code: str, where: list[str]
) -> None:
    twins = [{"type": "profile", "person": {"id": f"two-{n}", "name": "Two Names"}} for n in "ab"]
    await record(told, *twins)
    head = await position(told)
    response = await told.post("/v1/erasures", json={"reason": REASON} | body)
    found = problem(response, status, code)
    assert sorted(pointers(found)) == sorted(where)
    if body.get("person") == "Grace Hoper":
        assert found.suggestions[0].id == GRACE
    assert await position(told) == head
    assert (await get(told, f"/v1/people/{GRACE}"))["stints"]


async def test_only_an_admin_erases(told: httpx.AsyncClient, made: Machinery) -> None:
    async with http_client(made, "writer") as writer:
        problem(await writer.post("/v1/erasures", json={"person": GRACE, "reason": REASON}), 403)
    assert (await get(told, f"/v1/people/{GRACE}"))["stints"]


async def test_what_is_gone_cannot_be_erased_once_more(told: httpx.AsyncClient) -> None:
    done = await erase(told, person=GRACE)
    head = await position(told)
    response = await told.post("/v1/erasures", json={"reason": REASON, "event_id": HIRED})
    problem(response, 409, "erased")
    erasure = {"reason": REASON, "event_id": done["event"]["event_id"]}
    problem(await told.post("/v1/erasures", json=erasure), 409, "not_erasable")
    response = await told.post("/v1/erasures", json={"reason": REASON, "person": GRACE})
    problem(response, 422)
    assert await position(told) == head


async def test_an_event_goes_and_what_is_said_in_its_place_holds(told: httpx.AsyncClient) -> None:
    instead = {"type": "hire", "person": GRACE, "lab": "Navy", "date": "1943-12"}
    done = await erase(told, event_id=HIRED, event=instead)
    assert [e["type"] for e in done["restated"]] == ["correction", "profile"]
    (stint, *_) = (await get(told, f"/v1/people/{GRACE}"))["stints"]
    assert (stint["lab"]["name"], stint["role"]) == ("Navy", None)
    await replayed(told)
    assert "lieutenant" not in (await told.get("/v1/log/export")).text


async def test_an_erased_merger_carries_nobody_from_that_moment_on(
    told: httpx.AsyncClient,
) -> None:
    merged = {"type": "merger", "absorbed": ["navy"], "lab": LAB, "date": "1945"}
    (recorded,) = await record(told, merged)
    at_works = {"at": "1950-01-01"}
    before = await get(told, f"/v1/labs/{LAB}", **at_works)
    assert before["lab"]["predecessors"]
    done = await erase(told, event_id=recorded["event_id"])
    assert [e["type"] for e in done["restated"]] == ["retraction"]
    after = await get(told, f"/v1/labs/{LAB}", **at_works)
    assert after["lab"]["predecessors"] == []
    navy = await get(told, "/v1/labs/navy", **at_works)
    assert navy["lab"]["status"] == "active"
    assert [m["person"]["id"] for m in navy["members"]] == [ADA]


async def test_an_erasure_of_a_copy_is_applied_once_with_what_was_said_there(
    told: httpx.AsyncClient,
) -> None:
    ids = [f"00000000-0000-4000-8000-0000000000a{n}" for n in range(4)]
    named = {"type": "profile", "lab": {"id": "navy", "name": "Navy"}, "event_id": ids[2]}
    without = {k: v for k, v in STORY[0].items() if k not in ("note", "sources", "event_id")}
    founded = {
        "type": "correction",
        "target": FOUNDED,
        "reason": "Said there.",
        "event": without | {"founders": [{"person": {"id": ADA, "name": "Ada Lovelace"}}]},
        "event_id": ids[3],
    }
    first = {"event_id": ids[0], "events": [HIRED], "restated": [named]}
    done = await erase(told, again=first)
    assert done["event"]["event_id"] == ids[0]
    assert [e["event_id"] for e in done["restated"]] == [ids[2]]
    # One that was erased in the copy alone is passed over, what is here already not said twice.
    later = {"event_id": ids[1], "events": [FOUNDED, UNKNOWN], "restated": [named, founded]}
    done = await erase(told, again=later)
    assert [e["event_id"] for e in done["erased"]] == [FOUNDED]
    assert [e["event_id"] for e in done["restated"]] == [ids[3]]
    lab = (await get(told, f"/v1/labs/{LAB}", at="1950-01-01"))["lab"]
    assert (lab["founded"], [f["id"] for f in lab["founders"]]) == ("1944-07", [ADA])
    head = await position(told)
    assert await erase(told, status=200, again=later) == done | {"mentions": None}
    assert await position(told) == head


async def test_there_is_no_way_back_to_read_models_of_before(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    started = (await told.post("/v1/replays")).json()
    await replayed(told)
    asked = Asked(reason=REASON, person=GRACE, recorded_by="a", request_id="r", receipts_of="a")
    # Without the replay that follows, which a rollback would have to wait for.
    await made.writer.erase(asked)
    response = await told.post(f"/v1/replays/{started['id']}/rollback")
    problem(response, 409, "nothing_to_roll_back")


async def test_a_replay_that_read_the_log_before_comes_to_nothing(
    told: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_next = tables.finish_next

    async def erase_meanwhile(connection: Connection, pool: Pool, at_once: int) -> None:
        monkeypatch.setattr(replays, "finish_next", finish_next)
        await made.writer.erase(
            Asked(reason=REASON, person=GRACE, recorded_by="a", request_id="r", receipts_of="a")
        )
        await finish_next(connection, pool, at_once)

    monkeypatch.setattr(replays, "finish_next", erase_meanwhile)
    replay_id = made.new_id()
    with pytest.raises(Overtaken):
        await replays.replay(made.pool, replay_id, now=made.now)
    told_of = await get(told, f"/v1/replays/{replay_id}")
    assert (told_of["state"], told_of["drift"]) == ("failed", [])
    assert "erased meanwhile" in told_of["detail"]
    problem(await told.get(f"/v1/people/{GRACE}"), 404)


async def test_what_a_killed_service_left_due_the_next_one_does(
    told: httpx.AsyncClient, made: Machinery
) -> None:
    asked = Asked(reason=REASON, person=GRACE, recorded_by="a", request_id="r", receipts_of="a")
    # As far as it comes before anything else is begun.
    await made.writer.erase(asked)
    assert (await read_state(made.pool)).is_due
    assert (await get(told, "/readyz"))["facts"]["read_models"] == "due"
    problem(await told.get(f"/v1/people/{GRACE}"), 404)
    await make_current(made.pool)
    assert (await read_state(made.pool)).is_current
    made_anew = (await get(told, "/v1/replays"))["items"][0]
    assert (made_anew["state"], made_anew["checkpoint"]) == ("done", await position(told))


async def test_what_another_process_left_due_a_service_does_soon(
    told: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "DUE_LOOK_SECONDS", 0.01)
    staying = asyncio.create_task(answering._stay_current(made))
    asked = Asked(reason=REASON, person=GRACE, recorded_by="a", request_id="r", receipts_of="a")
    await made.writer.erase(asked)
    await replayed(told)
    await end({staying})
    assert (await read_state(made.pool)).is_current


STATEMENTS_MAX = 9
_left: ContextVar[list[int]] = ContextVar("_left")
"""How many statements are to be answered until something comes in between."""


async def test_a_question_in_the_midst_of_which_somebody_is_erased_is_answered(
    client: httpx.AsyncClient, made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After whichever of its statements: with them or without, or not found."""
    lab = {"type": "profile", "lab": {"id": LAB, "name": "Mark Works"}}
    stays = {"type": "hire", "person": {"name": "Ada Lovelace"}, "lab": LAB, "date": "1943"}
    await record(client, lab, stays)
    ask = asyncpg.Connection._execute  # type: ignore[attr-defined]  # every question goes by it
    erased = []

    async def ask_and_erase(self: asyncpg.Connection, *args: Any, **kwargs: Any) -> Any:
        found = await ask(self, *args, **kwargs)
        left = _left.get([])
        if left and (count := left.pop()) > 0:
            left.append(count - 1)
            if count == 1:
                left.clear()
                erased.append(args[0])
                await made.writer.erase(
                    Asked(
                        reason=REASON,
                        person="grace",
                        recorded_by="a",
                        request_id="r",
                        receipts_of="a",
                    )
                )
        return found

    monkeypatch.setattr(asyncpg.Connection, "_execute", ask_and_erase)
    for path in (
        f"/v1/labs/{LAB}",
        f"/v1/labs/{LAB}?published_by=2199-01-01",
        f"/v1/labs/{LAB}/members/Grace/why",
        f"/v1/labs/{LAB}/timeline",
        f"/v1/labs/{LAB}/changes?from=1942-01-01&to=1950-01-01",
        "/v1/people/Grace",
        "/v1/people?q=grace",
        "/v1/events?person=Grace",
        "/v1/events/" + HIRED,
        "/v1/findings?person=Grace",
        "/v1/corrections",
    ):
        for count in range(1, STATEMENTS_MAX):
            event_id = str(made.new_id())
            hired = {"person": {"id": "grace", "name": "Grace Hopper"}, "lab": LAB, "date": "1944"}
            twice = hired | {"date": "1944-02"}
            await record(
                client,
                {"type": "hire", **hired, "event_id": event_id},
                {"type": "hire", **twice},
            )
            _left.set(left := [count])
            response = await client.get(path.replace(HIRED, event_id))
            assert response.status_code in (200, 404, 422), (path, count, response.text)
            if left:
                # It came to its end before; nobody was erased.
                left.clear()
                await erase(client, person="grace")
                break
    assert len(erased) > 20, "it came in between"


def _without_note(event: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in event.items() if field != "note"}
