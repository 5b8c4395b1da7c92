"""Keys: who may do what, and that they stay secret."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from litestar.routes import HTTPRoute

from service.api.administering import KeyCreated
from service.api.application import routed
from service.api.openapi import document, public_path
from service.api.operations import Machinery
from service.app import pages
from service.log.keys import KeyLookUp
from service.web.assets import address_of
from service.web.handlers import PAGES
from tests.integration.api.asking import HIRED, SEED, UNKNOWN, get, hire, pointers, problem, record
from tests.support.browsing import signed_in
from tests.support.postgres import http_client

ROLES = ("reader", "writer", "admin")
NEEDS: dict[str, str | None] = {
    "listLabs": None,
    "getLab": None,
    "getWhy": None,
    "getTimeMap": None,
    "getLabTimeline": None,
    "getLabChanges": None,
    "getHeadcounts": None,
    "listPeople": None,
    "getPerson": None,
    "ask": None,
    "listColleagues": None,
    "listMoves": None,
    "listFlows": None,
    "listEvents": None,
    "recordEvents": "writer",
    "getEvent": None,
    "listCorrections": None,
    "correctEvent": "writer",
    "retractEvent": "writer",
    "listFindings": None,
    "getLog": None,
    "exportLog": None,
    "followLog": None,
    "verify": "reader",
    "startReplay": "admin",
    "listReplays": None,
    "getReplay": None,
    "rollBackReplay": "admin",
    "listErasures": None,
    "erase": "admin",
    "getDiagnosis": "admin",
    "listKeys": "admin",
    "createKey": "admin",
    "rotateKey": "admin",
    "revokeKey": "admin",
}
"""The least role that each operation needs, said a second time: a new one has to be thought of."""
OPEN = ("/healthz", "/readyz", "/metrics", "/schema/openapi.json", "/favicon.ico")
"""What stands beside `/v1`, is no page and needs no key, even where reading does."""
STATIC = "/static/{name}"
PAGES_NEED: dict[tuple[str, str], str | None] = {
    ("GET", "/"): "reading",
    ("GET", "/labs/{lab}"): "reading",
    ("GET", "/people/{person}"): "reading",
    ("GET", "/moves"): "reading",
    ("GET", "/events/{event_id}"): "reading",
    ("GET", "/corrections"): "reading",
    ("GET", "/record"): "writer",
    ("POST", "/record"): "writer",
    ("GET", "/events/{event_id}/correct"): "writer",
    ("POST", "/events/{event_id}/correct"): "writer",
    ("GET", "/events/{event_id}/retract"): "writer",
    ("POST", "/events/{event_id}/retract"): "writer",
    ("GET", "/log"): "reading",
    ("POST", "/log/verification"): "reader",
    ("GET", "/findings"): "reading",
    ("GET", "/replays"): "reading",
    ("GET", "/replays/{replay_id}"): "reading",
    ("POST", "/replays"): "admin",
    ("POST", "/replays/{replay_id}/rollback"): "admin",
    ("GET", "/docs"): None,
    ("GET", "/sign-in"): None,
    ("POST", "/sign-in"): None,
    ("POST", "/sign-out"): None,
}
"""
What whoever asks for a page has to be signed in with, said a second time: `reading` is open unless
a setting closes it, and None is open even then.
"""


class Described(NamedTuple):
    """An operation as the OpenAPI document has it."""

    id: str
    method: str
    path: str
    role: str


DESCRIBED = [
    Described(told["operationId"], method.upper(), path, told["x-role"])
    for path, methods in document()["paths"].items()
    for method, told in methods.items()
]


def test_every_operation_has_its_rule() -> None:
    assert {told.id: told.role for told in DESCRIBED} == {
        name: role or "open" for name, role in NEEDS.items()
    }


def test_every_handler_is_an_operation_or_open(made: Machinery) -> None:
    """Whatever is routed, by whichever hand, has its rule in the document, or is named above."""
    routes = [route for route in routed(made, pages(made)).routes if isinstance(route, HTTPRoute)]
    handled = {
        (method, public_path(route.path_format))
        for route in routes
        for method in route.methods
        # What a path takes is no secret.
        if method not in ("OPTIONS", "HEAD")
    }
    beside = {("GET", path) for path in (*OPEN, STATIC)}
    assert handled == {(told.method, told.path) for told in DESCRIBED} | beside | PAGES_NEED.keys()


def test_every_page_has_its_rule() -> None:
    said = {
        (page.method, public_path(page.path)): page.role or (None if page.is_open else "reading")
        for page in PAGES
    }
    assert said == PAGES_NEED


@pytest.mark.parametrize("is_closed", [False, True], ids=["reading open", "reading closed"])
@pytest.mark.parametrize("operation", DESCRIBED, ids=lambda told: told.id)
async def test_operation_is_for_those_who_may(
    operation: Described, is_closed: bool, client: httpx.AsyncClient, made: Machinery
) -> None:
    await record(client, *SEED)
    made.read_keys_required = is_closed
    # A stream has no other end, and the client in process waits for it.
    made.follower.end()
    needed = None if operation.role == "open" else operation.role
    needed = needed or ("reader" if is_closed else None)
    async with http_client(made, None) as asking:
        for key in (None, "wrong", *ROLES):
            response = await _ask(asking, operation, key)
            if key == "wrong" or (key is None and needed is not None):
                problem(response, 401, "unauthenticated")
                assert response.headers["www-authenticate"].startswith("Bearer ")
            elif key is not None and needed and ROLES.index(key) < ROLES.index(needed):
                told = problem(response, 403, "forbidden")
                assert f"'{needed}'" in told.detail
            else:
                assert response.status_code not in (401, 403, 500), response.text
    await asyncio.gather(*made.tasks)


@pytest.mark.parametrize("path", [*OPEN, address_of("page.css"), "/docs", "/sign-in"])
async def test_what_shows_nothing_of_the_log_needs_no_key(path: str, made: Machinery) -> None:
    made.read_keys_required = True
    async with http_client(made, None) as asking:
        assert (await asking.get(path)).status_code == 200


NAMED = {"{lab}": "engines", "{person}": "ada", "{event_id}": HIRED, "{replay_id}": UNKNOWN}
"""Who is meant by a page's path."""


