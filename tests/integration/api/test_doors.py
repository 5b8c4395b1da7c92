"""Who is let in: names of the service, rates, pages of others, and keys that are guessed."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.attempts import Attempts
from service.api.doors import FOR_MACHINES, Doors
from service.api.operations import Machinery
from service.api.rates import Buckets
from service.app import create_app, machinery
from service.log.keys import key_hash
from service.settings import Rate, Settings
from service.web.assets import assets
from tests.integration.api.asking import SEED, hire, problem, record
from tests.support.browsing import HTML, Elements
from tests.support.postgres import KEYS, http_client
from tests.support.server import served

ENGINES = "/v1/labs/engines"
PAGE = "https://pages.example.org"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization, if-match",
}
EVERYWHERE = ("/", "/docs", ENGINES, "/v1/nothing", "/nothing", "/schema/openapi.json")
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}

Opened = Callable[..., AbstractAsyncContextManager[Machinery]]


@pytest.fixture
async def opened(database: str, tmp_path: Path) -> Opened:
    """The service with some of its doors set, on a log that holds the seed."""

    @asynccontextmanager
    async def with_doors(**doors: Any) -> AsyncIterator[Machinery]:
        settings = Settings(database_url=database, data_dir=tmp_path, **doors)
        keys = {key_hash(role): principal for role, principal in KEYS.items()}
        async with machinery(settings, database, keys) as made:
            yield made

    async with with_doors() as made, http_client(made, "admin") as admin:
        await record(admin, *SEED)
    return with_doors


def client_from(made: Machinery, address: str, **headers: str) -> httpx.AsyncClient:
    """A client at an address."""
    transport = httpx.ASGITransport(create_app(made), client=(address, 1))  # type: ignore[arg-type]  # two spellings of ASGI's types
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_nothing_is_shut_unless_it_is_set(opened: Opened) -> None:
    async with opened() as made, client_from(made, "192.0.2.1") as client:
        for number in range(300):
            headers = {"Host": f"host-{number}.example", "Origin": PAGE}
            answer = await client.get(ENGINES, headers=headers)
            assert answer.status_code == 200
            assert not [name for name in answer.headers if name.startswith("access-control")]
        preflight = await client.options(ENGINES, headers=PREFLIGHT)
        assert not [name for name in preflight.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_bears_the_headers_of_security(path: str, opened: Opened) -> None:
    async with opened(hosts=("test",)) as made, client_from(made, "192.0.2.1") as client:
        answers = [await client.get(path), await client.get(path), await client.head(path)]
        answers.append(await client.get(path, headers={"Host": "other"}))
        assert answers[-1].status_code == 400
        for answer in answers:
            told = {name: answer.headers.get(name) for name in SECURITY}
            is_page = path in ("/", "/docs") and answer.status_code == 200
            # Without any referrer browsers would not say that a form of ours is ours.
            assert told == SECURITY | ({"referrer-policy": "same-origin"} if is_page else {})
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "camera=()" in answer.headers["permissions-policy"]
            assert "strict-transport-security" not in answer.headers
        secure = await client.get(f"https://test{path}")
        assert secure.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("host", ["example.org", "EXAMPLE.org:8000", "a.example.net", "[::1]:80"])
async def test_service_answers_to_its_names(host: str, opened: Opened) -> None:
    names = ("example.org", "*.example.net", "[::1]")
    async with opened(hosts=names) as made, client_from(made, "192.0.2.1") as client:
        assert (await client.get(ENGINES, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "example.net", "example.org.evil", "evilexample.org", "xexample.net", "[::2]"]
)
async def test_service_answers_to_no_other_name(host: str, opened: Opened) -> None:
    names = ("example.org", "*.example.net", "[::1]")
    async with opened(hosts=names) as made, client_from(made, "192.0.2.1") as client:
        headers = {b"Host": host.encode("latin-1")}
        for path in EVERYWHERE:
            told = await client.get(path, headers=headers)
            problem(told, 400, "unknown_host")
            assert told.headers["x-request-id"]
            assert int(told.headers["log-position"]) == len(SEED)
        writing = {**headers, b"Authorization": b"Bearer admin"}
        problem(await client.post("/v1/events", json=hire(), headers=writing), 400, "unknown_host")
        for path in FOR_MACHINES:
            assert (await client.get(path, headers=headers)).status_code == 200


async def test_of_several_names_each_has_to_be_known(opened: Opened) -> None:
    async with opened(hosts=("test",)) as made, client_from(made, "192.0.2.1") as client:
        for hosts in (("test", "evil"), ("evil", "test")):
            headers = [("Host", host) for host in hosts]
            problem(await client.get(ENGINES, headers=headers), 400, "unknown_host")


async def test_pages_that_are_let_in_may_read(opened: Opened) -> None:
    async with opened(cors_origins=(PAGE,)) as made, client_from(made, "192.0.2.1") as client:
        for origin, allowed in ((PAGE, PAGE), ("https://evil.example", None), (None, None)):
            headers = {} if origin is None else {"Origin": origin}
            for path in (ENGINES, ENGINES, "/v1/labs/nobody", "/docs"):
                answer = await client.get(path, headers=headers)
                assert answer.headers.get("access-control-allow-origin") == allowed
                assert "access-control-allow-credentials" not in answer.headers
                assert "Origin" in answer.headers["vary"], "a cache keeps them apart"
        exposed = await client.get(ENGINES, headers={"Origin": PAGE})
        assert "Log-Position" in exposed.headers["access-control-expose-headers"]


async def test_preflight_of_a_page_that_is_let_in(opened: Opened) -> None:
    async with opened(cors_origins=(PAGE,)) as made, client_from(made, "192.0.2.1") as client:
        for path in ("/v1/events", "/v1/events/x/correction"):
            told = await client.options(path, headers=PREFLIGHT)
            assert (told.status_code, told.content) == (204, b"")
            assert told.headers["access-control-allow-origin"] == PAGE
            assert "PUT" in told.headers["access-control-allow-methods"]
            for name in ("authorization", "if-match", "idempotency-key"):
                assert name in told.headers["access-control-allow-headers"].lower()
        other = await client.options(
            "/v1/events", headers={**PREFLIGHT, "Origin": "https://evil.example"}
        )
        assert not [name for name in other.headers if name.startswith("access-control")]
        plain = await client.options("/v1/events")
        assert plain.headers["allow"]


async def test_every_page_may_read_where_that_is_set(opened: Opened) -> None:
    async with opened(cors_origins=("*",)) as made, client_from(made, "192.0.2.1") as client:
        answer = await client.get(ENGINES, headers={"Origin": "https://any.example"})
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_requests_of_an_address_are_limited(opened: Opened) -> None:
    async with opened(rate_limit=Rate(5, 3600)) as made:
        async with client_from(made, "192.0.2.1") as client:
            for _ in range(5):
                assert (await client.get(ENGINES)).status_code == 200
            for path in EVERYWHERE:
                told = await client.get(path)
                problem(told, 429, "too_many_requests")
                assert 0 < int(told.headers["retry-after"]) <= 720
            # Nobody has more by making up keys.
            for number in range(3):
                told = await client.get(ENGINES, headers=bearer(f"made-up-{number}"))
                problem(told, 429, "too_many_requests")
            for path in FOR_MACHINES:
                assert (await client.get(path)).status_code == 200
            refused = len(EVERYWHERE) + 3
            counted = f'timeline_refusals_total{{code="too_many_requests"}} {refused}.0'
            assert counted in (await client.get("/metrics")).text.splitlines()
        async with client_from(made, "192.0.2.2") as other:
            assert (await other.get(ENGINES)).status_code == 200


async def test_what_pages_bring_with_them_is_not_counted(opened: Opened) -> None:
    """The page of a refusal, too, is read with its style."""
    async with opened(rate_limit=Rate(2, 3600)) as made, client_from(made, "192.0.2.1") as client:
        assert (await client.get("/docs", headers={"Accept": HTML})).status_code == 200
        for asset in assets().values():
            assert (await client.get(asset.path)).status_code == 200
        assert (await client.get(ENGINES)).status_code == 200
        problem(await client.get(ENGINES), 429, "too_many_requests")
        for asset in assets().values():
            assert (await client.get(asset.path)).status_code == 200


async def test_browsers_are_refused_with_a_page(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same status and headers; of whatever nobody has let in, the page says nothing."""
    doors = {"hosts": ("test",), "rate_limit": Rate(1, 3600)}
    async with opened(**doors) as made, client_from(made, "192.0.2.1", Accept=HTML) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/docs")).status_code == 200
        # Nothing is asked of the database for who is refused.
        monkeypatch.setattr(made.pool, "acquire", None)
        often = await client.get("/labs/engines")
        elsewhere = await client.get("/labs/engines", headers={"Host": "evil.example"})
        for told, status in ((often, 429), (elsewhere, 400)):
            assert told.status_code == status
            assert told.headers["content-type"] == "text/html; charset=utf-8"
            assert "style-src 'self'" in told.headers["content-security-policy"]
            assert told.headers["cache-control"] == "no-store"
            assert told.headers["x-content-type-options"] == "nosniff"
            assert told.headers["x-request-id"]
            assert int(told.headers["content-length"]) == len(told.content)
            found = Elements(told.text).found
            assert not [v for _, said in found for v in said.values() if v and "evil" in v]
        assert "Too many requests" in often.text
        assert 0 < int(often.headers["retry-after"]) <= 3600
        assert "evil" not in elsewhere.text
        assert "The service has another name" in elsewhere.text
        head = await client.head("/labs/engines")
        assert (head.status_code, head.content) == (429, b"")
        # The API answers browsers as everybody, and programs are told everywhere as before.
        problem(await client.get(ENGINES), 429, "too_many_requests")
        program = await client.get("/labs/engines", headers={"Accept": "*/*"})
        problem(program, 429, "too_many_requests")


