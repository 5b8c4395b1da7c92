"""`timeline record`, `correct` and `retract`."""

from typing import Any

import httpx
import msgspec
import pytest

from service.cli.correct import corrected
from tests.unit.cli.conftest import Run, WrittenService

ID = "4f1c1c1e-0a5e-4e57-9a5f-6f1e7c3d2b10"
HIRE: dict[str, Any] = {
    "type": "hire",
    "person": {"id": "john-jumper", "name": "John Jumper"},
    "lab": {"id": "anthropic", "name": "Anthropic"},
    "date": "[2026-06-19..]",
    "role": "Researcher",
    "sources": [{"url": "https://example.org/news"}],
    "event_id": ID,
    "position": 12,
    "recorded_at": "2026-11-22T00:10:05Z",
    "recorded_by": "newsroom",
    "revision": 12,
    "hash": "ab" * 32,
    "findings": [],
}


def test_record_sends_the_fields_given(service: WrittenService, run: Run) -> None:
    service.answers("POST", "/v1/events", HIRE, status=201)
    result = run(
        "record", "hire", "--new-person", "John Jumper", "--lab", "Anthropic",
        "--date", "[2026-06-19..]", "--basis", "announced", "--certainty", "confirmed",
        "--source", "https://a.example", "--source", "https://b.example",
        "--event-id", ID, "--idempotency-key", "once", key="secret",
    )  # fmt: skip
    assert result.exit_code == 0
    assert service.sent("POST") == [
        {
            "type": "hire",
            "person": {"name": "John Jumper"},
            "lab": "Anthropic",
            "date": "[2026-06-19..]",
            "basis": "announced",
            "certainty": "confirmed",
            "sources": [{"url": "https://a.example"}, {"url": "https://b.example"}],
            "event_id": ID,
        }
    ]
    headers = service.requests[0].headers
    assert headers["idempotency-key"] == "once"
    assert headers["authorization"] == "Bearer secret"
    assert headers["content-type"] == "application/json"


def test_record_tells_position_sentence_and_findings(service: WrittenService, run: Run) -> None:
    noticed = {"kind": "already_present", "person": "john-jumper", "labs": ["anthropic"]}
    service.answers("POST", "/v1/events", {**HIRE, "findings": [noticed]}, status=201)
    result = run("record", "hire", "--person", "John Jumper", "--lab", "Anthropic")
    said = "John Jumper joined Anthropic as Researcher, on or after 19 June 2026."
    assert result.stdout.splitlines() == [
        f"Recorded at position 12: {said}",
        f"Event {ID}",
        "Noticed already_present: john-jumper was already at anthropic when joining it",
    ]


def test_repeat_is_told_as_recorded_before(service: WrittenService, run: Run) -> None:
    service.answers("POST", "/v1/events", HIRE, headers={"Idempotent-Replayed": "true"})
    stdout = run("record", "hire", "--person", "John Jumper", "--event-id", ID).stdout
    assert stdout.startswith("Recorded before, at position 12: ")


def test_record_passes_the_json_on(service: WrittenService, run: Run) -> None:
    service.answers("POST", "/v1/events", HIRE, status=201)
    assert msgspec.json.decode(run("record", "hire", "--json").stdout) == HIRE


@pytest.mark.parametrize(
    ("arguments", "event"),
    [
        (
            ["founding", "--new-lab", "xAI", "--founder", "Elon Musk", "--new-founder", "Ada",
             "--date", "2023-03"],
            {"lab": {"name": "xAI"}, "date": "2023-03",
             "founders": ["Elon Musk", {"person": {"name": "Ada"}}]},
        ),
        (
            ["merger", "--absorbed", "Google Brain", "--absorbed", "B", "--lab", "DeepMind"],
            {"absorbed": ["Google Brain", "B"], "lab": "DeepMind"},
        ),
        (
            ["profile", "--person", "Ada", "--alias", "A.", "--id", "orcid=0000-0001",
             "--id", "wikidata=Q7259"],
            {"person": "Ada", "aliases": ["A."],
             "ids": {"orcid": "0000-0001", "wikidata": "Q7259"}},
        ),
        (["same-as", "--person", "a", "--into", "b"], {"person": "a", "into": "b"}),
    ],
)  # fmt: skip
def test_each_kind_of_field_has_its_option(
    service: WrittenService, run: Run, arguments: list[str], event: dict[str, Any]
) -> None:
    service.answers("POST", "/v1/events", HIRE, status=201)
    assert run("record", *arguments).exit_code == 0
    assert service.sent("POST") == [{"type": arguments[0].replace("-", "_"), **event}]


