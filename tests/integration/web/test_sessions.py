"""Signing in and out: who is known by what, until when, and whose forms are taken."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Response

from service.api.operations import Machinery
from service.app import machinery
from service.log.keys import key_hash
from service.log.sessions import LASTS
from service.settings import Rate, Settings
from service.web import handlers
from service.web.page import Page
from service.web.sessions import COOKIE
from service.web.visits import Visit
from tests.integration.api.asking import SEED, hire, problem, record
from tests.integration.api.test_doors import client_from
from tests.support.browsing import HTML, ORIGIN, Form, browser, form_token, signed_in
from tests.support.postgres import KEYS


@asynccontextmanager
async def editor(client: httpx.AsyncClient, made: Machinery) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is signed in with a new key of the name `editor`."""
    created = await client.post("/v1/keys", json={"name": "editor", "role": "writer"})
    async with browser(made) as asking:
        await signed_in(asking, created.json()["key"])
        yield asking


@asynccontextmanager
async def another_process(database: str, **settings: Any) -> AsyncIterator[Machinery]:
    """The same service once more, with nothing in common but its database."""
    told = Settings(database_url=database, data_dir=Path("unused"), **settings)
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    async with machinery(told, database, keys) as made:
        yield made


async def is_signed_in(asking: httpx.AsyncClient) -> bool:
    page = await asking.get("/docs")
    assert page.status_code == 200
    return 'action="/sign-out"' in page.text


async def rows(database: str) -> Sequence[asyncpg.Record]:
    connection = await asyncpg.connect(database)
    try:
        return await connection.fetch("SELECT * FROM sessions ORDER BY created_at")
    finally:
        await connection.close()


