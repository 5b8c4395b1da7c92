"""`timeline ask`, `moves`, `changes` and `corrections`, on the answers that the API shows."""

import copy
import json
from importlib.resources import files
from typing import Any

import pytest

from service.cli.corrections import LINES_MAX
from tests.unit.cli.conftest import Run, WrittenService

EXAMPLES: dict[str, Any] = json.loads(files("service.api").joinpath("examples.json").read_text())
ACTING = "[red]Ann[/red]\x1b[31m"
ESCAPED = "[red]Ann[/red]\\x1b[31m"


def example(operation: str) -> Any:
    return copy.deepcopy(EXAMPLES[operation])


COMMANDS = [
    ("listMoves", "/v1/moves", ("moves",)),
    ("getLabChanges", "/v1/labs/Google%20Brain/changes", ("changes", "Google Brain")),
    ("listCorrections", "/v1/corrections", ("corrections",)),
    ("ask", "/v1/ask", ("ask", "who", "was", "at", "DeepMind")),
    ("getLab", "/v1/labs/DeepMind", ("who", "DeepMind")),
    ("getPerson", "/v1/people/Ada", ("person", "Ada")),
]


@pytest.mark.parametrize(("operation", "path", "arguments"), COMMANDS)
def test_json_is_the_answer_as_it_came(
    service: WrittenService, run: Run, operation: str, path: str, arguments: tuple[str, ...]
) -> None:
    raw = json.dumps(EXAMPLES[operation]).encode()
    service.answers("GET", path, raw)
    assert run(*arguments, "--json").stdout_bytes == raw + b"\n"


@pytest.mark.parametrize(("operation", "path", "arguments"), COMMANDS)
def test_names_cannot_act_on_the_terminal(
    service: WrittenService, run: Run, operation: str, path: str, arguments: tuple[str, ...]
) -> None:
    raw = json.dumps(EXAMPLES[operation])
    for name in ("Lucas Beyer", "John Jumper"):
        raw = raw.replace(f'"{name}"', json.dumps(ACTING))
    service.answers("GET", path, raw.encode())
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert ESCAPED in result.stdout
    assert "\x1b" not in result.stdout


def test_moves_are_told_with_how_sure_they_are(service: WrittenService, run: Run) -> None:
    told = example("listMoves")
    vague, gone = copy.deepcopy(told["items"][0]), copy.deepcopy(told["items"][0])
    vague |= {"is_next": "possible", "elsewhere": []}
    gone |= {"to": None, "joined": None, "is_next": None, "in_period": "possible"}
    told |= {
        "items": [told["items"][0], vague, gone],
        "count": {"certain": 1, "possible": 2},
        "next": "bmV4dA",
    }
    service.answers("GET", "/v1/moves", told)
    result = run(
        "moves", "--from-lab", "DeepMind", "--kind", "departure", "--from", "2024-01-01",
        "--to", "2024-12-31", "--within", "90", "--limit", "3",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "Moves from 1 January 2024 until 31 December 2024, labs as called on 22 November 2026, "
        "as known at position 1758 (2026-11-22 09:05 UTC)"
    )
    assert lines[1] == "1 certain, 2 further possible"
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[5:8]]
    assert rows[0] == [
        "● certain", "Lucas Beyer", "Google DeepMind", "OpenAI", "3 December 2024",
        "December 2024", "IST Austria (possible)",
    ]  # fmt: skip
    assert rows[1][0] == "○ possible"
    assert [rows[2][0], *rows[2][2:4], rows[2][5]] == [
        "○ possible", "Google DeepMind", "not known", "not known",
    ]  # fmt: skip
    assert lines[-1] == "There are more: --cursor bmV4dA"
    assert dict(service.requests[0].url.params) == {
        "from_lab": "DeepMind", "kind": "departure", "from": "2024-01-01", "to": "2024-12-31",
        "within": "90", "limit": "3",
    }  # fmt: skip


def test_changes_of_two_days_tell_who_was_carried(service: WrittenService, run: Run) -> None:
    service.answers("GET", "/v1/labs/Google%20Brain/changes", example("getLabChanges"))
    result = run("changes", "Google Brain", "--from", "2020-01-01", "--to", "2023-06-01")
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        (
            "Google Brain on 1 January 2020 and on 1 June 2023, as known at position 21 "
            "(2026-11-22 09:05 UTC)"
        ),
        "before: 1 certain, 0 presumed, 0 possible",
        "after: 0 certain, 0 presumed, 0 possible",
        "status: active → merged",
    ]
    assert lines[7].split("  ")[0] == "> carried from Google Brain"
    assert "● certain" in lines[7]
    assert lines[7].endswith("absent")
    params = {"from": "2020-01-01", "to": "2023-06-01"}
    assert dict(service.requests[0].url.params) == params


def test_changes_of_knowledge_say_where_they_were_recorded(
    service: WrittenService, run: Run
) -> None:
    told = example("getLabChanges")
    (change,) = told["carried"]
    mention = {"event_id": "e", "position": 19, "type": "hire", "recorded_by": "k"}
    change |= {"from_lab": None, "to_lab": None, "recorded_between": [mention]}
    told["before"]["known_at"]["position"] = 18
    told |= {"carried": [], "left": [change], "lab_fields": [], "lab_events_between": []}
    service.answers("GET", "/v1/labs/Brain/changes", told)
    lines = run("changes", "Brain", "--known-from", "18", "--known-to", "21").stdout.splitlines()
    assert lines[0] == (
        "Google Brain on 1 January 2020, as known at position 18 (2026-11-22 09:05 UTC), "
        "and as known at position 21 (2026-11-22 09:05 UTC)"
    )
    assert lines[6].startswith("- removed")
    assert lines[6].endswith("19")
    told["left"] = []
    service.answers("GET", "/v1/labs/Brain/changes", told)
    assert run("changes", "Brain").stdout.endswith("The rosters are the same.\n")


