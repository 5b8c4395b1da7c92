"""What is run, with which settings, and how long it takes about."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """Some tests that run together, in full or quickly."""

    name: str
    tests: Sequence[str]
    settings: Mapping[str, str]
    quick_settings: Mapping[str, str]
    minutes: float
    """In full, on two cores; only for the time that is left."""
    processes: int = 2
    """Of pytest; faults have the machine for themselves."""
    keyword: str = ""
    """Tests that a quick run is limited to, as pytest selects them."""

    def arguments(self, *, is_quick: bool) -> list[str]:
        """For pytest."""
        processes = ["-n", str(self.processes)] if self.processes > 1 else []
        return [
            *self.tests,
            *processes,
            *(["-k", self.keyword] if is_quick and self.keyword else []),
        ]


PLAN = (
    Part(
        "faults",
        ["tests/faults"],
        {
            "TIMELINE_FAULTS_ROUNDS": "20",
            "TIMELINE_FAULTS_KILLS": "20",
            "TIMELINE_FAULTS_LINES": "1000000",
        },
        {"TIMELINE_FAULTS_KILLS": "2", "TIMELINE_FAULTS_EVENTS": "300"},
        minutes=20,
        processes=1,
        keyword="clock or (killed_at and service)",
    ),
    Part(
        "interleavings",
        ["tests/integration/recording/test_interleavings.py"],
        {"TIMELINE_INTERLEAVINGS": "all"},
        {},
        minutes=9,
        keyword="test_two_writers and same and lab",
    ),
    Part(
        "input over HTTP",
        [
            "tests/contract",
            "tests/integration/api/test_bad_input.py",
            "tests/integration/api/test_hostile_input.py",
        ],
        {"HYPOTHESIS_PROFILE": "long"},
        {"HYPOTHESIS_PROFILE": "dev"},
        minutes=18,
        keyword="fuzz or hostile",
    ),
    Part(
        "laws",
        ["tests/unit", "tests/fuzzing"],
        {"HYPOTHESIS_PROFILE": "long", "TIMELINE_FUZZING_SECONDS": "120"},
        {"HYPOTHESIS_PROFILE": "dev"},
        minutes=20,
        keyword="dates or identity or submissions",
    ),
)

EXAMPLES = {
    "tests/contract/test_fuzz.py": "texts, dates and whole events over HTTP, read back",
    "tests/unit/domain/test_dates.py": "dates",
    "tests/unit/domain/test_identity.py": "names",
    "tests/unit/domain/test_submissions.py": "payloads",
    "tests/unit/domain": "histories and days, to the laws of the fold",
    "tests/fuzzing": "bytes as dates, names and payloads",
    "tests/unit": "histories and values, to laws beside the fold",
}
"""What the examples of Hypothesis are, by the beginning of a test's id; the longest counts."""

CASES = {"tests/integration/api/test_bad_input.py": "bodies, queries and paths with faults"}
"""Tests that are one input each."""


def row_of(test: str, rows: Mapping[str, str]) -> str | None:
    """The row of *rows* by the longest beginning of a test's id."""
    found = [beginning for beginning in rows if test.startswith(beginning)]
    return rows[max(found, key=len)] if found else None
