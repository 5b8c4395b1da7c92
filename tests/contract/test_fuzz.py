"""Whatever is sent is refused, with every fault named and nothing recorded, or read back as sent."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.api.problems import ProblemDocument
from tests.support.nasty import NASTY
from tests.unit.domain.test_submissions import spoilt

JSON = {"Content-Type": "application/json"}

# Letters of every plane, and more often than chance has it what has a meaning of its own: marks of
# direction, joiners, combining marks, separators, controls, signs of paths and of queries.
characters = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.characters(categories=["Cf", "Cc", "Mn", "Me", "Zl", "Zp", "Zs", "Co"]),
    st.sampled_from("/\\%?#&=+.;:'\"<>{}[]()~* \u200d\u202e\u0130\u0131ßǅﬁ"),
)
texts = st.one_of(st.text(characters, max_size=30), st.sampled_from(sorted(NASTY.values())))
years = st.integers(1700, 2300).map(str)
dates = st.one_of(
    st.builds("{}{}".format, years, st.sampled_from(["", "~", "?", "%", "-13", "-00", "-02-30"])),
    st.builds("{}-{:02}-{:02}".format, years, st.integers(0, 13), st.integers(0, 32)),
    st.builds("[{}..{}]".format, st.one_of(years, st.just("")), st.one_of(years, st.just(""))),
    st.text("0123456789-.~?%[]/XuTZ ", max_size=16),
    texts,
)
hires = st.fixed_dictionaries(
    {
        "type": st.just("hire"),
        "person": st.fixed_dictionaries({"name": texts}),
        "lab": st.fixed_dictionaries({"name": texts}),
        "date": st.one_of(st.just("2020"), dates),
    },
    optional={
        "role": texts,
        "note": texts,
        "sources": st.lists(
            st.fixed_dictionaries({"url": st.just("https://example.org/"), "title": texts}),
            max_size=2,
        ),
    },
)


@pytest.fixture(scope="module")
def client(server: str) -> Any:
    with httpx.Client(
        base_url=server, headers={"Authorization": "Bearer admin"}, timeout=60
    ) as opened:
        yield opened


@given(hire=hires)
@example(hire={"type": "hire", "person": {"name": ".."}, "lab": {"name": "."}, "date": "2020"})
# Of accents alone, which are not compared otherwise.
@example(
    hire={"type": "hire", "person": {"name": "\u0301"}, "lab": {"name": "\xb4"}, "date": "2020"}
)
def test_texts_and_dates_are_refused_or_read_back(
    client: httpx.Client, hire: dict[str, Any]
) -> None:
    recorded = _recorded(client, hire)
    if recorded is None:
        return
    event = client.get(f"/v1/events/{recorded['event_id']}").json()
    for field in ("date", "role", "note"):
        assert event.get(field) == hire.get(field)
    assert [s["title"] for s in event.get("sources", ())] == [
        s["title"] for s in hire.get("sources", ())
    ]
    for kind, path in (("person", "people"), ("lab", "labs")):
        asked = client.get(f"/v1/{path}/{_segment(hire[kind]['name'])}")
        # A name that several have is told with all of them.
        assert asked.status_code in (200, 409), asked.text
        assert recorded[kind]["id"] in asked.text


@given(raw=spoilt())
def test_whole_events_are_refused_or_read_back(client: httpx.Client, raw: dict[str, Any]) -> None:
    recorded = _recorded(client, raw)
    if recorded is not None:
        event = client.get(f"/v1/events/{recorded['event_id']}").json()
        assert event["type"] == raw["type"]
        assert event["position"] == recorded["position"]


def _recorded(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any] | None:
    """What the service says that it recorded; None if it said why it did not, and did not."""
    head = client.get("/v1/log").json()["position"]
    response = client.post("/v1/events", content=json.dumps(body), headers=JSON)
    after = client.get("/v1/log").json()["position"]
    if response.status_code in (200, 201):
        assert after == head + (response.status_code == 201)
        recorded: dict[str, Any] = response.json()
        return recorded
    assert response.status_code in (400, 404, 409, 422), response.text
    assert after == head
    told = msgspec.json.decode(response.content, type=ProblemDocument)
    assert told.status == response.status_code
    assert told.detail.endswith("."), told.detail
    for fault in told.errors:
        assert fault.message.endswith("."), fault
        _look_up(body, fault.pointer)
    return None


def _look_up(body: Any, pointer: str) -> None:
    """What a fault points at is there, or is a field that is missing where it points."""
    *path, last = ["", *(p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:])]
    place = body
    for part in path[1:]:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if last:
        assert isinstance(place, dict | list), pointer
        assert isinstance(place, dict) or int(last) < len(place), pointer


def _segment(name: str) -> str:
    # Dots alone would be read as a way through the path.
    encoded = quote(name, safe="")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")