@pytest.mark.parametrize("input", [None, '{"type": "closure", "lab": "Adept"}'])
def test_whole_event_comes_as_json(service: WrittenService, run: Run, input: str | None) -> None:
    service.answers("POST", "/v1/events", HIRE, status=201)
    text = "-" if input else '{"type": "closure", "lab": "Adept"}'
    assert run("record", "--json-event", text, input=input).exit_code == 0
    assert service.sent("POST") == [{"type": "closure", "lab": "Adept"}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["promotion"], "'promotion' is no type of event; it is one of founding, hire"),
        ([], "A TYPE is missing"),
        (["hire", "--person", "A", "--new-person", "B"], "--person and --new-person are one"),
        (["profile", "--id", "orcid"], "'orcid' is no outside id; write KEY=VALUE"),
        (["profile", "--id", "orcid=1", "--id", "orcid=2"], "one register twice"),
        (["hire", "--json-event", "{}"], "--json-event is the whole event"),
        (["--json-event", "{"], "--json-event is no JSON"),
        (["--json-event", "[]"], "use load for several"),
    ],
)
def test_misuse_is_told_without_asking_the_service(
    service: WrittenService, run: Run, arguments: list[str], told: str
) -> None:
    result = run("record", *arguments)
    assert (result.exit_code, service.requests) == (2, [])
    assert told in " ".join(result.stderr.split())


def test_every_fault_is_told_with_its_pointer(service: WrittenService, run: Run) -> None:
    service.refuses(
        "POST",
        "/v1/events",
        detail="2 faults, the first at '/date': '2024-13' is no date. Nothing was recorded.",
        errors=[
            {"pointer": "/date", "message": "'2024-13' is no date."},
            {"pointer": "/lab", "message": "No lab is called 'X\x1b[31m'.",
             "suggestions": [{"id": "xai", "name": "xAI"}]},
        ],
    )  # fmt: skip
    result = run("record", "hire", "--date", "2024-13")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[1:] == [
        "  /date: '2024-13' is no date.",
        "  /lab: No lab is called 'X\\x1b[31m'.",
        "    near names: 'xAI' (xai)",
    ]


def test_somebody_unknown_is_told_with_the_option_that_adds_them(
    service: WrittenService, run: Run
) -> None:
    faults = [
        {"pointer": "/person", "message": "Nobody is called 'An Lee'.", "code": "unknown_name"},
        {"pointer": "/founders/0", "message": "Nobody is called 'Bo'.", "code": "unknown_name"},
        {"pointer": "/lab", "message": "The lab is blank."},
    ]
    problem = {"title": "No", "status": 422, "detail": "Two faults.", "errors": faults}
    service.answers("POST", "/v1/events", problem, status=422)
    told = run("record", "hire", "--person", "An Lee", "--lab", " ").stderr.splitlines()
    assert told[told.index("  /person: Nobody is called 'An Lee'.") + 1].endswith(
        "--new-person NAME"
    )
    assert told[told.index("  /founders/0: Nobody is called 'Bo'.") + 1].endswith(
        "--new-founder NAME"
    )
    assert "--new-lab" not in "\n".join(told)


def test_missing_key_is_told_with_the_way_out(service: WrittenService, run: Run) -> None:
    service.refuses("POST", "/v1/events", 401, detail="Writing needs a key.")
    result = run("record", "hire")
    assert result.exit_code == 2
    assert (
        result.stderr == "Writing needs a key.\n  Give a key with --key or in TIMELINE_API_KEY.\n"
    )


