"""Several processes that answer on one port: what a client may rely on, and how they end."""

import asyncio
import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.answering import GRACEFUL_SECONDS
from service.log.schema import is_up_to_date
from service.read_models.replays import fetch_replays
from service.supervising import END_SECONDS
from tests.support import builders as b
from tests.support.histories import Base, open_base, record, with_entities
from tests.support.server import Served, served

KEY = {"Authorization": "Bearer k"}
TRIES_MAX = 300
"""New connections until each worker has taken one."""


@pytest.fixture
async def base(database: str) -> AsyncIterator[Base]:
    """A log with one event, of which the service may make read models."""
    assert await is_up_to_date(database)
    async with open_base(database) as opened:
        await opened.owner.execute("DELETE FROM replays")
        await record(opened.pool, with_entities(b.hire("ann", at="x", on="2020")))
        yield opened


@contextmanager
def start(
    base: Base, tmp_path: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    environment = {"DATABASE_URL": base.dsn, "TIMELINE_API_KEY": "k", **(environment or {})}
    arguments = ("--workers", "2", *arguments)
    with served(tmp_path, *arguments, environment=environment) as service:
        yield service


def lines_of(service: Served, event: str) -> list[Mapping[str, Any]]:
    """What the service said of one kind so far, in order."""
    lines = [json.loads(line) for line in list(service.lines) if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def pids_of(service: Served) -> list[int]:
    """The processes of the workers that were started so far."""
    return [int(line["pid"]) for line in lines_of(service, "worker_started")]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(holds: Any) -> None:
    """Wait for it."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (another process makes it so)
            await asyncio.sleep(0.02)


async def ask_each(service: Served, path: str, workers: int = 2) -> dict[int, httpx.Response]:
    """An answer of each worker, over connections of their own."""
    answers: dict[str, httpx.Response] = {}
    by_worker: dict[int, httpx.Response] = {}
    for number in range(TRIES_MAX):
        request_id = f"{time.monotonic_ns()}-{number}"
        async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
            answers[request_id] = await client.get(path, headers={"X-Request-Id": request_id})
        for line in lines_of(service, "request_answered"):
            if line["request_id"] in answers:
                by_worker[line["worker"]] = answers[line["request_id"]]
        if len(by_worker) == workers:
            return by_worker
    pytest.fail(f"of {TRIES_MAX} connections all were taken by {set(by_worker)}")


async def post(client: httpx.AsyncClient, name: str) -> httpx.Response:
    return await client.post("/v1/events", json={"type": "profile", "lab": {"name": name}})


async def test_write_through_one_is_in_the_answers_of_all(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        for number in range(3):
            async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
                written = await post(client, f"lab {number}")
            position = written.json()["position"]
            for path in (f"/v1/labs/lab-{number}", "/v1/keys", "/nothing"):
                for worker, answer in (await ask_each(service, path)).items():
                    told = (path, worker, answer.text)
                    assert answer.status_code == (404 if path == "/nothing" else 200), told
                    assert int(answer.headers["log-position"]) >= position, told


async def test_key_revoked_through_one_is_refused_by_all(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
            made = await client.post("/v1/keys", json={"name": "a", "role": "admin"})
            own = {"Authorization": f"Bearer {made.json()['key']}"}
            assert (await client.get("/v1/keys", headers=own)).status_code == 200
            await client.delete("/v1/keys/a")
        for _ in range(20):
            async with httpx.AsyncClient(base_url=service.url, headers=own) as client:
                assert (await client.get("/v1/keys")).status_code == 401


async def test_key_rotated_through_one_is_so_for_all(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
            await client.post("/v1/keys", json={"name": "a", "role": "admin"})
            first = await client.post("/v1/keys/a/rotation", json={})
            second = await client.post("/v1/keys/a/rotation", json={})
            third = await client.post("/v1/keys/a/rotation", json={"overlap_seconds": 600})
        for _ in range(20):
            for made, status in ((first, 401), (second, 200), (third, 200)):
                own = {"Authorization": f"Bearer {made.json()['key']}"}
                async with httpx.AsyncClient(base_url=service.url, headers=own) as client:
                    assert (await client.get("/v1/keys")).status_code == status


async def test_numbers_are_of_all_workers(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        (answer, _) = (await ask_each(service, "/v1/labs/x")).values()
        head = answer.headers["log-position"]
        asked = sum(line["path"] == "/v1/labs/x" for line in lines_of(service, "request_answered"))
        line = f'timeline_requests_total{{method="GET",route="getLab",status="200"}} {asked}.0'
        for answer in (await ask_each(service, "/metrics")).values():
            assert line in answer.text.splitlines()
            assert f"timeline_head_position {head}.0" in answer.text.splitlines()


def counted_in(folder: Path) -> set[str]:
    """The files in which workers count, one for each kind and process."""
    return {path.name for path in folder.glob("lab-timeline-*/*.db")}


async def test_groups_and_connections_are_of_all_workers(base: Base, tmp_path: Path) -> None:
    """Whichever writes, and whichever is asked; of one that died only what it counted is left."""
    with (
        # The path of a socket has some hundred characters at most.
        tempfile.TemporaryDirectory() as folder,
        start(base, tmp_path, environment={"TMPDIR": folder}) as service,
    ):
        for number in range(6):
            async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
                assert (await post(client, f"lab {number}")).status_code == 201
        for answer in (await ask_each(service, "/metrics")).values():
            lines = answer.text.splitlines()
            assert "timeline_events_appended_total 6.0" in lines
            assert "timeline_queue_commands 0.0" in lines
            assert "timeline_ready 1.0" in lines
        killed = pids_of(service)[1]
        os.kill(killed, signal.SIGKILL)
        await until(lambda: len(pids_of(service)) == 3)
        await ask_each(service, "/metrics")
        files = counted_in(Path(folder))
        assert f"gauge_livesum_{pids_of(service)[2]}.db" in files
        assert f"gauge_livesum_{killed}.db" not in files
        assert f"counter_{killed}.db" in files


async def test_address_is_told_once_when_all_listen(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        await ask_each(service, "/healthz")
        await ask_each(service, "/readyz")
        assert len(pids_of(service)) == 2
    assert sum(line.startswith("Listening on ") for line in service.lines) == 1


async def test_one_replays_and_all_wait_for_it(base: Base, tmp_path: Path) -> None:
    await base.owner.execute("UPDATE state SET code_version = 0; DELETE FROM stints")
    await base.owner.execute("SELECT pg_advisory_lock(7240003)")
    with start(base, tmp_path) as service:
        for answer in (await ask_each(service, "/readyz")).values():
            assert answer.status_code == 503
        for answer in (await ask_each(service, "/v1/labs/x?at=2021-06-01")).values():
            assert answer.status_code == 503
        await base.owner.execute("SELECT pg_advisory_unlock(7240003)")
        async with asyncio.timeout(20):
            while httpx.get(f"{service.url}/readyz").status_code != 200:  # noqa: ASYNC110, ASYNC210 (another process)
                await asyncio.sleep(0.05)
        # Whoever said that it is ready, all are.
        for path in ("/readyz", "/v1/labs/x?at=2021-06-01"):
            for answer in (await ask_each(service, path)).values():
                assert answer.status_code == 200
        assert [r.state for r in await fetch_replays(base.owner)] == ["done"]


def meeting_place(pid: int) -> Path:
    """The folder of the socket at which the worker *pid* records for the others."""
    opened = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    (path,) = {
        words[7]
        for words in sockets
        if f"socket:[{words[6]}]" in opened and words[-1].endswith("writer.sock")
    }
    return Path(path).parent


async def test_temporary_folder_may_have_a_long_path(base: Base, tmp_path: Path) -> None:
    """The socket at which workers meet lies elsewhere then, where only this user gets."""
    place = tmp_path / ("x" * 120)
    place.mkdir()
    with start(
        base, tmp_path, environment={"TMPDIR": str(place), "XDG_RUNTIME_DIR": ""}
    ) as service:
        answers = await ask_each(service, "/v1/labs/x")
        assert {answer.status_code for answer in answers.values()} == {200}
        async with httpx.AsyncClient(base_url=service.url, headers=KEY) as client:
            codes = [(await post(client, f"lab {number}")).status_code for number in range(20)]
        assert set(codes) == {201}
        folder = meeting_place(pids_of(service)[0])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert lines_of(service, "leader_not_reached") == []
        assert service.stop() == 0
    assert not folder.exists()


@pytest.mark.parametrize("place", [0, 1])
async def test_worker_that_dies_is_started_again(place: int, base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        os.kill(pids_of(service)[place], signal.SIGKILL)
        await until(lambda: len(pids_of(service)) == 3)
        (ended,) = lines_of(service, "worker_ended")
        assert (ended["worker"], ended["exit_code"]) == (place + 1, -signal.SIGKILL)
        answers = await ask_each(service, "/v1/labs/x")
        assert {answer.status_code for answer in answers.values()} == {200}
        assert service.stop() == 0
    assert not any(map(is_alive, pids_of(service)))


async def test_interrupt_of_the_terminal_is_the_parents_alone(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        for pid in pids_of(service):
            os.kill(pid, signal.SIGINT)
        await ask_each(service, "/healthz")
        assert service.stop(signal.SIGINT) == 0
        assert len(pids_of(service)) == 2


async def test_sigterm_finishes_what_was_accepted(base: Base, tmp_path: Path) -> None:
    """What was answered is in the log, and what is in the log of it was answered."""
    answered: list[str] = []

    async def write(client: httpx.AsyncClient, writer: int) -> None:
        number = 0
        while True:
            name = f"lab {writer} {number}"
            try:
                answer = await post(client, name)
            except httpx.HTTPError:
                return
            if answer.status_code != 201:
                return
            answered.append(name)
            number += 1

    with start(base, tmp_path) as service:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(
            base_url=service.url, headers=KEY, limits=limits, timeout=30
        ) as client:
            writing = [asyncio.create_task(write(client, writer)) for writer in range(8)]
            await until(lambda: len(answered) > 40)
            began = time.monotonic()
            assert await asyncio.to_thread(service.stop) == 0
            assert time.monotonic() - began < END_SECONDS
            await asyncio.gather(*writing)
    rows = await base.owner.fetch("SELECT payload FROM events WHERE payload LIKE '%\"lab %'")
    assert sorted(json.loads(row[0])["lab"]["name"] for row in rows) == sorted(answered)


@contextmanager
def unfinished(service: Served) -> Iterator[None]:
    """A request whose body does not come: a server that ends waits for it."""
    address = urlsplit(service.url)
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(
            b"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        yield


async def test_second_interrupt_ends_at_once(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service, unfinished(service):
        await ask_each(service, "/healthz")
        began = time.monotonic()
        service.process.send_signal(signal.SIGINT)
        await asyncio.sleep(1)
        assert service.process.poll() is None
        assert await asyncio.to_thread(service.stop, signal.SIGINT) == 0
        assert time.monotonic() - began < GRACEFUL_SECONDS
    assert not any(map(is_alive, pids_of(service)))


async def test_workers_do_not_outlive_a_killed_parent(base: Base, tmp_path: Path) -> None:
    with start(base, tmp_path) as service:
        pids = pids_of(service)
        assert len(pids) == 2
        service.process.send_signal(signal.SIGKILL)
        await until(lambda: not any(map(is_alive, pids)))
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{service.url}/healthz")  # noqa: ASYNC210 (nobody is there)


async def test_start_beside_a_restore_is_refused(base: Base, tmp_path: Path) -> None:
    await base.owner.execute("SELECT pg_advisory_lock(7240004)")
    with pytest.raises(AssertionError, match="being restored"), start(base, tmp_path):
        pytest.fail("it started")


async def test_worker_that_cannot_start_ends_the_service(base: Base, tmp_path: Path) -> None:
    await base.owner.execute("ALTER TABLE log_identity RENAME TO lost")
    with pytest.raises(AssertionError, match="UndefinedTableError"), start(base, tmp_path):
        pytest.fail("it started")


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_taken_address_is_told_at_once(workers: str, base: Base, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        told = f"Nothing can listen on '127.0.0.1' port {port}: Address already in use"
        with (
            pytest.raises(AssertionError, match=told),
            start(base, tmp_path, "--port", port, "--workers", workers),
        ):
            pytest.fail("it started")


async def test_postgres_that_comes_along_stops_last(tmp_path: Path) -> None:
    with served(
        tmp_path, "--workers", "2", "--empty", environment={"TIMELINE_API_KEY": "k"}
    ) as service:
        (answer, *_) = (await ask_each(service, "/v1/log")).values()
        assert answer.json()["position"] == 0
        assert (tmp_path / "postgres" / "postmaster.pid").exists()
        assert service.stop() == 0
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
    assert not any(map(is_alive, pids_of(service)))
    faults = [line for line in service.lines if '"level": "error"' in line or "Traceback" in line]
    assert faults == []