@pytest.mark.parametrize(("method", "path"), PAGES_NEED)
@pytest.mark.parametrize("role", [None, *ROLES])
@pytest.mark.parametrize("is_closed", [False, True], ids=["reading open", "reading closed"])
async def test_page_is_for_those_who_may(
    method: str,
    path: str,
    role: str | None,
    client: httpx.AsyncClient,
    made: Machinery,
    *,
    is_closed: bool,
) -> None:
    """Others are asked to sign in, or to sign in with another key."""
    await record(client, *SEED)
    address = path
    for place, name in NAMED.items():
        address = address.replace(place, name)
    made.read_keys_required = is_closed
    needed = PAGES_NEED[method, path]
    needed = ("reader" if is_closed else None) if needed == "reading" else needed
    typed = {"key": "reader"} if path == "/sign-in" else {}
    async with http_client(made, None) as asking:
        token = "" if role is None else await signed_in(asking, role)
        response = await asking.request(
            method,
            address,
            headers={"Origin": "http://test"},
            data={"form_token": token, **typed} if method == "POST" else None,
        )
        if role is None and needed is not None:
            assert response.status_code in (302, 303)
            assert response.headers["location"].startswith("/sign-in?next=")
        elif role is not None and needed and ROLES.index(role) < ROLES.index(needed):
            problem(response, 403, "forbidden")
        else:
            # A form that says nothing is shown again with what it lacks.
            done = {200} if method == "GET" else {200, 303, 422}
            # There is no such replay, which is told to those who may know.
            done = {404} if "{replay_id}" in path else done
            assert response.status_code in done, response.text
            assert not response.headers.get("location", "").startswith("/sign-in?next=")


@pytest.mark.parametrize(
    "header",
    ["admin", "Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer ", "bearer  ", "Token admin", "", "é"],
)
async def test_other_credentials_are_refused(header: str, anonymous: httpx.AsyncClient) -> None:
    headers = {b"Authorization": header.encode("latin-1")}
    problem(await anonymous.get("/v1/log", headers=headers), 401, "unauthenticated")


async def test_scheme_is_taken_in_any_case(anonymous: httpx.AsyncClient) -> None:
    for scheme in ("bearer", "BEARER", "Bearer "):
        headers = {"Authorization": f"{scheme} admin"}
        assert (await anonymous.get("/v1/keys", headers=headers)).status_code == 200


async def test_key_is_asked_for_before_anything_else(anonymous: httpx.AsyncClient) -> None:
    """Whoever may not write learns nothing of what the log holds."""
    for response in (
        await anonymous.post("/v1/events", content=b"{"),
        await anonymous.put(f"/v1/events/{UNKNOWN}/retraction", json={}),
        await anonymous.post("/v1/events?x=1", json=hire()),
    ):
        problem(response, 401, "unauthenticated")


@asynccontextmanager
async def _with_new_key(
    client: httpx.AsyncClient, made: Machinery, name: str, role: str
) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    created = await client.post("/v1/keys", json={"name": name, "role": role})
    assert created.status_code == 201, created.text
    assert created.headers["cache-control"] == "no-store"
    async with http_client(made, created.json()["key"]) as asking:
        yield created.json()["key"], asking


