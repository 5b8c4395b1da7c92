"""Reading bodies: within limits of size and time, as JSON of a sane depth."""

import asyncio
import re
from typing import Any

import msgspec
from litestar import Request

from service.domain.refusals import Malformed, TooLarge, UnsupportedContent, shown

BODY_BYTES_MAX = 16 * 1024 * 1024
DEPTH_MAX = 64
RECEIVE_SECONDS = 30.0
"""Between two chunks; a client that sends a byte a second does not hold a place for ever."""


async def read_json(request: Request[Any, Any, Any]) -> Any:
    """
    The decoded body.

    Raises:
        UnsupportedContent: it is not announced as JSON.
        TooLarge: more than BODY_BYTES_MAX.
        Malformed: it is no JSON, or nested too deep.
    """
    content_type = request.headers.get("content-type", "")
    media_type, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise UnsupportedContent(
            f"The content type {shown(content_type)} is not taken; send 'application/json'."
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedContent(
            f"The content encoding {shown(encoding)} is not taken; send the body as it is."
        )
    return decode_json(await read_body(request))


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """
    The whole body.

    Raises:
        TooLarge: more than BODY_BYTES_MAX.
        Malformed: it stopped coming.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError as exc:
            raise Malformed(
                f"The body stopped coming for {RECEIVE_SECONDS:.0f} s; send it again."
            ) from exc
        if chunk is None:
            return b"".join(chunks)
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise _too_large()
        chunks.append(chunk)


def decode_json(body: bytes) -> Any:
    """
    What *body* says.

    Raises:
        Malformed: it is no UTF-8, no JSON, or nested too deep.
    """
    if not body:
        raise Malformed("The body is empty; send JSON.")
    try:
        decoded = msgspec.json.decode(body)
        body.decode()
    except RecursionError as exc:
        raise _too_deep() from exc
    except UnicodeDecodeError as exc:
        raise Malformed(f"The body is no UTF-8: {exc.reason} at byte {exc.start}.") from exc
    except msgspec.DecodeError as exc:
        if _HALF_OF_A_PAIR.search(body):
            raise Malformed("The body holds half of a surrogate pair, which is no text.") from exc
        raise Malformed(f"The body is no JSON: {exc}.") from exc
    if _depth(decoded) > DEPTH_MAX:
        raise _too_deep()
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


def _too_deep() -> Malformed:
    return Malformed(f"The body is nested too deep; the limit is {DEPTH_MAX}.")


def _too_large() -> TooLarge:
    return TooLarge(
        f"The body is too large; the limit is {BODY_BYTES_MAX // 1024 // 1024} MiB. Send it in parts."
    )
