"""Input that is meant to hurt: bombs, every plane of Unicode, depth and numbers without end."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import settings

from service.domain.identity import fold_name
from tests.integration.api.asking import HIRED, get, hire, problem, record
from tests.support.counted import count

# Those that change nothing share a log, and the loop in which it is asked.
of_all = pytest.mark.asyncio(loop_scope="session")

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
UNPACKED_BYTES = 32 * 1024 * 1024
MEMORY_BYTES_MAX = 4 * 1024 * 1024
"""Of a request whose body would take eight times that, once unpacked."""
CODINGS = (
    "gzip", "x-gzip", "GZIP", "deflate", "compress", "br", "zstd", "gzip, gzip", "identity, gzip",
    "aes128gcm", "gzip;q=1", "*", "",
)  # fmt: skip
WRITES = [
    ("POST", "/v1/events", JSON),
    ("POST", "/v1/events", NDJSON),
    ("PUT", f"/v1/events/{HIRED}/correction", JSON),
    ("PUT", f"/v1/events/{HIRED}/retraction", JSON),
    ("POST", "/v1/keys", JSON),
]
PLANES = range(17)
CHARACTERS = max(20, settings().max_examples // 5)
"""So many of each plane."""


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """The same long body in the two codings that the language knows."""
    event = json.dumps(hire(note="n")).encode().ljust(UNPACKED_BYTES)
    return {"gzip": gzip.compress(event, 1), "deflate": zlib.compress(event, 1)}


@pytest.mark.parametrize("coding", CODINGS)
@of_all
async def test_bomb_is_refused_without_being_unpacked(
    coding: str, bombs: dict[str, bytes], seeded: httpx.AsyncClient
) -> None:
    body = bombs["deflate" if coding == "deflate" else "gzip"]
    for method, path, content_type in WRITES:
        headers = {**content_type, "Content-Encoding": coding}
        tracemalloc.start()
        response = await seeded.request(method, path, content=body, headers=headers)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        told = problem(response, 415)
        assert "send the body as it is" in told.detail
        assert peak < MEMORY_BYTES_MAX
        count("input", "bodies that unpack to 32 MiB")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@of_all
async def test_bomb_that_is_not_announced_is_no_json(
    coding: str, bombs: dict[str, bytes], seeded: httpx.AsyncClient
) -> None:
    for method, path, headers in WRITES:
        tracemalloc.start()
        response = await seeded.request(method, path, content=bombs[coding], headers=headers)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert response.status_code in (400, 422), response.text
        assert peak < MEMORY_BYTES_MAX
        count("input", "bodies that unpack to 32 MiB")


@pytest.mark.parametrize("plane", PLANES)
async def test_names_of_every_plane_are_read_back_and_found(
    plane: int, client: httpx.AsyncClient
) -> None:
    """
    A name of one character: of blanks refused, else recorded as it is and found by it.

    Of those that fold alike the first makes somebody, whom the others mean; nobody else does.
    """
    first = plane * 0x10000
    chosen = Random(plane).sample(range(first + 1, first + 0xFFFE), CHARACTERS)
    every = [chr(n) for n in (first + 1, *chosen, first + 0xFFFE, first + 0xFFFF)]
    # Two that fold alike are among so few by rare chance only.
    names = ["\N{LATIN SMALL LETTER A WITH ACUTE}", "\N{LATIN CAPITAL LETTER A WITH DIAERESIS}"]
    names += [c for c in every if not 0xD800 <= ord(c) <= 0xDFFF]
    blank = [name for name in names if not name.strip()]
    for name in blank:
        refused = await client.post("/v1/events", json=_hired(name))
        assert problem(refused, 422).errors[0].pointer == "/person/name"
    taken = [name for name in names if name.strip()]
    events = await record(client, *(_hired(name) for name in taken))
    first_alike: dict[str, tuple[str, str]] = {}
    for name, event in zip(taken, events, strict=True):
        id_ = event["person"]["id"]
        meant, spelt = first_alike.setdefault(fold_name(name), (id_, name))
        # What is somebody's id means that one, whatever it was made of.
        assert id_ in (meant, name), ascii(name)
        asked = await client.get(f"/v1/people/{_segment(name)}")
        assert asked.status_code == 200, (ascii(name), asked.text)
        person = asked.json()["person"]
        assert person["id"] == id_
        assert spelt in (person["name"], *person["aliases"])
        count("input", "names of every plane of Unicode")
    made = [id_ for id_, name in first_alike.values() if id_ != name]
    assert len(set(made)) == len(made)
    assert len(first_alike) < len(taken)


MARKED = {
    "override": "user\u202egnp.exe",
    "embedding": "\u202aada\u202c",
    "isolate": "\u2066ada\u2069",
    "mark": "ada\u200f",
    "Arabic letter mark": "\u061cada",
    "Hebrew": "עדה לאבלייס",
    "Arabic": "آدا لوفليس",
    "both ways": "Ada עדה (ada)",
}


@pytest.mark.parametrize("name", MARKED.values(), ids=MARKED)
async def test_names_from_right_to_left_are_read_back_and_found(
    name: str, client: httpx.AsyncClient
) -> None:
    """In the order in which they were written, with every mark; and not for another's."""
    (event,) = await record(client, _hired(name))
    person = await get(client, f"/v1/people/{_segment(name)}")
    assert person["person"]["name"] == name
    (found,) = (await get(client, "/v1/people", q=name))["items"]
    assert found["id"] == event["person"]["id"]
    (member,) = (await get(client, "/v1/labs/x", at="2021-01-01"))["members"]
    assert member["person"]["name"] == name


