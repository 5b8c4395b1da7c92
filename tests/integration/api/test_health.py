"""Whether the service is well, and the pages that come with it."""

import contextlib
import re
import time
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from service.api import readiness
from service.api.operations import Machinery
from service.api.routes import OPERATIONS
from service.app import machinery
from service.log.keys import key_hash
from service.recording import writer as writers
from service.settings import Settings
from tests.integration.api.asking import get, problem, record
from tests.support.lines import line_to
from tests.support.postgres import KEYS, http_client

PAGES = ("/", "/docs")


async def test_process_is_alive(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"state": "alive"})


async def test_service_is_ready(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/readyz")
    assert answer.status_code == 200
    told = answer.json()
    assert told.pop("facts").keys() >= {"head_position", "queue_commands", "drift_rows"}
    assert told == {
        "state": "ready",
        "checks": {"database": "ok", "migrations": "ok", "read_models": "ok"},
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE read_models.state SET code_version = 0", "read_models"),
        ("UPDATE alembic_version SET version_num = '0000'", "migrations"),
    ],
)
async def test_service_is_not_ready_until_all_is_current(
    statement: str, check: str, anonymous: httpx.AsyncClient, database: str
) -> None:
    await _execute(database, statement)
    answer = await anonymous.get("/readyz")
    assert (answer.status_code, answer.json()["state"]) == (503, "not_ready")
    assert [name for name, found in answer.json()["checks"].items() if found != "ok"] == [check]
    assert (await anonymous.get("/healthz")).status_code == 200


@contextlib.asynccontextmanager
async def serving(dsn: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    keys = {key_hash(role): principal for role, principal in KEYS.items()}
    settings = Settings(database_url=dsn, data_dir=tmp_path)
    async with machinery(settings, dsn, keys) as made, http_client(made, "admin") as client:
        yield client


async def test_service_is_not_ready_while_the_database_is_away(
    database: str, tmp_path: Path
) -> None:
    async with line_to(database) as (line, dsn), serving(dsn, tmp_path) as client:
        await record(client, {"type": "profile", "lab": {"name": "X"}})
        line.cut()
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["state"]) == (503, "not_ready")
        assert (await client.get("/healthz")).status_code == 200
        for response in (
            await client.get("/v1/labs"),
            await client.get("/v1/log"),
            await client.get("/v1/keys"),
            await client.post("/v1/events", json={"type": "profile", "lab": {"name": "Y"}}),
        ):
            problem(response, 503, "not_ready")
            assert response.headers["retry-after"]
        await line.open()
        assert (await client.get("/readyz")).status_code == 200
        assert (await get(client, "/v1/log"))["position"] == 1
        await record(client, {"type": "profile", "lab": {"name": "Y"}})


async def test_readiness_is_told_in_time_though_the_database_says_nothing(
    database: str, tmp_path: Path
) -> None:
    async with line_to(database) as (line, dsn), serving(dsn, tmp_path) as client:
        line.hold()
        for _ in range(2):
            began = time.monotonic()
            told = await client.get("/readyz")
            assert time.monotonic() - began < 2 * readiness.LOOK_SECONDS
            assert (told.status_code, told.json()["state"]) == (503, "not_ready")
            assert told.json()["checks"] == {"database": "not reached: no answer within 2 s"}
        assert (await client.get("/healthz")).status_code == 200
        line.go_on()
        assert (await client.get("/readyz")).status_code == 200