async def test_key_is_told_once_and_names_its_events(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    await record(client, *SEED)
    async with _with_new_key(client, made, "editor", "writer") as (key, editor):
        (event,) = await record(editor, hire())
        assert event["recorded_by"] == "editor"
        assert (await get(client, f"/v1/events/{event['event_id']}"))["recorded_by"] == "editor"
        listed = await client.get("/v1/keys")
        assert key not in listed.text
        (entry,) = listed.json()["items"]
        assert (entry["name"], entry["role"], entry["revoked_at"]) == ("editor", "writer", None)
        assert entry["created_at"]
        problem(await editor.get("/v1/keys"), 403, "forbidden")


async def test_revoked_key_is_refused_at_once(client: httpx.AsyncClient, made: Machinery) -> None:
    await record(client, *SEED)
    async with _with_new_key(client, made, "editor", "writer") as (_, editor):
        (event,) = await record(editor, hire())
        gone = await client.delete("/v1/keys/editor")
        assert (gone.status_code, gone.content) == (204, b"")
        problem(await editor.post("/v1/events", json=hire()), 401, "unauthenticated")
        problem(await editor.get("/v1/log"), 401, "unauthenticated")
        problem(await client.delete("/v1/keys/editor"), 404, "not_found")
        (entry,) = (await get(client, "/v1/keys"))["items"]
        assert entry["revoked_at"] is not None
        assert (await get(client, f"/v1/events/{event['event_id']}"))["recorded_by"] == "editor"
    async with _with_new_key(client, made, "editor", "reader") as (_, editor):
        problem(await editor.post("/v1/events", json=hire()), 403, "forbidden")


async def test_name_of_a_key_in_use_is_taken(client: httpx.AsyncClient, made: Machinery) -> None:
    async with _with_new_key(client, made, "editor", "writer"):
        told = await client.post("/v1/keys", json={"name": "editor"})
        problem(told, 409, "key_name_taken")
    default = await client.post("/v1/keys", json={"name": "another"})
    assert default.json()["role"] == "writer"


@pytest.mark.parametrize("name", ["admin", "Admin", "fixtures", "local:ada", "a#1"])
async def test_name_under_which_the_service_records_is_refused(
    name: str, client: httpx.AsyncClient
) -> None:
    told = problem(await client.post("/v1/keys", json={"name": name}), 422, "invalid")
    assert pointers(told) == ["/name"]


async def test_new_key_of_a_revoked_name_has_idempotency_keys_of_its_own(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    await record(client, *SEED)
    headers = {"Idempotency-Key": "import"}
    for year in ("2001", "2002", "2003"):
        async with _with_new_key(client, made, "editor", "writer") as (_, editor):
            first = await editor.post("/v1/events", json=hire(date=year), headers=headers)
            again = await editor.post("/v1/events", json=hire(date=year), headers=headers)
            assert (first.status_code, again.status_code) == (201, 200), first.text
            assert first.json()["recorded_by"] == "editor"
            await client.delete("/v1/keys/editor")


async def test_key_that_expires_is_refused_from_then_on(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    end = made.now() + timedelta(hours=1)
    created = await client.post(
        "/v1/keys", json={"name": "guest", "role": "reader", "expires_at": end.isoformat()}
    )
    assert created.status_code == 201, created.text
    assert datetime.fromisoformat(created.json()["expires_at"]) == end
    (entry,) = (await get(client, "/v1/keys"))["items"]
    assert datetime.fromisoformat(entry["expires_at"]) == end
    async with http_client(made, created.json()["key"]) as guest:
        assert (await guest.get("/v1/log")).status_code == 200
        (entry,) = (await get(client, "/v1/keys"))["items"]
        assert entry["last_used_at"] is not None
        made.keys = KeyLookUp(made.pool, lambda: end)
        problem(await guest.get("/v1/log"), 401, "unauthenticated")


async def test_new_key_takes_the_place_of_another(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    """In every process at once; what was sent with the one before is known as sent."""
    await record(client, *SEED)
    headers = {"Idempotency-Key": "import"}
    async with _with_new_key(client, made, "editor", "writer") as (_, editor):
        first = await editor.post("/v1/events", json=hire(), headers=headers)
        rotated = await client.post("/v1/keys/editor/rotation", json={"overlap_seconds": 60})
        assert rotated.status_code == 201, rotated.text
        assert (rotated.json()["name"], rotated.json()["role"]) == ("editor", "writer")
        assert rotated.headers["cache-control"] == "no-store"
        async with http_client(made, rotated.json()["key"]) as again:
            for one in (editor, again):
                repeated = await one.post("/v1/events", json=hire(), headers=headers)
                assert repeated.status_code == 200, repeated.text
                assert repeated.json() == first.json()
            last = await client.post("/v1/keys/editor/rotation", json={})
            problem(await again.get("/v1/log"), 401, "unauthenticated")
            # The one before that was given a minute.
            assert (await editor.get("/v1/log")).status_code == 200
        async with http_client(made, last.json()["key"]) as newest:
            repeated = await newest.post("/v1/events", json=hire(), headers=headers)
            assert repeated.json() == first.json()
            await client.delete("/v1/keys/editor")
            for gone in (editor, newest):
                problem(await gone.get("/v1/log"), 401, "unauthenticated")
    assert [k["name"] for k in (await get(client, "/v1/keys"))["items"]] == ["editor"] * 3


async def test_only_a_key_in_use_is_rotated(client: httpx.AsyncClient) -> None:
    problem(await client.post("/v1/keys/nobody/rotation", json={}), 404, "not_found")
    await client.post("/v1/keys", json={"name": "editor"})
    await client.delete("/v1/keys/editor")
    problem(await client.post("/v1/keys/editor/rotation", json={}), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/keys", {"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ("/v1/keys", {"name": "a", "expires_at": "2099-01-01"}, "/expires_at"),
        ("/v1/keys", {"name": "a", "expires_at": "2099-02-30T00:00:00Z"}, "/expires_at"),
        ("/v1/keys", {"name": "a", "expires_at": "2099-01-01T00:00:00"}, "/expires_at"),
        ("/v1/keys", {"name": "a", "expires_at": 4102444800}, "/expires_at"),
        ("/v1/keys", {"name": "a", "expires": "2099-01-01T00:00:00Z"}, "/expires"),
        ("/v1/keys/a/rotation", {"overlap_seconds": -1}, "/overlap_seconds"),
        ("/v1/keys/a/rotation", {"overlap_seconds": 604801}, "/overlap_seconds"),
        ("/v1/keys/a/rotation", {"overlap_seconds": 1.5}, "/overlap_seconds"),
        ("/v1/keys/a/rotation", {"overlap_seconds": True}, "/overlap_seconds"),
        ("/v1/keys/a/rotation", {"overlap_seconds": False}, "/overlap_seconds"),
        ("/v1/keys/a/rotation", {"expires_at": "soon"}, "/expires_at"),
        ("/v1/keys/a/rotation", {"role": "admin"}, "/role"),
        ("/v1/keys/a/rotation", [], ""),
    ],
)
async def test_key_that_cannot_be_meant_is_refused(
    path: str, body: Any, pointer: str, client: httpx.AsyncClient
) -> None:
    told = problem(await client.post(path, json=body), 422, "invalid")
    assert pointers(told) == [pointer]


async def test_key_stays_out_of_logs_errors_and_reprs(
    client: httpx.AsyncClient, made: Machinery, capfd: pytest.CaptureFixture[str]
) -> None:
    await record(client, *SEED)
    async with _with_new_key(client, made, "editor", "writer") as (key, editor):
        answers = [
            await editor.post("/v1/events", json=hire()),
            await editor.post("/v1/events", json=hire(date="x")),
            await editor.get("/v1/keys"),
            await editor.get("/v1/nothing"),
            await editor.get("/metrics"),
            await editor.get("/v1/labs?x=1"),
        ]
        rotated = await client.post("/v1/keys/editor/rotation", json={})
        answers.append(await client.get("/v1/keys"))
        await client.delete("/v1/keys/editor")
        answers.append(await editor.get("/v1/labs"))
        assert [a.status_code for a in answers] == [201, 422, 403, 404, 200, 422, 200, 401]
        told = [a.text + str(a.headers) for a in answers]
    written = "".join(capfd.readouterr())
    assert "request_answered" in written
    for secret in (key, rotated.json()["key"]):
        assert not any(secret in each for each in (*told, written))
    assert key not in repr(KeyCreated(name="editor", role="writer", key=key))
    assert key not in repr(made)


async def _ask(asking: httpx.AsyncClient, operation: Described, key: str | None) -> httpx.Response:
    names = {"lab": "x", "person": "ada", "event_id": HIRED, "replay_id": UNKNOWN, "name": "no"}
    path = operation.path.format(**names)
    bodies = {
        "recordEvents": hire(),
        "correctEvent": hire(reason="r"),
        "retractEvent": {"reason": "r"},
        "createKey": {"name": f"key-of-{key}"},
        "rotateKey": {},
    }
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    body = bodies.get(operation.id)
    return await asking.request(operation.method, path, json=body, headers=headers)
