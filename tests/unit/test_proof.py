"""The proof counts what its tests did, goes on where it ended, and the README shows its last word."""

from pathlib import Path

import pytest

from tests.proof import report
from tests.proof.plan import Part
from tests.proof.results import ROOT, Counted, Result, Source, add, begin, passed, read_results
from tests.proof.running import run

SOURCE = Source(commit="c0ffee", changes="", is_quick=True, seed=1)
KILLED = Counted("fault", "service killed", 20)
SOME = [
    Result("t.py::one", "faults", "passed", 60.0, [KILLED]),
    Result("t.py::two", "faults", "failed", 30.0, [Counted("fault", "service killed", 3)]),
    Result("t.py::three", "faults", "failed", 30.0),
    Result("t.py::four", "laws", "passed", 60.0, [Counted("input", "dates", 5_000)]),
    Result("t.py::five", "laws", "skipped", 0.0),
]
TESTS = """
from pathlib import Path
from hypothesis import given, settings, strategies as st
from tests.support.counted import count

def test_holds():
    count("fault", "service killed", 3)

def test_does_not_hold_yet():
    count("fault", "worker killed")
    assert (Path(__file__).parent / "mended").exists()

@given(st.integers())
@settings(max_examples=7)
def test_law(number):
    count("input", "numbers")
"""


def test_report_tells_what_was_lost_where() -> None:
    told = report.report_of(SOME, SOURCE, ["interleavings"], 180.0)
    assert [(row.what, row.number, list(row.lost)) for row in told.rows] == [
        ("service killed", 23, ["t.py::two"]),
        ("dates", 5_000, []),
    ]
    assert (told.tests, told.failed) == (2, ["t.py::three", "t.py::two"])
    shown = report.to_markdown(told)
    assert "| service killed | 23 | `two` |" in shown
    assert "| dates | 5,000 | 0 |" in shown
    assert "| **in all** | **5,000** | **nothing** |" in shown
    assert "- failed: `t.py::three`" in shown
    assert "not run to the end: interleavings" in shown


def test_results_are_kept_for_the_same_source_alone(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    assert begin(file, SOURCE) == []
    for each in SOME:
        add(file, each)
    add(file, Result("t.py::two", "faults", "passed", 30.0))
    with file.open("ab") as lines:
        lines.write(b'{"test":"t.py::six","pa')
    kept = begin(file, SOURCE)
    assert passed(kept) == {"t.py::one", "t.py::two", "t.py::four", "t.py::five"}
    assert [r.outcome for r in read_results(file) if r.test == "t.py::two"] == ["passed"]
    assert begin(file, Source(commit="c0ffee", changes="d1ff", is_quick=True, seed=1)) == []


def test_part_that_failed_goes_on_where_it_ended(tmp_path: Path) -> None:
    """With pytest as it is run, on three tests of which one fails at first."""
    (tmp_path / "test_three.py").write_text(TESTS)
    part = Part(
        "three",
        ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={tmp_path}", str(tmp_path)],
        settings={},
        quick_settings={},
        minutes=1,
        processes=1,
    )
    file = tmp_path / "out" / "results.jsonl"
    begin(file, SOURCE)
    told: list[tuple[int, int]] = []

    def once() -> dict[str, Result]:
        before = len(file.read_bytes().splitlines())
        done = sorted(passed(read_results(file)))
        assert run(part, file, done, is_quick=True, seed=1, tell=lambda *said: told.append(said))
        assert told[-1] == (len(file.read_bytes().splitlines()) - before,) * 2
        return {result.test.rpartition("::")[2]: result for result in read_results(file)}

    results = once()
    assert {name: r.outcome for name, r in results.items()} == {
        "test_holds": "passed",
        "test_does_not_hold_yet": "failed",
        "test_law": "passed",
    }, (tmp_path / "out" / "three.log").read_text()
    (numbers,) = results["test_law"].counted
    assert (numbers.what, numbers.number >= 7) == ("numbers", True)
    assert results["test_holds"].counted == [Counted("fault", "service killed", 3)]
    (tmp_path / "mended").touch()
    results = once()
    assert told[-1] == (1, 1), "the others are not run again"
    assert {r.outcome for r in results.values()} == {"passed"}


def test_readme_shows_the_last_report() -> None:
    last = report.read_report(report.LAST)
    assert report.shown_in_readme() == report.to_markdown(last)
    assert (last.failed, last.missing) == ([], [])
    assert {row.kind for row in last.rows} == set(report.HEADINGS)


@pytest.mark.parametrize("row", report.read_report(report.LAST).rows, ids=lambda row: row.what)
def test_nothing_was_lost(row: report.Row) -> None:
    assert row.number > 0
    assert row.lost == []
