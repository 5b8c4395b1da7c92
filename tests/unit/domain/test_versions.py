"""
Payloads of every version that was ever written are read, and read the same, for ever.

The samples lie beside this file: one file a version, one line a payload as a log kept it, in the
order of one log. They are never edited; a new version adds a file.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given

from service.domain.events import (
    PAYLOADS,
    Correction,
    Hire,
    Payload,
    Position,
    RecordedEvent,
    Retraction,
    from_canonical_json,
    is_canonical,
    to_canonical_json,
    type_of,
)
from service.domain.fold import fold
from service.domain.versions import FIRST, VERSIONS, LaterVersion, Raw, Versions
from tests.support import strategies
from tests.support.builders import correction, event_id, hire, retraction

SAMPLES = Path(__file__).parent / "samples"
READ_AS = SAMPLES / "read_as.json"
MEANS = SAMPLES / "means.json"
FILES = sorted(SAMPLES.glob("*.ndjson"))
VERSION_OF = {
    "unversioned": FIRST,
    **{f"version_{n}": n for n in range(FIRST, VERSIONS.current + 1)},
}
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read(file: Path) -> list[Payload]:
    return [from_canonical_json(line) for line in file.read_bytes().splitlines()]


def test_there_are_samples_of_every_version() -> None:
    assert {file.stem for file in FILES} == VERSION_OF.keys()


@each_file
def test_there_is_a_sample_of_every_type(file: Path) -> None:
    assert {type_of(payload) for payload in read(file)} == PAYLOADS.keys()


@each_file
def test_samples_give_every_field_that_there_is(file: Path) -> None:
    """A field that no sample has could be renamed unseen."""
    given: dict[str, set[str]] = {}
    for line in file.read_text().splitlines():
        said = json.loads(line)
        given.setdefault(said["type"], set()).update(said)
    for name, fields in given.items():
        common = {"type", "basis", "certainty", "note", "sources", "alternatives", "@version"}
        rare = {"lab"} if name in ("same_as", "different_from") else set()
        known = {f.encode_name for f in msgspec.structs.fields(PAYLOADS[name])}
        assert known - common - rare <= fields, name
    assert given["hire"] >= {f.encode_name for f in msgspec.structs.fields(Hire)}


@each_file
def test_samples_are_written_as_a_log_wrote_them(file: Path) -> None:
    version = VERSION_OF[file.stem]
    for line in file.read_bytes().splitlines():
        assert line.startswith(b'{"@version":%d,' % version) == (file.stem != "unversioned")
        assert is_canonical(line, from_canonical_json(line))
        if version == VERSIONS.current and file.stem != "unversioned":
            assert to_canonical_json(from_canonical_json(line)) == line


@each_file
def test_samples_are_read_as_they_always_were(file: Path) -> None:
    golden = json.loads(READ_AS.read_text())[file.stem]
    assert json.loads(msgspec.json.encode(read(file))) == golden


@each_file
def test_samples_mean_what_they_always_meant(file: Path) -> None:
    """The fold of the samples as one log: its stints, its findings, its labs' ends."""
    state = fold([_recorded(i, payload) for i, payload in enumerate(read(file), 1)])
    means = {
        "stints": sorted(
            [s.person, s.lab, str(s.start.lo), str(s.start.hi), s.end and str(s.end.hi)]
            for s in state.stints
        ),
        "findings": sorted(f.kind for f in state.findings),
        "people": sorted(state.people),
    }
    assert means == json.loads(MEANS.read_text())[file.stem]


def _recorded(position: int, payload: Payload) -> RecordedEvent:
    target = Position(payload.target.int) if isinstance(payload, Correction | Retraction) else None
    return RecordedEvent(
        position=Position(position),
        event_id=event_id(position),
        payload=payload,
        target_position=target,
    )


def _name_the_post(raw: Raw) -> Raw:
    """What a later version might do: a field by another name."""
    said = dict(raw)
    if "post" in said:
        said["role"] = said.pop("post")
    return said


def _tell_the_way(raw: Raw) -> Raw:
    return {**raw, "via": raw.get("via", "unknown")}


LATER = Versions(current=3, upcasters={("hire", 1): _name_the_post, ("hire", 2): _tell_the_way})
"""A history of versions that never was: the post became the role, then the way was told."""
OLD_HIRE: dict[str, Any] = {
    "type": "hire", "person": "ann", "lab": "x", "date": "2020", "post": "engineer",
}  # fmt: skip
HIRED = hire("ann", at="x", on="2020", role="engineer", via="unknown")


