"""What is refused (SEMANTICS 6): with every fault named, and nothing recorded."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.integration.api.asking import (
    CORRECTED,
    HIRED,
    SEED,
    UNKNOWN,
    hire,
    pointers,
    problem,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "n" * 5000
SOURCE = {"url": "https://example.org"}
JSON = {"Content-Type": "application/json"}


ONE_EVENT: dict[str, tuple[Any, list[str]]] = {
    "unknown type": (hire(type="hiring"), ["/type"]),
    "no type": ({"person": "ada"}, ["/type"]),
    "type is no text": (hire(type=["hire"]), ["/type"]),
    "not an object": ("hire", [""]),
    "a truth value": (True, [""]),
    "a number": (12, [""]),
    "unknown field": (hire(salary=1), ["/salary"]),
    "unknown field to escape": (hire(**{"a/b~c": 1}), ["/a~1b~0c"]),
    "unknown field in a source": (hire(sources=[{**SOURCE, "x": 1}]), ["/sources/0/x"]),
    "field of another type of event": (hire(cause="?"), ["/cause"]),
    "read-only field": (hire(position=3), ["/position"]),
    "missing date": ({"type": "hire", "person": "ada", "lab": "engines"}, ["/date"]),
    "null date": (hire(date=None), ["/date"]),
    "person is a number": (hire(person=7), ["/person"]),
    "person is an array": (hire(person=["ada"]), ["/person"]),
    "person is nothing": (hire(person={}), ["/person"]),
    "person has only aliases of nothing": (hire(person={"aliases": []}), ["/person"]),
    "empty name": (hire(person={"name": ""}), ["/person/name"]),
    "blank name": (hire(person={"name": " \t "}), ["/person/name"]),
    "empty reference": (hire(person=""), ["/person"]),
    "NUL in a name": (hire(person={"name": "A\0da"}), ["/person/name"]),
    "NUL in a note": (hire(note="\0"), ["/note"]),
    "NUL in an alias": (hire(person={"name": "B", "aliases": ["\0"]}), ["/person/aliases/0"]),
    "NUL in a reference": (hire(lab="eng\0ines"), ["/lab"]),
    "long name": (hire(person={"name": LONG}), ["/person/name"]),
    "long reference": (hire(person=LONG), ["/person"]),
    "long role": (hire(role=LONG), ["/role"]),
    "id is no slug": (hire(person={"id": "Ada L", "name": "Ada"}), ["/person/id"]),
    "id too long": (hire(person={"id": "a" * 101, "name": "Ada"}), ["/person/id"]),
    "id that nobody has, without a name": (hire(person={"id": "nobody"}), ["/person"]),
    "name is a number": (hire(person={"name": 3}), ["/person/name"]),
    "unknown relation": (hire(relation="friend"), ["/relation"]),
    "unknown certainty": (hire(certainty="sure"), ["/certainty"]),
    "unknown basis": (hire(basis="heard"), ["/basis"]),
    "certainty is no text": (hire(certainty={"a": 1}), ["/certainty"]),
    "number beyond all bounds": (hire(note=10**30), ["/note"]),
    "sources no array": (hire(sources=SOURCE), ["/sources"]),
    "source without a link": (hire(sources=[{"title": "t"}]), ["/sources/0/url"]),
    "javascript": (hire(sources=[{"url": "javascript:alert(1)"}]), ["/sources/0/url"]),
    "data link": (hire(sources=[{"url": "data:text/html,x"}]), ["/sources/0/url"]),
    "ftp": (hire(sources=[{"url": "ftp://example.org"}]), ["/sources/0/url"]),
    "link without a host": (hire(sources=[{"url": "https:///x"}]), ["/sources/0/url"]),
    "link with a blank": (hire(sources=[{"url": "https://example.org/a b"}]), ["/sources/0/url"]),
    "bad day of a source": (
        hire(sources=[{**SOURCE, "published": "2024-13"}]),
        ["/sources/0/published"],
    ),
    "65 sources": (hire(sources=[SOURCE] * 65), ["/sources"]),
    "bad alternative": (hire(alternatives=[{"date": "soon"}]), ["/alternatives/0/date"]),
    "65 sources of an alternative": (
        hire(alternatives=[{"date": "2024", "sources": [SOURCE] * 65}]),
        ["/alternatives/0/sources"],
    ),
    "event id no UUID": (hire(event_id="7"), ["/event_id"]),
    "event id a number": (hire(event_id=7), ["/event_id"]),
    "event id in braces": (hire(event_id=f"{{{UNKNOWN}}}"), ["/event_id"]),
    "unknown person": (hire(person="Ada Lovelac"), ["/person"]),
    "unknown lab": (hire(lab="Analytic Engine"), ["/lab"]),
    "unknown founder": (
        {"type": "founding", "lab": "x", "date": "2000", "founders": ["ada", "Grace"]},
        ["/founders/1"],
    ),
    "founders no array": (
        {"type": "founding", "lab": "x", "date": "2000", "founders": "ada"},
        ["/founders"],
    ),
    "founder of nothing": (
        {"type": "founding", "lab": "x", "date": "2000", "founders": [{}]},
        ["/founders/0"],
    ),
    "empty absorbed": (
        {"type": "merger", "absorbed": [], "lab": "x", "date": "2000"},
        ["/absorbed"],
    ),
    "no absorbed": ({"type": "merger", "lab": "x", "date": "2000"}, ["/absorbed"]),
    "lab merged into itself": (
        {"type": "merger", "absorbed": ["engines", "y"], "lab": "Lab Y", "date": "2000"},
        ["/absorbed/1"],
    ),
    "blank new name": ({"type": "renaming", "lab": "x", "name": " ", "date": "2000"}, ["/name"]),
    "profile of nobody": ({"type": "profile", "name": "Ada"}, [""]),
    "profile of both": ({"type": "profile", "person": "ada", "lab": "x"}, [""]),
    "kind of a person": ({"type": "profile", "person": "ada", "kind": "lab"}, ["/kind"]),
    "homepage no link": (
        {"type": "profile", "person": "ada", "ids": {"homepage": "mailto:a@b"}},
        ["/ids/homepage"],
    ),
    "unknown outside id": (
        {"type": "profile", "person": "ada", "ids": {"isni": "1"}},
        ["/ids/isni"],
    ),
    "profile with a date": ({"type": "profile", "person": "ada", "date": "2024"}, ["/date"]),
    "same as nobody": ({"type": "same_as", "person": "ada", "into": "Nobody"}, ["/into"]),
    "same_as that closes a cycle": (
        {"type": "same_as", "person": "ada", "into": "a-lovelace"},
        [""],
    ),
    "same_as oneself": ({"type": "same_as", "person": "ada", "into": "ada"}, [""]),
    "merger that closes a cycle": (
        {"type": "merger", "absorbed": ["y"], "lab": "x", "date": "2022"},
        [""],
    ),
    "correction of nothing": (
        {"type": "correction", "target": UNKNOWN, "reason": "r", "event": hire()},
        ["/target"],
    ),
    "correction of a correction": (
        {"type": "correction", "target": CORRECTED, "reason": "r", "event": hire()},
        ["/target"],
    ),
    "correction without an event": (
        {"type": "correction", "target": HIRED, "reason": "r"},
        ["/event"],
    ),
    "correction by a correction": (
        {"type": "correction", "target": HIRED, "reason": "r", "event": {"type": "retraction"}},
        ["/event/type"],
    ),
    "correction with a fault": (
        {"type": "correction", "target": HIRED, "reason": "r", "event": hire(date="x")},
        ["/event/date"],
    ),
    "correction with an unknown name": (
        {"type": "correction", "target": HIRED, "reason": "r", "event": hire(lab="None")},
        ["/event/lab"],
    ),
    "correction to a merger of a lab into itself": (
        {
            "type": "correction",
            "target": HIRED,
            "reason": "r",
            "event": {
                "type": "merger",
                "absorbed": ["engines", "y"],
                "lab": "Lab Y",
                "date": "2000",
            },
        },
        ["/event/absorbed/1"],
    ),
    "correction with a blank name": (
        {
            "type": "correction",
            "target": HIRED,
            "reason": "r",
            "event": hire(person={"name": " "}, lab=" "),
        },
        ["/event/person/name", "/event/lab"],
    ),
    "correction with unknown names in a list": (
        {
            "type": "correction",
            "target": HIRED,
            "reason": "r",
            "event": {"type": "merger", "absorbed": ["None", "x"], "lab": "No", "date": "2000"},
        },
        ["/event/absorbed/0", "/event/lab"],
    ),
    "retraction of nothing": (
        {"type": "retraction", "target": UNKNOWN, "reason": "r"},
        ["/target"],
    ),
    "retraction of a correction": (
        {"type": "retraction", "target": CORRECTED, "reason": "r"},
        ["/target"],
    ),
    "retraction without a reason": ({"type": "retraction", "target": HIRED}, ["/reason"]),
    "retraction with a blank reason": (
        {"type": "retraction", "target": HIRED, "reason": " "},
        ["/reason"],
    ),
    "several faults": (
        hire(date="2023-02-29", role="", person={}, x=1, sources=[{"url": "x"}, {}]),
        ["/x", "/sources/0/url", "/sources/1/url", "/date", "/person", "/role"],
    ),
    "a bad date and unknown names": (
        hire(date="2023-02-29", person="Nobody", lab="Nowhere"),
        ["/date", "/person", "/lab"],
    ),
    "an unknown target and an unknown name": (
        {"type": "correction", "target": UNKNOWN, "reason": "r", "event": hire(lab="None")},
        ["/target", "/event/lab"],
    ),
}


@pytest.mark.parametrize("name", ONE_EVENT)
async def test_event_is_refused_with_all_its_faults(name: str, seeded: httpx.AsyncClient) -> None:
    body, expected = ONE_EVENT[name]
    told = problem(await seeded.post("/v1/events", json=body), 422)
    assert sorted(pointers(told)) == sorted(expected)
    if not isinstance(body, dict):
        return
    told = problem(await seeded.post("/v1/events", json=[hire(), body]), 422)
    assert sorted(pointers(told)) == sorted(f"/1{pointer}" for pointer in expected)


@pytest.mark.parametrize(
    "date",
    [
        "2023-02-29", "2024-13", "2024-00", "2024-04-31", "2024-01-00", "0000", "0", "10000",
        "1799", "2200", "1799-12-31", "２０２４", "2024-０1", "20240101", "2024-1-1", "2024-W01-1",
        "2024-01-01T00:00Z", "", " 2024", "2024\n", "[..]", "[2024]", "[2025..2024]",
        "[2024~..2025]", "2024~?", "~2024", "yesterday", "2024..2025", "[2024-02-30..]", "-2024",
    ],
)  # fmt: skip
async def test_date_that_is_none_is_refused(date: str, seeded: httpx.AsyncClient) -> None:
    told = problem(await seeded.post("/v1/events", json=hire(date=date)), 422, "invalid")
    assert pointers(told) == ["/date"]
    assert told.errors[0].code == "bad_date"
    problem(await seeded.get("/v1/labs/engines", params={"at": date}), 422, "bad_parameter")


async def test_batch_names_all_faults_of_all_events(seeded: httpx.AsyncClient) -> None:
    """Those of form and those of names in one answer, in the order of the events."""
    batch = [
        hire(),
        hire(date="2024-13", lab="Nowhere"),
        hire(person="Nobody"),
        "no event",
        hire(person={"name": "Grace Hopper"}, relation="friend"),
        hire(person="Grace Hopper"),
        {"type": "profile", "lab": "x", "aliases": ["The X"], "kind": 3},
        hire(lab="The X"),
        hire(person="Wei Wang"),
    ]
    told = problem(await seeded.post("/v1/events", json=batch), 422, "invalid")
    assert pointers(told) == [
        "/1/date",
        "/1/lab",
        "/2/person",
        "/3",
        "/4/relation",
        "/6/kind",
        "/8/person",
    ]
    assert [c.id for c in told.errors[-1].candidates] == ["wei-wang", "wei-wang-2"]


async def test_batch_with_one_bad_event_is_refused_whole(seeded: httpx.AsyncClient) -> None:
    batch = [*[hire()] * 50, hire(person="Nobody"), *[hire()] * 49]
    told = problem(await seeded.post("/v1/events", json=batch), 422)
    assert pointers(told) == ["/50/person"]


async def test_unknown_name_is_refused_with_near_ones(seeded: httpx.AsyncClient) -> None:
    told = problem(await seeded.post("/v1/events", json=hire(person="Ada Lovelase")), 422)
    assert told.suggestions[0].id == "ada"
    assert told.errors[0].suggestions == told.suggestions
    assert "Ada Lovelace" in told.errors[0].message


async def test_ambiguous_name_is_refused_with_candidates(seeded: httpx.AsyncClient) -> None:
    told = problem(
        await seeded.post("/v1/events", json=hire(person="wei  WANG")), 409, "ambiguous_name"
    )
    assert pointers(told) == ["/person"]
    assert [(c.id, c.name) for c in told.candidates] == [
        ("wei-wang", "Wei Wang"),
        ("wei-wang-2", "Wei Wang"),
    ]
    told = problem(await seeded.post("/v1/events", json=hire(person={"name": "Wei Wang"})), 409)
    assert [(c.id, c.name) for c in told.candidates] == [
        ("wei-wang", "Wei Wang"),
        ("wei-wang-2", "Wei Wang"),
    ]
    told = problem(await seeded.get("/v1/people/Wei Wang"), 409, "ambiguous_name")
    assert [c.id for c in told.candidates] == ["wei-wang", "wei-wang-2"]
    told = problem(await seeded.get("/v1/events?person=Wei Wang"), 409, "ambiguous_name")


@pytest.mark.parametrize("path", ["/v1/people/Ada Lovelase", "/v1/labs/Analytical Engine"])
async def test_unknown_name_in_a_path_is_not_found(path: str, seeded: httpx.AsyncClient) -> None:
    told = problem(await seeded.get(path), 404, "unknown_name")
    assert [c.id for c in told.suggestions] == ["ada" if "people" in path else "engines"]


@pytest.mark.parametrize("query", ["person=Ada Lovelase", "lab=Analytical Engine"])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/findings"])
async def test_unknown_name_in_a_query_is_refused_by_name(
    path: str, query: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.get(f"{path}?{query}"), 422, "unknown_name_in_query")
    assert told.parameter == query.partition("=")[0]
    assert len(told.suggestions) == 1


@pytest.mark.parametrize("body", ["[]", "[[]]", "[null]"])
async def test_array_of_nothing_is_refused(body: str, seeded: httpx.AsyncClient) -> None:
    told = problem(await seeded.post("/v1/events", content=body, headers=JSON), 422)
    assert pointers(told) == ["" if body == "[]" else "/0"]


async def test_too_many_events_are_refused(seeded: httpx.AsyncClient) -> None:
    told = problem(await seeded.post("/v1/events", json=[hire()] * 10_001), 422)
    assert pointers(told) == [""]
    assert "10000" in told.detail


BODIES: dict[str, bytes] = {
    "empty": b"",
    "cut off": b'{"type": "hire"',
    "two values": b"{} {}",
    "single quotes": b"{'type': 'hire'}",
    "trailing comma": b'{"type": "hire",}',
    "not a number": b'{"type": NaN}',
    "number out of range": b'{"type": 1e999}',
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects nested 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested a little too deep": b"[" * 65 + b"]" * 65,
    "no UTF-8": b'{"type": "\xff\xfe"}',
    "no UTF-8 in a key": b'{"\xff": 1}',
    "UTF-16": '{"type": "hire"}'.encode("utf-16"),
    "half a pair": b'{"type": "hire", "note": "\\ud800"}',
    "other half of a pair": b'{"type": "hire", "note": "\\udc00 "}',
    "half a pair in a key": b'{"\\ud800": "hire"}',
    "half a pair as bytes": b'{"note": "\xed\xa0\x80"}',
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/events"),
        ("PUT", f"/v1/events/{HIRED}/correction"),
        ("PUT", f"/v1/events/{HIRED}/retraction"),
        ("POST", "/v1/keys"),
    ],
    ids=["events", "correction", "retraction", "keys"],
)
async def test_body_that_cannot_be_decoded_is_refused(
    name: str, method: str, path: str, seeded: httpx.AsyncClient
) -> None:
    response = await seeded.request(method, path, content=BODIES[name], headers=JSON)
    told = problem(response, 400, "malformed")
    if "half a pair" in name and "bytes" not in name:
        assert "surrogate" in told.detail


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/csv"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
    ids=str,
)
async def test_other_content_is_refused(headers: dict[str, str], seeded: httpx.AsyncClient) -> None:
    body = json.dumps(hire()).encode()
    problem(await seeded.post("/v1/events", content=body, headers=headers), 415)
    problem(await seeded.post("/v1/keys", content=body, headers=headers), 415)
    problem(await seeded.put(f"/v1/events/{HIRED}/retraction", content=body, headers=headers), 415)


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced", "in chunks"])
async def test_body_too_large_is_refused(is_announced: bool, seeded: httpx.AsyncClient) -> None:
    body = b'"' + b"a" * (16 * 1024 * 1024 - 1) + b'"'
    assert len(body) == 16 * 1024 * 1024 + 1

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1024 * 1024):
            yield body[start : start + 1024 * 1024]

    content = body if is_announced else chunks()
    told = problem(await seeded.post("/v1/events", content=content, headers=JSON), 413)
    assert "16 MiB" in told.detail
    largest = body.replace(b"aa", b"a", 1)
    problem(await seeded.post("/v1/events", content=largest, headers=JSON), 422)


QUERIES: dict[str, tuple[str, str]] = {
    "unknown": ("/v1/labs?when=now", "when"),
    "unknown on a write": ("/v1/log?at=2024-01-01", "at"),
    "another's": ("/v1/labs?presence=certain", "presence"),
    "limit 1001": ("/v1/events?limit=1001", "limit"),
    "limit 0": ("/v1/events?limit=0", "limit"),
    "limit below 0": ("/v1/events?limit=-1", "limit"),
    "limit no number": ("/v1/events?limit=ten", "limit"),
    "limit in other digits": ("/v1/events?limit=%EF%BC%91", "limit"),
    "limit beyond all bounds": ("/v1/events?limit=" + "9" * 5000, "limit"),
    "after below 0": ("/v1/events?after=-1", "after"),
    "after beyond all bounds": (f"/v1/events?after={10**30}", "after"),
    "known_at below 0": ("/v1/labs?known_at=-1", "known_at"),
    "known_at beyond the head": (f"/v1/labs?known_at={len(SEED) + 1}", "known_at"),
    "known_at beyond all bounds": (f"/v1/labs?known_at={10**30}", "known_at"),
    "known_at garbage": ("/v1/labs?known_at=lately", "known_at"),
    "known_at a day": ("/v1/labs?known_at=2024-01-01", "known_at"),
    "known_at without a zone": ("/v1/labs?known_at=2024-01-01T00:00:00", "known_at"),
    "known_at no such instant": ("/v1/labs?known_at=2024-02-30T00:00Z", "known_at"),
    "known_at no such hour": ("/v1/labs?known_at=2024-02-03T25:00Z", "known_at"),
    "known_at no such zone": ("/v1/labs?known_at=2024-02-03T00:00%2B99:00", "known_at"),
    "known_at empty": ("/v1/labs?known_at=", "known_at"),
    "at a month": ("/v1/labs?at=2024-01", "at"),
    "at empty": ("/v1/labs?at=", "at"),
    "presence": ("/v1/labs/engines?presence=sure", "presence"),
    "relation": ("/v1/labs/engines?relation=friend", "relation"),
    "type": ("/v1/events?type=hiring", "type"),
    "kind": ("/v1/findings?kind=error", "kind"),
    "from": ("/v1/events?from=2024-13-01", "from"),
    "repeated": ("/v1/labs?at=2024-01-01&at=2024-01-01", "at"),
    "blank q": ("/v1/labs?q=%20", "q"),
    "NUL": ("/v1/labs?q=%00", "q"),
    "no UTF-8": ("/v1/labs?q=%FF", ""),
    "half a pair": ("/v1/labs?q=%ED%A0%80", ""),
    "too long": ("/v1/labs?q=" + "a" * 4097, "q"),
    "cursor": ("/v1/events?cursor=abc", "cursor"),
    "cursor of other letters": ("/v1/events?cursor=%C3%A9", "cursor"),
    "too many": ("/v1/labs?" + "a=1&" * 200, ""),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_query_is_refused_by_name(name: str, seeded: httpx.AsyncClient) -> None:
    path, parameter = QUERIES[name]
    told = problem(await seeded.get(path), 422, "bad_parameter")
    assert told.parameter == parameter


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/events?x=1"),
        ("PUT", f"/v1/events/{HIRED}/retraction?x=1"),
        ("POST", "/v1/keys?x=1"),
        ("DELETE", "/v1/keys/editor?x=1"),
        ("POST", "/v1/replays?x=1"),
        ("POST", "/v1/replays?check=maybe"),
        ("POST", "/v1/verifications?x=1"),
    ],
)
async def test_write_refuses_unknown_parameters(
    method: str, path: str, seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.request(method, path, json={"reason": "r"}), 422, "bad_parameter")
    assert told.parameter in ("x", "check")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/labs/%FF",
        "/v1/labs/a%00b",
        "/v1/labs/%ED%A0%80",
        "/v1/labs/%20",
        "/v1/people/%FF",
        "/v1/people/%00",
        "/v1/labs/%2F",
        "/v1/labs/" + "a" * 5000,
        "/v1/labs/%F0%9F%98%80",
        "/v1/events/%FF",
        "/v1/events/7",
        f"/v1/events/{UNKNOWN}",
        "/v1/replays/7",
        f"/v1/replays/{UNKNOWN}",
        "/v1/nothing",
        "/v2/labs",
        "/v1",
        "/v1/labs/engines/nothing",
        "/%00",
        "/%FF",
    ],
)
async def test_path_that_is_nothing_is_not_found(path: str, seeded: httpx.AsyncClient) -> None:
    problem(await seeded.get(path), 404)


@pytest.mark.parametrize("what", ["correction", "retraction"])
@pytest.mark.parametrize("event_id", [UNKNOWN, "7", "%FF"])
async def test_correction_of_nothing_is_not_found(
    event_id: str, what: str, seeded: httpx.AsyncClient
) -> None:
    body = {"reason": "r"} | (hire() if what == "correction" else {})
    problem(await seeded.put(f"/v1/events/{event_id}/{what}", json=body), 404)


@pytest.mark.parametrize("what", ["correction", "retraction"])
async def test_correction_of_a_correction_is_refused(what: str, seeded: httpx.AsyncClient) -> None:
    body = {"reason": "r"} | (hire() if what == "correction" else {})
    told = problem(
        await seeded.put(f"/v1/events/{CORRECTED}/{what}", json=body), 422, "not_correctable"
    )
    assert HIRED in told.detail


async def test_correction_names_all_its_faults(seeded: httpx.AsyncClient) -> None:
    path = f"/v1/events/{HIRED}/correction"
    body = hire(date="2024-13", person="Nobody", x=1, event_id="7")
    told = problem(await seeded.put(path, json=body), 422)
    assert sorted(pointers(told)) == ["/date", "/event_id", "/person", "/reason", "/x"]
    told = problem(await seeded.put(path, json=[]), 422)
    assert pointers(told) == [""]
    told = problem(await seeded.put(path, json=hire(reason="r", type="correction")), 422)
    assert pointers(told) == ["/type"]
    told = problem(await seeded.put(path, json=hire(reason="r", person="Nobody")), 422)
    assert pointers(told) == ["/person"]
    told = problem(await seeded.put(path, json=hire(reason="r", person="Wei Wang")), 409)
    assert pointers(told) == ["/person"]


async def test_correction_points_into_the_body_as_sent(seeded: httpx.AsyncClient) -> None:
    """The body of a PUT is the event itself; nothing in it is called 'event'."""
    merger = {"type": "merger", "absorbed": ["engines", "y"], "lab": "Lab Y", "date": "2000"}
    told = await seeded.put(f"/v1/events/{HIRED}/correction", json={**merger, "reason": "r"})
    assert pointers(problem(told, 422)) == ["/absorbed/1"]


async def test_retraction_names_all_its_faults(seeded: httpx.AsyncClient) -> None:
    body = {"type": "hire", "a/b": 1, "event_id": 7}
    told = problem(await seeded.put(f"/v1/events/{HIRED}/retraction", json=body), 422)
    assert sorted(pointers(told)) == ["/a~1b", "/event_id", "/reason", "/type"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/events"),
        ("PATCH", f"/v1/events/{HIRED}"),
        ("DELETE", f"/v1/events/{HIRED}"),
        ("POST", "/v1/labs"),
        ("GET", "/v1/verifications"),
        ("HEAD", "/v1/verifications"),
        ("PUT", "/v1/keys"),
        ("POST", "/healthz"),
        ("BREW", "/v1/log"),
    ],
)
async def test_method_that_is_not_taken_is_refused(
    method: str, path: str, seeded: httpx.AsyncClient
) -> None:
    response = await seeded.request(method, path)
    allowed = set(response.headers["allow"].split(", "))
    assert method not in allowed
    assert ("HEAD" in allowed) == ("GET" in allowed)
    if method == "HEAD":
        assert (response.status_code, response.content) == (405, b"")
    else:
        problem(response, 405)


async def test_options_names_every_method(seeded: httpx.AsyncClient) -> None:
    response = await seeded.options("/v1/events")
    assert response.status_code == 204
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["/name"]),
        ([], [""]),
        ({"name": "two words"}, ["/name"]),
        ({"name": "a" * 65}, ["/name"]),
        ({"name": "a\0"}, ["/name"]),
        ({"name": "a", "role": "owner"}, ["/role"]),
        ({"name": "a", "role": None}, ["/role"]),
        ({"name": 1, "role": {}, "a/b": 1, "key": "x"}, ["/a~1b", "/key", "/name", "/role"]),
    ],
    ids=str,
)
async def test_key_is_refused_with_all_its_faults(
    body: Any, expected: list[str], seeded: httpx.AsyncClient
) -> None:
    told = problem(await seeded.post("/v1/keys", json=body), 422, "invalid")
    assert sorted(pointers(told)) == expected


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "schlüssel"])
async def test_unusable_idempotency_key_is_refused(key: str, seeded: httpx.AsyncClient) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    response = await seeded.post("/v1/events", json=hire(), headers=headers)
    assert problem(response, 422, "bad_parameter").parameter == "Idempotency-Key"