def test_correct_puts_the_whole_event_with_the_changes(service: WrittenService, run: Run) -> None:
    answer = {"type": "correction", "target": ID, "position": 13, "event_id": "c", "event": HIRE}
    service.answers("GET", f"/v1/events/{ID}", HIRE)
    service.answers("PUT", f"/v1/events/{ID}/correction", answer, status=201)
    result = run(
        "correct", ID, "--date", "2026-06-22", "--role", "", "--reason", "The source says so"
    )
    assert result.exit_code == 0
    assert service.sent("PUT") == [
        {
            "type": "hire",
            "person": HIRE["person"],
            "lab": HIRE["lab"],
            "date": "2026-06-22",
            "sources": HIRE["sources"],
            "reason": "The source says so",
        }
    ]
    assert service.requests[-1].headers["if-match"] == '"12"'
    assert result.stdout.startswith(
        f"Recorded at position 13: Event {ID} was corrected: John Jumper joined Anthropic"
    )


def test_correction_starts_from_the_last_correction() -> None:
    said = {"type": "hire", "person": "ada", "lab": "x", "date": "2024"}
    chain = [
        {"type": "correction", "event": {**said, "date": "2023"}},
        {"type": "correction", "event": {**said, "role": "CTO"}},
        {"type": "retraction"},
    ]
    assert corrected({**said, "corrections": chain}, {"date": "2022"}) == {
        **said,
        "role": "CTO",
        "date": "2022",
    }


def test_corrected_type_drops_what_it_does_not_know() -> None:
    said = {"type": "hire", "person": "ada", "lab": "x", "date": "2024", "via": "deal"}
    assert corrected(said, {"type": "departure"}) == {
        "type": "departure",
        "person": "ada",
        "lab": "x",
        "date": "2024",
    }


def test_corrected_ids_and_lists_are_taken_away_one_by_one() -> None:
    said = {"type": "profile", "person": "ada", "aliases": ["A."], "ids": {"orcid": "1"}}
    ids = {"orcid": "", "wikidata": "Q7259"}
    assert corrected({**said, "sources": [{"url": "https://a.example"}]}, {
        "ids": ids, "aliases": [""], "sources": [{"url": ""}],
    }) == {"type": "profile", "person": "ada", "ids": {"wikidata": "Q7259"}}  # fmt: skip


def test_correction_without_changes_is_a_usage_error(service: WrittenService, run: Run) -> None:
    result = run("correct", ID, "--reason", "none")
    assert (result.exit_code, service.requests) == (2, [])
    assert "Nothing to correct" in result.stderr


def test_moved_event_is_refused(service: WrittenService, run: Run) -> None:
    service.answers("GET", f"/v1/events/{ID}", HIRE)
    service.refuses("PUT", f"/v1/events/{ID}/correction", 412, detail="It moved to position 14.")
    result = run("correct", ID, "--date", "2024", "--reason", "r")
    assert (result.exit_code, result.stderr) == (2, "It moved to position 14.\n")


def test_retract_gives_its_reason(service: WrittenService, run: Run) -> None:
    answer = {"type": "retraction", "target": ID, "position": 14, "event_id": "r", "findings": []}
    service.answers("PUT", f"/v1/events/{ID}/retraction", answer, status=201)
    result = run("retract", ID, "--reason", "A namesake")
    assert service.sent("PUT") == [{"reason": "A namesake"}]
    assert result.stdout == f"Recorded at position 14: Event {ID} was retracted.\nEvent r\n"


def test_busy_service_is_asked_again(
    service: WrittenService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    busy = httpx.Response(503, json={"detail": "Full."}, headers={"Retry-After": "2"})
    answers = iter([busy, busy, httpx.Response(201, json=HIRE)])
    service.handles("POST", "/v1/events", lambda _: next(answers))
    assert run("record", "hire").exit_code == 0
    assert waits == [2.0, 2.0]