async def test_requests_of_a_key_are_limited_by_themselves(opened: Opened) -> None:
    async with (
        opened(rate_limit=Rate(3, 3600)) as made,
        client_from(made, "192.0.2.1") as client,
    ):
        # The first one was the address's, of which the key is known since.
        statuses = [
            (await client.get(ENGINES, headers=bearer("reader"))).status_code for _ in range(5)
        ]
        assert statuses == [200, 200, 200, 200, 429]
        assert (await client.get(ENGINES, headers=bearer("writer"))).status_code == 200
        assert (await client.get(ENGINES)).status_code == 200
        problem(await client.get(ENGINES), 429, "too_many_requests")


async def test_keys_are_not_guessed_fast(opened: Opened, capfd: pytest.CaptureFixture[str]) -> None:
    async with opened(key_attempts=Rate(5, 3600)) as made:
        async with client_from(made, "192.0.2.1") as client:
            assert (await client.get("/v1/keys", headers=bearer("admin"))).status_code == 200
            for number in range(5):
                told = await client.get("/v1/keys", headers=bearer(f"guess-{number}"))
                problem(told, 401, "unauthenticated")
            for path in ("/v1/keys", ENGINES):
                told = await client.get(path, headers=bearer("guess-5"))
                problem(told, 429, "too_many_attempts")
                assert 0 < int(told.headers["retry-after"]) <= 720
            # A guess that is right is not told so.
            told = await client.get(ENGINES, headers=bearer("reader"))
            problem(told, 429, "too_many_attempts")
            # What was sent before is no guess, and neither is no key.
            told = await client.get("/v1/keys", headers=bearer("guess-0"))
            problem(told, 401, "unauthenticated")
            assert (await client.get("/v1/keys", headers=bearer("admin"))).status_code == 200
            assert (await client.get(ENGINES)).status_code == 200
            made_key = await client.post("/v1/keys", json={"name": "new"}, headers=bearer("admin"))
            new = bearer(made_key.json()["key"])
            assert (await client.get("/v1/log", headers=new)).status_code == 200
            rotated = await client.post("/v1/keys/new/rotation", json={}, headers=bearer("admin"))
            newer = bearer(rotated.json()["key"])
            assert (await client.get("/v1/log", headers=newer)).status_code == 200
            problem(await client.get("/v1/log", headers=new), 401, "unauthenticated")
        async with client_from(made, "192.0.2.2") as other:
            assert (await other.get("/v1/log", headers=bearer("reader"))).status_code == 200
    written = "".join(capfd.readouterr())
    assert written.count("keys_guessed") == 1
    assert "192.0.2.1" in written


