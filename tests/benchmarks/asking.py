"""
A lean HTTP client: raw sockets that are kept open, nothing decoded but the length of a body.

It runs in the suite's own process, which does nothing else meanwhile, so that it competes with
the server for a core and not for the interpreter.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

from msgspec import Struct

from tests.benchmarks.sides import Taken

ASKING_SECONDS_MAX = 600
"""Of a turn; a server that does not answer any more is not waited for."""


class Answered(Struct, frozen=True):
    """One answer: when its question was due, and how long it then took."""

    at: float
    seconds: float

    @property
    def answered_at(self) -> float:
        return self.at + self.seconds


class Asked(Struct, frozen=True):
    """What came of some questions."""

    seconds: float
    answers: Sequence[Answered]
    body_bytes: int
    """Of all answers together."""

    def taken(self) -> Taken:
        """As the turn of a side."""
        number = len(self.answers)
        return Taken(
            number / self.seconds,
            [answered.seconds * 1000 for answered in self.answers],
            {"kb": self.body_bytes / number / 1000},
        )


def get(path: str, **headers: str) -> bytes:
    """A question as it goes over the wire; the host stands for any."""
    lines = [f"GET {path} HTTP/1.1", "Host: bench", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, body: bytes, key: str) -> bytes:
    """A write as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def ask(
    url: str,
    questions: Sequence[Iterator[bytes]],
    *,
    status: int = 200,
    until: Callable[[], bool] = lambda: False,
    a_second: float | None = None,
) -> Asked:
    """
    Ask on as many connections as there are iterators, each one question at a time, to the end.

    *a_second* spreads the questions evenly over time; one that waits for the answer before it is
    late, and its time counts from when it was due.

    Raises:
        AssertionError: an answer with another status, with what it says.
    """
    place = urlsplit(url)
    loop = asyncio.get_running_loop()
    tally = _Tally(status, until)
    connections = []
    for number, each in enumerate(questions):
        rhythm = None if a_second is None else (number / a_second, len(questions) / a_second)
        connections.append(_Connection(each, tally, rhythm))
    began = perf_counter()
    tally.began = began
    host, port = place.hostname or "127.0.0.1", place.port or 80
    transports = [(await loop.create_connection(_given(one), host, port))[0] for one in connections]
    try:
        async with asyncio.timeout(None if a_second else ASKING_SECONDS_MAX):
            await asyncio.gather(*(one.done for one in connections))
    finally:
        for transport in transports:
            transport.abort()
    return Asked(perf_counter() - began, tally.answers, tally.body_bytes)


def _given(connection: "_Connection") -> Callable[[], "_Connection"]:
    return lambda: connection


class _Tally:
    def __init__(self, status: int, until: Callable[[], bool]) -> None:
        self.first_line = b"HTTP/1.1 %d" % status
        self.until = until
        self.began = 0.0
        self.answers: list[Answered] = []
        self.body_bytes = 0


class _Connection(asyncio.Protocol):
    def __init__(
        self, questions: Iterator[bytes], tally: _Tally, rhythm: tuple[float, float] | None
    ) -> None:
        self._questions = questions
        self._tally = tally
        self._rhythm = rhythm
        self._asked = 0
        self._due = 0.0
        self._head = b""
        self._missing = 0
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._wait()

    def _wait(self) -> None:
        """Until the next question is due."""
        if self._rhythm is None:
            self._due = perf_counter()
            self._ask()
            return
        first, every = self._rhythm
        self._due = self._tally.began + first + self._asked * every
        self._loop.call_later(max(0.0, self._due - perf_counter()), self._ask)

    def _ask(self) -> None:
        question = None if self._tally.until() else next(self._questions, None)
        if self.done.done():
            return
        if question is None:
            self.done.set_result(None)
            return
        self._asked += 1
        self._transport.write(question)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, self._head = self._head, b""
            if not head.startswith(self._tally.first_line):
                self._fail(head.decode(errors="replace"))
                return
            length = _length(head[:end])
            self._tally.body_bytes += length
            self._missing = length - (len(head) - end - 4)
        if self._missing < 0:
            self._fail("it has more bytes than it says; in chunks it cannot be read here.")
        elif self._missing == 0:
            self._tally.answers.append(Answered(self._due, perf_counter() - self._due))
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    def _fail(self, told: str) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(f"Another answer was expected: {told}"))


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0