def test_corrections_tell_both_words_and_what_they_changed(
    service: WrittenService, run: Run
) -> None:
    service.answers("GET", "/v1/corrections", example("listCorrections"))
    lines = run(
        "corrections", "--person", "Lucas Beyer", "--type", "correction"
    ).stdout.splitlines()
    assert lines == [
        "1 correction or retraction, as known at position 21 (2026-11-22 09:05 UTC)",
        "",
        "correction at position 21 by editor, 2026-11-22 09:05 UTC: the month is known",
        "- Lucas Beyer joined Google Brain as Research Scientist, 2018 (stood less than a day)",
        "+ Lucas Beyer joined Google Brain, May 2018",
        "  about event 0b0e9d5e-7c1c-5b8e-9b1e-3c1f4e0f6a11, position 3",
        "  Lucas Beyer at Google Brain",
        "  - since 2018, until 20 April 2023, Research Scientist",
        "  + since May 2018, until 20 April 2023",
        "  Google Brain has 1 fewer possible from 1 January 2018 to 30 April 2018.",
        (
            "  Google Brain has 1 more certain and 1 fewer possible from 31 May 2018 to "
            "30 December 2018."
        ),
    ]
    params = {"person": "Lucas Beyer", "type": "correction"}
    assert dict(service.requests[0].url.params) == params


def test_retraction_of_much_is_told_in_short(service: WrittenService, run: Run) -> None:
    told = example("listCorrections")
    effect = told["items"][0]["effect"]
    effect |= {"says": None, "headcounts": effect["headcounts"] * LINES_MAX}
    service.answers("GET", "/v1/corrections", told | {"next": "bmV4dA"})
    stdout = run("corrections").stdout
    assert "\n+ nothing: it is withdrawn\n" in stdout
    assert f"\n  and {2 * LINES_MAX + 3 - LINES_MAX} lines more; --json has them\n" in stdout
    assert stdout.endswith("There are more: --cursor bmV4dA\n")


def test_nothing_corrected_is_said(service: WrittenService, run: Run) -> None:
    service.answers(
        "GET", "/v1/corrections", example("listCorrections") | {"items": [], "total": 0}
    )
    assert run("corrections").stdout.startswith("Nothing was corrected, as known at position 21")


def test_question_is_said_as_understood_with_its_answer(service: WrittenService, run: Run) -> None:
    told = example("ask")
    told |= {"first": {**told["answer"], "at": "2024-05-01"}, "first_href": "/v1/labs/x"}
    service.answers("GET", "/v1/ask", told)
    result = run("ask", "who was at", "DeepMind", "in", "2024-05", "--known-at", "7")
    lines = result.stdout.splitlines()
    assert lines[0] == "Who was at Google DeepMind on 1 June 2024?"
    assert lines[2].startswith("Google DeepMind on 1 June 2024, as known at position 7")
    assert lines[-2] == "On its first day, 1 May 2024: 1 certain, 0 presumed, 0 possible"
    assert lines[-1] == "The same without words: /v1/labs/google-deepmind?at=2024-06-01"
    params = {"q": "who was at DeepMind in 2024-05", "known_at": "7"}
    assert dict(service.requests[0].url.params) == params


@pytest.mark.parametrize(
    ("operation", "says"),
    [("getPerson", "On its first day"), ("listMoves", "every reading of the dates")],
)
def test_answers_of_every_kind_are_shown(
    service: WrittenService, run: Run, operation: str, says: str
) -> None:
    answer = example(operation)
    told = {"question": {"says": "So?"}, "answer": answer, "href": "/v1/x"}
    if operation == "getPerson":
        told["first"] = answer
    service.answers("GET", "/v1/ask", told)
    result = run("ask", "so")
    assert result.exit_code == 0, result.output
    assert says in result.stdout


def test_what_is_not_understood_is_refused_with_examples(service: WrittenService, run: Run) -> None:
    service.refuses("GET", "/v1/ask", 422, detail="'what' is no question; ask such as 'who …'.")
    result = run("ask", "what")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "ask such as" in result.stderr
    assert run("ask").exit_code == 2


def test_what_was_published_by_a_day_is_asked_for_and_said(
    service: WrittenService, run: Run
) -> None:
    published = {"published_by": "2024-06-02", "undated_events": 4}
    said = ", by what was published by 2 June 2024 (4 undated left out)"
    for path, operation, arguments in (
        ("/v1/labs/DeepMind", "getLab", ("who", "DeepMind")),
        ("/v1/people/Ada", "getPerson", ("person", "Ada")),
    ):
        service.answers("GET", path, example(operation) | published)
        stdout = run(*arguments, "--published-by", "2024-06-02").stdout
        assert said in stdout.splitlines()[0]
        assert service.requests[-1].url.params["published_by"] == "2024-06-02"
