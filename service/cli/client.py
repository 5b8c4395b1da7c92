"""
The HTTP contract as commands use it, whether the service is far away or in process.

A command says `get`, `post`, `put` or `delete` and gets an `Answer`; what the service refuses
is raised as `CommandRefused`, what went wrong as `CommandFailed`.
"""

import importlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
import msgspec

from service.cli.exits import CommandFailed, CommandRefused, refused
from service.domain.refusals import Refusal

if TYPE_CHECKING:
    import asyncio

    import httpx

    from service.settings import Settings

SECONDS_TO_CONNECT = 10.0
SECONDS_TO_ANSWER = 600.0
"""A verification of a long log is one request."""
TRIES_MAX = 6
SECONDS_TO_WAIT_MAX = 30.0

_JSON = {"Content-Type": "application/json"}

Params = Mapping[str, str | int | bool | None]
Send = Callable[..., "httpx.Response"]


@dataclass(frozen=True)
class Answer:
    """What the service answered, as it came and decoded."""

    raw: bytes
    status: int = 200
    replayed: bool = False
    """Whether it is the first answer again: nothing new was recorded."""

    @property
    def json(self) -> Any:
        """
        The body decoded.

        Raises:
            CommandFailed: it is no JSON, so this is hardly the service.
        """
        try:
            return msgspec.json.decode(self.raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise CommandFailed("The answer is no JSON; is this the timeline service?") from exc


class Client:
    """The service, one request after the other."""

    def __init__(self, send: Send, pause: Callable[[float], None], *, is_far: bool = False) -> None:
        self._send = send
        self.is_far = is_far
        """Whether another process works while an answer is waited for."""
        self.pause = pause
        """Wait so many seconds, in which a service in process goes on with its work."""

    def get(self, path: str, params: Params | None = None) -> Answer:
        return self.request("GET", path, params=params)

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self.request("POST", path, body=body, params=params, headers=headers)

    def put(
        self,
        path: str,
        body: Any,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self.request("PUT", path, body=body, params=params, headers=headers)

    def delete(self, path: str) -> Answer:
        return self.request("DELETE", path)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """
        The answer to one request, asked again while the service says "later".

        Shapes: *body* is what to encode, or bytes that are encoded already; or an iterator of
        them, which is sent as it comes and not again.

        Raises:
            CommandRefused: a 4xx, with its problem document.
            CommandFailed: anything else that is no success.
        """
        arguments = {
            "params": {k: v for k, v in (params or {}).items() if v is not None},
            "headers": {**_JSON, **(headers or {})} if body is not None else headers,
            "content": _encoded(body),
        }
        response = self._send(method, path, **arguments)
        for _ in range(TRIES_MAX - 1):
            seconds = _seconds_to_wait(response)
            if seconds is None or isinstance(body, Iterator):
                break
            self.pause(seconds)
            response = self._send(method, path, **arguments)
        return _answer(response)


def path_to(*segments: str) -> str:
    """
    The path under `/v1` of *segments*, each percent-encoded, slashes included.

    >>> path_to("labs", "A/B")
    '/v1/labs/A%2FB'

    Raises:
        CommandRefused: a segment is blank or cannot be encoded.
    """
    return "/v1/" + "/".join(map(_segment, segments))


def _segment(text: str) -> str:
    if not text.strip():
        raise refused("The name is blank; give an id or a name.")
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError as exc:
        raise refused(f"'{text}' is no UTF-8.") from exc
    # Dots alone would be read as a way through the path.
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")


@contextmanager
def remote(
    url: str, key: str | None, transport: "httpx.BaseTransport | None" = None
) -> Iterator[Client]:
    """
    The service at *url*.

    Raises:
        CommandRefused: *url* is no http or https address.
    """
    http = _http(url, key, transport)

    def send(method: str, path: str, **arguments: Any) -> "httpx.Response":
        with _unreached_told(url):
            return http.request(method, path, **arguments)

    with http:
        yield Client(send, time.sleep, is_far=True)


@contextmanager
def remote_pieces(
    url: str, key: str | None, path: str, transport: "httpx.BaseTransport | None" = None
) -> Iterator[Iterator[bytes]]:
    """
    The answer of the service at *url* to a GET, as it comes.

    Raises:
        CommandRefused: a 4xx, with its problem document, or *url* is no address.
        CommandFailed: anything else that is no success, or the answer broke off.
    """
    with (
        _unreached_told(url),
        _http(url, key, transport) as http,
        http.stream("GET", path) as response,
    ):
        if response.status_code != 200:
            response.read()
            _answer(response)
        yield response.iter_bytes()


def _http(url: str, key: str | None, transport: "httpx.BaseTransport | None") -> "httpx.Client":
    import httpx  # noqa: PLC0415 (start-up)

    if not url.startswith(("http://", "https://")):
        raise refused(f"'{url}' is no address; write one such as 'http://127.0.0.1:8000'.")
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    timeout = httpx.Timeout(SECONDS_TO_ANSWER, connect=SECONDS_TO_CONNECT)
    try:
        return httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
    except (httpx.InvalidURL, UnicodeEncodeError) as exc:
        raise refused(f"The address or the key cannot be sent: {exc}.") from exc


@contextmanager
def _unreached_told(url: str) -> Iterator[None]:
    import httpx  # noqa: PLC0415 (start-up)

    try:
        yield
    except httpx.TimeoutException as exc:
        raise CommandFailed(f"{url} did not answer in time.") from exc
    except httpx.RemoteProtocolError as exc:
        raise CommandFailed(f"The answer of {url} broke off: {exc}.") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise CommandFailed(f"{url} cannot be reached: {exc}.") from exc
    except UnicodeEncodeError as exc:
        raise refused(f"What was given is no UTF-8: {exc}.") from exc


@contextmanager
def in_process(settings: "Settings") -> Iterator[Client]:
    """
    The same application on the data directory, with nothing listening.

    Raises:
        CommandFailed: the data directory cannot be opened.
    """
    import asyncio  # noqa: PLC0415 (start-up)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        opened: asyncio.Future[httpx.AsyncClient] = loop.create_future()
        closing = asyncio.Event()
        keeping = loop.create_task(_keep_open(settings, opened, closing))
        with faults_told():
            http = runner.run(_outcome(opened))

        def send(method: str, path: str, **arguments: Any) -> "httpx.Response":
            if isinstance(arguments.get("content"), Iterator):
                arguments["content"] = _asynchronous(arguments["content"])
            with faults_told():
                response: httpx.Response = runner.run(http.request(method, path, **arguments))
            return response

        try:
            yield Client(send, lambda seconds: runner.run(asyncio.sleep(seconds)))
        finally:
            closing.set()
            with faults_told():
                runner.run(_outcome(keeping))


def application(module: str, name: str) -> Any:
    """What *module* calls *name*, above the command line, which imports nothing from there."""
    return getattr(importlib.import_module(module), name)


@contextmanager
def faults_told() -> Iterator[None]:
    """
    Whatever stops the application is told in a sentence.

    Raises:
        CommandRefused: for a refusal.
        CommandFailed: for anything else.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Refusal as exc:
        raise refused(exc.message) from exc
    except UnicodeEncodeError as exc:
        raise refused(f"What was given is no UTF-8: {exc}.") from exc
    except Exception as exc:
        raise CommandFailed(_told(exc)) from exc


async def _keep_open(
    settings: "Settings", opened: "asyncio.Future[httpx.AsyncClient]", closing: "asyncio.Event"
) -> None:
    # One task opens and closes, as task groups and cancel scopes in there insist on.
    try:
        context: AbstractAsyncContextManager[httpx.AsyncClient]
        context = application("service.in_process", "open_local")(settings)
        async with context as http:
            opened.set_result(http)
            await closing.wait()
    except Exception as exc:
        if opened.done():
            raise
        opened.set_exception(exc)


async def _outcome(future: "asyncio.Future[Any]") -> Any:
    return await future


def _told(exc: Exception) -> str:
    """Our own exceptions are sentences; others are told with what they are."""
    text = str(exc).strip()
    return text if text.endswith(".") else f"{type(exc).__name__}: {text or 'no reason given'}."


async def _asynchronous(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def _encoded(body: Any) -> bytes | Iterator[bytes] | None:
    if body is None or isinstance(body, bytes | Iterator):
        return body
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError as exc:
        raise refused(f"What was given is no UTF-8: {exc}.") from exc


def _seconds_to_wait(response: "httpx.Response") -> float | None:
    """How long a busy service asks to wait; None of any other answer."""
    if response.status_code not in (429, 503):
        return None
    after = response.headers.get("retry-after", "")
    return min(float(after), SECONDS_TO_WAIT_MAX) if after.isdecimal() else None


def _answer(response: "httpx.Response") -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        replayed = response.headers.get("idempotent-replayed", "").lower() == "true"
        return Answer(response.content, status, replayed)
    problem = _problem(response)
    if 400 <= status < 500 and problem is not None:
        raise CommandRefused({**problem, "status": status})
    raise CommandFailed(_failure(response, problem))


def _problem(response: "httpx.Response") -> dict[str, Any] | None:
    try:
        document = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_problem = isinstance(document, dict) and ("detail" in document or "title" in document)
    return document if is_problem else None


def _failure(response: "httpx.Response", problem: dict[str, Any] | None) -> str:
    status = response.status_code
    if problem is not None:
        return f"The service failed ({status}): {problem.get('detail') or problem['title']}"
    if 300 <= status < 400:
        location = response.headers.get("location", "nowhere")
        return f"The address answers with a redirection to '{location}'; give that with --url."
    if status >= 500:
        return f"The service failed ({status}) and did not say why."
    return f"The address answered {status} without saying why; is this the timeline service?"
