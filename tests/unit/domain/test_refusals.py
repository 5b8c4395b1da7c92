"""What is not recorded or not answered, and why (SEMANTICS 6)."""

import re

import pytest

from service.domain import refusals
from service.domain.refusals import (
    AmbiguousName,
    BadDate,
    BadParameter,
    Candidate,
    ClosesCycle,
    EventIdTaken,
    Fault,
    IdempotencyKeyTaken,
    Invalid,
    NotCorrectable,
    NotFound,
    QueueFull,
    Refusal,
    SelfDifference,
    SelfMerger,
    UnknownEvent,
    UnknownName,
    shown,
)

ANN = Candidate("ann-lee", "Ann Lee")
ANNA = Candidate("anna-lee", "Anna Lee")
CLASSES = [c for c in vars(refusals).values() if isinstance(c, type) and issubclass(c, Refusal)]

MESSAGES: list[tuple[Refusal, str]] = [
    (
        BadDate("2024-02-30", "February 2024 has 29 days"),
        (
            "'2024-02-30' is no date: February 2024 has 29 days; write '2024-06-01', '2024-06', "
            "'2024', '2017~', '2024?' or '[2024-03..2024-05]'."
        ),
    ),
    (
        BadDate("2024", "a plain day is asked for", example="2024-06-01"),
        "'2024' is no date: a plain day is asked for; write a day such as '2024-06-01'.",
    ),
    (Invalid([Fault("/lab", "It is blank.")]), "It is blank. Nothing was recorded."),
    (
        Invalid([Fault("/lab", "It is blank."), Fault("/date", "It is missing.")]),
        "2 faults, the first at '/lab': It is blank. Nothing was recorded.",
    ),
    (
        UnknownName("person", "An Lee", [ANN, ANNA]),
        "Nobody is called 'An Lee'; near names: 'Ann Lee' (ann-lee), 'Anna Lee' (anna-lee).",
    ),
    (
        UnknownName("person", "An Lee"),
        'Nobody is called \'An Lee\'; to add someone new, send an object such as {"name": "…"}.',
    ),
    (
        UnknownName("lab", "Deepmnd"),
        'No lab is called \'Deepmnd\'; to add a lab new, send an object such as {"name": "…"}.',
    ),
    (
        AmbiguousName("person", "lee", [ANN, ANNA]),
        "'lee' fits several people: 'Ann Lee' (ann-lee), 'Anna Lee' (anna-lee); say which by id.",
    ),
    (
        AmbiguousName("lab", "x", [Candidate("x", "X"), Candidate("x-2", "X")]),
        "'x' fits several labs: 'X' (x), 'X' (x-2); say which by id.",
    ),
    (
        UnknownEvent("0b"),
        "No event has the id '0b'; look it up with GET /v1/events.",
    ),
    (
        NotCorrectable("0c", "retraction", "0a"),
        (
            "Event '0c' is a retraction; only original events are corrected or retracted: name its "
            "target '0a' instead."
        ),
    ),
    (
        ClosesCycle(["x", "y", "x"]),
        (
            "This would close a cycle: 'x' → 'y' → 'x'; retract or correct the event that points the "
            "other way first."
        ),
    ),
    (
        SelfMerger("x"),
        (
            "Lab 'x' cannot be merged into itself; name another lab as 'lab' or take it out of "
            "'absorbed'."
        ),
    ),
    (
        SelfDifference("x"),
        "'x' cannot be another than itself; name as 'other' the one with whom it is confused.",
    ),
    (
        EventIdTaken("0b", 712),
        (
            "Event '0b' was recorded at position 712 with another body; send a new event_id, or the "
            "first body to get the first answer again."
        ),
    ),
    (
        IdempotencyKeyTaken("k1"),
        (
            "Idempotency-Key 'k1' was used before with another request; use a new key for a new "
            "request."
        ),
    ),
    (QueueFull(500, 2), "500 writes are waiting already; try again in 2 s."),
    (BadParameter("at", "'at' is no day."), "'at' is no day."),
    (NotFound("No lab has the id 'x'."), "No lab has the id 'x'."),
]


def test_each_refusal_has_a_code_of_its_own() -> None:
    codes = {c.code: c for c in CLASSES if c is not Refusal}
    assert len(codes) == len(CLASSES) - 1
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize(("refusal", "message"), MESSAGES)
def test_message_says_what_and_what_would_do(refusal: Refusal, message: str) -> None:
    assert refusal.message == str(refusal) == message


def test_refusal_is_one_fault_of_a_body() -> None:
    assert NotFound("No lab has the id 'x'.").at("/lab") == Fault(
        "/lab", "No lab has the id 'x'.", "not_found"
    )


def test_refusal_says_no_more_than_its_message_by_default() -> None:
    assert NotFound("No lab has the id 'x'.").extras() == {}


def test_faults_of_a_body_are_all_told() -> None:
    faults = [Fault("/lab", "It is blank."), Fault("/date", "It is missing.", "missing")]
    assert Invalid(faults).extras() == {"errors": tuple(faults)}
    assert Invalid(faults).faults == tuple(faults)


def test_parameter_is_named() -> None:
    assert BadParameter("at", "'at' is no day.").extras() == {"parameter": "at"}


def test_near_names_are_offered() -> None:
    refused = UnknownName("person", "An Lee", [ANN])
    assert refused.extras() == {"suggestions": (ANN,)}
    fault = refused.at("/person")
    assert (fault.pointer, fault.code) == ("/person", "unknown_name")
    assert (fault.suggestions, fault.candidates) == ((ANN,), ())


def test_candidates_of_an_ambiguous_name_are_told() -> None:
    refused = AmbiguousName("person", "lee", [ANN, ANNA])
    assert refused.extras() == {"candidates": (ANN, ANNA)}
    fault = refused.at("/person")
    assert (fault.pointer, fault.code) == ("/person", "ambiguous_name")
    assert (fault.suggestions, fault.candidates) == ((), (ANN, ANNA))


def test_full_queue_says_when_to_come_back() -> None:
    assert QueueFull(500, 2).retry_after_seconds == 2


def test_value_is_shown_in_quotes() -> None:
    assert shown("Łukasz") == "'Łukasz'"


def test_value_cannot_act_on_a_terminal() -> None:
    assert shown("a\x1b[2J\x00\nb") == "'a�[2J��b'"
    assert shown("\N{RIGHT-TO-LEFT OVERRIDE}a") == "'�a'"


def test_long_value_is_shortened() -> None:
    assert shown("a" * 80) == f"'{'a' * 80}'"
    assert shown("a" * 81) == f"'{'a' * 77}…'"