async def test_client_that_keeps_sending_one_wrong_key_guesses_nothing(opened: Opened) -> None:
    async with (
        opened(key_attempts=Rate(5, 3600)) as made,
        client_from(made, "192.0.2.1") as client,
    ):
        for _ in range(20):
            told = await client.get("/v1/keys", headers=bearer("revoked"))
            problem(told, 401, "unauthenticated")
        assert (await client.get("/v1/keys", headers=bearer("admin"))).status_code == 200


def test_forwarded_address_is_that_of_a_proxy_alone(tmp_path: Path) -> None:
    """Over a real server: whoever may say where they come from could guess without end."""

    def guesses(url: str, times: int) -> list[int]:
        with httpx.Client(base_url=url) as client:
            return [
                client.get(
                    "/v1/keys",
                    headers={**bearer(f"guess-{n}"), "X-Forwarded-For": f"192.0.2.{n}"},
                ).status_code
                for n in range(times)
            ]

    environment = {"TIMELINE_KEY_ATTEMPTS": "3/hour", "FORWARDED_ALLOW_IPS": "*"}
    with served(tmp_path, "--empty", environment=environment) as service:
        assert guesses(service.url, 5) == [401, 401, 401, 429, 429]
    environment |= {"TIMELINE_PROXIES": "127.0.0.0/8"}
    with served(tmp_path, "--empty", environment=environment) as service:
        assert guesses(service.url, 5) == [401] * 5
        with httpx.Client(base_url=service.url) as client:
            # What a client says itself stands before what the proxy adds.
            statuses = [
                client.get(
                    "/v1/keys",
                    headers={
                        **bearer(f"other-{n}"),
                        "X-Forwarded-For": f"203.0.113.{n}, 198.51.100.1",
                    },
                ).status_code
                for n in range(4)
            ]
            assert statuses == [401, 401, 401, 429]
            secure = client.get("/healthz", headers={"X-Forwarded-Proto": "https"})
            assert "strict-transport-security" in secure.headers


def test_doors_tell_nothing_of_the_keys_they_know() -> None:
    attempts = Attempts(Buckets(1, 1))
    attempts.note("192.0.2.1", key_hash("secret"), is_good=True)
    assert "secret" not in repr(attempts) + repr(vars(attempts)) + repr(Doors(attempts))
