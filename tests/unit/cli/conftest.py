"""A service made of written answers, and the command line that speaks to it."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from service.cli.main import timeline

Handler = Callable[[httpx.Request], httpx.Response]
Run = Callable[..., Result]

URL = "http://service.test"
UNSET = dict.fromkeys(
    (
        "TIMELINE_API_KEY",
        "TIMELINE_DATA_DIR",
        "TIMELINE_HOST",
        "TIMELINE_PORT",
        "TIMELINE_WORKERS",
        "DATABASE_URL",
    )
)


class WrittenService:
    """Answers requests as told, and keeps them."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._handlers: dict[tuple[str, str], Handler] = {}

    def answers(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer *method* on the percent-encoded *path* with *body*."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.handles(method, path, lambda _: httpx.Response(status, content=raw, headers=headers))

    def handles(self, method: str, path: str, handler: Handler) -> None:
        """Let *handler* answer *method* on *path*."""
        self._handlers[method, path] = handler

    def refuses(self, method: str, path: str, status: int = 422, **problem: Any) -> None:
        """Answer with a problem document."""
        document = {"type": "about:blank", "title": "Refused", "status": status, **problem}
        headers = {"Content-Type": "application/problem+json"}
        self.answers(method, path, document, status=status, headers=headers)

    def sent(self, method: str) -> list[Any]:
        """The decoded bodies of the requests with *method*."""
        return [msgspec.json.decode(r.content) for r in self.requests if r.method == method]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.raw_path.decode().partition("?")[0]
        return self._handlers[request.method, path](request)


@pytest.fixture
def service() -> WrittenService:
    return WrittenService()


@pytest.fixture
def run(service: WrittenService) -> Run:
    """The command line on the written service, as in a pipe."""

    def run_it(*arguments: str, input: str | bytes | None = None, key: str | None = None) -> Result:
        keyed = ("--key", key) if key else ()
        return CliRunner().invoke(
            timeline,
            [*arguments, "--url", URL, *keyed],
            obj=httpx.MockTransport(service),
            input=input,
            env=UNSET,
        )

    return run_it
