"""
Connections of clients, each within bounds: of what it may send unasked, and of how long it waits.

The HTTP server bounds none of it: one that says nothing, or takes nothing, would be kept for ever.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.api.problems import MEDIA_TYPE, ProblemDocument

HEAD_SECONDS = 10.0
"""For a whole head, from the connection's begin or from the answer before it."""
HEAD_BYTES_MAX = 64 * 1024
REST_SECONDS = 60.0
"""For the rest of a body that was refused before it had come."""
SEND_SECONDS = 60.0
"""A client that takes nothing of an answer for so long is hung up on."""
CONNECTIONS_MAX = 1_900
"""Of one process."""


def _told(status: HTTPStatus, title: str, detail: str, *headers: str) -> bytes:
    """An answer, with the problem as every other is told, after which the connection ends."""
    document = ProblemDocument(type="about:blank", title=title, status=status, detail=detail)
    body = msgspec.json.encode(document)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        *headers,
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode("ascii") + body


_TOO_MANY = _told(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service cannot answer now",
    "Too many clients are connected; try again in a moment.",
    "Retry-After: 1",
)
_NO_HTTP = _told(
    HTTPStatus.BAD_REQUEST,
    "The request cannot be taken",
    "What came is no HTTP request; see whether it was meant for another port, or for HTTPS.",
)
_HEAD_TOO_LARGE = _told(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The head of the request is too large",
    f"The address and the headers together may have {HEAD_BYTES_MAX:,} bytes; send less.",
)


class BoundedConnection(HttpToolsProtocol):
    """A connection that notes since when it waits for its client."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.waits_for_head_since: float | None = None
        self.waits_for_taking_since: float | None = None
        self._head_bytes = 0
        self._has_rest = False
        """Whether the body of a request that was answered early still comes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > CONNECTIONS_MAX:
            transport.write(_TOO_MANY)
            transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.waits_for_head_since is None or self._has_rest or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        # Whose address is so long comes here, if it came at once.
        is_too_large = len(self.url or b"") >= HEAD_BYTES_MAX
        self.transport.write(_HEAD_TOO_LARGE if is_too_large else _NO_HTTP)
        self.transport.close()

    def on_headers_complete(self) -> None:
        self.waits_for_head_since = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._has_rest:
            self._wait_for_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._wait_for_head()
            if self.cycle.more_body:
                # Passed over, so that the client comes to read why.
                self._has_rest = True
                self.waits_for_head_since = self.loop.time() + REST_SECONDS - HEAD_SECONDS
        super().on_response_complete()

    def pause_writing(self) -> None:
        self.waits_for_taking_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.waits_for_taking_since = None
        super().resume_writing()

    def _wait_for_head(self) -> None:
        self.waits_for_head_since = self.loop.time()
        self._head_bytes = 0
        self._has_rest = False


def hang_up_on_who_holds_up(connections: Iterable[Any]) -> None:
    """End those *connections* whose clients are waited for in the midst of a request."""
    for one in list(connections):
        is_sending = one.cycle is not None and one.cycle.more_body
        if one.waits_for_taking_since is not None or (
            is_sending and not one.cycle.response_complete
        ):
            one.transport.abort()


def hang_up_on_the_slow(connections: Iterable[Any], now: float) -> None:
    """End the *connections* whose clients were waited for too long."""
    for one in list(connections):
        since = one.waits_for_head_since
        if since is not None and now - since > HEAD_SECONDS:
            one.transport.close()
        since = one.waits_for_taking_since
        if since is not None and now - since > SEND_SECONDS:
            # Closing would wait until all was taken.
            one.transport.abort()