DIGITS = 1_000_000
HUGE = {
    "whole number": b"9" * DIGITS,
    "beyond what Python reads": b"9" * 4301,
    "beyond 64 bits": b"18446744073709551616",
    "below 64 bits": b"-9223372036854775809",
    "negative": b"-" + b"9" * DIGITS,
    "fraction": b"0." + b"9" * DIGITS,
    "exponent": b"1e" + b"9" * 1000,
    "small exponent": b"1e-" + b"9" * 1000,
    "zeros and an exponent": b"0" + b"e" + b"9" * 1000,
    "exponent that is just too much": b"1e309",
}


@pytest.mark.parametrize("number", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("field", ["note", "date", "person", "sources", "event_id", "x"])
@of_all
async def test_number_without_end_is_refused(
    field: str, number: bytes, seeded: httpx.AsyncClient
) -> None:
    event = json.dumps(hire(**{field: "@"})).encode().replace(b'"@"', number)
    refused = await seeded.post("/v1/events", content=event, headers=JSON)
    assert refused.status_code in (400, 422), refused.text
    problem(refused, refused.status_code)
    refused = await seeded.post("/v1/events", content=event + b"\n", headers=NDJSON)
    assert refused.status_code in (400, 422), refused.text
    count("input", "numbers without end", 2)


@pytest.mark.parametrize("depth", [2, 60, 64, 65, 1_000, 100_000])
@pytest.mark.parametrize("field", ["note", "person", "sources", "alternatives", "x"])
@pytest.mark.parametrize("shape", ["[]", '{"name":}'], ids=["arrays", "objects"])
@of_all
async def test_depth_in_a_field_is_refused(
    shape: str, field: str, depth: int, seeded: httpx.AsyncClient
) -> None:
    opened, closed = shape[:-1].encode(), shape[-1:].encode()
    nested = opened * depth + (b"1" if closed == b"}" else b"") + closed * depth
    event = json.dumps(hire(**{field: "@"})).encode().replace(b'"@"', nested)
    refused = await seeded.post("/v1/events", content=event, headers=JSON)
    problem(refused, 422 if depth < 64 else 400)
    refused = await seeded.post("/v1/events", content=event + b"\n", headers=NDJSON)
    assert refused.status_code == 422, refused.text
    count("input", "depths without end", 2)


BODIES = {
    "a million members": b"{" + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}",
    "one member a million times": b"{" + b",".join([b'"type":"hire"'] * 1_000_000) + b"}",
    "a million empty arrays": b"[" + b",".join([b"[]"] * 1_000_000) + b"]",
    "one text": b'{"type":"hire","note":"' + b"n" * 16_000_000 + b'"}',
    "escapes": b'{"note":"' + b"\\u0041" * 2_500_000 + b'"}',
    "blanks": b" " * 16_000_000,
    "a million blank lines": b"\n" * 1_000_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@of_all
async def test_body_that_is_large_for_nothing_is_refused(
    body: bytes, seeded: httpx.AsyncClient
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    for headers in (JSON, NDJSON):
        refused = await seeded.post("/v1/events", content=chunks(), headers=headers)
        assert refused.status_code in (400, 413, 422), refused.text
        # What is told of a large body is not large itself.
        assert len(refused.content) < 64 * 1024, len(refused.content)
        count("input", "bodies that are large for nothing")


def _hired(name: str) -> dict[str, Any]:
    lab = {"id": "x", "name": "X"}
    return {"type": "hire", "person": {"name": name}, "lab": lab, "date": "2020"}


def _segment(name: str) -> str:
    encoded = quote(name, safe="")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")
