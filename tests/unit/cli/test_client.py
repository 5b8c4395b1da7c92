"""The HTTP contract as commands use it: refusals, faults, near and far."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from service.cli.client import Client, in_process
from service.cli.exits import CommandFailed, CommandRefused
from service.cli.main import timeline
from service.domain.refusals import NotReady
from service.settings import Settings
from tests.unit.cli.conftest import UNSET, Run, WrittenService


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (
            httpx.Response(500, json={"title": "Fault", "detail": "The disk is full."}),
            "The service failed (500): The disk is full.",
        ),
        (httpx.Response(502, text="Bad gateway"), "The service failed (502) and did not say why."),
        (
            httpx.Response(404, text="<h1>Not found</h1>"),
            "The address answered 404 without saying why; is this the timeline service?",
        ),
        (
            httpx.Response(301, headers={"Location": "/there"}),
            "The address answers with a redirection to '/there'; give that with --url.",
        ),
        (
            httpx.Response(200, text="<h1>Hello</h1>"),
            "The answer is no JSON; is this the timeline service?",
        ),
    ],
)
def test_fault_is_a_sentence(
    service: WrittenService, run: Run, response: httpx.Response, told: str
) -> None:
    service.handles("POST", "/v1/verifications", lambda _: response)
    result = run("verify")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", told + "\n")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (httpx.ConnectError("Connection refused"), "cannot be reached: Connection refused."),
        (httpx.ReadTimeout("slow"), "did not answer in time."),
    ],
)
def test_silence_is_a_fault(service: WrittenService, run: Run, fault: Exception, told: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise fault

    service.handles("GET", "/v1/keys", fail)
    result = run("keys", "list")
    assert (result.exit_code, result.stderr) == (1, f"http://service.test {told}\n")


@pytest.mark.parametrize("answer", [{}, [1], "text"])
def test_strange_answer_is_a_fault(service: WrittenService, run: Run, answer: Any) -> None:
    service.answers("GET", "/v1/labs/X", answer)
    result = run("who", "X")
    assert result.exit_code == 1
    assert "http://service.test answers otherwise than expected" in result.stderr


def test_text_that_is_no_utf_8_is_refused(service: WrittenService, run: Run) -> None:
    for arguments in (
        ["who", "\udcff"],
        ["who", "X", "--at", "\udcff"],
        ["record", "hire", "--person", "\udcff"],
    ):
        result = run(*arguments)
        assert (result.exit_code, service.requests) == (2, [])
        assert "no UTF-8" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--url", "localhost:8000"], "write one such as 'http://127.0.0.1:8000'"),
        (["--url", "http://a", "--data-dir", "b"], "--url and --data-dir name two services"),
        (["--key", "k"], "--key goes with --url"),
    ],
)
def test_address_is_checked_before_anything_is_asked(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(timeline, ["verify", *arguments], env=UNSET)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_key_comes_from_the_environment(service: WrittenService) -> None:
    service.answers("GET", "/v1/keys", {"items": []})
    CliRunner().invoke(
        timeline,
        ["keys", "list", "--url", "http://service.test/below"],
        obj=httpx.MockTransport(_under("/below", service)),
        env={**UNSET, "TIMELINE_API_KEY": "from outside"},
    )
    assert service.requests[0].headers["authorization"] == "Bearer from outside"


def _under(prefix: str, service: WrittenService) -> Any:
    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(prefix)
        return service(httpx.Request(request.method, f"http://x{path}", headers=request.headers))

    return handler


class Local:
    """An application in process that remembers how it was opened and closed."""

    def __init__(self, service: WrittenService) -> None:
        self.service = service
        self.tasks: list[asyncio.Task[Any] | None] = []
        self.ticks = 0

    @asynccontextmanager
    async def open_local(self, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
        self.tasks.append(asyncio.current_task())
        background = asyncio.create_task(self._tick())
        transport = httpx.MockTransport(self.service)
        async with httpx.AsyncClient(transport=transport, base_url="http://local") as http:
            yield http
        background.cancel()
        self.tasks.append(asyncio.current_task())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.001)
            self.ticks += 1


@pytest.fixture
def local(service: WrittenService, monkeypatch: pytest.MonkeyPatch) -> Local:
    local = Local(service)
    app = ModuleType("service.in_process")
    app.open_local = local.open_local  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "service.in_process", app)
    return local


def test_data_directory_is_served_in_process(
    service: WrittenService, local: Local, tmp_path: Any
) -> None:
    service.answers("GET", "/v1/keys", {"items": []})
    result = CliRunner().invoke(timeline, ["keys", "list", "--data-dir", str(tmp_path)], env=UNSET)
    assert (result.exit_code, result.stdout) == (0, "No keys.\n")
    opened_in, closed_in = local.tasks
    assert opened_in is closed_in


def test_refusal_in_process_closes_the_application(
    service: WrittenService, local: Local, tmp_path: Any
) -> None:
    service.refuses("DELETE", "/v1/keys/a", 404, detail="No key is called 'a'.")
    arguments = ["keys", "revoke", "a", "--data-dir", str(tmp_path)]
    result = CliRunner().invoke(timeline, arguments, env=UNSET)
    assert (result.exit_code, result.stderr) == (2, "No key is called 'a'.\n")
    assert len(local.tasks) == 2


def test_application_works_on_while_a_command_waits(local: Local, tmp_path: Any) -> None:
    with in_process(Settings(data_dir=tmp_path)) as client:
        client.pause(0.05)
    assert local.ticks > 3


def test_fault_in_process_is_told_and_closes_the_application(
    service: WrittenService, local: Local, tmp_path: Any
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("out of room")

    service.handles("GET", "/v1/keys", fail)
    result = CliRunner().invoke(timeline, ["keys", "list", "--data-dir", str(tmp_path)], env=UNSET)
    assert (result.exit_code, result.stderr) == (1, "RuntimeError: out of room.\n")
    assert len(local.tasks) == 2


@pytest.mark.parametrize(
    ("fault", "raised", "told"),
    [
        (RuntimeError("Another process has it."), CommandFailed, "Another process has it."),
        (PermissionError("no entry"), CommandFailed, "PermissionError: no entry."),
        (NotReady("It is closing."), CommandRefused, "It is closing."),
    ],
)
def test_directory_that_does_not_open_is_told(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    fault: Exception,
    raised: type[CommandFailed | CommandRefused],
    told: str,
) -> None:
    @asynccontextmanager
    async def open_local(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
        if settings.port:
            raise fault
        yield httpx.AsyncClient()

    app = ModuleType("service.in_process")
    app.open_local = open_local  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "service.in_process", app)
    with pytest.raises(raised, match=told), in_process(Settings(data_dir=tmp_path)):
        pass


def test_service_that_stays_busy_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = httpx.Response(503, json={"detail": "Full."}, headers={"Retry-After": "9999"})
    waits: list[float] = []
    client = Client(lambda *_, **__: busy, waits.append)
    with pytest.raises(CommandFailed, match="Full"):
        client.get("/v1/log")
    assert waits == [30.0] * 5