@pytest.mark.parametrize("version", [{}, {"@version": 1}])
def test_older_payload_is_brought_forward_step_by_step(version: dict[str, int]) -> None:
    assert from_canonical_json(json.dumps(version | OLD_HIRE), LATER) == HIRED


def test_payload_begins_at_its_own_version() -> None:
    text = json.dumps({"@version": 2, **OLD_HIRE})
    with pytest.raises(msgspec.ValidationError, match="post"):
        from_canonical_json(text, LATER)
    assert from_canonical_json(text.replace("post", "role"), LATER) == HIRED


def test_event_in_a_correction_is_of_the_version_of_the_whole() -> None:
    corrected = {"type": "correction", "target": str(event_id(1)), "reason": "r", "event": OLD_HIRE}
    text = json.dumps({"@version": 1, **corrected})
    assert from_canonical_json(text, LATER) == correction(1, HIRED, reason="r")


def test_type_that_did_not_change_is_read_as_it_is() -> None:
    text = to_canonical_json(retraction(1))
    assert from_canonical_json(text, LATER) == retraction(1)


def test_current_version_is_not_brought_anywhere() -> None:
    said = hire("ann", at="x", on="2020")
    text = to_canonical_json(said, LATER)
    assert text.startswith(b'{"@version":3,')
    assert from_canonical_json(text, LATER) == said
    assert to_canonical_json(from_canonical_json(text, LATER), LATER) == text


def test_older_payload_keeps_its_own_canonical_form() -> None:
    text = json.dumps({"@version": 1, **OLD_HIRE}, sort_keys=True, separators=(",", ":")).encode()
    assert is_canonical(text, from_canonical_json(text, LATER), LATER)
    assert not is_canonical(text.replace(b":", b": "), HIRED, LATER)
    swapped = b'{"date":"2020","@version":1' + text[len(b'{"@version":1,"date":"2020"') :]
    assert not is_canonical(swapped, from_canonical_json(swapped, LATER), LATER)


def test_upcaster_cannot_change_the_type() -> None:
    versions = Versions(2, {("hire", 1): lambda raw: {**raw, "type": "sighting"}})
    with pytest.raises(AssertionError, match="keeps the type"):
        from_canonical_json(to_canonical_json(hire("ann", at="x", on="2020")), versions)


def test_later_version_is_refused_by_name() -> None:
    text = to_canonical_json(hire("ann", at="x", on="2020"), LATER)
    with pytest.raises(LaterVersion, match=r"version 3.*up to 1.*later edition wrote it"):
        from_canonical_json(text)


@pytest.mark.parametrize("version", ["0", "-1", '"1"', "1.0", "true", "null", "[1]", "{}"])
def test_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="version"):
        from_canonical_json(
            f'{{"@version":{version},"type":"hire","person":"a","lab":"x","date":"2020"}}'
        )


@pytest.mark.parametrize(
    "text",
    ['{"@version":1}', '{"@version":1,}', "[]", "[1]", "1", "null", "", '{"@version":1,"a":', "{}"],
)
def test_what_is_no_payload_is_refused(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_canonical_json(text)


def test_version_in_the_midst_is_no_field() -> None:
    """Clients cannot say it, and neither can an event within a correction."""
    within = '{"@version":1,"date":"2020","lab":"x","type":"closure"}'
    for text in (
        '{"date":"2020","@version":1,"lab":"x","person":"a","type":"hire"}',
        f'{{"@version":1,"event":{within},"reason":"r","target":"{event_id(1)}","type":"correction"}}',
    ):
        with pytest.raises(msgspec.ValidationError, match="@version"):
            from_canonical_json(text)


@given(strategies.facts)
def test_payload_reads_the_same_with_and_without_its_version(fact: Payload) -> None:
    """A log of before there were versions goes on as it is."""
    kept = to_canonical_json(fact)
    before = b"{" + kept.partition(b",")[2]
    assert kept.startswith(b'{"@version":1,"')
    assert from_canonical_json(before) == from_canonical_json(kept) == fact
    assert is_canonical(before, fact)
    assert is_canonical(kept, fact)
    assert not is_canonical(before + b" ", fact)
    assert not is_canonical(kept.replace(b",", b", ", 1), fact)