async def test_key_that_is_typed_once_is_known_again(made: Machinery) -> None:
    async with browser(made) as asking:
        assert not await is_signed_in(asking)
        answer = await asking.post("/sign-in", data={"key": " writer ", "next": "/docs?a=1#x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=1#x")
        assert answer.headers["cache-control"] == "no-store"
        page = (await asking.get("/docs")).text
        assert "test-writer" in page
        assert "(writer)" in page


@pytest.mark.parametrize(
    ("asked", "origin", "is_secure"),
    [
        ("http://test", "http://test", False),
        ("https://test", "https://test", True),
        # Behind a proxy that is not configured, the browser's own word.
        ("http://test", "https://test", True),
    ],
)
async def test_cookie_is_for_this_service_and_no_script(
    asked: str, origin: str, made: Machinery, *, is_secure: bool
) -> None:
    async with browser(made, asked) as asking:
        answer = await asking.post("/sign-in", data={"key": "writer"}, headers={"Origin": origin})
    assert len(answer.headers.get_list("set-cookie")) == 1
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.key == COOKIE
    assert len(cookie.value) >= 43, "256 bits"
    assert cookie["httponly"] is True
    assert cookie["samesite"].lower() == "strict"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == str(12 * 3600)
    assert bool(cookie["secure"]) is is_secure


async def test_only_the_hash_of_a_token_is_kept(
    client: httpx.AsyncClient, made: Machinery, database: str
) -> None:
    """Of a key from outside, which may be a word, not even the hash of that alone."""
    created = await client.post("/v1/keys", json={"name": "editor", "role": "writer"})
    for key in (created.json()["key"], "writer"):
        async with browser(made) as asking:
            await signed_in(asking, key)
            token = asking.cookies[COOKIE]
        kept = (await rows(database))[-1]
        assert kept["token_hash"] == sha256(token.encode()).digest()
        assert (kept["key_hash"] == key_hash(key)) is (key != "writer")
        assert token not in repr(kept)
        assert kept["expires_at"] - kept["created_at"] == timedelta(hours=12)


async def test_api_never_reads_the_cookie(client: httpx.AsyncClient, made: Machinery) -> None:
    """So that no page of another can have a browser write: there is nothing to forge."""
    await record(client, *SEED)
    async with browser(made) as asking:
        await signed_in(asking, "admin")
        problem(await asking.get("/v1/keys"), 401, "unauthenticated")
        problem(await asking.post("/v1/events", json=hire()), 401, "unauthenticated")
        problem(await asking.delete("/v1/keys/x"), 401, "unauthenticated")
        made.read_keys_required = True
        problem(await asking.get("/v1/log"), 401, "unauthenticated")
        # Nor does a cookie that is good make up for a key that is not.
        wrong = {"Authorization": "Bearer wrong"}
        problem(await asking.get("/v1/log", headers=wrong), 401, "unauthenticated")


FOREIGN: list[dict[str, str | None]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://test.evil.example"},
    {"Origin": "http://test:8080"},
    {"Origin": "http://test@evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "null", "Referer": "http://test/docs"},
    {"Origin": None},
    {"Origin": None, "Referer": "https://evil.example/http://test/"},
    {"Origin": None, "Referer": ""},
]


@pytest.mark.parametrize("said", FOREIGN, ids=str)
async def test_form_from_elsewhere_is_not_taken(
    said: dict[str, str | None], made: Machinery, database: str
) -> None:
    async with browser(made) as asking:
        token = await signed_in(asking, "writer")
        headers = asking.headers.copy()
        for name, value in said.items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        # A client adds its own again; a request that is made by hand has these and no others.
        for path, form in (("/sign-out", {"form_token": token}), ("/sign-in", {"key": "admin"})):
            request = asking.build_request("POST", path, data=form)
            for name in ("origin", "referer"):
                request.headers.pop(name, None)
                if name in headers:
                    request.headers[name] = headers[name]
            answer = await asking.send(request)
            assert answer.status_code == 403, said
            assert "set-cookie" not in answer.headers
            assert "The form came from elsewhere" in answer.text
        assert await is_signed_in(asking)
    assert len(await rows(database)) == 1


async def test_referer_says_it_where_no_origin_does(made: Machinery) -> None:
    async with browser(made) as asking:
        del asking.headers["Origin"]
        answer = await asking.post(
            "/sign-in", data={"key": "writer"}, headers={"Referer": f"{ORIGIN}/sign-in?next=/docs"}
        )
        assert answer.status_code == 303


async def test_form_of_another_session_is_not_taken(made: Machinery, database: str) -> None:
    async with browser(made) as asking, browser(made) as other:
        await signed_in(asking, "writer")
        forms: list[dict[str, str]] = [
            {"another": "x"},
            {"form_token": ""},
            {"form_token": "0" * 64},
            {"form_token": "é"},
            {"form_token": await signed_in(other, "writer")},
            # The token itself is another secret than what forms hold.
            {"form_token": asking.cookies[COOKIE]},
        ]
        for form in forms:
            answer = await asking.post("/sign-out", data=form)
            assert answer.status_code == 403, form
        assert await is_signed_in(asking)
    assert len(await rows(database)) == 2


async def test_who_signs_out_is_known_no_more(made: Machinery, database: str) -> None:
    async with browser(made) as asking:
        token = await signed_in(asking, "writer")
        before = asking.cookies[COOKIE]
        answer = await asking.post("/sign-out", data={"form_token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert SimpleCookie(answer.headers["set-cookie"])[COOKIE]["max-age"] == "0"
        assert COOKIE not in asking.cookies
        asking.cookies.set(COOKIE, before)
        assert not await is_signed_in(asking)
        # Once more, without a session: nothing is wrong with that.
        assert (await asking.post("/sign-out", data={"x": "y"})).status_code == 303
    assert await rows(database) == []


async def test_signing_in_again_ends_the_session_before(made: Machinery, database: str) -> None:
    async with browser(made) as asking:
        await signed_in(asking, "writer")
        before = asking.cookies[COOKIE]
        await signed_in(asking, "reader")
        assert asking.cookies[COOKIE] != before
        assert "test-reader" in (await asking.get("/docs")).text
    assert len(await rows(database)) == 1


@pytest.mark.parametrize("how", ["revoked", "rotated", "rotated, after its overlap", "expired"])
async def test_session_is_over_with_its_key_in_every_process(
    how: str, client: httpx.AsyncClient, made: Machinery, database: str
) -> None:
    async with (
        editor(client, made) as asking,
        another_process(database) as other,
        browser(other) as elsewhere,
    ):
        elsewhere.cookies.set(COOKIE, asking.cookies[COOKIE])
        assert await is_signed_in(asking)
        assert await is_signed_in(elsewhere)
        if how == "revoked":
            await client.delete("/v1/keys/editor")
        elif how == "rotated":
            await client.post("/v1/keys/editor/rotation", json={})
        elif how == "expired":
            await _execute(database, "UPDATE api_keys SET expires_at = now()")
        else:
            await client.post("/v1/keys/editor/rotation", json={"overlap_seconds": 60})
            assert await is_signed_in(asking), "as the key itself"
            await _execute(database, "UPDATE api_keys SET expires_at = now() WHERE is_rotated")
        assert not await is_signed_in(asking)
        assert not await is_signed_in(elsewhere)


async def test_session_is_over_when_its_outside_key_is_another(
    made: Machinery, database: str
) -> None:
    async with another_process(database, api_key="from outside") as one, browser(one) as asking:
        await signed_in(asking, "from outside")
        token = asking.cookies[COOKIE]
        assert "(admin)" in (await asking.get("/docs")).text
    for key, is_known in (("from outside", True), ("another", False)):
        async with another_process(database, api_key=key) as other, browser(other) as asking:
            asking.cookies.set(COOKIE, token)
            assert await is_signed_in(asking) is is_known


async def test_session_is_over_after_half_a_day(made: Machinery, database: str) -> None:
    """And its row goes when the next one signs in."""
    now = made.now
    async with browser(made) as asking:
        await signed_in(asking, "writer")
        token = asking.cookies[COOKIE]
    for later, is_known in ((LASTS - timedelta(minutes=1), True), (LASTS, False)):
        made.now = lambda later=later: now() + later  # type: ignore[misc]  # a default is bound at once
        async with browser(made) as asking:
            asking.cookies.set(COOKIE, token)
            assert await is_signed_in(asking) is is_known
    assert len(await rows(database)) == 1
    async with browser(made) as asking:
        await signed_in(asking, "reader")
    (kept,) = await rows(database)
    assert kept["token_hash"] != sha256(token.encode()).digest()


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "a" * 5000, "é" * 43, "' OR 1=1 --"])
async def test_cookie_that_stands_for_nothing_is_none(cookie: str, made: Machinery) -> None:
    async with browser(made) as asking:
        page = await asking.get("/docs", headers={b"Cookie": f"{COOKIE}={cookie}".encode()})
    assert page.status_code == 200
    assert "Sign in" in page.text


@pytest.mark.parametrize("key", ["wrong", "", "  ", "' OR 1=1", "writer\0", "x" * 100_000])
async def test_key_that_is_not_known_is_told(key: str, made: Machinery, database: str) -> None:
    async with browser(made) as asking:
        answer = await asking.post("/sign-in", data={"key": key, "next": "/docs"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "set-cookie" not in answer.headers
        assert 'role="alert"' in answer.text
        assert 'name="next" value="/docs"' in answer.text, "what was asked for is not lost"
        assert key.strip() == "" or key not in answer.text
    assert await rows(database) == []


async def test_keys_are_not_guessed_fast_by_signing_in(database: str) -> None:
    """They count with those that are sent to the API, and as there one that was good is let in."""
    async with (
        another_process(database, key_attempts=Rate(4, 3600)) as made,
        client_from(made, "192.0.2.1", Accept=HTML, Origin=ORIGIN) as asking,
    ):
        assert (await asking.post("/sign-in", data={"key": "reader"})).status_code == 303
        for number in range(2):
            answer = await asking.post("/sign-in", data={"key": f"guess-{number}"})
            assert answer.status_code == 401
            wrong = {"Authorization": f"Bearer other-{number}"}
            problem(await asking.get("/v1/log", headers=wrong), 401, "unauthenticated")
        for key in ("guess-2", "writer"):
            answer = await asking.post("/sign-in", data={"key": key})
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= 900
            assert "set-cookie" not in answer.headers
        assert (await asking.post("/sign-in", data={"key": "reader"})).status_code == 303


async def test_where_reading_is_closed_pages_ask_to_sign_in(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    await record(client, *SEED)
    made.read_keys_required = True
    async with browser(made) as asking:
        asked = await asking.get("/?q=a%20b%26next=x")
        assert asked.status_code == 302
        assert asked.headers["location"] == "/sign-in?next=/%3Fq%3Da%2520b%2526next%3Dx"
        assert asked.headers["cache-control"] == "no-store"
        assert asked.content == b""
        form = await asking.get(asked.headers["location"])
        assert 'name="next" value="/?q=a%20b%26next=x"' in form.text
        assert "position" not in form.text, "what the log holds is not shown either"
        answer = await asking.post("/sign-in", data={"key": "reader", "next": "/?q=a%20b%26next=x"})
        assert answer.headers["location"] == "/?q=a%20b%26next=x"
        page = await asking.get("/?q=lovel")
        assert page.status_code == 200
        assert "Ada Lovelace" in page.text


async def test_link_of_another_site_is_followed_once_more(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    """A browser keeps its cookie back then; from our own page it sends it."""
    await record(client, *SEED)
    made.read_keys_required = True
    async with browser(made) as asking:
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        again = await asking.get("/?q=a%20b", headers=elsewhere)
        assert again.status_code == 200
        assert again.headers["refresh"] == "0; url=/?q=a%20b"
        assert again.headers["cache-control"] == "no-store"
        assert "Ada" not in again.text
        for path in ("//", "//?x", "/%5Cx", "//evil.example"):
            leads = (await asking.get(f"http://test{path}", headers=elsewhere)).headers
            assert leads.get("refresh", "0; url=/") == "0; url=/"
            leads = (await asking.get(f"http://test{path}")).headers
            assert leads.get("location", "/sign-in?next=/") == "/sign-in?next=/"
        for site in ("none", "same-origin", "same-site"):
            asked = await asking.get("/?q=a%20b", headers={"Sec-Fetch-Site": site})
            assert asked.status_code == 302
        # With a cookie that is good no more there is nothing to wait for.
        asking.cookies.set(COOKIE, "a" * 43)
        assert (await asking.get("/", headers=elsewhere)).status_code == 302


@pytest.mark.parametrize(
    "go_on",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "\\\\evil",
        "javascript:alert(1)", "evil.example", "", "/a\r\nSet-Cookie: x=1", " /docs", "/a b",
    ],
)  # fmt: skip
async def test_nobody_is_sent_elsewhere_after_signing_in(go_on: str, made: Machinery) -> None:
    async with browser(made) as asking:
        shown = await asking.get("/sign-in", params={"next": go_on})
        assert 'name="next" value="/"' in shown.text
        answer = await asking.post("/sign-in", data={"key": "reader", "next": go_on})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_page_for_one_is_kept_by_nobody(client: httpx.AsyncClient, made: Machinery) -> None:
    await record(client, *SEED)
    async with browser(made) as asking:
        tags = {}
        for path in ("/", "/docs", "/sign-in"):
            page = await asking.get(path)
            assert page.headers["cache-control"] == "no-cache"
            assert "Cookie" in page.headers["vary"]
            tags[path] = tag = {"If-None-Match": page.headers["etag"]}
            again = await asking.get(path, headers=tag)
            assert (again.status_code, again.content) == (304, b"")
        await signed_in(asking, "writer")
        for path in ("/", "/docs", "/sign-in"):
            page = await asking.get(path, headers=tags[path])
            assert page.status_code == 200
            assert page.headers["cache-control"] == "no-store"
            assert "etag" not in page.headers


async def test_role_is_asked_for_by_pages(made: Machinery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not signed in is sent to do so and comes back; who may not is told with which role."""

    async def shown(visit: Visit) -> Response[bytes]:
        return visit.show("home.html", q="", first_question="/")

    async def done(visit: Visit) -> Response[bytes]:
        return Response(visit.form["said"].encode(), media_type="text/plain")

    more = (
        Page(name="new", path="/new", answer=shown, role="writer"),
        Page(name="record", path="/new", method="POST", answer=done, role="writer"),
    )
    monkeypatch.setattr(handlers, "PAGES", (*handlers.PAGES, *more))
    async with browser(made) as asking:
        assert (await asking.get("/new?a=1")).headers["location"] == "/sign-in?next=/new%3Fa%3D1"
        referer = {"Referer": f"{ORIGIN}/new?a=1"}
        sent = await asking.post("/new", data={"form_token": "x"}, headers=referer)
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/new%3Fa%3D1")
        token = await signed_in(asking, "reader")
        for answer in (
            await asking.get("/new"),
            await asking.post("/new", data={"said": "x", "form_token": token}),
        ):
            assert answer.status_code == 403
            assert "this needs &#39;writer&#39;" in answer.text
            assert form_token(answer.text) == token, "they are signed in there, too"
        token = await signed_in(asking, "writer")
        assert (await asking.post("/new", data={"said": "x"})).status_code == 403
        answer = await asking.post("/new", data={"said": "x", "form_token": token})
        assert answer.text == "x"


async def test_what_was_typed_outlives_the_session(
    made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is slow signs in and goes on; a wrong key and another window lose nothing either."""
    taken: list[dict[str, str]] = []

    async def done(visit: Visit) -> Response[bytes]:
        taken.append(dict(visit.form))
        return Response(b"done", media_type="text/plain")

    more = (Page(name="note", path="/note", method="POST", answer=done, role="writer"),)
    monkeypatch.setattr(handlers, "PAGES", (*handlers.PAGES, *more))
    typed = {"said": ' "é\n<b>', "form_id": "0123456789abcdef", "blank": ""}
    async with browser(made) as asking:
        old = await signed_in(asking, "writer")
        asking.cookies.clear()
        asked = await asking.post("/note", data={"form_token": old, **typed})
        assert asked.status_code == 401
        assert "What you typed is kept" in asked.text
        assert old not in asked.text
        form = Form(asked.text, "/sign-in").fields
        wrong = await asking.post("/sign-in", data={**form, "key": "wrong"})
        assert wrong.status_code == 401
        assert Form(wrong.text, "/sign-in").fields == form
        again = await asking.post("/sign-in", data={**form, "key": "writer"})
        assert (again.status_code, again.headers["cache-control"]) == (200, "no-store")
        form = Form(again.text, "/note").fields
        token = form_token(again.text)
        assert form == {"form_token": token, **typed}
        assert token != old
        # In another window they sign in once more, and this one is of the session before.
        new = await signed_in(asking, "writer")
        shown = await asking.post("/note", data=form)
        assert (shown.status_code, taken) == (403, [])
        form = Form(shown.text, "/note").fields
        assert form == {"form_token": new, **typed}
        assert (await asking.post("/note", data=form)).text == "done"
    assert taken == [form]


async def test_typed_form_goes_on_here_and_nowhere_else(made: Machinery) -> None:
    async with browser(made) as asking:
        form = {"key": "writer", "sent_to": "//evil.example/x", "typed.a": "b"}
        answer = await asking.post("/sign-in", data=form)
    assert "evil" not in answer.text
    assert Form(answer.text, "/").fields["a"] == "b"


ODD_BODIES = [
    (b"key", "application/x-www-form-urlencoded", 400),
    (b"key=a&key=b", "application/x-www-form-urlencoded", 400),
    (b"key=%ff", "application/x-www-form-urlencoded", 400),
    ("key=é".encode(), "application/x-www-form-urlencoded", 400),
    (b"&".join(b"a%d=1" % n for n in range(1_001)), "application/x-www-form-urlencoded", 400),
    (b"key=" + b"a" * 1024 * 1024, "application/x-www-form-urlencoded", 413),
    (b'{"key": "writer"}', "application/json", 415),
    (b"key=writer", "text/plain", 415),
    (b"key=writer", "multipart/form-data; boundary=x", 415),
    (b"", "application/x-www-form-urlencoded", 401),
]


@pytest.mark.parametrize(("body", "content_type", "status"), ODD_BODIES, ids=range(len(ODD_BODIES)))
async def test_form_that_is_none_is_refused(
    body: bytes, content_type: str, status: int, made: Machinery
) -> None:
    async with browser(made) as asking:
        answer = await asking.post("/sign-in", content=body, headers={"Content-Type": content_type})
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")


async def test_secrets_of_a_session_are_told_nobody(
    client: httpx.AsyncClient, made: Machinery, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither log lines nor pages say the key or the token; the line says whose key it was."""
    key = (await client.post("/v1/keys", json={"name": "editor"})).json()["key"]
    async with browser(made) as asking:
        form = await signed_in(asking, key)
        token = asking.cookies[COOKIE]
        answers = [
            await asking.get("/"),
            await asking.get("/nothing"),
            await asking.get("/v1/keys"),
            await asking.post("/sign-out", data={"form_token": "x"}),
            await asking.post("/sign-in", data={"key": f"{key}x"}),
            await asking.post("/sign-out", data={"form_token": form}),
        ]
    assert [a.status_code for a in answers] == [200, 404, 401, 403, 401, 303]
    written = "".join(capfd.readouterr())
    assert "editor" in written
    for secret in (key, token):
        assert secret not in written
        assert not any(secret in a.text + str(a.headers) for a in answers)
    assert form not in written


async def test_visit_does_not_show_its_token(
    made: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Visit] = []

    async def shown(visit: Visit) -> Response[bytes]:
        seen.append(visit)
        return visit.show("home.html", q="", first_question="/")

    page = Page(name="seen", path="/seen", answer=shown)
    monkeypatch.setattr(handlers, "PAGES", (*handlers.PAGES, page))
    async with browser(made) as asking:
        await signed_in(asking, "writer")
        await asking.get("/seen")
        token = asking.cookies[COOKIE]
    assert seen[0].token == token
    assert token not in repr(seen[0]) + str(seen[0])


async def _execute(database: str, statement: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
