"""Reading bodies: within limits of size and time, as JSON of a sane depth."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, MutableMapping
from time import monotonic
from typing import Any, NamedTuple, cast

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from service.api.intake import Intake
from service.domain.refusals import Malformed, TooLarge, UnsupportedContent, shown

BODY_BYTES_MAX = 16 * 1024 * 1024
LINE_BYTES_MAX = 1024 * 1024
"""Of a stream of lines, which is not bounded otherwise."""
JSON = "application/json"
NDJSON = "application/x-ndjson"
DEPTH_MAX = 64
RECEIVE_SECONDS = 30.0
"""Between two chunks, and until the rate of all of them counts."""
RATE_MIN = 1024
"""Bytes a second while a body is waited for: one that trickles does not hold a place for ever."""
LINES_RATE_MIN = 16
"""Of a stream of lines, which may come as they arise: one such line in some seconds."""


async def read_json(request: Request[Any, Any, Any]) -> Any:
    """
    The decoded body.

    Raises:
        UnsupportedContent: it is not announced as JSON.
        TooLarge: more than BODY_BYTES_MAX.
        Malformed: it is no JSON, or nested too deep.
    """
    check_content(request, JSON)
    return decode_json(await read_body(request))


def media_type_of(request: Request[Any, Any, Any]) -> str:
    """What the body is announced as, without parameters."""
    return str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()


def check_content(request: Request[Any, Any, Any], *taken: str) -> None:
    """
    Let a body be read that is announced as one of the media types *taken*.

    Raises:
        UnsupportedContent: it is announced as something else, or encoded.
    """
    content_type = request.headers.get("content-type", "")
    charset = content_type.partition(";")[2].strip().lower().replace('"', "")
    if media_type_of(request) not in taken or charset not in ("", "charset=utf-8"):
        raise UnsupportedContent(
            f"The content type {shown(content_type)} is not taken; send "
            f"{' or '.join(map(repr, taken))}."
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedContent(
            f"The content encoding {shown(encoding)} is not taken; send the body as it is."
        )


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """
    The whole body.

    Raises:
        TooLarge: more than BODY_BYTES_MAX.
        QueueFull: more bodies are held already than fit in memory.
        Malformed: it stopped coming.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    intake: Intake = request.app.state.machinery.intake
    intake.look(int(announced) if announced.isdecimal() else 0)
    chunks: list[bytes] = []
    size = 0
    async for chunk in received(request):
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise _too_large()
        intake.take(cast("MutableMapping[str, Any]", request.scope), len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


async def received(
    request: Request[Any, Any, Any], rate_min: float | None = None
) -> AsyncIterator[bytes]:
    """
    The body as it comes; the next part is asked for when the one before was taken.

    Raises:
        Malformed: it stopped coming, or comes by fewer bytes a second than *rate_min*.
    """
    rate_min = RATE_MIN if rate_min is None else rate_min
    stream = request.stream()
    # Only the time in which the client is waited for is the client's.
    waited, size = 0.0, 0
    while True:
        began = monotonic()
        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError as exc:
            raise Malformed(
                f"The body stopped coming for {RECEIVE_SECONDS:.0f} s; send it again."
            ) from exc
        except HTTPException as exc:
            raise Malformed("The client hung up before the body had come.") from exc
        if chunk is None:
            return
        waited += monotonic() - began
        size += len(chunk)
        if size < rate_min * (waited - RECEIVE_SECONDS):
            raise Malformed(
                f"The body comes too slowly: {size} bytes in {waited:.0f} s; send it again."
            )
        yield chunk


class Line(NamedTuple):
    """One line of a stream, numbered from 1."""

    number: int
    content: bytes | None
    """Without its end; None where it is longer than LINE_BYTES_MAX."""


async def lines_of(chunks: AsyncIterable[bytes]) -> AsyncIterator[Line]:
    """The lines of a body as they come, blank ones left out; never more kept than one of them."""
    number, begun, is_too_long = 1, bytearray(), False
    async for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            # What is too long is passed over and not kept.
            is_too_long = is_too_long or len(begun) + end - start > LINE_BYTES_MAX
            content = None if is_too_long else bytes(begun + chunk[start:end])
            if content is None or content.strip():
                yield Line(number, content)
            number, start, is_too_long = number + 1, end + 1, False
            begun.clear()
        if len(begun) + len(chunk) - start > LINE_BYTES_MAX:
            is_too_long = True
            begun.clear()
        if not is_too_long:
            begun += chunk[start:]
    if is_too_long or begun.strip():
        yield Line(number, None if is_too_long else bytes(begun))


def decode_json(body: bytes, what: str = "body") -> Any:
    """
    What *body* says; *what* it is called in refusals.

    Raises:
        Malformed: it is no UTF-8, no JSON, or nested too deep.
    """
    if not body:
        raise Malformed(f"The {what} is empty; send JSON.")
    try:
        decoded = msgspec.json.decode(body)
        body.decode()
    except RecursionError as exc:
        raise _too_deep(what) from exc
    except UnicodeDecodeError as exc:
        raise Malformed(f"The {what} is no UTF-8: {exc.reason} at byte {exc.start}.") from exc
    except msgspec.DecodeError as exc:
        if _HALF_OF_A_PAIR.search(body):
            raise Malformed(
                f"The {what} holds half of a surrogate pair, which is no text."
            ) from exc
        raise Malformed(f"The {what} is no JSON: {exc}.") from exc
    # So many have to be opened first, and in most bodies they are not.
    opened = body.count(b"{") + body.count(b"[")
    if opened > DEPTH_MAX and _depth(decoded) > DEPTH_MAX:
        raise _too_deep(what)
    return decoded


def _depth(value: Any) -> int:
    """How deep arrays and objects are nested; stops counting beyond the limit."""
    depth, level = 0, [value]
    while level and depth <= DEPTH_MAX:
        nested = [v for v in level if isinstance(v, dict | list)]
        if not nested:
            break
        depth += 1
        level = [w for v in nested for w in (v.values() if isinstance(v, dict) else v)]
    return depth


_HALF_OF_A_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def _too_deep(what: str) -> Malformed:
    return Malformed(f"The {what} is nested too deep; the limit is {DEPTH_MAX}.")


def _too_large() -> TooLarge:
    return TooLarge(
        f"The body is too large; the limit is {BODY_BYTES_MAX // 1024 // 1024} MiB. Send it in parts."
    )