async def test_readiness_tells_that_no_connection_is_free(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    async with contextlib.AsyncExitStack() as held:
        for _ in range(made.pool.get_max_size()):
            await held.enter_async_context(made.pool.acquire())
        told = await client.get("/readyz")
        assert told.status_code == 503
        assert "no connection is free (10 of 10" in told.json()["checks"]["database"]
    assert (await client.get("/readyz")).status_code == 200


PROFILE = {"type": "profile", "lab": {"name": "X"}}


async def test_writes_are_refused_for_now_while_the_database_takes_none(
    client: httpx.AsyncClient, database: str, cluster: str
) -> None:
    """As after a failover: what was connected to is a copy that only reads."""
    name = urlsplit(database).path[1:]
    await _execute(cluster, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await _execute(cluster, _END_ALL, name)
    await client.get("/readyz")
    refused = problem(await client.post("/v1/events", json=PROFILE), 503, "not_ready")
    assert "takes no writes" in refused.detail
    assert (await client.get("/v1/labs")).status_code == 200
    told = (await client.get("/readyz")).json()
    assert (told["state"], told["checks"]["writing"]) == (
        "not_ready",
        "The database takes no writes just now",
    )
    await _execute(cluster, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    await _execute(cluster, _END_ALL, name)
    await client.get("/readyz")
    await record(client, PROFILE)
    assert (await client.get("/readyz")).status_code == 200


async def test_full_disk_is_told_until_it_is_a_while_ago(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(*_: Any) -> None:
        raise asyncpg.DiskFullError("could not extend file")

    with monkeypatch.context() as full:
        full.setattr(writers, "write_group", write)
        refused = await client.post("/v1/events", json=PROFILE)
    assert "disk of the database is full" in problem(refused, 503, "not_ready").detail
    assert refused.headers["retry-after"]
    assert (await client.get("/readyz")).status_code == 503
    # Nobody may try to write meanwhile, and then nobody would know that there is room again.
    monkeypatch.setattr(writers, "TOLD_SECONDS", 0)
    assert (await client.get("/readyz")).status_code == 200


async def test_ended_connections_are_replaced(
    client: httpx.AsyncClient, database: str, cluster: str
) -> None:
    name = urlsplit(database).path[1:]
    for _ in range(3):
        await _execute(cluster, _END_ALL, name)
        statuses = [(await client.get("/v1/labs")).status_code for _ in range(3)]
        assert set(statuses) <= {200, 503}
        assert statuses[-1] == 200
    profile = {"type": "profile", "lab": {"name": "X"}}
    assert (await client.post("/v1/events", json=profile)).status_code == 201


class _Outside(HTMLParser):
    """Everything in a page that would come from elsewhere or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        # A script is a file of ours by its hash, and nothing that stands in the page.
        is_a_file = re.fullmatch(r"/static/[a-z]+\.[0-9a-f]{16}\.js", said.get("src") or "")
        if tag in ("style", "iframe", "object", "embed", "base") or (
            tag == "script" and not is_a_file
        ):
            self.found.append(tag)
        for name, value in said.items():
            if name == "style" or name.startswith("on"):
                self.found.append(f"{tag} {name}")
            # Machines are told the whole address of the page itself.
            is_own = tag == "link" and said.get("rel") == "canonical"
            is_within = re.match(r"(/(?!/)|#)", value or "") or (
                is_own and str(value).startswith("http://test/")
            )
            if name in ("src", "href", "action") and not is_within:
                self.found.append(f"{tag} {value}")


@pytest.mark.parametrize("path", PAGES)
async def test_page_is_its_own(path: str, anonymous: httpx.AsyncClient) -> None:
    """Nothing from another host, nothing inline, and a policy that would not let it."""
    page = await anonymous.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert all(sources in ("'none'", "'self'") for sources in policy.values())
    assert page.headers["x-content-type-options"] == "nosniff"
    outside = _Outside()
    outside.feed(page.text)
    assert outside.found == []


@pytest.mark.parametrize("path", PAGES)
async def test_links_of_a_page_lead_somewhere(path: str, anonymous: httpx.AsyncClient) -> None:
    page = (await anonymous.get(path)).text
    for target in set(re.findall(r'(?:href|src)="(/[^"#]*)', page)) - {
        "/v1/labs/DeepMind?at=2024-06-01"
    }:
        assert (await anonymous.get(target)).status_code == 200, target


async def test_documentation_shows_every_operation(anonymous: httpx.AsyncClient) -> None:
    page = (await anonymous.get("/docs")).text
    for operation in OPERATIONS:
        assert f'id="{operation.id}"' in page
        assert operation.summary.replace("'", "&#39;") in page


async def test_answers_carry_the_id_of_their_request(anonymous: httpx.AsyncClient) -> None:
    given = await anonymous.get("/v1/log", headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    forged = await anonymous.get("/v1/log", headers={"X-Request-Id": 'a"\tb'})
    assert re.fullmatch("[0-9a-f]{32}", forged.headers["x-request-id"])


_END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"


async def _execute(dsn: str, statement: str, *binds: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *binds)
    finally:
        await connection.close()
