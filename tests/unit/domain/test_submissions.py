"""What a client sent is read at once, or walked for its faults: both come to the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import PAYLOADS
from service.domain.submissions import _if_sound, _walked, check_payload
from tests.support import builders as b
from tests.support.strategies import facts

TARGET = "c0a5b1b6-6a0f-4a35-8f0b-3a2f6d1f9e27"
JUNK: list[Any] = [
    None, "", " ", "\t", "x" * 10_001, "\0", "\ud800", "2020-13", "2020-1", "[2020..", 7, True, [],
    {}, [""], [None], {"id": None}, {"id": "Ann"}, {"name": " "}, {"id": "ann", "name": "Ann"},
    {"aliases": []}, {"aliases": ["A"]}, {"name": "Ann", "aliases": [""]}, {"person": "ann"},
    {"person": {"name": "Ann"}, "role": "\0"}, [{"name": "Ann"}], ["ann", {"person": "ann"}],
    "http://", "https://x y.org", "https://exämple.org/ä", "ftp://example.org", "http://[::1]/",
    "http://[/", "https://example.org/\u200b", "HTTPS://EXAMPLE.ORG", "http://a..b", "http://-",
    [{"url": "https://example.org"}], [{"url": "no"}], [{"url": "http://x.org", "published": "?"}],
    TARGET, TARGET.replace("-", ""), "{" + TARGET + "}", "employee", "confirmed", "rumoured",
]  # fmt: skip
raws = facts.map(lambda payload: json.loads(msgspec.json.encode(payload)))
corrections = raws.map(
    lambda raw: {"type": "correction", "target": TARGET, "reason": "Better.", "event": raw}
)


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """An event in which one thing or two may be wrong."""
    raw: dict[str, Any] = draw(st.one_of(raws, raws, corrections))
    for _ in range(draw(st.integers(0, 2))):
        place = raw["event"] if isinstance(raw.get("event"), dict) and draw(st.booleans()) else raw
        fields = sorted(f for t in PAYLOADS.values() for f in t.__struct_fields__)
        field = draw(st.sampled_from([*place, *dict.fromkeys(fields), "unknown"]))
        if field != "type":
            place[field] = draw(st.sampled_from(JUNK))
    return raw


@given(spoilt())
def test_what_is_read_at_once_is_what_the_walk_reads(raw: dict[str, Any]) -> None:
    type_ = PAYLOADS[raw["type"]]
    payload, faults = _walked(raw, type_, "")
    assert check_payload(raw) == (payload, faults)
    if faults:
        assert _if_sound(raw, type_) is None


@given(raws)
def test_what_is_sound_needs_no_walk(raw: dict[str, Any]) -> None:
    assert _if_sound(raw, PAYLOADS[raw["type"]]) is not None


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_each_field_is_looked_at_either_way(junk: Any) -> None:
    """Every field of every type, with everything that can be wrong with one."""
    for raw in (
        json.loads(msgspec.json.encode(payload))
        for payload in (
            b.founding("x", on="2018", by=("ann",)),
            b.hire("ann", at="x", on="2020"),
            b.merger("x", into="y", on="2021"),
            b.lab_profile("x", name="X"),
            b.same_person("ann", "bob"),
        )
    ):
        for field in PAYLOADS[raw["type"]].__struct_fields__:
            spoilt = {**raw, field: junk}
            assert check_payload(spoilt) == _walked(spoilt, PAYLOADS[raw["type"]], "")
